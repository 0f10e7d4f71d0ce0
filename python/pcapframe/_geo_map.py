"""Lines between places, over an outline of the world."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

import numpy as np

from ._display import size
from ._geo_locate import Databases, world
from ._geo_routes import Place, Route, Routes, routes_of
from ._plot_style import ALARM, COLOURS, INK, QUIET, canvas, check_most, dress, label, legend

_Array = np.ndarray[Any, Any]

_LAND, _BORDER = "#e9e7e1", "#bdbab2"
_SOUTH, _NORTH = -58, 84  # degrees; nobody lives south of it but in Antarctica
_PIECES = 64  # of a line
_MOST_LINES = 2000
_LABELS = 14
_LETTER, _LINE = 2.5, 5.2  # degrees that a letter is wide and a line of text high, at the size drawn here


def map(
    cap: Any,
    *,
    home: tuple[float, float] | None = None,
    database: Databases = None,
    marked: Container[str] = (),
    n: int = 200,
    ax: Any = None,
) -> Any:
    """Draw where traffic comes from and goes to: great circles over an outline of the world, as wide as their octets.

    Parameters
    ----------
    cap : Capture
        Read once, in bounded memory: of lines beyond 32,768 those with most octets are kept.
    home : (latitude, longitude), optional
        Where your private addresses are. Without it what comes from or goes to them is left out, and counted below.
    database : path or list of paths, optional
        As for `locate`; without it a place is a country of registration.
    marked : set or other container of str
        Addresses whose lines are red and dashed, such as what `pcapframe.eval_packets` found.
    n : int
        The `n` largest lines are drawn, from 1 to 2000.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        x is the longitude and y the latitude, in degrees.
    """
    check_most(n, "n", 1, _MOST_LINES)
    ax = canvas(ax, "geo.map", (10.0, 5.0))
    found = routes_of(cap, "geo.map", home, database, marked, by_protocol=False)
    dress(ax, "Where traffic comes from and goes to")
    _outline(ax)
    shown = found.routes[:n]
    most = max((route.octets for route in shown), default=1)
    for route in reversed(shown):
        _line(ax, route, math.sqrt(route.octets / most))
    _places(ax, shown)
    _told(ax, found, shown)
    ax.set_xlim(-180, 180)
    south = min((p.latitude for route in shown for p in (route.start, route.end)), default=0.0)
    ax.set_ylim(_SOUTH if south > _SOUTH else -90, _NORTH)
    ax.set_aspect(1.15)  # shapes are right at 30 degrees of latitude
    return ax


def _outline(ax: Any) -> None:
    collections = __import__("matplotlib.collections", fromlist=["PolyCollection"])
    shapes = [np.reshape(line, (-1, 2)) / 10 for line in world()["outline"]]
    ax.add_collection(collections.PolyCollection(shapes, facecolor=_LAND, edgecolor=_BORDER, linewidth=0.4, zorder=0.5))
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def great_circle(start: Place, end: Place) -> list[_Array]:
    """Points (longitude, latitude) of the shortest line between two places, cut where it crosses the 180th meridian."""
    ends = []
    for place in (start, end):
        latitude, longitude = math.radians(place.latitude), math.radians(place.longitude)
        ends.append(
            (math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude))
        )
    one, two = np.array(ends)
    angle = math.acos(max(-1.0, min(1.0, float(one @ two))))
    share = np.linspace(0, 1, _PIECES)[:, None]
    if angle < 1e-9 or math.pi - angle < 1e-9:  # the same place; opposite ones have no shortest line: a straight one
        points = one + share * (two - one) + 1e-12
    else:
        points = (np.sin((1 - share) * angle) * one + np.sin(share * angle) * two) / math.sin(angle)
    longitudes = np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    latitudes = np.degrees(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1])))
    line = np.column_stack([longitudes, latitudes])
    cuts = np.flatnonzero(np.abs(np.diff(longitudes)) > 180) + 1
    return [piece for piece in np.split(line, cuts) if len(piece)]


def _line(ax: Any, route: Route, share: float) -> None:
    colour, dashes = (ALARM, (0, (4, 1.2))) if route.marked else (COLOURS[0], "-")
    for piece in great_circle(route.start, route.end):
        ax.plot(
            piece[:, 0],
            piece[:, 1],
            color=colour,
            linestyle=dashes,
            linewidth=0.6 + 4.4 * share,
            alpha=0.35 + 0.4 * share,
            solid_capstyle="round",
            zorder=2 if route.marked else 1.5,
        )


def _places(ax: Any, routes: list[Route]) -> None:
    """Draw the ends, and the names of the largest where there is room for them."""
    totals: dict[Place, int] = {}
    for route in routes:
        for place in (route.start, route.end):
            totals[place] = totals.get(place, 0) + route.octets
    order = sorted(totals, key=lambda place: (place.name != "home", -totals[place], place))
    if not order:
        return
    most = max(totals.values())
    sizes = [12 + 60 * totals[place] / most for place in order]
    ax.scatter(
        [p.longitude for p in order],
        [p.latitude for p in order],
        s=sizes,
        color=INK,
        edgecolor="white",
        linewidths=0.7,
        zorder=3,
    )
    taken: list[tuple[float, float, float, float]] = [
        (p.longitude - 1.5, p.latitude - 1.5, p.longitude + 1.5, p.latitude + 1.5) for p in order
    ]
    for place in order[:_LABELS]:
        text, free = f"{label(place.name, 24)} ({size(totals[place])})", list[tuple[float, float, float, float]]()
        if not _name(ax, place, text, taken) and place.name == "home":  # has its name in any case, on points if need be
            _name(ax, place, text, free)
            taken += free


def _name(ax: Any, place: Place, text: str, taken: list[tuple[float, float, float, float]]) -> bool:
    """Write a name beside a point, where nothing else is written; nowhere, if there is no room. Whether it is there."""
    wide, x, y = _LETTER * len(text), place.longitude, place.latitude
    for left, below in (
        (x + 3.2, y - _LINE / 2),
        (x - 3.2 - wide, y - _LINE / 2),
        (x - wide / 2, y + 2.5),
        (x - wide / 2, y - 2.5 - _LINE),
        (x + 3.2, y + 1.5),
        (x + 3.2, y - 1.5 - _LINE),
        (x - 3.2 - wide, y + 1.5),
        (x - 3.2 - wide, y - 1.5 - _LINE),
    ):
        box = (left, below, left + wide, below + _LINE)
        inside = box[0] > -180 and box[2] < 180 and box[1] > _SOUTH and box[3] < _NORTH
        if inside and not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            taken.append(box)
            side = "left" if left > x else "right" if left + wide < x else "center"
            edge = left + wide * {"left": 0, "center": 0.5, "right": 1}[side]
            ax.text(
                edge,
                below + _LINE / 2,
                text,
                ha=side,
                va="center",
                fontsize=8,
                color=INK,
                zorder=4,
                bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.8},
            )
            return True
    return False


def _told(ax: Any, found: Routes, shown: list[Route]) -> None:
    octets = size(sum(route.octets for route in shown))
    parts = [f"{len(shown):,} of {len(found.routes):,} lines, {octets}"] if shown else ["No line"]
    parts += found.told
    if not shown:
        ax.text(0, 12, "nothing goes from one known place to another", ha="center", va="center", color=INK, zorder=4)
    ax.text(
        0,
        -0.02,
        "; ".join(parts) + ". Outline: Natural Earth",
        transform=ax.transAxes,
        va="top",
        fontsize=8.5,
        color=QUIET,
    )
    for marked, words in ((False, "traffic"), (True, "of marked addresses")):
        if any(route.marked for route in shown) and any(route.marked == marked for route in shown):
            ax.plot(
                [],
                [],
                color=ALARM if marked else COLOURS[0],
                linestyle=(0, (4, 1.2)) if marked else "-",
                linewidth=2.2,
                label=words,
            )
    legend(ax, loc="lower left", frameon=True, framealpha=0.8, edgecolor="none", handlelength=3)
