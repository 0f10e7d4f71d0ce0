"""Captures made to order: plain builders, layer by layer, and hypothesis strategies on top of them.

    pcap_bytes([ethernet(vlan(ipv4(udp(dns(answers=1), 5000, 53)))).octets])

A builder takes what it carries and returns a Layer; lengths and numbers are right unless they are given. The strategies
draw a few dozen octets per packet, a *tape*, and every decision is read off it: 0 is the plainest decision and a tape
that has run out says 0 for ever, so shrinking a tape makes a plainer packet, and drawing one is a single draw.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import strategies as st

from captures_layers import (
    LINK_TYPES,
    MAGICS,
    UNKNOWN_LINK_TYPES,
    Packet,
    arp,
    authentication,
    dns,
    dns_tcp,
    ethernet,
    extension,
    fragment_header,
    icmp,
    icmpv6,
    ipv4,
    ipv6,
    llc,
    null,
    pcap_bytes,
    record_starts,
    sll,
    sll2,
    snap,
    tcp,
    udp,
    vlan,
)
from captures_tunnels import (
    Layer,
    chdlc,
    erspan,
    esp,
    etherip,
    fddi,
    geneve,
    gre,
    gtp,
    mpls,
    pbb,
    ppi,
    ppi_common,
    ppi_field,
    ppp,
    pppoe,
    radiotap,
    sctp,
    subframe,
    teredo,
    vxlan,
    wlan,
)  # fmt: skip

T = TypeVar("T")


# --- decisions, read off a tape --------------------------------------------------------------------------------------


class Tape:
    """wild: lengths and values may be wrong, layers may be damaged."""

    def __init__(self, octets: bytes, wild: bool = True):
        self.rest = iter(octets)
        self.wild = wild

    def octet(self) -> int:
        return next(self.rest, 0)

    def number(self, size: int) -> int:
        return int.from_bytes(self.octets(size), "big")

    def octets(self, size: int) -> bytes:
        return bytes(self.octet() for _ in range(size))

    def pick(self, options: Sequence[T]) -> T:
        return options[self.octet() % len(options)]

    def rarely(self, once_in: int) -> bool:
        return self.octet() % once_in == once_in - 1

    def wrongly(self, once_in: int) -> bool:
        return self.wild and self.rarely(once_in)

    def length(self, true: int, odd: Sequence[int] = ()) -> int | None:
        """None (the builder fills in the true one), now and then another."""
        if not self.wrongly(10):
            return None
        return self.pick([0, true - 1, true + 1, 1, true + 8, true // 2, 0xFFFF, *odd])


IPV4_POOL = (*tuple(bytes([10, 0, 0, n]) for n in (1, 2, 3)), bytes(4), bytes([255] * 4), bytes([192, 168, 10, 50]))
IPV6_POOL = tuple(
    bytes.fromhex(text)
    for text in (
        "20010db8000000000000000000000001",
        "20010db8000100000000000000010001",  # two runs of zeros
        "20010db8000100010001000100000001",  # one zero group: not shortened
        "00000000000000000000ffffc0000201",  # ::ffff:192.0.2.1
        "000000000000000000000000c0000201",  # ::192.0.2.1
        "00000000000000000000000000000001",
        "00000000000000000000000000000000",
        "0000000000000000ffff0000c0000201",
        "00010000000000000000000000000000",
        "fe80000000000000020000fffe00000a",
    )
)
PLAIN_PORTS = (80, 443, 22, 50_000, 21, 502, 1900)
DNS_PORTS = (53, 53, 5353, 5355)
TUNNEL_PORTS = (4789, 2152, 6081, 3544, 4790, 4754, 6635)
VENDOR_MACS = bytes.fromhex("000c29000001"), bytes.fromhex("00505600000b")  # tshark knows a pseudowire by them
EXTENSION_KINDS = (60, 0, 43, 135, 139, 140)


PAYLOADS = [
    b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", bytes(40), b"\xff" * 13, bytes(range(100)),
    b"HTTP/1.1 200 OK\r\nserver: x\r\n\r\n", b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n",
    b"USER bob\r\n", b"220 ready\r\n", bytes.fromhex("000100000006010300000002"),
]  # fmt: skip


def any_payload(tape: Tape) -> bytes:
    return tape.pick(PAYLOADS)


def any_dns(tape: Tape) -> bytes:
    bits = tape.octet()
    message = dns(1 - (bits & 1), (0, 0, 3, 5)[bits >> 1 & 3], (0, 1, 2, 0)[bits >> 3 & 3], question=bits >> 5 != 7)
    return message[: tape.octet() % 14] if tape.wrongly(8) else message


def any_ports(tape: Tape, special: Sequence[int]) -> tuple[int, int]:
    ports = tape.pick(PLAIN_PORTS), tape.pick(special)
    return ports if tape.octet() % 2 == 0 else ports[::-1]


def any_tcp(tape: Tape) -> Layer:
    bits = tape.octet()
    flags = (0x10, 0x02, 0x12, 0x11, 0x18, 0x04, 0x1C2, 0xFFF if tape.wild else 0)[bits & 7]
    options = (b"", b"", b"\2\4\5\xb4", b"\1\1\x08\x0a" + bytes(8))[bits >> 3 & 3]
    seq = tape.number(4) if bits & 0x80 else bits >> 5
    if tape.octet() % 4 == 3:
        message = any_dns(tape)
        payload = dns_tcp(message, tape.length(len(message), [11, 12]))
        ports = (
            any_ports(tape, [53]) if tape.wild else tape.pick([(50_000, 53), (53, 50_000)])
        )  # or tshark thinks twice
    else:
        payload, ports = any_payload(tape), any_ports(tape, PLAIN_PORTS)
    words = tape.pick([0, 4, 5, 6, 15]) if tape.wrongly(12) else None
    return tcp(payload, *ports, seq, tape.octet(), flags, options, words)


def any_udp(tape: Tape) -> Layer:
    if tape.octet() % 2 == 1:
        payload, ports = any_dns(tape), any_ports(tape, DNS_PORTS)
    else:
        payload, ports = (
            any_payload(tape),
            any_ports(tape, PLAIN_PORTS + (DNS_PORTS + TUNNEL_PORTS if tape.wild else ())),
        )
    return udp(payload, *ports, tape.length(8 + len(payload), [7, 8]))


def any_icmp(tape: Tape, version: int) -> Layer:
    """Echo, or an error that quotes a header."""
    quoted = tape.octet() % 2 == 1
    if version == 4:
        return icmp(3, 1, bytes(4) + ipv4(tcp(seq=99)).octets) if quoted else icmp()
    return icmpv6(1, 0, bytes(4) + ipv6(tcp(seq=99)).octets) if quoted else icmpv6()


def any_cut(tape: Tape, layer: Layer) -> Layer:
    """Now and then too short for what it says it is."""
    return layer._replace(octets=layer.octets[: tape.pick([1, 3, 5, 7, 9, 13, 23])]) if tape.wrongly(10) else layer


def any_inner_ethernet(tape: Tape, depth: int) -> Layer:
    return ethernet(any_network(tape, depth), *VENDOR_MACS)


def any_udp_tunnel(tape: Tape, depth: int) -> Layer:
    kind = tape.octet() % 7
    match kind:
        case 0:
            body = vxlan(any_inner_ethernet(tape, depth), tape.pick([0x88, 0, 0xFF]) if tape.wrongly(6) else 8)
        case 1:
            inner = any_ip(tape, depth)
            extensions = tape.pick([(), (), (1,), (2, 1), (0,) if tape.wild else (), (1,) * 17 if tape.wild else ()])
            if tape.wrongly(8):
                inner = tape.pick([Layer(b"\x55" + bytes(30)), Layer(b"")])
            flags = tape.pick([0x30, 0x32, 0x31, 0x33])
            body = gtp(
                inner, tape.pick([0x3F, 0x20, 0x50]) if tape.wrongly(8) else flags,
                tape.pick([1, 26, 254]) if tape.wrongly(8) else 255, extensions, tape.length(len(inner.octets)),
            )  # fmt: skip
        case 2:
            inner = tape.pick([any_inner_ethernet, any_network])(tape, depth)
            options = tape.pick([b"", bytes([1, 2, 3, 1]) + bytes(4)])
            body = geneve(
                inner, options, tape.pick([1, 3]) if tape.wrongly(8) else 0,
                tape.pick([0, 1, 2, 63]) if tape.wrongly(8) else None,
            )  # fmt: skip
        case 3:
            inner = any_ip(tape, depth) if tape.wrongly(8) else any_ipv6(tape, depth)
            body = teredo(inner, tape.pick([None, None, (0, 0), (3, 2)]), tape.octet() % 4 == 3)
        case 4:
            following = tape.octet() % 4
            inner = (any_ipv4, any_ipv6, any_inner_ethernet, any_inner_ethernet)[following](tape, depth)
            flags = 0x08 if tape.wild and following == 3 else 0x0C
            body = vxlan(inner, flags, tape.pick([4, 5, 9]) if tape.wrongly(8) else (1, 2, 3, 3)[following])
        case 5:
            body = gre(any_ip(tape, depth), tape.pick([0, 0x2000])).octets
        case _:
            body = mpls(any_ip(tape, depth)).octets
    body = any_cut(tape, Layer(body)).octets
    ports = tape.pick(PLAIN_PORTS) if tape.wild else 50_000, TUNNEL_PORTS[kind]
    return udp(body, *(ports[::-1] if tape.wrongly(6) else ports), tape.length(8 + len(body)))


def any_gre(tape: Tape, depth: int) -> Layer:
    kind = tape.octet() % 8
    if kind == 7:
        version = tape.pick([1, 2])
        inner = erspan(
            any_inner_ethernet(tape, depth),
            tape.pick([0, 3, 15]) if tape.wrongly(8) else version,
            tape.pick([1, 2]) if tape.wrongly(8) else 0,
            tape.octet() % 2 == 1,
        )
        return gre(any_cut(tape, inner), 0x1000)
    if kind == 6:  # ERSPAN type I
        return gre(any_inner_ethernet(tape, depth)._replace(ethertype=0x88BE))
    if kind == 5:
        inner = ppp(any_ip(tape, depth), framed=tape.octet() % 2 == 1, short=tape.octet() % 2 == 1)
        inner = any_cut(tape, Layer(b"", 0x880B) if tape.octet() % 8 == 7 else inner)
        return gre(inner, tape.pick([0x3000, 0x3080]) if inner.octets else 0x2080, version=1)
    if kind == 4:
        inner = any_mpls(tape, depth)
    else:
        inner = any_network(tape, depth) if tape.octet() % 4 else any_inner_ethernet(tape, depth)
    wrong = tape.wrongly(6)
    flags = tape.pick([0, 0x2000, 0x8000, 0xB000])
    version = tape.pick([1, 2, 7]) if wrong else 0
    return gre(any_cut(tape, inner), flags | 0x4000 if wrong and tape.rarely(2) else flags, version)


def any_tunnel(tape: Tape, depth: int) -> Layer:
    """What an IP header carries that carries on."""
    kind = tape.octet() % 16
    match kind:
        case 8:
            return any_cut(tape, etherip(any_inner_ethernet(tape, depth)))
        case 9:
            return any_inner_ethernet(tape, depth)._replace(ip_protocol=143)
        case 10:
            return any_mpls(tape, depth)
        case 11 | 12:
            inner = any_cut(tape, any_upper(tape, 4, depth))
            return any_cut(tape, authentication(inner, tape.pick([4, 1, 0, 60] if tape.wild else [4])))
    return any_gre(tape, depth) if kind % 2 else any_udp_tunnel(tape, depth)


def any_mpls(tape: Tape, depth: int) -> Layer:
    labels = 1 + tape.octet() % 3
    ethertype = tape.pick([0x8847, 0x8848])
    if tape.octet() % 4 == 3:
        layer = mpls(any_inner_ethernet(tape, depth), labels, tape.octet() % 2 == 1, ethertype)
    elif tape.wrongly(8):
        layer = mpls(Layer(tape.pick([b"", b"\0", b"\x10" + bytes(20), b"\xff" * 20])), labels, False, ethertype)
    else:
        layer = mpls(any_ip(tape, depth), labels, False, ethertype)
    return any_cut(tape, layer)


def any_ppp(tape: Tape, depth: int = 2, serial: bool = False) -> Layer:
    """serial: address and control may come first, or Cisco's framing."""
    kind = tape.octet() % 16
    inner = any_mpls(tape, depth)._replace(ethertype=0x8847) if kind == 15 else any_ip(tape, depth)
    if serial and kind == 14:
        return chdlc(any_network(tape, depth), tape.pick([0x0F, 0x8F]))
    number = tape.pick([0xC021, 0x0031, 0x0281, 0x00FF]) if tape.wrongly(12) else None
    return any_cut(tape, ppp(inner, number, serial and tape.octet() % 2 == 0, tape.octet() % 2 == 1))


