"""Captures made to order, layer by layer: what `captures` is made of."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from captures_tunnels import (
    MAC_A,
    MAC_B,
    Layer,
)  # fmt: skip

MAGICS = {"micro": 0xA1B2C3D4, "nano": 0xA1B23C4D, "kuznetzov": 0xA1B2CD34}
LINK_TYPES = (1, 101, 113, 276, 0, 108, 228, 229, 12, 14, 9, 50, 51, 104, 10, 105, 127, 192)
UNKNOWN_LINK_TYPES = (147, 65535)


class Packet(NamedTuple):
    octets: bytes  # as captured
    length: int  # on the wire
    seconds: int = 1_500_000_000
    fraction: int = 0


# --- the file --------------------------------------------------------------------------------------------------------


def pcap_bytes(
    packets: Iterable[bytes | Packet],
    link_type: int = 1,
    magic: str = "micro",
    order: str = "<",
    snap_len: int = 262_144,
    version: tuple[int, int] = (2, 4),
) -> bytes:
    """A classic pcap file. link_type is the whole last word of its header, flags and all."""
    file = bytearray(struct.pack(order + "IHHiIII", MAGICS[magic], *version, 0, 0, snap_len, link_type))
    for packet in packets:
        if not isinstance(packet, Packet):
            packet = Packet(packet, len(packet))
        file += struct.pack(order + "IIII", packet.seconds, packet.fraction, len(packet.octets), packet.length)
        if magic == "kuznetzov":
            file += struct.pack(order + "IHBx", 3, 0x0800, 0)  # interface, protocol, kind
        file += packet.octets
    return bytes(file)


def record_starts(packets: Sequence[bytes | Packet], magic: str = "micro") -> list[int]:
    """Where the record headers of pcap_bytes(packets) lie, and the end of the file."""
    starts = [24]
    for packet in packets:
        octets = packet.octets if isinstance(packet, Packet) else packet
        starts.append(starts[-1] + (24 if magic == "kuznetzov" else 16) + len(octets))
    return starts


# --- link layers -----------------------------------------------------------------------------------------------------


def ethernet(
    inner: Layer, source: bytes = MAC_A, destination: bytes = MAC_B, value: int | None = None, pad_to: int = 0
) -> Layer:
    """value: the EtherType or 802.3 length."""
    octets = destination + source + (inner.ethertype if value is None else value).to_bytes(2, "big") + inner.octets
    return Layer(octets.ljust(pad_to, b"\0"), ethertype=0x6558)


def vlan(inner: Layer, tag: int = 1, tpid: int = 0x8100, value: int | None = None) -> Layer:
    return Layer(struct.pack("!HH", tag, inner.ethertype if value is None else value) + inner.octets, tpid)


def llc(payload: bytes = b"", dsap: int = 0x42, ssap: int = 0x42, control: int = 3) -> Layer:
    """An 802.2 header; what the frame calls it is its length."""
    octets = bytes([dsap, ssap, control]) + payload
    return Layer(octets, ethertype=len(octets))


def snap(inner: Layer, oui: int = 0) -> Layer:
    return llc(oui.to_bytes(3, "big") + inner.ethertype.to_bytes(2, "big") + inner.octets, 0xAA, 0xAA)


def sll(inner: Layer, protocol: int | None = None) -> Layer:
    protocol = inner.ethertype if protocol is None else protocol
    return Layer(struct.pack("!HHH8sH", 0, 1, 6, MAC_A, protocol) + inner.octets)


def sll2(inner: Layer, protocol: int | None = None) -> Layer:
    protocol = inner.ethertype if protocol is None else protocol
    return Layer(struct.pack("!HHIHBB8s", protocol, 0, 2, 1, 0, 6, MAC_A) + inner.octets)


def null(inner: Layer, family: int | None = None, order: str = "<") -> Layer:
    if family is None:
        family = {0x0800: 2, 0x86DD: 30}.get(inner.ethertype, 7)
    return Layer(struct.pack(order + "I", family) + inner.octets)


# --- ARP, IP ---------------------------------------------------------------------------------------------------------


def checksum(octets: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def arp(hardware: int = 6, protocol: int = 4, operation: int = 1) -> Layer:
    addresses = (MAC_A.ljust(hardware, b"\0")[:hardware] + bytes([10, 0, 0, 1]).ljust(protocol, b"\0")[:protocol]) * 2
    return Layer(struct.pack("!HHBBH", 1, 0x0800, hardware, protocol, operation) + addresses, ethertype=0x0806)


def ipv4(
    inner: Layer,
    source: bytes = bytes([10, 0, 0, 1]),
    destination: bytes = bytes([10, 0, 0, 2]),
    ttl: int = 64,
    options: bytes = b"",
    fragment: int = 0,  # in units of eight octets
    more_fragments: bool = False,
    version: int = 4,
    words: int | None = None,  # header length
    total_length: int | None = None,
    protocol: int | None = None,
) -> Layer:
    options += bytes(-len(options) % 4)
    true_length = 20 + len(options)
    words = true_length // 4 if words is None else words
    total_length = true_length + len(inner.octets) if total_length is None else total_length
    head = struct.pack(
        "!BBHHHBBH4s4s",
        version << 4 | words, 0, total_length & 0xFFFF, 7, more_fragments << 13 | fragment,
        ttl, inner.ip_protocol if protocol is None else protocol, 0, source, destination,
    ) + options  # fmt: skip
    head = head[:10] + checksum(head).to_bytes(2, "big") + head[12:]
    return Layer(head + inner.octets, ethertype=0x0800, ip_protocol=4)


def ipv6(
    inner: Layer,
    source: bytes = bytes.fromhex("20010db8000000000000000000000001"),
    destination: bytes = bytes.fromhex("20010db8000000000000000000000002"),
    hop_limit: int = 64,
    version: int = 6,
    payload_length: int | None = None,
    next_header: int | None = None,
) -> Layer:
    payload_length = len(inner.octets) if payload_length is None else payload_length
    next_header = inner.ip_protocol if next_header is None else next_header
    head = struct.pack("!IHBB", version << 28, payload_length & 0xFFFF, next_header, hop_limit)
    return Layer(head + source + destination + inner.octets, ethertype=0x86DD, ip_protocol=41)


def extension(inner: Layer, kind: int = 60, units: int = 0, length: int | None = None) -> Layer:
    """An IPv6 extension header (RFC 8200, 4.2 to 4.6) of 8 x (units + 1) octets, filled with PadN."""
    size = 8 * units + 6
    body = {
        43: bytes([253]) + bytes(size - 1),  # routing: an experimental type, no segments left
        135: struct.pack("!BBH", 8, 0, 0) + bytes(size - 4),  # mobility (RFC 6275): binding error
    }.get(kind, (bytes([1, size - 2]) + bytes(size - 2)) if size < 256 else bytes(size))
    return Layer(
        bytes([inner.ip_protocol, units if length is None else length]) + body + inner.octets, ip_protocol=kind
    )


def fragment_header(inner: Layer, offset: int = 0, more: bool = False) -> Layer:
    return Layer(struct.pack("!BBHI", inner.ip_protocol, 0, offset << 3 | more, 7) + inner.octets, ip_protocol=44)


def authentication(inner: Layer, units: int = 4) -> Layer:
    """RFC 4302: 4 x (units + 2) octets."""
    body = struct.pack("!HII", 0, 1, 1)[: 4 * units + 6].ljust(4 * units + 6, b"\0")
    return Layer(bytes([inner.ip_protocol, units]) + body + inner.octets, ip_protocol=51)


# --- what IP carries -------------------------------------------------------------------------------------------------


def tcp(
    payload: bytes = b"",
    source: int = 50_000,
    destination: int = 80,
    seq: int = 1,
    ack: int = 0,
    flags: int = 0x10,
    options: bytes = b"",
    words: int | None = None,  # header length
) -> Layer:
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4 if words is None else words
    head = struct.pack("!HHIIHHHH", source, destination, seq, ack, words << 12 | flags, 8192, 0, 0)
    return Layer(head + options + payload, ip_protocol=6)


def udp(payload: bytes = b"", source: int = 50_000, destination: int = 4000, length: int | None = None) -> Layer:
    length = 8 + len(payload) if length is None else length
    return Layer(struct.pack("!HHHH", source, destination, length & 0xFFFF, 0) + payload, ip_protocol=17)


def icmp(kind: int = 8, code: int = 0, body: bytes = bytes(4)) -> Layer:
    return Layer(struct.pack("!BBH", kind, code, 0) + body, ip_protocol=1)


def icmpv6(kind: int = 128, code: int = 0, body: bytes = bytes(4)) -> Layer:
    return Layer(struct.pack("!BBH", kind, code, 0) + body, ip_protocol=58)


def dns(response: int = 1, rcode: int = 0, answers: int = 0, opcode: int = 0, question: bool = True) -> bytes:
    """RFC 1035: a header, one question, and answers that are address records of the name in it."""
    head = struct.pack("!HHHHHH", 1, response << 15 | opcode << 11 | rcode, question, answers, 0, 0)
    name = b"\7example\3org\0" + struct.pack("!HH", 1, 1) if question else b""
    pointer = 12 if question else 0
    record = struct.pack("!HHHIH4s", 0xC000 | pointer, 1, 1, 60, 4, bytes([192, 0, 2, 1]))
    return head + name + record * min(answers, 8)


def dns_tcp(message: bytes, length: int | None = None) -> bytes:
    """RFC 1035, 4.2.2."""
    return ((len(message) if length is None else length) & 0xFFFF).to_bytes(2, "big") + message
