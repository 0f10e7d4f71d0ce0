"""The twin's walk down one packet: sections "A packet's octets", "Steps" and "Fields" of docs/decoding.md."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, NamedTuple

from naive_pcap import Record

Row = dict[str, Any]

COLUMNS = (
    "frame_number", "frame_file", "frame_time", "frame_len", "frame_cap_len", "frame_fault", "protocol",
    "eth_src", "eth_dst",
    "ip_version", "ip_src", "ip_dst", "ip_ttl", "ip_proto",
    "tcp_srcport", "tcp_dstport", "tcp_seq_raw", "tcp_ack_raw", "tcp_flags", "tcp_len",
    "udp_srcport", "udp_dstport", "sctp_srcport", "sctp_dstport",
    "dns_flags_response", "dns_flags_rcode", "dns_count_answers",
)  # fmt: skip


# --- addresses as text -----------------------------------------------------------------------------------------------


def mac_text(octets: bytes | None) -> str | None:
    return None if octets is None else octets.hex(":")


def ipv4_text(octets: bytes | None) -> str | None:
    return None if octets is None else ".".join(str(octet) for octet in octets)


def ipv6_text(octets: bytes | None) -> str | None:
    """RFC 5952 as inet_ntop prints it: mapped and compatible addresses end in dotted form."""
    if octets is None:
        return None
    if octets[:12] == bytes(10) + b"\xff\xff":
        return f"::ffff:{ipv4_text(octets[12:])}"
    if octets[:12] == bytes(12) and octets[12:14] != b"\0\0":
        return f"::{ipv4_text(octets[12:])}"
    return ipaddress.IPv6Address(octets).compressed


# --- walking down one packet -----------------------------------------------------------------------------------------


class Stop(Exception):
    """The walk ends here, with this fault or with none."""

    def __init__(self, fault: str | None = None):
        self.fault = fault


class Layer(NamedTuple):
    """A step that began with a captured octet: what of the record it may read, and what there was on the wire."""

    step: str
    at: int
    captured_end: int
    wire_end: int


class Walk:
    """One packet on its way down. at: where the current layer begins. captured_end <= wire_end, always."""

    def __init__(self, record: Record):
        self.octets = record.octets
        self.link_type = record.link_type
        self.at = 0
        self.captured_end = record.cap_len
        self.wire_end = max(record.len, record.cap_len)
        self.first_fragment = False  # whether one of the headers so far is that of a first fragment
        self.wlan_padded = False  # whether the 802.11 header that follows is padded to a multiple of four octets
        self.udp_destination: int | None = None  # of the UDP header last passed
        self.ports = (0, 0)  # of the TCP or UDP header last passed
        self.layers: list[Layer] = []
        self.ah_spi: int | None = None  # of the first authentication header
        self.seen: set[str] = set()
        self.row: Row = dict.fromkeys(COLUMNS)

    def taken(self, offset: int, size: int) -> bytes | None:
        """size octets at offset in the current layer, if they are all captured and within the wire end."""
        start = self.at + offset
        return self.octets[start : start + size] if start + size <= self.captured_end else None

    def number(self, offset: int, size: int) -> int | None:
        octets = self.taken(offset, size)
        return None if octets is None else int.from_bytes(octets, "big")

    def need(self, count: int, layer: str) -> None:
        """The first count octets of the layer must be captured, or the walk ends."""
        if self.at + count <= self.captured_end:
            return
        raise Stop(f"truncated {layer}" if self.at + count <= self.wire_end else f"malformed {layer}")

    def blame(self, fault: str | None) -> None:
        """Keep the first fault."""
        if self.row["frame_fault"] is None:
            self.row["frame_fault"] = fault

    def pull_wire_end(self, end: int) -> None:
        """A length field can only pull the end nearer."""
        self.wire_end = min(self.wire_end, end)
        self.captured_end = min(self.captured_end, self.wire_end)

    def pull(self, length: int, layer: str) -> None:
        """walk.at is behind a header that says how many octets follow; fewer are a fault, but not in a fragment."""
        if self.at + length > self.wire_end and not self.first_fragment:
            self.blame(f"malformed {layer}")
        self.pull_wire_end(self.at + length)

    def give(self, kind: str, **values: object) -> None:
        """Fill columns from the first header of this kind; later ones say nothing."""
        if kind not in self.seen:
            self.seen.add(kind)
            self.row.update(values)


Step = Callable[[Walk], str]  # reads one layer, moves walk.at behind it, says the next step's name


NO_LAYERS = ("raw", "data")  # steps that only find out what follows


def decode(record: Record) -> Row:
    return walked(record).row


def walked(record: Record) -> Walk:
    walk = Walk(record)
    walk.row.update(
        frame_number=record.frame_number,
        frame_file=record.file,
        frame_time=record.time_ns,
        frame_len=record.len,
        frame_cap_len=record.cap_len,
    )
    try:
        step = by_link_type(walk, record.link_type)
        layers = 0
        while True:
            if step not in NO_LAYERS:
                if layers == 16:
                    raise Stop(None if step in QUIET else "malformed depth")
                layers += 1
                if walk.at < walk.captured_end:
                    walk.layers.append(Layer(step, walk.at, walk.captured_end, walk.wire_end))
                    walk.row["protocol"] = step.upper()
            step = STEPS[step](walk)
    except Stop as stop:
        walk.blame(stop.fault)
    return walk


# --- link layers -----------------------------------------------------------------------------------------------------

LINK_TYPES = {
    1: "eth", 101: "raw", 12: "raw", 14: "raw", 228: "ipv4", 229: "ipv6",
    0: "null", 108: "null", 113: "sll", 276: "sll2",
    9: "ppp", 50: "ppp", 51: "pppoe", 104: "chdlc", 10: "fddi", 105: "wlan", 127: "radiotap", 192: "ppi",
}  # fmt: skip
ETHERTYPES = {
    0x0800: "ipv4", 0x86DD: "ipv6", 0x0806: "arp", 0x8100: "vlan", 0x88A8: "vlan", 0x9100: "vlan",
    0x8847: "mpls", 0x8848: "mpls", 0x8863: "pppoe", 0x8864: "pppoe", 0x880B: "ppp",
    0x6558: "eth", 0x88E7: "pbb", 0x8870: "llc",
}  # fmt: skip
NULL_FAMILIES = {2: "ipv4", 24: "ipv6", 28: "ipv6", 30: "ipv6", 10: "ipv6"}


def by_link_type(walk: Walk, link_type: int) -> str:
    walk.link_type = link_type
    if link_type in LINK_TYPES:
        return LINK_TYPES[link_type]
    raise Stop(f"unknown link type {link_type}")


def raw(walk: Walk) -> str:
    walk.need(1, "raw")
    match walk.number(0, 1) >> 4:
        case 4:
            return "ipv4"
        case 6:
            return "ipv6"
    raise Stop("malformed raw")


def by_ethertype(ethertype: int) -> str:
    if ethertype in ETHERTYPES:
        return ETHERTYPES[ethertype]
    raise Stop(f"unknown ethertype 0x{ethertype:04x}")


def by_type_or_length(walk: Walk, value: int) -> str:
    """An EtherType, or the length of an 802.3 frame. walk.at is behind it."""
    if value >= 1536:
        return by_ethertype(value)
    if value != 0:
        walk.pull_wire_end(walk.at + value)
    return "llc"


def eth(walk: Walk) -> str:
    destination, source = mac_text(walk.taken(0, 6)), mac_text(walk.taken(6, 6))
    walk.give("eth", eth_dst=destination, eth_src=source)
    walk.need(14, "eth")
    value = walk.number(12, 2)
    walk.at += 14
    return by_type_or_length(walk, value)


def vlan(walk: Walk) -> str:
    walk.need(4, "vlan")
    value = walk.number(2, 2)
    walk.at += 4
    return by_type_or_length(walk, value)


def llc(walk: Walk) -> str:
    walk.need(3, "llc")
    if walk.taken(0, 3) != b"\xaa\xaa\x03":
        raise Stop(f"unknown llc 0x{walk.number(0, 1):02x}")
    walk.need(8, "llc")
    oui, ethertype = walk.number(3, 3), walk.number(6, 2)
    if oui not in (0, 0x0000F8):
        raise Stop(f"unknown snap 0x{oui:06x}")
    walk.at += 8
    return by_ethertype(ethertype)


def sll(walk: Walk) -> str:
    walk.need(16, "sll")
    protocol = walk.number(14, 2)
    walk.at += 16
    return "llc" if protocol == 4 else by_ethertype(protocol)


def sll2(walk: Walk) -> str:
    walk.need(20, "sll2")
    protocol = walk.number(0, 2)
    walk.at += 20
    return "llc" if protocol == 4 else by_ethertype(protocol)


def null(walk: Walk) -> str:
    walk.need(4, "null")
    family, swapped = (int.from_bytes(walk.taken(0, 4), order) for order in ("big", "little"))
    if walk.link_type == 0 and family >= 1 << 16 > swapped:
        family = swapped
    walk.at += 4
    if family in NULL_FAMILIES:
        return NULL_FAMILIES[family]
    raise Stop(f"unknown null {family}")


def arp(walk: Walk) -> str:
    walk.need(8, "arp")
    walk.need(8 + 2 * (walk.number(4, 1) + walk.number(5, 1)), "arp")
    raise Stop


# --- IP and what it carries ------------------------------------------------------------------------------------------

IP_PROTOCOLS = {
    1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 4: "ipv4", 41: "ipv6", 47: "gre",
    50: "esp", 51: "ah", 132: "sctp", 137: "mpls", 97: "etherip", 143: "eth",
}  # fmt: skip
FRAGMENT, AUTHENTICATION, NO_NEXT_HEADER = 44, 51, 59
EXTENSION_HEADERS = {  # value: octets of the whole header, given its second octet
    **dict.fromkeys((0, 43, 60, 135, 139, 140), lambda length: 8 * (length + 1)),
    FRAGMENT: lambda length: 8,
    AUTHENTICATION: lambda length: 4 * (length + 2),
}


def by_ip_protocol(protocol: int) -> str:
    if protocol in IP_PROTOCOLS:
        return IP_PROTOCOLS[protocol]
    raise Stop(f"unknown ip protocol {protocol}")


def ipv4(walk: Walk) -> str:
    first = walk.number(0, 1)
    if first is not None and first >> 4 == 4:
        walk.give(
            "ip", ip_version=4, ip_ttl=walk.number(8, 1), ip_proto=walk.number(9, 1),
            ip_src=ipv4_text(walk.taken(12, 4)), ip_dst=ipv4_text(walk.taken(16, 4)),
        )  # fmt: skip
    walk.need(20, "ipv4")
    header_length, total_length = (first & 15) * 4, walk.number(2, 2)
    if first >> 4 != 4 or header_length < 20 or 0 < total_length < header_length:
        raise Stop("malformed ipv4")
    if walk.at + total_length > walk.wire_end and not walk.first_fragment:
        walk.blame("malformed ipv4")
    if total_length != 0:
        walk.pull_wire_end(walk.at + total_length)
    walk.need(header_length, "ipv4")
    more_fragments, fragment_offset = walk.number(6, 2) >> 13 & 1, walk.number(6, 2) & 0x1FFF
    if fragment_offset != 0:
        raise Stop
    walk.first_fragment |= more_fragments == 1
    protocol = walk.number(9, 1)
    walk.at += header_length
    return by_ip_protocol(protocol)


def ipv6(walk: Walk) -> str:
    outermost = "ip" not in walk.seen
    first, following = walk.number(0, 1), walk.number(6, 1)
    if first is not None and first >> 4 == 6:
        walk.give(
            "ip", ip_version=6, ip_ttl=walk.number(7, 1),
            ip_proto=None if following in EXTENSION_HEADERS else following,
            ip_src=ipv6_text(walk.taken(8, 16)), ip_dst=ipv6_text(walk.taken(24, 16)),
        )  # fmt: skip
    walk.need(40, "ipv6")
    if first >> 4 != 6:
        raise Stop("malformed ipv6")
    payload_length = walk.number(4, 2)
    walk.at += 40
    if walk.at + payload_length > walk.wire_end and not walk.first_fragment:
        walk.blame("malformed ipv6")
    if payload_length != 0:
        walk.pull_wire_end(walk.at + payload_length)
    count = 0
    while following in EXTENSION_HEADERS:
        count += 1
        if count > 16:
            raise Stop("malformed ipv6")
        kind, following = following, walk.number(0, 1)
        if outermost and following not in EXTENSION_HEADERS:
            walk.row["ip_proto"] = following
        walk.need(8, "ipv6")  # no extension header is shorter, and the length is in its second octet
        if kind == AUTHENTICATION and walk.ah_spi is None:
            walk.ah_spi = walk.number(4, 4)
        length = EXTENSION_HEADERS[kind](walk.number(1, 1))
        walk.need(length, "ipv6")
        if kind == FRAGMENT:
            if walk.number(2, 2) >> 3 != 0:
                raise Stop
            walk.first_fragment |= walk.number(2, 2) & 1 == 1
        walk.at += length
    if following == NO_NEXT_HEADER:
        raise Stop
    return by_ip_protocol(following)


def icmp(walk: Walk) -> str:
    walk.need(4, "icmp")
    raise Stop


def icmpv6(walk: Walk) -> str:
    walk.need(4, "icmpv6")
    raise Stop


def tcp(walk: Walk) -> str:
    offset_octet, flags = walk.number(12, 1), walk.number(12, 2)
    header_length = None if offset_octet is None else (offset_octet >> 4) * 4
    length = None
    fits = header_length is not None and header_length >= 20 and walk.at + header_length <= walk.wire_end
    if fits and not walk.first_fragment:
        length = walk.wire_end - (walk.at + header_length)
    walk.give(
        "tcp", tcp_srcport=walk.number(0, 2), tcp_dstport=walk.number(2, 2),
        tcp_seq_raw=walk.number(4, 4), tcp_ack_raw=walk.number(8, 4),
        tcp_flags=None if flags is None else flags & 0xFFF, tcp_len=length,
    )  # fmt: skip
    walk.need(20, "tcp")
    if header_length < 20:
        raise Stop("malformed tcp")
    walk.need(header_length, "tcp")
    walk.ports = walk.number(0, 2), walk.number(2, 2)
    walk.at += header_length
    message_length = walk.number(0, 2)
    fits = message_length is not None and message_length >= 12 and walk.at + 14 <= walk.wire_end
    if walk.first_fragment:
        raise Stop
    if 53 not in walk.ports:
        return "data"
    if fits:
        walk.at += 2
        walk.pull_wire_end(walk.at + message_length)
        return "dns"
    raise Stop


UDP_TUNNELS = {2152: "gtp", 3544: "teredo", 4754: "gre", 4789: "vxlan", 4790: "vxlan", 6081: "geneve", 6635: "mpls"}
ANSWERING = {2152, 3544}  # those that are told by the source port too
UDP_SHAPES: dict[str, Callable[[int], bool]] = {  # what the first octet must be like
    "gtp": lambda first: first >> 4 == 3,
    "teredo": lambda first: first >> 4 == 6 or first == 0,
    "vxlan": lambda first: first & 8 != 0,
    "geneve": lambda first: first >> 6 == 0,
    "gre": lambda first: True,
    "mpls": lambda first: True,
}


def udp(walk: Walk) -> str:
    walk.give("udp", udp_srcport=walk.number(0, 2), udp_dstport=walk.number(2, 2))
    walk.need(8, "udp")
    source, destination, length = walk.number(0, 2), walk.number(2, 2), walk.number(4, 2)
    if 1 <= length <= 7:
        raise Stop("malformed udp")
    if walk.at + length > walk.wire_end and not walk.first_fragment:
        walk.blame("malformed udp")
    if length != 0:
        walk.pull_wire_end(walk.at + length)
    walk.at += 8
    walk.udp_destination = destination
    walk.ports = source, destination
    if walk.at == walk.wire_end:
        raise Stop
    if {source, destination} & {53, 5353, 5355}:
        return "dns"
    tunnel = UDP_TUNNELS.get(destination, UDP_TUNNELS.get(source) if source in ANSWERING else None)
    first = walk.number(0, 1)
    if tunnel is None:
        return "data"
    if first is not None and not UDP_SHAPES[tunnel](first):
        raise Stop
    return tunnel


def dns(walk: Walk) -> str:
    first, second = walk.number(2, 1), walk.number(3, 1)
    walk.give(
        "dns",
        dns_flags_response=None if first is None else first >> 7,
        dns_flags_rcode=None if second is None or first >> 7 == 0 else second & 15,
        dns_count_answers=walk.number(6, 2),
    )
    walk.need(12, "dns")
    raise Stop


Recogniser = Callable[[bytes, tuple[int, int]], bool]  # is it this, by its captured octets and the ports

OVER_TCP: dict[str, Recogniser] = {}  # the first that says yes; naive_http.py and its like fill these
OVER_UDP: dict[str, Recogniser] = {}
QUIET: set[str] = set()  # they note no faults


PAYLOADS: list[Callable[[Walk], str | None]] = []  # those that look at more; naive_tls.py adds
BEHIND: list[Callable[[Walk], str | None]] = []  # asked last; they may move walk.at


def data(walk: Walk) -> str:
    octets = walk.octets[walk.at : walk.captured_end]
    if len(walk.layers) == 16:
        raise Stop
    for told in PAYLOADS:
        if octets and (step := told(walk)) is not None:
            return step
    over = OVER_TCP if walk.layers and walk.layers[-1].step == "tcp" else OVER_UDP
    for step, is_this in over.items():
        if octets and is_this(octets, walk.ports):
            return step
    for told in BEHIND:
        if octets and (step := told(walk)) is not None:
            return step
    raise Stop


def end(walk: Walk) -> str:
    raise Stop


def sctp(walk: Walk) -> str:
    walk.give("sctp", sctp_srcport=walk.number(0, 2), sctp_dstport=walk.number(2, 2))
    walk.need(12, "sctp")
    raise Stop


STEPS: dict[str, Step] = {  # naive_tunnels.py adds the rest
    step.__name__: step
    for step in (eth, vlan, llc, sll, sll2, null, raw, arp, ipv4, ipv6, icmp, icmpv6, tcp, udp, sctp, dns, data)
}
