"""Builders of tunnels, PPP and radio links, for captures.py: each takes what it carries and returns a Layer."""

from __future__ import annotations

import struct
from typing import NamedTuple


class Layer(NamedTuple):
    octets: bytes
    ethertype: int = 0x88B5  # what a link layer calls it; the default is for local experiments
    ip_protocol: int = 253  # what an IP header calls it; the default is for experiments (RFC 3692)


MAC_A, MAC_B = bytes.fromhex("02000000000a"), bytes.fromhex("02000000000b")

# --- link layers -----------------------------------------------------------------------------------------------------

PPP_NUMBERS = {0x0800: 0x0021, 0x86DD: 0x0057, 0x8847: 0x0281}


def ppp(inner: Layer, protocol: int | None = None, framed: bool = False, short: bool = False) -> Layer:
    """framed: with address and control; short: the protocol in one octet, if it may be."""
    number = PPP_NUMBERS.get(inner.ethertype, 0xC021) if protocol is None else protocol
    octets = number.to_bytes(1 if short and number < 256 and number % 2 else 2, "big")
    return Layer((b"\xff\3" if framed else b"") + octets + inner.octets, ethertype=0x880B)


def chdlc(inner: Layer, address: int = 0x0F) -> Layer:
    return Layer(struct.pack("!BBH", address, 0, inner.ethertype) + inner.octets)


def fddi(inner: Layer, control: int = 0x50) -> Layer:
    """inner: what LLC frames hold."""
    return Layer(bytes([control]) + MAC_B + MAC_A + inner.octets)


def pppoe(inner: Layer, code: int = 0, length: int | None = None) -> Layer:
    length = len(inner.octets) if length is None else length
    head = struct.pack("!BBHH", 0x11, code, 7, length & 0xFFFF)
    return Layer(head + inner.octets, ethertype=0x8864 if code == 0 else 0x8863)


def mpls(inner: Layer, labels: int = 1, control_word: bool = False, ethertype: int = 0x8847) -> Layer:
    """control_word: before an Ethernet frame."""
    stack = b"".join(struct.pack("!I", 100 + n << 12 | (n == labels - 1) << 8 | 64) for n in range(labels))
    return Layer(stack + bytes(4 * control_word) + inner.octets, ethertype, ip_protocol=137)


def pbb(inner: Layer) -> Layer:
    """IEEE 802.1ah: a service tag before an Ethernet frame."""
    return Layer(struct.pack("!I", 7) + inner.octets, ethertype=0x88E7)


# --- 802.11 ----------------------------------------------------------------------------------------------------------


def wlan(
    inner: Layer,
    first: int = 0x08,  # the octets of frame control
    second: int = 0x01,
    quality: bytes = b"\0\0",
    sequence: int = 0x10,
    padded: bool = False,
) -> Layer:
    head = bytes([first, second, 0, 0]) + MAC_A + MAC_B + MAC_A + struct.pack("<H", sequence)
    if second & 3 == 3:
        head += MAC_B
    if first & 0x80:
        head += quality + bytes(4 if second & 0x80 else 0)
    if padded:
        head += bytes(-len(head) % 4)
    return Layer(head + inner.octets)


def subframe(inner: Layer, length: int | None = None) -> Layer:
    """The first of an A-MSDU."""
    length = len(inner.octets) if length is None else length
    return Layer(MAC_A + MAC_B + (length & 0xFFFF).to_bytes(2, "big") + inner.octets)


def radiotap(
    inner: Layer, flags: int | None = None, timed: bool = False, more_words: int = 0, length: int | None = None
) -> Layer:
    present = (timed << 0) | ((flags is not None) << 1) | (more_words > 0) << 31
    words = [present] + [1 << 31] * (more_words - 1) + [0] * (more_words > 0)
    body = b"".join(struct.pack("<I", word) for word in words)
    if timed:
        body += bytes(-(4 + len(body)) % 8 + 8)
    body += b"" if flags is None else bytes([flags])
    length = 4 + len(body) if length is None else length
    return Layer(struct.pack("<BBH", 0, 0, length & 0xFFFF) + body + inner.octets)


