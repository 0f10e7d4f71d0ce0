"""Pieces of captures, which other processes and machines can be asked about.

A piece guesses where its first record begins; what it found says where it began and ended, and those who put answers
together compare: see `_partial`.
"""

from __future__ import annotations

import builtins
import json
import os
import weakref
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from . import _compressed, _compressions, _core, _inputs, _sources, _sources_local, _state
from ._info import CaptureFault
from ._recording import octets_of
from .errors import CaptureError

if TYPE_CHECKING:
    from ._partial import Partial
    from ._reader import Capture

SIZE = "256MB"
MOST = 1 << 20  # pieces: of 256 MB each 268 TB; every answer is put together by a loop over all
SECRET_OCTETS = 40  # of what the pieces of a capture hash with alike
_END = 64 << 10  # octets of head and tail whose digest tells a file
_HEAD = 64 << 10  # blocks that describe interfaces are looked for so far from the beginning; a wrong guess is found


@dataclass(frozen=True)
class File:
    """A capture file, and how to know it again."""

    name: str
    path: str
    """Where it is opened, whatever the working folder; or its URL."""
    size: int
    changed: str
    """When, in ns since the epoch, or its ETag."""
    digest: str
    """SHA-256 of its first and last 64 KiB."""
    first: int
    """The offset of the first record; -1 for what can only be read from its beginning on, such as a compressed file."""
    told: tuple[int, ...]
    """Offsets of the blocks at its beginning that say how octets are to be read."""


