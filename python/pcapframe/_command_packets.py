"""``pcapframe packets``: packets as rows, in the terminal or in a file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from ._batches import Batches
from ._columns import COMMON, FIELDS, columns
from ._commands import (
    DONE,
    SHOWN,
    Usage,
    _check_output,
    _json,
    _list,
    _number,
    _open,
    _print,
    _records,
    _say,
    _show_rows,
    _title,
)
from ._text import display

CAPTURES = (".pcap", ".cap", ".pcapng")
TABLES = (".parquet", ".arrow", ".csv", ".json", ".jsonl")
ROWS_AT_ONCE = 100_000


def packets(given: argparse.Namespace) -> int:
    if given.list:
        return _columns(given)
    if not given.files:
        raise Usage("a capture is needed (pcapframe packets --help)")
    names = tuple(given.columns or (COMMON if given.json or given.output else SHOWN))
    capture = _open(given, names)
    if given.output:
        _check_output(given.output, (*CAPTURES, *TABLES), capture)
        as_capture = given.output.lower().endswith(CAPTURES)
        if as_capture and given.columns:
            raise Usage("--columns are of a table, and a capture holds packets as they are")
        written = capture.write(given.output) if as_capture else capture.batches(names).write(given.output)
        document = {"files": capture.files, "packets": written, "output": given.output}
        if given.json:
            _json(document)
        else:
            what = _number(written, "packet" if as_capture else "row")
            _say(f"{_title(capture)}: {what} written to {display(given.output)}")
        return DONE
    batches = capture.batches(names, rows=min(given.rows, ROWS_AT_ONCE) + 1 if not given.json else ROWS_AT_ONCE)
    if given.json:
        _json({"files": capture.files, "columns": list(names)}, _every_record(batches))
        return DONE
    head = next(iter(islice(batches, 1)), None)
    _print(_title(capture))
    if head is None:
        _print("no packets")
        return DONE
    _show_rows(head[: given.rows], given.rows)
    if len(head) > given.rows:
        _say(f"only the first {_number(given.rows, 'packet')}: --rows N shows more, -o FILE writes all of them")
    return DONE


def _every_record(batches: Batches) -> Iterator[dict[str, Any]]:
    for frame in batches:
        yield from _records(frame)


def _columns(given: argparse.Namespace) -> int:
    """What there is to ask for."""
    found = columns(*given.columns) if given.columns else list(FIELDS.values())
    if given.json:
        _json({"columns": [field._asdict() for field in found]})
        return DONE
    groups: dict[str, list[Sequence[str]]] = {}
    for field in found:
        groups.setdefault(field.group, []).append((field.name, field.kind, field.doc))
    _list([row for rows in groups.values() for row in (("", "", ""), *rows)][1:])
    _print("")
    _say("The catalogue's groups (tcp, dns, ...) and patterns such as 'tcp_*' stand for their columns.")
    return DONE
