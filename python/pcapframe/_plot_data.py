"""What pictures are made of: the counts behind them, from a Capture, a Frame or a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from . import _given
from ._frame import Frame
from ._reader import Capture

_Array = np.ndarray[Any, Any]

MOST_BINS = 100_000  # of a timeline: far more than a picture has columns, and they are few enough to draw
_USUAL_BINS = 150  # a bin is then some four pixels wide
_NICE = [
    unit * step
    for unit, steps in (
        (1, (1, 2, 5, 10, 20, 50, 100, 200, 500)), (10**3, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (10**6, (1, 2, 5, 10, 20, 50, 100, 200, 500)), (10**9, (1, 2, 5, 10, 30)), (60 * 10**9, (1, 2, 5, 10, 30)),
        (3600 * 10**9, (1, 2, 6, 12)), (86_400 * 10**9, (1, 7, 28, 364)),
    )
    for step in steps
]  # fmt: skip
VALUES = {"packets": None, "octets": "frame_len"}


class Grouped(NamedTuple):
    """Groups with how much there is of each."""

    keys: list[tuple[Any, ...]]
    amounts: _Array
    """float64: packets or octets."""
    times: _Array | None
    """int64 ns where the bin of each group begins."""


def check_value(value: str) -> str | None:
    """Return the field to sum for what is to be shown, None for packets."""
    return VALUES[_given.one_of("value", value, tuple(VALUES))]


def two_fields(by: Any) -> tuple[str, str]:
    """Return the names of two fields."""
    found = [_given.text("by", field, "ip_src") for field in _given.items("by", by, "two fields")]
    if len(found) != 2:
        raise ValueError(f"by: two fields, not {len(found)}")
    return found[0], found[1]


def refuse(what: object, caller: str, takes: str) -> TypeError:
    """The error for something that cannot be drawn."""
    return TypeError(f"{caller} takes {takes}, not {_given.shown(what)}")


def _columns(frame: Frame, names: tuple[str, ...], caller: str) -> None:
    missing = [name for name in names if name not in frame]
    if missing:
        raise ValueError(f"{caller} needs the column{'s' * (len(missing) > 1)} {', '.join(missing)}")


def grouped(what: Any, by: tuple[str, ...], value: str, caller: str, every: int = 0) -> Grouped:
    """Group a Capture, a Frame of packets, or a Frame that is grouped already."""
    summed = check_value(value)
    if isinstance(what, Capture):
        if not every and summed is None and len(by) == 1:
            counts: Any = what.count(by[0])
            keys, amounts = counts.to_numpy()
            return Grouped([(key,) for key in keys.tolist()], amounts.astype(np.float64), None)
        frame: Any = what.count(*by, every=every or None, sum=summed)
        return _of_groups(frame, by, summed)
    if not isinstance(what, Frame):
        raise refuse(what, caller, "a Capture or a Frame")
    if "count" in what:
        _columns(what, by, caller)
        return _of_groups(what, by, summed)
    _columns(what, (*by, *(("frame_time",) if every else ()), *((summed,) if summed else ())), caller)
    return _of_packets(what, by, summed, every)


def _of_groups(frame: Frame, by: tuple[str, ...], summed: str | None) -> Grouped:
    name = f"sum_{summed}" if summed else "count"
    if name not in frame:
        raise ValueError(f"the Frame has no column {name}: count(..., sum={summed!r}) gives it")
    keys = _tuples(frame, by)
    times = frame["time"].values if "time" in frame else None
    amounts = frame[name].values.astype(np.float64)
    return _added(keys, amounts, times)


def _of_packets(frame: Frame, by: tuple[str, ...], summed: str | None, every: int) -> Grouped:
    keep = np.ones(len(frame), dtype=bool)
    for name in (*by, *(("frame_time",) if every else ())):
        valid = frame[name].valid
        keep &= True if valid is None else valid
    keys = [key for key, there in zip(_tuples(frame, by), keep.tolist(), strict=True) if there]
    amounts = frame[summed].values.astype(np.float64)[keep] if summed else np.ones(int(keep.sum()))
    times = frame["frame_time"].values[keep] // every * every if every else None
    return _added(keys, amounts, times)


def _tuples(frame: Frame, by: tuple[str, ...]) -> list[tuple[Any, ...]]:
    return list(zip(*(frame[field].tolist() for field in by), strict=True)) if by else [()] * len(frame)


def _added(keys: list[tuple[Any, ...]], amounts: _Array, times: _Array | None) -> Grouped:
    """Add up rows of the same group and bin."""
    totals: dict[Any, float] = {}
    marks = [None] * len(keys) if times is None else times.tolist()
    for key, mark, amount in zip(keys, marks, amounts.tolist(), strict=True):
        totals[key, mark] = totals.get((key, mark), 0.0) + amount
    found = np.array([mark for _, mark in totals], dtype=np.int64) if times is not None else None
    return Grouped([key for key, _ in totals], np.fromiter(totals.values(), np.float64, len(totals)), found)


def counted(what: Any, by: str, value: str, caller: str) -> tuple[list[Any], _Array, str]:
    """Return keys, amounts and the name of what the keys are, from anything that counts by one key."""
    if isinstance(what, Mapping):
        check_value(value)
        if value != "packets":
            raise ValueError(f"{caller}: counts of packets do not tell octets; give the Capture")
        return (
            list(what),
            np.fromiter((int(n) for n in what.values()), np.float64, len(what)),
            getattr(what, "name", ""),
        )
    groups = grouped(what, (by,), value, caller)
    if groups.times is not None:
        groups = _added(groups.keys, groups.amounts, None)
    return [key for (key,) in groups.keys], groups.amounts, by


def usual_bin(length: int) -> int:
    """Return a round length of time that divides `length` ns into some 100 bins."""
    return next((step for step in _NICE if step * _USUAL_BINS >= length), _NICE[-1])


def bin_of(what: Any, caller: str) -> int:
    """Return the length of a bin for all of a Capture or of a Frame of packets, ns."""
    if isinstance(what, Capture):
        if not what.reusable:
            raise ValueError(f"{caller}: this capture can be read only once: give every=, such as '1s'")
        reach: Any = what.count(min="frame_time", max="frame_time")
        first, last = (reach[name].tolist()[0] for name in ("min_frame_time", "max_frame_time"))
    elif isinstance(what, Frame):
        name = "time" if "time" in what else "frame_time"
        _columns(what, (name,), caller)
        times = what[name].values if what[name].valid is None else what[name].values[what[name].valid]
        if name == "time":
            steps = np.diff(np.unique(times))  # the bins are there already
            return int(np.gcd.reduce(steps)) if len(steps) else 10**9
        first, last = (int(times.min()), int(times.max())) if len(times) else (None, None)
    else:
        raise refuse(what, caller, "a Capture or a Frame")
    return 10**9 if first is None or last in (None, first) else usual_bin(last - first)


def in_bins(groups: Grouped, every: int, caller: str) -> tuple[_Array, dict[tuple[Any, ...], _Array]]:
    """Return where bins begin and the amounts in each, by key; the bins without packets are there too."""
    times = groups.times
    if times is None or not len(times):
        return np.zeros(0, dtype=np.int64), {}
    first, last = int(times.min()), int(times.max())
    bins = (last - first) // every + 1
    if bins > MOST_BINS:
        raise ValueError(f"{caller}: {bins:,} bins, {MOST_BINS:,} are allowed: give a longer every=")
    series: dict[tuple[Any, ...], _Array] = {}
    for key, place, amount in zip(
        groups.keys, ((times - first) // every).tolist(), groups.amounts.tolist(), strict=True
    ):
        series.setdefault(key, np.zeros(bins))[place] += amount
    return first + every * np.arange(bins, dtype=np.int64), series
