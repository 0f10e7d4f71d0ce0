"""``pcapframe hosts``: who is in a capture, in the terminal or in a file."""

from __future__ import annotations

import argparse

from ._commands import (
    DONE,
    _check_output,
    _hand_over,
    _number,
    _open,
    _print,
    _say,
    _show_rows,
    _title,
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
    if _hand_over(given, frame, document):
        return DONE
    _say(f"{_title(capture)}: {_number(len(frame), 'host')}")
    if given.output:
        _print(f"rows written to {display(given.output)}")
    elif len(frame):
        _show_rows(frame[SHOWN], given.rows)
    return DONE
