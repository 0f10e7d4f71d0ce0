"""The questions of one machine asked of many, through Dask: ``pip install 'pcapframe[dask]'``. docs/scaling.md.

Captures are cut into pieces, each worker opens the files itself and reads its own range, and answers are added in a
tree. They equal those of one machine: what a piece guessed is compared with what was found beside it, and asked again
where it was wrong.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import _flows as _options
from . import _opening, _ordered, _partial, _reader, _shuffle
from ._ordered import QUESTIONS
from ._questions import WholeCaptureError
from .errors import CaptureError

if TYPE_CHECKING:
    from ._counts import Counts, IocCounts
    from ._flows import FlowFrame
    from ._frame import Frame
    from ._indicators import Indicators
    from ._match import Hits
    from ._pieces import Partition
    from ._questions import Question
    from ._reader import Capture
    from .detectors import Findings

__all__ = ["count", "detect", "flows", "ioc_counts", "match", "packets", "score"]


SIZE = "256MB"
_ADDED_AT_ONCE = 8  # partials: few enough to be held together, enough to keep the tree low
_MOST_PARTS = 64  # of a shuffle: each piece's events are that many transfers


# --- the client ------------------------------------------------------------------------------------------------------


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise ImportError("pcapframe.cluster needs Dask: pip install 'pcapframe[dask]'", name="distributed") from error


def _client(client: Any) -> Any:
    """The client that was given, or the current one, whose workers have this package."""
    distributed = _distributed()
    if client is None:
        try:
            client = distributed.default_client()
        except ValueError:
            raise RuntimeError(
                "pcapframe.cluster: there is no Dask client: make one with dask.distributed.Client('tcp://HOST:8786'), "
                "or dask.distributed.Client() for the cores of this machine, or give client="
            ) from None
    if not isinstance(client, distributed.Client):
        raise TypeError(f"client: a dask.distributed.Client, not {type(client).__name__}")
    if client.asynchronous:
        raise TypeError("client: one with asynchronous=False, since answers are waited for")
    _check_workers(client)
    return client


def _check_workers(client: Any) -> None:
    """Raise where a worker has no pcapframe, or another."""
    here = importlib.import_module(__package__).__version__
    # Of the standard library, so that a worker can be asked which has nothing of ours.
    found = client.run(pkgutil.resolve_name, f"{__package__}:__version__", on_error="return")
    for worker, version in sorted(found.items()):
        if isinstance(version, ImportError):
            raise RuntimeError(
                f"worker {worker}: the package {__package__} is not installed there ({version}): "
                f"pip install {__package__}=={here} where the worker runs"
            )
        if isinstance(version, BaseException):
            raise RuntimeError(f"worker {worker}: cannot use {__package__}: {version}") from version
        if version != here:
            raise RuntimeError(
                f"worker {worker}: has {__package__} {version}, and here it is {here}: they must be equal"
            )


# --- pieces ----------------------------------------------------------------------------------------------------------


def _capture(captures: Any) -> Capture:
    if isinstance(captures, _reader.Capture):
        return captures
    return _opening.open(captures, progress=False)


def _same(value: Any) -> Any:
    return value


def _handed(client: Any, value: Any) -> Any:
    """A value that many tasks take: workers pass it on to each other, and a lost one is made again."""
    return client.submit(_same, value, pure=False)


def _fetched(client: Any, futures: Any) -> Any:
    """What futures hold, from the workers that have it: through the scheduler only where the client was told so, or
    cannot reach them."""
    return client.gather(futures, direct=True if client.direct_to_workers is None else None)


def _here() -> str:
    """The worker's address, for messages."""
    try:
        return f" (worker {_distributed().get_worker().address})"
    except ValueError:  # in no task
        return ""


def _asked(piece: Partition, question: str, given: tuple[tuple[Any, ...], dict[str, Any]]) -> _partial.Partial:
    try:
        return _partial.ask(piece, question, *given, threads=1)  # the task's own; others have the other cores
    except CaptureError as error:
        raise CaptureError(f"{error}{_here()}") from None


def _sum(*parts: Any) -> Any:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


def _tree(client: Any, futures: Sequence[Any]) -> Any:
    """The future of the sum; what is added goes before what is still to be read, so that little is held."""
    while len(futures) > 1:
        groups = [futures[at : at + _ADDED_AT_ONCE] for at in range(0, len(futures), _ADDED_AT_ONCE)]
        futures = [client.submit(_sum, *group, pure=False, priority=10) for group in groups]
    return futures[0]


