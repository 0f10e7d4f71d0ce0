"""Pictures of counts: who talks most, how counts are spread, who talks to whom, which names are asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import _given
from ._plot_data import counted, grouped, refuse, two_fields
from ._plot_style import (
    ALARM,
    HATCH,
    INK,
    PLAIN,
    SCALE,
    canvas,
    check_most,
    distinct_labels,
    dress,
    import_pyplot,
    log_axis,
    nothing,
    ordered,
    seconds,
    several,
    short,
    short_axis,
)
from ._reader import Capture
from .errors import ThresholdWarning

_MOST_BARS = 60
_LEAST_ROWS = 4  # that bars are made for
_MOST_CELLS = 60
_WRITTEN_CELLS = 90  # numbers in the cells of a heat map that has no more

_NAMES = {
    "ip_src": "source",
    "ip_dst": "destination",
    "tcp_dstport": "TCP port",
    "udp_dstport": "UDP port",
    "tcp_seq_raw": "sequence number",
    "eth_src": "source",
    "eth_dst": "destination",
    "dns_qry_name": "name",
    "tls_handshake_extensions_server_name": "server name",
}


def named(field: str) -> str:
    """Return what a field's values are called in a title."""
    return _NAMES.get(field, field.replace("_", " ") or "key")


def talkers(
    what: Any,
    n: int = 15,
    *,
    by: str = "ip_src",
    value: str = "packets",
    threshold: float | None = None,
    ax: Any = None,
) -> Any:
    """Draw a bar for each of those that occur most, the largest on top.

    Parameters
    ----------
    what : Capture, Frame, Counts or other mapping of key to int
        Packets to count, or counts.
    n : int
        How many bars, from 1 to 60; what the others have together is said below.
    by : str
        The field to count by, where `what` is no mapping.
    value : "packets" or "octets"
        What the bars are of.
    threshold : float, optional
        Drawn as a line; bars that reach it are red and hatched.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        matplotlib is not installed.
    """
    check_most(n, "n", 1, _MOST_BARS)
    if threshold is not None:
        _given.number("threshold", threshold, finite=False)
    keys, amounts, name = counted(what, _given.text("by", by, "ip_src"), value, "plot.talkers")
    order = ordered(keys, amounts)
    shown, rest = order[:n], order[n:]
    ax = canvas(ax, "plot.talkers", (7.6, max(2.0, 1.1 + 0.27 * len(shown))))
    dress(ax, f"Most {value} by {named(name)}", value, "", "x")
    if not shown:
        return nothing(ax, "no packets")
    bars(ax, distinct_labels([keys[place] for place in shown]), amounts[shown], threshold)
    if rest:
        ax.set_xlabel(f"{value}; {len(rest):,} more have {short(float(amounts[rest].sum()))} together")
    return ax


