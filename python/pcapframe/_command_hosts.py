"""``pcapframe hosts``: who is in a capture, in the terminal or in a file."""

from __future__ import annotations

import argparse

from ._commands import (
    DONE,
    _check_output,
    _json,
    _number,
    _open,
    _print,
    _records,
    _say,
    _show_rows,
    _title,
    _write_frame,
)
from ._text import display

SUFFIXES = (".csv", ".json", ".parquet", ".arrow")
SHOWN = ["address", "names", "users", "macs", "roles", "systems", "services", "packets_sent", "packets_received"]


def hosts(given: argparse.Namespace) -> int:
    capture = _open(given)
    if given.output:
        _check_output(given.output, SUFFIXES, capture)
    frame = capture.hosts()
    document = {"files": capture.files, "hosts": len(frame)}
    if given.output:
        document["output"] = given.output
        _write_frame(given.output, frame, document)
    if given.json:
        _json(document, None if given.output else _records(frame))
        return DONE
    _say(f"{_title(capture)}: {_number(len(frame), 'host')}")
    if given.output:
        _print(f"rows written to {display(given.output)}")
    elif len(frame):
        _show_rows(frame[SHOWN], given.rows)
    return DONE
