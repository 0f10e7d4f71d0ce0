"""Compressed captures, decompressed while they are decoded.

    octets on disk -> a source (path, bytes, file object, pipe) -> members -> blocks -> read() by the core

A file may be several members one after the other (as ``cat a.gz b.gz`` makes them). What is wrong with the compressed
octets ends the stream where it is met, and `Reader.fault` says what it was: the core makes a fault of the capture of
it, so that all that came before stands. One layer of compression is taken off, never two.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Iterator

from . import _members
from ._compressions import (
    DECODERS,
    LOOK,
    MAGIC,
    MAX_WINDOW,
    NOT_ABOUT_OCTETS,
    TOO_MUCH_MEMORY,
    Zlib,
    format_of,
    skippable,
)
from ._sources import UrlSource
from ._sources_local import BytesSource, FileSource, PathSource, PipeSource, Stopped

MAX_DECOMPRESSED = 64 << 30
"""Octets that one compressed input may hold: five times the largest day of CICIDS2017; what goes on is a bomb."""
MAX_RATIO = 1100
"""Octets out for one in, from `RATIO_FROM` on. Deflate cannot do more than 1,032, so gzip never comes near."""
RATIO_FROM = 1 << 30
"""Below it a ratio proves nothing: the same packet a million times over is compressed 10,000-fold by xz and zstd."""

BLOCK = 256 << 10  # octets that come out at a time: the core's chunk
_FEED = 128 << 10  # octets that go in at a time
_FEED_ONCE = 16 << 10  # the same from a pipe, where what a failing call had made cannot be made again
_AHEAD = 8  # blocks that are kept ready for the core
_HEAD = 4096  # octets from the beginning that are kept, so that to recognise a capture again opens nothing

Source = PathSource | BytesSource | FileSource | PipeSource | UrlSource


class _Damage(Exception):
    def __init__(self, kind: str, text: str) -> None:
        self.kind, self.text = kind, text


class Reader:
    """What a source holds, as the core reads it: `read`, `seek(0)` to begin anew, and in the end `fault`.

    Without a compression it hands on the octets as they are.
    """

    def __init__(self, source: Source, compression: str | None) -> None:
        self.name = source.name
        self.size = source.size
        self.fault: tuple[str, str] | None = None
        self.given = 0  # octets handed to the core
        self.taken = 0  # octets of the file that these were made of, about
        self._source = source
        self._plain = compression is None
        self._compression = compression or ""
        self._decoder = Zlib if compression is None else DECODERS[compression]()
        self._head = b""
        self._blocks: Iterator[bytes] | None = None
        self._block = memoryview(b"")
        self._ahead: _Ahead | None = None
        self._rest = b""  # read, and not yet part of a member
        self.in_use = threading.Lock()  # of a pass
        self._read = self._made = 0

    @property
    def once(self) -> bool:
        return self._source.once

    def again(self) -> Reader | None:
        """Another reader of the same, for a pass of its own; None where there can be one only."""
        source = self._source.again()
        if source is None:
            return None
        new = Reader.__new__(Reader)
        new.__dict__.update(self.__dict__)
        new.in_use = threading.Lock()
        new._source, new._blocks, new._ahead, new._block = source, None, None, memoryview(b"")
        new.seek(0)
        return new

    def seek(self, place: int) -> int:
        """Begin anew; there is no other place to go to."""
        assert place == 0
        self.close()
        self._block, self._rest, self.fault = memoryview(b""), b"", None
        self.given = self.taken = self._read = self._made = 0
        return 0

    def close(self) -> None:
        """End what is under way; a source that can be read only once is then gone."""
        ended = self._ahead is None or self._ahead.stop()
        begun, self._blocks, self._ahead = self._blocks is not None, None, None
        if begun and ended:
            self._source.end()

    def read(self, size: int) -> bytes:
        """Between one octet and `size`, none at the end."""
        if self._blocks is None and self.given + size <= len(self._head):
            octets = self._head[self.given : self.given + size]
        else:
            while not self._block:
                block, taken = self._next()
                if not block:
                    self.taken = self._read
                    return b""
                self._block, self.taken = memoryview(block), taken
            octets = bytes(self._block[:size])
            self._block = self._block[len(octets) :]
        self.given += len(octets)
        return octets

    def _next(self) -> tuple[bytes, int]:
        if self._blocks is None:
            self._source.begin(0)
            self._blocks = self._all()
            skip = self.given
            if not self._head:  # to recognise it, the first block will do
                block = next(self._blocks, b"")
                self._head = block[:_HEAD]
                return block, self._read
            while skip:  # what was given from the head kept
                self._block = memoryview(next(self._blocks, b""))
                if not self._block:
                    break
                step = min(skip, len(self._block))
                self._block, skip = self._block[step:], skip - step
            if self._block:
                return bytes(self._block), self._read
        if self._source.ahead and self._ahead is None and self.fault is None:
            self._ahead = _Ahead(self)
        if self._ahead is not None:
            return self._ahead.next()
        return next(self._blocks, b""), self._read

    def _take(self) -> bytes:
        """Compressed octets, as they come."""
        octets = self._source.read(_FEED_ONCE if self._source.once else _FEED)
        self._read += len(octets)
        return octets

    def _all(self) -> Iterator[bytes]:
        """Block after block; where something is wrong they end, and `fault` says what it is."""
        try:
            if self._plain:
                yield from iter(self._take, b"")
            else:
                yield from self._members()
        except _Damage as damage:
            self.fault = damage.kind, damage.text
        finally:
            if not self._source.once:
                self._source.end()

    def _together(self) -> Iterator[bytes]:
        """Members that several threads decompress, as far as that goes; `_rest` is then as if one had done it."""
        self._source.begin(0)
        cutter = _members.Cutter(self._source.read, self._compression, self._decoder)
        try:
            for end, blocks in cutter:
                most = self._made + sum(map(len, blocks))
                if most > MAX_DECOMPRESSED or (most > RATIO_FROM and most > MAX_RATIO * cutter.at):
                    break
                self._made = most
                self._read = min(-(-end // _FEED) * _FEED, self.size or end)
                yield from filter(None, blocks)
        finally:
            cutter.close()
        place = cutter.at // _FEED * _FEED
        self._source.begin(place)
        self._read = place
        self._rest = self._take()[cutter.at - place :]

    def _members(self) -> Iterator[bytes]:
        magic, first = MAGIC[self._compression], True
        if self._source.ahead and (self.size or 0) >= _members.LEAST:
            self._rest = self._take()
            if _members.may_be_cut(self._compression, self._rest):
                yield from self._together()
                first = self._made == 0
        while True:
            while len(self._rest) < max(len(magic), 4):
                octets = self._take()
                if not octets:
                    break
                self._rest += octets
            at = self._read - len(self._rest)
            if not self._rest:
                return
            if self._compression in ("zstd", "lz4") and skippable(self._rest):
                self._skip(at)
                other = format_of(self._rest)
                if first and other in ("zstd", "lz4"):
                    self._compression = other
                    self._decoder, magic = DECODERS[other](), MAGIC[other]
                continue
            if not self._rest.startswith(magic):
                if first or not self._padding(at):
                    self._garbage(at)
                continue
            first = False
            yield from self._member(at)

    def _skip(self, at: int) -> None:
        """A skippable frame: magic, size, octets of no meaning to us."""
        while len(self._rest) < 8:
            octets = self._take()
            if not octets:
                raise self._cut(at)
            self._rest += octets
        left = 8 + int.from_bytes(self._rest[4:8], "little")
        while len(self._rest) < left:
            left -= len(self._rest)
            self._rest = self._take()
            if not self._rest:
                raise self._cut(at)
        self._rest = self._rest[left:]
        while len(self._rest) < LOOK:
            octets = self._take()
            if not octets:
                break
            self._rest += octets

    def _padding(self, at: int) -> bool:
        """Zeros after a gzip or xz stream are padding, of tapes and by xz's own format."""
        if self._compression not in ("gzip", "xz") or self._rest[0] != 0:
            return False
        zeros = 0
        while self._rest:
            kept = self._rest.lstrip(b"\0")
            zeros += len(self._rest) - len(kept)
            if kept:
                self._rest = kept
                break
            self._rest = self._take()
        if self._compression == "xz" and zeros % 4:
            raise _Damage("trailing_garbage", f"{zeros} zeros follow the xz stream, at octet {at}: no multiple of 4")
        return True

    def _garbage(self, at: int) -> None:
        if at == 0:
            raise _Damage("compressed_damaged", f"this is no {self._compression} stream")
        found = self._rest[:4].hex(" ")
        raise _Damage(
            "trailing_garbage", f"what follows the last {self._compression} stream, at octet {at}, is none: {found}"
        )

    def _cut(self, begin: int) -> _Damage:
        text = f"the {self._compression} stream that begins at octet {begin} is cut short at the file's end, octet"
        return _Damage("compressed_cut_short", f"{text} {self._read}")

    def _member(self, begin: int) -> Iterator[bytes]:
        decoder, feed, made, before = self._decoder(), self._rest, 0, begin
        while not decoder.eof:
            data = b""
            if decoder.needs_input:
                data = feed or self._take()
                feed = b""
                if not data:
                    damage = self._cut(begin)
                    # isal may hold the last octet back
                    yield from self._salvage(begin, made, self._read) if self._compression == "gzip" else ()
                    raise damage
                before = self._read - len(data)
            try:
                block = decoder.decompress(data, BLOCK)
            except NOT_ABOUT_OCTETS:
                raise
            except Exception as error:
                damage = self._wrong(error, begin, before)
                yield from self._salvage(begin, made, before)
                raise damage from error
            if block:
                made += len(block)
                self._account(block)
                yield block
        self._rest = decoder.unused_data or b""  # lz4 says None

    def _account(self, block: bytes) -> None:
        self._made += len(block)
        if self._made > MAX_DECOMPRESSED:
            text = f"it holds more than {MAX_DECOMPRESSED:,} octets (max_decompressed): a decompression bomb?"
            raise _Damage("bomb", text)
        if self._made > RATIO_FROM and self._made > MAX_RATIO * self._read:
            text = (
                f"{self._read:,} octets hold more than {self._made:,}, {MAX_RATIO} times as many: a decompression bomb?"
            )
            raise _Damage("bomb", text)

    def _wrong(self, error: Exception, begin: int, before: int) -> _Damage:
        said = str(error) or type(error).__name__
        if any(words in said.lower() for words in TOO_MUCH_MEMORY):
            text = f"the {self._compression} stream at octet {begin} asks for more than {MAX_WINDOW:,} octets of memory"
            return _Damage("bomb", text)
        text = f"the {self._compression} stream is damaged between octets {before} and {self._read} of the file: {said}"
        return _Damage("compressed_damaged", text)

    def _salvage(self, begin: int, made: int, before: int) -> Iterator[bytes]:
        """What a decoder had made of the octets before the damage when it failed: it throws that away.

        The member is decompressed once more, from `before` on octet by octet; what was given already is left out. So
        damage costs the same packets whichever decoder found it, and however many octets it was fed.
        """
        if self._source.once:
            return
        decoder = Zlib() if self._compression == "gzip" else self._decoder()
        end, at = self._read, begin
        self._source.begin(begin)
        try:
            while at < end and not decoder.eof:
                data = b""
                if decoder.needs_input:
                    data = self._source.read(min(_FEED, before - at) if at < before else 1)
                    at += len(data)
                    if not data:
                        return
                block = decoder.decompress(data, BLOCK)
                old = min(made, len(block))
                made -= old
                if block := block[old:]:
                    self._account(block)
                    yield block
        except (_Damage, *NOT_ABOUT_OCTETS):
            raise
        except Exception:
            return


