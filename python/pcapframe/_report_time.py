"""The timeline of a report: octets per bin by protocol, as a drawing in which a range can be marked."""

from __future__ import annotations

import html
import json
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
_WIDE, _HIGH, _LEFT, _BOTTOM, _TOP = 960, 240, 70, 24, 8


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
    edges = [(first // width + at) * width for at in range(bins + 1)]
    labels = [when(edge, 3 if width < _S else 0) for edge in edges]
    most = max(1, max(map(sum, zip(*(octets for _, octets, _ in series), strict=True)), default=1))
    data = {
        "labels": labels, "left": _LEFT, "right": _WIDE - 8,
        "series": [{"octets": octets, "packets": packets} for _, octets, packets in series],
    }  # fmt: skip
    rows = "".join(
        f'<tr><th scope="row"><svg class="key" viewBox="0 0 16 12" aria-hidden="true"><rect width="16" height="12" '
        f'class="s{at}"/></svg>{html.escape(legible(name))}</th><td class="n">{sum(packets):,}</td>'
        f'<td class="n">{size(sum(octets))}</td></tr>'
        for at, (name, octets, packets) in enumerate(series)
    )
    return (
        f'<figure id="time">{_drawing(series, most, bins, labels, width)}'
        '<div class="range"><label>From <input type="range" id="from" min="0" '
        f'max="{bins - 1}" value="0"></label><label>to <input type="range" id="to" min="1" max="{bins}" value="{bins}">'
        "</label><output></output></div>"
        '<table class="legend"><caption>Octets by the highest protocol, in what is marked</caption><thead><tr>'
        f'<th scope="col">Protocol</th><th scope="col" class="n">Packets</th><th scope="col" class="n">Octets</th></tr>'
        "</thead>"
        f"<tbody>{rows}</tbody></table>"
        f'<script type="application/json">{json.dumps(data)}</script></figure>'
    )


def _drawing(
    series: list[tuple[str, list[int], list[int]]], most: int, bins: int, labels: list[str], width: int
) -> str:
    across, down = (_WIDE - 8 - _LEFT) / bins, _HIGH - _BOTTOM - _TOP
    below = [0] * bins
    shapes = []
    for at, (name, octets, _) in enumerate(series):
        above = [low + more for low, more in zip(below, octets, strict=True)]
        upper = "".join(
            f"L{_LEFT + n * across:.1f} {_y(value, most, down)}h{across:.2f}" for n, value in enumerate(above)
        )
        lower = "".join(
            f"L{_LEFT + (n + 1) * across:.1f} {_y(below[n], most, down)}h{-across:.2f}" for n in reversed(range(bins))
        )
        shapes.append(
            f'<path class="s{at}" d="M{upper[1:]}{lower}z"><title>{html.escape(legible(name))}</title></path>'
        )
        below = above
    ticks = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDE - 8}" y1="{_y(value, most, down)}" y2="{_y(value, most, down)}"/>'
        f'<text x="{_LEFT - 6}" y="{_y(value, most, down)}" dy=".35em" text-anchor="end">{size(value)}</text>'
        for value in (0, most // 2, most)
    )
    places = sorted({0, bins // 2, bins})
    anchors = {places[0]: "start", places[-1]: "end"}
    times = "".join(
        f'<text x="{_LEFT + n * across:.1f}" y="{_HIGH - 6}" text-anchor="{anchors.get(n, "middle")}">'
        f"{labels[n]}</text>"
        for n in places
    )
    per = duration(width)
    return (
        f'<svg viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="Octets per {per}, by protocol">'
        f'<g class="axis">{ticks}{times}</g>{"".join(shapes)}'
        f'<rect class="mark" x="{_LEFT}" y="{_TOP}" width="0" height="{down}"/>'
        f'<rect class="catch" x="{_LEFT}" y="{_TOP}" width="{_WIDE - 8 - _LEFT}" height="{down}"/></svg>'
        f"<figcaption>Octets per {per}. Drag over a range, or move the handles, to count what is in it.</figcaption>"
    )


def _y(value: int, most: int, down: int) -> str:
    return f"{_TOP + down - down * value / most:.1f}"
