"""JSON feeds: MISP, STIX 2, and any other by the names of its members."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from . import _feeds_misp, _feeds_stix
from ._feeds import MOST_LINE, Collector, confidence_of
from ._feeds_table import kind_of_type, normal, role_of

MOST_OCTETS = 64 << 20  # of one document: what is made of it takes ten times as much memory
MOST_DEPTH = 64  # real documents have a dozen
_FAR = 65_536  # characters: how far a value is looked for, to tell its line

_BEGINS = re.compile(r"\{|\[\s*(?:[\"{\[\]]|-?\d+\s*[,\]]|true|false|null)")

_NESTED = (dict, list)

Object = dict[str, Any]


def is_json(head: str) -> bool:
    """Whether text that begins so is meant as JSON; a list may begin with ``[::1]:80``."""
    return _BEGINS.match(head) is not None


class Lines:
    """Tells the line in which a value stands, in the order of the document."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1

    def of(self, value: object) -> int | None:
        """The line of a text, where it is near what was asked before."""
        written = json.dumps(value, ensure_ascii=False)[1:-1] if isinstance(value, str) else ""
        found = self._text.find(written, self._at, self._at + _FAR) if written else -1
        if found < 0:
            return None
        self._line += self._text.count("\n", self._at, found)
        self._at = found
        return self._line


def read(collector: Collector, text: str) -> None:
    """Read a document, or one a line."""
    if len(text) > MOST_OCTETS:
        collector.skip(f"JSON of more than {MOST_OCTETS >> 20} MiB")
        return
    try:
        document = json.loads(text)
    except RecursionError:
        collector.skip("JSON that is nested too deeply")
    except ValueError as error:
        if not _read_lines(collector, text):
            collector.skip("JSON that cannot be read", getattr(error, "lineno", None), str(error))
    else:
        _take(collector, document, Lines(text))


def _read_lines(collector: Collector, text: str) -> bool:
    """Read a document per line, if the first is one."""
    documents: list[Any] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            if len(line) > MOST_LINE * 16:
                raise ValueError(f"a line of more than {MOST_LINE * 16:,} characters")
            documents.append(json.loads(line))
        except (ValueError, RecursionError):
            if not documents:
                return False
            collector.skip("a line of JSON that cannot be read", number, line)
    _take(collector, documents, Lines(text))
    return True


def objects(document: Any, collector: Collector) -> Iterator[tuple[Object, str]]:
    """All objects of a document in its order, without recursion, each with the description of the event it is in."""
    stack: list[tuple[Any, int, str]] = [(document, 0, "")]
    deep = False
    while stack:
        each, depth, about = stack.pop()
        if depth > MOST_DEPTH:
            deep = True
        elif isinstance(each, dict):
            about = _feeds_misp.about(each) or about
            yield each, about
            stack.extend(
                (inner, depth + 1, about) for inner in reversed(each.values()) if isinstance(inner, dict | list)
            )
        elif isinstance(each, list):
            stack.extend((inner, depth + 1, about) for inner in reversed(each) if isinstance(inner, dict | list))
    if deep:
        collector.skip(f"JSON that is nested more than {MOST_DEPTH} deep")


def _take(collector: Collector, document: Any, lines: Lines) -> None:
    known = False
    stix = _feeds_stix.is_stix(document)
    for each, about in objects(document, collector):
        if stix:
            known |= _feeds_stix.take(collector, each, lines)
        else:
            known |= _feeds_misp.take(collector, each, about, lines) or _feeds_stix.take(collector, each, lines)
    if not known and isinstance(document, list) and any(isinstance(each, str) for each in document):
        for each in document:
            if isinstance(each, str):
                collector.take(each, None, lines.of(each), subdomains=True)
        return
    if known:
        return
    before = len(collector.found), sum(collector.counts.values())
    for each, _ in objects(document, collector):
        _take_members(collector, each, lines)
    if before == (len(collector.found), sum(collector.counts.values())):
        collector.skip("JSON without a member that is known to hold indicators")


def _take_members(collector: Collector, each: Object, lines: Lines) -> None:
    """Take what stands under names that tables have for columns of indicators."""
    roles = {name: role_of(normal(name)) for name in each}
    told: list[str] = []
    kind, reason, confidence = None, "", None
    for name, (role, _) in roles.items():
        value = each[name]
        if role == "told" and isinstance(value, str):
            told.append(value)
        elif role == "type" and isinstance(value, str):
            kind, reason = kind_of_type(value)
        elif role == "confidence":
            confidence = confidence_of(value)
    for name, (role, sure) in roles.items():
        for value in _texts(each[name]) if role in ("sought", "hash") else ():
            line = lines.of(value)
            if role == "hash" or reason:
                collector.skip(reason or "a file's hash", line, value)
            else:
                description = "; ".join(dict.fromkeys(told)) or None
                collector.take(value, sure or kind, line, description, confidence, subdomains=True)


def _texts(value: Any) -> list[str]:
    """The texts of a member: one, several with commas between, or a list."""
    if isinstance(value, list):
        return [each for each in value if isinstance(each, str) and each.strip()]
    if not isinstance(value, str):
        return []
    pieces = [piece.strip() for piece in value.split(",")]
    return pieces if len(pieces) > 1 and all(pieces) and " " not in value else [value] if value.strip() else []
