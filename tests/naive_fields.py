"""The twin of the columns of headers: each is an expression of the octets of a layer that naive_packet.py walked to.

As in the core, "first" is the first header of a kind at any depth, and a value is there where all its octets are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from naive_http import application_row, escaped
from naive_names import names_row
from naive_packet import Layer, Row, Walk, ipv4_text, ipv6_text, mac_text, walked
from naive_pcap import Record


class Header:
    """The octets of a layer. What is asked for and not there is None."""

    def __init__(self, walk: Walk, layer: Layer | None):
        self.octets = b"" if layer is None else walk.octets[layer.at : layer.captured_end]
        self.wire = 0 if layer is None else layer.wire_end - layer.at
        self.step = None if layer is None else layer.step

    def taken(self, at: int, size: int) -> bytes | None:
        return self.octets[at : at + size] if at + size <= len(self.octets) else None

    def number(self, at: int, size: int, shift: int = 0, mask: int = -1) -> int | None:
        octets = self.taken(at, size)
        return None if octets is None else int.from_bytes(octets, "big") >> shift & mask

    def little(self, at: int, size: int) -> int | None:
        octets = self.taken(at, size)
        return None if octets is None else int.from_bytes(octets, "little")


def times(number: int | None, factor: int) -> int | None:
    return None if number is None else number * factor


def first(walk: Walk, *steps: str) -> Header:
    return Header(walk, next((layer for layer in walk.layers if layer.step in steps), None))


# --- link layers -----------------------------------------------------------------------------------------------------


def link_row(walk: Walk) -> Row:
    vlan, mpls = first(walk, "vlan"), first(walk, "mpls")
    steps = [layer.step for layer in walk.layers]
    inner = None
    if "vlan" in steps and steps[steps.index("vlan") + 1 :][:1] == ["vlan"]:
        inner = Header(walk, walk.layers[steps.index("vlan") + 1]).number(0, 2, 0, 0x0FFF)
    return {
        "eth_type": first(walk, "eth").number(12, 2),
        "vlan_id": vlan.number(0, 2, 0, 0x0FFF),
        "vlan_priority": vlan.number(0, 1, 5),
        "vlan_dei": vlan.number(0, 1, 4, 1),
        "vlan_etype": vlan.number(2, 2),
        "vlan_inner_id": inner,
        "mpls_label": mpls.number(0, 3, 4),
        "mpls_exp": mpls.number(2, 1, 1, 7),
        "mpls_bottom": mpls.number(2, 1, 0, 1),
        "mpls_ttl": mpls.number(3, 1),
        "pppoe_session_id": first(walk, "pppoe").number(2, 2),
    }


def arp_row(walk: Walk) -> Row:
    arp = first(walk, "arp")
    hardware, protocol = arp.number(4, 1) or 0, arp.number(5, 1) or 0

    def mac(at: int) -> str | None:
        return mac_text(arp.taken(at, 6)) if hardware == 6 and arp.number(5, 1) is not None else None

    def address(at: int) -> str | None:
        return ipv4_text(arp.taken(at, 4)) if protocol == 4 else None

    return {
        "arp_hw_type": arp.number(0, 2),
        "arp_proto_type": arp.number(2, 2),
        "arp_opcode": arp.number(6, 2),
        "arp_src_hw_mac": mac(8),
        "arp_src_proto_ipv4": address(8 + hardware),
        "arp_dst_hw_mac": mac(8 + hardware + protocol),
        "arp_dst_proto_ipv4": address(8 + 2 * hardware + protocol),
    }


# --- 802.11 ----------------------------------------------------------------------------------------------------------

DATA_ROLES = {
    0: "DA SA BSSID",
    1: "BSSID SA DA",
    2: "DA BSSID SA",
    3: "RA TA DA SA",
}  # by the DS bits: addresses 1 to 4
CONTROL_SENDERS = {2, 3, 4, 5, 8, 9, 10, 11, 15}  # control subtypes with a transmitter's address
FIXED = {0: 4, 1: 6, 2: 10, 3: 6, 4: 0, 5: 12, 8: 12}  # management subtype: octets before the elements


WLAN_COLUMNS = (
    "fc_type_subtype", "fc_retry", "ra", "ta", "sa", "da", "bssid", "seq", "ssid", "ds_current_channel",
    "fixed_reason_code",
)  # fmt: skip


def wlan_roles(kind: int, subtype: int, systems: int) -> dict[str, int]:
    """Which of the addresses, from 1, is whose."""
    if kind == 0:
        return {"ra": 1, "ta": 2, "sa": 2, "da": 1, "bssid": 3}
    if kind == 1:
        roles = {"ra": 1} | ({"ta": 2} if subtype in CONTROL_SENDERS else {})
        return roles | {10: {"bssid": 1}, 14: {"bssid": 2}}.get(subtype, {})
    if kind == 2:
        named = {name.lower(): place for place, name in enumerate(DATA_ROLES[systems].split(), 1)}
        return named | {"ra": 1, "ta": 2}
    return {}


def wlan_row(walk: Walk) -> Row:
    wlan = first(walk, "wlan")
    row: Row = dict.fromkeys(f"wlan_{name}" for name in WLAN_COLUMNS)
    row["radiotap_dbm_antsignal"] = antenna_signal(first(walk, "radiotap"))
    control, flags = wlan.number(0, 1), wlan.number(1, 1)
    if control is None or flags is None or control & 3:
        return row
    kind, subtype = control >> 2 & 3, control >> 4
    row["wlan_fc_type_subtype"] = kind << 4 | subtype
    row["wlan_fc_retry"] = flags >> 3 & 1
    for role, place in wlan_roles(kind, subtype, flags & 3).items():
        row[f"wlan_{role}"] = mac_text(wlan.taken((0, 4, 10, 16, 24)[place], 6))
    if kind in (0, 2):
        sequence = wlan.little(22, 2)
        row["wlan_seq"] = None if sequence is None else sequence >> 4
    if kind == 0 and not flags & 0x40:
        body = wlan.octets[24 + (4 if flags & 0x80 else 0) :]
        if subtype in (10, 12) and len(body) >= 2:
            row["wlan_fixed_reason_code"] = int.from_bytes(body[:2], "little")
        found = elements(body[FIXED[subtype] :]) if subtype in FIXED else {}
        row["wlan_ssid"] = escaped(found[0]) if 0 in found else None
        row["wlan_ds_current_channel"] = found[3][0] if len(found.get(3, b"")) == 1 else None
    return row


def elements(octets: bytes) -> dict[int, bytes]:
    """The first of each number."""
    found: dict[int, bytes] = {}
    for _ in range(256):
        if len(octets) < 2 or len(octets) < 2 + octets[1]:
            break
        found.setdefault(octets[0], octets[2 : 2 + octets[1]])
        octets = octets[2 + octets[1] :]
    return found


def antenna_signal(header: Header) -> int | None:
    length, present = header.little(2, 2), header.little(4, 4)
    if length is None or present is None or not present >> 5 & 1:
        return None
    at, word = 8, present
    while word >> 31:
        more = header.little(at, 4) if at + 4 <= length else None
        if more is None:
            return None
        word, at = more, at + 4
    for bit, (size, alignment) in enumerate([(8, 8), (1, 1), (1, 1), (4, 2), (2, 2)]):
        if present >> bit & 1:
            at += -at % alignment + size
    octet = header.taken(at, 1) if at < length else None
    return None if octet is None else int.from_bytes(octet, "big", signed=True)


# --- IP --------------------------------------------------------------------------------------------------------------


def option_kinds(octets: bytes) -> str | None:
    kinds: list[str] = []
    while octets:
        kinds.append(str(octets[0]))
        length = 1 if octets[0] == 1 else octets[1] if len(octets) > 1 else 0
        if octets[0] == 0 or length < (1 if octets[0] == 1 else 2) or length > len(octets):
            break
        octets = octets[length:]
    return ",".join(kinds) or None


def outermost_ip(walk: Walk) -> Header:
    for layer in walk.layers:
        nibble = walk.octets[layer.at] >> 4
        if (layer.step, nibble) in (("ipv4", 4), ("ipv6", 6)):
            return Header(walk, layer)
    return Header(walk, None)


def ip_row(walk: Walk) -> Row:
    ip = outermost_ip(walk)
    four = ip if ip.step == "ipv4" else Header(walk, None)
    six = ip if ip.step == "ipv6" else Header(walk, None)
    traffic = four.number(1, 1) if ip.step == "ipv4" and len(ip.octets) >= 2 else six.number(0, 2, 4, 0xFF)
    size = times(four.number(0, 1, 0, 15), 4)
    whole = size is not None and len(four.octets) >= max(size, 20)
    told = four.number(2, 2) if ip.step == "ipv4" else times(six.number(4, 2), 1)
    end = (told or 0) + (40 if ip.step == "ipv6" and told else 0)
    return {
        "ip_hdr_len": size,
        "ip_len": four.number(2, 2),
        "ip_dsfield": traffic,
        "ip_dsfield_dscp": None if traffic is None else traffic >> 2,
        "ip_dsfield_ecn": None if traffic is None else traffic & 3,
        "ip_id": four.number(4, 2),
        "ip_flags": four.number(6, 1, 5),
        "ip_flags_df": four.number(6, 1, 6, 1),
        "ip_flags_mf": four.number(6, 1, 5, 1),
        "ip_frag_offset": four.number(6, 2, 0, 0x1FFF),
        "ip_checksum": four.number(10, 2),
        "ip_option_kinds": option_kinds(four.octets[20:size]) if whole else None,
        "ipv6_flow": six.number(0, 4, 0, 0xFFFFF),
        "ipv6_plen": six.number(4, 2),
        "ipv6_nxt": six.number(6, 1),
        "ip_raw": None if ip.step is None else ip.octets[: end or None],
    }


def icmp_row(walk: Walk) -> Row:
    icmp, icmpv6 = first(walk, "icmp"), first(walk, "icmpv6")
    numbered = icmp.number(0, 1) in (0, 8, 13, 14, 15, 16, 17, 18)
    echo6 = icmpv6.number(0, 1) in (128, 129)
    return {
        "icmp_type": icmp.number(0, 1),
        "icmp_code": icmp.number(1, 1),
        "icmp_checksum": icmp.number(2, 2),
        "icmp_ident": icmp.number(4, 2) if numbered or icmp.number(0, 1) in (42, 43) else None,
        "icmp_seq": icmp.number(6, 2) if numbered else None,
        "icmpv6_type": icmpv6.number(0, 1),
        "icmpv6_code": icmpv6.number(1, 1),
        "icmpv6_checksum": icmpv6.number(2, 2),
        "icmpv6_echo_identifier": icmpv6.number(4, 2) if echo6 else None,
        "icmpv6_echo_sequence_number": icmpv6.number(6, 2) if echo6 else None,
    }


# --- transport -------------------------------------------------------------------------------------------------------

FLAGS = ("fin", "syn", "reset", "push", "ack", "urg", "ece", "cwr", "ae")
TRANSPORTS = {"tcp": 20, "udp": 8, "sctp": 12}


def tcp_options(tcp: Header) -> bytes:
    words = tcp.number(12, 1, 4) or 0
    return tcp.octets[20 : 4 * words] if len(tcp.octets) >= 20 else b""


def tcp_option(tcp: Header, kind: int, size: int) -> bytes | None:
    """The content of the first option of a kind, if it has that size; it may be cut."""
    octets, told = tcp_options(tcp), 4 * (tcp.number(12, 1, 4) or 0) - 20
    while octets and octets[0] != 0:
        length = 1 if octets[0] == 1 else octets[1] if len(octets) > 1 else 0
        if length < (1 if octets[0] == 1 else 2) or length > told:
            return None
        if octets[0] == kind:
            return octets[2:length] if length == 2 + size else None
        octets, told = octets[length:], told - length
    return None


def big(octets: bytes | None, at: int, size: int) -> int | None:
    return None if octets is None or at + size > len(octets) else int.from_bytes(octets[at : at + size], "big")


def carried(header: Header) -> tuple[bytes, int] | None:
    """What a transport header carries: the captured octets, and how many there were on the wire."""
    size = TRANSPORTS.get(header.step or "", 0)
    if header.step is None or len(header.octets) < size:
        return None
    end = header.wire
    if header.step == "tcp":
        size = 4 * (header.octets[12] >> 4)
        if not 20 <= size <= header.wire:
            return None
    if header.step == "udp":
        length = header.number(4, 2) or 0
        if 0 < length < 8:
            return None
        end = min(end, length or end)
    return header.octets[size:end], end - size


def captured_payload(header: Header) -> bytes | None:
    found = carried(header)
    if found is None:
        return None
    size = 4 * (header.octets[12] >> 4) if header.step == "tcp" else 0
    return None if len(header.octets) < size else found[0]


def transport_row(walk: Walk) -> Row:
    tcp, udp, sctp = first(walk, "tcp"), first(walk, "udp"), first(walk, "sctp")
    any_of_them = first(walk, *TRANSPORTS)
    length = carried(any_of_them)
    row: Row = {f"tcp_flags_{name}": tcp.number(12, 2, bit, 1) for bit, name in enumerate(FLAGS)}
    return row | {
        "tcp_hdr_len": times(tcp.number(12, 1, 4), 4),
        "tcp_window_size_value": tcp.number(14, 2),
        "tcp_checksum": tcp.number(16, 2),
        "tcp_urgent_pointer": tcp.number(18, 2),
        "tcp_option_kinds": option_kinds(tcp_options(tcp)),
        "tcp_options_mss_val": big(tcp_option(tcp, 2, 2), 0, 2),
        "tcp_options_wscale_shift": big(tcp_option(tcp, 3, 1), 0, 1),
        "tcp_options_sack_perm": None if tcp_option(tcp, 4, 0) is None else 1,
        "tcp_options_timestamp_tsval": big(tcp_option(tcp, 8, 8), 0, 4),
        "tcp_options_timestamp_tsecr": big(tcp_option(tcp, 8, 8), 4, 4),
        "tcp_payload": captured_payload(tcp),
        "udp_length": udp.number(4, 2),
        "udp_checksum": udp.number(6, 2),
        "udp_payload": captured_payload(udp),
        "sctp_verification_tag": sctp.number(4, 4),
        "sctp_chunk_type": sctp.number(12, 1),
        "srcport": any_of_them.number(0, 2),
        "dstport": any_of_them.number(2, 2),
        "payload_len": None if length is None or walk.first_fragment else length[1],
        "payload": captured_payload(any_of_them),
    }


# --- tunnels ---------------------------------------------------------------------------------------------------------

TUNNELS = ("gre", "etherip", "vxlan", "geneve", "gtp", "teredo")
IDENTIFIERS: dict[str, Callable[[Header], int | None]] = {
    "vxlan": lambda header: header.number(4, 4, 8),
    "geneve": lambda header: header.number(4, 4, 8),
    "gtp": lambda header: header.number(4, 4),
    "gre": lambda header: (
        header.number(8 if header.octets[0] & 0x80 else 4, 4) if header.octets and header.octets[0] & 0x20 else None
    ),
}


def tunnel(walk: Walk) -> tuple[str | None, Header]:
    before = ""
    for layer in walk.layers:
        if layer.step in TUNNELS:
            return layer.step, Header(walk, layer)
        if {layer.step, before} <= {"ipv4", "ipv6"}:
            return {"ipv4": "ipip", "ipv6": "sit"}[layer.step], Header(walk, layer)
        before = layer.step
    return None, Header(walk, None)


def tunnel_row(walk: Walk) -> Row:
    kind, header = tunnel(walk)
    row: Row = {"tunnel_kind": kind, "tunnel_id": IDENTIFIERS[kind](header) if kind in IDENTIFIERS else None}
    row |= {"esp_spi": first(walk, "esp").number(0, 4), "ah_spi": walk.ah_spi}
    row |= dict.fromkeys(("inner_ip_src", "inner_ip_dst", "inner_srcport", "inner_dstport"))
    places = [n for n, layer in enumerate(walk.layers) if layer.step in ("ipv4", "ipv6")]
    if len(places) < 2:
        return row
    inner = Header(walk, walk.layers[places[-1]])
    if inner.step == "ipv4":
        row |= {"inner_ip_src": ipv4_text(inner.taken(12, 4)), "inner_ip_dst": ipv4_text(inner.taken(16, 4))}
    else:
        row |= {"inner_ip_src": ipv6_text(inner.taken(8, 16)), "inner_ip_dst": ipv6_text(inner.taken(24, 16))}
    behind = next((layer for layer in walk.layers[places[-1] :] if layer.step in TRANSPORTS), None)
    ports = Header(walk, behind)
    return row | {"inner_srcport": ports.number(0, 2), "inner_dstport": ports.number(2, 2)}


# --- all of them -----------------------------------------------------------------------------------------------------

NAMES = {"ipv4": "ip"}


def header_row(record: Record) -> Row:
    walk = walked(record)
    names = [NAMES.get(layer.step, layer.step) for layer in walk.layers]
    row: Row = {
        "frame_link_type": record.link_type,
        "frame_raw": record.octets,
        "frame_protocols": ":".join(names) or None,
    }
    for part in (link_row, arp_row, wlan_row, ip_row, icmp_row, transport_row, tunnel_row, application_row, names_row):
        row |= part(walk)
    return walk.row | row


def span(start: int, end: int) -> int | None:
    """Nanoseconds between two times, where an int64 holds them."""
    return end - start if -(2**63) <= end - start < 2**63 else None


def header_rows(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    """With the columns that look at the packets before: those that have a time."""
    began = before = None
    for record in records:
        now = record.time_ns
        if now is None:
            yield header_row(record) | {"frame_time_delta": None, "frame_time_relative": None}
            continue
        began, before = (now if began is None else began), (now if before is None else before)
        yield header_row(record) | {"frame_time_delta": span(before, now), "frame_time_relative": span(began, now)}
        before = now
