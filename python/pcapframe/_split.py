"""One capture into many: the template of their names."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np

from ._columns import FIELDS, nearest

_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}


def duration(name: str, every: Any) -> int:
    """Return a length of time as nanoseconds: ``"500ms"``, ``"1min"``, `timedelta`, `numpy.timedelta64` or int ns."""
    if isinstance(every, str):
        text = every.strip().lower()
        digits = text.rstrip(string.ascii_letters + " ")
        unit = text[len(digits) :].strip()
        if unit not in _UNITS or not digits.isdecimal():
            raise ValueError(f"{name}: {every!r} is no length of time such as 500ms, 1s, 5min, 1h or 1d")
        length = int(digits) * _UNITS[unit]
    elif isinstance(every, timedelta):
        length = (every.days * 86_400 + every.seconds) * 10**9 + every.microseconds * 1000
    elif isinstance(every, np.timedelta64):
        length = int(every.astype("timedelta64[ns]").astype(np.int64))
    elif isinstance(every, int | np.integer) and not isinstance(every, bool):
        length = int(every)
    else:
        raise TypeError(f"{name}: text such as '1h', timedelta or int nanoseconds, not {type(every).__name__}")
    if not 0 < length < 2**63:
        raise ValueError(f"{name}: a length of time is above 0, not {every!r}")
    return length


def parts(template: str | os.PathLike[str], every: Any) -> tuple[str | tuple[str] | int, ...]:
    """Return what the core takes for a template: literal text, ``(column,)`` and the length of bins."""
    text = os.fspath(template)
    folder, name = os.path.split(text)
    if "{" in folder or "}" in folder:
        raise ValueError(f"split: {text!r}: columns may stand in the file's name, not in that of its folder")
    length = None if every is None else duration("every", every)
    found: list[str | tuple[str] | int] = [os.path.join(folder, "")] if folder else []
    for literal, field, form, conversion in string.Formatter().parse(name):
        if literal:
            found.append(literal)
        if form or conversion:
            raise ValueError(f"split: {text!r}: a column stands in braces by itself, without a format")
        if field == "time" and length is not None:
            found.append(length)
        elif field is not None:
            if field == "time":
                raise ValueError(f"split: {text!r}: {{time}} needs every=, such as '1h'")
            if field not in FIELDS:
                raise KeyError(f"no column {field!r}{nearest(field, FIELDS)}")
            if FIELDS[field].kind == "binary":
                raise TypeError(f"split: {field}: octets make no name")
            found.append((field,))
    if length is not None and length not in found:
        raise ValueError(f"split: {text!r}: with every= the name needs a {{time}}, such as 'out/{{time}}.pcap'")
    if all(isinstance(part, str) for part in found):
        raise ValueError(f"split: {text!r}: the name needs a column in braces, such as 'out/{{eth_src}}.pcap'")
    return tuple(found)


def may_make(template: str, path: str) -> bool:
    """Tell whether a template may make the path of a file that is there."""
    folder, name = os.path.split(template)
    if not os.path.exists(path) or not os.path.samefile(folder or ".", os.path.dirname(path) or "."):
        return False
    literals = (re.escape(literal) for literal, *_ in string.Formatter().parse(name))
    return re.fullmatch(".*".join([*literals, ""]), os.path.basename(path), re.DOTALL) is not None


def pairs(names: Mapping[Any, str] | None, found: tuple[object, ...]) -> tuple[tuple[str, str], ...]:
    """Return ``(text, name)`` for values with a name of their own."""
    if names is None:
        return ()
    if sum(isinstance(part, tuple) for part in found) != 1:
        raise ValueError("split: names= serves a template with one column")
    for name in names.values():
        if not isinstance(name, str) or not name or "/" in name or "\0" in name or name.startswith("."):
            raise ValueError(f"split: names=: {name!r} is no name of a file")
    return tuple((str(value), name) for value, name in names.items())