def _whole(
    client: Any, pieces: Sequence[Partition], ask: Callable[[Sequence[Partition]], list[Any]]
) -> _partial.Partial:
    """The sum of the partials of all pieces, none of which is missing; what was guessed wrong is asked again."""
    whole: _partial.Partial = _fetched(client, _tree(client, ask(pieces)))
    # Each round has the exact start of one more piece at least, so there are no more rounds than pieces.
    for _ in pieces:
        missing = whole.missing()
        if not missing:
            break
        whole = whole + _fetched(client, _tree(client, ask(missing)))
    return whole


class _Piece(NamedTuple):
    """A piece that was read."""

    counters: Any
    events: Any
    """The future of all that it noted,"""
    parts: list[Any]
    """and those of the parts of that which were asked for."""


def _read(
    client: Any, pieces: Sequence[Partition], events: Callable[..., Any], job: Any, parts: Iterable[int | None] = ()
) -> tuple[_shuffle.Walk, list[_Piece]]:
    """How pieces were walked, and those that fit, in order; `parts` are numbers of parts, or None for all as one."""
    plan = pieces[0].plan
    there: dict[Any, tuple[_partial.Run, _Piece]] = {}
    given = _handed(client, job)
    todo: Sequence[Partition] = pieces
    for _ in (*pieces, None):
        if not todo:
            break
        read = [client.submit(_events, events, piece, given, pure=False) for piece in todo]
        heads = [client.submit(_head, future, pure=False, priority=10) for future in read]
        # Dealt while others are read; where a guess was wrong, in vain.
        dealt = [[client.submit(_part, future, part, pure=False, priority=10) for part in parts] for future in read]
        for (run, counters), future, mine in zip(client.gather(heads), read, dealt, strict=True):
            there[run.place] = run, _Piece(counters, future, mine)
        todo = _shuffle.missing(plan, [run for run, _ in there.values()])
    walked = _shuffle.walk(plan, [run for run, _ in there.values()])
    return walked, [there[each.run.place][1] for each in walked.before]


def _events(events: Callable[..., Any], piece: Partition, job: Any) -> Any:
    try:
        return events(piece, job)
    except CaptureError as error:
        raise CaptureError(f"{error}{_here()}") from None


def _head(events: _shuffle.Events) -> tuple[Any, Any]:
    return events.run, events.counters


def _part(events: _shuffle.Events, number: int | None) -> Any:
    return events.octets if number is None else events.octets[number]


def _cut(capture: Capture, size: Any, question: Question) -> list[Partition]:
    """Pieces that can be asked the question."""
    pieces = capture.partitions(size)
    if len(pieces) > 1:
        QUESTIONS[question.name].check(question, pieces[0].plan)
    return pieces


class _Flows:
    """The flows of a capture, by parts that workers have."""

    def __init__(
        self, capture: Capture, client: Any, size: Any, variant: str, compat: Any, names: str, given: Any
    ) -> None:
        question = QUESTIONS["flows"].resolve(variant, compat, names=names, **given)
        options = _ordered.flow_job(question, None).options
        self.client, self.capture = client, capture
        pieces = _cut(capture, None if _ordered.needs_whole_files(options) else size, question)
        slots = sum(self.client.nthreads().values())
        parts = 1 if _shuffle.one_part(options) else max(1, min(slots, _MOST_PARTS))
        self.job = _ordered.flow_job(question, pieces[0].plan.secret, parts)
        self.given = _handed(self.client, self.job)
        self.walked, self._read = _read(self.client, pieces, _shuffle.flow_events, self.job, range(parts))
        self.parts, self.counters = self._replayed()

    def _replay(self, octets: Sequence[Any]) -> Any:
        before = [each.packets for each in self.walked.before]
        return self.client.submit(_shuffle.replayed, self.given, before, *octets, pure=False)

    def _replayed(self) -> tuple[list[Any], dict[str, int]]:
        """Futures of what each part makes; of all parts as one where bounds on all flows together were reached."""
        read, self._read = self._read, []
        parts = [self._replay([piece.parts[number] for piece in read]) for number in range(self.job.parts)]
        made = self.client.gather([self.client.submit(_second, part, pure=False) for part in parts])
        if not _options.apart_is_whole(made, self.job.native):
            parts = [self._replay([self.client.submit(_part, piece.events, None, pure=False) for piece in read])]
            made = [self.client.submit(_second, parts[0], pure=False).result()]
        return parts, _ordered.counted([piece.counters for piece in read], made)

    def frame(self) -> FlowFrame:
        tables = [table for table, _ in _fetched(self.client, self.parts)]
        native = _shuffle.by_start(tables)
        faults = self.capture._faults + self.walked.faults
        return _options.FlowFrame(native, self.capture, faults, self.job.options, self.job.names, self.counters)


