"""How every picture looks: colours that differ in hue and in lightness, lines that differ in their dashes too."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _given
from ._text import legible

INK, QUIET, FAINT = "#222222", "#767676", "#d9d9d9"
PLAIN, ALARM = "#5b7fa6", "#b2182b"  # bars; those that reach a threshold are darker in grey, and hatched
HATCH = "////"
# Okabe and Ito's colours for the colour-blind, in an order in which neighbours differ in lightness; a dark purple
# stands for their black, which is that of totals.
COLOURS = ("#0072b2", "#e69f00", "#5b2a6e", "#56b4e9", "#d55e00", "#009e73", "#cc79a7")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (2, 1)),
    (0, (8, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SCALE = "Blues"  # one hue, the same to all kinds of eyes; darker is more and white is nothing
LONGEST_LABEL = 34  # characters; a longer one loses its middle
_LONGEST_OF_ALL = 64  # where shorter ones would be the same

_SIZE = (7.6, 4.2)  # inches
_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def import_pyplot(caller: str) -> Any:
    """Import matplotlib.pyplot, or say how to get it."""
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install 'pcapframe[plot]'") from error


def canvas(ax: Any, caller: str, size: tuple[float, float] = _SIZE) -> Any:
    """Return the Axes to draw in: `ax`, or those of a new figure."""
    pyplot = import_pyplot(caller)
    if ax is not None and not hasattr(ax, "set_title"):
        raise _given.wrong("ax", "matplotlib Axes, as plt.subplots() gives them", ax)
    return pyplot.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def dress(ax: Any, title: str, x: str = "", y: str = "", grid: str = "") -> Any:
    """Give Axes the common look."""
    ax.set_title(plain(title), loc="left", fontsize=11, fontweight="bold", color=INK, pad=9)
    ax.set_xlabel(plain(x), color=INK, fontsize=9.5)
    ax.set_ylabel(plain(y), color=INK, fontsize=9.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(QUIET)
    ax.tick_params(colors=INK, labelsize=9, length=3, color=QUIET)
    ax.set_axisbelow(True)
    if grid:
        ax.grid(True, axis=grid, color=FAINT, linewidth=0.7)
    return ax


def plain(text: str) -> str:
    """Return text that matplotlib shows as it is: a dollar sign would begin mathematics."""
    return text.replace("$", r"\$")


def label(value: object, longest: int = LONGEST_LABEL) -> str:
    """Return a value as one short line, safe to show."""
    text = "none" if value is None else legible(str(value))
    if len(text) > longest:
        half = (longest - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    return plain(text)


def distinct_labels(values: Sequence[object], longest: int = LONGEST_LABEL) -> list[str]:
    """Return values as short lines that differ from each other, if 64 characters will do for it."""
    shown = [label(value, longest) for value in values]
    return (
        shown if len(set(shown)) == len(shown) or longest >= _LONGEST_OF_ALL else distinct_labels(values, longest + 6)
    )


def several(number: int, word: str) -> str:
    """Return ``1 port``, ``2 ports``."""
    return f"{number:,} {word}{'s' * (number != 1)}"


def short(number: float) -> str:
    """Return a number in four digits or so: 950, 1.2k, 34M."""
    for unit, letter in _UNITS:
        if abs(number) >= 0.9995 * unit:
            scaled = number / unit
            return f"{scaled:.0f}{letter}" if scaled >= 99.95 else f"{scaled:.3g}{letter}"
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:.3g}"


def short_axis(axis: Any, *, whole: bool = False) -> None:
    """Let an axis of numbers write 20k for 20000, at whole numbers only if these are counts."""
    ticker = importlib.import_module("matplotlib.ticker")
    axis.set_major_formatter(ticker.FuncFormatter(lambda number, _: short(number)))
    if whole:
        axis.set_major_locator(ticker.MaxNLocator(nbins=7, steps=[1, 2, 5, 10], integer=True))


def log_axis(axis: Any, text: Any = short) -> None:
    """Let a logarithmic axis write its powers of ten, and what lies between them if there are few, as `text` does."""
    ticker = importlib.import_module("matplotlib.ticker")
    low, high = sorted(axis.get_view_interval())
    subs = (1.0, 2.0, 5.0) if low > 0 and high / low < 500 else (1.0,)
    axis.set_major_locator(ticker.LogLocator(subs=subs, numticks=9 if text is short else 6))
    axis.set_major_formatter(ticker.FuncFormatter(lambda number, _: text(number)))
    axis.set_minor_locator(ticker.NullLocator())


def seconds(number: float) -> str:
    """Return seconds as an axis shows them: 10 µs, 200 ms, 5 s, 10k s."""
    if number >= 0.9995:
        return f"{short(number)} s"
    return f"{number * 1e3:.3g} ms" if number >= 0.9995e-3 else f"{number * 1e6:.3g} µs"


def time_axis(ax: Any) -> None:
    """Let the x axis show times (of datetime64, UTC) without repeating the date at every tick."""
    dates = importlib.import_module("matplotlib.dates")
    locator = dates.AutoDateLocator(minticks=3, maxticks=6)
    low, high = ax.get_xlim()  # in days
    clock, day = ("%S.%f", "%Y-%m-%d %H:%M") if (high - low) * 86_400 < 1 else ("%H:%M:%S.%f", "%Y-%m-%d")
    style = dates.ConciseDateFormatter(
        locator,
        formats=["%Y", "%b", "%d", "%H:%M", "%H:%M", clock],
        zero_formats=["", "%Y", "%b", "%b %d", "%H:%M", clock],
        offset_formats=["", "%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d", day],
    )
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(style)


def stamps(nanoseconds: Any) -> np.ndarray[Any, Any]:
    """Return ns since the epoch as datetime64."""
    return np.asarray(nanoseconds, dtype=np.int64).view("datetime64[ns]")


def span(nanoseconds: int) -> str:
    """Return a length of time as people write it."""
    for unit, name in (
        (86_400 * 10**9, "d"),
        (3600 * 10**9, "h"),
        (60 * 10**9, "min"),
        (10**9, "s"),
        (10**6, "ms"),
        (10**3, "µs"),
    ):
        if nanoseconds >= unit:
            return f"{nanoseconds / unit:.4g} {name}"
    return f"{nanoseconds} ns"


def legend(ax: Any, **options: Any) -> None:
    """Show a legend where there is something to tell apart."""
    handles, _ = ax.get_legend_handles_labels()
    if handles:
        ax.legend(**{"frameon": False, "fontsize": 9, "labelcolor": INK, **options})


def nothing(ax: Any, text: str) -> Any:
    """Say in the middle of Axes that there is nothing to see."""
    ax.text(0.5, 0.5, plain(text), ha="center", va="center", transform=ax.transAxes, color=QUIET)
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def pattern(number: int) -> dict[str, Any]:
    """The colour and the dashes of one line among several."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)]}


def check_most(n: int, name: str, least: int, most: int) -> int:
    """Return a bound on what is drawn, or raise."""
    return _given.whole(name, n, least, most)


def ordered(keys: Sequence[Any], amounts: np.ndarray[Any, Any]) -> list[int]:
    """The places of the largest first; of equal ones in the order of their keys as text."""
    return sorted(range(len(keys)), key=lambda place: (-amounts[place], str(keys[place])))
