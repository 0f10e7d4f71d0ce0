"""Who talks to whom, as a graph on a circle."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

import numpy as np

from . import _given
from ._plot_data import grouped, two_fields
from ._plot_style import (
    ALARM,
    COLOURS,
    HATCH,
    INK,
    QUIET,
    canvas,
    check_most,
    dress,
    label,
    nothing,
    ordered,
    several,
    short,
)

_MOST_NODES = 60
_WIDEST = 6.0  # points


def graph(
    what: Any,
    n: int = 24,
    *,
    value: str = "packets",
    by: tuple[str, str] = ("ip_src", "ip_dst"),
    marked: Any = (),
    ax: Any = None,
) -> Any:
    """Draw conversations: hosts on a circle, lines as wide as what goes between two of them in both directions.

    Parameters
    ----------
    what : Capture or Frame
        Packets, or the Frame of ``cap.count(*by, ...)``.
    n : int
        The `n` hosts with most traffic are nodes of their own, all others one together; from 2 to 60.
    value : "packets" or "octets"
        What is counted.
    by : tuple of two str
        The fields of both ends.
    marked : set or other container of str
        Hosts to mark, such as what `pcapframe.eval_packets` found.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    check_most(n, "n", 2, _MOST_NODES)
    if not isinstance(marked, Container) or isinstance(marked, str):
        raise _given.wrong("marked", "a set of hosts", marked)
    groups = grouped(what, two_fields(by), value, "plot.graph")
    names, pairs, totals = _bounded(groups.keys, groups.amounts, n)
    ax = canvas(ax, "plot.graph", (7.4, 7.0))
    dress(ax, f"Conversations by {value}")
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    if not names:
        return nothing(ax, "no conversations")
    spots = _circle(_around(len(names), pairs))
    _edges(ax, spots, pairs)
    _nodes(ax, spots, names, totals, marked)
    ax.set_xlim(-1.75, 1.75)
    ax.set_ylim(-1.65, 1.65)
    ax.set_aspect("equal")
    return ax


def _bounded(
    keys: list[tuple[Any, ...]], amounts: np.ndarray[Any, Any], n: int
) -> tuple[list[Any], dict[tuple[int, int], float], np.ndarray[Any, Any]]:
    """Return the nodes (the last is the number of the others, where there are any), the pairs and each node's total."""
    totals: dict[Any, float] = {}
    for (one, other), amount in zip(keys, amounts.tolist(), strict=True):
        for host in {one, other}:
            totals[host] = totals.get(host, 0.0) + amount
    hosts = list(totals)
    order = ordered(hosts, np.fromiter(totals.values(), np.float64, len(hosts)))
    place = {hosts[number]: rank for rank, number in enumerate(order[:n])}
    names: list[Any] = [hosts[number] for number in order[:n]]
    if len(order) > n:
        names.append(len(order) - n)
    pairs: dict[tuple[int, int], float] = {}
    sums = np.zeros(len(names))
    for (one, other), amount in zip(keys, amounts.tolist(), strict=True):
        ends = (place.get(one, n), place.get(other, n))
        pair = (min(ends), max(ends))
        pairs[pair] = pairs.get(pair, 0.0) + amount
        for end in set(ends):
            sums[end] += amount
    return names, pairs, sums


def _around(nodes: int, pairs: dict[tuple[int, int], float]) -> list[int]:
    """An order around the circle: each after the one it talks to most among those not placed, the others last."""
    links: dict[int, list[tuple[float, int]]] = {node: [] for node in range(nodes)}
    for (one, other), amount in pairs.items():
        links[one].append((-amount, other))
        links[other].append((-amount, one))
    order: list[int] = []
    waiting = set(range(nodes))
    node = 0
    while waiting:
        order.append(node)
        waiting.discard(node)
        near = [other for _, other in sorted(links[node]) if other in waiting]
        node = near[0] if near else min(waiting, default=0)
    return order


def _circle(order: list[int]) -> np.ndarray[Any, Any]:
    spots = np.zeros((len(order), 2))
    for rank, node in enumerate(order):
        first = math.pi if len(order) == 2 else math.pi / 2  # two stand side by side
        angle = first - 2 * math.pi * rank / len(order)
        spots[node] = math.cos(angle), math.sin(angle)
    return spots


def _edges(ax: Any, spots: np.ndarray[Any, Any], pairs: dict[tuple[int, int], float]) -> None:
    """Draw curves that bend towards the middle, the widest on top; a host that talks to itself has none."""
    patches = __import__("matplotlib.patches", fromlist=["PathPatch"])
    paths = __import__("matplotlib.path", fromlist=["Path"])
    most = max(pairs.values())
    for (one, other), amount in sorted(pairs.items(), key=lambda item: item[1]):
        if one == other:
            continue
        start, end = spots[one], spots[other]
        bend = 0.35 * (start + end) / 2
        path = paths.Path([start, bend, end], [paths.Path.MOVETO, paths.Path.CURVE3, paths.Path.CURVE3])
        share = amount / most
        ax.add_patch(
            patches.PathPatch(
                path,
                facecolor="none",
                edgecolor=COLOURS[0],
                linewidth=0.5 + _WIDEST * math.sqrt(share),
                alpha=0.25 + 0.5 * math.sqrt(share),
                capstyle="round",
                zorder=1 + share,
            )
        )


def _nodes(ax: Any, spots: np.ndarray[Any, Any], names: list[Any], totals: np.ndarray[Any, Any], marked: Any) -> None:
    sizes = 25 + 260 * totals / totals.max()
    for place, name in enumerate(names):
        others = isinstance(name, int) and place == len(names) - 1
        alarm = not others and name in marked
        x, y = spots[place]
        ax.scatter(
            [x],
            [y],
            s=sizes[place],
            color=ALARM if alarm else QUIET if others else COLOURS[3],
            edgecolor=INK,
            linewidths=0.7,
            hatch=HATCH if alarm else None,
            zorder=3,
            marker="s" if others else "o",
        )
        angle = math.degrees(math.atan2(y, x))
        left = x < -1e-9
        text = several(name, "other") if others else label(name, 26)
        ax.annotate(
            f"{text} ({short(totals[place])})",
            (x * 1.09, y * 1.09),
            rotation=angle + 180 if left else angle,
            rotation_mode="anchor",
            ha="right" if left else "left",
            va="center",
            fontsize=8,
            fontweight="bold" if alarm else "normal",
            color=ALARM if alarm else INK,
            annotation_clip=False,
        )
