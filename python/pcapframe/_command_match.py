"""The verb ``match``: indicators of feeds, looked for in a capture."""

from __future__ import annotations

import argparse
from typing import Any

from ._arguments import captures_among
from ._commands import (
    DONE,
    Usage,
    _check_output,
    _hand_over,
    _number,
    _open,
    _print,
    _records,
    _say,
    _show_rows,
    _title,
)
from ._indicators import Indicators
from ._text import display

SUFFIXES = (".csv", ".json")


def match(given: argparse.Namespace) -> int:
    captures_among(given, ("indicators", "allow"))
    capture = _open(given)
    if given.output:
        _check_output(given.output, SUFFIXES, capture)
    found = Indicators.read(
        *given.indicators,
        allow=given.allow,
        subdomains=False if given.exact else None,
        ports=not given.any_port,
        context=given.context,
    )
    if not len(found):
        reason = next(iter(found.skipped), "they are empty")
        raise Usage(f"--indicators: nothing to look for in these feeds ({reason})")
    hits = capture.match(found)
    summary = hits.summary()
    document: dict[str, Any] = {
        "files": capture.files,
        "indicators": len(found),
        "allowed": len(found.allowed),
        "skipped": dict(found.skipped),
        "hits": len(hits),
        "summary": list(_records(summary)),
    }
    if _hand_over(given, hits, document):
        return DONE
    _say(f"{_number(len(found), 'indicator')}, {found.skipped.total:,} skipped, {len(found.allowed):,} allowed")
    if given.skipped:
        _print(*str(found.skipped).splitlines())
    _say(f"{_title(capture)}: {_number(len(hits), 'hit')} of {_number(len(summary), 'indicator')}")
    if len(summary):
        _show_rows(summary, given.rows)
    if given.output:
        _print("", f"hits written to {display(given.output)}")
    return DONE
