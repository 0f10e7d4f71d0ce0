"""The twin of what is read of DHCP, NetBIOS names, Kerberos and NTLM, from docs/decoding.md."""

from __future__ import annotations

import re
from typing import Any

from naive_http import escaped, lines_of
from naive_packet import BEHIND, PAYLOADS, QUIET, STEPS, Row, Walk, end, ipv4_text, mac_text

DHCP_TEXTS = {"hostname": 12, "domain_name": 15, "vendor_class_id": 60}
DHCP_ADDRESSES = {"requested_ip_address": 50, "dhcp_server_id": 54, "router": 3, "domain_name_server": 6}
NTLM_TEXTS = {"auth_username": 36, "auth_domain": 28, "auth_hostname": 44}
NTLM_PAIRS = {"nb_computer_name": 1, "nb_domain_name": 2, "dns_computer_name": 3, "dns_domain_name": 4}
COLUMNS = [
    "dhcp_type", "dhcp_hw_mac_addr", *(f"dhcp_ip_{name}" for name in ("client", "your", "server", "relay")),
    *(f"dhcp_option_{name}" for name in ("dhcp", *DHCP_TEXTS, *DHCP_ADDRESSES)), "dhcp_fqdn_name",
    *(f"nbns_{name}" for name in ("flags_response", "flags_opcode", "name", "type", "addr", "nb_flags_group")),
    *(f"kerberos_{name}" for name in ("msg_type", "cnamestring", "realm", "crealm", "snamestring", "error_code")),
    "ntlmssp_messagetype", *(f"ntlmssp_{name}" for name in NTLM_TEXTS), "ntlmssp_challenge_target_name",
    *(f"ntlmssp_challenge_target_info_{name}" for name in NTLM_PAIRS),
]  # fmt: skip


def whole(octets: bytes, at: int, size: int) -> bytes | None:
    return octets[at : at + size] if at + size <= len(octets) else None


# --- DHCP ------------------------------------------------------------------------------------------------------------


def is_dhcp(octets: bytes, wire: int) -> bool:
    return len(octets) >= 4 and wire >= 236 and octets[0] in (1, 2) and octets[2] <= 16


def dhcp_options(octets: bytes) -> dict[int, bytes]:
    """The first of each code."""
    found: dict[int, bytes] = {}
    octets = octets[240:] if octets[236:240] == b"\x63\x82\x53\x63" else b""
    while octets:
        if octets[0] == 0:
            octets = octets[1:]
            continue
        if octets[0] == 255 or len(octets) < 2 or len(octets) < 2 + octets[1]:
            break
        found.setdefault(octets[0], octets[2 : 2 + octets[1]])
        octets = octets[2 + octets[1] :]
    return found


def fqdn(content: bytes) -> str | None:
    if len(content) < 3:
        return None
    name = content[3:]
    if not content[0] & 4:
        return escaped(name.rstrip(b"\0")) or None
    labels = []
    while name and name[0]:
        if name[0] > 63 or len(name) < 1 + name[0]:
            return None
        labels.append(escaped(name[1 : 1 + name[0]]).replace(".", "\\046"))
        name = name[1 + name[0] :]
    return ".".join(labels) or None


def dhcp_row(octets: bytes) -> Row:
    options = dhcp_options(octets)
    hardware = whole(octets, 28, 6) if octets[2] == 6 else None
    row: Row = {
        "dhcp_type": octets[0],
        "dhcp_hw_mac_addr": mac_text(hardware),
        "dhcp_option_dhcp": options[53][0] if len(options.get(53, b"")) == 1 else None,
        "dhcp_fqdn_name": fqdn(options.get(81, b"")),
    }
    for place, name in enumerate(("client", "your", "server", "relay")):
        row[f"dhcp_ip_{name}"] = ipv4_text(whole(octets, 12 + 4 * place, 4))
    for name, code in DHCP_TEXTS.items():
        row[f"dhcp_option_{name}"] = escaped(options.get(code, b"").rstrip(b"\0")) or None
    for name, code in DHCP_ADDRESSES.items():
        content = options.get(code, b"")
        row[f"dhcp_option_{name}"] = ipv4_text(content[:4]) if content and len(content) % 4 == 0 else None
    return row


