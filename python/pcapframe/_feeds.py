"""Reading feeds: which format a source is in, and what becomes of each piece of it."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import _given
from ._feeds_text import Found, Refused, of_kind, recognise
from ._text import display

MOST_OCTETS = 256 << 20  # of one feed: the largest public ones have less than half, and text takes four times as much
MOST_INDICATORS = 2_000_000  # in all: about a gigabyte of memory
MOST_LINE = 65_536  # characters: no feed has a tenth of that in a line of sense
MOST_FILES = 10_000  # of one folder or pattern
MOST_PORTS = 1024  # of one address or URL: each is compared with every packet that has the address
MOST_LISTED = 100  # skipped pieces that are listed for one reason; all of them are counted
MOST_REASONS = 500  # that are told apart: some have words of the feed in them
MOST_SHOWN = 200  # characters of what was skipped, and of a description

OTHER_REASONS = "other reasons"


@dataclass(frozen=True, slots=True)
class Indicator:
    """Something to look for in packets."""

    kind: str
    """``ip`` (an address or a network), ``domain``, ``url``, ``ja3``, ``ja4`` or ``user_agent``."""
    value: str
    """What is looked for, in one way of writing: addresses as `ipaddress` shows them, names in small letters and
    punycode, URLs with ``http://`` or ``https://``, or a path alone, which stands for that path on any host."""
    subdomains: bool = False
    """Of a domain: whether all names below it are meant too."""
    port: int | None = None
    """Of an address or URL: the only port that is meant; None for any."""
    feed: str = ""
    """Where it comes from: the name of the file."""
    line: int | None = None
    """The line there, from 1 on, where that can be told."""
    description: str | None = None
    """What the feed says of it."""
    confidence: int | None = None
    """How sure the feed is, 0 to 100."""

    @property
    def text(self) -> str:
        """The indicator as hits name it: with its port, if it has one."""
        if self.kind != "ip" or self.port is None:
            return self.value
        return f"[{self.value}]:{self.port}" if ":" in self.value else f"{self.value}:{self.port}"


class Skip(NamedTuple):
    """A piece of a feed that was not taken."""

    feed: str
    line: int | None
    text: str
    """Its beginning, with what cannot be printed escaped."""
    reason: str


class Skipped(Mapping[str, int]):
    """How many pieces of feeds were not taken, by reason, the most frequent first; printed, a table with examples."""

    __slots__ = ("_counts", "_listed")

    def __init__(self, counts: Mapping[str, int] | None = None, listed: tuple[Skip, ...] = ()) -> None:
        self._counts = dict(sorted((counts or {}).items(), key=lambda item: (-item[1], item[0])))
        self._listed = listed

    @property
    def listed(self) -> tuple[Skip, ...]:
        """The first 100 of each reason, in the order in which they were met."""
        return self._listed

    @property
    def total(self) -> int:
        """How many there are in all."""
        return sum(self._counts.values())

    def __getitem__(self, reason: str) -> int:
        return self._counts[reason]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __add__(self, other: Skipped) -> Skipped:
        counts = dict(self._counts)
        for reason, count in other.items():
            counts[reason] = counts.get(reason, 0) + count
        return Skipped(counts, (*self._listed, *other._listed))

    def __str__(self) -> str:
        examples: dict[str, Skip] = {}
        for skip in self._listed:
            examples.setdefault(skip.reason, skip)
        if not self._counts:
            return "nothing was skipped"
        return "\n".join(
            f"{count:>9,}  {reason}" + (_example(examples[reason]) if reason in examples else "")
            for reason, count in self._counts.items()
        )

    def __repr__(self) -> str:
        return f"<Skipped {self.total:,} pieces of feeds for {len(self)} reasons>"


def _example(skip: Skip) -> str:
    place = skip.feed if skip.line is None else f"{skip.feed}:{skip.line}"
    return f"  ({place}: {skip.text[:60]})" if skip.text else f"  ({place})"


@dataclass(frozen=True, slots=True)
class Options:
    """How feeds are read."""

    subdomains: bool | None = None  # None: as the format has it
    ports: bool = True
    context: bool = False
    allowing: bool = False  # what is read is an allow list


