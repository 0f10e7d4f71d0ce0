"""Text for a terminal: nothing from a packet can steer it, and numbers are as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ._text import display

_CLIP = 48  # characters of a cell: the longest address is shorter


def printable(text: str) -> str:
    """Return `text` as `display` does, but with the backslashes it has: for what has been made safe once already."""
    return text if text.isascii() and text.isprintable() else "\\".join(map(display, text.split("\\")))


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


def table(names: Sequence[str], rows: Sequence[Sequence[str]], right: set[str], width: int) -> tuple[list[str], int]:
    """Return lines of a table, and how many columns fit into `width` characters (one always does)."""
    cells = [[clip(printable(cell)) for cell in row] for row in [names, *rows]]
    widths = [max(len(row[n]) for row in cells) for n in range(len(names))]
    fit = len(widths)
    while fit > 1 and sum(widths[:fit]) + 2 * fit > width:
        fit -= 1
    lines = [
        "  "
        + "  ".join(
            cell.rjust(wide) if name in right else cell.ljust(wide)
            for name, cell, wide in zip(names[:fit], row, widths, strict=False)
        ).rstrip()
        for row in cells
    ]
    return lines, fit


def clip(text: str) -> str:
    return text if len(text) <= _CLIP else text[: _CLIP - 3] + "..."
