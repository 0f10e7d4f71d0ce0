"""The catalogue of columns, and which of them a question asks for."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import NamedTuple

from . import _core, _given


class Field(NamedTuple):
    """A column that packets can be asked for."""

    name: str
    """Its name: that of the Wireshark field, with underscores."""
    kind: str
    """``uint8`` to ``uint64``, ``int64``, ``time``, ``text``, ``string`` or ``binary``; see `Column.kind`."""
    nullable: bool
    """Whether there may be nulls."""
    wireshark: str
    """The Wireshark field or fields (``ip.src|ipv6.src``) it equals; empty where there is none."""
    doc: str
    """Meaning and unit in one line."""
    group: str
    """The group it is in."""
    asked: str
    """When it is in a table: ``never`` need be asked for, ``anyhow`` (by name, group or pattern), ``by name`` only."""
    form: str
    """What its text is: an IP ``address``, a ``hardware`` address; else empty."""


FIELDS = {field.name: field for field in map(Field._make, _core.fields())}
GROUPS = tuple(dict.fromkeys(field.group for field in FIELDS.values()))
COMMON = tuple(name for name, field in FIELDS.items() if field.asked == "never")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a hint with the names most like `name`, for an error message."""
    import difflib  # for an error only: not worth its time at every start

    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.4)
    return f"; did you mean {', '.join(close)}?" if close else ""


def _named(item: object) -> list[str]:
    """The columns that one name, group or pattern stands for."""
    if not isinstance(item, str):
        raise _given.wrong("columns", "names, groups or patterns, which are text", item)
    if item in FIELDS:
        return [item]
    open_ones = [name for name, field in FIELDS.items() if field.asked != "by name"]
    if item in GROUPS:
        return [name for name in open_ones if FIELDS[name].group == item]
    if any(character in item for character in "*?["):
        found = fnmatch.filter(open_ones, item)
        if found:
            return found
        raise KeyError(f"no column matches {item!r}; pcapframe.columns() lists them")
    raise KeyError(f"no column {item!r}{nearest(item, [*FIELDS, *GROUPS])}")


def check_columns(columns: Iterable[str] | str | None) -> tuple[str, ...]:
    """Return the columns asked for, the common ones when None.

    Names keep the order they are given in; what a group or pattern stands for is in catalogue order, without columns
    that are there already. A `KeyError` names the nearest to one that is not there.
    """
    if columns is None:
        return COMMON
    items = [columns] if isinstance(columns, str) else _given.items("columns", columns, "names, groups or patterns")
    plain = [item for item in items if isinstance(item, str) and item in FIELDS]
    if len(set(plain)) != len(plain):
        raise ValueError("columns: each column can be there once only")
    names: dict[str, None] = {}
    for item in items:
        names.update(dict.fromkeys(name for name in _named(item) if name == item or name not in plain))
    return tuple(names)


def columns(*names: str) -> list[Field]:
    """Return what packets can be asked for: name, type, meaning, and the Wireshark field of each column.

    Parameters
    ----------
    *names : str
        Columns, groups (``"ip"``, ``"tcp"``, ``"dns"``, ...) or patterns (``"*_srcport"``); all by default.

    Returns
    -------
    list of Field
        In catalogue order.

    Raises
    ------
    KeyError
        No such column; the nearest are named.
    """
    if not names:
        return list(FIELDS.values())
    wanted = set(check_columns(names))
    return [field for name, field in FIELDS.items() if name in wanted]
