"""Traffic between places as KML, for Google Earth and My Maps."""

from __future__ import annotations

import html
import itertools
import math
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

from . import _given
from ._export import atomically
from ._geo_locate import Databases
from ._geo_routes import Place, Route, routes_of
from ._text import legible

# My Maps takes 10 layers (folders) of 2,000 features, and files of 5 MB: nine folders of lines and one of places, each
# of at most 2,000 features and 450,000 octets, stay below all three.
_FOLDERS = 8
_FEATURES = 2000
_OCTETS = 450_000
_INDENTED = 250  # octets that indenting adds to a placemark, at most
_DESCRIBED = 800  # characters of a description before it is escaped
_COLOURS = (
    "b27200",
    "009fe6",
    "000000",
    "e9b456",
    "005ed5",
    "739e00",
    "a779cc",
    "767676",
    "2b18b2",
)  # blue, green, red
_ALARM = "2b18b2"
_WIDEST = 8.0
_NAMESPACE = "http://www.opengis.net/kml/2.2"


def kml(
    cap: Any,
    path: str | os.PathLike[str],
    *,
    home: tuple[float, float] | None = None,
    database: Databases = None,
    names: Mapping[str, str] | None = None,
    marked: Container[str] = (),
) -> int:
    """Write where traffic comes from and goes to as KML, for Google Earth, My Maps and others.

    One line for all packets of a protocol between two places, as wide as their octets (on a logarithmic scale), with
    their number and the time they span, which the time slider of Google Earth follows. Folders per protocol: the eight
    largest and one for all others, and one with the places; of each the largest that fit the limits of My Maps (2,000
    features, 450 kB).

    Parameters
    ----------
    cap : Capture
        Read once, in bounded memory: of lines beyond 32,768 those with most octets are kept.
    path : path
        The file appears under its name when it is whole.
    home : (latitude, longitude), optional
        Where your private addresses are. Without it what comes from or goes to them is left out.
    database : path or list of paths, optional
        As for `locate`; without it a place is a country of registration.
    names : mapping of address to str, optional
        Shown beside addresses, such as names from DNS answers: text off the wire is escaped.
    marked : set or other container of str
        Addresses whose lines are red.

    Returns
    -------
    int
        How many lines were written.

    Raises
    ------
    OSError
        The file could not be written.
    """
    target = _given.path("path", path)
    if names is not None:
        _given.mapping("names", names, "{'192.0.2.80': 'www.example'}")
    found = routes_of(cap, "geo.kml", home, database, marked, by_protocol=True)
    root = ElementTree.Element("kml", xmlns=_NAMESPACE)
    document = ElementTree.SubElement(root, "Document")
    files = ", ".join(legible(os.path.basename(name)) for name in cap.files)[:200]
    _element(document, "name", f"Traffic of {files}")
    _element(document, "description", "; ".join(found.told) or "all packets are in the lines")
    shown: list[Route] = []
    for number, (protocol, routes) in enumerate(_folders(found.routes)):
        most = max(route.octets for route in routes)
        marks = _fitting(_line(route, _COLOURS[number % len(_COLOURS)], most, names or {}) for route in routes)
        more = f", the largest {len(marks):,} of {len(routes):,} lines" if len(routes) > len(marks) else ""
        _folder(document, f"{protocol}{more}", marks)
        shown += routes[: len(marks)]
    if shown:
        _folder(document, "places", _fitting(_points(shown)))
    ElementTree.indent(root, " ")
    with atomically(target, binary=True) as file:
        ElementTree.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
    return len(shown)


def _folders(routes: Iterable[Route]) -> list[tuple[str, list[Route]]]:
    """Routes by protocol, the protocols with most octets first, the last folder for all others."""
    by: dict[str, list[Route]] = {}
    for route in routes:
        by.setdefault(route.protocol, []).append(route)
    order = sorted(by, key=lambda name: (-sum(route.octets for route in by[name]), name))
    folders = [(legible(name), by[name]) for name in order[:_FOLDERS]]
    rest = [route for name in order[_FOLDERS:] for route in by[name]]
    return [*folders, ("others", sorted(rest, key=lambda route: -route.octets))] if rest else folders


def _element(parent: ElementTree.Element, name: str, text: str) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name)
    child.text = legible(text)  # no octet that XML has no place for; etree escapes the rest
    return child


def _when(nanoseconds: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _hosts(hosts: Iterable[str], names: Mapping[str, str]) -> str:
    return ", ".join(f"{host} ({legible(str(names[host]))[:80]})" if host in names else host for host in hosts)


def _coordinates(*places: Place) -> str:
    return " ".join(f"{place.longitude:.4f},{place.latitude:.4f},0" for place in places)


def _folder(document: ElementTree.Element, name: str, marks: list[ElementTree.Element]) -> None:
    folder = ElementTree.SubElement(document, "Folder")
    _element(folder, "name", name)
    folder.extend(marks)


def _fitting(marks: Iterable[ElementTree.Element]) -> list[ElementTree.Element]:
    """The first of the placemarks, as many as a folder may have."""
    fitting: list[ElementTree.Element] = []
    left = _OCTETS
    for mark in itertools.islice(marks, _FEATURES):
        left -= len(ElementTree.tostring(mark, "utf-8")) + _INDENTED
        if left < 0:
            break
        fitting.append(mark)
    return fitting


def _line(route: Route, colour: str, most: int, names: Mapping[str, str]) -> ElementTree.Element:
    mark = ElementTree.Element("Placemark")
    _element(mark, "name", f"{route.start.name} → {route.end.name}")
    ends = f"from {_hosts(route.sources, names)} to {_hosts(route.destinations, names)}"[:_DESCRIBED]
    text = f"{route.packets:,} packets, {route.octets:,} octets, {legible(route.protocol)}; {ends}"
    description = ElementTree.SubElement(mark, "description")
    description.text = html.escape(text)  # viewers take a description for HTML, which is then escaped as XML
    if route.first is not None and route.last is not None:
        span = ElementTree.SubElement(mark, "TimeSpan")
        _element(span, "begin", _when(route.first))
        _element(span, "end", _when(route.last))
    style = ElementTree.SubElement(ElementTree.SubElement(mark, "Style"), "LineStyle")
    _element(style, "color", f"cc{_ALARM if route.marked else colour}")
    share = math.log1p(route.octets) / math.log1p(most) if most else 0.0
    _element(style, "width", f"{1 + (_WIDEST - 1) * share**3:.1f}")
    data = ElementTree.SubElement(mark, "ExtendedData")
    for name, value in (("packets", route.packets), ("octets", route.octets)):
        _element(ElementTree.SubElement(data, "Data", name=name), "value", str(value))
    line = ElementTree.SubElement(mark, "LineString")
    _element(line, "tessellate", "1")
    _element(line, "coordinates", _coordinates(route.start, route.end))
    return mark


def _points(routes: list[Route]) -> Iterator[ElementTree.Element]:
    octets: dict[Place, int] = {}
    for route in routes:
        for place in (route.start, route.end):
            octets[place] = octets.get(place, 0) + route.octets
    for place in sorted(octets, key=lambda place: (-octets[place], place)):
        mark = ElementTree.Element("Placemark")
        _element(mark, "name", place.name)
        description = ElementTree.SubElement(mark, "description")
        description.text = html.escape(f"{octets[place]:,} octets from and to {legible(place.name)}")
        _element(ElementTree.SubElement(mark, "Point"), "coordinates", _coordinates(place))
        yield mark