def any_pppoe(tape: Tape, depth: int = 2) -> Layer:
    inner = any_ppp(tape, depth)
    code = tape.pick([9, 7, 0xA7]) if tape.wrongly(12) else 0
    return any_cut(tape, pppoe(inner, code, tape.length(len(inner.octets))))


def any_wlan(tape: Tape, depth: int = 2, padded: bool = False) -> Layer:
    kind = tape.octet() % 16
    inner = snap(any_network(tape, depth), tape.pick([0, 0x0000F8]))
    systems, quality = tape.octet() % 4, tape.octet() % 2 == 1
    first, second, control = 0x88 if quality else 0x08, systems, b"\0\0"
    if quality and tape.octet() % 4 == 3:
        inner = any_cut(tape, subframe(inner, tape.length(len(inner.octets))))
        control = b"\x80\0"
    if quality and tape.octet() % 4 == 3:
        second |= 0x80
    match kind:
        case 12:
            second |= 0x40  # protected
        case 13:
            first, inner = first | 0x40, Layer(b"")  # no data
        case 14:
            return any_cut(tape, Layer(tape.pick([b"\xd4\0", b"\xb4\0", b"\xc4\0"]) + bytes(14)))  # control
        case 15 if tape.wild:
            first = tape.pick([0x09, 0x0B, 0x0C, 0x80, 0x40, 0x18, 0x08])
            second |= tape.pick([0, 4, 0x80])
    sequence = tape.pick([0x11, 0x1F]) if tape.wrongly(12) else 0x10
    return any_cut(tape, wlan(inner, first, second, control, sequence, padded))


