"""Conditions on fields, as people write them: ``tcp_dstport={22, 2222}``, ``frame_len=slice(1000, None)``."""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from . import _core, _given, _times
from ._columns import FIELDS, check_columns

_NUMBERS = {"uint8": (0, 2**8), "uint16": (0, 2**16), "uint32": (0, 2**32), "uint64": (0, 2**64),
            "int64": (-(2**63), 2**63), "time": (-(2**63), 2**63)}  # fmt: skip
_DISPLAY = re.compile(  # tcp.flags.syn == 1
    r"\b([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)\s*(?:==|!=|>=|<=|>|<|eq\b|ne\b|contains\b|matches\b)\s*(\S+)"
)

_ONE = (str, ipaddress.IPv4Network, ipaddress.IPv6Network)  # what can be iterated over and is one value

_Condition = tuple[str, bool, tuple[Any, ...], int | None, int | None]


def conditions(fields: Mapping[str, Any], any_of: Iterable[Mapping[str, Any]] | None) -> tuple[_core.Conditions, ...]:
    """Return what the core takes for these keywords: nothing where there are none."""
    given = () if any_of is None else _given.items("any_of", any_of, "dicts such as {'tcp_dstport': 22}")
    alternatives = tuple(_clause(_mapping(each)) for each in given)
    if any_of is not None and not alternatives:
        raise ValueError("any_of: an empty list of alternatives, which no packet meets")
    if not fields and any_of is None:
        return ()
    return (_core.Conditions(_clause(fields), alternatives),)


def display_filter_hint(expression: str) -> str:
    """Return how a Wireshark display filter is written as keywords, if that is what the expression looks like."""
    found = _DISPLAY.search(expression)
    name = found[1].replace(".", "_") if found else ""
    if found is None or name not in FIELDS:
        return ""
    value = found[2].strip("\"'")
    shown = value if FIELDS[name].kind in _NUMBERS else repr(value)
    return f"; that is a display filter, which is written filter({name}={shown})"


def _mapping(each: object) -> Mapping[str, Any]:
    if not isinstance(each, Mapping):
        raise TypeError(f"any_of: a list of dicts such as {{'tcp_dstport': 22}}, not of {_given.shown(each)}")
    return each


def _clause(fields: Mapping[str, Any]) -> tuple[_Condition, ...]:
    check_columns(list(fields))
    return tuple(_condition(name, wanted) for name, wanted in fields.items())


def _condition(name: str, wanted: Any) -> _Condition:
    field = FIELDS.get(name)
    if field is None:
        raise KeyError(f"no column {name!r}: a condition is on one column")
    if field.asked == "by name" and field.group == "flow":
        raise ValueError(f"{name}: which flow a packet is in takes a pass before: packets_of(ids) gives the packets")
    if field.kind == "binary":
        raise TypeError(f"{name}: octets cannot be asked for; a capture filter such as 'tcp[20:4] = 0x16030100' can")
    if isinstance(wanted, slice):
        return _range(name, field.kind, wanted)
    values = _several(name, wanted)
    null = any(value is None for value in values)
    numeric = field.kind in _NUMBERS
    take = _number if numeric else _text
    found = (take(name, field.kind, value) for value in values if value is not None)
    return name, null, tuple(value for value in found if value is not None), None, None


def _several(name: str, wanted: Any) -> list[Any]:
    if isinstance(wanted, bytes):
        raise TypeError(f"{name}: text, a number or a set of them, not bytes")
    if isinstance(wanted, np.ndarray) and wanted.dtype.kind != "M":
        return list(np.atleast_1d(wanted).tolist())
    if hasattr(wanted, "tolist") and hasattr(wanted, "codes"):  # a Column
        return list(wanted.tolist())
    return list(wanted) if isinstance(wanted, Iterable) and not isinstance(wanted, _ONE) else [wanted]


def _number(name: str, kind: str, value: Any) -> int | None:
    """A number as the column holds it; None for one that it cannot hold, which no packet has."""
    low, behind = _NUMBERS[kind]
    if kind == "time":
        number = _times.nanoseconds(name, value)
    else:
        try:
            number = operator.index(value)
        except TypeError:
            raise _given.wrong(name, "the column holds integers", value) from None
    return number if low <= number < behind else None


def _text(name: str, kind: str, value: Any) -> str | tuple[bytes, bytes]:
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return str(value)
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value.network_address.packed, value.broadcast_address.packed
    if not isinstance(value, str):
        raise _given.wrong(name, "the column holds text", value)
    if FIELDS[name].form == "address" and "/" in value:
        try:
            return _text(name, kind, ipaddress.ip_network(value, strict=False))
        except ValueError:
            raise ValueError(f"{name}: {value!r} is no IP address or network") from None
    return value.lower().replace("-", ":") if FIELDS[name].form == "hardware" else value


def _range(name: str, kind: str, wanted: slice) -> _Condition:
    if kind not in _NUMBERS:
        raise TypeError(f"{name}: a slice serves numbers and times, and this column is {kind}")
    if wanted.step is not None:
        raise ValueError(f"{name}: a slice with a step is no range")
    low, behind = _NUMBERS[kind]
    first = low if wanted.start is None else _bound(name, kind, wanted.start)
    last = behind if wanted.stop is None else _bound(name, kind, wanted.stop)
    if first >= min(last, behind):
        return name, False, (), None, None  # an empty range: no packet
    return name, False, (), max(first, low), last if last < behind else None


def _bound(name: str, kind: str, value: Any) -> int:
    if kind == "time":
        return _times.nanoseconds(name, value)
    try:
        return operator.index(value)
    except TypeError:
        raise _given.wrong(name, "the column holds integers", value) from None
