"""What `Capture.count` is asked, checked: fields, aggregates, bins."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np

from ._columns import FIELDS, nearest

ASKS = ("sum", "min", "max", "mean", "std", "distinct")  # the core knows them by their place

_LONGEST = 2**63 - 1  # ns, of a bin
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9,
          "d": 86_400 * 10**9}  # fmt: skip
_LENGTH = re.compile(r"(\d+)\s*([a-zµ]+)")
_FINER = {"ps": 10**3, "fs": 10**6, "as": 10**9}

Names = str | Iterable[str] | None


class Question(NamedTuple):
    """A grouped count as the core takes it."""

    fields: tuple[str, ...]
    every: int
    """Nanoseconds of a bin; 0: none."""
    aggregates: tuple[tuple[int, str], ...]
    gaps: bool
    fill: bool
    top: int
    """0: all."""
    approx: bool
    keep_nulls: bool

    @property
    def plain(self) -> bool:
        """Whether it is one field and nothing else, whose answer is a mapping."""
        return len(self.fields) == 1 and self[1:] == (0, (), False, False, 0, False, False)


def check_name(name: object, where: str) -> str:
    """Return the name of a field that can be counted, or raise."""
    if not isinstance(name, str):
        raise TypeError(f"{where}: names of fields are text, not {type(name).__name__}")
    if name not in FIELDS:
        raise KeyError(f"{where}: no field {name!r}{nearest(name, FIELDS)}")
    if FIELDS[name].kind == "binary":
        raise ValueError(f"{where}: {name} holds octets, which are neither counted by nor put together")
    return name


def _check_once(names: list[str], where: str) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{where}: {twice[0]} is there twice")
    return names


def _check_asked(ask: str, names: Names) -> list[str]:
    """The fields that one aggregate is asked for, each of a kind that has it."""
    given: list[Any] = [] if names is None else [names] if isinstance(names, str) else list(names)
    checked = _check_once([check_name(name, f"{ask}=") for name in given], f"{ask}=")
    for name in checked:
        kind = FIELDS[name].kind
        if ask != "distinct" and kind in ("text", "string"):
            raise ValueError(f"{ask}=: {name} is text, of which there is only distinct=")
        if ask not in ("distinct", "min", "max") and kind == "time":
            raise ValueError(f"{ask}=: {name} is a time, of which there are only min=, max= and distinct=")
    return checked


def check_every(every: Any) -> int:
    """Return the length of a bin in ns, 0 for None."""
    if every is None:
        return 0
    length = _nanoseconds(every)
    if not 0 < length <= _LONGEST:
        raise ValueError(f"every: a bin takes from 1 ns to 292 years, not {every!r}")
    return length


def _nanoseconds(every: Any) -> int:
    if isinstance(every, str):
        found = _LENGTH.fullmatch(every.strip().lower())
        if found is None or found[2] not in _UNITS:
            raise ValueError(f"every: {every!r} is no length of time such as '500ms', '1s', '5min', '1h' or '1d'")
        return int(found[1]) * _UNITS[found[2]]
    if isinstance(every, np.timedelta64):
        return _from_numpy(every)
    if isinstance(every, timedelta):  # that of pandas has its nanoseconds apart
        rest = int(getattr(every, "nanoseconds", 0))
        return every // timedelta(microseconds=1) * 1000 + rest
    if not isinstance(every, bool | np.bool_):
        try:
            return operator.index(every)
        except TypeError:
            pass
    raise TypeError(
        f"every: text such as '1s', int nanoseconds, timedelta or numpy.timedelta64, not {type(every).__name__}"
    )


def _from_numpy(every: np.timedelta64) -> int:
    unit, step = np.datetime_data(every.dtype)
    if np.isnat(every) or unit in ("Y", "M", "generic"):
        raise ValueError(f"every: {every!r} is no fixed length of time")
    count = int(every.astype(np.int64)) * step
    if unit in _FINER:
        whole, rest = divmod(count, _FINER[unit])
        if rest:
            raise ValueError(f"every: {every!r} is no whole number of nanoseconds")
        return whole
    return count * {"us": 10**3, "ms": 10**6, "s": 10**9, "m": _UNITS["min"], "h": _UNITS["h"], "D": _UNITS["d"],
                    "W": 7 * _UNITS["d"], "ns": 1}[unit]  # fmt: skip


def _check_top(top: Any) -> int:
    if top is None:
        return 0
    number = operator.index(top)
    if number < 1 or isinstance(top, bool):
        raise ValueError(f"top: 1 or more groups are kept, not {top}")
    return min(number, _LONGEST)


def check_question(
    fields: tuple[Any, ...],
    every: Any,
    asked: dict[str, Names],
    *,
    gaps: bool,
    fill: bool,
    top: Any,
    approx: bool,
    dropna: bool,
) -> Question:
    """Return what is asked, or raise what is wrong with it in one line."""
    for name in fields:
        if not isinstance(name, str) and isinstance(name, Iterable):
            raise TypeError(
                f"count: fields stand side by side, count('ip_src', 'ip_dst'), not in a {type(name).__name__}"
            )
    names = _check_once([check_name(name, "count") for name in fields], "count")
    aggregates = [(place, name) for place, ask in enumerate(ASKS) for name in _check_asked(ask, asked[ask])]
    question = Question(
        tuple(names), check_every(every), tuple(aggregates), bool(gaps), bool(fill), _check_top(top), bool(approx),
        not dropna,
    )  # fmt: skip
    if approx and not any(ASKS[place] == "distinct" for place, _ in aggregates):
        raise ValueError("approx: is about distinct=, which is not asked for")
    if fill and every is None:
        raise ValueError("fill: the empty bins of which every=?")
    if fill and top is not None:
        raise ValueError("fill: of groups that top= leaves out nobody can say in which bins they are empty")
    if top is not None and not names:
        raise ValueError("top: of which fields?")
    return question
