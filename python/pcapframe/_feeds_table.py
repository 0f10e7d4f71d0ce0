"""Plain lists and tables: lines of one indicator each, or of cells, with or without a line of names."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ._feeds import MOST_LINE, Collector, confidence_of
from ._feeds_text import KINDS, Refused, exactly, recognise, words

_LOOKED_AT = 300  # lines from which the form of a table is told
_COMMENTS = ("#", ";", "//")
# A comment behind an indicator. It begins where a run of blanks does: tried at each blank, a long run takes its square.
_BEHIND = re.compile(r"(?<!\s)\s+(?:#|;|//).*")
_RULE = re.compile(r"^ipset\s+(?:-!\s+)?add\s+\S+\s+(\S+).*")
_SPOKEN = re.compile(r"^(0\.0\.0\.0|127\.0\.0\.1|::1?)\s+(\S+)")  # a line of a hosts file: the name is meant

# Names of columns, without what is no letter or digit.
_ANY = words(
    """
    indicator indicators ioc iocs iocvalue value observable observables artifact c2 c2s c2server c2servers cc
    cnc c2address c2domain c2domains host hosts hostname hostnames domain domains domainname fqdn url urls uri
    ip ips ipaddress ipaddresses ipaddr address dstip srcip destip sourceip destinationip targetip weburi
    downloadurl entry network cidr subnet netblock prefix malwareurl phishurl maliciousurl
    """
)
_ANY_ENDS = ("ip", "ipaddress", "url", "fqdn", "hostname", "httphost", "domain")
_NEVER = ("reference", "link", "report", "referer", "referrer", "reporturl", "referenceurl", "image", "email")
_DESCRIPTIONS = words(
    """
    malware malwarefamily malwareprintable malwarealias description desc descr threat threattype family name
    tags tag signature listingreason reason comment comments note notes info label category classification
    classificationtype threatactor actor
    """
)
_CONFIDENCES = frozenset({"confidence", "confidencelevel", "confidencescore"})
_TYPES = frozenset({"type", "ioctype", "indicatortype", "kind", "entrytype", "observabletype"})
_PORTS = frozenset({"port", "dstport", "destport", "destinationport", "targetport", "c2port"})
_HASHES = words(
    """
    md5 sha1 sha256 sha512 hash md5hash sha1hash sha256hash filehash imphash ssdeep tlsh jarm
    """
)
_FOREIGN_TYPES = ("hash", "md5", "sha", "file", "mail", "mutex", "registry", "regkey", "asn", "account", "jarm", "cve")


class _Form(NamedTuple):
    """How a table is to be read: numbers of columns."""

    sought: dict[int, str | None]  # with the kind they must be of
    told: list[int]
    type: int | None = None
    port: int | None = None
    confidence: int | None = None
    hashes: tuple[int, ...] = ()


def normal(name: str) -> str:
    """The name of a column, without what differs between those that mean the same."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def role_of(name: str) -> tuple[str, str | None]:
    """What a column of that name is for, and the kind of the indicators in it if the name tells."""
    if name in _TYPES:
        return "type", None
    if name in _DESCRIPTIONS:
        return "told", None
    if name in _CONFIDENCES:
        return "confidence", None
    if name in _PORTS:
        return "port", None
    if name in _HASHES:
        return "hash", None
    if name.startswith("ja3") and not name.startswith("ja3s"):
        return "sought", "ja3"
    if name.startswith("ja4") and len(name) < 16:
        return "sought", "ja4"
    if name.endswith("useragent"):
        return "sought", "user_agent"
    if name.endswith(_NEVER):
        return "", None
    return ("sought", None) if name in _ANY or name.endswith(_ANY_ENDS) else ("", None)


def kind_of_type(text: str) -> tuple[str | None, str]:
    """The kind that the type of an indicator means, or why it is skipped; both empty where any may come."""
    name = normal(text)
    for kind in ("ja3", "ja4", "useragent"):
        if kind in name and "ja3s" not in name:
            return {"useragent": "user_agent"}.get(kind, kind), ""
    return None, f"type {text.strip()[:40]}" if any(word in name for word in _FOREIGN_TYPES) else ""


def read(collector: Collector, text: str) -> None:
    """Read lines: a table where most of them have the same separator, else a list."""
    lines = text.splitlines()
    some = [line for line in _data(lines) if len(line) <= MOST_LINE]
    separator = _separator(some[:_LOOKED_AT])
    fingerprints = "ja3" in collector.feed.lower() or "ja3" in text[:4096].lower()
    if separator is None:
        _read_list(collector, lines, fingerprints)
        return
    names, at = _names(lines, separator, fingerprints)
    if {"kind", "value"} <= set(names) and "subdomains" in names:
        _read_own(collector, lines[at:], at, names)
        return
    form = _form_by_name(names) or _form_by_content(
        [_cells(line, separator) for line in some[:_LOOKED_AT]], fingerprints
    )
    for number, line in _numbered(collector, lines, at):
        _take_row(collector, form, _cells(line, separator), number, line, fingerprints)


def _data(lines: Iterable[str]) -> Iterator[str]:
    return (line for line in lines if line.strip() and not line.lstrip().startswith(_COMMENTS))


def _numbered(collector: Collector, lines: list[str], at: int) -> Iterator[tuple[int, str]]:
    """Lines that are no comment, from number `at` on."""
    for number, line in enumerate(lines[at:], at + 1):
        if not line.strip() or line.lstrip().startswith(_COMMENTS):
            continue
        if len(line) > MOST_LINE:
            collector.skip(f"a line of more than {MOST_LINE:,} characters", number, line)
        else:
            yield number, line