def any_radiotap(tape: Tape) -> Layer:
    flags = tape.pick([None, 0, 0x10, 0x20, 0x30])
    frame = any_wlan(tape, padded=bool(flags and flags & 0x20))
    if flags and flags & 0x10:
        frame = frame._replace(octets=frame.octets + b"\1\2\3\4")
    words = tape.pick([31, 32, 33]) if tape.wrongly(16) else tape.pick([0, 0, 1, 2])
    length = tape.pick([0, 7, 8, 9, 12, 200]) if tape.wrongly(10) else None
    return radiotap(frame, flags, tape.octet() % 2 == 1, words, length)


def any_ppi(tape: Tape) -> Layer:
    kind = tape.octet() % 8
    aligned = tape.octet() % 2
    fields = ppi_field(20, bytes(4 if aligned else tape.octet() % 4), bool(aligned)) if tape.octet() % 4 == 3 else b""
    fields *= tape.pick([31, 32]) if tape.wrongly(16) else 1
    length = tape.pick([0, 7, 8, 9, 12, 200]) if tape.wrongly(10) else None
    if kind >= 4:
        link_type, octets = tape.pick([1, 101, 9, 0, 127, 192, *((147, 1 << 16 | 1) if tape.wild else ())]), b""
        if link_type != 192:
            octets = any_frame(Tape(tape.octets(30), tape.wild), link_type)
        elif tape.wild:
            octets = any_ppi(tape).octets
        else:
            link_type, octets = 228, any_ipv4(tape, 1).octets
        return ppi(Layer(octets), link_type, fields, aligned, length)
    fcs = kind % 2
    fields += ppi_common(fcs) if tape.octet() % 2 or fcs else b""
    return ppi(Layer(any_wlan(tape).octets + b"\1\2\3\4" * fcs), 105, fields, aligned, length)