@dataclass(frozen=True)
class Plan:
    """How a capture was cut, and what narrows it. What is handed on knows only the files that it is about."""

    digest: str
    """SHA-256 of all that follows; plans are equal by it."""
    count: int = field(compare=False)
    """Of all files."""
    cut: int = field(compare=False)
    """Of all pieces."""
    octets: int = field(compare=False)
    """Of a piece; 0 where files are whole."""
    narrowing: tuple[Any, ...] = field(compare=False)
    strict: bool = field(compare=False)
    files: dict[int, File] = field(compare=False)
    """Those that are known here, by their number."""
    unusable: tuple[CaptureFault, ...] | None = field(compare=False, default=None)
    """Files that were left out; None where that is not known here."""
    secret: bytes = field(compare=False, repr=False, default=bytes(SECRET_OCTETS))
    """Of the hashes that pieces compare, drawn at the cut; it decides no answer."""

    def pieces(self, file: int) -> int:
        about = self.files[file]
        return 1 if about.first < 0 or not self.octets else max(1, -(-about.size // self.octets))

    def end(self, file: int, piece: int) -> int:
        return self.files[file].size if piece + 1 == self.pieces(file) else (piece + 1) * self.octets

    def only(self, files: Iterable[int]) -> Plan:
        """What pieces of these files have to know; those of the first tell of files that were left out."""
        known = {file: self.files[file] for file in sorted(set(files))}
        return replace(self, files=known, unusable=self.unusable if 0 in known else None)

    def known(self, other: Plan) -> Plan:
        """What this one and an equal one know."""
        if other is self or self.complete:
            return self
        files = dict(sorted((self.files | other.files).items()))
        return replace(self, files=files, unusable=other.unusable if self.unusable is None else self.unusable)

    @property
    def complete(self) -> bool:
        return len(self.files) == self.count and self.unusable is not None


# The plans that were made here: to say what is missing takes all files, of which pieces and partials that come back
# know few. A plan is there as long as one of its pieces.
_PLANS: weakref.WeakValueDictionary[str, Plan] = weakref.WeakValueDictionary()


def whole(plan: Plan) -> Plan:
    """The plan, with all its files where it was made here, and with its own secret."""
    found = _PLANS.get(plan.digest, plan)
    return found if found.secret == plan.secret else replace(found, secret=plan.secret)


def _plan(files: list[File], octets: int, narrowing: Any, strict: bool, unusable: tuple[CaptureFault, ...]) -> Plan:
    import hashlib  # not worth its time at every start

    about = ([astuple(file) for file in files], octets, narrowing, strict, [astuple(each) for each in unusable])
    digest = hashlib.sha256(json.dumps(about, default=_state.plain).encode()).hexdigest()
    secret = os.urandom(SECRET_OCTETS)
    plan = Plan(digest, len(files), 0, octets, narrowing, strict, dict(enumerate(files)), unusable, secret)
    plan = replace(plan, cut=sum(map(plan.pieces, plan.files)))
    return _PLANS.setdefault(digest, plan)


@dataclass(frozen=True)
class Partition:
    """A piece of a capture, to be asked by another process or machine: it can be pickled, and opens the file there.

    `Capture.partitions` makes them. Each method takes the arguments of the method of `Capture` that has its name, and
    returns a `Partial`; those of all pieces are added, and `Partial.finish` gives the answer.
    """

    plan: Plan = field(repr=False)
    file_number: int
    piece: int
    start: int | None = None
    """The offset of its first record; None: it is looked for from `entry`, else guessed."""
    told: tuple[int, ...] | None = field(default=None, repr=False)
    entry: int | None = field(default=None, repr=False)
    """The offset of a record before it, from the file's index, at which `told` is what was told."""

    def __reduce__(self) -> Any:
        plan = self.plan.only([self.file_number])
        return Partition, (plan, self.file_number, self.piece, self.start, self.told, self.entry)

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.plan.files[self.file_number].name

    @property
    def octets(self) -> tuple[int, int]:
        """Where it begins and ends in the file, up to a record."""
        return self.piece * self.plan.octets, self.plan.end(self.file_number, self.piece)

    def __repr__(self) -> str:
        first, end = self.octets
        return f"<Partition {self.file}: octets {first:,} to {end:,}>"

    def run(self, question: str, /, *arguments: Any, **keywords: Any) -> Partial:
        """Ask it the question of this name: what the method does, for those who hand on names.

        Raises
        ------
        CaptureError
            The file is not here, or it changed since it was cut; the question cannot be asked of pieces.
        """
        from ._partial import ask

        return ask(self, question, arguments, keywords)

    def info(self, *arguments: Any, **keywords: Any) -> Partial:
        """Say what it is, with ``full=True``; see `Capture.info`."""
        return self.run("info", *arguments, **keywords)

    def ioc_counts(self, *arguments: Any, **keywords: Any) -> Partial:
        """Count indicators; see `Capture.ioc_counts`."""
        return self.run("ioc_counts", *arguments, **keywords)

    def count(self, *arguments: Any, **keywords: Any) -> Partial:
        """Count by fields; see `Capture.count`."""
        return self.run("count", *arguments, **keywords)

    def packets(self, *arguments: Any, **keywords: Any) -> Partial:
        """Return the packets; see `Capture.packets`. Columns are to be named: the common ones have some of DNS, whose
        messages may lie in several pieces."""
        return self.run("packets", *arguments, **keywords)

    def select(self, *arguments: Any, **keywords: Any) -> Partial:
        """Select packets; see `Capture.select`. Columns are to be named, as for `packets`."""
        return self.run("select", *arguments, **keywords)

    def flows(self, *arguments: Any, **keywords: Any) -> Partial:
        """Put packets together into flows; see `Capture.flows`. It holds 20 to 60 octets of each packet."""
        return self.run("flows", *arguments, **keywords)

    def detect(self, *arguments: Any, **keywords: Any) -> Partial:
        """Look for scans, floods and the rest; see `pcapframe.detect`. It holds 20 to 60 octets of each packet."""
        return self.run("detect", *arguments, **keywords)

    def match(self, *arguments: Any, **keywords: Any) -> Partial:
        """Look for URLs and user agents; see `Capture.match`. Other indicators go through several pieces."""
        return self.run("match", *arguments, **keywords)


# --- files ------------------------------------------------------------------------------------------------------------


class Ranges:
    """Octets of a URL, read where they are wanted; any thread may."""

    def __init__(self, system: Any, path: str) -> None:
        self._system, self._path = system, path

    def read_at(self, offset: int, size: int) -> bytes:
        return bytes(self._system.cat_file(self._path, start=offset, end=offset + size))


def _facts(path: str) -> tuple[int, str, Any]:
    """Size, time of change and what reads ranges of a file or URL."""
    if _sources.is_url(path) and not os.path.exists(path):
        source = _sources.urls(path)[0]
        about = source._system.info(source._path)
        changed = about.get("ETag") or about.get("etag") or about.get("mtime") or about.get("LastModified") or ""
        return int(about["size"]), str(changed), Ranges(source._system, source._path)
    about = os.stat(path)
    return about.st_size, str(about.st_mtime_ns), None


def _digest(path: str, size: int, ranges: Ranges | None) -> str:
    import hashlib  # not worth its time at every start

    found = hashlib.sha256()
    ends = ((0, min(size, _END)), (max(0, size - _END), min(size, _END)))
    if ranges is not None:
        for at, length in ends:
            found.update(ranges.read_at(at, length) if length else b"")
        return found.hexdigest()
    with builtins.open(path, "rb") as file:
        for at, length in ends:
            file.seek(at)
            found.update(file.read(length))
    return found.hexdigest()


def _source(path: str, name: str, size: int, ranges: Ranges | None) -> _core.Input:
    """An input of our own, seekable where it is not compressed."""
    if ranges is None:
        return _inputs.open_path(path, False, name)
    if _compressions.format_of(ranges.read_at(0, min(size, _compressions.LOOK))) is not None:
        return _inputs.open_path(_sources.urls(path)[0], False)
    return _core.Input("ranges", name, ranges, size)


def _names_file(source: _core.Input) -> bool:
    """Whether another process can open it by its name."""
    reader = source.file
    if isinstance(reader, _compressed.Reader):
        return isinstance(reader._source, _sources_local.PathSource | _sources.UrlSource)
    if source.once or reader is not None or source.size is None:
        return False
    return os.path.isfile(source.name) or _sources.is_url(source.name)


def quietly(inputs: tuple[_core.Input, ...], narrowing: Any, threads: int = 0) -> Any:
    """Options for a pass that nobody watches."""
    return inputs, (threads, 0, False, None, narrowing)


def _told(source: _core.Input, size: int) -> tuple[int, ...]:
    """The blocks near the beginning that describe interfaces."""
    if source.format != "pcapng":
        return ()
    return _walked_over(source, source.first, min(size, _HEAD), ())[1]


def _file(source: _core.Input, whole: bool) -> File:
    if not _names_file(source):
        raise CaptureError(
            f"{source.name}: cannot be handed to others, who open what they are asked about by its path or URL"
        )
    size, changed, ranges = _facts(source.name)
    path = source.name if ranges is not None else os.path.abspath(source.name)
    mine = _source(path, source.name, size, ranges)
    from_its_beginning = whole or mine.file is not None or size == 0
    first, told = (-1, ()) if from_its_beginning else (mine.first, _told(mine, size))
    return File(source.name, path, size, changed, _digest(path, size, ranges), first, told)


def opened(partition: Partition) -> _core.Input:
    """The file of a piece, seen to be the one that was cut."""
    about = partition.plan.files[partition.file_number]
    try:
        size, changed, ranges = _facts(about.path)
        for what, now, then in (("size", size, about.size), ("time", changed, about.changed)):
            if now != then:  # and may be no file any more, of which nothing can be read
                raise CaptureError(f"{about.name}: changed since it was cut: its {what} was {then} and is {now}")
        if _digest(about.path, size, ranges) != about.digest:
            raise CaptureError(f"{about.name}: changed since it was cut: its octets are others")
        return _source(about.path, about.name, size, ranges)
    except (FileNotFoundError, NotADirectoryError):
        raise CaptureError(f"{about.name}: is not here: each who is asked about a piece opens its file") from None
    except OSError as error:
        raise CaptureError(f"{about.name}: cannot be read here: {error.strerror or error}") from error


def start_of(partition: Partition, source: _core.Input) -> tuple[int, tuple[int, ...]]:
    """Where the records of a piece begin, known or guessed, and what was told before."""
    about = partition.plan.files[partition.file_number]
    told = about.told if partition.told is None else partition.told
    nominal, end = partition.octets
    if partition.piece == 0:
        return about.first, ()
    if partition.start is not None:
        return partition.start, told
    if partition.entry is not None:
        start, more = _walked_over(source, partition.entry, nominal, told)
        return min(start, end), told + more
    guess = source.guess(nominal)
    # Of a piece that lies in the head of the file nothing is read.
    return max(about.first, end if guess is None or guess > end else guess), told


def check_number(plan: Plan) -> None:
    """Raise where there are more pieces than anybody asks."""
    if max(plan.cut, sum(map(plan.pieces, plan.files))) > MOST:
        raise ValueError(f"size: {plan.octets:,} octets each make more than {MOST:,} pieces")


def _walked_over(source: _core.Input, start: int, end: int, told: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """The first record at or after `end`, of a walk that begins at a record, and what it was told."""
    source.cut(start, end, told, None)
    inputs, options = quietly((source,), ((), -(2**63), 2**63 - 1), 1)
    _core.group(inputs, options, (), 0, (), False, False, 0, False, False)
    assert source.found is not None
    return source.found[0], source.found[6]


def partitions(capture: Capture, size: Any) -> list[Partition]:
    """What `Capture.partitions` does."""
    octets = octets_of("size", size) or 0
    options = capture._options
    if options.flows is not None:
        raise CaptureError("partitions: a capture that is narrowed to flows has no pieces")
    narrowing = tuple(
        ("filter", each.expression) if isinstance(each, _core.Filter) else ("conditions", *each.given)
        for each in options.filters
    )
    files = [_file(source, not octets) for source in capture._inputs]
    plan = _plan(files, octets, (narrowing, options.first, options.last), options.strict, capture._faults)
    check_number(plan)
    return [
        _entered(Partition(plan, file, piece), capture._inputs[file])
        for file in plan.files
        for piece in range(plan.pieces(file))
    ]


def _entered(partition: Partition, source: _core.Input) -> Partition:
    """The piece with where to begin to look for its start, where the file has an index."""
    entry = source.entry(partition.octets[0]) if partition.piece else None
    return partition if entry is None else replace(partition, entry=entry[0], told=entry[1])


def narrowing_of(plan: Plan) -> tuple[Any, ...]:
    """What narrows the questions, as the core takes it."""
    filters, first, last = plan.narrowing
    made = tuple(
        _core.Filter(each[1]) if each[0] == "filter" else _core.Conditions(each[1], each[2]) for each in filters
    )
    return made, first, last, None


def exactly(partition: Partition, start: int | None, told: tuple[int, ...] | None) -> Partition:
    return replace(partition, start=start, told=told)
