"""Members of a compressed file that are decompressed side by side: where one ends is told without decompressing it.

* gzip whose members say how long they are (field ``BC``, as bgzip writes), at most 64 KiB each;
* zstd in several frames (pzstd, the seekable format): a frame's blocks have their sizes before them.

Nothing is believed: a member that is not as announced, or too large, is left to the plain way, which begins there anew,
and so says and gives what it always does. A seek table is not needed, and stepped over.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from . import _core

if TYPE_CHECKING:
    import concurrent.futures

LEAST = 4 << 20  # octets of a file below which threads cost more than they gain
PROCESSORS = {"gzip": 2, "zstd": 4}
"""From how many on it is done. Measured on two: bgzip's members take 0.6 of the time, zstd's frames 1.6 times as long,
because one thread makes 1.6 GB/s already and what two make beside each other no longer stays in the cache."""
_READ = 1 << 20
_MOST = 32 << 20  # octets that a member may hold: pzstd makes frames of 8 MiB; this many are in memory for each thread
_MOST_IN = 33 << 20  # and have, compressed: stored octets and their headers
_BLOCK = 256 << 10  # octets that come out at a time, as those of the plain way
_JOB = 256 << 10  # octets of small members that are given to a thread together
_MOST_SKIPPED = 1 << 20  # of a skippable frame: a seek table of 87,000 frames

_GZIP_MEMBER = 1 << 16  # octets, compressed and not (SAM specification, 4.1)
_ZSTD_BLOCK = 128 << 10  # RFC 8878, 3.1.1.2.4

Decoder = Callable[[], Any]


def _bgzip(octets: bytearray, at: int) -> tuple[int, int] | None:
    """Octets of the member at `at` and how many it may hold; where that is -1, so many are needed to tell; None: no."""
    head = octets[at : at + 12]
    if len(head) < 12:
        return 12, -1
    if head[:3] != b"\x1f\x8b\x08" or head[3] != 4:
        return None
    end = 12 + int.from_bytes(head[10:12], "little")
    fields = octets[at + 12 : at + end]
    place = 0
    while place + 4 <= len(fields):
        size = int.from_bytes(fields[place + 2 : place + 4], "little")
        if fields[place : place + 2] == b"BC" and size == 2 and place + 6 <= len(fields):
            whole = int.from_bytes(fields[place + 4 : place + 6], "little") + 1
            return (whole, _GZIP_MEMBER) if whole > end else None
        place += 4 + size
    return (end, -1) if at + end > len(octets) else None


def _zstd(octets: bytearray, at: int) -> tuple[int, int] | None:
    """The same of a zstd frame (RFC 8878, 3.1.1); a skippable one holds nothing."""
    head = octets[at : at + 8]
    if len(head) < 8:
        return 8, -1
    if head[0] & 0xF0 == 0x50 and head[1:4] == b"\x2a\x4d\x18":
        size = 8 + int.from_bytes(head[4:8], "little")
        return (size, 0) if size <= _MOST_SKIPPED else None
    if head[:4] != b"\x28\xb5\x2f\xfd":
        return None
    descriptor = head[4]
    single = descriptor >> 5 & 1
    place = at + 5 + (1 - single) + (0, 1, 2, 4)[descriptor & 3] + (single, 2, 4, 8)[descriptor >> 6]
    holds = 0
    while holds <= _MOST and place - at <= _MOST_IN:
        if place + 3 > len(octets):
            return place + 3 - at, -1
        header = int.from_bytes(octets[place : place + 3], "little")
        place += 3 + (1 if header >> 1 & 3 == 1 else header >> 3)
        holds += _ZSTD_BLOCK
        if header & 1:
            return place - at + (4 if descriptor & 4 else 0), holds
    return None


_LOOKS: dict[str, Callable[[bytearray, int], tuple[int, int] | None]] = {"gzip": _bgzip, "zstd": _zstd}


def may_be_cut(compression: str, first: bytes) -> bool:
    """Whether a file that begins with these octets has members whose ends can be told, as far as one sees."""
    look = _LOOKS.get(compression)
    if look is None or _core.processors() < PROCESSORS[compression]:
        return False
    return look(bytearray(first), 0) is not None


def _inflate(decoder: Decoder, members: list[tuple[bytes, int]]) -> list[bytes] | None:
    """What these members hold, or None where one is not as announced: the plain way knows what to say then.

    In blocks: what is as large as a frame would be new memory each time, whose page faults take longer than zstd.
    """
    blocks: list[bytes] = []
    for octets, holds in members:
        inflater, left = decoder(), holds
        try:
            while holds and not inflater.eof:
                block = inflater.decompress(octets, _BLOCK)
                octets = b""
                left -= len(block)
                if left < 0 or (not block and not inflater.eof):
                    return None
                blocks.append(block)
            if holds and inflater.unused_data:
                return None
        except Exception:
            return None
    return blocks if members[0][1] >= _BLOCK else [b"".join(blocks)]


class Cutter:
    """Cuts members off what `read` gives, has them decompressed, and gives what they hold in order.

    `at` is where the plain way has to go on when there is no more to come.
    """

    def __init__(self, read: Callable[[int], bytes], compression: str, decoder: Decoder) -> None:
        self.at = 0
        self._read, self._look, self._decoder = read, _LOOKS[compression], decoder
        self._octets, self._place, self._begin = bytearray(), 0, 0
        self._over = False
        import concurrent.futures  # which brings logging: not worth its time at every start

        self._threads = concurrent.futures.ThreadPoolExecutor(_core.processors(), "pcapframe-members")

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _member(self) -> tuple[bytes, int] | None:
        """The next member and how many octets it holds at most."""
        while True:
            found = self._look(self._octets, self._place)
            if found is None or found[0] > _MOST_IN:
                return None
            size, holds = found
            if holds >= 0 and size <= len(self._octets) - self._place:
                with memoryview(self._octets) as view:
                    octets = bytes(view[self._place : self._place + size])
                self._place += size
                return octets, holds
            del self._octets[: self._place]
            self._begin += self._place
            self._place = 0
            while len(self._octets) < size:
                more = self._read(_READ)
                if not more:
                    return None
                self._octets += more

    def _job(self) -> list[tuple[bytes, int]]:
        members: list[tuple[bytes, int]] = []
        holds = 0
        while holds < _JOB and not self._over:
            member = self._member()
            self._over = member is None
            if member is not None:
                members.append(member)
                holds += member[1] or 1
        return members

    def __iter__(self) -> Iterator[tuple[int, list[bytes]]]:
        """Give (the offset behind them, what they hold) of some members at a time."""
        waiting: collections.deque[tuple[int, concurrent.futures.Future[list[bytes] | None]]] = collections.deque()
        most = 1  # to recognise a capture, the first will do
        while True:
            while len(waiting) < most and not self._over:
                if members := self._job():
                    future = self._threads.submit(_inflate, self._decoder, members)
                    waiting.append((self._begin + self._place, future))
            if not waiting:
                return
            end, future = waiting.popleft()
            blocks = future.result()
            if blocks is None:
                return
            yield end, blocks
            self.at = end
            most = _core.processors() + 1