def any_upper(tape: Tape, version: int, depth: int) -> Layer:
    """What an IP header of this version carries."""
    kind = tape.octet() % 16
    if depth > 0 and kind >= 12:
        return any_ip(tape, depth - 1) if kind == 12 else any_tunnel(tape, depth - 1)
    if kind == 11 and tape.wild and tape.octet() % 2:
        return Layer(tape.octets(12), ip_protocol=tape.pick([253, 59, 132, 50, 51, 0, 44, 255]))
    if kind == 11:
        return any_cut(tape, sctp(*any_ports(tape, (4000, 9)))) if tape.octet() % 2 == 0 else any_cut(tape, esp())
    if kind == 10:
        return any_icmp(tape, tape.pick([4, 6]) if tape.wild else version)
    return any_udp(tape) if kind >= 6 else any_tcp(tape)


def any_ipv4(tape: Tape, depth: int) -> Layer:
    inner = any_upper(tape, 4, depth)
    options = tape.pick([b"", b"", b"", b"\1\1\1\0", b"\x94\4\0\0", b"\x07\x27\4" + bytes(36)])
    bits = tape.octet()
    fragment, more = {61: (0, True), 62: (185, True), 63: (185, False)}.get(bits & 63, (0, False))
    return ipv4(
        inner, tape.pick(IPV4_POOL), tape.pick(IPV4_POOL), tape.octet() or 64, options, fragment, more,
        version=tape.pick([0, 5, 6, 15]) if tape.wrongly(20) else 4,
        words=tape.pick([0, 4, 6, 15]) if tape.wrongly(20) else None,
        total_length=tape.length(20 + len(options) + len(inner.octets), [19, 20, 27, 28]),
    )  # fmt: skip


