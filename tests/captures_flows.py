"""Captures in which flows split, close, come again and get out of order, read off a tape as in captures.py."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

from captures import Layer, Packet, Tape, arp, ethernet, fragment_header, icmp, ipv4, ipv6, pcap_bytes, sll, udp, vlan
from captures_tunnels import sctp

# Microseconds between packets: on both sides of every limit, and backwards.
STEPS = (
    100, 1, 0, 999_999, 1_000_000, 1_000_001, 5_000_000, 5_000_001, 119_999_999, 120_000_000, 120_000_001, 121_000_000,
    121_000_001, 30_000_000, 60_000_000, -13, -1_500_000, -6_000_000, -130_000_000,
)  # fmt: skip
HOSTS = tuple(bytes.fromhex(text) for text in ("c0a80a05", "c0a80a08", "0a000009", "090000c8"))
HOSTS6 = tuple(bytes.fromhex(f"20010db80000000000000000000000{n:02x}") for n in (1, 2))
# Most packets are of one connection, either way round.
CONNECTIONS = (
    (HOSTS[0], HOSTS[1], 50_000, 80),
    (HOSTS[0], HOSTS[1], 50_000, 80),
    (HOSTS[0], HOSTS[1], 50_000, 80),
    (HOSTS[0], HOSTS[2], 53, 53),
    (HOSTS[3], HOSTS[2], 80, 50_000),
    (HOSTS[0], HOSTS[0], 50_000, 80),
)
FLAGS = (0x10, 0x02, 0x12, 0x18, 0x11, 0x01, 0x04, 0x14, 0xC2, 0x3F, 0x00, 0x20)
WINDOWS = (8192, 0, 65_535, 1)


def tcp(tape: Tape, sport: int, dport: int, payload: bytes) -> Layer:
    words = tape.pick((5, 5, 8, 15, 2))
    numbers = tape.pick((1, 2, 0)), tape.pick((1, 7))
    head = struct.pack("!HHIIBBHHH", sport, dport, *numbers, words << 4, tape.pick(FLAGS), tape.pick(WINDOWS), 0, 0)
    return Layer(head + bytes(max(0, 4 * words - 20)) + payload, ip_protocol=6)


def carried(tape: Tape, sport: int, dport: int) -> Layer:
    payload = bytes(tape.pick((100, 1, 0, 5, 1448, 0)))
    match tape.octet() % 16:
        case 11 | 12 | 13:
            return udp(payload, sport, dport)
        case 14:
            inner = ipv4(tcp(tape, sport, dport, b""), *tape.pick(((HOSTS[0], HOSTS[1]), (HOSTS[2], HOSTS[0]))))
            kind = tape.pick((8, 0, 3, 12, 11))
            return icmp(kind, tape.pick((0, 1)), bytes(4) + (inner.octets if kind in (3, 12, 11) else b""))
        case 15:
            return tape.pick(
                (
                    Layer(bytes(8), ip_protocol=2),
                    sctp(sport, dport, payload),
                    Layer(bytes(20), ip_protocol=47),
                    ipv4(udp(payload, sport, dport)),
                    Layer(b"\1\2\3", ip_protocol=6),
                )
            )
        case _:
            return tcp(tape, sport, dport, payload)


def network(tape: Tape) -> Layer:
    kind = tape.octet() % 32
    source, destination, sport, dport = tape.pick(CONNECTIONS)
    if tape.octet() % 2:
        source, destination, sport, dport = destination, source, dport, sport
    inner = carried(tape, sport, dport)
    if kind in (28, 29, 30):
        ends = tape.pick(((HOSTS6[0], HOSTS6[1]), (HOSTS6[1], HOSTS6[0]), (HOSTS6[0], HOSTS6[0])))
        if tape.rarely(6):
            inner = fragment_header(inner, tape.pick((0, 2)), True)
        return ipv6(inner, *ends, payload_length=0 if tape.rarely(8) else None)
    if kind == 31:
        return arp()
    more = {"total_length": 0} if tape.rarely(32) else {}
    if tape.rarely(32):
        more = {"fragment": tape.pick((0, 3)), "more_fragments": True}
    return ipv4(inner, source, destination, options=bytes(tape.pick((0, 0, 0, 4))), **more)


def packet(tape: Tape, link_type: int) -> bytes:
    layer = network(tape)
    if link_type == 113:
        return sll(layer).octets
    if link_type == 101:
        return layer.octets
    if tape.rarely(8):
        layer = vlan(layer)
    return ethernet(layer, pad_to=tape.pick((0, 60))).octets


def capture(octets: bytes, link_type: int = 1, magic: str = "micro") -> bytes:
    tape = Tape(octets)
    time = 1_499_170_000_000_000
    packets = []
    data = b""
    for _ in range(1 + tape.octet() % 64):
        time += tape.pick((STEPS[:1], STEPS[:6], STEPS[:8], STEPS)[tape.octet() % 4])
        if not tape.rarely(10) or not data:
            data = packet(tape, link_type)
        length = len(data)
        if tape.rarely(16):
            data = data[: tape.pick((60, 34, 20, 14, 3, 54))]
        fraction = time % 1_000_000
        if magic == "nano":
            fraction = fraction * 1000 + tape.octet()
        packets.append(Packet(data, length, time // 1_000_000, fraction))
    return pcap_bytes(packets, link_type, magic)


@st.composite
def st_flow_capture(draw: st.DrawFn, link_types: tuple[int, ...] = (1, 1, 1, 113, 101)) -> bytes:
    octets = draw(st.binary(min_size=0, max_size=1200))
    return capture(octets, draw(st.sampled_from(link_types)), draw(st.sampled_from(("micro", "nano"))))
