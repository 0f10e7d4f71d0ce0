"""What the twin of flows takes for a packet of one, and its options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

TAGS = (0x8100, 0x88A8, 0x9100)
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
EXTENSIONS = (0, 43, 44, 51, 60, 135, 139, 140)
EARLY = 1_000_000  # beyond the timeout, before a flow counts as closed
MOST_FINGERPRINTS = 4096


@dataclass
class Options:
    variant: str = "corrected"
    compat: str | None = None
    flow_timeout_us: int = 120_000_000
    activity_timeout_us: int = 5_000_000
    protocols: frozenset[str] | None = None  # None: the variant's own
    min_packets: int | None = None
    count_padding: bool | None = None
    udp_header: str | int | None = None
    ghost_flows: bool = False
    ipv6: bool | None = None
    max_flows: int = 1_000_000
    flush_last_active: bool = False
    dedup_us: int = 0
    sort_us: int = 0

    def __post_init__(self) -> None:
        cic = self.variant == "cic2017"
        every = frozenset(("tcp", "udp", "icmp", "igmp", "sctp", "other"))
        if self.protocols is None:
            self.protocols = every if cic else frozenset(("tcp", "udp"))
        if self.min_packets is None:
            self.min_packets = 2 if cic else 1
        if self.count_padding is None:
            self.count_padding = cic
        if self.udp_header is None:
            self.udp_header = "last_tcp" if cic else 8
        if self.ipv6 is None:
            self.ipv6 = not cic

    @property
    def cic(self) -> bool:
        return self.variant == "cic2017"

    @property
    def fork(self) -> bool:
        return self.compat == "fork"


class Seen(NamedTuple):
    """A packet that belongs to a flow, or one that only its TCP header matters of (`wanted` False)."""

    wanted: bool
    number: int
    ns: int
    src: bytes
    dst: bytes
    sport: int
    dport: int
    protocol: int
    payload: int
    header: int | None  # None: UDP, which is not known here
    window: int
    flags: int
    seq: int
    ack: int
    icmp_type: int
    icmp_code: int
    octets: bytes  # from the network header on: what tells copies

    @property
    def us(self) -> int:
        return self.ns // 1000


class Refused(Exception):
    """A link type the variant cannot take."""


# ------------------------------------------------------------------------------------------------------- acceptance


def be(octets: bytes, at: int, size: int) -> int:
    return int.from_bytes(octets[at : at + size], "big")


def find_network(octets: bytes, link_type: int, options: Options) -> tuple[int, int] | None:
    """(EtherType, offset) of what the link carries, or None when it is cut."""
    if link_type == 1:
        if len(octets) < 14:
            return None
        kind, at = be(octets, 12, 2), 14
    elif options.cic:
        raise Refused(str(link_type))
    elif link_type in (12, 14, 101):
        if not octets:
            return None
        return {4: 0x0800, 6: 0x86DD}.get(octets[0] >> 4, 0), 0
    elif link_type == 228:
        return 0x0800, 0
    elif link_type == 229:
        return 0x86DD, 0
    elif link_type == 113:
        if len(octets) < 16:
            return None
        kind, at = be(octets, 14, 2), 16
    elif link_type == 276:
        if len(octets) < 20:
            return None
        kind, at = be(octets, 0, 2), 20
    elif link_type in (0, 108):
        if len(octets) < 4:
            return None
        family = int.from_bytes(octets[:4], "little")
        if family > 0xFFFF or link_type == 108:
            family = be(octets, 0, 4)
        return {2: 0x0800, 10: 0x86DD, 24: 0x86DD, 28: 0x86DD, 30: 0x86DD}.get(family, 0), 4
    else:
        raise Refused(str(link_type))
    while kind in TAGS:
        if len(octets) < at + 4:
            return None
        kind, at = be(octets, at + 2, 2), at + 4
    return kind, at


class Transport(NamedTuple):
    kind: str  # of `protocols`
    protocol: int
    at: int  # of its header


OTHER = Transport("other", 0, 0)


def cic_transport(octets: bytes, at: int, end: int, protocol: int, depth: int = 0) -> Transport:
    """What IPv4 carries, as the 2017 tool saw it: within quotes and IPv4 in IPv4 too."""
    if protocol == 6 and at + 20 <= end:
        return Transport("tcp", 6, at)
    if protocol == 17 and at + 8 <= end:
        return Transport("udp", 17, at)
    quote = protocol == 1 and at + 8 <= end and octets[at] in (3, 12)
    inner = at + 8 if quote else at
    if (quote or protocol == 4) and depth < 8 and inner + 20 <= end:
        size = (octets[inner] & 15) * 4
        later = be(octets, inner + 6, 2) & 0x1FFF
        if octets[inner] >> 4 == 4 and size >= 20 and inner + size <= end and not later:
            found = cic_transport(octets, inner + size, end, octets[inner + 9], depth + 1)
            if found.protocol:
                return found
    return OTHER._replace(kind={1: "icmp", 2: "igmp", 132: "sctp"}.get(protocol, "other"))


def accept(record, options: Options) -> Seen | None:
    octets, captured = record.octets, len(record.octets)
    found = find_network(octets, record.link_type, options)
    if record.time_ns is None:
        return None
    kind, at = found if found is not None else (-1, 0)
    if kind == 0x0800:
        return accept_ipv4(record, at, options)
    if kind == 0x86DD and options.ipv6:
        return accept_ipv6(record, at, options)
    if options.ghost_flows and record.link_type == 1 and captured >= 20:
        size = (octets[0] & 15) * 4
        if size >= 20 and not (options.fork and size > captured):
            transport = OTHER
            if not options.cic and octets[9] == 2:
                transport = Transport("igmp", 2, 0)
            return seen(record, options, octets[12:16], octets[16:20], transport, captured, captured, 0)
    return None


def accept_ipv4(record, at: int, options: Options) -> Seen | None:
    octets, captured = record.octets, len(record.octets)
    if at + 20 > captured or octets[at] >> 4 != 4:
        return None
    size = (octets[at] & 15) * 4
    if size < 20 or at + size > captured:
        return None
    total, protocol = be(octets, at + 2, 2), octets[at + 9]
    src, dst = octets[at + 12 : at + 16], octets[at + 16 : at + 20]
    later = be(octets, at + 6, 2) & 0x1FFF != 0
    if options.cic:
        end = captured if options.count_padding else min(captured, at + total)
        if total < size or later:
            return seen(record, options, src, dst, OTHER, end, end, at)
        return seen(record, options, src, dst, cic_transport(octets, at + size, end, protocol), end, end, at)
    if total < size:
        end = captured if options.fork else record.len
    else:
        end = at + total
    return carried(record, options, (src, dst), at, at + size, end, protocol, later)


def accept_ipv6(record, at: int, options: Options) -> Seen | None:
    octets, captured = record.octets, len(record.octets)
    if at + 40 > captured or octets[at] >> 4 != 6:
        return None
    length, protocol = be(octets, at + 4, 2), octets[at + 6]
    end = at + 40 + length if length else (captured if options.fork else record.len)
    src, dst = octets[at + 8 : at + 24], octets[at + 24 : at + 40]
    begin, later = at, False
    at += 40
    last = min(end, captured)
    for _ in range(16):
        if protocol not in EXTENSIONS or later:
            break
        if at + 8 > last:
            return None
        kind, protocol = protocol, octets[at]
        size = 8 if kind == 44 else 4 * (octets[at + 1] + 2) if kind == 51 else 8 * (octets[at + 1] + 1)
        if at + size > last:
            return None
        if kind == 44:
            later = be(octets, at + 2, 2) >> 3 != 0
        at += size
    if protocol in EXTENSIONS and not later:
        return None
    return carried(record, options, (src, dst), begin, at, end, protocol, later)


def carried(record, options: Options, pair, begin: int, at: int, end: int, protocol: int, later: bool) -> Seen | None:
    """What an IP header of a corrected flow carries."""
    if later and not options.fork:
        return None
    last = min(end, len(record.octets))
    icmp = 1 if len(pair[0]) == 4 else 58
    needed = {6: ("tcp", 20), 17: ("udp", 8), icmp: ("icmp", 4), 2: ("igmp", 0), 132: ("sctp", 12)}
    transport = OTHER
    if protocol in needed and not later and at + needed[protocol][1] <= last:
        transport = Transport(needed[protocol][0], protocol, at)
    return seen(record, options, *pair, transport, last, last if options.fork else end, begin)


def seen(record, options, src, dst, transport: Transport, last: int, end: int, begin: int) -> Seen | None:
    octets, at = record.octets, transport.at
    sport = dport = payload = header = flags = seq = ack = 0
    window = kind = code = -1
    protocol = transport.protocol
    wanted = transport.kind in options.protocols
    if protocol in (6, 17, 132):
        sport, dport = be(octets, at, 2), be(octets, at + 2, 2)
        size = {6: octets[at + 12] // 16 * 4 if protocol == 6 else 0, 17: 8, 132: 12}[protocol]
        header = size if protocol != 17 or options.udp_header != "last_tcp" else None
        payload = max(0, end - at - size)
    if protocol == 6:
        seq, ack, flags, window = be(octets, at + 4, 4), be(octets, at + 8, 4), octets[at + 13], be(octets, at + 14, 2)
    if protocol in (1, 58):
        kind, code = octets[at], octets[at + 1]
    if not wanted and not (protocol == 6 and options.udp_header == "last_tcp"):
        return None
    return Seen(
        wanted, record.frame_number, record.time_ns, src, dst, sport, dport, protocol, payload, header, window, flags,
        seq, ack, kind, code, octets[begin:],
    )  # fmt: skip