def any_extended(tape: Tape, inner: Layer) -> Layer:
    """Extension headers before what an IPv6 header carries."""
    bits = tape.octet()
    count = bits & 3 if bits < 64 else 0
    if tape.wrongly(30):
        count = tape.pick([15, 16, 17])
    for _ in range(count):
        units = tape.octet() % 3
        length = tape.pick([0, 9, 255]) if tape.wrongly(20) else None
        inner = extension(inner, tape.pick(EXTENSION_KINDS if tape.wild else EXTENSION_KINDS[:3]), units, length)
    if tape.rarely(16):
        inner = authentication(inner, tape.pick([4, 1, 0] if tape.wild else [4]))
    if tape.rarely(10):
        offset, more = tape.pick([(0, False), (0, True), (185, True), (185, False)])
        inner = fragment_header(inner, offset, more)
    return inner


def any_ipv6(tape: Tape, depth: int) -> Layer:
    inner = any_extended(tape, any_upper(tape, 6, depth))
    return ipv6(
        inner, tape.pick(IPV6_POOL), tape.pick(IPV6_POOL), tape.octet() or 64,
        version=tape.pick([0, 4, 5, 7]) if tape.wrongly(20) else 6,
        payload_length=tape.length(len(inner.octets)),
    )  # fmt: skip


def any_ip(tape: Tape, depth: int) -> Layer:
    return any_ipv6(tape, depth) if tape.octet() % 3 == 2 else any_ipv4(tape, depth)


