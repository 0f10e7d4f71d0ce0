"""Times and lengths of time as people give them, as int nanoseconds, exactly."""

from __future__ import annotations

import operator
import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np

from ._given import wrong

EARLIEST, LATEST = -(2**63), 2**63 - 1  # what an int64 holds, from the year 1677 to 2262

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = re.compile(r"(?<=\d)[.,](\d*)(?=$|[-+Z])")
_UNITS = {"W": 604_800_000_000_000, "D": 86_400_000_000_000, "h": 3_600_000_000_000, "m": 60_000_000_000,
          "s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}  # fmt: skip
_FINER = {"ps": 10**3, "fs": 10**6, "as": 10**9}


def period(start: Any, end: Any) -> tuple[int, int]:
    """The first and the last nanosecond of [start, end); the first lies behind the last where none is in."""
    first = EARLIEST if start is None else nanoseconds("start", start)
    behind = LATEST + 1 if end is None else nanoseconds("end", end)
    if start is not None and end is not None and behind < first:
        raise ValueError(f"between: the end, {end}, lies before the start, {start}")
    if first > LATEST or behind <= EARLIEST:  # times of packets are int64, so none is in
        return LATEST, EARLIEST
    return max(first, EARLIEST), min(behind, LATEST + 1) - 1


def nanoseconds(name: str, time: Any) -> int:
    """A time in ns since the epoch. A time finer than that is rounded up, which changes no half-open comparison."""
    if isinstance(time, str):
        return _from_text(name, time)
    if isinstance(time, np.datetime64):
        return _from_numpy(name, time)
    if hasattr(time, "isoformat"):  # datetime, date, pandas.Timestamp: its text has all of its digits
        return _from_text(name, time.isoformat())
    if not isinstance(time, bool | np.bool_ | np.timedelta64):
        try:
            return operator.index(time)
        except TypeError:
            pass
    raise wrong(name, "ISO 8601 text, datetime, numpy.datetime64, pandas.Timestamp or int nanoseconds", time)


def _from_text(name: str, text: str) -> int:
    # datetime knows microseconds only, so the fraction is taken out of the text.
    given = text.strip().upper()
    fraction = _FRACTION.search(given)
    whole = given if fraction is None else given[: fraction.start()] + given[fraction.end() :]
    digits = "" if fraction is None else fraction[1]
    try:
        if digits[9:].strip("0"):
            raise ValueError("it is finer than a nanosecond")
        time = datetime.fromisoformat(whole)
        if fraction is not None and not (digits and re.search(r"[T ]\d\d:?\d\d:?\d\d", whole)):
            raise ValueError("only seconds have a fraction")
    except ValueError as error:
        why = "" if str(error).startswith("Invalid isoformat") else f": {error}"
        raise ValueError(f"{name}: {text!r} is no time such as '2017-07-05T09:47:00.25Z'{why}") from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000 + int(digits[:9].ljust(9, "0"))


def _from_numpy(name: str, time: np.datetime64) -> int:
    if np.isnat(time):
        raise ValueError(f"{name}: NaT is no time")
    unit, step = np.datetime_data(time.dtype)
    if unit in "YM":
        time, unit, step = time.astype("datetime64[D]"), "D", 1
    count = int(time.astype(np.int64)) * step
    return count * _UNITS[unit] if unit in _UNITS else -(-count // _FINER[unit])


_LENGTHS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "sec": 10**9, "second": 10**9,
            "m": _UNITS["m"], "min": _UNITS["m"], "minute": _UNITS["m"], "h": _UNITS["h"], "hr": _UNITS["h"],
            "hour": _UNITS["h"], "d": _UNITS["D"], "day": _UNITS["D"], "w": _UNITS["W"],
            "week": _UNITS["W"]}  # fmt: skip
_LENGTHS |= {f"{name}s": unit for name, unit in _LENGTHS.items() if len(name) > 2}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?) *([a-zµ]+) *")
_SHOWN = "'500ms', '1s', '1.5h', '1h 30min' or '1d'"


def duration(name: str, length: Any) -> int:
    """Return a length of time above 0 in ns: ``"500ms"``, ``"1min"``, timedelta, numpy.timedelta64 or int ns."""
    found = _length(name, length)
    if not 0 < found <= LATEST:
        raise ValueError(f"{name}: a length of time is from 1 ns to 292 years, not {length!r}")
    return found


def _length(name: str, length: Any) -> int:
    if isinstance(length, str):
        return _length_from_text(name, length)
    if isinstance(length, np.timedelta64):
        return _length_from_numpy(name, length)
    if isinstance(length, timedelta):  # that of pandas has its nanoseconds apart
        return length // timedelta(microseconds=1) * 1000 + int(getattr(length, "nanoseconds", 0))
    if not isinstance(length, bool | np.bool_):
        try:
            return operator.index(length)
        except TypeError:
            pass
    raise wrong(name, "text such as '1s', int nanoseconds, timedelta or numpy.timedelta64", length)


def _length_from_text(name: str, length: str) -> int:
    """Numbers with units, added: ``1h 30min``. Nothing is rounded."""
    given = length.strip().lower()
    found = _LENGTH.findall(given)
    if not found or _LENGTH.sub("", given) or any(unit not in _LENGTHS for _, unit in found):
        unit = ", which needs a unit:" if re.fullmatch(r"[\d.]+", given) else " is no length of time such as"
        raise ValueError(f"{name}: {length!r}{unit} {_SHOWN}")
    total = sum(Fraction(number) * _LENGTHS[unit] for number, unit in found)
    if total.denominator != 1:
        raise ValueError(f"{name}: {length!r} is no whole number of nanoseconds")
    return int(total)


def _length_from_numpy(name: str, length: np.timedelta64) -> int:
    unit, step = np.datetime_data(length.dtype)
    if np.isnat(length) or unit not in _UNITS | _FINER:
        raise ValueError(f"{name}: {length!r} is no fixed length of time")
    count = int(length.astype(np.int64)) * step
    if unit in _UNITS:
        return count * _UNITS[unit]
    whole, rest = divmod(count, _FINER[unit])
    if rest:
        raise ValueError(f"{name}: {length!r} is no whole number of nanoseconds")
    return whole
