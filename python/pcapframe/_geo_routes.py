"""Traffic between places: packets added up by where they come from and where they go."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from . import _given
from ._frame import Frame
from ._frame_column import Column
from ._geo_locate import Databases, Location, located, paths_of
from ._reader import Capture

_HOSTS = 8  # addresses that a route remembers at each end
_KEPT = 1 << 18  # places of addresses that are remembered from one addition to the next: some 50 MB
_PACKETS = 1 << 17  # of a batch: some 10 MB
ROUTES = 1 << 15
"""Routes that are kept, the ones with most octets: more than a map (2,000) or a KML (18,000) shows. Up to twice as many
are followed before the lightest are let go: some 100 MB."""

_LATEST = np.iinfo(np.int64).max


class Place(NamedTuple):
    """A point with a name."""

    name: str
    latitude: float
    longitude: float


@dataclass
class Route:
    """What goes from one place to another, of one protocol."""

    start: Place
    end: Place
    protocol: str
    marked: bool
    packets: int = 0
    octets: int = 0
    first: int | None = None
    last: int | None = None
    sources: dict[str, None] = field(default_factory=dict)
    destinations: dict[str, None] = field(default_factory=dict)

    def add(
        self, source: str, destination: str, packets: int, octets: int, first: int | None, last: int | None
    ) -> None:
        """Add packets between two addresses."""
        self.packets += packets
        self.octets += octets
        if first is not None and last is not None:
            self.first = first if self.first is None else min(first, self.first)
            self.last = last if self.last is None else max(last, self.last)
        for hosts, host in ((self.sources, source), (self.destinations, destination)):
            if len(hosts) < _HOSTS:
                hosts.setdefault(host)


class Routes(NamedTuple):
    """All routes, the largest first, and what is not among them."""

    routes: list[Route]
    local: int
    """Packets that stay in one place."""
    nowhere: int
    """Packets one of whose ends has no known place."""
    dropped: int = 0
    """Packets between places that were let go, as too many others have more."""

    @property
    def told(self) -> list[str]:
        """What is not among the routes, in words."""
        counted = (
            (self.local, "stay", "stays", "in one place"),
            (self.nowhere, "have", "has", "an end without a known place"),
            (self.dropped, "go", "goes", f"between places that are not among the {ROUTES:,} pairs with most octets"),
        )
        return [
            f"1 packet {one} {words}" if packets == 1 else f"{packets:,} packets {more} {words}"
            for packets, more, one, words in counted
            if packets
        ]


def check_home(home: Any) -> Place | None:
    """Return the place of private addresses."""
    if home is None:
        return None
    try:
        latitude, longitude = (float(number) for number in home)
    except (TypeError, ValueError):
        raise _given.wrong("home", "(latitude, longitude) in degrees", home) from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(f"home: latitude from -90 to 90 and longitude from -180 to 180, not ({latitude}, {longitude})")
    return Place("home", latitude, longitude)


def _place(location: Location, home: Place | None) -> Place | None:
    if location.scope == "private":
        return home
    if location.latitude is None or location.longitude is None:
        return None
    name = location.country_name or location.country or "somewhere"
    if location.precision == "database" and location.city:
        name = f"{location.city}, {location.country or ''}".rstrip(", ")
    return Place(name, location.latitude, location.longitude)


class Sums:
    """Packets added up by route, as they come; memory is bounded by `ROUTES` and the addresses of one addition."""

    def __init__(
        self,
        home: Any = None,
        database: Databases = None,
        marked: Container[str] = (),
        *,
        by_protocol: bool = False,
        most: int | None = None,
    ) -> None:
        if isinstance(marked, str | bytes) or not isinstance(marked, Container):
            raise _given.wrong("marked", "a set of addresses", marked)
        self._home, self._database, self._marked = check_home(home), paths_of(database), marked
        self._by_protocol, self._most = by_protocol, ROUTES if most is None else most
        self._places: dict[str | None, Place | None] = {}
        self._found: dict[tuple[Place, Place, str, bool], Route] = {}
        self._local = self._nowhere = self._dropped = 0

    def add(self, frame: Frame) -> None:
        """Add packets: ``ip_src``, ``ip_dst``, ``frame_len``, ``frame_time``, and ``protocol`` for routes of each."""
        self._add(_pairs(frame, self._by_protocol))
        if len(self._found) > 2 * self._most:
            self._let_go()

    def _add(self, rows: list[tuple[str, str, str, int, int, int | None, int | None]]) -> None:
        places = self._places_of(address for row in rows for address in row[:2])
        for source, destination, protocol, packets, octets, first, last in rows:
            start, end = places[source], places[destination]
            if start is None or end is None:
                self._nowhere += packets
            elif start == end:
                self._local += packets
            else:
                key = (start, end, protocol, source in self._marked or destination in self._marked)
                route = self._found.get(key)
                if route is None:
                    route = self._found[key] = Route(*key)
                route.add(source, destination, packets, octets, first, last)

    def _let_go(self) -> None:
        """Keep the routes with most octets so far; one that comes again begins anew."""
        routes = self._ordered()
        self._dropped += sum(route.packets for route in routes[self._most :])
        self._found = {(route.start, route.end, route.protocol, route.marked): route for route in routes[: self._most]}

    def _places_of(self, addresses: Iterable[str]) -> dict[str | None, Place | None]:
        if len(self._places) > _KEPT:
            self._places.clear()
        fresh = [address for address in dict.fromkeys(addresses) if address not in self._places]
        for address, location in located(fresh, self._database).items():
            self._places[address] = _place(location, self._home)
        return self._places

    def _ordered(self) -> list[Route]:
        return sorted(
            self._found.values(),
            key=lambda route: (-route.octets, route.start, route.end, route.protocol, route.marked),
        )

    def routes(self) -> Routes:
        """The largest of them."""
        self._let_go()
        return Routes(list(self._found.values()), self._local, self._nowhere, self._dropped)


def _pairs(frame: Frame, by_protocol: bool) -> list[tuple[str, str, str, int, int, int | None, int | None]]:
    """Source, destination, protocol, packets, octets, first and last time: one of each pair, the largest first."""
    ends = (frame["ip_src"], frame["ip_dst"])
    there = np.ones(len(frame), dtype=bool)
    for column in ends:
        there &= True if column.valid is None else column.valid
    if not there.any():
        return []
    columns: list[Column] = [*ends, *([frame["protocol"]] if by_protocol else [])]
    names = [column.categories for column in columns]
    codes = [column.codes[there].astype(np.int64) for column in columns]
    key = codes[0]
    for kinds, more in zip(names[1:], codes[1:], strict=True):  # below 2^63: of a batch each has few categories
        key = key * len(kinds) + more
    order = np.argsort(key, kind="stable")
    starts = np.append(0, np.flatnonzero(np.diff(key[order])) + 1)
    octets = np.add.reduceat(frame["frame_len"].values[there][order].astype(np.int64), starts)
    packets = np.diff(np.append(starts, len(order)))
    time = frame["frame_time"]
    times = time.values[there][order]
    timed = np.ones(len(times), dtype=bool) if time.valid is None else time.valid[there][order]
    first = np.minimum.reduceat(np.where(timed, times, _LATEST), starts)
    last = np.maximum.reduceat(np.where(timed, times, -_LATEST), starts)
    known = np.logical_or.reduceat(timed, starts)
    rows = []
    for place in np.argsort(-octets, kind="stable").tolist():
        at = order[starts[place]]
        source, destination, *protocol = (of[code[at]] for of, code in zip(names, codes, strict=True))
        between = (int(first[place]), int(last[place])) if known[place] else (None, None)
        kept = (int(packets[place]), int(octets[place]))
        rows.append((source, destination, protocol[0] if protocol else "", *kept, *between))
    return rows


def routes_of(
    cap: Capture, caller: str, home: Any, database: Databases, marked: Container[str], by_protocol: bool
) -> Routes:
    """Add up a capture batch by batch, in one pass: the pairs of addresses are not kept."""
    if not isinstance(cap, Capture):
        raise _given.wrong("cap", "a Capture, as open() returns it", cap)
    sums = Sums(home, database, marked, by_protocol=by_protocol)
    columns = ["ip_src", "ip_dst", "frame_len", "frame_time", *(["protocol"] if by_protocol else [])]
    for frame in cap.batches(columns, rows=_PACKETS):
        sums.add(frame)
    return sums.routes()