def any_network(tape: Tape, depth: int = 2) -> Layer:
    kind = tape.octet() % 16
    if kind == 15:
        return arp(*tape.pick([(6, 4), (6, 4), (8, 16), (255, 255)] if tape.wild else [(6, 4)]))
    if kind == 14 and tape.wild:
        return Layer(
            tape.octets(10), ethertype=tape.pick([0x88CC, 0x8847, 0x8864, 0x88E7, 0x0600, 0x05FF, 4, 1, 0, 0xFFFF])
        )
    return any_ip(tape, depth)


def any_ethernet(tape: Tape) -> Layer:
    inner = any_network(tape)
    kind = tape.octet() % 16
    tags = {12: 1, 13: 2, 14: 0, 15: 0}.get(kind, 0)
    if kind == 14:
        inner = snap(inner, tape.pick([0, 0, 0x00000C, 0x0080C2]) if tape.wild else 0)
    elif kind == 11:
        inner = any_mpls(tape, 2)
    elif kind == 10:
        inner = any_pppoe(tape)
    elif kind == 9:
        inner = any_cut(tape, pbb(any_inner_ethernet(tape, 1)))
    elif kind == 8:
        inner = snap(inner)._replace(ethertype=0x8870)
    elif kind == 15:
        inner = llc(bytes(35), *tape.pick([(0x42, 0x42, 3), (0xAA, 0xAB, 3), (0xFE, 0xFE, 3), (0xAA, 0xAA, 0)]))
    if tape.wrongly(24):
        tags = tape.pick([13, 14, 15, 16])  # about as deep as the walk goes
    for _ in range(tags):
        inner = vlan(inner, tape.octet(), tape.pick([0x8100, 0x88A8, 0x9100]))
    value = tape.length(len(inner.octets)) if inner.ethertype < 1536 else None
    return ethernet(inner, value=value, pad_to=tape.pick([0, 60]))


def any_frame(tape: Tape, link_type: int) -> bytes:
    """All the octets of one frame on the wire, well-formed where the tape is not wild."""
    match link_type:
        case 1:
            layer = any_ethernet(tape)
        case 113 | 276:
            inner = any_network(tape)
            match tape.octet() % 16:
                case 14:
                    inner = vlan(inner)
                case 15:
                    inner = snap(inner)._replace(ethertype=4)  # LINUX_SLL_P_802_2
            protocol = tape.pick([0, 1, 3, 0x0C]) if tape.wrongly(12) else None
            layer = (sll if link_type == 113 else sll2)(inner, protocol)
        case 0 | 108:
            inner = any_ip(tape, 2)
            order = ">" if link_type == 108 else tape.pick("<>")
            family = tape.pick([24, 28, 30] if tape.wild else [30]) if inner.ethertype == 0x86DD else 2
            family = tape.pick([10, 0, 7, 0x10000, 0xFFFFFFFF]) if tape.wrongly(12) else family
            layer = null(inner, family, order)
        case 9 | 50:
            layer = any_ppp(tape, serial=True)
        case 51:
            layer = any_pppoe(tape)
        case 104:
            layer = chdlc(any_network(tape), tape.pick([0x0F, 0x8F]))
            layer = any_cut(tape, layer)
        case 10:
            layer = any_cut(tape, fddi(snap(any_network(tape)), 0x41 if tape.wrongly(12) else 0x50))
        case 105:
            layer = any_wlan(tape)
        case 127:
            layer = any_cut(tape, any_radiotap(tape))
        case 192:
            layer = any_cut(tape, any_ppi(tape))
        case 228:
            layer = any_ipv4(tape, 2)
        case 229:
            layer = any_ipv6(tape, 2)
        case _:
            layer = any_ip(tape, 2)
    frame = layer.octets
    if tape.wrongly(8):
        frame = flipped(tape, frame)
    if tape.wrongly(24):
        frame = tape.octets(tape.octet() % 64)
    return frame


