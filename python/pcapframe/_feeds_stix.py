"""STIX 2.0 and 2.1: the comparisons of indicators' patterns, and how such a bundle is written."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ._feeds import Collector, Indicator, confidence_of
from ._feeds_text import Refused, exactly
from ._text import display

if TYPE_CHECKING:
    from ._feeds_json import Lines

MOST_PATTERN = 65_536  # characters
MOST_TOKENS = 20_000  # of one pattern

_OBJECT = re.compile(r"[a-z][a-z0-9-]*--[0-9a-fA-F-]{32,36}")
_TOKEN = re.compile(
    r"\s*(?:(?P<text>[tbh]?'(?:[^'\\]|\\.)*')"
    r"|(?P<path>[A-Za-z0-9_-]+:[A-Za-z0-9_*.'\[\]-]+)"
    r"|(?P<mark>!=|<=|>=|[][()=<>,])"
    r"|(?P<word>[A-Za-z_]+)|(?P<number>-?[0-9]+(?:\.[0-9]+)?))",
    re.DOTALL,
)

_PATHS = {
    "ipv4-addr:value": "ip", "ipv6-addr:value": "ip", "domain-name:value": "domain", "url:value": "url",
    "network-traffic:dst_ref.value": "", "network-traffic:src_ref.value": "",
    "domain-name:resolves_to_refs[*].value": "ip",
    "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'": "user_agent",
    "network-traffic:extensions.'http-request-ext'.request_value": "url",
    "network-traffic:x_ja3": "ja3", "network-traffic:x_ja4": "ja4",
}  # fmt: skip
_PORTS = ("network-traffic:dst_port", "network-traffic:src_port")


class Misread(Exception):
    """A pattern that is not understood; says why."""


class Comparison(NamedTuple):
    """One comparison: path, operator, values."""

    path: str
    operator: str
    values: list[str]


def is_stix(document: Any) -> bool:
    """Whether it is a bundle, or objects of one."""
    first = document[0] if isinstance(document, list) and document else document
    return isinstance(first, dict) and (
        first.get("type") == "bundle" or (isinstance(first.get("id"), str) and bool(_OBJECT.fullmatch(first["id"])))
    )


def take(collector: Collector, each: dict[str, Any], lines: Lines) -> bool:
    """Take an indicator, count any other object; False where it is none."""
    kind, name = each.get("type"), each.get("id")
    if not isinstance(kind, str) or not isinstance(name, str) or not _OBJECT.fullmatch(name) or kind == "bundle":
        return isinstance(kind, str) and kind == "bundle"
    pattern = each.get("pattern")
    if kind != "indicator" or not isinstance(pattern, str):
        collector.skip(f"STIX {display(kind[:40])}: no indicator", lines.of(name), name)
        return True
    line = lines.of(pattern)
    language = each.get("pattern_type", "stix")
    if each.get("revoked") is True:
        collector.skip("STIX: revoked", line, pattern)
    elif language != "stix":
        collector.skip(f"a pattern in {display(str(language)[:40])}", line, pattern)
    else:
        _take_pattern(collector, each, pattern, line)
    return True


def _take_pattern(collector: Collector, each: dict[str, Any], pattern: str, line: int | None) -> None:
    told = [each[name] for name in ("name", "description") if isinstance(each.get(name), str) and each[name]]
    own = each.get("x_pcapframe_feed")
    if isinstance(own, str):
        line = each.get("x_pcapframe_line")
        line = line if isinstance(line, int) and 0 < line < 2**32 else None
        told = told[1:]
    try:
        found = list(alternatives(pattern))
    except Misread as misread:
        collector.skip(f"STIX pattern with {misread}", line, pattern)
        return
    for kind, value, below, port in found:
        try:
            sought = exactly(kind, value)
        except Refused as refused:
            collector.skip(str(refused), line, value)
            continue
        collector.keep(
            sought._replace(subdomains=below),
            line,
            "; ".join(dict.fromkeys(told)) or None,
            confidence_of(each.get("confidence")),
            port=port,
            feed=own if isinstance(own, str) else None,
        )


# -------------------------------------------------------------------------------------------------------- patterns


def alternatives(pattern: str) -> Iterable[tuple[str, str, bool, int | None]]:
    """The (kind, value, with subdomains, port) that a pattern asks for, one of which suffices."""
    found: dict[tuple[str, str, int | None], bool] = {}
    for comparisons in _conjunctions(_tokens(pattern)):
        for kind, value, below, port in _meaning(comparisons):
            key = kind, value.lower() if kind == "domain" else value, port
            found[key] = found.get(key, False) or below
    return [(kind, value, below, port) for (kind, value, port), below in found.items()]


def _tokens(pattern: str) -> list[tuple[str, str]]:
    if len(pattern) > MOST_PATTERN:
        raise Misread(f"more than {MOST_PATTERN:,} characters")
    tokens, at, text = [], 0, pattern.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise Misread("what is no pattern")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
        if len(tokens) > MOST_TOKENS:
            raise Misread(f"more than {MOST_TOKENS:,} words")
    return tokens


def _conjunctions(tokens: list[tuple[str, str]]) -> list[list[Comparison]]:
    """``[a OR b AND c] OR [d]`` as a, (b and c), d: AND binds more, and what else there is, is not understood."""
    found: list[list[Comparison]] = []
    inside, at, joined, both = False, 0, False, _has_both(tokens)
    while at < len(tokens):
        kind, text = tokens[at]
        word = text.upper() if kind == "word" else text
        if (kind, text) in (("mark", "("), ("mark", ")")):
            if inside and both:
                raise Misread("brackets around AND or OR")
            at += 1
        elif kind == "mark" and text in "[]":
            if inside == (text == "["):
                raise Misread("brackets that do not match")
            inside, joined, at = not inside, False, at + 1
        elif word in ("OR", "AND"):
            if word == "AND" and not inside:
                raise Misread("AND between observations")
            joined, at = word == "AND", at + 1
        elif kind == "path" and inside:
            comparison, at = _comparison(tokens, at)
            if joined:
                found[-1].append(comparison)
            else:
                found.append([comparison])
        else:
            raise Misread(display(word[:40]) if kind == "word" else "what is no comparison")
    if inside or not found:
        raise Misread("brackets that do not match")
    return found


def _has_both(tokens: list[tuple[str, str]]) -> bool:
    words = {text.upper() for kind, text in tokens if kind == "word"}
    return {"AND", "OR"} <= words


def _comparison(tokens: list[tuple[str, str]], at: int) -> tuple[Comparison, int]:
    path = tokens[at][1]
    at += 1
    operator = tokens[at][1].upper() if at < len(tokens) else ""
    if operator not in ("=", "IN", "LIKE", "ISSUBSET"):
        raise Misread(display(operator[:40]) or "a path alone")
    at += 1
    if operator != "IN":
        return Comparison(path, operator, [_literal(tokens, at)]), at + 1
    if tokens[at : at + 1] != [("mark", "(")]:
        raise Misread("IN without a list")
    values: list[str] = []
    while tokens[at : at + 1] and tokens[at] != ("mark", ")"):
        values.append(_literal(tokens, at + 1))
        at += 2
        if tokens[at : at + 1] and tokens[at] not in (("mark", ","), ("mark", ")")):
            raise Misread("IN without a list")
    return Comparison(path, "=", values), at + 1


def _literal(tokens: list[tuple[str, str]], at: int) -> str:
    kind, text = tokens[at] if at < len(tokens) else ("", "")
    if kind == "number":
        return text
    if kind != "text" or not text.startswith("'"):
        raise Misread("a value that is no text")
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _meaning(comparisons: list[Comparison]) -> list[tuple[str, str, bool, int | None]]:
    """What comparisons that all must hold ask for: one value, perhaps with its port."""
    sought = [each for each in comparisons if each.path not in _PORTS and not _says_nothing(each)]
    ports = [each.values for each in comparisons if each.path in _PORTS]
    if len(sought) != 1 or len(ports) > 1:
        raise Misread("AND" if len(comparisons) > 1 else "nothing that a packet shows")
    path, operator, values = sought[0]
    kind = _PATHS.get(path)
    if kind is None:
        raise Misread(display(path.partition("[")[0][:60]))
    numbers = [int(port) if port.isdecimal() and len(port) < 6 else 0 for each in ports for port in each] or [0]
    if operator == "LIKE" and not (kind == "domain" and all(_is_below(value) for value in values)):
        raise Misread("LIKE")
    if operator == "ISSUBSET" and kind != "ip" and kind != "":
        raise Misread("ISSUBSET")
    return [
        (kind or _host_kind(value), value[2:] if operator == "LIKE" else value, operator == "LIKE", port or None)
        for value in values
        for port in numbers
    ]


def _is_below(value: str) -> bool:
    return value.startswith("%.") and "%" not in value[1:]


def _says_nothing(comparison: Comparison) -> bool:
    """What only repeats of which type the rest is."""
    return comparison.path.endswith((".type", ":protocols[*]", ":protocols[0]", ":protocols"))


def _host_kind(value: str) -> str:
    try:
        exactly("ip", value)
    except Refused:
        return "domain"
    return "ip"


# --------------------------------------------------------------------------------------------------------- writing

_NAMESPACE = uuid.UUID("b3a0e9a4-6a6b-5d55-9a0e-0f6a4bfb6f53")  # so that one indicator has one identifier, always


def pattern_of(each: Indicator) -> str:
    """The pattern that asks for an indicator."""
    value = "'" + each.value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if each.kind == "ip":
        path = f"ipv{6 if ':' in each.value else 4}-addr"
        if each.port is None:
            return f"[{path}:value = {value}]"
        return f"[network-traffic:dst_ref.value = {value} AND network-traffic:dst_port = {each.port}]"
    if each.kind == "domain" and each.subdomains:
        return f"[domain-name:value = {value} OR domain-name:value LIKE '%.{each.value}']"
    path = next(path for path, kind in _PATHS.items() if kind == each.kind)
    return f"[{path} = {value}]"


def bundle(indicators: Iterable[Indicator]) -> str:
    """A bundle of STIX 2.1, an indicator a line."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    rows = [json.dumps(_object(each, now), ensure_ascii=False) for each in indicators]
    identifier = uuid.uuid5(_NAMESPACE, "\n".join(rows))
    head = f'{{"type": "bundle", "id": "bundle--{identifier}", "objects": [\n'
    return head + ",\n".join(rows) + "\n]}\n"


def _object(each: Indicator, now: str) -> dict[str, Any]:
    told = repr((each.kind, each.value, each.subdomains, each.port, each.feed))
    found: dict[str, Any] = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid.uuid5(_NAMESPACE, told)}",
        "created": now,
        "modified": now,
        "valid_from": now,
        "name": each.text,
        "pattern": pattern_of(each),
        "pattern_type": "stix",
        "x_pcapframe_feed": each.feed,
    }
    more = {"description": each.description, "confidence": each.confidence, "x_pcapframe_line": each.line}
    return found | {name: value for name, value in more.items() if value is not None}
