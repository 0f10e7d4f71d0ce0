"""A small office in which something happens, and networks of a few hosts that do anything."""

from __future__ import annotations

import ipaddress
import struct

from hypothesis import strategies as st

import captures as make
import captures_names as names
import captures_tls as tls
from captures import Packet
from captures_tunnels import Layer

SYN, SYN_ACK, ACK, PSH_ACK = 0x02, 0x12, 0x10, 0x18
GROUP = bytes.fromhex("ffffffffffff")


def card(number: int) -> bytes:
    return bytes([0x02, 0, 0x5E, 0, 0, number])


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


class Tap:
    """Frames as they come by, one each 10 ms."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []

    def put(self, frame: Layer) -> None:
        place = len(self.packets)
        time = 1_500_000_000 + place // 100, place % 100 * 10_000
        self.packets.append(Packet(frame.octets, len(frame.octets), *time))

    def ip(self, source: tuple[bytes, str], target: tuple[bytes, str], inner: Layer) -> None:
        build = make.ipv6 if ":" in source[1] else make.ipv4
        self.put(make.ethernet(build(inner, packed(source[1]), packed(target[1])), source[0], target[0]))

    def udp(self, source: tuple[bytes, str], target: tuple[bytes, str], payload: bytes, ports: tuple[int, int]) -> None:
        self.ip(source, target, make.udp(payload, *ports))

    def tcp(
        self, source: tuple[bytes, str], target: tuple[bytes, str], port: int, said: list[bytes], own: int = 50_000
    ) -> None:
        """A connection: what is said in turns, the client first."""
        self.ip(source, target, make.tcp(b"", own, port, flags=SYN))
        self.ip(target, source, make.tcp(b"", port, own, flags=SYN_ACK))
        self.ip(source, target, make.tcp(b"", own, port, flags=ACK))
        for number, payload in enumerate(said):
            one, other, ports = (source, target, (own, port)) if number % 2 == 0 else (target, source, (port, own))
            self.ip(one, other, make.tcp(payload, *ports, flags=PSH_ACK))

    def arp(self, mac: bytes, address: str, target: str, operation: int = 1) -> None:
        head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
        octets = head + mac + packed(address) + bytes(6) + packed(target)
        self.put(make.ethernet(Layer(octets, ethertype=0x0806), mac, GROUP))


def office() -> list[Packet]:
    """A desktop boots, its user logs in, opens a share and a document, and the document calls home."""
    tap = Tap()
    router, server, files, desk = card(1), card(3), card(4), card(27)
    dc, share, pc = (server, "10.1.1.3"), (files, "10.1.1.4"), (desk, "10.1.1.27")
    outside = (router, "203.0.113.9")
    nobody, everybody = (desk, "0.0.0.0"), (GROUP, "255.255.255.255")
    wish = {53: b"\3", 12: b"DESK-27", 50: packed("10.1.1.27"), 60: b"MSFT 5.0", 81: b"\0\0\0DESK-27.corp.example"}
    grant = {53: b"\5", 54: packed("10.1.1.3"), 3: packed("10.1.1.1"), 6: packed("10.1.1.3"), 15: b"corp.example"}
    tap.udp(nobody, everybody, names.dhcp(wish, mac=desk), (68, 67))
    tap.udp(dc, pc, names.dhcp(grant, 2, your=packed("10.1.1.27"), mac=desk), (67, 68))
    tap.arp(desk, "10.1.1.27", "10.1.1.1")
    tap.arp(router, "10.1.1.1", "10.1.1.27", 2)
    registration = names.nbns(names.netbios_name(b"DESK-27", 0), 5, packed("10.1.1.27"))
    tap.udp(pc, (GROUP, "10.1.1.255"), registration, (137, 137))
    workgroup = names.nbns(names.netbios_name(b"CORP", 0), 5, packed("10.1.1.27"), flags=0x8000)
    tap.udp(pc, (GROUP, "10.1.1.255"), workgroup, (137, 137))
    link = (desk, "fe80::5eff:fe00:1b")
    local = b"\0\0\x84\0\0\0\0\1\0\0\0\0\7DESK-27\5local\0\0\1\x80\1\0\0\0\x78\0\4" + packed("10.1.1.27")
    tap.udp(link, (bytes.fromhex("3333000000fb"), "ff02::fb"), local, (5353, 5353))
    tap.udp(pc, dc, make.dns(0), (50_001, 53))
    tap.udp(dc, pc, make.dns(1, answers=1), (53, 50_001))
    realm = b"CORP.EXAMPLE"
    for user, port in ((b"DESK-27$", 50_002), (b"ann.lee", 50_003)):
        asked = names.over_tcp(names.request(user, realm, b"krbtgt", realm))
        given = names.over_tcp(names.reply(user, realm, b"krbtgt", realm))
        tap.tcp(pc, dc, 88, [asked, given], port)
    hello = names.in_smb2(names.challenge("CORP", {2: "CORP", 1: "FILES", 4: "corp.example", 3: "files.corp.example"}))
    login = names.in_smb2(names.authenticate("ann.lee", "CORP", "DESK-27"))
    tap.tcp(pc, share, 445, [names.in_smb2(b"NTLMSSP\0\1\0\0\0"), hello, login], 50_004)
    agent = b"Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
    get = b"GET /update.bin HTTP/1.1\r\nHost: cdn.update.example\r\nUser-Agent: " + agent + b"\r\n\r\n"
    tap.tcp(pc, outside, 80, [get, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nMZ"], 50_005)
    secret = tls.record(tls.client_hello([tls.sni((0, b"panel.update.example"))]))
    tap.tcp(pc, (router, "198.51.100.7"), 443, [secret], 50_006)
    return tap.packets


# --- networks that do anything ---------------------------------------------------------------------------------------

CARDS = [*map(card, range(4)), GROUP, bytes(6)]
ADDRESSES = [
    "10.0.0.1", "10.0.0.2", "192.168.7.7", "169.254.1.1", "203.0.113.9", "198.51.100.7", "0.0.0.0", "10.0.0.255",
    "224.0.0.251", "255.255.255.255", "fe80::1", "fe80::5eff:fe00:2", "2001:db8::5eff:fe00:1", "2001:db8::9",
    "2001:db8:0:1::9", "fd00::1", "::", "ff02::fb",
]  # fmt: skip
FOUR = [address for address in ADDRESSES if ":" not in address]
PORTS = [53, 67, 68, 80, 88, 137, 137, 445, 1900, 5353, 5355, 50_000, 50_001]
WORDS = [b"DESK", b"desk", b"ann", b"ann$", b"a|b", b"CORP", b"corp.example", b"\xff"]

some_word = st.sampled_from(WORDS)
some_four = st.sampled_from(FOUR).map(packed)


@st.composite
def some_message(draw: st.DrawFn) -> bytes:
    word, other, text = draw(some_word), draw(some_word), draw(st.sampled_from(["DESK", "desk", "ann", "a|b", ""]))
    kind = draw(st.integers(0, 8))
    if kind == 0:
        options = {53: draw(st.sampled_from([b"\1", b"\3", b"\5"])), 12: word, 81: b"\0\0\0" + other + b".", 60: word}
        options |= {50: draw(some_four), 3: draw(some_four), 15: other}
        given = {"client": draw(some_four), "your": draw(some_four), "mac": draw(st.sampled_from(CARDS))}
        return names.dhcp(options, draw(st.integers(1, 2)), **given)
    if kind == 1:
        name = names.netbios_name(word, draw(st.sampled_from([0, 0x20, 0x1C, 0x1B, 3])))
        flags, operation = draw(st.sampled_from([0, 0x8000])), draw(st.sampled_from([0, 5, 6, 8]))
        return names.nbns(name, operation, draw(some_four), draw(st.booleans()), flags)
    if kind == 2:
        return names.request(word, other, b"krbtgt", kind=draw(st.sampled_from([10, 12])))
    if kind == 3:
        return names.reply(word, other, b"krbtgt", kind=draw(st.sampled_from([11, 13])))
    if kind == 4:
        return names.error(6, other, b"krbtgt", cname=word)
    if kind == 5:
        return names.in_smb2(names.authenticate(text, "CORP", "DESK"))
    if kind == 6:
        return names.in_smb2(names.challenge("CORP", {1: text, 2: draw(st.sampled_from(["DESK", "CORP"])), 3: text}))
    if kind == 7:
        return b"GET / HTTP/1.1\r\nHost: " + word + b"\r\nUser-Agent: Windows NT 10.0 " + other + b"\r\n\r\n"
    if draw(st.booleans()):
        return tls.record(tls.client_hello([tls.sni((0, word))]))
    record = b"\4DESK\5local\0\0\1\0\1\0\0\0\x78\0\4" + draw(some_four)
    return b"\0\0\x84\0\0\0\0\2\0\0\0\0" + record + record.replace(b"DESK", b"desk")


@st.composite
def some_network(draw: st.DrawFn) -> list[Packet]:
    tap = Tap()
    for _ in range(draw(st.integers(0, 14))):
        source, target = draw(st.sampled_from(CARDS)), draw(st.sampled_from(CARDS))
        if draw(st.integers(0, 5)) == 5:
            tap.arp(source, *draw(st.tuples(st.sampled_from(FOUR), st.sampled_from(FOUR))))
            continue
        family = draw(st.sampled_from([FOUR, FOUR, [address for address in ADDRESSES if ":" in address]]))
        one, other = draw(st.sampled_from(family)), draw(st.sampled_from(family))
        message = draw(some_message() | st.just(b""))
        port, back = draw(st.sampled_from(PORTS)), draw(st.sampled_from(PORTS))
        if draw(st.booleans()):
            flags = draw(st.sampled_from([SYN, SYN_ACK, ACK, PSH_ACK, 0x14]))
            tap.ip((source, one), (target, other), make.tcp(message, port, back, flags=flags))
        else:
            tap.udp((source, one), (target, other), message, (port, back))
            if draw(st.booleans()):
                tap.udp((target, other), (source, one), message, (back, port))
    return draw(st.permutations(tap.packets)) if draw(st.booleans()) else tap.packets
