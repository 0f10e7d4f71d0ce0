"""Pictures along time: traffic, ports, regularity."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from . import _given
from ._frame import Frame
from ._group import check_every
from ._plot_data import Grouped, bin_of, grouped, in_bins, refuse
from ._plot_style import (
    ALARM,
    COLOURS,
    FAINT,
    INK,
    MARKERS,
    QUIET,
    canvas,
    check_most,
    distinct_labels,
    dress,
    label,
    legend,
    log_axis,
    nothing,
    ordered,
    pattern,
    seconds,
    several,
    short,
    short_axis,
    span,
    stamps,
    time_axis,
)
from ._reader import Capture
from ._thresholds import Threshold, threshold
from .errors import ThresholdWarning

_Array = np.ndarray[Any, Any]

_MOST_LINES = 7  # more cannot be told apart
_MOST_POINTS = 50_000  # of the scan picture: beyond it points lie on points
_SPECTRUM_BINS = 1 << 18  # of the series that is transformed: 2 MiB, 0.02 s
_OTHER = ("others",)


def timeline(
    what: Any,
    every: Any = None,
    *,
    by: str | None = "protocol",
    value: str = "packets",
    n: int = 5,
    method: str | None = "sigma",
    k: float | None = None,
    ax: Any = None,
) -> Any:
    """Draw traffic over time: all of it, and that of the largest groups; with what is ordinary and what stands out.

    Parameters
    ----------
    what : Capture or Frame
        Packets, or the Frame of ``cap.count(by, every=...)``.
    every : str, int, timedelta or numpy.timedelta64, optional
        The length of a bin, as for `Capture.count`; by default a round one that gives some 100 bins, for which a
        capture is read once more. At most 100,000 bins, empty ones included.
    by : str or None
        The field whose largest values have lines of their own; None for the total only. The total is of the
        packets that have it.
    value : "packets" or "octets"
        What is counted.
    n : int
        How many lines beside the total, from 0 to 7; others are left to it.
    method, k
        As for `pcapframe.threshold`, over the totals of all bins, empty ones included. The band reaches from their mean
        (their median, for the other methods) to the threshold. None draws no band.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Its first line is the total per bin, drawn as steps.
    """
    check_most(n, "n", 0, _MOST_LINES)
    length = check_every(every) if every is not None else bin_of(what, "plot.timeline")
    groups = grouped(what, (_given.text("by", by, "protocol"),) if by else (), value, "plot.timeline", length)
    kept = _largest(groups, n) if by else []
    named = Grouped([key if key in kept else _OTHER for key in groups.keys], groups.amounts, groups.times)
    starts, series = in_bins(named, length, "plot.timeline")
    ax = canvas(ax, "plot.timeline", (8.6, 4.0))
    dress(ax, f"{value.capitalize()} per {span(length)}", "time (UTC)", value, "y")
    if not len(starts):
        return nothing(ax, "no packets with a time")
    total: _Array = np.sum(list(series.values()), axis=0)
    edges = stamps(np.append(starts, starts[-1] + length))
    everything = label(kept[0][0], 22) if len(kept) == 1 and _OTHER not in series else "all"
    _steps(ax, edges, total, color=INK, linewidth=1.6, label=f"{everything} ({short(total.sum())})", zorder=2.5)
    lines = kept if by and (len(kept) > 1 or _OTHER in series) else []
    for place, (key, name) in enumerate(zip(lines, distinct_labels([key[0] for key in lines], 22), strict=True)):
        amounts = series[key]
        _steps(ax, edges, amounts, **pattern(place), linewidth=1.3, label=f"{name} ({short(amounts.sum())})")
    if method is not None:
        _band(ax, starts, length, total, method, k)
    ax.set_ylim(0, 1.02 * ax.get_ylim()[1])
    ax.set_xlim(edges[0], edges[-1])
    short_axis(ax.yaxis, whole=True)
    time_axis(ax)
    legend(ax, loc="upper left", bbox_to_anchor=(1, 1), handlelength=2.6)
    return ax


def _steps(ax: Any, edges: _Array, amounts: _Array, **options: Any) -> None:
    ax.plot(edges, np.append(amounts, amounts[-1]), drawstyle="steps-post", **options)


def _largest(groups: Grouped, n: int) -> list[tuple[Any, ...]]:
    totals: dict[tuple[Any, ...], float] = {}
    for key, amount in zip(groups.keys, groups.amounts.tolist(), strict=True):
        totals[key] = totals.get(key, 0.0) + amount
    keys = list(totals)
    return [keys[place] for place in ordered(keys, np.fromiter(totals.values(), np.float64, len(keys)))[:n]]


def _band(ax: Any, starts: _Array, length: int, total: _Array, method: str, k: float | None) -> None:
    """Shade what is ordinary and mark the bins that reach the threshold."""
    limit = _limit(total, method, k)
    if not np.isfinite(limit):
        return
    middle = float(total.mean()) if "sigma" in method else float(np.median(total))
    words = f"{limit.k:g} sigma" if "sigma" in method else f"{method} {limit.k:g}"
    if limit > middle:
        ax.axhspan(middle, limit, color=FAINT, alpha=0.55, linewidth=0, zorder=0.5)
    ax.axhline(limit, color=QUIET, linestyle=(0, (4, 2)), linewidth=1.1, label=f"threshold, {words} ({short(limit)})")
    above = total >= limit
    if above.any() and not (total == total[0]).all():
        ax.plot(
            stamps(starts[above] + length // 2),
            total[above],
            linestyle="",
            marker="v",
            markersize=6,
            color=ALARM,
            markeredgecolor="white",
            markeredgewidth=0.6,
            label=f"reach it: {int(above.sum())} of {len(total):,}",
            zorder=3,
        )


def _limit(total: _Array, method: str, k: float | None) -> Threshold:
    counts = dict(enumerate(np.rint(total).astype(np.int64).tolist()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ThresholdWarning)  # few bins: the picture shows how few
        return threshold(counts, method, q=k) if method == "quantile" else threshold(counts, method, k)


def ports(
    what: Any, *, transport: str = "tcp", attempts: bool = True, n: int = 5, every: Any = None, ax: Any = None
) -> Any:
    """Draw which destination ports are tried when, and by whom: a scan is a slope, a sweep of one port a line.

    Parameters
    ----------
    what : Capture or Frame
        A Frame of packets needs ``frame_time``, ``ip_src`` and ``tcp_dstport`` (``udp_dstport``), and ``tcp_flags_syn``
        and ``tcp_flags_ack`` for `attempts`.
    transport : "tcp" or "udp"
        Whose ports.
    attempts : bool
        Of TCP, only packets that open a connection (SYN without ACK). Otherwise the replies to short-lived ports are
        seen as well.
    n : int
        The sources with most distinct ports have colours, from 1 to 7; others are grey.
    every : str, int, timedelta or numpy.timedelta64, optional
        Packets of one source to one port within such a length of time are one point; by default as for `timeline`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Of more than 50,000 points every so-manieth is drawn, and the title says so.
    """
    check_most(n, "n", 1, _MOST_LINES)
    if _given.one_of("transport", transport, ("tcp", "udp")) == "tcp" and _given.truth("attempts", attempts):
        what = _attempts(what)
    length = check_every(every) if every is not None else bin_of(what, "plot.ports")
    groups = grouped(what, ("ip_src", f"{transport}_dstport"), "packets", "plot.ports", length)
    ax = canvas(ax, "plot.ports", (8.6, 4.4))
    dress(ax, f"{transport.upper()} ports over time, by source", "time (UTC)", "destination port", "y")
    if groups.times is None or not len(groups.times):
        return nothing(ax, "no such packets")
    step = -(-len(groups.times) // _MOST_POINTS)
    if step > 1:
        dress(
            ax, f"{transport.upper()} ports over time, by source: 1 point of {step}", "time (UTC)", "destination port"
        )
    distinct: dict[Any, set[Any]] = {}
    for source, port in groups.keys:
        distinct.setdefault(source, set()).add(port)
    sources = list(distinct)
    order = ordered(sources, np.array([len(distinct[source]) for source in sources]))
    rank = {sources[place]: number for number, place in enumerate(order)}
    of = np.array([rank[source] for source, _ in groups.keys])[::step]
    times, numbers = groups.times[::step], np.array([port for _, port in groups.keys], dtype=np.int64)[::step]
    for number in range(min(n, len(order)), -1, -1):  # the one with most ports last, on top of the others
        here = of >= n if number == n else of == number
        if not here.any():
            continue
        colour, marker = (QUIET, ".") if number == n else (COLOURS[number], MARKERS[number])
        source = sources[order[number]]
        words = (
            several(len(order) - n, "other")
            if number == n
            else f"{label(source, 26)} ({several(len(distinct[source]), 'port')})"
        )
        ax.plot(
            stamps(times[here]),
            numbers[here],
            linestyle="",
            marker=marker,
            markersize=3.2,
            color=colour,
            label=words,
            markeredgewidth=0,
            alpha=0.8,
            rasterized=len(times) > 5000,
        )
    lowest, highest = int(numbers.min()), int(numbers.max())
    if highest > 2000 and lowest < 1024:
        ax.set_yscale("log")
        log_axis(ax.yaxis, "{:.0f}".format)
        ax.margins(y=0.06)
    else:
        room = max(5.0, 0.06 * (highest - lowest))
        ax.set_ylim(max(lowest - room, -0.04 * (highest + room)), highest + room)
        ticker = __import__("matplotlib.ticker", fromlist=["MaxNLocator"])
        ax.yaxis.set_major_locator(ticker.MaxNLocator(steps=[1, 2, 5, 10], integer=True))
    time_axis(ax)
    handles, names = ax.get_legend_handles_labels()
    ax.legend(
        handles[::-1], names[::-1], frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1), markerscale=2
    )
    return ax


def _attempts(what: Any) -> Any:
    if isinstance(what, Capture):
        return what.filter(tcp_flags_syn=1, tcp_flags_ack=0)
    if not isinstance(what, Frame):
        raise refuse(what, "plot.ports", "a Capture or a Frame")
    if "count" in what:
        return what
    missing = [name for name in ("tcp_flags_syn", "tcp_flags_ack") if name not in what]
    if missing:
        raise ValueError(f"plot.ports needs the column {missing[0]}, or attempts=False")
    return what[(what["tcp_flags_syn"] == 1) & (what["tcp_flags_ack"] == 0)]


def spectrum(what: Any, *, shortest: float | None = None, ax: Any = None) -> Any:
    """Draw how regular events are: power by period. A beacon is a comb of peaks, the rightmost at its period.

    Parameters
    ----------
    what : Capture, Frame or array of int
        Times in ns since the epoch, or packets that have them; narrow them to one pair of hosts first.
    shortest : float, optional
        The shortest period to look for, seconds; by default 1/2000 of the whole, and 2 ms at least.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Its line is the power, 1 on average where events are independent, over periods in seconds, ascending.

    Notes
    -----
    The events are counted in equal bins and the squared modulus of the Fourier transform of the counts, less their
    mean, is divided by the number of events: the periodogram of Bartlett (1963), *The Spectral Analysis of Point
    Processes*. Periods longer than half of the whole are left out, as nothing returns twice within it.
    """
    if shortest is not None:
        _given.number("shortest", shortest)
    times = np.sort(_times_of(what))
    ax = canvas(ax, "plot.spectrum", (7.6, 3.8))
    dress(ax, "How regular: power by period", "period", "power", "both")
    length = int(times[-1] - times[0]) if len(times) > 2 else 0
    if not length:
        return nothing(ax, "too few events at different times")
    periods, power = _periodogram(times, length, shortest)
    if not len(periods):
        return nothing(ax, "the shortest period is longer than half of the whole")
    ax.plot(periods, power, color=COLOURS[0], linewidth=0.9)
    ax.set_xscale("log")
    ax.set_ylim(0, max(float(power.max()) * 1.18, 12))
    log_axis(ax.xaxis, seconds)
    short_axis(ax.yaxis)
    peak = _period(periods, power)
    if peak is not None:
        ax.plot(periods[peak], power[peak], marker="v", color=ALARM, markersize=7, linestyle="")
        ax.annotate(
            f"{periods[peak]:.4g} s",
            (periods[peak], power[peak]),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color=INK,
            fontweight="bold",
        )
    return ax


_CHANCE = 1e-4  # that the highest of all powers is as high without any regularity


def _times_of(what: Any) -> _Array:
    if isinstance(what, Capture):
        what = what.packets(["frame_time"])
    if isinstance(what, Frame):
        column = what["frame_time"]
        values: _Array = column.values if column.valid is None else column.values[column.valid]
        return values
    times = np.asarray(what)
    if times.dtype.kind == "M":
        times = times.astype("datetime64[ns]").view(np.int64)
    if times.ndim != 1 or times.dtype.kind not in "iu":
        raise refuse(what, "plot.spectrum", "a Capture, a Frame, or an array of int ns since the epoch")
    return times.astype(np.int64)


def _periodogram(times: _Array, length: int, shortest: float | None) -> tuple[_Array, _Array]:
    """Periods in seconds, ascending, and their power."""
    if shortest is not None and not shortest > 0:
        raise ValueError(f"shortest: seconds above 0, not {shortest}")
    least = max(2e-3, length / 1e9 / 2000) if shortest is None else shortest
    bins = int(min(_SPECTRUM_BINS, max(16, np.ceil(4 * length / 1e9 / least))))  # four bins in the shortest period
    width = length / bins
    places = np.minimum(((times - times[0]) / width).astype(np.int64), bins - 1)
    counts = np.bincount(places, minlength=bins).astype(np.float64)
    power = np.abs(np.fft.rfft(counts - counts.mean())) ** 2 / len(times)
    which = np.arange(len(power))
    keep = (which >= 2) & (which <= length / 1e9 / least)
    periods = length / 1e9 / which[keep]
    return periods[::-1], power[keep][::-1]


def _period(periods: _Array, power: _Array) -> int | None:
    """The place of the period: of the peaks half as high as the highest the longest, if chance gives none so high."""
    if power.max() < np.log(len(power) / _CHANCE):  # the powers of independent events are exponential
        return None
    end = len(power) - 1
    while end and power[end - 1] < power[end]:  # what rises to the edge is a trend: no peak is seen there
        end -= 1
    high = np.flatnonzero(power[: end + 1] >= power.max() / 2)
    if not len(high):
        return None
    last = int(high[-1])
    while last and power[last - 1] > power[last]:  # down the slope to the top of that peak
        last -= 1
    return last