def flipped(tape: Tape, frame: bytes) -> bytes:
    damaged = bytearray(frame)
    for _ in range(1 + tape.octet() % 3):
        place = tape.octet()
        if place < len(damaged):
            damaged[place] ^= tape.octet() or 1
    return bytes(damaged)


def any_packet(tape: Tape, link_type: int) -> Packet:
    """A frame with its time, whole or cut."""
    seconds, fraction = 1_500_000_000 + tape.octet(), tape.number(2) * 15  # below a second in every unit
    kind, cut = (tape.octet(), tape.octet()) if tape.wild else (0, 0)  # before a deep frame uses up the tape
    frame = any_frame(tape, link_type)
    length = len(frame)
    if tape.wild:
        cut = min(cut, length)
        if kind >= 224:  # by the snap length
            frame = frame[:cut]
        elif kind >= 208:  # and nothing says so
            frame, length = frame[:cut], cut
        elif kind >= 200:  # fewer on the wire than captured
            length = cut
        elif kind >= 192:  # times at the edges
            seconds, fraction = tape.pick([(0, 0), (0xFFFFFFFF, 999_999_999), (1, 0xFFFFFFFF), (0x80000000, 1)])
    return Packet(frame, length, seconds, fraction)


def frames(count: int, link_type: int, wild: bool, seed: int) -> list[Packet]:
    """Packets of tapes that are the same in every run."""
    rng = random.Random(seed)
    return [any_packet(Tape(rng.randbytes(96), wild), link_type) for _ in range(count)]


# --- damage to a file ------------------------------------------------------------------------------------------------


def cut(file: bytes, place: int) -> bytes:
    return file[: max(24, min(place, len(file)))]


def impossible(file: bytes, start: int, order: str, cap_len: int = 0x7FFFFFFF) -> bytes:
    """The record whose header starts there claims cap_len octets."""
    if start + 16 > len(file):
        return file
    return file[: start + 8] + struct.pack(order + "I", cap_len) + file[start + 12 :]


# --- strategies ------------------------------------------------------------------------------------------------------

TAPES = st.binary(min_size=40, max_size=96)
LINKS = st.sampled_from(LINK_TYPES[:1] * 6 + LINK_TYPES + UNKNOWN_LINK_TYPES)


def st_frame(link_type: int = 1, wild: bool = True) -> st.SearchStrategy[bytes]:
    return TAPES.map(lambda octets: any_frame(Tape(octets, wild), link_type))


def st_packet(link_type: int = 1, wild: bool = True) -> st.SearchStrategy[Packet]:
    return TAPES.map(lambda octets: any_packet(Tape(octets, wild), link_type))


def st_packets(link_type: int = 1, most: int = 60, wild: bool = True) -> st.SearchStrategy[list[Packet]]:
    few = st.lists(st_packet(link_type, wild), max_size=min(8, most))
    return few | st.lists(st_packet(link_type, wild), max_size=most, min_size=most // 3)


@st.composite
def st_capture(
    draw: Callable,
    link_types: st.SearchStrategy[int] = LINKS,
    most: int = 60,
    wild: bool = True,
    damage: bool = True,
) -> bytes:
    """A whole pcap file: any magic, either octet order, and where damage is allowed a fault now and then."""
    link_type = draw(link_types)
    magic = draw(st.sampled_from(list(MAGICS)))
    order = draw(st.sampled_from("<>"))
    packets = draw(st_packets(link_type, most, wild))
    file = pcap_bytes(packets, link_type, magic, order)
    kind = draw(st.sampled_from(["none", "none", "none", "cut", "impossible"])) if damage else "none"
    if kind == "cut":
        return cut(file, draw(st.integers(24, len(file))))
    if kind == "impossible":
        start = draw(st.sampled_from(record_starts(packets, magic)))
        return impossible(file, start, order, draw(st.sampled_from([0x7FFFFFFF, 0xFFFFFFFF, 262_145, 262_144])))
    return file
