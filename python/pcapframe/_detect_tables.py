"""What rules look at: the columns of the native tables as arrays, and a few ways to group them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ._counts import Counts
from ._frame import Frame

Array = np.ndarray[Any, Any]

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
TCP, UDP, RESOLVE = 6, 17, 256
ICMP = (1, 58)

_LOCAL = tuple(
    ipaddress.ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "100.64.0.0/10",
                "fc00::/7", "fe80::/10", "::1/128")
)  # fmt: skip


@lru_cache(maxsize=1 << 16)
def is_local(address: str) -> bool:
    """Whether an address belongs to no one in particular: RFC 1918, 3927, 4193, 6598 and the like."""
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in _LOCAL if network.version == parsed.version)


def is_group(address: str) -> bool:
    """Whether an address is that of many: multicast, broadcast, and what ends in .255."""
    if ":" in address:
        return address.startswith("ff")
    return address.endswith(".255") or 224 <= int(address.partition(".")[0]) <= 239


class Rows:
    """The columns of a table as arrays, by name; ``source`` and ``target`` are numbers into `hosts`."""

    def __init__(self, frame: Frame, hosts: list[str] | None = None) -> None:
        self._frame = frame
        self._known: dict[str, Array] = {}
        self.hosts: list[str] = hosts if hosts is not None else []
        self._number = {host: number for number, host in enumerate(self.hosts)}
        for name in ("source", "target"):
            if name in frame:
                self._known[name] = self._numbers(frame[name])

    def __len__(self) -> int:
        return len(self._frame)

    def number(self, host: str) -> int:
        """Its place in `hosts`, or -1."""
        return self._number.get(host, -1)

    def __getattr__(self, name: str) -> Array:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Array:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._plain(self._frame[name])
        return found

    def _plain(self, column: Any) -> Array:
        values: Array = column.values
        # Sums and differences of unsigned columns must not wrap; nothing here exceeds 63 bits but by a flood of years.
        return values.astype(np.int64) if column.kind.startswith("uint") else values

    def _numbers(self, column: Any) -> Array:
        names = column.categories
        for name in names:
            if name not in self._number:
                self._number[name] = len(self.hosts)
                self.hosts.append(name)
        table = np.array([self._number[name] for name in names], dtype=np.int64)
        return table[column.codes] if len(names) else np.zeros(0, dtype=np.int64)


class Tables(dict[str, Frame]):
    """The native tables by name, and `talks` and `seconds` as arrays that all rules share."""

    counts: dict[str, Counts] | None = None
    """Of indicators, by kind, where they were counted."""
    shared: dict[str, Any]
    """What several rules derive from the tables."""

    def __init__(self, tables: Mapping[str, Frame]) -> None:
        super().__init__(tables)
        self.shared = {}

    @cached_property
    def talks(self) -> Rows:
        return Rows(self["talks"])

    @cached_property
    def seconds(self) -> Rows:
        return Rows(self["seconds"], self.talks.hosts)

    @cached_property
    def _by_target(self) -> tuple[Array, Array, Array]:
        order = np.lexsort((self.talks.first_time, self.talks.target))
        return order, self.talks.target[order], self.talks.first_time[order]

    def near(self, target: int, first: int, last: int) -> Array:
        """Talks to a target that began within a time, or up to a minute before."""
        order, targets, times = self._by_target
        begin, end = np.searchsorted(targets, (target, target + 1))
        low, high = np.searchsorted(times[begin:end], (first - MINUTE, last))
        return order[begin + low : begin + high]


def rows_of(tables: Mapping[str, Frame]) -> Tables:
    return tables if isinstance(tables, Tables) else Tables(tables)


def heavy_groups(least: float, weights: Array | None, which: Array, *keys: Array) -> Iterator[Array]:
    """Rows of `which` that agree in all keys, group by group, each in the order of `which`: those whose weights (of all
    rows; None: 1 each) add up to at least so much. Whoever is light costs nothing, and there may be millions of them.
    """
    if not len(which):
        return
    columns = [key[which] for key in keys]
    order = np.lexsort(columns[::-1])
    changed = np.zeros(len(order) - 1, dtype=bool)
    for column in columns:
        ordered = column[order]
        changed |= ordered[1:] != ordered[:-1]
    starts = np.concatenate(([0], np.flatnonzero(changed) + 1))
    ends = np.concatenate((starts[1:], [len(order)]))
    sums = ends - starts if weights is None else np.add.reduceat(weights[which][order], starts)
    for number in np.flatnonzero(sums >= least):
        yield which[order[starts[number] : ends[number]]]


def large_groups(least: int, which: Array, *keys: Array) -> Iterator[Array]:
    """Groups of at least so many rows."""
    if len(which) >= least:
        yield from heavy_groups(least, None, which, *keys)


def distinct(values: Array) -> int:
    return len(np.unique(values))


def densest(times: Array, weights: Array, span: int) -> tuple[int, int, int]:
    """The largest sum of weights within `span` ns, and the first and last place of it in the order of time."""
    order = np.argsort(times, kind="stable")
    ordered, sums = times[order], np.concatenate(([0], np.cumsum(weights[order])))
    ends = np.searchsorted(ordered, ordered + span, side="right")
    found = sums[ends] - sums[np.arange(len(ordered))]
    best = int(np.argmax(found))
    return int(found[best]), best, int(ends[best]) - 1


def runs(times: Array, pause: int) -> Iterator[Array]:
    """Places of ascending times, cut where more than `pause` lies between two."""
    if len(times):
        yield from np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > pause) + 1)


def evidence(**values: Any) -> str:
    """The text of what made a finding: ``name=value, ...``."""
    return ", ".join(f"{name}={_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    if isinstance(value, float | np.floating):
        number = float(value)
        return f"{number:.3g}" if abs(number) < 1000 else f"{number:.0f}"
    return str(value)


def listed(numbers: Array, most: int = 8) -> str:
    """Distinct numbers in ascending order as text: ``22-25+80+443``, the rest told by how many."""
    values = np.unique(numbers)
    pieces = [f"{part[0]}" if len(part) == 1 else f"{part[0]}-{part[-1]}"
              for part in np.split(values, np.flatnonzero(np.diff(values) > 1) + 1)]  # fmt: skip
    more = f"+{len(pieces) - most} more" if len(pieces) > most else ""
    return "+".join(pieces[:most]) + more