def bars(ax: Any, names: list[str], amounts: np.ndarray[Any, Any], threshold: float | None, notes: Any = None) -> None:
    """Draw horizontal bars from top to bottom, with their numbers at the ends."""
    drawn = ax.barh(range(len(names)), amounts, color=PLAIN, height=0.72)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(max(len(names), _LEAST_ROWS) - 0.4, -0.6)  # from top to bottom; one bar does not fill the picture
    ax.tick_params(axis="y", length=0)
    short_axis(ax.xaxis, whole=True)
    widest = float(max(amounts.max(), threshold if threshold is not None and math.isfinite(threshold) else 0.0))
    ax.set_xlim(0, widest * (1.14 if notes is None else 1.32) or 1)
    for place, bar in enumerate(drawn):
        text = short(float(amounts[place])) if notes is None else notes[place]
        ax.annotate(
            text,
            (bar.get_width(), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )
        if threshold is not None and amounts[place] >= threshold:
            bar.set(facecolor=ALARM, hatch=HATCH, edgecolor="white", linewidth=0)
    if threshold is not None and math.isfinite(threshold):
        ax.axvline(threshold, color=INK, linestyle=(0, (4, 2)), linewidth=1.2, zorder=0.9)
        ax.annotate(
            f"threshold {short(threshold)}",
            (threshold, 0),
            xytext=(4, 4),
            textcoords="offset points",
            xycoords=("data", "axes fraction"),
            fontsize=8.5,
            color=INK,
        )


def histogram(counts: Mapping[Any, int], threshold: float | None = None, *, ax: Any = None) -> Any:
    """Draw how many keys occur how often, and where the threshold lies among them. Both axes are logarithmic.

    Parameters
    ----------
    counts : Counts or other mapping of key to int
        Above 0; a count of 0 is not drawn.
    threshold : float, optional
        By default that of `pcapframe.set_threshold`; one that is infinite is not drawn.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Its bars hold the number of keys with a count in [left, right), from one integer to another.
    """
    import warnings

    from ._thresholds import set_threshold

    if not isinstance(counts, Mapping):
        raise refuse(counts, "plot.histogram", "Counts or another mapping")
    if threshold is not None:
        _given.number("threshold", threshold, finite=False)
    values = np.fromiter((int(n) for n in counts.values()), np.float64, len(counts))
    values = values[values > 0]
    ax = canvas(ax, "plot.histogram")
    name = named(getattr(counts, "name", ""))
    dress(ax, f"How often each {name} occurs", f"packets of one {name}", f"how many {name}s", "y")
    if not len(values):
        return nothing(ax, "no packets")
    if threshold is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ThresholdWarning)  # a picture shows what the warning says
            threshold = set_threshold(counts)
    edges = _edges(float(values.max()))
    amounts, _ = np.histogram(values, edges)
    drawn = ax.bar(edges[:-1], amounts, np.diff(edges), align="edge", color=PLAIN, edgecolor="white", linewidth=0.6)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(0.7, float(amounts.max()) * 3)
    ax.set_xlim(0.9, max(edges[-1], threshold if math.isfinite(threshold) else 0) * 1.15)
    log_axis(ax.xaxis)
    log_axis(ax.yaxis)
    if math.isfinite(threshold):
        beyond = int((values >= threshold).sum())
        for bar, left in zip(drawn, edges[:-1], strict=True):
            if left >= threshold:
                bar.set(facecolor=ALARM, hatch=HATCH)
        ax.axvline(threshold, color=INK, linestyle=(0, (4, 2)), linewidth=1.2)
        text = f"threshold {short(threshold)}\n{beyond:,} of {len(values):,} reach it"
        right = threshold < math.sqrt(ax.get_xlim()[1])
        ax.annotate(
            text,
            (threshold, 0.97),
            xycoords=("data", "axes fraction"),
            xytext=(5 if right else -5, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="top",
            fontsize=8.5,
        )
    return ax


def _edges(most: float) -> np.ndarray[Any, Any]:
    """Whole numbers, each about a quarter larger than the last, from 1 to beyond `most`."""
    edges = [1]
    while edges[-1] <= most:
        edges.append(max(edges[-1] + 1, round(edges[-1] * 1.26)))
    return np.array(edges, dtype=np.float64)


def heatmap(
    what: Any, by: tuple[str, str] = ("ip_src", "ip_dst"), *, value: str = "packets", n: int = 15, ax: Any = None
) -> Any:
    """Draw how much each of the first field has with each of the second, by default source and destination.

    Parameters
    ----------
    what : Capture or Frame
        Packets, or the Frame of ``cap.count(*by, ...)``.
    by : tuple of two str
        Fields of the rows and of the columns.
    value : "packets" or "octets"
        What is counted.
    n : int
        The `n` largest have rows (columns) of their own, all others one together; from 1 to 60.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The image's array holds the amounts; where there is nothing it is masked.
    """
    check_most(n, "n", 1, _MOST_CELLS)
    by = two_fields(by)
    groups = grouped(what, by, value, "plot.heatmap")
    rows, row_of = _largest([key[0] for key in groups.keys], groups.amounts, n)
    columns, column_of = _largest([key[1] for key in groups.keys], groups.amounts, n)
    table = np.zeros((len(rows), len(columns)))
    np.add.at(table, (row_of, column_of), groups.amounts)
    ax = canvas(ax, "plot.heatmap", (2.9 + 0.42 * max(6, len(columns)), 2.3 + 0.3 * max(4, len(rows))))
    dress(ax, f"{value.capitalize()} by {named(by[0])} and {named(by[1])}", named(by[1]), named(by[0]))
    if not table.size:
        return nothing(ax, "no packets")
    colors = __import__("matplotlib.colors", fromlist=["LogNorm"])
    shown = np.ma.masked_equal(table, 0)
    least, most = float(shown.min()), float(shown.max())
    faint = colors.LogNorm(least / 2, max(most, 2 * least))  # the least of them is not white
    image = ax.imshow(shown, cmap=SCALE, aspect="auto", norm=faint)
    ax.set_xticks(range(len(columns)), columns, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    if table.size <= _WRITTEN_CELLS:
        _write_cells(ax, image, table, [[short(amount) for amount in row] for row in table.tolist()])
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.85, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8.5, which="both", length=0)
    bar.ax.minorticks_off()
    short_axis(bar.ax.yaxis)
    return ax


def _write_cells(ax: Any, image: Any, table: np.ndarray[Any, Any], texts: list[list[str]]) -> None:
    """Write into the cells of an image, in white where they are dark."""
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            if table[row, column]:
                red, green, blue, _ = image.cmap(image.norm(table[row, column]))
                dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
                ax.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if dark else INK)


