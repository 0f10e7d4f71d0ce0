"""The twin's steps through tunnels, PPP and radio links: more of the section "Steps" of docs/decoding.md."""

from __future__ import annotations

from naive_packet import ETHERTYPES, STEPS, Stop, Walk, by_ethertype, by_ip_protocol, by_link_type

# --- link layers -----------------------------------------------------------------------------------------------------

PPP_PROTOCOLS = {0x0021: "ipv4", 0x0057: "ipv6", 0x0281: "mpls", 0x0283: "mpls"}


def ppp(walk: Walk) -> str:
    if walk.number(0, 1) in (0x0F, 0x8F):
        return "chdlc"
    if walk.number(0, 1) == 0xFF:
        walk.need(2, "ppp")
        walk.at += 2
    first = walk.number(0, 1)
    size = 1 if first is not None and first % 2 == 1 else 2
    walk.need(size, "ppp")
    protocol = walk.number(0, size)
    walk.at += size
    if protocol in PPP_PROTOCOLS:
        return PPP_PROTOCOLS[protocol]
    raise Stop(f"unknown ppp 0x{protocol:04x}")


def chdlc(walk: Walk) -> str:
    walk.need(4, "chdlc")
    ethertype = walk.number(2, 2)
    walk.at += 4
    return by_ethertype(ethertype)


def fddi(walk: Walk) -> str:
    walk.need(13, "fddi")
    control = walk.number(0, 1)
    walk.at += 13
    if control & 0x70 != 0x50:
        raise Stop(f"unknown fddi 0x{control:02x}")
    return "llc"


def pppoe(walk: Walk) -> str:
    walk.need(6, "pppoe")
    code, length = walk.number(1, 1), walk.number(4, 2)
    walk.at += 6
    walk.pull(length, "pppoe")
    if code != 0:
        raise Stop
    return "ppp"


def mpls(walk: Walk) -> str:
    walk.need(4, "mpls")
    bottom = walk.number(2, 1) & 1
    walk.at += 4
    if not bottom:
        return "mpls"
    walk.need(1, "mpls")
    match walk.number(0, 1) >> 4:
        case 4:
            return "ipv4"
        case 6:
            return "ipv6"
        case 0:  # a pseudowire
            if walk.number(12, 2) not in ETHERTYPES:
                walk.need(4, "mpls")
                walk.at += 4
            return "eth"
        case other:
            raise Stop(f"unknown mpls payload 0x{other:x}")


def pbb(walk: Walk) -> str:
    walk.need(4, "pbb")
    walk.at += 4
    return "eth"


# --- 802.11 ----------------------------------------------------------------------------------------------------------


def wlan(walk: Walk) -> str:
    walk.need(2, "wlan")
    first, second = walk.number(0, 1), walk.number(1, 1)
    version, kind, quality, no_data = first & 3, first >> 2 & 3, first & 0x80 != 0, first & 0x40 != 0
    if version != 0:
        raise Stop(f"unknown wlan version {version}")
    if kind != 2:
        raise Stop
    quality_at = 30 if second & 3 == 3 else 24
    size = quality_at
    if quality:
        size += 6 if second & 0x80 else 2
    if walk.wlan_padded:
        size += -size % 4
    walk.need(size, "wlan")
    protected, fragment_number, more_fragments = second & 0x40, walk.number(22, 1) & 15, second & 4 != 0
    if no_data or protected or fragment_number != 0:
        raise Stop
    walk.first_fragment |= more_fragments
    aggregate = quality and walk.number(quality_at, 1) & 0x80 != 0
    walk.at += size
    if aggregate:
        walk.need(14, "wlan")
        length = walk.number(12, 2)
        walk.at += 14
        walk.pull(length, "wlan")
    return "llc"


def little(octets: bytes | None) -> int | None:
    return None if octets is None else int.from_bytes(octets, "little")


def drop_fcs(walk: Walk) -> None:
    walk.pull_wire_end(max(walk.at, walk.wire_end - 4))


def radiotap(walk: Walk) -> str:
    walk.need(8, "radiotap")
    length, present = little(walk.taken(2, 2)), little(walk.taken(4, 4))
    if length < 8:
        raise Stop("malformed radiotap")
    walk.need(length, "radiotap")
    flags = radiotap_flags(walk.taken(0, length), present)
    walk.at += length
    walk.wlan_padded = flags & 0x20 != 0
    if flags & 0x10:
        drop_fcs(walk)
    return "wlan"


def radiotap_flags(header: bytes, present: int) -> int:
    """The field Flags, 0 where there is none or it is not found."""
    words, at = [present], 8
    while words[-1] >> 31:
        if len(words) == 32 or at + 4 > len(header):
            return 0
        words.append(little(header[at : at + 4]))
        at += 4
    if present & 1:
        at += -at % 8 + 8
    return header[at] if present & 2 and at < len(header) else 0


def ppi(walk: Walk) -> str:
    walk.need(8, "ppi")
    aligned, length, link_type = walk.number(1, 1) & 1, little(walk.taken(2, 2)), little(walk.taken(4, 4))
    if length < 8:
        raise Stop("malformed ppi")
    walk.need(length, "ppi")
    header = walk.taken(0, length)
    walk.at += length
    if link_type == 105 and ppi_has_fcs(header, aligned == 1):
        drop_fcs(walk)
    return by_link_type(walk, link_type)