# --- NetBIOS names ---------------------------------------------------------------------------------------------------


def is_nbns(octets: bytes) -> bool:
    return len(octets) >= 13 and octets[2] >> 3 & 15 <= 9 and (octets[12] == 32 or octets[12] >= 192)


def netbios_name(octets: bytes, at: int) -> str | None:
    if at + 2 <= len(octets) and octets[at] >= 192:
        at = (octets[at] & 63) << 8 | octets[at + 1]
    letters = whole(octets, at, 33)
    if letters is None or re.fullmatch(rb" [A-P]{32}", letters) is None:
        return None
    name = bytes((high - 65) << 4 | (low - 65) for high, low in zip(letters[1::2], letters[2::2], strict=True))
    return escaped(name[:15].rstrip(b" ")).replace("<", "\\060") + f"<{name[15]:02x}>"


def name_end(octets: bytes, at: int) -> int | None:
    """Behind a name as in DNS."""
    while at < len(octets):
        length = octets[at]
        if length >= 192:
            return at + 2 if at + 2 <= len(octets) else None
        if length > 63 or at + 1 + length > len(octets):
            return None
        at += 1 + length
        if length == 0:
            return at
    return None


def nb_entry(octets: bytes) -> bytes | None:
    """Flags and address of the first record of type NB."""
    questions, *counts = (int.from_bytes(octets[n : n + 2], "big") for n in (4, 6, 8, 10))
    at: int | None = 12
    for _ in range(questions):
        at = name_end(octets, at or 0)
        if at is None or at + 4 > len(octets):
            return None
        at += 4
    for _ in range(sum(counts)):
        at = name_end(octets, at or 0)
        head = None if at is None else whole(octets, at, 10)
        if at is None or head is None:
            return None
        data = whole(octets, at + 10, int.from_bytes(head[8:], "big"))
        if data is None:
            return None
        if head[:2] == b"\0\x20" and len(data) >= 6:
            return data[:6]
        at += 10 + len(data)
    return None


def nbns_row(octets: bytes) -> Row:
    behind = name_end(octets, 12)
    kind = None if behind is None else whole(octets, behind, 2)
    entry = nb_entry(octets)
    return {
        "nbns_flags_response": octets[2] >> 7,
        "nbns_flags_opcode": octets[2] >> 3 & 15,
        "nbns_name": netbios_name(octets, 12),
        "nbns_type": None if kind is None else int.from_bytes(kind, "big"),
        "nbns_addr": None if entry is None else ipv4_text(entry[2:]),
        "nbns_nb_flags_group": None if entry is None else entry[0] >> 7,
    }


# --- Kerberos --------------------------------------------------------------------------------------------------------

Value = tuple[int, bytes, bool, int]  # tag, what is there of the content, whether that is all, octets of tag and length


def values(octets: bytes) -> list[Value]:
    """The first 64 at most."""
    found: list[Value] = []
    while len(octets) >= 2 and octets[0] & 31 != 31 and len(found) < 64:
        size, head = octets[1], 2
        if size >= 128:
            count = size - 128
            told = whole(octets, 2, count)
            if not 1 <= count <= 4 or told is None:
                break
            size, head = int.from_bytes(told, "big"), 2 + count
        content = octets[head : head + size]
        found.append((octets[0], content, len(content) == size, head))
        octets = octets[head + size :]
    return found


def opened(octets: bytes | None, tag: int, only_whole: bool = False) -> bytes | None:
    """The content of the value that the octets begin with."""
    first = values(octets or b"")[:1]
    return first[0][1] if first and first[0][0] == tag and (first[0][2] or not only_whole) else None


