"""Text for a terminal: nothing from a packet can steer it, and numbers are as people write them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from ._text import legible

_CLIP = 48  # characters of a cell where others need the room: the longest address is shorter
_LONGEST = 200  # of any: what stands in a line is still read


def width() -> int:
    """Return how many characters a line of text may have."""
    return shutil.get_terminal_size((100, 24)).columns


def room() -> int | None:
    """Return how many characters a line of a table may have: None into a file or pipe, which has no edge."""
    asked = os.environ.get("COLUMNS", "")
    return width() if (asked.isdecimal() and int(asked)) or sys.stdout.isatty() else None


def printable(text: str) -> str:
    """Return `text` as `display` does, but with the backslashes it has: for what has been made safe once already."""
    return text if text.isascii() and text.isprintable() else legible(text)


def size(octets: int) -> str:
    """Return a number of octets as people write it, such as ``13.2 GB``."""
    value, unit = float(octets), "octets"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{octets} octets" if unit == "octets" else f"{value:.{digits}f} {unit}"


def when(time: int | None, digits: int = 6) -> str:
    """Return nanoseconds since the epoch as date and time, UTC; more digits are cut off, not rounded."""
    if time is None:
        return "unknown"
    seconds, fraction = divmod(time, 1_000_000_000)
    try:
        return (
            f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{fraction:09d}"[: 20 + digits].rstrip(".") + "Z"
        )
    except (OverflowError, ValueError, OSError):  # a year that no calendar of the system has
        return f"{time} ns"


def duration(nanoseconds: int) -> str:
    """Return a length of time as people write it, such as ``2 h 05 min``."""
    seconds = nanoseconds / 1_000_000_000
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02} h"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def percent(part: int, whole: int) -> str:
    """Return a share; only what is whole is 100 %."""
    share = 100 * part / whole if whole else 100.0
    return f"{min(share, 99.999) if part < whole else share:.3f} %"


def table(
    names: Sequence[str], rows: Sequence[Sequence[str]], right: set[str], width: int | None
) -> tuple[list[str], int]:
    """Return lines of a table, and how many columns fit into `width` characters (one always does)."""
    cells = [[printable(cell) for cell in row] for row in [names, *rows]]
    wanted = [min(max(len(row[n]) for row in cells), _LONGEST) for n in range(len(names))]
    widths, fit = _widths(wanted, width)
    lines = [
        "  "
        + "  ".join(
            clip(cell, wide).rjust(wide) if name in right else clip(cell, wide).ljust(wide)
            for name, cell, wide in zip(names[:fit], row, widths, strict=False)
        ).rstrip()
        for row in cells
    ]
    return lines, fit


def _widths(wanted: list[int], width: int | None) -> tuple[list[int], int]:
    """The widths of columns, and how many fit. Where all that fit leave room, those that were cut get of it."""
    if width is None:
        return wanted, len(wanted)
    widths = [min(each, _CLIP) for each in wanted]
    fit = len(widths)
    while fit > 1 and sum(widths[:fit]) + 2 * fit > width:
        fit -= 1
    spare = max(0, width - sum(widths[:fit]) - 2 * fit)
    for n in range(fit):
        more = min(wanted[n] - widths[n], spare)
        widths[n] += more
        spare -= more
    return widths, fit


def one_day(rows: Sequence[Sequence[str]], places: Sequence[int]) -> tuple[str, list[list[str]]]:
    """Return the day that all times in these columns are of, and the rows with the time of day; else ``""``."""
    days = {row[n].partition(" ")[0] for row in rows for n in places if row[n]}
    if len(days) != 1 or "-" not in (day := days.pop()):
        return "", []
    cut = len(day) + 1
    short = [[cell[cut:].rstrip("Z") if n in places else cell for n, cell in enumerate(row)] for row in rows]
    return day, short


def clip(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."