# Seconds: a signal need not end a wait (other libraries install handlers that go on with system calls), so that it is
# looked for between waits.
_LOOK_UP = 0.05


class _Ahead:
    """A thread that decompresses up to `_AHEAD` blocks before the core asks for them.

    Without it the calling thread would decompress when a worker asks, while the other workers decode: measured on
    traffic that gzip makes 2.3 times smaller, 0.14 s instead of 0.10 s, with one worker as with two.
    """

    def __init__(self, reader: Reader) -> None:
        self._source = reader._source
        self._ready: collections.deque[tuple[bytes, int]] = collections.deque()
        self._moved = threading.Condition()
        self._stopped = self._over = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, args=(reader,), name="pcapframe-ahead", daemon=True)
        self._thread.start()

    def _work(self, reader: Reader) -> None:
        assert reader._blocks is not None
        try:
            for block in reader._blocks:
                with self._moved:
                    while len(self._ready) >= _AHEAD and not self._stopped:
                        self._moved.wait()
                    if self._stopped:
                        return
                    self._ready.append((block, reader._read))
                    self._moved.notify()
        except Stopped:
            pass
        except BaseException as error:
            self._error = error
        finally:
            with self._moved:
                self._over = True
                self._moved.notify()

    def next(self) -> tuple[bytes, int]:
        with self._moved:
            while not self._ready and not self._over:
                self._moved.wait(_LOOK_UP)
            if self._ready:
                self._moved.notify()
                return self._ready.popleft()
            if self._error is not None:
                raise self._error
            return b"", 0

    def stop(self) -> bool:
        """End the thread; False where it still waits for the network: it ends its source itself when that answers."""
        with self._moved:
            self._stopped = True
            self._moved.notify()
        self._source.stop()
        self._thread.join(1 if isinstance(self._source, UrlSource) else None)
        return not self._thread.is_alive()
