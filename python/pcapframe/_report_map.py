"""The map of a report: lines between countries, drawn without a picture or a request."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from ._display import size
from ._frame import Frame
from ._geo_locate import world
from ._geo_map import great_circle
from ._geo_routes import Place, Route, Sums

LINES = 60  # drawn at most


def _path(points: Any) -> str:
    return "M" + "L".join(f"{x:.1f} {-y:.1f}" for x, y in points)


def _title(text: str) -> str:
    return f"<title>{html.escape(text)}</title>"


class Ways:
    """Who sent how much to whom, added up by country batch by batch: the pairs of addresses are not kept."""

    def __init__(self, database: Any, home: Any) -> None:
        self.sums = Sums(home, database)
        self.missing: ImportError | None = None

    def add(self, frame: Frame) -> None:
        """Add packets; `frame` has ``ip_src``, ``ip_dst``, ``frame_len`` and ``frame_time``."""
        if self.missing is not None:
            return
        try:
            self.sums.add(frame)
        except ImportError as error:
            self.missing = error


def world_map(ways: Ways) -> tuple[str, list[Route]]:
    """Return the drawing, or a sentence where what it needs is not there, and the routes drawn."""
    if ways.missing is not None:
        return f'<p class="none">No map: {html.escape(str(ways.missing))}</p>', []
    found = ways.sums.routes()
    routes, told = found.routes, "".join(f" {words}." for words in found.told)
    if not routes:
        return f'<p class="none">Nothing goes from one country to another.{told}</p>', []
    shapes = (np.reshape(line, (-1, 2)) / 10 for line in world()["outline"])
    land = "".join(_path(shape) + "z" for shape in shapes)
    most = routes[0].octets or 1
    lines, points = [], dict[Place, None]()
    for route in reversed(routes[:LINES]):
        title = f"{route.start.name} to {route.end.name}: {size(route.octets)}, {route.packets:,} packets"
        path = "".join(_path(piece) for piece in great_circle(route.start, route.end))
        lines.append(f'<path d="{path}" stroke-width="{0.4 + 2.6 * route.octets / most:.2f}">{_title(title)}</path>')
        points.update({route.start: None, route.end: None})
    dots = "".join(
        f'<circle cx="{place.longitude:.1f}" cy="{-place.latitude:.1f}" r="1.4">{_title(place.name)}</circle>'
        for place in points
    )
    drawing = (
        '<figure class="map"><svg viewBox="-180 -84 360 142" role="img" aria-label="Lines between countries">'
        f'<path class="land" d="{land}"/><g class="routes">{"".join(lines)}</g><g class="places">{dots}</g></svg>'
        f"<figcaption>Countries of registration; a line is as wide as its octets.{told} Outline: Natural Earth."
        "</figcaption></figure>"
    )
    return drawing, routes[:LINES]
