"""What callers give for a parameter, checked: an error is one line that names it, what is needed, and what was given.

A wrong type is a `TypeError`, a wrong value of a right type a `ValueError`.
"""

from __future__ import annotations

import math
import numbers
import operator
import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

_Item = TypeVar("_Item")

_LONGEST = 60  # characters of what was given
_AS_IT_IS = (str, int, float, complex, bytes, type(None))  # what a repr tells all of; else the type is told


def shown(value: object) -> str:
    """Return what was given, as a message tells it."""
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        value = value.item()
    if isinstance(value, _AS_IT_IS):
        text = repr(value)
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    kind = type(value).__name__
    return f"{'an' if kind[:1] in 'aeiouAEIOU' else 'a'} {kind}"


def wrong(name: str, needed: str, value: object, *kinds: type) -> TypeError | ValueError:
    """Return the error for a value that is not what is needed; `kinds` are the types that could have been."""
    right = isinstance(value, kinds) and not isinstance(value, bool)
    return (ValueError if right else TypeError)(f"{name}: {needed}, not {shown(value)}")


def whole(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """Return a whole number."""
    needed = f"a whole number{_range(least, most)}"
    if isinstance(value, bool | np.bool_):
        raise wrong(name, needed, value)
    try:
        found = operator.index(value)
    except TypeError:
        raise wrong(name, needed, value) from None
    if (least is not None and found < least) or (most is not None and found > most):
        raise wrong(name, needed, found, int)
    return found


def number(
    name: str, value: Any, least: float | None = None, most: float | None = None, *, finite: bool = True
) -> float:
    """Return a number."""
    needed = f"a number{_range(least, most)}"
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real | np.integer | np.floating):
        raise wrong(name, needed, value)
    found = float(value)
    if math.isnan(found) or (finite and math.isinf(found)):
        raise wrong(name, "a finite number" if finite else needed, found, float)
    if (least is not None and found < least) or (most is not None and found > most):
        raise wrong(name, needed, found, float)
    return found


def _range(least: float | None, most: float | None) -> str:
    if least is None:
        return "" if most is None else f" up to {most:,}"
    return f", {least:,} or more" if most is None else f" from {least:,} to {most:,}"


def numbers_of(name: str, value: Any) -> np.ndarray[Any, Any]:
    """Return an array of float64."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise wrong(name, "an array of numbers", value) from None


def truth(name: str, value: Any) -> bool:
    """Return True or False; 0 and 1 will do, and text will not: ``"no"`` would be true."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise wrong(name, "True or False", value, int)


def text(name: str, value: Any, such_as: str) -> str:
    """Return text."""
    if not isinstance(value, str):
        raise wrong(name, f"text such as {such_as!r}", value)
    return value


def path(name: str, value: Any) -> str:
    """Return the path of a file."""
    if not isinstance(value, str | bytes | os.PathLike):
        raise wrong(name, "the path of a file", value)
    found = os.fsdecode(value)
    if not found or "\0" in found:
        raise wrong(name, "the path of a file", found, str)
    return found


def one_of(name: str, value: Any, allowed: Iterable[_Item]) -> _Item:
    """Return one of few values."""
    value = value.item() if isinstance(value, np.generic) else value
    for each in allowed:
        if isinstance(value, type(each)) and value == each:
            return each
    raise wrong(name, " or ".join(map(repr, allowed)), value, str, int)


def mapping(name: str, value: Any, such_as: str) -> Mapping[Any, Any]:
    """Return a mapping."""
    if not isinstance(value, Mapping):
        raise wrong(name, f"a dict such as {such_as}", value)
    return value


def iterable(name: str, value: Any, of: str) -> Iterable[Any]:
    """Return a list, set, array or other collection as it is; a lone text is none."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise wrong(name, f"a list or set of {of}", value)
    return value


def items(name: str, value: Any, of: str) -> list[Any]:
    """Return what is in a list, set, array or other collection."""
    return list(iterable(name, value, of))


def progress(name: str, value: Any, of: str) -> Any:
    """Return True, False, None, or a function that is told how far it is."""
    if value is None or callable(value) or isinstance(value, bool):
        return value
    raise wrong(name, f"True, False, None or a function of {of}", value)
