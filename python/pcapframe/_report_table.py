"""The tables of a report: sorted, filtered and unfolded by the page's script, and whole without it."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from ._display import duration, size, when
from ._text import legible

ROWS = 100
"""Rows of a table at most: who wants more asks for a Frame."""
FIRST = 10
"""Rows that are seen before all are asked for; paper has all."""
_FEW = 14  # rows that are not folded: it would save next to nothing
_SHORT = 5  # rows in which nobody has to search
_LONG = 40  # characters of a cell that may be broken anywhere; an address is no longer


def safe(value: Any) -> str:
    """A cell, safe in HTML; text off the wire has its escapes already."""
    return "" if value is None else html.escape(legible(str(value)))


def _number(value: int) -> str:
    return f'<td class="n" data-v="{value}">{value:,}</td>'


def _octets(value: int) -> str:
    return f'<td class="n" data-v="{value}">{size(value)}</td>'


def _port(value: int) -> str:
    return f'<td class="n" data-v="{value}">{value}</td>'


def _when(value: int | None) -> str:
    return f'<td class="whole" data-v="{value or 0}">{html.escape(when(value, 0))}</td>'


def _words(value: Any) -> str:
    text = safe(value)
    if value is not None and not text.strip():
        return '<td class="none">(empty)</td>'
    return f'<td class="long">{text}</td>' if len(text) > _LONG else f"<td>{text}</td>"


def _whole(value: Any) -> str:
    return f'<td class="whole">{safe(value)}</td>'


def _grade(value: str) -> str:
    place = _GRADES.index(value)
    return f'<td class="{value}" data-v="{place}">{value}</td>'


def _lasted(value: int) -> str:
    return f'<td class="whole" data-v="{value}">{duration(value)}</td>'


_GRADES = ("high", "medium", "low")
_CELLS: dict[str, Callable[[Any], str]] = {
    "n": _number, "octets": _octets, "port": _port, "when": _when, "whole": _whole, "grade": _grade,
    "lasted": _lasted, "": _words,
}  # fmt: skip
_RIGHT = ("n", "octets", "port")


def table(
    key: str,
    caption: str,
    columns: dict[str, str],
    rows: list[tuple[Any, ...]],
    total: int | None = None,
    *,
    least: bool = False,
) -> str:
    """A table that can be sorted and filtered, with its heading.

    Parameters
    ----------
    key : str
        Its identifier in the page.
    caption : str
        What its rows are.
    columns : dict
        Heading to kind: ``n`` (a number), ``octets``, ``port``, ``when`` (ns), ``whole`` (text that is not broken),
        ``grade`` (a severity), ``lasted`` (ns), ``""`` (text).
    rows : list of tuple
        At most `ROWS` are shown.
    total : int, optional
        How many rows there would be, where `rows` has not all of them.
    least : bool
        There may be more than `total` or `rows`.
    """
    if not rows:
        return f'<p class="none">{html.escape(caption)}: none.</p>'
    kinds = list(columns.values())
    head = "".join(
        f'<th scope="col"{" class=n" if kind in _RIGHT else ""}><button type="button">{html.escape(name)}</button></th>'
        for name, kind in columns.items()
    )
    body = "".join(
        "<tr>"
        + "".join(_CELLS[kind if cell is not None else ""](cell) for kind, cell in zip(kinds, row, strict=True))
        + "</tr>\n"
        for row in rows[:ROWS]
    )
    shown, total = min(len(rows), ROWS), len(rows) if total is None else total
    more = f"{total:,} or more" if least else f"{total:,}"
    of = f" <small>(the first {shown:,} of {more})</small>" if total > shown or least else ""
    search = (
        f'<label class="filter"><output for="{key}-filter"></output> Filter '
        f'<input type="search" id="{key}-filter" data-for="{key}" autocomplete="off"></label>'
        if shown > _SHORT
        else ""
    )
    unfold = (
        f'<button type="button" class="more" aria-controls="{key}" aria-expanded="true" hidden>'
        f"Show all {shown:,} rows</button>"
        if shown > _FEW
        else ""
    )
    return (
        f'<div class="top"><h3 id="{key}-h">{html.escape(caption)}{of}</h3>{search}</div>'
        f'<div class="table" tabindex="0" role="region" aria-labelledby="{key}-h"><table id="{key}" '
        f'aria-labelledby="{key}-h"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{unfold}'
    )