def ppi(inner: Layer, link_type: int, fields: bytes = b"", flags: int = 0, length: int | None = None) -> Layer:
    length = 8 + len(fields) if length is None else length
    return Layer(struct.pack("<BBHI", 0, flags, length & 0xFFFF, link_type) + fields + inner.octets)


def ppi_field(kind: int, octets: bytes, aligned: bool = False) -> bytes:
    return struct.pack("<HH", kind, len(octets)) + octets + bytes(-len(octets) % 4 if aligned else 0)


def ppi_common(flags: int) -> bytes:
    """The field 802.11-Common."""
    return ppi_field(2, bytes(8) + struct.pack("<H", flags) + bytes(10))


# --- what IP carries -------------------------------------------------------------------------------------------------


def esp(payload: bytes = bytes(24)) -> Layer:
    return Layer(struct.pack("!II", 1, 1) + payload, ip_protocol=50)


def sctp(source: int = 50_000, destination: int = 4000, chunks: bytes = b"\x0b\0\0\4") -> Layer:
    """Its one chunk is COOKIE ACK."""
    return Layer(struct.pack("!HHII", source, destination, 1, 0) + chunks, ip_protocol=132)


def etherip(inner: Layer) -> Layer:
    return Layer(b"\x30\0" + inner.octets, ip_protocol=97)


def gre(inner: Layer, flags: int = 0, version: int = 0) -> Layer:
    """RFC 2784, 2890, 2637; flags: 0x8000 checksum, 0x4000 routing, 0x2000 key, 0x1000 sequence, 0x80 acknowledges."""
    bits = (0x8000, 0x2000, 0x1000) + ((0x80,) if version == 1 else ())
    optional = bytes(4 * sum(flags & bit != 0 for bit in bits))
    return Layer(struct.pack("!HH", flags | version, inner.ethertype) + optional + inner.octets, ip_protocol=47)


def erspan(inner: Layer, version: int = 1, frame: int = 0, subheader: bool = False) -> Layer:
    head = struct.pack("!II", version << 28 | 1, 0)
    if version == 2:
        head += struct.pack("!HH", 0, frame << 10 | subheader) + bytes(8 * subheader)
    return Layer(head + inner.octets, ethertype=0x88BE if version == 1 else 0x22EB)


# --- what UDP carries ------------------------------------------------------------------------------------------------


def vxlan(inner: Layer, flags: int = 0x08, following: int = 0) -> bytes:
    return struct.pack("!BHBI", flags, 0, following, 7 << 8) + inner.octets


def geneve(inner: Layer, options: bytes = b"", version: int = 0, words: int | None = None) -> bytes:
    options += bytes(-len(options) % 4)
    words = len(options) // 4 if words is None else words
    return struct.pack("!BBHI", version << 6 | words, 0, inner.ethertype, 7 << 8) + options + inner.octets


def gtp(
    inner: Layer,
    flags: int = 0x30,
    kind: int = 255,
    extensions: tuple[int, ...] = (),  # lengths in units of four octets
    length: int | None = None,
) -> bytes:
    body = b""
    if extensions:
        flags |= 4
    if flags & 7:
        body = struct.pack("!HBB", 1, 0, 0x85 if extensions else 0)
        for n, units in enumerate(extensions):
            content = bytes(max(0, 4 * units - 2))
            body += bytes([units]) + content + (b"\x85" if n + 1 < len(extensions) else b"\0") * (units > 0)
    body += inner.octets
    return struct.pack("!BBHI", flags, kind, (len(body) if length is None else length) & 0xFFFF, 7) + body


def teredo(inner: Layer, authentication: tuple[int, int] | None = None, origin: bool = False) -> bytes:
    """authentication: the lengths of client identifier and value."""
    octets = b""
    if authentication is not None:
        octets += bytes([0, 1, *authentication]) + bytes(sum(authentication) + 9)
    if origin:
        octets += bytes(8)
    return octets + inner.octets
