"""How well a model tells classes apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import _given
from ._plot_counts import _write_cells
from ._plot_style import FAINT, QUIET, SCALE, canvas, distinct_labels, dress, label, legend, pattern, short

_Array = np.ndarray[Any, Any]

_MOST_CLASSES = 60
_MOST_CURVES = 7


def confusion(truth: Any, predicted: Any, labels: Sequence[Any] | None = None, *, ax: Any = None) -> Any:
    """Draw what was taken for what. A row is a class, its colours are shares of it and its numbers are counts.

    Parameters
    ----------
    truth, predicted : array of shape (n,)
        Classes, as they are and as a model has them.
    labels : sequence, optional
        Classes in the order of rows and columns; by default all that occur, the most frequent first. At most 60.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The image's array holds the shares, from 0 to 1.
    """
    true, guess = np.asarray(truth), np.asarray(predicted)
    if true.shape != guess.shape or true.ndim != 1:
        raise ValueError(f"truth, predicted: arrays of one length, not of shapes {true.shape} and {guess.shape}")
    classes = (
        _given.items("labels", labels, "classes") if labels is not None else _classes(true.tolist(), guess.tolist())
    )
    if not 1 <= len(classes) <= _MOST_CLASSES:
        raise ValueError(f"plot.confusion: from 1 to {_MOST_CLASSES} classes, not {len(classes)}")
    place = {name: number for number, name in enumerate(classes)}
    unknown = sorted({str(name) for name in (*true.tolist(), *guess.tolist()) if name not in place})
    if unknown:
        raise ValueError(f"plot.confusion: {unknown[0]!r} is not among labels=")
    table = np.zeros((len(classes), len(classes)))
    np.add.at(table, ([place[name] for name in true.tolist()], [place[name] for name in guess.tolist()]), 1)
    sums = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, sums, out=np.zeros_like(table), where=sums > 0)
    names = distinct_labels(classes, 22)
    side = 0.62 * max(4, len(classes)) if len(classes) <= 12 else 0.32 * len(classes)
    room = 0.055 * max(map(len, names))  # inches for the longest name
    ax = canvas(ax, "plot.confusion", (2.6 + room + side, 1.4 + 0.64 * room + side))
    dress(ax, "What was taken for what", "predicted", "true")
    image = ax.imshow(shares, cmap=SCALE, vmin=0, vmax=1)
    ax.set_xticks(range(len(classes)), names, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(classes)), [f"{name} ({short(n)})" for name, (n,) in zip(names, sums, strict=True)])
    ax.tick_params(length=0)
    for edge in ("left", "bottom"):
        ax.spines[edge].set_visible(False)
    if len(classes) <= 20:
        _write_cells(ax, image, shares, [[short(count) if count else "" for count in row] for row in table.tolist()])
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, pad=0.02, label="share of the true class")
    bar.outline.set_visible(False)
    return ax


def _classes(*lists: list[Any]) -> list[Any]:
    counts: dict[Any, int] = {}
    for names in lists:
        for name in names:
            counts[name] = counts.get(name, 0) + (names is lists[0])
    return sorted(counts, key=lambda name: (-counts[name], str(name)))


def precision_recall(truth: Any, scores: Any, *, positive: Any = None, ax: Any = None) -> Any:
    """Draw precision over recall for every threshold of a score, which tells more than ROC where attacks are rare.

    Parameters
    ----------
    truth : array of shape (n,)
        Whether each is an attack; with `positive`, its class.
    scores : array of shape (n,), or mapping of name to such arrays
        The higher, the more like an attack; at most 7 curves.
    positive : optional
        The class that is looked for.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A line per score, with its average precision (as scikit-learn defines it: no interpolation) in the legend.
    """
    given = np.asarray(truth)
    wanted = given.astype(bool) if positive is None else given == positive
    curves: Mapping[str, Any] = scores if isinstance(scores, Mapping) else {"": scores}
    if not 1 <= len(curves) <= _MOST_CURVES:
        raise ValueError(f"plot.precision_recall: from 1 to {_MOST_CURVES} curves, not {len(curves)}")
    if not wanted.any():
        raise ValueError("plot.precision_recall: none of truth is positive")
    ax = canvas(ax, "plot.precision_recall", (8.2, 4.4))
    dress(
        ax,
        "Precision and recall",
        "recall: share of attacks found",
        "precision: share of alarms that are attacks",
        "both",
    )
    for number, (name, score) in enumerate(curves.items()):
        precision, recall = _curve(wanted, _given.numbers_of("scores", score))
        average = float(np.sum(np.diff(recall) * precision[1:]))
        words = f"{label(name)}, average {average:.3f}" if name else f"average precision {average:.3f}"
        ax.plot(recall, precision, drawstyle="steps-pre", **pattern(number), linewidth=1.8, label=words)
    share = float(wanted.mean())
    ax.axhline(share, color=QUIET, linewidth=1, linestyle=(0, (4, 2)), label=f"by chance {share:.3f}")
    ax.set_xlim(0, 1.01)
    ax.set_ylim(0, 1.03)
    ax.grid(True, color=FAINT, linewidth=0.7)
    legend(ax, loc="upper left", bbox_to_anchor=(1, 1), handlelength=2.6)
    return ax


def _curve(wanted: _Array, scores: _Array) -> tuple[_Array, _Array]:
    """Precision and recall at each distinct score, from the highest down; the first point is recall 0."""
    if scores.shape != wanted.shape or scores.ndim != 1:
        raise ValueError(f"scores: of shape {scores.shape} for truth of shape {wanted.shape}")
    if np.isnan(scores).any():
        raise ValueError("plot.precision_recall: a score is not a number (NaN)")
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    found = np.cumsum(wanted[order])[ends]
    precision, recall = found / (ends + 1), found / wanted.sum()
    return np.append(precision[:1], precision), np.append(0.0, recall)