def found(octets: bytes | None, tag: int) -> bytes | None:
    return next((content for number, content, _, _ in values(octets or b"") if number == tag), None)


MESSAGES = {0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x74, 0x75, 0x76, 0x7E}


def is_kerberos(octets: bytes, over_tcp: bool) -> bool:
    message = octets[4:] if over_tcp else octets
    first = values(message)[:1]
    if not first or first[0][0] not in MESSAGES or first[0][1][:1] != b"\x30":
        return False
    if not over_tcp:
        return True
    head = first[0][3]
    told = int.from_bytes(message[2:head], "big") if head > 2 else message[1]
    return int.from_bytes(octets[:4], "big") == head + told


def integer(octets: bytes | None) -> int | None:
    content = opened(octets, 2, only_whole=True)
    return int.from_bytes(content, "big", signed=True) if content and len(content) <= 8 else None


def realm_text(octets: bytes | None) -> str | None:
    content = opened(octets, 0x1B, only_whole=True)
    return escaped(content) if content else None


def principal(octets: bytes | None) -> str | None:
    components = opened(found(opened(octets, 0x30), 0xA1), 0x30, only_whole=True)
    parts = []
    for tag, content, complete, _ in values(components or b"")[:16]:
        if tag != 0x1B or not complete:
            return None
        parts.append(escaped(content).replace("/", "\\047"))
    return "/".join(parts) or None


def kerberos_row(octets: bytes) -> Row:
    message, kind = values(octets)[0][1], octets[0]
    outer = opened(message, 0x30)
    request, reply, error = kind in (0x6A, 0x6C), kind in (0x6B, 0x6D), kind == 0x7E
    number = integer(found(outer, 0xA2 if request else 0xA1))
    inner = None
    if request:
        inner = opened(found(outer, 0xA4), 0x30)
    elif reply or kind == 0x6E:
        inner = opened(opened(found(outer, 0xA5 if reply else 0xA3), 0x61), 0x30)
    cname = found(inner, 0xA1) if request else found(outer, 0xA4 if reply else 0xA8) if reply or error else None
    code = integer(found(outer, 0xA6)) if error else None
    return {
        "kerberos_msg_type": number if number is not None and 0 <= number <= 255 else None,
        "kerberos_error_code": code,
        "kerberos_cnamestring": principal(cname),
        "kerberos_crealm": realm_text(found(outer, 0xA3 if reply else 0xA7)) if reply or error else None,
        "kerberos_realm": realm_text(found(outer, 0xA9) if error else found(inner, 0xA2 if request else 0xA1)),
        "kerberos_snamestring": principal(found(outer, 0xAA) if error else found(inner, 0xA3 if request else 0xA2)),
    }


# --- NTLM ------------------------------------------------------------------------------------------------------------

FIELDS = (b"authorization", b"www-authenticate", b"proxy-authorization", b"proxy-authenticate")
DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def ntlm_place(octets: bytes) -> int | None:
    """Where a message begins: its type too is among the first 512 octets."""
    at = octets[:512].find(b"NTLMSSP\0")
    return at if at >= 0 and at + 12 <= len(octets[:512]) else None


def of_base64(text: bytes) -> bytes:
    digits = text[: next((n for n, octet in enumerate(text) if octet not in DIGITS), len(text))]
    bits = "".join(f"{DIGITS.index(octet):06b}" for octet in digits)
    return bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits) - 7, 8))[:2048]


def ntlm_in_http(octets: bytes) -> bytes | None:
    heads: dict[bytes, bytes] = {}
    for line in lines_of(octets[:65536])[1:]:
        if not line:
            break
        name, colon, value = line.partition(b":")
        if colon:
            heads.setdefault(name.lower(), value.strip(b" \t"))
    for name in FIELDS:
        scheme, _, token = heads.get(name, b"").partition(b" ")
        token = of_base64(token.strip(b" \t"))
        place = ntlm_place(token)
        if scheme.lower() in (b"ntlm", b"negotiate") and place is not None:
            return token[place:]
    return None


