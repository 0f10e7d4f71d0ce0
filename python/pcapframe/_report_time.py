"""The timeline of a report: octets per bin by protocol, as a drawing in which a range can be marked."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterable, Iterator

import numpy as np

from ._display import duration, size, when
from ._frame import Frame
from ._text import legible

BINS = 240  # at most: each is then a few pixels wide
SHOWN = 5  # protocols; the others are one
_S = 1_000_000_000
_WIDTHS: list[int] = [
    *(factor * 10**power for power in range(3, 9) for factor in (1, 2, 5)),
    *(seconds * _S for seconds in (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400)),
    *(weeks * 604_800 * _S for weeks in (1, 2, 5, 10, 20, 50, 100, 200)),  # the last: all times there are
]
_NARROW: list[int] = [  # each divides the next
    *(10**power for power in range(3, 9)), *(n * _S for n in (1, 10, 60, 600, 3600, 86_400, 604_800, 6_048_000)),
]  # fmt: skip
_MOST = 24 * BINS  # narrow bins: so many that the next wider ones, 24 times as wide at most, are narrow enough, too
_Rows = Iterable[tuple[int, str, int, int]]
_HIGH = 1000  # units of the drawing from the bottom to the top; across, a bin is one
_TICKS = 6  # along the time, at most
_STEPS: list[int] = [
    *(factor * 10**power for power in range(9) for factor in (1, 2, 5)),
    *(n * _S for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)),
    *(days * 86_400 * _S for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)),
]


def bin_width(span: int) -> int:
    """The least width, in ns, with which a span of time has no more than `BINS` bins."""
    return next(width for width in _WIDTHS if span // width + 2 <= BINS)


class Bins:
    """Packets and octets by time and protocol, while nobody knows yet how long a capture is: in the narrowest bins of
    `_NARROW` with which there are few enough. Each of `_WIDTHS` is a multiple of one that is narrow enough for it.
    """

    def __init__(self) -> None:
        self.first: int | None = None
        self.last: int | None = None
        self._narrow = 0
        self._found: dict[tuple[str, int], list[int]] = {}

    def add(self, frame: Frame) -> None:
        """Add packets; `frame` has ``frame_time``, ``frame_len`` and ``protocol``."""
        timed, protocols = frame["frame_time"], frame["protocol"]
        there = slice(None) if timed.valid is None else timed.valid
        times, codes, octets = timed.values[there], protocols.codes[there], frame["frame_len"].values[there]
        if not len(times):
            return
        self._reach(int(times.min()), int(times.max()))
        width = _NARROW[self._narrow]
        at = times // width
        least = int(at.min())
        keys, inverse = np.unique(codes.astype(np.int64) << 32 | (at - least), return_inverse=True)
        packets, sums = np.bincount(inverse), np.bincount(inverse, weights=octets)  # exact below 2^53
        names = protocols.categories
        for key, more, size_of in zip(keys.tolist(), packets.tolist(), sums.tolist(), strict=True):
            each = self._found.setdefault((names[key >> 32], (key & 0xFFFFFFFF) + least), [0, 0])
            each[0] += more
            each[1] += int(size_of)

    def _reach(self, first: int, last: int) -> None:
        """Take in a span of time, in wider bins where there would be too many."""
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
        before = self._narrow
        while self.last // _NARROW[self._narrow] - self.first // _NARROW[self._narrow] >= _MOST:
            self._narrow += 1
        if self._narrow != before:
            self._found = self._wider(_NARROW[self._narrow] // _NARROW[before])

    def _wider(self, factor: int) -> dict[tuple[str, int], list[int]]:
        found: dict[tuple[str, int], list[int]] = {}
        for (name, at), (packets, octets) in self._found.items():
            each = found.setdefault((name, at // factor), [0, 0])
            each[0] += packets
            each[1] += octets
        return found

    def rows(self, width: int) -> Iterator[tuple[int, str, int, int]]:
        """Start (ns), protocol, packets and octets of bins of one of `_WIDTHS`."""
        factor = width // _NARROW[self._narrow]
        for (name, at), (packets, octets) in self._wider(factor).items():
            yield at * width, name, packets, octets


def _series(rows: _Rows, first: int, width: int, bins: int) -> list[tuple[str, list[int], list[int]]]:
    """Octets and packets per bin of the protocols with the most octets, and of all others."""
    start = first // width
    found: dict[str, tuple[list[int], list[int]]] = {}
    for time, protocol, packets, octets in rows:
        each = found.setdefault(protocol, ([0] * bins, [0] * bins))
        at = time // width - start
        each[0][at] += octets
        each[1][at] += packets
    order = sorted(found, key=lambda name: (-sum(found[name][0]), name))
    series = [(name, *found[name]) for name in order[:SHOWN]]
    rest = order[SHOWN:]
    if len(rest) == 1:
        series.append((rest[0], *found[rest[0]]))
    elif rest:
        sums = [[sum(each) for each in zip(*(found[name][which] for name in rest), strict=True)] for which in (0, 1)]
        series.append((f"{len(rest)} others", sums[0], sums[1]))
    return series


def timeline(counted: Bins) -> str:
    """Return the drawing, its legend with sums, and the two handles that mark a range."""
    first, last = counted.first, counted.last
    if first is None or last is None:
        return '<p class="none">No packet has a time.</p>'
    width = bin_width(last - first)
    bins = last // width - first // width + 1
    series = _series(counted.rows(width), first, width, bins)
    start = first // width * width
    labels = [when(start + at * width, 3 if width < _S else 0) for at in range(bins + 1)]
    data = {
        "labels": labels,
        "series": [{"octets": octets, "packets": packets} for _, octets, packets in series],
    }
    rows = "".join(
        f'<tr><th scope="row"><svg class="key" viewBox="0 0 16 12" aria-hidden="true"><rect width="16" height="12" '
        f'class="s{at}"/></svg>{html.escape(legible(name))}</th><td class="n">{sum(packets):,}</td>'
        f'<td class="n">{size(sum(octets))}</td></tr>'
        for at, (name, octets, packets) in enumerate(series)
    )
    return (
        f'<figure id="time"><figcaption>Octets per {duration(width)}, by the highest protocol of a packet. Drag over '
        "a range, or move the handles, to count what is in it.</figcaption>"
        f"{_drawing(series, bins, start, width)}"
        '<div class="range"><label>From <input type="range" id="from" min="0" '
        f'max="{bins - 1}" value="0"></label><label>to <input type="range" id="to" min="1" max="{bins}" value="{bins}">'
        '</label></div><p class="range"><output></output> <button type="button" hidden>Show all</button></p>'
        '<table class="legend" aria-label="Packets and octets in what is marked"><thead><tr>'
        '<th scope="col">Protocol</th><th scope="col" class="n">Packets</th><th scope="col" class="n">Octets</th></tr>'
        "</thead>"
        f"<tbody>{rows}</tbody></table>"
        f'<script type="application/json">{json.dumps(data)}</script></figure>'
    )


def _drawing(series: list[tuple[str, list[int], list[int]]], bins: int, start: int, width: int) -> str:
    """The layers, and beside them the numbers as text of the page, which keeps its size when the drawing is narrow."""
    highest = max(1, max(map(sum, zip(*(octets for _, octets, _ in series), strict=True))))
    step = _round_up(highest / 3)
    most = step * -(-highest // step)
    below = [0] * bins
    shapes = []
    for at, (name, octets, _) in enumerate(series):
        above = [low + more for low, more in zip(below, octets, strict=True)]
        upper = "".join(f"L{n} {_y(value, most)}h1" for n, value in enumerate(above))
        lower = "".join(f"L{n + 1} {_y(below[n], most)}h-1" for n in reversed(range(bins)))
        shapes.append(
            f'<path class="s{at}" d="M{upper[1:]}{lower}z"><title>{html.escape(legible(name))}</title></path>'
        )
        below = above
    levels = range(0, most + 1, step)
    lines = "".join(f'<line x1="0" x2="{bins}" y1="{_y(value, most)}" y2="{_y(value, most)}"/>' for value in levels)
    amounts = "".join(f'<span style="bottom:{100 * value / most:.1f}%">{_rounded(value)}</span>' for value in levels)
    times = "".join(
        f'<span style="left:{100 * (time - start) / (bins * width):.1f}%">{text}</span>'
        for time, text in _time_ticks(start, bins * width)
    )
    return (
        f'<div class="chart"><div class="amounts" aria-hidden="true">{amounts}</div>'
        f'<svg viewBox="0 0 {bins} {_HIGH}" preserveAspectRatio="none" role="img" '
        f'aria-label="Octets per {duration(width)}, by protocol"><g class="axis">{lines}</g>{"".join(shapes)}'
        f'<rect class="mark" width="0" height="{_HIGH}"/><rect class="catch" width="{bins}" height="{_HIGH}"/></svg>'
        f'<div class="times" aria-hidden="true">{times}</div></div>'
    )


def _y(value: int, most: int) -> str:
    return f"{_HIGH - _HIGH * value / most:.0f}"


def _round_up(value: float) -> int:
    """1, 2 or 5 times a power of ten, and not below `value`."""
    power = 10 ** max(0, math.ceil(math.log10(value)) - 1)
    return next(int(factor * power) for factor in (1, 2, 5, 10) if factor * power >= value)


def _rounded(octets: int) -> str:
    """A size without digits that say nothing."""
    return re.sub(r"(?:\.|(\.\d*[1-9]))0+ ", r"\1 ", size(octets)) if octets >= 1000 else str(octets)


def _time_ticks(start: int, span: int) -> list[tuple[int, str]]:
    """Round times within a span (ns), and how little of each is enough: the line below has the date."""
    step = next((step for step in _STEPS if step * _TICKS >= span), _STEPS[-1])
    day = 86_400 * _S
    ticks = list[tuple[int, str]]()
    for time in range(-(-start // step) * step, start + span + 1, step):
        text = when(time, 9 if step < 1000 else 6 if step < 10**6 else 3)
        date, _, clock = text.rstrip("Z").partition(" ")
        if step >= day or (time % day == 0 and ticks):
            ticks.append((time, date))
        else:
            ticks.append((time, clock if step < _S else clock[:8] if step % (60 * _S) else clock[:5]))
    return ticks
