"""Conversations made to order, as captures: what attacks and their look-alikes send, packet by packet."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable

START = 1_500_000_000_000_000_000  # ns
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32

Packet = tuple[int, bytes]  # time (ns), frame


def file_of(packets: Iterable[Packet], link_type: int = 1) -> bytes:
    """A nanosecond capture of these packets in this order."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link_type)]
    for time, frame in packets:
        parts += [struct.pack("<IIII", *divmod(time, 10**9), len(frame), len(frame)), frame]
    return b"".join(parts)


def capture(packets: Iterable[Packet], link_type: int = 1) -> bytes:
    """The same in the order of their times."""
    return file_of(sorted(packets, key=lambda packet: packet[0]), link_type)


def mac(address: str) -> bytes:
    return b"\x02\0" + ipaddress.ip_address(address).packed[-4:]


def ip(source: str, target: str, protocol: int, payload: bytes) -> bytes:
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(target)
    if a.version == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, a.packed, b.packed)
    else:
        head = struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 64, a.packed, b.packed)
    return mac(target) + mac(source) + (b"\x08\x00" if a.version == 4 else b"\x86\xdd") + head + payload


def tcp(
    source: str, target: str, sport: int, dport: int, flags: int, data: bytes = b"", window: int = 8192, words: int = 5
) -> bytes:
    head = struct.pack("!HHIIBBHHH", sport, dport, 1, 1, words << 4, flags, window, 0, 0)
    return ip(source, target, 6, head + bytes(4 * words - 20) + data)


def udp(source: str, target: str, sport: int, dport: int, data: bytes = b"x") -> bytes:
    return ip(source, target, 17, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data)


def icmp(source: str, target: str, kind: int, ident: int = 1, data: bytes = bytes(56)) -> bytes:
    version = ipaddress.ip_address(source).version
    return ip(source, target, 1 if version == 4 else 58, struct.pack("!BBHHH", kind, 0, 0, ident, 1) + data)


def arp(operation: int, who: str, sender: str, asked: str, hardware: bytes | None = None) -> bytes:
    """`who` is whose hardware address it is, unless that is given."""
    own = hardware or mac(who)
    ends = ipaddress.ip_address(sender).packed, ipaddress.ip_address(asked).packed
    body = struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, operation, own, ends[0], bytes(6), ends[1])
    return b"\xff" * 6 + own + b"\x08\x06" + body


def connection(
    time: int,
    source: str,
    target: str,
    sport: int,
    dport: int,
    data: bytes = b"hello",
    answer: bytes = b"world",
    pauses: Iterable[float] = (),
    step: int = 1_000_000,
) -> list[Packet]:
    """A whole TCP connection: handshake, question and answer (again after each pause in seconds), and its end."""
    there, back = (source, target, sport, dport), (target, source, dport, sport)
    packets = [
        (time, tcp(*there, SYN, words=8)),
        (time + step, tcp(*back, SYN | ACK, words=8)),
        (time + 2 * step, tcp(*there, ACK)),
    ]
    time += 3 * step
    for pause in (0.0, *pauses):
        time += int(pause * 1e9)
        packets.append((time, tcp(*there, PSH | ACK, data)))
        packets.append((time + step, tcp(*back, PSH | ACK, answer)))
        time += 2 * step
    packets.append((time, tcp(*there, FIN | ACK)))
    packets.append((time + step, tcp(*back, FIN | ACK)))
    return packets


def probe(
    time: int, source: str, target: str, sport: int, dport: int, flags: int = SYN, refused: bool = True
) -> list[Packet]:
    """A packet to a port, and what a closed one says to it."""
    packets = [(time, tcp(source, target, sport, dport, flags, words=6 if flags == SYN else 5))]
    if refused:
        packets.append((time + 100_000, tcp(target, source, dport, sport, RST | ACK)))
    return packets
