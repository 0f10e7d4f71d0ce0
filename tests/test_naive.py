"""The twin against oracles that nobody here wrote: tshark, inet_ntop, statistics; and the builders against the twin."""

from __future__ import annotations

import socket
import statistics
import struct
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures as make
import naive
from naive_packet import NO_LAYERS, QUIET

# --- one packet, one sentence of docs/decoding.md --------------------------------------------------------------------


def record(octets: bytes, link_type: int = 1, length: int | None = None) -> naive.Record:
    return naive.Record(1, 0, len(octets), len(octets) if length is None else length, link_type, octets, 24)


def decoded(octets: bytes, link_type: int = 1, length: int | None = None) -> naive.Row:
    return naive.decode(record(octets, link_type, length))


IP4 = {"ip_version": 4, "ip_src": "10.0.0.1", "ip_dst": "10.0.0.2", "ip_ttl": 64}
IP6 = {"ip_version": 6, "ip_src": "2001:db8::1", "ip_dst": "2001:db8::2", "ip_ttl": 64}
TCP = {"tcp_srcport": 50_000, "tcp_dstport": 80, "tcp_seq_raw": 1, "tcp_ack_raw": 0, "tcp_flags": 0x10}
UDP = {"udp_srcport": 50_000, "udp_dstport": 4000}
NOERROR = {"dns_flags_response": 1, "dns_flags_rcode": 0, "dns_count_answers": 1}
ANSWER = make.dns(answers=1)


def deep(tags: int, inner: make.Layer) -> make.Layer:
    for _ in range(tags):
        inner = make.vlan(inner)
    return make.ethernet(inner)


def extended(count: int, inner: make.Layer) -> make.Layer:
    for _ in range(count):
        inner = make.extension(inner)
    return make.ipv6(inner)


def short(layer: make.Layer, size: int) -> make.Layer:
    """It had no more octets on the wire either."""
    return layer._replace(octets=layer.octets[:size])


IN_UDP = make.ipv4(make.udp())
ERSPANNED = make.ethernet(IN_UDP)


def in_udp(
    payload: bytes, port: int, protocol: str = "TCP", fault: str | None = None, values: dict[str, object] | None = None
) -> tuple[make.Layer, None, str, str | None, dict[str, object]]:
    return make.ipv4(make.udp(payload, destination=port)), None, protocol, fault, values or {}


