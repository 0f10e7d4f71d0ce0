"""Compressions: recognised by their first octets, and what takes each off, one member at a time."""

from __future__ import annotations

import bz2
import importlib
import lzma
import sys
import zlib
from collections.abc import Callable
from typing import Any, Protocol

MAX_WINDOW = 128 << 20
"""Memory that a zstd window or an xz dictionary may ask for: what ``zstd --long`` and ``xz -9`` (64 MiB) need."""

MAGIC = {
    "gzip": b"\x1f\x8b",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\0",
    "zstd": b"\x28\xb5\x2f\xfd",
    "lz4": b"\x04\x22\x4d\x18",
}
LOOK = max(map(len, MAGIC.values()))


def format_of(head: bytes) -> str | None:
    """The compression whose magic these octets begin with, or None. A skippable frame is zstd's until lz4 follows."""
    for name, magic in MAGIC.items():
        if head.startswith(magic):
            return name
    return "zstd" if skippable(head) else None


def skippable(head: bytes) -> bool:
    """Whether a frame of no meaning begins here: zstd's and lz4's formats have the same."""
    return len(head) >= 4 and head[0] & 0xF0 == 0x50 and head[1:4] == b"\x2a\x4d\x18"


def look(read: Callable[[int], bytes]) -> bytes:
    """The first octets, as many as tell a compression apart."""
    head = b""
    while len(head) < LOOK and _undecided(head):
        octets = read(LOOK - len(head))
        if not octets:
            break
        head += octets
    return head


def _undecided(head: bytes) -> bool:
    if len(head) < 4 and (not head or head[0] & 0xF0 == 0x50):  # a skippable frame, perhaps
        return True
    return any(magic.startswith(head) for magic in MAGIC.values())


# Decoders of one member each, all with the interface of bz2.BZ2Decompressor.


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class Zlib:
    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        waiting = self._inflate.unconsumed_tail
        octets = self._inflate.decompress(waiting + data if waiting else data, max_length)
        self.needs_input = not self._inflate.unconsumed_tail and len(octets) < max_length
        return octets


class _Zstandard:
    """One zstd frame through `zstandard`, whose objects know no max_length: they are given one block at a time.

    RFC 8878, 3.1.1: magic, frame header, blocks (3 octets: last, type, size), perhaps a checksum. A block holds 128 KiB
    at most.
    """

    def __init__(self, zstandard: Any) -> None:
        self._inflate = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
        self._waiting = bytearray()
        self._last = self._begun = self._checksum = False
        self.needs_input = True
        self.eof = False
        self.unused_data = b""

    def _piece(self) -> int:
        """Octets of the next piece of the frame; more than there are where it cannot be told yet."""
        waiting = self._waiting
        if self._last:
            return 4
        if not self._begun:
            if len(waiting) < 5:
                return 5
            descriptor = waiting[4]
            single = descriptor >> 5 & 1
            self._checksum = bool(descriptor >> 2 & 1)
            return 5 + (1 - single) + (0, 1, 2, 4)[descriptor & 3] + (single, 2, 4, 8)[descriptor >> 6]
        if len(waiting) < 3:
            return 3
        header = int.from_bytes(waiting[:3], "little")
        self._last = bool(header & 1)
        return 3 + (1 if header >> 1 & 3 == 1 else header >> 3)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        waiting = self._waiting
        waiting += data
        octets: list[bytes] = []
        made = 0
        while not self.eof and made < max_length:
            before = self._last
            size = self._piece()
            if size > len(waiting):
                self._last = before
                self.needs_input = True
                return b"".join(octets)
            octets.append(self._inflate.decompress(bytes(waiting[:size])))
            made += len(octets[-1])
            del waiting[:size]
            self.eof = self._last and (before or not self._checksum)
            self._begun = True
        self.needs_input = False
        if self.eof:
            self.unused_data = bytes(waiting)
        return b"".join(octets)


def _package(name: str, reads: str, pip: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"reading {reads} captures needs the package {pip}: pip install {pip}", name=name) from error


def _gzip_decoder() -> Callable[[], _Decoder]:
    try:
        igzip: Any = importlib.import_module("isal.igzip_lib")
    except ImportError:
        return Zlib
    return lambda: igzip.IgzipDecompressor(flag=igzip.DECOMP_GZIP)


def _zstd_decoder() -> Callable[[], _Decoder]:
    if sys.version_info >= (3, 14):
        zstd: Any = importlib.import_module("compression.zstd")
        options = {zstd.DecompressionParameter.window_log_max: MAX_WINDOW.bit_length() - 1}
        return lambda: zstd.ZstdDecompressor(options=options)
    zstandard = _package("zstandard", "zstd", "zstandard")
    return lambda: _Zstandard(zstandard)


def _lz4_decoder() -> Callable[[], _Decoder]:
    lz4: Any = _package("lz4.frame", "lz4", "lz4")
    return lambda: lz4.LZ4FrameDecompressor()


DECODERS: dict[str, Callable[[], Callable[[], _Decoder]]] = {
    "gzip": _gzip_decoder,
    "bzip2": lambda: bz2.BZ2Decompressor,
    # The dictionary and what the decoder needs besides.
    "xz": lambda: lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MAX_WINDOW + (1 << 20)),
    "zstd": _zstd_decoder,
    "lz4": _lz4_decoder,
}
# What decoders raise about the octets they are given. zstandard's and isal's errors are plain subclasses of Exception.
NOT_ABOUT_OCTETS = (MemoryError, ImportError, TypeError, AttributeError)
TOO_MUCH_MEMORY = ("memory usage limit", "memory limit", "too much memory", "window too large", "unsupported window")
