"""``pcapframe counts --by ...``: packets grouped by fields, in the terminal or in a file."""

from __future__ import annotations

import argparse
from typing import Any

from ._commands import (
    DONE,
    ROWS,
    Usage,
    _check_output,
    _hand_over,
    _number,
    _open,
    _print,
    _say,
    _show_rows,
    _title,
)
from ._group import ASKS, check_question
from ._text import display

GROUPED = ("by", "every", *ASKS, "gaps", "fill", "approx", "keep_nulls", "rows")
INDICATORS = {"kind": "--kind", "sigma": "--sigma", "compat": "--compat", "dns_rule": "--dns-rule",
              "seq_rule": "--seq-rule"}  # fmt: skip


def is_grouped(given: argparse.Namespace) -> bool:
    """Whether fields, bins or aggregates are asked for rather than the indicators."""
    return any(getattr(given, name) not in (None, False) for name in GROUPED)


def counts(given: argparse.Namespace) -> int:
    for name, option in INDICATORS.items():
        if getattr(given, name) is not None:
            raise Usage(f"{option} is about the indicator counts, not about those of --by, --every and aggregates")
    asked = {ask: getattr(given, ask) for ask in ASKS}
    flags = {name: bool(getattr(given, name)) for name in ("gaps", "fill", "approx")}
    question = check_question(
        tuple(given.by or ()), given.every, asked, top=given.top, dropna=not given.keep_nulls, **flags
    )
    capture = _open(given, (*question.fields, *(name for _, name in question.aggregates)))
    if given.output:
        _check_output(given.output, (".csv", ".json"), capture)
    try:
        frame = capture._grouped(question)
    except OverflowError as error:
        raise Usage(str(error)) from None
    document: dict[str, Any] = {
        "files": capture.files,
        "by": list(question.fields),
        "every": question.every or None,
        **{ask: names or [] for ask, names in asked.items()},
        **flags,
        "keep_nulls": question.keep_nulls,
        "top": given.top,
        "groups": len(frame),
    }
    if _hand_over(given, frame, document):
        return DONE
    _say(f"{_title(capture)}: {_number(len(frame), 'row')}")
    if given.output:
        _print(f"rows written to {display(given.output)}")
    elif len(frame):
        _show_rows(frame, given.rows if given.rows is not None else max(ROWS, given.top or 0))
    return DONE