RAW = {  # name: (packet on link type 101, captured octets if it is cut, protocol, fault, values)
    "tcp": (make.ipv4(make.tcp(b"abc")), None, "TCP", None, IP4 | TCP | {"ip_proto": 6, "tcp_len": 3}),
    "tcp over ipv6": (make.ipv6(make.tcp()), None, "TCP", None, IP6 | TCP | {"ip_proto": 6, "tcp_len": 0}),
    "padding is not payload": (make.Layer(make.ipv4(make.tcp()).octets + bytes(9)), None, "TCP", None, {"tcp_len": 0}),
    "twelve flags": (make.ipv4(make.tcp(flags=0xFFF)), None, "TCP", None, {"tcp_flags": 0xFFF}),
    "no version": (make.Layer(b"\x50"), None, None, "malformed raw", {}),
    "nothing": (make.Layer(b""), None, None, "malformed raw", {}),
    "nothing captured": (IN_UDP, 0, None, "truncated raw", {}),
    "ipv4 cut": (make.ipv4(make.tcp()), 16, "IPV4", "truncated ipv4", {"ip_src": "10.0.0.1", "ip_dst": None}),
    "ipv4 too short": (short(make.ipv4(make.tcp()), 16), None, "IPV4", "malformed ipv4", {"ip_proto": 6}),
    "ipv4 header length": (make.ipv4(make.tcp(), words=4), None, "IPV4", "malformed ipv4", IP4),
    "ipv4 total below header": (make.ipv4(make.tcp(), total_length=19), None, "IPV4", "malformed ipv4", IP4),
    "ipv4 total beyond": (
        make.ipv4(make.tcp(), total_length=41), None, "TCP", "malformed ipv4", IP4 | TCP | {"tcp_len": 0},
    ),
    "ipv4 total zero": (make.ipv4(make.tcp(b"ab"), total_length=0), None, "TCP", None, {"tcp_len": 2}),
    "ipv4 options": (make.ipv4(make.tcp(), options=b"\1" * 8), None, "TCP", None, TCP | {"tcp_len": 0}),
    "ipv4 options cut": (make.ipv4(make.tcp(), options=b"\1" * 8), 24, "IPV4", "truncated ipv4", IP4),
    "ipv4 later fragment": (make.ipv4(make.udp(), fragment=1), None, "IPV4", None, IP4 | {"udp_srcport": None}),
    "udp first fragment": (
        make.ipv4(make.udp(bytes(16), length=999), more_fragments=True), None, "UDP", None, UDP,
    ),
    "ip protocol": (make.ipv4(make.Layer(b"", ip_protocol=89)), None, "IPV4", "unknown ip protocol 89", IP4),
    "no next header in ipv4": (make.ipv4(make.Layer(b"", ip_protocol=59)), None, "IPV4", "unknown ip protocol 59", {}),
    "ipv6 cut": (make.ipv6(make.tcp()), 24, "IPV6", "truncated ipv6", {"ip_src": "2001:db8::1", "ip_dst": None}),
    "ipv6 length beyond": (make.ipv6(make.udp(), payload_length=9), None, "UDP", "malformed ipv6", IP6 | UDP),
    "ipv6 length zero": (make.ipv6(make.tcp(b"ab"), payload_length=0), None, "TCP", None, {"tcp_len": 2}),
    "ipv6 no next header": (make.ipv6(make.Layer(b"", ip_protocol=59)), None, "IPV6", None, {"ip_proto": 59}),
    "16 extension headers": (extended(16, make.tcp()), None, "TCP", None, IP6 | TCP | {"ip_proto": 6}),
    "17 extension headers": (extended(17, make.tcp()), None, "IPV6", "malformed ipv6", IP6 | {"ip_proto": None}),
    "extension header cut": (extended(1, make.tcp()), 44, "IPV6", "truncated ipv6", IP6 | {"ip_proto": 6}),
    "extension header announced": (extended(1, make.tcp()), 40, "IPV6", "truncated ipv6", IP6 | {"ip_proto": None}),
    "extension header too long": (
        make.ipv6(make.extension(make.tcp(), length=9)), None, "IPV6", "malformed ipv6", IP6,
    ),
    "ipv6 later fragment": (
        make.ipv6(make.fragment_header(make.udp(), 1)), None, "IPV6", None, {"ip_proto": 17, "udp_srcport": None},
    ),
    "ipv6 first fragment": (
        make.ipv6(make.fragment_header(make.udp(length=99), more=True)), None, "UDP", None, UDP,
    ),
    "authentication header": (make.ipv6(make.authentication(make.udp())), None, "UDP", None, {"ip_proto": 17}),
    "ah": (make.ipv4(make.authentication(make.udp())), None, "UDP", None, IP4 | UDP | {"ip_proto": 51}),
    "ah cut": (make.ipv4(make.authentication(make.udp())), 30, "AH", "truncated ah", {"udp_srcport": None}),
    "ah, no next header": (
        make.ipv4(make.authentication(make.Layer(b"", ip_protocol=59))), None, "AH", "unknown ip protocol 59", {},
    ),
    "esp": (make.ipv4(make.esp(IN_UDP.octets)), None, "ESP", None, IP4 | {"ip_proto": 50, "udp_srcport": None}),
    "sctp": (
        make.ipv4(make.sctp()), None, "SCTP", None, {"ip_proto": 132, "sctp_srcport": 50_000, "sctp_dstport": 4000},
    ),
    "sctp cut": (make.ipv4(make.sctp()), 24, "SCTP", "truncated sctp", {"sctp_srcport": 50_000, "sctp_dstport": 4000}),
    "etherip": (make.ipv4(make.etherip(make.ethernet(IN_UDP))), None, "UDP", None, UDP),
    "ethernet in ip": (make.ipv4(make.ethernet(IN_UDP)._replace(ip_protocol=143)), None, "UDP", None, UDP),
    "mpls in ip": (make.ipv4(make.mpls(IN_UDP)), None, "UDP", None, UDP),
    "gre pptp": (make.ipv4(make.gre(make.ppp(IN_UDP, framed=True), 0x3080, version=1)), None, "UDP", None, UDP),
    "gre pptp acknowledges": (make.ipv4(make.gre(make.Layer(b"", 0x880B), 0x2080, version=1)), None, "GRE", None, {}),
    "erspan I": (make.ipv4(make.gre(ERSPANNED._replace(ethertype=0x88BE))), None, "UDP", None, UDP),
    "erspan II": (make.ipv4(make.gre(make.erspan(ERSPANNED), 0x1000)), None, "UDP", None, UDP),
    "erspan III": (make.ipv4(make.gre(make.erspan(ERSPANNED, 2, subheader=True), 0x1000)), None, "UDP", None, UDP),
    "erspan 0": (
        make.ipv4(make.gre(make.erspan(ERSPANNED, 0), 0x1000)), None, "ERSPAN", "unknown erspan version 0", {},
    ),
    "erspan frame": (
        make.ipv4(make.gre(make.erspan(ERSPANNED, 2, 2), 0x1000)), None, "ERSPAN", "unknown erspan frame 2", {},
    ),
    "vxlan": in_udp(make.vxlan(make.ethernet(make.ipv4(make.tcp()))), 4789, values=TCP | {"udp_dstport": 4789}),
    "vxlan by chance": in_udp(make.vxlan(make.ethernet(IN_UDP), 0x40), 4789, "UDP", values={"eth_src": None}),
    "vxlan from its port": (
        make.ipv4(make.udp(make.vxlan(make.ethernet(IN_UDP)), 4789)), None, "UDP", None, {"eth_src": None},
    ),
    "vxlan cut": (
        make.ipv4(make.udp(make.vxlan(make.ethernet(IN_UDP)), destination=4789)), 28, "UDP", "truncated vxlan", {},
    ),
    "vxlan too short": in_udp(b"\x08", 4789, "VXLAN", "malformed vxlan"),
    "vxlan gpe": in_udp(make.vxlan(make.ipv6(make.tcp()), 0x0C, 2), 4790, values=TCP),
    "vxlan gpe, unknown": in_udp(make.vxlan(IN_UDP, 0x0C, 4), 4790, "VXLAN", "unknown vxlan next 4"),
    "vxlan, next means nothing": in_udp(make.vxlan(make.ethernet(make.ipv4(make.tcp())), 0x0C, 4), 4789, values=TCP),
    "geneve": in_udp(make.geneve(make.ethernet(make.ipv4(make.tcp())), b"\1\2\3\1" + bytes(4)), 6081, values=TCP),
    "geneve ip": in_udp(make.geneve(make.ipv4(make.tcp())), 6081, values=TCP),
    "geneve version": in_udp(make.geneve(IN_UDP, version=1), 6081, "UDP"),
    "geneve options": in_udp(make.geneve(make.Layer(b""), words=63), 6081, "GENEVE", "malformed geneve"),
    "gtp": in_udp(make.gtp(make.ipv4(make.tcp())), 2152, values=TCP),
    "gtp sequence": in_udp(make.gtp(make.ipv6(make.tcp()), 0x32), 2152, values=TCP),
    "gtp extensions": in_udp(make.gtp(make.ipv4(make.tcp()), extensions=(1, 2)), 2152, values=TCP),
    "gtp 17 extensions": in_udp(make.gtp(IN_UDP, extensions=(1,) * 17), 2152, "GTP", "malformed gtp"),
    "gtp extension of zero": in_udp(make.gtp(IN_UDP, extensions=(0,)), 2152, "GTP", "malformed gtp"),
    "gtp echo": in_udp(make.gtp(make.Layer(b"\x0e\0"), 0x32, 1), 2152, "GTP"),
    "gtp neither 4 nor 6": in_udp(make.gtp(make.Layer(b"\x55" * 20)), 2152, "GTP"),
    "gtp length beyond": in_udp(make.gtp(make.ipv4(make.tcp()), length=99), 2152, "TCP", "malformed gtp", values=TCP),
    "gtp version": in_udp(make.gtp(IN_UDP, 0x48), 2152, "UDP"),
    "gtp answers": (make.ipv4(make.udp(make.gtp(make.ipv4(make.tcp())), 2152)), None, "TCP", None, TCP),
    "gtp fragment": (
        make.ipv4(make.udp(make.gtp(make.ipv4(make.tcp(bytes(99))))[:60], 9, 2152, 200), more_fragments=True), None,
        "TCP", None, TCP | {"tcp_len": None},
    ),
    "teredo": in_udp(make.teredo(make.ipv6(make.tcp())), 3544, values=TCP),
    "teredo with all": in_udp(make.teredo(make.ipv6(make.tcp()), (2, 3), True), 3544, values=TCP),
    "teredo answers": (make.ipv4(make.udp(make.teredo(make.ipv6(make.tcp())), 3544)), None, "TCP", None, TCP),
    "teredo with ipv4": in_udp(make.teredo(IN_UDP), 3544, "UDP"),
    "teredo origin, ipv4": in_udp(make.teredo(IN_UDP, origin=True), 3544, "TEREDO", "malformed teredo"),
    "mpls in udp": in_udp(make.mpls(make.ipv4(make.tcp())).octets, 6635, values=TCP),
    "gre in udp": in_udp(make.gre(make.ipv4(make.tcp())).octets, 4754, values=TCP),
    "dns before tunnels": (make.ipv4(make.udp(ANSWER, 53, 4789)), None, "DNS", None, NOERROR),
    "ip in ip": (make.ipv4(make.ipv6(make.tcp())), None, "TCP", None, IP4 | TCP | {"ip_proto": 41}),
    "the outer fragment excuses": (
        make.ipv4(make.ipv4(make.udp(length=99)), more_fragments=True), None, "UDP", None, UDP,
    ),
    "gre": (make.ipv4(make.gre(make.ipv6(make.udp()), 0xB000)), None, "UDP", None, IP4 | UDP | {"ip_proto": 47}),
    "gre ethernet": (
        make.ipv4(make.gre(make.ethernet(make.ipv4(make.udp())))), None, "UDP", None,
        UDP | {"eth_src": "02:00:00:00:00:0a"},
    ),
    "gre routing": (make.ipv4(make.gre(make.arp(), 0x4000)), None, "GRE", "unknown gre routing", {}),
    "gre version": (make.ipv4(make.gre(make.arp(), version=2)), None, "GRE", "unknown gre version 2", {}),
    "icmp": (make.ipv4(make.icmp()), None, "ICMP", None, IP4 | {"ip_proto": 1}),
    "icmp error": (make.ipv4(make.icmp(3, 1, bytes(4) + IN_UDP.octets)), None, "ICMP", None, {"udp_srcport": None}),
    "icmp cut": (make.ipv4(make.icmp()), 22, "ICMP", "truncated icmp", {}),
    "icmpv6 cut": (make.ipv6(make.icmpv6()), 40, "IPV6", "truncated icmpv6", {}),
    "tcp cut after eight": (
        make.ipv4(make.tcp()), 28, "TCP", "truncated tcp",
        {"tcp_srcport": 50_000, "tcp_dstport": 80, "tcp_seq_raw": 1, "tcp_ack_raw": None, "tcp_len": None},
    ),
    "tcp cut in its flags": (make.ipv4(make.tcp(b"ab")), 33, "TCP", "truncated tcp", {"tcp_flags": None, "tcp_len": 2}),
    "tcp header length": (make.ipv4(make.tcp(words=4)), None, "TCP", "malformed tcp", TCP | {"tcp_len": None}),
    "tcp options": (make.ipv4(make.tcp(b"a", options=bytes(8))), None, "TCP", None, {"tcp_len": 1}),
    "tcp options beyond": (make.ipv4(make.tcp(words=6)), None, "TCP", "malformed tcp", TCP | {"tcp_len": None}),
    "tcp options cut": (make.ipv4(make.tcp(b"a", options=bytes(8))), 44, "TCP", "truncated tcp", TCP | {"tcp_len": 1}),
    "udp cut": (make.ipv4(make.udp()), 22, "UDP", "truncated udp", {"udp_srcport": 50_000, "udp_dstport": None}),
    "udp length zero": (make.ipv4(make.udp(length=0)), None, "UDP", None, UDP),
    "udp length seven": (make.ipv4(make.udp(length=7)), None, "UDP", "malformed udp", UDP),
    "udp length beyond": (
        make.ipv4(make.udp(ANSWER, 53, length=99)), None, "DNS", "malformed udp", NOERROR,
    ),
    "udp length pulls the end": (make.ipv4(make.udp(ANSWER, 53, length=19)), None, "DNS", "malformed dns", NOERROR),
    "dns": (make.ipv4(make.udp(ANSWER, 53)), None, "DNS", None, NOERROR),
    "mdns": (make.ipv4(make.udp(ANSWER, 9, 5353)), None, "DNS", None, NOERROR),
    "llmnr": (make.ipv4(make.udp(ANSWER, 9, 5355)), None, "DNS", None, NOERROR),
    "dns without payload": (make.ipv4(make.udp(b"", 53)), None, "UDP", None, {"dns_flags_response": None}),
    "dns cut": (
        make.ipv4(make.udp(ANSWER, 53)), 32, "DNS", "truncated dns",
        {"dns_flags_response": 1, "dns_flags_rcode": 0, "dns_count_answers": None},
    ),
    "dns wholly cut": (make.ipv4(make.udp(ANSWER, 53)), 28, "UDP", "truncated dns", {"dns_flags_response": None}),
    "dns over tcp": (make.ipv4(make.tcp(make.dns_tcp(ANSWER), 53)), None, "DNS", None, NOERROR),
    "dns over tcp, a length of 11": (make.ipv4(make.tcp(make.dns_tcp(ANSWER, 11), 53)), None, "TCP", None, {}),
    "dns over tcp, 13 octets": (make.ipv4(make.tcp(make.dns_tcp(ANSWER)[:13], 53)), None, "TCP", None, {}),
    "dns over tcp, longer than the segment": (
        make.ipv4(make.tcp(make.dns_tcp(ANSWER)[:14], 53)), None, "DNS", None, NOERROR,
    ),
    "dns over tcp elsewhere": (make.ipv4(make.tcp(make.dns_tcp(ANSWER), 5353)), None, "TCP", None, {}),
}  # fmt: skip

