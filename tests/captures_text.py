"""Captures in which hosts say something: names, requests, logins."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from captures import Packet, ethernet, ipv4, ipv6, pcap_bytes, tcp, udp
from naive_text import Message

START = 1_500_000_000


def question(labels: Iterable[bytes]) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def dns_packet(message: Message) -> Packet:
    flags = message.response << 15 | message.rcode
    head = struct.pack("!HHHHHH", 7, flags, 1, message.answer != b"", 0, 0)
    octets = head + question(message.labels) + struct.pack("!HH", message.kind, 1) + message.answer
    client, server = (bytes(map(int, each.split("."))) for each in (message.client, message.server))
    datagram = udp(octets, 53, 5000) if message.response else udp(octets, 5000, 53)
    ends = (server, client) if message.response else (client, server)
    frame = ethernet(ipv4(datagram, *ends)).octets
    return Packet(frame, len(frame), message.time // 10**9, message.time % 10**9)


def dns_capture(messages: Iterable[Message]) -> bytes:
    return pcap_bytes([dns_packet(message) for message in messages], magic="nano")


def lookups(
    names: Iterable[str], kind: int = 1, rcode: int = 0, answer: bytes = bytes(16), every: float = 0.1
) -> bytes:
    """A query and its response for each name."""
    made = []
    for i, name in enumerate(names):
        time = START * 10**9 + int(i * every * 10**9)
        labels = tuple(name.encode().split(b"."))
        made.append(Message("10.0.0.1", "10.0.0.53", labels, kind, False, 0, b"", time))
        made.append(Message("10.0.0.1", "10.0.0.53", labels, kind, True, rcode, b"" if rcode else answer, time + 1000))
    return dns_capture(made)


def segments(*said: tuple[bool, bytes], port: int = 21, client_port: int = 40_000, v6: bool = False) -> list[bytes]:
    """Frames of one connection: (from the client, octets)."""
    seq = {True: 1000, False: 2_000_000_000}
    made = []
    for from_client, octets in said:
        ports = (client_port, port) if from_client else (port, client_port)
        segment = tcp(octets, *ports, seq=seq[from_client])
        seq[from_client] += len(octets)
        ends = (bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
        ends = ends if from_client else ends[::-1]
        made.append(ethernet(ipv6(segment) if v6 else ipv4(segment, *ends)).octets)
    return made


def requests(*targets: bytes, headers: bytes = b"", start: int = 40_000) -> bytes:
    made = []
    for i, target in enumerate(targets):
        text = b"GET " + target + b" HTTP/1.1\r\nHost: a.example\r\n" + headers + b"\r\n"
        made += segments((True, text), port=8080, client_port=start + i)
    return pcap_bytes(made)
