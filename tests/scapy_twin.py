"""Which keys the scapy loop counts for one packet: the exact model of scapy 2.8.0, found by running it.

The loop, over `PcapReader(path)` with `from scapy.all import *` and default settings:

    if IP in p:
        if DNS in p and p[DNS].qr == 1 and p[DNS].ancount == 0:   dns[p[IP].dst] += 1
        ip[p[IP].src] += 1
    if TCP in p:
        seq[p[TCP].seq] += 1

How the model is built. A packet is a chain of layers. A layer gets octets, and either

* answers `(next layer or None, its octets)`: None is Raw, the walk ends there; padding has been cut off already; or
* raises `Raw`: scapy's parser raised, the octets become Raw instead of this layer, and the walk ends there too.

A layer is never made from zero octets. The first IPv4 header, the first TCP header and the first DNS message met count,
at whatever depth; quoted headers (`iperror`, `tcperror`) are other classes in scapy and do not count themselves, but
what lies below them does. Lengths on the wire (`wire_len`) make no difference.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from scapy_twin_parts import MAX_LAYERS, MAX_OCTETS, Found, Raw, Step, cut, dotted, items, need, u8, u16
from scapy_twin_upper import RDATA as RDATA
from scapy_twin_upper import UDP_PORTS as UDP_PORTS
from scapy_twin_upper import dns_message, dns_tcp, l2tp, mobileip, mobileip_tunnel, tcp, tcperror, udp, vxlan

# --- link layers ----------------------------------------------------------------------------------------------------

ETHERTYPE = {0x0800: "ip", 0x86DD: "ip6", 0x8100: "vlan", 0x88A8: "vlan", 0x88E7: "pbb", 0x8864: "pppoe", 0x8870: "llc"}
COOKED = {0x0800: "ip", 0x86DD: "ip6", 0x8100: "vlan", 0x8864: "pppoe", 122: "llc", 1: "ether"}
SNAP = {0x0800: "ip", 0x86DD: "ip6", 0x8100: "vlan", 1: "ether"}
MAX_LENGTH = 1500  # an EtherType up to this is the length of an 802.3 frame; from 1501 it is a type


def ether(s: bytes, _: Found) -> Step:
    kind = u16(s, 12)
    if kind <= MAX_LENGTH:
        return "llc", s[14 : 14 + kind]
    return ETHERTYPE.get(kind), s[14:]


def vlan(s: bytes, _: Found) -> Step:
    kind = u16(s, 2)
    if kind <= MAX_LENGTH:
        return "llc", s[4 : 4 + kind]
    return ETHERTYPE.get(kind), s[4:]


def pbb(s: bytes, _: Found) -> Step:  # 802.1ah
    need(s, 4)
    return "ether", s[4:]


def llc(s: bytes, _: Found) -> Step:
    need(s, 3)
    return ("snap" if s[:3] == b"\xaa\xaa\x03" else None), s[3:]


def snap(s: bytes, _: Found) -> Step:  # any OUI
    return SNAP.get(u16(s, 3)), s[5:]


def sll(s: bytes, _: Found) -> Step:
    return COOKED.get(u16(s, 14)), s[16:]


def sll2(s: bytes, _: Found) -> Step:
    need(s, 12)  # the address, octets 12 to 19, may be cut
    return COOKED.get(u16(s, 0)), s[20:]


def null(s: bytes, _: Found) -> Step:  # the first octet is the family, whatever the byte order
    need(s, 4)
    return {0: "ip", 2: "ip", 10: "ip6"}.get(s[0]), s[4:]  # 10: AF_INET6 of the Linux that scapy runs on


def loop(s: bytes, _: Found) -> Step:  # big-endian
    need(s, 4)
    return {0: "ip", 2: "ip", 10: "ip6"}.get(int.from_bytes(s[:4], "big")), s[4:]


def raw_ip(s: bytes, found: Found) -> Step:
    return ip6(s, found) if s[0] >> 4 == 6 else ip(s, found)


def ppp(s: bytes, found: Found) -> Step:
    if s[0] == 0xFF:
        return hdlc(s, found)
    if s[0] & 1:  # compressed protocol field: one octet
        return {0x21: "ip", 0x57: "ip6"}.get(s[0]), s[1:]
    return {0x0021: "ip", 0x0057: "ip6"}.get(u16(s, 0)), s[2:]


def hdlc(s: bytes, _: Found) -> Step:
    need(s, 2)
    return "ppp", s[2:]


def dir_ppp(s: bytes, _: Found) -> Step:
    return "ppp", s[1:]


def pppoe(s: bytes, _: Found) -> Step:  # its length is not looked at
    need(s, 6)
    return ("ppp" if s[1] == 0 else None), s[6:]


# --- 802.11 ---------------------------------------------------------------------------------------------------------

# Radiotap fields by bit of the first "present" word: octets, and the alignment from the start of the header.
RADIOTAP = {
    0: (8, 8), 1: (1, 1), 2: (1, 1), 3: (4, 2), 5: (1, 1), 6: (1, 1), 7: (2, 2), 11: (1, 1), 14: (2, 2), 15: (2, 2),
    18: (7, 4), 19: (3, 2), 20: (8, 4), 21: (12, 2), 22: (12, 8), 23: (12, 2), 24: (12, 2), 25: (7, 2), 27: (4, 2),
}  # fmt: skip


def dot11(s: bytes, _: Found) -> Step:
    """Data frames only: type 2. Encrypted ones (0x40) lead nowhere; subtypes 8 to 15 but 13 have two octets of QoS."""
    flags = u8(s, 1)
    size = 30 if flags & 3 == 3 else 24
    if s[0] & 0x0C != 8:
        return None, b""
    need(s, size)
    if s[0] >> 4 in (8, 9, 10, 11, 12, 14, 15):
        size += 2
        need(s, size)
    return (None if flags & 0x40 else "llc"), s[size:]


def dot11_fcs(s: bytes, found: Found) -> Step:  # a check sequence comes last
    need(s, 4)
    return dot11(s[:-4], found)


def prism(s: bytes, _: Found) -> Step:
    need(s, 144)
    return "dot11", s[144:]


def radiotap(s: bytes, _: Found) -> Step:
    need(s, 8)
    length, present = (int.from_bytes(part, "little") for part in (s[2:4], s[4:8]))
    at, more, fcs = 8, present >> 31, 0
    while more:  # further words of presence are skipped with whatever they announce
        more = u8(s, at + 3) >> 7
        at += 4
    for bit, (size, align) in RADIOTAP.items():
        if present >> bit & 1:
            at = -(-at // align) * align + size
            need(s, at)
            if bit == 1:
                fcs = s[at - 1] & 0x10
    if present >> 28 & 1:  # type-length-value fields swallow the packet
        return None, b""
    return ("dot11_fcs" if fcs else "dot11"), s[max(at, length) :]


def ppi(s: bytes, _: Found) -> Step:
    need(s, 8)
    return LINKS.get(int.from_bytes(s[4:8], "little")), cut(s[8:], int.from_bytes(s[2:4], "little") - 8)[1]


def mpacket(s: bytes, _: Found) -> Step:  # 802.3br: a preamble before, a check sequence after
    need(s, 12)
    return "ether", s[8:-4]


# --- network layers -------------------------------------------------------------------------------------------------

IP_FIRST = {1: "icmp", 4: "ip", 6: "tcp", 17: "udp", 47: "gre"}  # with fragment offset 0 only
IP_ANY = {41: "ip6", 51: "ah"}  # whatever the fragment offset
QUOTED_FIRST = {1: "icmp", 4: "iperror", 6: "tcperror", 17: "udperror", 47: "gre"}
IP6 = {
    0: "options6", 4: "ip", 6: "tcp", 17: "udp", 41: "ip6", 43: "routing6", 44: "fragment6", 47: "gre", 51: "ah",
    58: "icmp6", 60: "options6",
}  # fmt: skip
IP6_QUOTED = IP6 | {6: "tcperror", 17: "udperror"}


IP_OPTION_FIXED = {0: 1, 1: 1, 8: 4, 11: 4, 12: 4, 18: 12, 19: 10, 20: 4}
IP_OPTION_LIST = {3: 3, 7: 3, 9: 3, 21: 2}  # lists of addresses, and where they begin


def ip_option_size(s: bytes) -> int:
    """Octets of the first IPv4 option; the low five bits of its type say which it is."""
    kind = s[0] & 31
    size = IP_OPTION_FIXED.get(kind, 0)
    if kind == 4:  # timestamp: with a flag there is an address before it
        size = 12 if len(s) > 3 and s[3] & 15 else 8
    if kind == 2:  # security: its last three octets may be cut
        size = min(max(len(s), 8), 11)
    if size:
        return size if len(s) >= size else 0
    start = IP_OPTION_LIST.get(kind, 2)
    if len(s) < start:
        return 0
    value = cut(s[start:], s[1] - start)[0]
    return 0 if kind in IP_OPTION_LIST and len(value) % 4 else start + len(value)


def ip_payload(s: bytes) -> bytes:
    """What follows an IPv4 header and its options, without padding. Version and checksum are not looked at."""
    need(s, 20)
    header = (s[0] & 15) * 4
    options, rest = cut(s[20:], header - 20)  # a header length below 20 leaves the *last* octets as payload
    items(options, ip_option_size)
    length = u16(s, 2) - header
    return rest if length < 0 else rest[:length]


def ip_next(s: bytes, first: dict[int, str]) -> str | None:
    at_start = u16(s, 6) & 0x1FFF == 0
    return (first.get(s[9]) if at_start else None) or IP_ANY.get(s[9])


def ip(s: bytes, found: Found) -> Step:
    payload = ip_payload(s)
    found.ip = found.ip or (dotted(s[12:16]), dotted(s[16:20]))
    return ip_next(s, IP_FIRST), payload


def iperror(s: bytes, _: Found) -> Step:
    payload = ip_payload(s)
    return ip_next(s, QUOTED_FIRST), payload


def ip6_payload(s: bytes) -> bytes:
    """Version is not looked at. Payload length 0 means none, unless a hop-by-hop header tells a jumbogram's length."""
    need(s, 40)
    body, length = s[40:], u16(s, 4)
    if length or s[6] != 0 or len(body) < 8:
        return body[:length]
    at = 2  # the jumbo option is looked for at every fourth octet, to the end of the packet
    while at <= len(body):
        if u8(body, at) == 0xC2:
            need(body, at + 6)
            return body[: 8 + body[1] * 8 + int.from_bytes(body[at + 2 : at + 6], "little")]  # as the CPU orders them
        at += 4
    return body[: 8 + body[1] * 8]


