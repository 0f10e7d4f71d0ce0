"""SQL over the packets of a capture, by DuckDB."""

from __future__ import annotations

import contextlib
import importlib
import json
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import _core, _flows
from ._batches import Batches
from ._columns import COMMON, FIELDS
from ._export import import_arrow
from ._info import warn

if TYPE_CHECKING:
    from ._reader import Capture

_TABLE, _FLOWS = "packets", "flows"
_ROWS = 1 << 17  # rows of a batch: enough to be fast, and little memory


def ask(capture: Capture, query: str) -> Any:
    """Answer a query on the table `packets`; see `Capture.sql`."""
    if not isinstance(query, str):
        raise TypeError(f"sql: a query is text, not {type(query).__name__}")
    import_arrow("Capture.sql")
    try:
        duckdb: Any = importlib.import_module("duckdb")
    except ImportError as error:
        raise ImportError("Capture.sql needs duckdb: pip install duckdb") from error
    with duckdb.connect() as connection:
        with contextlib.suppress(duckdb.Error):  # without its time zones DuckDB knows no other
            connection.execute("set TimeZone = 'UTC'")
        tree = _tree(connection, query)
        if tree is not None:  # what is wrong with the query is said before anything is read
            every = Batches(capture, tuple(FIELDS), _ROWS)
            connection.register(_TABLE, import_arrow("Capture.sql").schema(every).empty_table())
            if _is_named(_FLOWS, query, tree):
                connection.register(_FLOWS, import_arrow("Capture.sql").schema(_flow_batches(capture)).empty_table())
            connection.sql(query)
            for table in (_TABLE, _FLOWS):
                connection.unregister(table)
        columns = _columns(query, tree) if _is_named(_TABLE, query, tree) else ("frame_number",)
        return _answer(capture, connection, query, columns, _is_named(_FLOWS, query, tree))


def _flow_batches(capture: Capture) -> _flows.FlowBatches:
    return _flows.flow_batches(capture, "corrected", None, "published", _ROWS, {})


def _is_named(table: str, query: str, tree: Any) -> bool:
    """Whether a query may need this table."""
    return table in (re.findall(r"\w+", query.lower()) if tree is None else set(_words(tree)))


class _Table:
    """A table: each stream taken of it is one pass, whose outcome is kept."""

    def __init__(self, batches: Batches, outcomes: list[Any], stop: Any) -> None:
        self._batches, self._outcomes, self._stop = batches, outcomes, stop

    def __arrow_c_schema__(self) -> Any:
        return self._batches.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return self._batches._stream(self._outcomes.append, self._stop)


def _answer(capture: Capture, connection: Any, query: str, columns: tuple[str, ...], flows: bool) -> Any:
    outcomes: list[Any] = []
    stop = _core.Feed.make_stop()
    tables: dict[str, Batches] = {_TABLE: Batches(capture._stamped(columns), columns, _ROWS)}
    if flows:
        tables[_FLOWS] = _flow_batches(capture)
    for name, batches in tables.items():
        connection.register(name, _Table(batches, outcomes, stop))
    table, failed = _waited_for(connection, query, stop)
    for name in tables:
        connection.unregister(name)
    _core.Feed.drop_others()  # streams that DuckDB's threads let go
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome from None
    if failed is not None:
        raise failed
    faults = [fault for outcome in outcomes if outcome for fault in capture._found(outcome)]
    warn(list(dict.fromkeys(faults)), 5)
    return table


def _waited_for(connection: Any, query: str, stop: Any) -> tuple[Any, BaseException | None]:
    """The answer, or why there is none. DuckDB works beside this thread, which Ctrl-C can so end at once."""
    answers: list[Any] = [None]
    failures: list[BaseException] = []

    def work() -> None:
        try:
            relation = connection.sql(query)
            if relation is not None:
                answers[0] = relation.to_arrow_table()
        except BaseException as error:
            failures.append(error)
        finally:
            over.set()

    over = threading.Event()  # an interrupted join() takes a thread for ended that is not
    worker = threading.Thread(target=work, name="pcapframe-sql")
    worker.start()
    try:
        while not over.wait(0.02):
            pass
    except BaseException:
        _core.Feed.tell_stop(stop)
        connection.interrupt()
        over.wait()
        raise
    finally:
        worker.join()
    return answers[0], next(iter(failures), None)


def _tree(connection: Any, query: str) -> Any:
    """The query as DuckDB parses it; None for a statement that is no SELECT, or wrong."""
    tree = json.loads(connection.execute("select json_serialize_sql(?)", [query]).fetchall()[0][0])
    return None if tree.get("error") else tree


def _columns(query: str, tree: Any) -> tuple[str, ...]:
    """The columns a query may need: all that it names, and the common ones where it says ``*``."""
    if tree is None:
        words, star = set(re.findall(r"\w+", query.lower())), True
    else:
        words, star = set(_words(tree)), any(node.get("class") == "STAR" for node in _nodes(tree))
    columns = tuple(name for name in FIELDS if name in words or (star and name in COMMON))
    return columns or ("frame_number",)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(child)


def _words(tree: Any) -> Iterator[str]:
    """All texts in a parse tree, in small letters, as names are to DuckDB."""
    if isinstance(tree, str):
        yield tree.lower()
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _words(child)
