"""One capture into many: the template of their names."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Mapping
from typing import Any

from . import _given
from ._columns import FIELDS, nearest
from ._times import duration


def _pieces(text: str, name: str) -> list[tuple[str, str | None, str | None, str | None]]:
    try:
        return list(string.Formatter().parse(name))
    except ValueError:  # in the words of str.format
        why = "a brace stands alone; a column is {ip_src}, a brace itself {{ or }}"
        raise ValueError(f"split: {text!r}: {why}") from None


def parts(template: str | os.PathLike[str], every: Any) -> tuple[str | tuple[str] | int, ...]:
    """Return what the core takes for a template: literal text, ``(column,)`` and the length of bins."""
    text = os.fspath(template)
    folder, name = os.path.split(text)
    if "{" in folder or "}" in folder:
        raise ValueError(f"split: {text!r}: columns may stand in the file's name, not in that of its folder")
    length = None if every is None else duration("every", every)
    found: list[str | tuple[str] | int] = [os.path.join(folder, "")] if folder else []
    for literal, field, form, conversion in _pieces(text, name):
        if field == "" or (field is not None and field.isdecimal()):
            raise ValueError(f"split: {text!r}: braces need the name of a column in them, such as {{ip_src}}")
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
                raise KeyError(f"split: no column {field!r}{nearest(field, FIELDS)}")
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
    _given.mapping("names", names, "{'00:16:6c:ab:6b:88': 'camera'}")
    if sum(isinstance(part, tuple) for part in found) != 1:
        raise ValueError("split: names= serves a template with one column")
    for name in names.values():
        if not isinstance(name, str) or not name or "/" in name or "\0" in name or name.startswith("."):
            raise ValueError(f"split: names=: {name!r} is no name of a file")
    return tuple((str(value), name) for value, name in names.items())