def ip6(s: bytes, _: Found) -> Step:
    payload = ip6_payload(s)
    return IP6.get(s[6]), payload


def ip6error(s: bytes, found: Found) -> Step:
    payload = ip6_payload(s)
    found.quoted6 = True
    return IP6_QUOTED.get(s[6]), payload


def after6(s: bytes, found: Found) -> str | None:
    """What an IPv6 extension header says comes next."""
    return (IP6_QUOTED if found.quoted6 else IP6).get(s[0])


def option6_size(s: bytes) -> int:
    if s[0] == 0:
        return 1
    fixed = {5: 4, 99: 6, 194: 6, 201: 18}.get(s[0])
    if fixed:
        return fixed if len(s) >= fixed else 0
    return 2 + s[1] if len(s) >= 2 else 0


def options6(s: bytes, found: Found) -> Step:  # hop-by-hop, destination options
    need(s, 2)
    options, rest = cut(s[2:], s[1] * 8 + 6)
    items(options, option6_size)
    return after6(s, found), rest


def tlv_size(s: bytes) -> int:
    fixed = {0: 1, 1: 20, 2: 20}.get(s[0])
    if fixed:
        return fixed if len(s) >= fixed else 0
    return 2 + s[1] if len(s) >= 2 else 0


def routing6(s: bytes, found: Found) -> Step:
    need(s, 8)
    length, rest = s[1], s[8:]
    segments = s[2] == 4  # segment routing: the octet "last entry" says how many addresses; else half the length does
    addresses = s[4] + 1 if segments else length // 2
    rest = rest[min(addresses, len(rest) // 16) * 16 :]
    if segments:
        tlvs, rest = cut(rest, length * 8 - addresses * 16)
        items(tlvs, tlv_size)
    return after6(s, found), rest


def fragment6(s: bytes, found: Found) -> Step:
    need(s, 8)
    return (after6(s, found) if u16(s, 2) >> 3 == 0 else None), s[8:]


def ah(s: bytes, _: Found) -> Step:
    need(s, 12)
    return {0: "ip", 41: "ip6"}.get(s[0]), cut(s[12:], s[1] * 4 - 4)[1]


def icmp(s: bytes, _: Found) -> Step:
    need(s, 8)
    return ("iperror" if s[0] in (3, 4, 5, 11, 12) else None), s[8:]


# ICMPv6 messages that go on: what follows, and the octets before it.
ICMP6: dict[int, tuple[str, int]] = {
    1: ("ip6error", 8), 2: ("ip6error", 8), 3: ("ip6error", 8), 4: ("ip6error", 8),
    133: ("nd_option", 8), 134: ("nd_option", 16), 135: ("nd_option", 24), 136: ("nd_option", 24),
    137: ("nd_option", 40), 141: ("nd_option", 8), 142: ("nd_option", 8), 147: ("nd_option", 8),
}  # fmt: skip


def icmp6(s: bytes, _: Found) -> Step:
    follows, size = ICMP6.get(s[0], (None, 0))
    need(s, size)
    return follows, s[size:]


# Neighbour discovery options whose parsers take this many octets, whatever their length says.
ND_FIXED = {1: 8, 2: 8, 3: 32, 5: 8, 6: 8, 7: 8, 8: 8, 17: 24, 18: 24, 19: 9, 23: 24, 26: 8, 38: 16}


def nd_option(s: bytes, found: Found) -> Step:
    """One option; the next is its payload. Number 4 holds the head of a redirected packet, which counts too, first."""
    kind, length = s[0], u8(s, 1) * 8
    size = ND_FIXED.get(kind)
    if size:
        need(s, size)
        return "nd_option", s[size:]
    if kind == 4:
        packet, rest = cut(s[8:], length - 8)
        quoted6, found.quoted6 = found.quoted6, False  # a packet of its own
        walk("ip6", packet, found)
        found.quoted6 = quoted6
        return "nd_option", rest
    if kind in (9, 10, 25):  # lists of whole addresses
        need(s, 8)
        return "nd_option", s[8 + len(cut(s[8:], length - 8)[0]) // 16 * 16 :]
    if kind == 24:
        need(s, 8)
        if length not in (8, 16, 24):
            raise Raw
        return "nd_option", s[length:]
    if kind == 31:
        need(s, 8)
        return "nd_option", cut(s[8:], length - 8)[1]
    return "nd_option", s[max(length, 8) :]


def gre(s: bytes, _: Found) -> Step:
    flags, kind = u16(s, 0), u16(s, 2)
    if kind == 0x880B:  # PPTP
        size = 8 + (4 if flags & 0x1000 else 0) + (4 if flags & 0x0080 else 0)
        need(s, size)
        return (None if flags & 0x4000 else "ppp"), s[size:]
    size = 4 + (4 if flags & 0xC000 else 0) + (4 if flags & 0x2000 else 0) + (4 if flags & 0x1000 else 0)
    need(s, size)
    follows = {122: "llc", 0x8100: "vlan", 0x6558: "ether"}.get(kind)
    if not follows and not flags & 0x4000:  # source routes hide IP, not the three above
        follows = {0x0800: "ip", 0x86DD: "ip6"}.get(kind)
    return follows, s[size:]


LINKS: dict[int, str] = {
    0: "null", 1: "ether", 9: "ppp", 12: "raw_ip", 23: "ether", 31: "ip6", 50: "hdlc", 51: "pppoe", 101: "raw_ip",
    105: "dot11", 108: "loop", 113: "sll", 119: "prism", 127: "radiotap", 144: "sll", 192: "ppi", 204: "dir_ppp",
    228: "ip", 229: "ip6", 274: "mpacket", 276: "sll2", 772: "ether", 801: "dot11", 802: "prism", 803: "radiotap",
}  # fmt: skip

LAYERS: dict[str, Callable[[bytes, Found], Step]] = {
    "ether": ether, "vlan": vlan, "pbb": pbb, "llc": llc, "snap": snap, "sll": sll, "sll2": sll2, "null": null,
    "loop": loop, "raw_ip": raw_ip, "ppp": ppp, "hdlc": hdlc, "dir_ppp": dir_ppp, "pppoe": pppoe,
    "dot11": dot11, "dot11_fcs": dot11_fcs, "prism": prism, "radiotap": radiotap, "ppi": ppi, "mpacket": mpacket,
    "ip": ip, "iperror": iperror, "ip6": ip6, "ip6error": ip6error, "options6": options6, "routing6": routing6,
    "fragment6": fragment6, "ah": ah, "icmp": icmp, "icmp6": icmp6, "nd_option": nd_option, "gre": gre,
    "udp": udp, "udperror": udp, "tcp": tcp, "tcperror": tcperror, "l2tp": l2tp, "mobileip": mobileip,
    "mobileip_tunnel": mobileip_tunnel, "vxlan": vxlan, "dns": dns_message, "dns_tcp": dns_tcp,
}  # fmt: skip


def walk(layer: str | None, octets: bytes, found: Found) -> None:
    for _ in range(MAX_LAYERS):
        if not layer or not octets:
            return
        try:
            layer, octets = LAYERS[layer](octets, found)
        except Raw:
            return


def keys(link_type: int, octets: bytes, wire_len: int) -> tuple[str | None, str | None, int | None]:
    """The (dns, ip, seq) keys the loop counts for a packet with these captured octets; None where it counts none.

    `link_type` is the whole last word of the file header: with any high bit set (a frame check sequence) scapy knows
    no such link, and nothing counts.
    """
    layer, octets = LINKS.get(link_type), octets[:MAX_OCTETS]
    if not octets:  # scapy makes the bottom layer from its defaults; only IPv4 has an address then
        return None, "127.0.0.1" if layer in ("ip", "raw_ip") else None, None
    found = Found()
    walk(layer, octets, found)
    dns = found.ip[1] if found.ip and found.dns == (1, 0) else None
    return dns, found.ip[0] if found.ip else None, found.tcp


MAGIC = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}


def packets(file: bytes) -> Iterator[tuple[int, bytes, int]]:
    """What `PcapReader` delivers of a classic pcap: (link type, octets, length on the wire), to be given to `keys`.

    Any version, any snap length and any captured length will do. A record cut short at the end is delivered as a stump,
    even of no octets; a record header cut short is the end. ValueError: scapy refuses the file.
    """
    order = MAGIC.get(file[:4])
    if not order or len(file) < 24:
        raise ValueError("Not a supported capture file")
    link_type = struct.unpack(order + "I", file[20:24])[0]
    at = 24
    while at + 16 <= len(file):
        cap_len, wire_len = struct.unpack(order + "II", file[at + 8 : at + 16])
        yield link_type, file[at + 16 : at + 16 + cap_len][:MAX_OCTETS], wire_len
        at += 16 + cap_len
