"""Traffic between places: packets added up by where they come from and where they go."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from . import _given
from ._geo_locate import Databases, Location, located, paths_of
from ._reader import Capture

_HOSTS = 8  # addresses that a route remembers at each end
_KEPT = 1 << 18  # places of addresses that are remembered from one addition to the next: some 50 MB


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
    """Packets added up by route, as they come."""

    def __init__(self, home: Any = None, database: Databases = None, marked: Container[str] = ()) -> None:
        if isinstance(marked, str | bytes) or not isinstance(marked, Container):
            raise _given.wrong("marked", "a set of addresses", marked)
        self._home, self._database, self._marked = check_home(home), paths_of(database), marked
        self._places: dict[str | None, Place | None] = {}
        self._found: dict[tuple[Place, Place, str, bool], Route] = {}
        self._local = self._nowhere = 0

    def add(self, rows: Iterable[tuple[str, str, str, int, int, int | None, int | None]]) -> None:
        """Add ``(source, destination, protocol, packets, octets, first, last)``, each a few times at most."""
        rows = list(rows)
        places = self._places_of(address for row in rows for address in row[:2])
        for source, destination, protocol, packets, octets, first, last in rows:
            start, end = places[source], places[destination]
            if start is None or end is None:
                self._nowhere += packets
            elif start == end:
                self._local += packets
            else:
                key = (start, end, protocol, source in self._marked or destination in self._marked)
                route = self._found.setdefault(key, Route(*key))
                route.add(source, destination, packets, octets, first, last)

    def _places_of(self, addresses: Iterable[str]) -> dict[str | None, Place | None]:
        if len(self._places) > _KEPT:
            self._places.clear()
        fresh = [address for address in dict.fromkeys(addresses) if address not in self._places]
        for address, location in located(fresh, self._database).items():
            self._places[address] = _place(location, self._home)
        return self._places

    def routes(self) -> Routes:
        """All of them."""
        order = sorted(
            self._found.values(),
            key=lambda route: (-route.octets, route.start, route.end, route.protocol, route.marked),
        )
        return Routes(order, self._local, self._nowhere)


def routes_of(
    cap: Capture, caller: str, home: Any, database: Databases, marked: Container[str], by_protocol: bool
) -> Routes:
    """Add up a capture in one pass; memory grows with the pairs of addresses."""
    if not isinstance(cap, Capture):
        raise _given.wrong("cap", "a Capture, as open() returns it", cap)
    sums = Sums(home, database, marked)
    fields = ("ip_src", "ip_dst", *(("protocol",) if by_protocol else ()))
    pairs: Any = cap.count(*fields, sum="frame_len", min="frame_time", max="frame_time")
    columns = {name: pairs[name].tolist() for name in pairs.columns}
    columns.setdefault("protocol", [""] * len(pairs))
    names = ("ip_src", "ip_dst", "protocol", "count", "sum_frame_len", "min_frame_time", "max_frame_time")
    sums.add(zip(*(columns[name] for name in names), strict=True))
    return sums.routes()