def _largest(keys: list[Any], amounts: np.ndarray[Any, Any], n: int) -> tuple[list[str], np.ndarray[Any, Any]]:
    """Return the names of the `n` largest keys and of the others' row, and the place of each group among them."""
    totals: dict[Any, float] = {}
    for key, amount in zip(keys, amounts.tolist(), strict=True):
        totals[key] = totals.get(key, 0.0) + amount
    names = list(totals)
    order = ordered(names, np.fromiter(totals.values(), np.float64, len(totals)))
    place = {names[number]: rank for rank, number in enumerate(order[:n])}
    shown = distinct_labels([names[number] for number in order[:n]], 26)
    if len(order) > n:
        shown.append(several(len(order) - n, "other"))
    return shown, np.array([place.get(key, n) for key in keys], dtype=np.intp)


def dns(what: Any, n: int = 15, *, ax: Any = None) -> Any:
    """Draw the DNS names that are asked for most, with how many clients ask for each.

    Parameters
    ----------
    what : Capture or Frame
        A Frame needs ``dns_qry_name``, ``dns_flags_response`` and ``ip_src``.
    n : int
        How many names, from 1 to 60.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    check_most(n, "n", 1, _MOST_BARS)
    if isinstance(what, Capture):
        asked = what.filter(dns_flags_response=0)
        groups = grouped(asked, ("dns_qry_name", "ip_src"), "packets", "plot.dns")
    else:
        if hasattr(what, "columns") and "dns_flags_response" in what:
            what = what[what["dns_flags_response"] == 0]
        groups = grouped(what, ("dns_qry_name", "ip_src"), "packets", "plot.dns")
    queries: dict[Any, float] = {}
    clients: dict[Any, int] = {}
    for (name, _), amount in zip(groups.keys, groups.amounts.tolist(), strict=True):
        queries[name] = queries.get(name, 0.0) + amount
        clients[name] = clients.get(name, 0) + 1
    names = list(queries)
    amounts = np.fromiter(queries.values(), np.float64, len(queries))
    order = ordered(names, amounts)
    shown = order[:n]
    ax = canvas(ax, "plot.dns", (7.6, max(2.0, 1.1 + 0.27 * len(shown))))
    dress(ax, "DNS names asked for most", "queries", "", "x")
    if not shown:
        return nothing(ax, "no DNS queries")
    notes = [f"{short(amounts[p])} by {several(clients[names[p]], 'client')}" for p in shown]
    bars(ax, distinct_labels([names[place] for place in shown], 44), amounts[shown], None, notes)
    if len(order) > n:
        rest = float(amounts[order[n:]].sum())
        ax.set_xlabel(f"queries; {len(order) - n:,} more names have {short(rest)} together")
    return ax


def flows(frame: Any, *, ax: Any = None) -> Any:
    """Draw the duration and octets of each flow, both axes logarithmic; what has no duration stands at the left edge.

    Parameters
    ----------
    frame : Frame or pandas.DataFrame
        Of `Capture.flows`, or of a CICIDS2017 file: ``Flow Duration`` in microseconds and the total lengths of both
        directions; ``Label``, where it is there and has several values, decides the colour: the seven most frequent
        have one each.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    from ._plot_style import COLOURS, MARKERS, QUIET, legend

    import_pyplot("plot.flows")
    if not hasattr(frame, "columns"):
        raise refuse(frame, "plot.flows", "a Frame or DataFrame of flows")
    columns = {str(name).strip().lower(): name for name in frame.columns}
    duration = _flow_column(frame, columns, ("flow duration",))
    sent = _flow_column(
        frame, columns, ("total length of fwd packets", "total length of fwd packet", "totlen fwd pkts")
    )
    back = _flow_column(
        frame, columns, ("total length of bwd packets", "total length of bwd packet", "totlen bwd pkts")
    )
    seconds_of, octets = np.maximum(duration / 1e6, 1e-6), np.maximum(sent + back, 1)
    of = np.array([str(text) for text in _plain_list(frame[columns["label"]])]) if "label" in columns else None
    ax = canvas(ax, "plot.flows")
    dress(ax, "Flows: duration and octets", "duration", "octets of payload, both directions (0 as 1)", "both")
    if not len(seconds_of):
        return nothing(ax, "no flows")
    size = 14 if len(seconds_of) < 5000 else 8
    options = {"s": size, "linewidths": 0, "rasterized": len(seconds_of) > 5000}
    kinds, of = _kinds(of, len(COLOURS))
    if len(kinds) < 2:
        ax.scatter(seconds_of, octets, color=PLAIN, alpha=0.6, **options)
    else:
        for place, (kind, shown) in enumerate(zip(kinds, distinct_labels(kinds), strict=True)):
            here = of == kind
            colour, marker = (COLOURS[place], MARKERS[place]) if place < len(COLOURS) else (QUIET, ".")
            words = f"{shown} ({int(here.sum()):,})"
            ax.scatter(
                seconds_of[here], octets[here], color=colour, marker=marker, alpha=0.7, label=words, **options,
                zorder=2 + place / 100 if place < len(COLOURS) else 1.9,
            )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    log_axis(ax.xaxis, seconds)
    log_axis(ax.yaxis)
    legend(ax, loc="upper left", bbox_to_anchor=(1, 1), markerscale=2 if size < 14 else 1)
    return ax


def _kinds(of: np.ndarray[Any, Any] | None, most: int) -> tuple[list[str], Any]:
    """The most frequent labels, those of all others as one, and the label of each row with that name for the rest."""
    if of is None:
        return [], None
    names, counts = np.unique(of, return_counts=True)
    order = ordered(names.tolist(), counts)
    kinds = [str(names[place]) for place in order[:most]]
    if len(order) <= most:
        return kinds, of
    rest = str(names[order[-1]]) if len(order) == most + 1 else several(len(order) - most, "other")
    return [*kinds, rest], np.where(np.isin(of, kinds), of.astype(object), rest)


def _plain_list(column: Any) -> list[Any]:
    values: list[Any] = column.tolist()
    return values


def _flow_column(frame: Any, columns: dict[str, Any], names: tuple[str, ...]) -> np.ndarray[Any, Any]:
    for name in names:
        if name in columns:
            return np.array([np.nan if v is None else v for v in _plain_list(frame[columns[name]])], dtype=np.float64)
    raise ValueError(f"plot.flows needs the column {names[0].title()}")


__all__ = ["dns", "flows", "heatmap", "histogram", "talkers"]
