"""The C behind compat="scapy" against the twin in scapy_twin.py, which was found by running scapy: packet by packet.

With PCAPFRAME_CORPUS, packets of captures disfigured as well; with PCAPFRAME_FULL=1 more of everything.
"""

from __future__ import annotations

import os
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import captures as make
import pcapframe
import scapy_twin as twin

CORPUS = os.environ.get("PCAPFRAME_CORPUS", "")
FULL = os.environ.get("PCAPFRAME_FULL") == "1"
TIMES = 20 if FULL else 1  # how often the usual number of random packets
AT_ONCE = 2000  # packets in one capture


# --- the comparison --------------------------------------------------------------------------------------------------


def by_twin(link_type: int, packets: Iterable[bytes]) -> list[dict]:
    counted: list[Counter] = [Counter(), Counter(), Counter()]
    for octets in packets:
        for counts, key in zip(counted, twin.keys(link_type, octets, len(octets)), strict=True):
            if key is not None:
                counts[key] += 1
    return [dict(counts) for counts in counted]


def by_us(link_type: int, packets: Iterable[bytes]) -> list[dict]:
    counted = pcapframe.open(make.pcap_bytes(packets, link_type)).ioc_counts(compat="scapy")
    return [dict(counts.to_dict()) for counts in (counted.dns, counted.ip, counted.seq)]