def _second(pair: tuple[Any, Any]) -> Any:
    return pair[1]


def _alone(client: Any, capture: Capture, name: str, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """The answer to what pieces cannot be asked: one worker reads all, with a thread for each core it may use."""
    plan = capture.partitions(None)[0].plan
    given = _handed(client, (name, arguments, keywords))
    found: _shuffle.Answer = _fetched(client, client.submit(_asked_alone, plan, given, pure=False))
    return found.of(capture)


def _asked_alone(plan: Any, given: tuple[Any, ...]) -> _shuffle.Answer:
    try:
        return _shuffle.alone(plan, *given)
    except CaptureError as error:
        raise CaptureError(f"{error}{_here()}") from None


def _kept(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that may be looked at more than once, here and by each worker."""
    return {name: list(value) if isinstance(value, Iterator) else value for name, value in given.items()}


def _answer(
    captures: Any, client: Any, size: Any, question: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    client, capture, keywords = _client(client), _capture(captures), _kept(keywords)
    pieces = capture.partitions(size)
    kind = QUESTIONS[question]
    try:
        asked = kind.resolve(*arguments, **keywords)
        if len(pieces) > 1:
            kind.check(asked, pieces[0].plan)
    except WholeCaptureError:
        return _alone(client, capture, question, arguments, keywords)
    given = _handed(client, (arguments, keywords))

    def ask(some: Sequence[Partition]) -> list[Any]:
        return [client.submit(_asked, piece, question, given, pure=False) for piece in some]

    return _whole(client, pieces, ask).finish()


def ioc_counts(captures: Any, client: Any = None, size: Any = SIZE, **arguments: Any) -> IocCounts:
    """Count indicators of compromise, as `Capture.ioc_counts` does.

    Parameters
    ----------
    captures : Capture, path, glob pattern, URL or list of these
        What `pcapframe.open` takes by name. The client looks at the files, too, to cut them.
    client : dask.distributed.Client, optional
        By default the current one.
    size : text or int
        Octets of a piece, such as ``"256MB"``.
    **arguments
        Those of `Capture.ioc_counts`.

    Returns
    -------
    IocCounts

    Raises
    ------
    ImportError
        Dask is not installed.
    RuntimeError
        There is no client, or a worker has no pcapframe or another version of it.
    CaptureError
        A worker does not see a file, or a file changed since it was cut.
    """
    found: IocCounts = _answer(captures, client, size, "ioc_counts", (), arguments)
    return found


def count(captures: Any, *fields: str, client: Any = None, size: Any = SIZE, **arguments: Any) -> Counts | Frame:
    """Count packets by the values of fields, as `Capture.count` does.

    Parameters
    ----------
    captures, client, size
        As for `ioc_counts`.
    *fields, **arguments
        Those of `Capture.count`. What pieces cannot be asked, such as ``distinct``, one worker reads all files for.

    Returns
    -------
    Counts or Frame

    Raises
    ------
    CaptureError
        As for `ioc_counts`.
    """
    found: Counts | Frame = _answer(captures, client, size, "count", fields, arguments)
    return found


def flows(
    captures: Any, variant: str = "corrected", compat: str | None = None, *, client: Any = None, size: Any = SIZE,
    names: str = "published", **options: Any,
) -> FlowFrame:  # fmt: skip
    """Put packets together into flows, as `Capture.flows` does: exact across pieces and files.

    Each worker turns its pieces into events (some 100 octets a packet) and deals them by the key of their flow; a
    worker that replays a part gets it from those who have it. Events of all packets are in the memory of the
    workers together until they are replayed.

    Parameters
    ----------
    captures, client, size
        As for `ioc_counts`.
    variant, compat, names, **options
        Those of `Capture.flows`. ``sort`` and ``dedup_us`` look at all packets in order, so one worker replays them;
        ``extra`` columns of messages (tls, dns, http, retrans) depend on all before, so one worker reads all files.

    Returns
    -------
    FlowFrame
        The rows of one machine, in the same order.

    Raises
    ------
    CaptureError
        As for `ioc_counts`.
    ValueError
        As for `Capture.flows`.
    """
    client, capture, options = _client(client), _capture(captures), _kept(options)
    try:
        made = _Flows(capture, client, size, variant, compat, names, options)
    except WholeCaptureError:
        alone: FlowFrame = _alone(client, capture, "flows", (variant, compat), {"names": names, **options})
        return alone
    frame = made.frame()
    _shuffle.tell(made.walked)
    return frame


def score(captures: Any, model: Any, reasons: int = 0, *, client: Any = None, size: Any = SIZE) -> Frame:
    """Tell what a model takes the flows of captures for, as `pcapframe.models.score` does.

    Parameters
    ----------
    captures, client, size
        As for `ioc_counts`.
    model : Pipeline or path
        A fitted one, or a saved one; the client reads it, and workers get it from each other.
    reasons : int
        So many features per flow that say why, for the first 1,000 flows that are not benign. With it the client
        scores.

    Returns
    -------
    Frame
        The rows of one machine, by start time of the flow, then first packet.

    Raises
    ------
    ValueError
        As for `pcapframe.models.score`.
    CaptureError
        As for `ioc_counts`.
    """
    from . import _models_score, models
    from ._made import frame_of_values, joined

    if isinstance(model, str) or hasattr(model, "__fspath__"):
        model = models.load(model)
    options = _models_score.check_makes_flows(model)
    client, capture = _client(client), _capture(captures)
    try:
        made = _Flows(capture, client, size, names="published", given={}, **options)
    except WholeCaptureError:
        return models.score(_alone(client, capture, "flows", (), options), model, reasons)
    if reasons:
        found: Frame = models.score(made.frame(), model, reasons)
    else:
        handed = _handed(made.client, model)
        futures = [made.client.submit(_shuffle.scored, part, made.given, handed, pure=False) for part in made.parts]
        tables = [table for table in _fetched(made.client, futures) if table is not None]
        if not tables:
            raise ValueError(f"score: no flows in {', '.join(made.capture.files)}")
        columns = {name: joined([table[name] for table in tables]) for name in tables[0]}
        order = np.lexsort([columns["flow_id"].values, columns["flow_start"].values])
        columns = {name: column.taken(order) for name, column in columns.items()}
        told = {"flows": {**made.job.options, "names": made.job.names}}
        found = frame_of_values(columns, _models_score.NULLABLE, len(order), made.capture, told)
    _shuffle.tell(made.walked)
    return found


def detect(
    captures: Any, *, only: Iterable[str] | str | None = None, window: Any = None, client: Any = None, size: Any = SIZE,
    **thresholds: Any,
) -> Findings:  # fmt: skip
    """Look for scans, floods, guessed passwords and the rest, as `pcapframe.detect` does.

    Workers turn their pieces into events; one of them replays them all in order and judges, so that what it holds is
    bounded as on one machine, besides the events.

    Parameters
    ----------
    captures, client, size
        As for `ioc_counts`.
    only, window, **thresholds
        Those of `pcapframe.detect`.

    Returns
    -------
    Findings
        The rows of one machine.

    Raises
    ------
    TypeError, ValueError
        As for `pcapframe.detect`.
    CaptureError
        As for `ioc_counts`.
    """
    asked = _kept({"only": only, "window": window, **thresholds})
    question = QUESTIONS["detect"].resolve(**asked)
    client, capture = _client(client), _capture(captures)
    try:
        pieces = _cut(capture, size, question)
    except WholeCaptureError:
        alone: Findings = _alone(client, capture, "detect", (), asked)
        return alone
    walked, read = _read(client, pieces, _shuffle.noted, question, [None])
    before = [each.packets for each in walked.before]
    states = [piece.parts[0] for piece in read]
    rows, counters = _fetched(client, client.submit(_shuffle.detected, question, before, *states, pure=False))
    found = _ordered.search(question).told(rows, counters, capture, capture._faults + walked.faults)
    _shuffle.tell(walked)
    return found


def packets(
    captures: Any, columns: Iterable[str] | str | None = None, *, client: Any = None, size: Any = SIZE,
    strings: str = "category",
) -> Any:  # fmt: skip
    """Return all packets as a Dask DataFrame, a partition for each piece, in file order.

    The pieces are walked once at the call, so that their starts, and the numbers and times of their packets, are exact;
    packets are decoded when Dask wants a partition.

    Parameters
    ----------
    captures, client, size
        As for `ioc_counts`.
    columns : list of names, groups or patterns, optional
        Those of `Capture.packets`, but what depends on connections (``tcp_stream``, ``tcp_analysis_*``, ``flow_id``)
        and on messages in several segments (DNS, TLS). By default the common ones but these.
    strings : "category" or "str"
        The dtype of text columns, as `Frame.to_pandas` has it. Categories are known when a partition is.

    Returns
    -------
    dask.dataframe.DataFrame
        With the dtypes of `Frame.to_pandas`, but octets as Arrow's ``large_binary``; rows of each partition are
        numbered from 0.

    Raises
    ------
    ImportError
        dask.dataframe, pandas or pyarrow is not installed.
    KeyError
        No such column; the nearest are named.
    CaptureError
        As for `ioc_counts`; a column that pieces cannot tell.
    """
    try:
        frames: Any = importlib.import_module("dask.dataframe")
    except ImportError as error:
        raise ImportError("cluster.packets needs Dask's tables: pip install 'pcapframe[dask]'", name="dask") from error
    client, capture = _client(client), _capture(captures)
    pieces = capture.partitions(size)
    plan = pieces[0].plan
    question = _shuffle.packets_question(columns, plan)
    meta = _shuffle.packets_meta(question, strings)
    walked, _ = _read(client, pieces, _shuffle.walk_only, None)
    exact = _shuffle.exact_pieces(plan, walked)
    _shuffle.tell(walked)
    if not exact:
        return frames.from_pandas(meta, npartitions=1)
    return frames.from_map(
        _shuffle.packets_of,
        exact,
        question=question,
        strings=strings,
        meta=meta,
        label="packets",
        enforce_metadata=False,
    )


def match(
    captures: Any, indicators: Indicators, *, flows: Any = False, by_file: bool = False, client: Any = None,
    size: Any = SIZE,
) -> Hits:  # fmt: skip
    """Look for indicators in all packets, as `Capture.match` does.

    Names and addresses stand in messages, too, which may lie in several pieces or files. Indicators that never do
    (``url`` and ``user_agent``) are looked for in pieces; else one worker reads the capture, with one thread for each
    core that it may use, or each file has a worker, with `by_file`.

    Parameters
    ----------
    captures, client, size
        As for `ioc_counts`.
    indicators, flows
        Those of `Capture.match`.
    by_file : bool
        Read each file by itself. These are the rows of one machine for files that share no connection; a message that
        begins in one file and ends in the next is not put together.

    Returns
    -------
    Hits
        The rows of one machine.

    Raises
    ------
    TypeError
        Something else than indicators; `flows` with `by_file`.
    CaptureError
        As for `ioc_counts`.
    """
    from ._indicators import Indicators as Known
    from ._match import hits_of

    if not isinstance(indicators, Known):
        raise TypeError(f"match: Indicators are needed, not {type(indicators).__name__}")
    if by_file and flows is not False:
        raise TypeError("match: flows= goes through all files in order, and by_file= through none")
    client, capture = _client(client), _capture(captures)
    try:
        question = QUESTIONS["match"].resolve(indicators, flows=flows)
        digest, apart = question.asked
        if by_file and not apart:  # who asks says that no message goes from one file to the next
            question, size = replace(question, asked=(digest, True)), None
        pieces = _cut(capture, size, question)
    except WholeCaptureError:
        pieces = []
    if len(pieces) > 1:
        walked, read = _read(client, pieces, _shuffle.noted, question, [None])
        tables = _fetched(client, [piece.parts[0] for piece in read])
        _shuffle.tell(walked)
        return hits_of(_ordered.hits_joined(walked.before, tables), capture, capture._faults + walked.faults)
    found: Hits = _alone(client, capture, "match", (indicators,), {"flows": flows})
    return found