def ppi_has_fcs(header: bytes, aligned: bool) -> bool:
    """What the first field 802.11-Common says, if it is one of the first 32."""
    at = 8
    for _ in range(32):
        if at + 4 > len(header):
            return False
        kind, size = little(header[at : at + 2]), little(header[at + 2 : at + 4])
        at += 4
        if kind == 2:
            return size >= 10 and at + 10 <= len(header) and header[at + 8] & 1 == 1
        at += size + (-size % 4 if aligned else 0)
    return False


# --- what IP carries -------------------------------------------------------------------------------------------------


def ah(walk: Walk) -> str:
    walk.need(8, "ah")
    walk.ah_spi = walk.number(4, 4) if walk.ah_spi is None else walk.ah_spi
    following, length = walk.number(0, 1), 4 * (walk.number(1, 1) + 2)
    walk.need(length, "ah")
    walk.at += length
    return by_ip_protocol(following)


def esp(walk: Walk) -> str:
    walk.need(8, "esp")
    raise Stop


def etherip(walk: Walk) -> str:
    walk.need(2, "etherip")
    walk.at += 2
    return "eth"


def gre(walk: Walk) -> str:
    walk.need(4, "gre")
    flags, ethertype = walk.number(0, 2), walk.number(2, 2)
    version, sequence = flags & 7, flags & 0x1000
    if version > 1:
        raise Stop(f"unknown gre version {version}")
    if flags & 0x4000:
        raise Stop("unknown gre routing")
    optional = (0x8000, 0x2000, 0x1000, 0x0080) if version == 1 else (0x8000, 0x2000, 0x1000)
    length = 4 + 4 * sum(flags & bit != 0 for bit in optional)
    walk.need(length, "gre")
    walk.at += length
    if version == 1 and walk.at == walk.wire_end:
        raise Stop
    if ethertype == 0x88BE and not sequence:
        return "eth"
    return "erspan" if ethertype in (0x88BE, 0x22EB) else by_ethertype(ethertype)


def erspan(walk: Walk) -> str:
    walk.need(8, "erspan")
    version, size = walk.number(0, 1) >> 4, 8
    if version not in (1, 2):
        raise Stop(f"unknown erspan version {version}")
    if version == 2:
        walk.need(12, "erspan")
        frame, subheader = walk.number(10, 1) >> 2 & 31, walk.number(11, 1) & 1
        if frame != 0:
            raise Stop(f"unknown erspan frame {frame}")
        size = 20 if subheader else 12
    walk.need(size, "erspan")
    walk.at += size
    return "eth"


# --- what UDP carries ------------------------------------------------------------------------------------------------


VXLAN_NEXT = {1: "ipv4", 2: "ipv6", 3: "eth", 5: "mpls"}


def vxlan(walk: Walk) -> str:
    walk.need(8, "vxlan")
    flags, following = walk.number(0, 1), walk.number(3, 1)
    walk.at += 8
    if walk.udp_destination != 4790 or flags & 4 == 0:
        return "eth"
    if following in VXLAN_NEXT:
        return VXLAN_NEXT[following]
    raise Stop(f"unknown vxlan next {following}")


def geneve(walk: Walk) -> str:
    walk.need(8, "geneve")
    length, ethertype = 8 + 4 * (walk.number(0, 1) & 0x3F), walk.number(2, 2)
    walk.need(length, "geneve")
    walk.at += length
    return by_ethertype(ethertype)


def gtp(walk: Walk) -> str:
    walk.need(8, "gtp")
    flags, kind, length = walk.number(0, 1), walk.number(1, 1), walk.number(2, 2)
    walk.at += 8
    walk.pull(length, "gtp")
    if kind != 255:
        raise Stop
    if flags & 7:
        walk.need(4, "gtp")
        following = walk.number(3, 1)
        walk.at += 4
        if flags & 4:
            over_gtp_extensions(walk, following)
    if walk.at == walk.wire_end:
        raise Stop
    walk.need(1, "gtp")
    match walk.number(0, 1) >> 4:
        case 4:
            return "ipv4"
        case 6:
            return "ipv6"
    raise Stop


def over_gtp_extensions(walk: Walk, following: int) -> None:
    count = 0
    while following != 0:
        walk.need(1, "gtp")
        length = 4 * walk.number(0, 1)
        count += 1
        if length == 0 or count > 16:
            raise Stop("malformed gtp")
        walk.need(length, "gtp")
        following = walk.number(length - 1, 1)
        walk.at += length


def teredo(walk: Walk) -> str:
    if walk.taken(0, 2) == b"\0\1":
        walk.need(4, "teredo")
        length = 4 + walk.number(2, 1) + walk.number(3, 1) + 9
        walk.need(length, "teredo")
        walk.at += length
    if walk.taken(0, 2) == b"\0\0":
        walk.need(8, "teredo")
        walk.at += 8
    walk.need(1, "teredo")
    if walk.number(0, 1) >> 4 != 6:
        raise Stop("malformed teredo")
    return "ipv6"


STEPS.update(
    (step.__name__, step)
    for step in (
        ppp, chdlc, fddi, pppoe, mpls, pbb, wlan, radiotap, ppi,
        ah, esp, etherip, gre, erspan, vxlan, geneve, gtp, teredo,
    )
)  # fmt: skip