def first_difference(link_type: int, packets: Sequence[bytes]) -> bytes:
    """One of the packets that are judged differently, by halving."""
    while len(packets) > 1:
        half = packets[: len(packets) // 2]
        packets = half if by_us(link_type, half) != by_twin(link_type, half) else packets[len(packets) // 2 :]
    return packets[0]


def assert_equal(link_type: int, packets: Iterable[bytes]) -> None:
    rest = iter(packets)
    while some := list(islice(rest, AT_ONCE)):
        if by_us(link_type, some) != by_twin(link_type, some):
            octets = first_difference(link_type, some)
            twins, ours = by_twin(link_type, [octets]), by_us(link_type, [octets])
            pytest.fail(f"link type {link_type}: twin {twins}, C {ours}: {octets.hex()}")


# --- chains of layers, as scapy knows them ---------------------------------------------------------------------------

Header = Callable[[random.Random, bytes], bytes]  # the octets before what it carries


def after(size: int, number: int, width: int = 2, more: int = 0) -> Header:
    """So many random octets, a number that says what follows, some more."""
    return lambda rng, _: rng.randbytes(size) + number.to_bytes(width, "big") + rng.randbytes(more)


def by_length(size: int) -> Header:
    return lambda rng, inner: rng.randbytes(size) + min(len(inner), 1500).to_bytes(2, "big")


def fixed(octets: bytes) -> Header:
    return lambda _, __: octets


def ip(protocol: int) -> Header:
    def header(rng: random.Random, inner: bytes) -> bytes:
        options = rng.choice((b"", b"", b"", b"\x94\4\0\0", b"\7\7\4" + rng.randbytes(9), rng.randbytes(8)))
        words = rng.choice((0, 1, 4, 15)) if rng.random() < 0.05 else 5 + len(options) // 4
        length = rng.choice((0, 20, 41, 65535)) if rng.random() < 0.05 else 20 + len(options) + len(inner)
        fragment = rng.choice((0, 0, 0, 0, 0, 0, 0, 0x4000, 0x2000, 1))
        head = struct.pack("!BBHHHBB", 4 << 4 | words, 0, length & 0xFFFF, 1, fragment, 64, protocol)
        return head + rng.randbytes(2) + bytes([10, 0, 0, rng.randrange(256), 10, 0, 1, rng.randrange(256)]) + options

    return header


def ip6(protocol: int) -> Header:
    def header(rng: random.Random, inner: bytes) -> bytes:
        length = rng.choice((0, 0, 1, 65535)) if rng.random() < 0.1 else len(inner)
        return struct.pack("!IHBB", 6 << 28, length & 0xFFFF, protocol, 64) + rng.randbytes(32)

    return header


def options6(protocol: int) -> Header:
    def header(rng: random.Random, _: bytes) -> bytes:
        units = rng.choice((0, 0, 0, 1, 2))
        jumbo = b"\xc2\4" + struct.pack("<I", rng.randrange(200))
        options = jumbo if rng.random() < 0.3 else bytes([rng.choice((0, 1, 5, 99, 194, 201, 7)), rng.randrange(8)])
        return bytes([protocol, units]) + (options + rng.randbytes(22))[: 6 + 8 * units]

    return header


def routing6(protocol: int) -> Header:
    def header(rng: random.Random, _: bytes) -> bytes:
        count = rng.randrange(3)
        head = bytes(
            [protocol, rng.choice((2 * count, 2 * count + 1)), rng.choice((0, 4)), 0, max(count - 1, 0), 0, 0, 0]
        )
        return head + rng.randbytes(16 * count + rng.choice((0, 8)))

    return header


def ah(protocol: int) -> Header:
    return lambda rng, _: bytes([protocol, rng.choice((4, 4, 1, 0))]) + rng.randbytes(22)


def gre(protocol: int) -> Header:
    def header(rng: random.Random, _: bytes) -> bytes:
        flags = rng.choice((0, 0, 0x8000, 0x2000, 0x3000, 0xB000, 0x4000, 0x0080, 0x1080)) | rng.randrange(2)
        size = (
            rng.choice((0, 4, 8, 12))
            if rng.random() < 0.1
            else 4 * ((flags & 0xC000 > 0) + bin(flags & 0x3000).count("1"))
        )
        if protocol == 0x880B:
            size = 4 + 4 * ((flags & 0x1000 > 0) + (flags & 0x80 > 0))
        return struct.pack("!HH", flags, protocol) + rng.randbytes(size)

    return header


def udp(*ports: int) -> Header:
    def header(rng: random.Random, inner: bytes) -> bytes:
        pair = [rng.choice(ports), rng.choice((*ALL_PORTS, 50_000, 50_000))]
        if rng.random() < 0.5:
            pair.reverse()
        length = rng.choice((0, 1, 7, 8, 20, 65535)) if rng.random() < 0.1 else 8 + len(inner)
        return struct.pack("!HHHH", *pair, length & 0xFFFF, 0)

    return header


def tcp(*ports: int) -> Header:
    def header(rng: random.Random, _: bytes) -> bytes:
        options = rng.choice((b"", b"", b"\1\1\x08\x0a" + bytes(8), b"\x1d\3\0\1", b"\x1d\4\0\0", rng.randbytes(8)))
        words = rng.randrange(16) if rng.random() < 0.1 else 5 + len(options) // 4
        pair = rng.sample((rng.choice(ports), 50_000), 2)
        return (
            struct.pack("!HHIIBBHHH", *pair, rng.randrange(1 << 32), 0, words << 4, rng.randrange(64), 1, 0, 0)
            + options
        )

    return header


def dns_tcp(rng: random.Random, inner: bytes) -> bytes:
    return max(0, len(inner) + rng.choice((0, 0, 0, 1, 2, 3, -1))).to_bytes(2, "big")


def dns(rng: random.Random, _: bytes) -> bytes:
    counts = [rng.choice((0, 0, 0, 1, 2, 101, 65535)) for _ in range(4)]
    return struct.pack("!HHHHHH", 1, rng.choice((0, 0x8000, 0x8180, 0x8183)), *counts) + dns_records(rng)


def dns_records(rng: random.Random) -> bytes:
    """Now and then more than scapy takes."""
    name = rng.choice((b"\0", b"\3abc\0", b"\xc0\x0c", b"\3ab"))
    if rng.random() < 0.5:
        return rng.choice((1, 99, 100, 101, 202)) * (name + bytes(4))
    kind = rng.choice((*twin.RDATA, 2, 16))
    return rng.choice((1, 2, 100, 101)) * (
        name + struct.pack("!HHIH", kind, 1, 0, size := rng.randrange(30)) + bytes(size)
    )


def radiotap(rng: random.Random, _: bytes) -> bytes:
    fields = sorted(rng.sample([*twin.RADIOTAP, 31, 28, 4], rng.randrange(4)))
    size = 8 + 4 * (31 in fields)
    for field in fields:
        width, align = twin.RADIOTAP.get(field, (0, 1))
        size = -(-size // align) * align + width
    length = rng.choice((size, size, size + 4, 8))
    present = sum(1 << field for field in fields)
    return struct.pack("<BBHI", 0, 0, length, present) + rng.choice((b"\0", b"\x10")) * (max(size, length) - 8)


def dot11(rng: random.Random, _: bytes) -> bytes:
    kind, flags = rng.choice((0x08, 0x88, 0x08, 0x88, 0xD8, 0x80)), rng.choice((0, 1, 2, 3, 0x40, 0x41))
    return bytes([kind, flags]) + rng.randbytes(22 + (6 if flags & 3 == 3 else 0) + (2 if kind == 0x88 else 0))


def nd_option(rng: random.Random, inner: bytes) -> bytes:
    kind = rng.choice((*twin.ND_FIXED, 9, 10, 24, 25, 31, 14, 0))
    size = rng.choice((0, 1, 2, 3, 5))
    return bytes([kind, size]) + rng.randbytes(max(twin.ND_FIXED.get(kind, 8 * size), 8) - 2)


def redirected(rng: random.Random, inner: bytes) -> bytes:
    return bytes([4, rng.choice((0, 1, min(255, len(inner) // 8 + 1), 30))]) + rng.randbytes(6)


def vxlan(protocol: int) -> Header:
    def header(rng: random.Random, _: bytes) -> bytes:
        flags = rng.choice((0x08, 0x0C, 0x0C, 0x8C))
        return bytes([flags, 0, 0, protocol]) + rng.randbytes(7 if flags == 0x8C else 4)

    return header


def l2tp(rng: random.Random, _: bytes) -> bytes:
    flags = rng.choice((0xC802, 0x0002, 0x4002, 0x4802, 0x0202, 0x4A02))
    if flags & 0x8000:
        return flags.to_bytes(2, "big") + rng.randbytes(10)
    size = 4 + (2 if flags & 0x4000 else 0) + (4 if flags & 0x0800 else 0)
    return flags.to_bytes(2, "big") + rng.randbytes(size) + (b"\0\4abcd" if flags & 0x0200 else b"")


ALL_PORTS = tuple(sorted({port for to, by, _ in twin.UDP_PORTS for port in to | by} | {67, 68}))
VXLAN_PORTS = (4789, 4790, 6633, 8472, 48879)
TYPES: list[tuple[int, str]] = [
    (0x0800, "ip"), (0x0800, "ip"), (0x86DD, "ip6"), (0x86DD, "ip6"), (0x8100, "vlan"), (0x88A8, "vlan"),
    (0x88E7, "pbb"), (0x8864, "pppoe"), (0x8870, "llc"), (1501, "llc"),
]  # fmt: skip
IP: list[tuple[int, str]] = [
    (6, "tcp"), (6, "tcp"), (17, "udp"), (17, "udp"), (17, "udp"), (1, "icmp"), (4, "ip"), (41, "ip6"), (47, "gre"),
    (51, "ah"),
]  # fmt: skip
IP6: list[tuple[int, str]] = [
    *IP[:5],
    (58, "icmp6"),
    (58, "icmp6"),
    (0, "options6"),
    (60, "options6"),
    (43, "routing6"),
    (44, "fragment6"),
    *IP[6:],
]

# What a layer may be: its header, and what it says it carries; "" is anything.
GRAMMAR: dict[str, list[tuple[Header, str]]] = {
    "ether": [*((after(12, kind), what) for kind, what in TYPES), (by_length(12), "llc")],
    "vlan": [*((after(2, kind), what) for kind, what in TYPES), (by_length(2), "llc")],
    "pbb": [(after(4, 0, 0), "ether")],
    "llc": [(fixed(b"\xaa\xaa\3"), "snap")] * 5 + [(after(3, 0, 0), "")],
    "snap": [(after(3, kind), what) for kind, what in [*TYPES, (1, "ether")]],
    "sll": [(after(14, kind), what) for kind, what in [*TYPES, (1, "ether"), (122, "llc")]],
    "sll2": [(after(0, kind, 2, 18), what) for kind, what in [*TYPES, (1, "ether"), (122, "llc")]],
    "null": [(after(0, family, 1, 3), what) for family, what in [(0, "ip"), (2, "ip"), (10, "ip6"), (30, "ip6")]],
    "loop": [(after(0, family, 4), what) for family, what in [(0, "ip"), (2, "ip"), (10, "ip6"), (30, "ip6")]],
    "raw_ip": [(fixed(b""), "ip"), (fixed(b""), "ip6")],
    "ppp": [
        *((fixed(octets), "ip") for octets in (b"\x21", b"\0\x21", b"\xff\3\x21", b"\xff\3\0\x21")),
        *((fixed(octets), "ip6") for octets in (b"\x57", b"\0\x57", b"\xff\3\x57", b"\xff\3\0\x57")),
    ],
    "hdlc": [(after(2, 0, 0), "ppp")],
    "dir_ppp": [(after(1, 0, 0), "ppp")],
    "pppoe": [(fixed(b"\x11\0\0\1\0\xff"), "ppp")],
    "dot11": [(dot11, "llc")],
    "prism": [(after(144, 0, 0), "dot11")],
    "radiotap": [(radiotap, "dot11")],
    "ppi": [
        (fixed(struct.pack("<BBHI", 0, 0, length, link)) , what)
        for length, link, what in [(8, 1, "ether"), (8, 105, "dot11"), (8, 101, "raw_ip"), (8, 192, "ppi"), (6, 1, "")]
    ],
    "mpacket": [(after(8, 0, 0), "ether")],
    "ip": [(ip(protocol), what) for protocol, what in IP],
    "ip6": [(ip6(protocol), what) for protocol, what in IP6],
    "options6": [(options6(protocol), what) for protocol, what in IP6],
    "routing6": [(routing6(protocol), what) for protocol, what in IP6],
    "fragment6": [(fixed(bytes([protocol, 0, 0, more])+b"abcd"), what) for protocol, what in IP6 for more in (0, 1, 8)],
    "ah": [(ah(0), "ip"), (ah(41), "ip6")],
    "icmp": [(after(0, kind, 1, 7), "ip") for kind in (3, 4, 5, 8, 11, 12)],
    "icmp6": [
        *((after(0, kind, 1, 7), "ip6") for kind in (1, 2, 3, 4)),
        *((after(0, kind, 1, size - 1), what) for kind, (what, size) in twin.ICMP6.items() if what == "nd_option"),
    ],
    "nd_option": [(nd_option, "nd_option"), (nd_option, "nd_option"), (redirected, "ip6")],
    "gre": [
        (gre(kind), what)
        for kind, what in [
            (0x0800, "ip"), (0x86DD, "ip6"), (0x6558, "ether"), (0x8100, "vlan"), (122, "llc"), (0x880B, "ppp"),
        ]
    ],
    "udp": [
        (udp(53, 5353), "dns"), (udp(53), "dns"), (udp(4754), "gre"), (udp(*VXLAN_PORTS), "vxlan"), (udp(1701), "l2tp"),
        (udp(434), "mobileip"), (udp(*ALL_PORTS), ""),
    ],
    "tcp": [(tcp(80, 443), ""), (tcp(53), "dns_tcp"), (tcp(53), "dns_tcp")],
    "dns": [(dns, "end")],
    "dns_tcp": [(dns_tcp, "dns")],
    "l2tp": [(l2tp, "ppp")],
    "mobileip": [(fixed(b"\4\4\0\0"), "ip")],
    "vxlan": [(vxlan(kind), what) for kind, what in [(0, "ether"), (1, "ip"), (2, "ip6"), (3, "ether")]],
}  # fmt: skip


def chain(rng: random.Random, layer: str, depth: int) -> bytes:
    if depth == 0 or layer not in GRAMMAR:
        return rng.randbytes(rng.choice((0, 0, 1, 8, 20, 60)))
    header, follows = rng.choice(GRAMMAR[layer])
    inner = chain(rng, follows, depth - 1)
    return (
        header(rng, inner) + inner + (rng.randbytes(4) if layer in ("mpacket", "dot11") and rng.random() < 0.5 else b"")
    )


# --- disfigured ------------------------------------------------------------------------------------------------------

OCTETS = bytes.fromhex("0001020304050608111d292b2c2f33353a3c404546608188aaff")  # those that steer scapy
PAIRS = (0, 1, 8, 20, 40, 1500, 1501, 0x0800, 0x8100, 0x86DD, 0x8864, 0xFFFF, 53, 434, 1701, 4754, 4789)


def disfigured(rng: random.Random, octets: bytes) -> bytes:
    s = bytearray(octets)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(min(len(s), rng.choice((20, 60, 3000))) or 1)
        match rng.randrange(6):
            case 0 | 1:
                s[at : at + 1] = bytes([rng.choice(OCTETS)])
            case 2:
                s[at : at + 1] = rng.randbytes(1)
            case 3:
                s[at : at + 2] = rng.choice((*PAIRS, len(s) & 0xFFFF, max(len(s) - 14, 0) & 0xFFFF)).to_bytes(2, "big")
            case 4:
                del s[rng.randrange(at, len(s) + 1) :]
            case 5:
                s[at : at + rng.randrange(9)] = rng.randbytes(rng.randrange(9))
    return bytes(s)


# --- the tests -------------------------------------------------------------------------------------------------------

links = pytest.mark.parametrize("link_type", [*twin.LINKS, 14, 65535])


@links
def test_random_frames(link_type: int) -> None:
    rng = random.Random(link_type)
    tapes = (make.Tape(rng.randbytes(60), wild=True) for _ in range(600 * TIMES))
    assert_equal(link_type, (make.any_packet(tape, link_type).octets for tape in tapes))


@links
def test_chains_of_layers(link_type: int) -> None:
    rng = random.Random(link_type)
    bottom = twin.LINKS.get(link_type, "ether")
    assert_equal(link_type, (chain(rng, bottom, rng.randrange(1, 14)) for _ in range(2000 * TIMES)))


@links
def test_disfigured_chains(link_type: int) -> None:
    rng = random.Random(link_type)
    bottom = twin.LINKS.get(link_type, "ether")
    made = (disfigured(rng, chain(rng, bottom, rng.randrange(3, 14))) for _ in range(2000 * TIMES))
    assert_equal(link_type, made)


@links
def test_every_length(link_type: int) -> None:
    rng = random.Random(link_type)
    frames = [chain(rng, twin.LINKS.get(link_type, "ether"), 8)[:400] for _ in range(10 * TIMES)]
    assert_equal(link_type, (frame[:size] for frame in frames for size in range(len(frame) + 1)))


@links
def test_random_octets(link_type: int) -> None:
    rng = random.Random(link_type)
    assert_equal(link_type, (rng.randbytes(rng.randrange(120)) for _ in range(500 * TIMES)))


@given(st.sampled_from([*twin.LINKS]), st.lists(st.binary(max_size=200), max_size=20))
def test_any_octets(link_type: int, packets: list[bytes]) -> None:
    assert_equal(link_type, packets)


def test_layers_end_where_pythons_stack_does() -> None:
    """VLAN tags, of which one more or one less makes the difference; Ethernet, IPv4 and TCP are layers too."""
    inner = make.ipv4(make.tcp(seq=7))
    for tags in range(twin.MAX_LAYERS - 4, twin.MAX_LAYERS + 3):
        frame = bytes(12) + b"\x81\0\0\1" * tags + b"\x08\0" + inner.octets
        assert_equal(1, [frame])
        _, sources, sequences = by_us(1, [frame])
        assert (bool(sources), bool(sequences)) == (tags + 2 <= twin.MAX_LAYERS, tags + 3 <= twin.MAX_LAYERS)


def test_redirects_within_redirects_end() -> None:
    """Each holds the next, to the end of the packet. scapy sees 57 of them, we see somewhat more, and never all."""
    packet = make.ipv6(make.tcp(seq=7)).octets
    depths = []
    for depth in range(1, 600):
        message = b"\x85" + bytes(7) + b"\4" + bytes(7) + packet + b"\1\1" + bytes(6)
        packet = struct.pack("!IHBB", 6 << 28, len(message), 58, 64) + bytes(32) + message
        if by_us(229, [packet])[2]:
            depths.append(depth)
    assert depths == list(range(1, len(depths) + 1))
    assert 57 <= len(depths) <= twin.MAX_LAYERS // 3


def padding6(units: int, protocol: int) -> bytes:
    """IPv6 destination options of so many units of eight octets."""
    options = bytearray()
    while (room := units * 8 - 2 - len(options)) > 0:
        options += bytes([1, min(room, 257) - 2]) + bytes(min(room, 257) - 2) if room > 1 else b"\0"
    return bytes([protocol, units - 1]) + options


def test_too_many_dns_records_of_every_type() -> None:
    """101 that are well-formed are too many; data too short for the type ends the section early."""
    rng = random.Random(7)
    frames = []
    for kind in (*twin.RDATA, 2, 16):
        for size in [*range(32)] * 3:
            data = bytes(rng.choice((0, 0, 1, 2, 3, 5, 64, 192)) for _ in range(size))
            records = (b"\0" + struct.pack("!HHIH", kind, 1, 0, size) + data) * 101
            message = struct.pack("!HHHHHH", 1, 0x8000, 0, 0, 101, 0) + records
            frames.append(make.ethernet(make.ipv4(make.udp(message, 53))).octets)
    assert_equal(1, frames)
    assert 0 < sum(by_us(1, frames)[0].values()) < len(frames)


def test_a_redirected_packet_is_not_part_of_a_quotation() -> None:
    """Its TCP header behind an extension header counts, where that of the quoted packet itself does not."""

    def packet(protocol: int, octets: bytes) -> bytes:
        return struct.pack("!IHBB", 6 << 28, len(octets), protocol, 64) + bytes(32) + octets

    extended = packet(60, padding6(1, 6) + make.tcp(seq=7).octets)
    redirect = b"\x85" + bytes(7) + bytes([4, 1 + len(extended) // 8 + 1]) + bytes(6) + extended + bytes(4)
    frames = [packet(58, b"\1" + bytes(7) + quoted) for quoted in (extended, packet(58, redirect))]
    assert [by_us(229, [frame])[2] for frame in frames] == [{}, {7: 1}]
    assert_equal(229, frames)


def test_no_more_octets_than_scapys_reader_gives() -> None:
    """A TCP header whose last octet is the last that the reader hands on, and one that ends two octets later."""
    hop_by_hop = b"\x3c\0\xc2\4\xff\xff\xff\0"
    between = hop_by_hop + padding6(256, 60) * 31 + padding6(247, 6)
    jumbogram = struct.pack("!IHBB", 6 << 28, 0, 0, 64) + bytes(32) + between + make.tcp(seq=7).octets
    whole, longer = b"\0\0\x57" + jumbogram, b"\0\xff\3\0\x57" + jumbogram
    assert len(whole) == twin.MAX_OCTETS
    assert by_us(204, [whole, whole + bytes(100), longer])[2] == {7: 2}
    assert_equal(204, [whole, whole + bytes(100), longer, whole[:-1]])


def test_jumbograms_at_every_length() -> None:
    """The length tells what follows the hop-by-hop header; a TCP header takes 20 octets."""
    for before in (b"", b"\1\2\0\0", b"\1\3abc"):
        for length in (19, 20, 21, 0xFFFFFFFF):
            options = before + b"\xc2\4" + struct.pack("<I", length)
            options += bytes(-(len(options) + 2) % 8)
            hop_by_hop = bytes([6, (len(options) + 2) // 8 - 1]) + options
            frame = struct.pack("!IHBB", 6 << 28, 0, 0, 64) + bytes(32) + hop_by_hop + make.tcp(bytes(9), seq=7).octets
            assert_equal(229, (frame[:size] for size in range(len(frame) + 1)))


def test_empty_records() -> None:
    for link_type in twin.LINKS:
        assert_equal(link_type, [b"", b""])


def test_captures_disfigured() -> None:
    if not Path(CORPUS, "captures").is_dir():
        pytest.skip("PCAPFRAME_CORPUS names no folder with captures to disfigure")
    rng = random.Random(1)
    paths = sorted(path for path in Path(CORPUS, "captures").rglob("*") if path.is_file())
    pool: dict[int, list[bytes]] = {}
    for path in paths if FULL else rng.sample(paths, min(1500, len(paths))):
        with path.open("rb") as file:
            start = file.read(-1 if FULL else 20_000)
        if start[:4] in twin.MAGIC and len(start) >= 24:
            for link_type, octets, _ in islice(twin.packets(start), 100_000 if FULL else 20):
                pool.setdefault(link_type & 0xFFFF, []).append(octets)
    for link_type, packets in sorted(pool.items()):
        assert_equal(link_type, packets)
        assert_equal(
            link_type, (disfigured(rng, rng.choice(packets)) for _ in range(len(packets) * (5 if FULL else 3)))
        )
