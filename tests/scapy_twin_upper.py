"""The transport layers and DNS of `scapy_twin`."""

from __future__ import annotations

from scapy_twin_parts import Found, Raw, Step, cut, items, need, u16

# --- transport layers -----------------------------------------------------------------------------------------------

# The first match counts: (destination, source, layer). None is a protocol that leads nowhere but comes before others.
UDP_PORTS: tuple[tuple[set[int], set[int], str | None], ...] = (
    ({4754}, set(), "gre"),
    ({53, 5353}, {53, 5353}, "dns"),
    ({88, 464, 547, 546, 1985, 2029, 4500, 500}, {88, 464, 1985, 2029, 4500, 500}, None),
    ({1701}, {1701}, "l2tp"),
    ({137, 138, 389, 5355, 2727}, {137, 138, 389, 5355, 2727}, None),
    ({434}, {434}, "mobileip"),
    (
        {2055, 2056, 9995, 9996, 6343, 123, 1812, 1813, 3799, 520, 161, 162, 69},
        {2055, 2056, 9995, 9996, 6343, 123, 1812, 1813, 3799, 520, 161, 162},
        None,
    ),
    ({4789, 4790, 6633, 8472, 48879}, {4789, 4790, 6633, 8472}, "vxlan"),
)


def udp(s: bytes, _: Found) -> Step:
    need(s, 8)
    sport, dport = u16(s, 0), u16(s, 2)
    if {sport, dport} == {67, 68} or (sport, dport) == (67, 67):
        ahead_of_dns = None  # BOOTP: no port in common with the rows below
        return ahead_of_dns, s[8:]
    follows = next((what for to, by, what in UDP_PORTS if dport in to or sport in by), None)
    return follows, cut(s[8:], u16(s, 4) - 8)[0]  # a length below 8 cuts from the end


def bad_tcp_option(options: bytes) -> bool:
    """An authentication option (29) with exactly one octet of value makes scapy's parser raise; nothing else does."""
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        size = max(options[at + 1], 2) if at + 1 < len(options) else 2
        if options[at] == 29 and len(options[at + 2 : at + size]) == 1:
            return True
        at += size
    return False


def tcp_next(s: bytes) -> Step:
    need(s, 20)
    size = max((s[12] >> 4) * 4, 20)
    if bad_tcp_option(s[20:size]):
        raise Raw
    return ("dns_tcp" if 53 in (u16(s, 0), u16(s, 2)) else None), s[size:]


def tcp(s: bytes, found: Found) -> Step:
    step = tcp_next(s)
    if found.tcp is None:
        found.tcp = int.from_bytes(s[4:8], "big")
    return step


def tcperror(s: bytes, _: Found) -> Step:
    return tcp_next(s)


def l2tp(s: bytes, _: Found) -> Step:
    flags = u16(s, 0)
    if flags & 0x8000:  # control: length, ns and nr whatever the other flags
        need(s, 12)
        return "ppp", s[12:]
    size = 6 + (2 if flags & 0x4000 else 0) + (4 if flags & 0x0800 else 0)
    need(s, size)
    if flags & 0x0200:
        size += 2 + u16(s, size)  # the padding itself may be cut
    return "ppp", s[size:]


def mobileip(s: bytes, _: Found) -> Step:
    return ("mobileip_tunnel" if s[0] == 4 else None), s[1:]


def mobileip_tunnel(s: bytes, _: Found) -> Step:
    need(s, 3)
    return ("ip" if s[0] == 4 else None), s[3:]


def vxlan(s: bytes, _: Found) -> Step:
    need(s, 8)
    if not s[0] & 0x04:
        return "ether", s[8:]
    size = 11 if s[0] & 0x80 else 8
    need(s, size)
    return {0: "ether", 1: "ip", 2: "ip6", 3: "ether"}.get(s[3]), s[size:]


# --- DNS ------------------------------------------------------------------------------------------------------------


def name_size(s: bytes) -> int:
    at = 0
    while at < len(s) and s[at]:
        if s[at] & 0xC0:
            return at + 2
        at += 1 + s[at]
    return at + 1


def question_size(s: bytes) -> int:
    size = name_size(s) + 4
    return size if size <= len(s) else 0


# What the rdata of a type must hold for its record not to fail: so many octets, a name (-1), a counted string (-2).
RDATA: dict[int, tuple[int, ...]] = {
    1: (4,), 6: (-1, -1, 20), 13: (-2, -2), 15: (2,), 28: (16,), 33: (6,), 35: (4, -2, -2, -2), 43: (4,), 46: (18,),
    48: (4,), 50: (4, -2, -2), 51: (4, -2), 64: (2,), 65: (2,), 250: (-1, 9, -2, 6), 32769: (4,),
}  # fmt: skip


def rdata_fits(kind: int, s: bytes) -> bool:
    at = 0
    for part in RDATA.get(kind, ()):
        if part > 0:
            at += part
        elif part == -1:
            at += name_size(s[at:])
            continue  # a name may be cut, and a string's octets too
        else:
            at += 1
        if at > len(s):
            return False
        if part == -2:
            at += s[at - 1]
    return True


def record_size(s: bytes) -> int:
    at = name_size(s)
    if at + 10 > len(s):
        return 0
    end = at + 10 + u16(s, at + 8)
    return end if rdata_fits(u16(s, at), s[at + 10 : end]) else 0


def dns_message(s: bytes, found: Found) -> Step:
    need(s, 12)
    body = s[12:]  # records may be missing or wrong: only a section of more than 100 of them fails
    for at, size in ((4, question_size), (6, record_size), (8, record_size), (10, record_size)):
        body = items(body, size, u16(s, at))
    found.dns = found.dns or (s[2] >> 7, u16(s, 6))
    return None, body


def dns_tcp(s: bytes, found: Found) -> Step:
    """The length before the message must be 14 or more, and no more than the octets here with its own two."""
    length = u16(s, 0)
    if length < 14 or length > len(s):
        raise Raw
    return dns_message(s[2:], found)