class Collector:
    """What was found in feeds and what was skipped, while they are read."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.found: dict[tuple[str, str, bool, int | None, str], Indicator] = {}
        self.counts: dict[str, int] = {}
        self.listed: list[Skip] = []
        self.feed = ""
        self._ports: dict[tuple[str, str], int] = {}

    def skip(self, reason: str, line: int | None = None, text: str = "") -> None:
        """Count a piece that is not taken."""
        if reason not in self.counts and len(self.counts) >= MOST_REASONS:
            reason = OTHER_REASONS
        self.counts[reason] = self.counts.get(reason, 0) + 1
        if self.counts[reason] <= MOST_LISTED:
            self.listed.append(Skip(self.feed, line, display(text[:MOST_SHOWN]), reason))

    def take(
        self,
        text: str,
        kind: str | None = None,
        line: int | None = None,
        description: str | None = None,
        confidence: int | None = None,
        *,
        subdomains: bool | None = None,
        port: int | None = None,
        fingerprints: bool = False,
    ) -> bool:
        """Take what text stands for, or count why not."""
        try:
            found = of_kind(kind, text) if kind is not None else recognise(text, fingerprints=fingerprints)
        except Refused as refused:
            self.skip(str(refused), line, text)
            return False
        return self.keep(found, line, description, confidence, subdomains=subdomains, port=port)

    def keep(
        self,
        found: Found,
        line: int | None = None,
        description: str | None = None,
        confidence: int | None = None,
        *,
        subdomains: bool | None = None,
        port: int | None = None,
        feed: str | None = None,
    ) -> bool:
        """Take an indicator, unless it is there already or is one too many."""
        wider = self.options.subdomains if self.options.subdomains is not None else subdomains
        below = found.kind == "domain" and (found.subdomains or bool(wider))
        number = found.port if found.port is not None else port if found.kind == "ip" else None
        if not self.options.ports:
            number = None
        feed = self.feed if feed is None else feed
        key = (found.kind, found.value, below, number, feed)
        if key in self.found:
            self.skip("there already", line, found.value)
            return False
        if len(self.found) >= MOST_INDICATORS:
            self.skip(f"more than {MOST_INDICATORS:,} indicators", line, found.value)
            return False
        if number is not None and not self._one_more_port(found):
            self.skip(f"more than {MOST_PORTS:,} ports of one indicator", line, found.value)
            return False
        shown = display(description[:MOST_SHOWN]).strip() or None if description else None
        self.found[key] = Indicator(found.kind, found.value, below, number, feed, line, shown, confidence)
        return True

    def _one_more_port(self, found: Found) -> bool:
        key = found.kind, found.value
        self._ports[key] = self._ports.get(key, 0) + 1
        return self._ports[key] <= MOST_PORTS

    def skipped(self) -> Skipped:
        """What was skipped so far."""
        return Skipped(self.counts, tuple(self.listed))


def confidence_of(value: object) -> int | None:
    """A confidence of 0 to 100, a word of the scale of STIX 2.1 (appendix A), or None."""
    words = {"none": 0, "low": 15, "med": 50, "medium": 50, "high": 85}
    if isinstance(value, str):
        value = value.strip().lower()
        if value in words:
            return words[value]
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if 0 <= number <= 100 else None


# ------------------------------------------------------------------------------------------------------- sources


def read_into(collector: Collector, source: Any, name: str = "sources") -> None:
    """Read one source: a path, a folder, a pattern, bytes, a file object, or a list of these."""
    if isinstance(source, str | os.PathLike):
        _read_path(collector, os.fsdecode(source))
    elif isinstance(source, bytes | bytearray):
        _read_octets(collector, "<bytes>", bytes(source))
    elif hasattr(source, "read"):
        called = getattr(source, "name", None)
        octets = source.read(MOST_OCTETS + 1)
        if isinstance(octets, str):
            octets = octets.encode("utf-8", "surrogatepass")
        _read_octets(
            collector, os.path.basename(called) if isinstance(called, str) and called else "<file object>", octets
        )
    elif isinstance(source, list | tuple):
        for each in source:
            read_into(collector, each, name)
    else:
        raise _given.wrong(name, "a path, bytes, a file object or a list of these", source)


def _read_path(collector: Collector, path: str) -> None:
    if os.path.isdir(path):
        paths = sorted(os.path.join(top, name) for top, _, names in os.walk(path) for name in names)
        _read_several(collector, paths, path)
    elif not os.path.exists(path) and glob.has_magic(path):
        paths = sorted(found for found in glob.glob(path, recursive=True) if os.path.isfile(found))
        if not paths:
            raise FileNotFoundError(2, "No file matches", path)
        _read_several(collector, paths, os.path.dirname(path.partition("*")[0]) or ".")
    else:
        _read_file(collector, path, os.path.basename(path))


def _read_several(collector: Collector, paths: list[str], top: str) -> None:
    for number, path in enumerate(paths):
        name = os.path.relpath(path, top).replace(os.sep, "/")
        if number >= MOST_FILES:
            collector.feed = display(name)
            collector.skip(f"more than {MOST_FILES:,} files")
        elif os.path.isfile(path):  # no FIFO, which would be waited for
            _read_file(collector, path, name)


def _read_file(collector: Collector, path: str, name: str) -> None:
    with open(path, "rb") as file:
        octets = file.read(MOST_OCTETS + 1)
    _read_octets(collector, name, octets)


def _text_of(octets: bytes) -> str | None:
    """Text in UTF-8 or UTF-16; None where it is none."""
    if octets.startswith((b"\xff\xfe", b"\xfe\xff")):
        return octets.decode("utf-16", "replace")
    return None if b"\0" in octets else octets.decode("utf-8-sig", "replace")


def _read_octets(collector: Collector, name: str, octets: bytes) -> None:
    collector.feed = display(name)
    if len(octets) > MOST_OCTETS:
        collector.skip(f"a feed of more than {MOST_OCTETS >> 20} MiB")
        return
    text = _text_of(octets)
    if text is None:
        collector.skip("a file that is no text")
        return
    _format_of(text)(collector, text)


def _format_of(text: str) -> Callable[[Collector, str], None]:
    from . import _feeds_json, _feeds_table, _feeds_zeek

    head = text[:4096].lstrip()
    if head.startswith("<"):
        return _skip_xml
    if _feeds_json.is_json(head):
        return _feeds_json.read
    if _feeds_zeek.is_zeek(head):
        return _feeds_zeek.read
    return _feeds_table.read


def _skip_xml(collector: Collector, text: str) -> None:
    """XML is named and never parsed: its entities and depth are an attack of their own."""
    head = text[:65_536]
    kinds = {"STIX_Package": "STIX 1", "openioc": "OpenIOC", "OpenIOC": "OpenIOC", "<html": "HTML", "<HTML": "HTML"}
    kind = next((kind for mark, kind in kinds.items() if mark in head), "")
    if kind == "HTML" or head.lstrip().lower().startswith("<!doctype html"):
        collector.skip("an HTML page", None, head[:80].strip())
    else:
        collector.skip(f"{kind} XML, which is not read".strip(), None, head[:80].strip())