# ----------------------------------------------------------------------------------------------------------- lists


def _read_list(collector: Collector, lines: list[str], fingerprints: bool) -> None:
    for number, line in _numbered(collector, lines, 0):
        line = _RULE.sub(r"\1", line)
        spoken = _SPOKEN.match(line)
        text = spoken[2] if spoken else _BEHIND.sub("", line).strip()
        told = None if spoken else line.strip()[len(text) :].lstrip(" \t#;/") or None
        collector.take(text, None, number, told, subdomains=True, fingerprints=fingerprints)


# ---------------------------------------------------------------------------------------------------------- tables


def _separator(lines: list[str]) -> str | None:
    """What most lines have between cells."""
    for mark in ("\t", "|", ",", ";"):
        if lines and sum(mark in line for line in lines) * 5 >= len(lines) * 3:
            return mark
    return None


def _cells(line: str, separator: str) -> list[str]:
    """The cells of one line. One that a quote leaves open ends with it: what is behind would be guessed."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(separator)]
    try:
        rows = list(csv.reader([line], delimiter=separator, skipinitialspace=True))
    except csv.Error:
        return [line]
    return [cell.strip() for cell in rows[0]] if rows else []


def _is_indicator(text: str, fingerprints: bool = False) -> bool:
    try:
        recognise(text, fingerprints=fingerprints)
    except Refused:
        return False
    return True


def _names(lines: list[str], separator: str, fingerprints: bool) -> tuple[list[str], int]:
    """The names of the columns and the number of the line behind them: the first line, or the comment before it."""
    before = ""
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        if line.lstrip().startswith(_COMMENTS):
            before = line
            continue
        cells = _cells(line, separator)
        names = [normal(cell) for cell in cells]
        if any(role_of(name)[0] for name in names) and not any(_is_indicator(cell, fingerprints) for cell in cells):
            return names, number + 1
        names = [normal(cell) for cell in _cells(before.strip().lstrip("#;/ "), separator)]
        known = len(names) > 1 and any(role_of(name)[0] in ("sought", "hash") for name in names)
        return (names if known else []), number
    return [], len(lines)


def _form_by_name(names: list[str]) -> _Form | None:
    roles = [role_of(name) for name in names]

    def first(role: str) -> int | None:
        return next((number for number, (each, _) in enumerate(roles) if each == role), None)

    sought = {number: kind for number, (role, kind) in enumerate(roles) if role == "sought"}
    hashes = tuple(number for number, (role, _) in enumerate(roles) if role == "hash")
    if not sought and not hashes:
        return None
    told = [number for number, (role, _) in enumerate(roles) if role == "told"]
    return _Form(sought, told, first("type"), first("port"), first("confidence"), hashes)


def _form_by_content(rows: list[list[str]], fingerprints: bool) -> _Form:
    """The column with the most indicators, the first of several; all others tell of it."""
    counts: Counter[int] = Counter()
    width = max((len(row) for row in rows), default=1)
    for row in rows:
        counts.update(number for number, cell in enumerate(row) if _is_indicator(cell, fingerprints))
    most = max(counts.values(), default=0)
    column = min((number for number, count in counts.items() if count == most), default=0)
    return _Form({column: None}, [number for number in range(width) if number != column])


def _take_row(collector: Collector, form: _Form, cells: list[str], number: int, line: str, fingerprints: bool) -> None:
    def cell(place: int | None) -> str:
        return cells[place] if place is not None and place < len(cells) else ""

    kind, reason = kind_of_type(cell(form.type))
    values = [(text, sure) for place, sure in form.sought.items() if (text := cell(place)) and _says_something(text)]
    if reason and values:
        collector.skip(reason, number, values[0][0])
        return
    told = "; ".join(dict.fromkeys(text for place in form.told if _says_something(text := cell(place)))) or None
    port = int(cell(form.port)) if cell(form.port).isdecimal() and len(cell(form.port)) < 6 else None
    for text, sure in values:
        collector.take(
            _BEHIND.sub("", text),
            sure or kind,
            number,
            told,
            confidence_of(cell(form.confidence)),
            subdomains=True,
            port=port if port is not None and 0 < port < 65536 else None,
            fingerprints=fingerprints,
        )
    if not values:
        digest = next((text for place in form.hashes if (text := cell(place))), "")
        collector.skip("a file's hash" if digest else "a line without an indicator", number, digest or line)


def _says_something(text: str) -> bool:
    return text.lower() not in ("", "-", "n/a", "na", "none", "null", "unknown")


# ------------------------------------------------------------------------------------------ what Indicators.write made


def _read_own(collector: Collector, lines: list[str], at: int, names: list[str]) -> None:
    for number, line in _numbered(collector, lines, 0):
        cells = [_unguarded(cell) for cell in _cells(line, ",")]
        row = dict(zip(names, cells, strict=False))
        value, kind = row.get("value", ""), row.get("kind", "")
        if kind not in KINDS:
            collector.skip("a line without a kind", number + at, line)
            continue
        try:
            found = exactly(kind, value)
        except Refused as refused:
            collector.skip(str(refused), number + at, value)
            continue
        port, place = row.get("port", ""), row.get("line", "")
        collector.keep(
            found._replace(subdomains=row.get("subdomains") == "1"),
            int(place) if place.isdecimal() and len(place) < 10 else None,
            row.get("description") or None,
            confidence_of(row.get("confidence")),
            port=int(port) if port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536 else None,
            feed=row.get("feed") or None,
        )


def _unguarded(cell: str) -> str:
    return cell[1:] if re.match(r"'[=+\-@\t\r]", cell) else cell