def little(octets: bytes, at: int, size: int) -> int:
    return int.from_bytes(octets[at : at + size], "little")


def ntlm_span(octets: bytes, at: int) -> bytes:
    if at + 8 > len(octets):
        return b""
    return whole(octets, little(octets, at + 4, 4), little(octets, at, 2)) or b""


def utf16(octets: bytes) -> str | None:
    text = octets[: len(octets) & ~1].decode("utf-16-le", "surrogatepass").rstrip("\0")
    return escaped(text.encode("utf-8", "surrogatepass")) or None


def ntlm_row(octets: bytes) -> Row:
    kind = little(octets, 8, 4)
    row: Row = {"ntlmssp_messagetype": kind}
    texts = {"ntlmssp_challenge_target_name": 12} if kind == 2 else {}
    texts |= {f"ntlmssp_{name}": at for name, at in NTLM_TEXTS.items()} if kind == 3 else {}
    flags = whole(octets, 20 if kind == 2 else 60, 4)
    for name, at in texts.items():
        span = ntlm_span(octets, at)
        wide = flags is not None and flags[0] & 1
        row[name] = utf16(span) if wide else escaped(span.rstrip(b"\0")) or None
    pairs = ntlm_span(octets, 40) if kind == 2 else b""
    known: dict[int, bytes] = {}
    for _ in range(32):
        size = little(pairs, 2, 2)
        if len(pairs) < 4 + size or len(pairs) < 4 or little(pairs, 0, 2) == 0:
            break
        known.setdefault(little(pairs, 0, 2), pairs[4 : 4 + size])
        pairs = pairs[4 + size :]
    for name, number in NTLM_PAIRS.items():
        row[f"ntlmssp_challenge_target_info_{name}"] = utf16(known.get(number, b""))
    return row


# --- all of them -----------------------------------------------------------------------------------------------------


def told_over_udp(walk: Walk) -> str | None:
    octets, wire = walk.octets[walk.at : walk.captured_end], walk.wire_end - walk.at
    if walk.layers[-1].step != "udp":
        return None
    if {67, 68, 4011} & set(walk.ports) and is_dhcp(octets, wire):
        return "dhcp"
    if 137 in walk.ports and is_nbns(octets):
        return "nbns"
    return "kerberos" if 88 in walk.ports and is_kerberos(octets, False) else None


def told_over_tcp(walk: Walk) -> str | None:
    """These begin behind what carries them."""
    octets = walk.octets[walk.at : walk.captured_end]
    if walk.layers[-1].step != "tcp":
        return None
    if 88 in walk.ports and is_kerberos(octets, True):
        walk.at += 4
        return "kerberos"
    place = ntlm_place(octets)
    if place is None:
        return None
    walk.at += place
    return "ntlmssp"


PAYLOADS.insert(0, told_over_udp)
BEHIND.append(told_over_tcp)
QUIET |= {"dhcp", "nbns", "kerberos", "ntlmssp"}
STEPS.update(dict.fromkeys(("dhcp", "nbns", "kerberos", "ntlmssp"), end))
ROWS: dict[str, Any] = {"dhcp": dhcp_row, "nbns": nbns_row, "kerberos": kerberos_row, "ntlmssp": ntlm_row}


def names_row(walk: Walk) -> Row:
    """The columns above."""
    row: Row = dict.fromkeys(COLUMNS)
    for step, at, captured_end, _ in walk.layers:
        octets = walk.octets[at:captured_end]
        if step in ROWS:
            row |= ROWS[step](octets)
        elif step == "http" and (message := ntlm_in_http(octets)) is not None:
            row |= ntlm_row(message)
    return row