MACS = {"eth_src": "02:00:00:00:00:0a", "eth_dst": "02:00:00:00:00:0b"}
LINK = {  # name: (link type, packet, captured octets if it is cut, protocol, fault, values)
    "ethernet": (1, make.ethernet(IN_UDP, pad_to=60), None, "UDP", None, MACS | UDP),
    "ethernet cut": (1, make.ethernet(IN_UDP), 13, "ETH", "truncated eth", MACS),
    "ethernet too short": (1, short(make.ethernet(IN_UDP), 11), None, "ETH", "malformed eth", MACS | {"eth_src": None}),
    "ethertype": (1, make.ethernet(make.arp(), value=0x88CC), None, "ETH", "unknown ethertype 0x88cc", MACS),
    "arp": (1, make.ethernet(make.arp()), None, "ARP", None, MACS),
    "arp cut": (1, make.ethernet(make.arp()), 30, "ARP", "truncated arp", MACS),
    "arp addresses beyond": (1, short(make.ethernet(make.arp()), 30), None, "ARP", "malformed arp", MACS),
    "vlan": (1, make.ethernet(make.vlan(make.vlan(IN_UDP), tpid=0x88A8)), None, "UDP", None, UDP),
    "vlan cut": (1, make.ethernet(make.vlan(IN_UDP)), 16, "VLAN", "truncated vlan", MACS),
    "16 layers": (1, deep(13, IN_UDP), None, "UDP", None, UDP),
    "17 layers": (1, deep(14, IN_UDP), None, "IPV4", "malformed depth", {"udp_srcport": None}),
    "llc": (1, make.ethernet(make.llc(bytes(40))), None, "LLC", "unknown llc 0x42", MACS),
    "llc cut": (1, make.ethernet(make.llc()), 16, "LLC", "truncated llc", MACS),
    "snap": (1, make.ethernet(make.snap(IN_UDP)), None, "UDP", None, UDP),
    "snap oui": (1, make.ethernet(make.snap(IN_UDP, 12)), None, "LLC", "unknown snap 0x00000c", {}),
    "802.3 length pulls the end": (1, make.ethernet(make.snap(IN_UDP), value=7), None, "LLC", "malformed llc", {}),
    "802.3 length zero": (1, make.ethernet(make.snap(IN_UDP), value=0), None, "UDP", None, UDP),
    "sll": (113, make.sll(IN_UDP), None, "UDP", None, UDP | {"eth_src": None}),
    "sll 802.3": (113, make.sll(IN_UDP, 1), None, "SLL", "unknown ethertype 0x0001", {}),
    "sll 802.2": (113, make.sll(make.snap(IN_UDP), 4), None, "UDP", None, UDP),
    "sll2": (276, make.sll2(make.vlan(IN_UDP)), None, "UDP", None, UDP),
    "sll2 cut": (276, make.sll2(IN_UDP), 19, "SLL2", "truncated sll2", {}),
    "null, little-endian": (0, make.null(IN_UDP), None, "UDP", None, UDP),
    "null, big-endian": (0, make.null(IN_UDP, order=">"), None, "UDP", None, UDP),
    "null, ipv6": (0, make.null(make.ipv6(make.udp()), 24), None, "UDP", None, UDP),
    "null, unknown": (0, make.null(IN_UDP, 7), None, "NULL", "unknown null 7", {}),
    "loop": (108, make.null(IN_UDP, order=">"), None, "UDP", None, UDP),
    "loop, little-endian": (108, make.null(IN_UDP), None, "NULL", "unknown null 33554432", {}),
    "ipv4": (228, IN_UDP, None, "UDP", None, UDP),
    "ipv6 as ipv4": (228, make.ipv6(make.udp()), None, "IPV4", "malformed ipv4", {"ip_version": None, "ip_src": None}),
    "ipv4 as ipv6": (229, make.ipv4(make.udp(bytes(99))), None, "IPV6", "malformed ipv6", {"ip_src": None}),
    "snap of 802.1H": (1, make.ethernet(make.snap(IN_UDP, 0xF8)), None, "UDP", None, UDP),
    "jumbo llc": (1, make.ethernet(make.snap(IN_UDP), value=0x8870), None, "UDP", None, UDP),
    "mpls": (1, make.ethernet(make.mpls(IN_UDP, 3)), None, "UDP", None, UDP),
    "mpls multicast": (1, make.ethernet(make.mpls(IN_UDP, ethertype=0x8848)), None, "UDP", None, UDP),
    "mpls cut": (1, make.ethernet(make.mpls(IN_UDP)), 18, "MPLS", "truncated mpls", {}),
    "mpls without payload": (1, make.ethernet(make.mpls(make.Layer(b""))), None, "MPLS", "malformed mpls", {}),
    "mpls channel": (
        1, make.ethernet(make.mpls(make.Layer(b"\x10\0\0\x21"))), None, "MPLS", "unknown mpls payload 0x1", {},
    ),
    "mpls without end": (1, make.ethernet(make.mpls(IN_UDP, 16)), None, "MPLS", "malformed depth", {}),
    "pseudowire": (1, make.ethernet(make.mpls(make.ethernet(IN_UDP), 1, True)), None, "UDP", None, MACS | UDP),
    "pseudowire, no control word": (1, make.ethernet(make.mpls(make.ethernet(IN_UDP))), None, "UDP", None, MACS | UDP),
    "pbb": (1, make.ethernet(make.pbb(make.ethernet(IN_UDP))), None, "UDP", None, MACS | UDP),
    "pppoe": (1, make.ethernet(make.pppoe(make.ppp(IN_UDP))), None, "UDP", None, MACS | UDP),
    "pppoe discovery": (1, make.ethernet(make.pppoe(make.Layer(bytes(4)), 9)), None, "PPPOE", None, MACS),
    "pppoe length beyond": (
        1, make.ethernet(make.pppoe(make.ppp(IN_UDP), length=99)), None, "UDP", "malformed pppoe", UDP,
    ),
    "pppoe length pulls the end": (
        1, make.ethernet(make.pppoe(make.ppp(IN_UDP), length=3)), None, "IPV4", "malformed ipv4", {},
    ),
    "pppoe link": (51, make.pppoe(make.ppp(IN_UDP)), None, "UDP", None, UDP),
    "ppp": (9, make.ppp(IN_UDP), None, "UDP", None, UDP),
    "ppp framed": (50, make.ppp(make.ipv6(make.udp()), framed=True), None, "UDP", None, UDP),
    "ppp protocol in one octet": (9, make.ppp(IN_UDP, framed=True, short=True), None, "UDP", None, UDP),
    "ppp mpls": (9, make.ppp(make.mpls(IN_UDP)), None, "UDP", None, UDP),
    "ppp lcp": (9, make.ppp(make.Layer(bytes(4))), None, "PPP", "unknown ppp 0xc021", {}),
    "ppp cut": (9, make.ppp(IN_UDP, framed=True), 3, "PPP", "truncated ppp", {}),
    "ppp, only an address": (9, make.Layer(b"\xff"), None, "PPP", "malformed ppp", {}),
    "ppp, cisco's framing": (9, make.chdlc(IN_UDP, 0x8F), None, "UDP", None, UDP),
    "chdlc": (104, make.chdlc(make.ipv6(make.udp())), None, "UDP", None, UDP),
    "fddi": (10, make.fddi(make.snap(IN_UDP)), None, "UDP", None, UDP | {"eth_src": None}),
    "fddi, synchronous": (10, make.fddi(make.snap(IN_UDP), 0xD7), None, "UDP", None, UDP),
    "fddi, station management": (10, make.fddi(make.snap(IN_UDP), 0x41), None, "FDDI", "unknown fddi 0x41", {}),
    "fddi cut": (10, make.fddi(make.snap(IN_UDP)), 12, "FDDI", "truncated fddi", {}),
    "chdlc cut": (104, make.chdlc(IN_UDP), 3, "CHDLC", "truncated chdlc", {}),
    "802.11": (105, make.wlan(make.snap(IN_UDP)), None, "UDP", None, UDP | {"eth_src": None}),
    "802.11 with four addresses": (105, make.wlan(make.snap(IN_UDP), second=3), None, "UDP", None, UDP),
    "802.11 QoS": (105, make.wlan(make.snap(IN_UDP), 0x88), None, "UDP", None, UDP),
    "802.11 QoS and HT": (105, make.wlan(make.snap(IN_UDP), 0x88, 0x81), None, "UDP", None, UDP),
    "802.11 aggregate": (
        105, make.wlan(make.subframe(make.snap(IN_UDP)), 0x88, quality=b"\x80\0"), None, "UDP", None, UDP,
    ),
    "802.11 protected": (105, make.wlan(make.snap(IN_UDP), second=0x41), None, "WLAN", None, {}),
    "802.11 null": (105, make.wlan(make.Layer(b""), 0x48), None, "WLAN", None, {}),
    "802.11 later fragment": (105, make.wlan(make.snap(IN_UDP), sequence=0x11), None, "WLAN", None, {}),
    "802.11 first fragment": (
        105, make.wlan(make.snap(make.ipv4(make.tcp(), total_length=99)), second=5), None, "TCP", None,
        TCP | {"tcp_len": None},
    ),
    "802.11 management": (105, make.Layer(b"\x80\0"), None, "WLAN", None, {}),
    "802.11 version": (105, make.wlan(make.snap(IN_UDP), 0x09), None, "WLAN", "unknown wlan version 1", {}),
    "802.11 cut": (105, make.wlan(make.snap(IN_UDP)), 23, "WLAN", "truncated wlan", {}),
    "radiotap": (127, make.radiotap(make.wlan(make.snap(IN_UDP)), 0, True), None, "UDP", None, UDP),
    "radiotap with FCS": (
        127, make.radiotap(make.wlan(make.Layer(bytes(4))), 0x10, True, 2), None, "WLAN", "malformed llc", {},
    ),
    "radiotap without FCS": (
        127, make.radiotap(make.wlan(make.Layer(bytes(4))), 0, True, 2), None, "LLC", "unknown llc 0x00", {},
    ),
    "radiotap with padding": (
        127, make.radiotap(make.wlan(make.snap(IN_UDP), 0x88, padded=True), 0x20), None, "UDP", None, UDP,
    ),
    "radiotap length": (127, make.radiotap(make.wlan(IN_UDP), length=7), None, "RADIOTAP", "malformed radiotap", {}),
    "radiotap cut": (127, make.radiotap(make.wlan(IN_UDP), 0), 8, "RADIOTAP", "truncated radiotap", {}),
    "ppi": (192, make.ppi(make.wlan(make.snap(IN_UDP)), 105, make.ppi_common(0)), None, "UDP", None, UDP),
    "ppi with FCS": (
        192, make.ppi(make.wlan(make.Layer(bytes(4))), 105, make.ppi_field(20, b"abc", True) + make.ppi_common(1), 1),
        None, "WLAN", "malformed llc", {},
    ),
    "ppi ethernet": (192, make.ppi(make.ethernet(IN_UDP), 1), None, "UDP", None, MACS | UDP),
    "ppi raw": (192, make.ppi(IN_UDP, 101), None, "UDP", None, UDP),
    "ppi in itself": (192, make.ppi(make.ppi(IN_UDP, 228), 192), None, "UDP", None, UDP),
    "ppi link type": (192, make.ppi(IN_UDP, 65537), None, "PPI", "unknown link type 65537", {}),
    "ppi length": (192, make.ppi(IN_UDP, 101, length=7), None, "PPI", "malformed ppi", {}),
    "another link": (147, make.Layer(bytes(64)), None, None, "unknown link type 147", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", RAW | LINK)
def test_one_packet(name: str) -> None:
    link_type, layer, cut, protocol, fault, values = LINK[name] if name in LINK else (101, *RAW[name])
    row = decoded(layer.octets[:cut], link_type, len(layer.octets))
    values = {"protocol": protocol, "frame_fault": fault, **values}
    assert {column: row[column] for column in values} == values


def test_the_wire_end_is_never_before_what_was_captured() -> None:
    assert decoded(make.ethernet(IN_UDP).octets, length=3)["frame_fault"] is None


# --- properties ------------------------------------------------------------------------------------------------------

QUICK = settings(max_examples=100, deadline=None)
LINK_AND_PACKET = make.LINKS.flatmap(lambda link: st.tuples(st.just(link), make.st_packet(link)))
ROW_OF_RECORD = ("frame_fault", "frame_cap_len", "protocol")


@QUICK
@given(LINK_AND_PACKET, st.integers(0, 200))
def test_a_cut_packet_says_nothing_else(link_and_packet: tuple[int, make.Packet], place: int) -> None:
    """Whatever the snap length, a value is the whole packet's or null, and the protocol is one walked before."""
    link_type, packet = link_and_packet
    length = max(packet.length, len(packet.octets))
    whole = decoded(packet.octets, link_type, length)
    part = decoded(packet.octets[:place], link_type, length)
    for column in naive.COLUMNS:
        if column not in ROW_OF_RECORD:
            assert part[column] in (None, whole[column])


@QUICK
@given(st.binary(max_size=200), make.LINKS, st.integers(0, 1 << 32))
def test_any_octets_decode(octets: bytes, link_type: int, length: int) -> None:
    row = decoded(octets, link_type, length)
    assert tuple(row) == naive.COLUMNS


@QUICK
@given(LINK_AND_PACKET)
def test_a_whole_packet_is_not_truncated(link_and_packet: tuple[int, make.Packet]) -> None:
    link_type, packet = link_and_packet
    fault = decoded(packet.octets, link_type, len(packet.octets))["frame_fault"]
    assert fault is None or fault.startswith(("malformed ", "unknown "))


@QUICK
@given(st.data(), st.sampled_from(list(make.MAGICS)), st.sampled_from("<>"), make.LINKS)
def test_a_file_gives_its_packets_back(data: st.DataObject, magic: str, order: str, link_type: int) -> None:
    packets = data.draw(make.st_packets(link_type, most=10))
    header, records, fault = naive.read_pcap(make.pcap_bytes(packets, link_type, magic, order))
    assert (header.order, header.link_type, fault) == (order, link_type, None)
    unit = 1 if magic == "nano" else 1000
    assert [(r.octets, r.len, r.time_ns) for r in records] == [
        (p.octets, p.length, p.seconds * 1_000_000_000 + p.fraction * unit) for p in packets
    ]
    assert [r.offset for r in records] == make.record_starts(packets, magic)[:-1]
    assert [r.frame_number for r in records] == list(range(1, len(packets) + 1))


@pytest.mark.parametrize("magic", make.MAGICS)
@pytest.mark.parametrize("order", "<>")
def test_a_cut_file_gives_whole_records(magic: str, order: str) -> None:
    packets = [bytes(5), b"", bytes(30), bytes(1)]
    file = make.pcap_bytes(packets, 1, magic, order)
    starts = make.record_starts(packets, magic)
    for end in range(24, len(file) + 1):
        _, records, fault = naive.read_pcap(file[:end])
        whole = sum(start <= end for start in starts) - 1
        assert [r.octets for r in records] == packets[:whole]
        expected = None if end == starts[whole] else ("cut_short", whole + 1, starts[whole], end - starts[whole])
        assert fault == expected


@pytest.mark.parametrize(
    ("link_type", "cap_len", "possible"),
    [
        (1, 262_144, True),
        (1, 262_145, False),
        (249, 262_145, True),
        (231, 16 << 20, True),
        (279, (16 << 20) + 1, False),
    ],
)
@pytest.mark.parametrize("order", "<>")
def test_an_impossible_length(link_type: int, cap_len: int, possible: bool, order: str) -> None:
    file = make.pcap_bytes([bytes(9), bytes(20), bytes(3)], link_type, order=order)
    damaged = make.impossible(file, 49, order, cap_len)
    _, records, fault = naive.read_pcap(damaged)
    assert len(records) == 1
    assert fault == ("cut_short" if possible else "impossible_length", 2, 49, len(file) - 49)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "too few"),
        (make.pcap_bytes([])[:23], "too few"),
        (b"\n\r\r\n" + bytes(40), "0a0d0d0a"),
        (make.pcap_bytes([], version=(1, 4)), "version 1.4"),
        (make.pcap_bytes([], link_type=1 | 1 << 16), "reserved"),
        (make.pcap_bytes([], link_type=1 | 1 << 25, order=">"), "reserved"),
    ],
)
def test_a_bad_header_is_an_error(file: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        naive.read_pcap(file)


def test_header_words() -> None:
    assert naive.read_header(make.pcap_bytes([], link_type=0x2400_0001, version=(2, 9)))[3:] == (9, 262_144, 1, 4)
    assert naive.read_header(make.pcap_bytes([], link_type=0xF000_FFFF, snap_len=7))[4:] == (7, 65_535, None)


def test_a_fraction_of_a_second_or_more_is_kept() -> None:
    file = make.pcap_bytes([make.Packet(b"", 0, 7, 0xFFFFFFFF)])
    assert naive.read_pcap(file)[1][0].time_ns == 7_000_000_000 + 0xFFFFFFFF * 1000


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc's and musl's inet_ntop print what Wireshark prints")
@QUICK
@given(st.sampled_from(make.IPV6_POOL) | st.lists(st.sampled_from([0, 0, 1, 0xFFFF, 0x102]), min_size=8, max_size=8))
def test_ipv6_text_is_inet_ntops(address: bytes | list[int]) -> None:
    octets = address if isinstance(address, bytes) else struct.pack("!8H", *address)
    row = decoded(make.ipv6(make.udp(), source=octets).octets, 101)
    assert row["ip_src"] == socket.inet_ntop(socket.AF_INET6, octets)


# --- counts ----------------------------------------------------------------------------------------------------------

RULES = [(dns, seq) for dns in ("empty", "nxdomain") for seq in ("all", "data")]


@QUICK
@given(make.st_capture(), st.sampled_from(RULES))
def test_counts_are_of_selected_packets(file: bytes, rules: tuple[str, str]) -> None:
    """Every count is the number of packets selected under that one key; all keys together select each packet once."""
    _, records, _ = naive.read_pcap(file)
    counts = naive.ioc_counts(records, *rules)
    for kind, counted in zip(("dns", "ip", "seq"), counts, strict=True):
        for key, count in list(counted.items())[:3]:
            rows = naive.select(records, **{kind: {key}}, dns_rule=rules[0], seq_rule=rules[1])
            assert len(rows) == count

    def counted_at_all(row: naive.Row) -> bool:
        return any(key is not None for key in naive.indicator_keys(row, *rules))

    everything = naive.select(records, *counts, *rules)
    assert everything == [row for row in map(naive.decode, records) if counted_at_all(row)]


def test_counting_rules() -> None:
    def one(layer: make.Layer, **rules: str) -> tuple[dict, dict, dict]:
        return naive.ioc_counts([record(layer.octets, 101)], **rules)

    def reply(**of_dns: int) -> make.Layer:
        return make.ipv4(make.udp(make.dns(**of_dns), 53, 9))

    here, there = "10.0.0.1", "10.0.0.2"
    assert one(reply()) == ({there: 1}, {here: 1}, {})
    assert one(reply(answers=1)) == one(reply(response=0)) == ({}, {here: 1}, {})
    assert one(reply(rcode=3, answers=1), dns_rule="nxdomain")[0] == {there: 1}
    assert one(reply(rcode=3, response=0), dns_rule="nxdomain")[0] == one(reply(), dns_rule="nxdomain")[0] == {}
    for seq_rule, flags, payload, counted in [
        ("all", 0x10, b"", True), ("data", 0x10, b"", False), ("data", 0x10, b"a", True),
        ("data", 0x02, b"", True), ("data", 0x01, b"", True), ("data", 0x04, b"", False),
    ]:  # fmt: skip
        layer = make.ipv4(make.tcp(payload, seq=0, flags=flags))
        assert one(layer, seq_rule=seq_rule)[2] == ({0: 1} if counted else {})


def test_thresholds() -> None:
    assert naive.set_threshold({}) == naive.set_threshold({"a": 9}) == 25
    counts = {"a": 1, "b": 2, "c": 6}
    assert naive.set_threshold(counts, sigma_value=2) == 3 + 2 * statistics.stdev([1, 2, 6])
    assert naive.set_threshold({"a": 4, "b": 4}) == 4
    assert naive.eval_packets(2, counts) == {"b", "c"}


# --- what the strategies draw ----------------------------------------------------------------------------------------


def test_tapes_reach_every_step_and_many_faults() -> None:
    rows = []
    for link_type in make.LINK_TYPES:
        packets = make.frames(800, link_type, wild=True, seed=link_type)
        rows += [decoded(packet.octets, link_type, packet.length) for packet in packets]
        for octets, length, *_ in make.frames(
            120 if link_type in (1, 101) else 8, link_type, wild=False, seed=link_type
        ):
            for place in range(len(octets)):
                rows += [decoded(octets[:place], link_type, length), decoded(octets[:place], link_type)]
    by_shape = {"tls", "quic", "dhcp", "nbns", "kerberos", "ntlmssp"}  # test_tls.py and test_names.py give them
    steps = naive.STEPS.keys() - by_shape - set(NO_LAYERS)
    assert {row["protocol"] for row in rows} == {None, *map(str.upper, steps)}
    faults = {row["frame_fault"] for row in rows}
    blamed = naive.STEPS.keys() - QUIET - {"data"}
    assert {f"{kind} {step}" for kind in ("truncated", "malformed") for step in blamed} <= faults
    assert all(any(row[column] is not None for row in rows) for column in naive.COLUMNS)


@QUICK
@given(st.sampled_from(make.LINK_TYPES), st.data())
def test_tame_frames_have_no_fault(link_type: int, data: st.DataObject) -> None:
    fault = decoded(data.draw(make.st_frame(link_type, wild=False)), link_type)["frame_fault"]
    assert fault is None or fault.startswith("unknown llc ")
