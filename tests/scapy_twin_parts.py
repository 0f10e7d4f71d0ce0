"""What the steps of `scapy_twin` are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Step = tuple[str | None, bytes]

# Python's recursion limit (1000) ends scapy's nesting here when the loop runs at module level; deeper inside other
# calls (a notebook) it ends some layers earlier.
MAX_LAYERS = 197

# PcapReader hands on no more octets of a packet than this, whatever the snap length says.
MAX_OCTETS = 65535

# More items than this in one list (DNS records, IP options) make scapy's parser raise.
MAX_ITEMS = 100


class Raw(Exception):
    """scapy's parser of this layer raised: the octets become Raw."""


@dataclass
class Found:
    """What the walk has met: the first of each counts."""

    ip: tuple[str, str] | None = None  # source, destination
    tcp: int | None = None  # sequence number
    dns: tuple[int, int] | None = None  # qr, ancount
    quoted6: bool = False  # below an IPv6 header quoted by an ICMPv6 error


def u8(s: bytes, at: int) -> int:
    if len(s) < at + 1:
        raise Raw
    return s[at]


def u16(s: bytes, at: int) -> int:
    if len(s) < at + 2:
        raise Raw
    return s[at] << 8 | s[at + 1]


def need(s: bytes, n: int) -> None:
    if len(s) < n:
        raise Raw


def dotted(s: bytes) -> str:
    return ".".join(map(str, s))


def cut(s: bytes, n: int) -> tuple[bytes, bytes]:
    """Split as scapy does: with a negative length the *last* -n octets remain (Python's slices)."""
    return s[:n], s[n:]


def items(s: bytes, size: Callable[[bytes], int], limit: int | None = None) -> bytes:
    """Take items until the octets (or `limit` items) are used up; an item that fails (size 0) swallows the rest."""
    n = 0
    while s and (limit is None or n < limit):
        n += 1
        if n > MAX_ITEMS:
            raise Raw
        s = s[size(s) or len(s) :]
    return s
