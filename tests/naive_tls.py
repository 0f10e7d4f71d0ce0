"""The twin's TLS, QUIC and Community ID: the section of that name in docs/decoding.md."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from typing import NamedTuple

from naive_packet import PAYLOADS, QUIET, STEPS, Row, Stop, Walk, walked
from naive_pcap import Record

COLUMNS = (
    "tls_record_content_type", "tls_record_version", "tls_handshake_type", "tls_handshake_version",
    "tls_handshake_session_id_length", "tls_handshake_ciphersuite", "tls_handshake_ciphersuites",
    "tls_handshake_extension_types", "tls_handshake_extensions_server_name", "tls_handshake_extensions_alpn_str",
    "tls_handshake_extensions_supported_groups", "tls_handshake_extensions_supported_version",
    "tls_handshake_ja3", "tls_handshake_ja3_full", "tls_handshake_ja3s", "tls_handshake_ja4",
    "quic_version", "quic_long_packet_type", "quic_dcid", "quic_scid", "community_id",
)  # fmt: skip


def number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def shown(octets: bytes) -> str:
    """Text off the wire: printable characters as they are, every other octet and the backslash as \\DDD."""
    text = ""
    for character in octets.decode("utf-8", "surrogateescape"):
        if 0xDC80 <= ord(character) <= 0xDCFF:
            text += f"\\{ord(character) - 0xDC00:03}"
        elif character.isprintable() and character != "\\":
            text += character
        else:
            text += "".join(f"\\{octet:03}" for octet in character.encode())
    return text


# --- lists -----------------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """Octets that are there, of so many that there should be."""

    octets: bytes
    size: int

    @property
    def whole(self) -> bool:
        return len(self.octets) == self.size

    def behind(self, count: int) -> Part | None:
        return Part(self.octets[count:], self.size - count) if count <= len(self.octets) else None


def take_list(part: Part | None, width: int) -> tuple[Part, Part] | None:
    """A list at the begin of a part, and what is behind it."""
    if part is None or len(part.octets) < width:
        return None
    size = number(part.octets[:width])
    if size > part.size - width:
        return None
    rest = part.octets[width:]
    return Part(rest[:size], size), Part(rest[size:], part.size - width - size)


def whole_numbers(part: Part | None, list_width: int, width: int) -> list[int]:
    taken = take_list(part, list_width)
    if taken is None or not taken[0].whole or taken[0].size % width != 0:
        return []
    octets = taken[0].octets
    return [number(octets[n : n + width]) for n in range(0, len(octets), width)]


# --- TLS -------------------------------------------------------------------------------------------------------------

TLS_PORTS = {
    443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 2083, 3269, 5061, 5349, 5671, 5986, 6514, 6697, 8443, 8883,
}  # fmt: skip
MOST_RECORD, MOST_RECORDS, MOST_MESSAGE = 2**14 + 2048, 32, 2**17
GREASE = {0x0A0A + 0x1010 * n for n in range(16)}
CHANGE, HANDSHAKE = 20, 22
CLIENT, SERVER = 1, 2


def is_version(octets: bytes) -> bool:
    return len(octets) == 2 and octets[0] == 3 and octets[1] <= 4


def records(segment: bytes) -> list[tuple[int, int, Part]]:
    """Type, version and content of each."""
    found = []
    while len(found) < MOST_RECORDS:
        head, segment = segment[:5], segment[5:]
        if len(head) < 5 or not 20 <= head[0] <= 24 or not is_version(head[1:3]) or number(head[3:]) > MOST_RECORD:
            break
        size = number(head[3:])
        found.append((head[0], number(head[1:3]), Part(segment[:size], size)))
        segment = segment[size:]
    return found


def begins_hello(content: Part) -> bool:
    octets = content.octets
    return (
        len(octets) >= 6
        and octets[0] in (CLIENT, SERVER)
        and 38 <= number(octets[1:4]) <= MOST_MESSAGE
        and is_version(octets[4:6])
    )


def told_as_tls(walk: Walk) -> str | None:
    found = records(walk.octets[walk.at : walk.captured_end])
    if walk.layers[-1].step != "tcp" or not found:
        return None
    kind, _, content = found[0]
    certain = TLS_PORTS & set(walk.ports) or (kind == HANDSHAKE and begins_hello(content))
    return "tls" if certain else None


def handshake_type(found: list[tuple[int, int, Part]]) -> int | None:
    kinds = [kind for kind, _, _ in found]
    if HANDSHAKE not in kinds:
        return None
    place = kinds.index(HANDSHAKE)
    content = found[place][2]
    if begins_hello(content):
        return content.octets[0]
    if CHANGE in kinds[:place] or len(content.octets) < 4:
        return None
    kind, length = content.octets[0], number(content.octets[1:4])
    if kind == 0:
        return 0 if content.size == 4 else None
    if kind == 11:
        return 11 if length <= MOST_MESSAGE else None
    return kind if kind in (4, 12, 13, 14, 15, 16, 21, 22, 23) and length <= content.size - 4 else None


class Hello(NamedTuple):
    kind: int
    version: int
    session_id: Part | None
    ciphers: Part | None
    extensions: Part | None
    whole: bool

    def listed(self) -> list[tuple[int, Part]]:
        """Types and contents of extensions, as far as they add up."""
        found, rest = [], self.extensions
        while rest is not None and len(rest.octets) >= 4:
            taken = take_list(rest.behind(2), 2)
            if taken is None:
                break
            found.append((number(rest.octets[:2]), taken[0]))
            rest = taken[1]
        return found

    def extension(self, kind: int) -> Part | None:
        return next((content for each, content in self.listed() if each == kind), None)

    def alpn(self) -> bytes | None:
        protocols = take_list(self.extension(16), 2)
        first = take_list(protocols[0], 1) if protocols else None
        return first[0].octets if first and first[0].whole else None


def read_hello(kind: int, body: Part) -> Hello:
    version = number(body.octets[:2])
    taken = take_list(body.behind(34), 1)
    if taken is None:
        return Hello(kind, version, None, None, None, False)
    session_id, rest = taken
    if kind == CLIENT:
        taken = take_list(rest, 2)
        ciphers = taken[0] if taken else None
        methods = take_list(taken[1], 1) if taken and ciphers.size % 2 == 0 else None
        rest = methods[1] if methods else None
        so_far = methods is not None and methods[0].whole
    else:
        ciphers = Part(rest.octets[:2], 2) if rest.size >= 2 else None
        rest = rest.behind(3)
        so_far = rest is not None
    if rest is None or rest.size == 0:
        return Hello(kind, version, session_id, ciphers, None, so_far)
    extensions = take_list(rest, 2)
    hello = Hello(kind, version, session_id, ciphers, extensions[0] if extensions else None, False)
    filled = sum(4 + content.size for _, content in hello.listed())
    return hello._replace(whole=extensions is not None and extensions[0].whole and filled == extensions[0].size)


def first_hello(found: list[tuple[int, int, Part]]) -> Hello | None:
    for place, (kind, _, content) in enumerate(found):
        if kind != HANDSHAKE or not begins_hello(content):
            continue
        client_or_server, size = content.octets[0], number(content.octets[1:4])
        octets = content.octets[4:]
        if size > content.size - 4:
            behind = place + 1
            while content.whole and behind < len(found) and found[behind][0] == HANDSHAKE:
                content = found[behind][2]
                octets += content.octets
                behind += 1
            octets = octets[:MOST_RECORD]
        return read_hello(client_or_server, Part(octets[:size], size))
    return None


def ja3_full(hello: Hello) -> str:
    lists = [
        whole_of_two(hello.ciphers),
        [kind for kind, _ in hello.listed()],
        whole_numbers(hello.extension(10), 2, 2),
    ]
    kept = [[each for each in values if each not in GREASE] for values in lists]
    kept.append(whole_numbers(hello.extension(11), 1, 1))
    return ",".join([str(hello.version), *("-".join(map(str, values)) for values in kept)])


def whole_of_two(part: Part | None) -> list[int]:
    if part is None or not part.whole or part.size % 2 != 0:
        return []
    return [number(part.octets[n : n + 2]) for n in range(0, part.size, 2)]


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def ja3s(hello: Hello) -> str:
    kinds = [str(kind) for kind, _ in hello.listed() if kind not in GREASE]
    return md5(f"{hello.version},{number(hello.ciphers.octets)},{'-'.join(kinds)}")


JA4_VERSIONS = {
    0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2",
    0xFEFF: "d1", 0xFEFD: "d2", 0xFEFC: "d3",
}  # fmt: skip
ALPHANUMERIC = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def ja4(hello: Hello) -> str:
    versions = [each for each in whole_numbers(hello.extension(43), 1, 2) if each not in GREASE]
    ciphers = [f"{each:04x}" for each in whole_of_two(hello.ciphers) if each not in GREASE]
    kinds = [kind for kind, _ in hello.listed() if kind not in GREASE]
    alpn = hello.alpn()
    if not alpn:
        ends = "00"
    elif alpn[0] in ALPHANUMERIC and alpn[-1] in ALPHANUMERIC:
        ends = chr(alpn[0]) + chr(alpn[-1])
    else:
        ends = alpn.hex()[0] + alpn.hex()[-1]
    start = "t" + JA4_VERSIONS.get(max(versions, default=hello.version), "00") + ("d" if 0 in kinds else "i")
    start += f"{min(len(ciphers), 99):02}{min(len(kinds), 99):02}{ends}"
    hashed = ",".join(sorted(f"{kind:04x}" for kind in kinds if kind not in (0, 16)))
    algorithms = [f"{each:04x}" for each in whole_numbers(hello.extension(13), 2, 2) if each not in GREASE]
    if hashed and algorithms:
        hashed += "_" + ",".join(algorithms)
    return "_".join([start, twelve(",".join(sorted(ciphers))), twelve(hashed)])


def twelve(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


def commas(values: list[int]) -> str | None:
    return ",".join(map(str, values)) or None


def server_name(hello: Hello) -> str | None:
    names = take_list(hello.extension(0), 2)
    rest = names[0] if names else None
    while rest is not None and rest.octets:
        taken = take_list(rest.behind(1), 2)
        if taken is None or not taken[0].whole:
            return None
        if rest.octets[0] == 0:
            return shown(taken[0].octets)
        rest = taken[1]
    return None


def supported_version(hello: Hello) -> int | None:
    content = hello.extension(43)
    if hello.kind == CLIENT:
        offered = whole_numbers(content, 1, 2)
    else:
        octets = content.octets if content else b""
        offered = [number(octets[n : n + 2]) for n in range(0, len(octets) - 1, 2)]
    return next((version for version in offered if version not in GREASE), None)


def hello_columns(hello: Hello) -> Row:
    first = hello.ciphers.octets[:2] if hello.ciphers else b""
    alpn = hello.alpn()
    client, server = hello.whole and hello.kind == CLIENT, hello.whole and hello.kind == SERVER
    return {
        "tls_handshake_version": hello.version,
        "tls_handshake_session_id_length": hello.session_id.size if hello.session_id else None,
        "tls_handshake_ciphersuite": number(first) if len(first) == 2 else None,
        "tls_handshake_ciphersuites": commas(whole_of_two(hello.ciphers)),
        "tls_handshake_extension_types": commas([kind for kind, _ in hello.listed()]) if hello.whole else None,
        "tls_handshake_extensions_server_name": server_name(hello),
        "tls_handshake_extensions_alpn_str": None if alpn is None else shown(alpn),
        "tls_handshake_extensions_supported_groups": commas(whole_numbers(hello.extension(10), 2, 2)),
        "tls_handshake_extensions_supported_version": supported_version(hello),
        "tls_handshake_ja3": md5(ja3_full(hello)) if client else None,
        "tls_handshake_ja3_full": ja3_full(hello) if client else None,
        "tls_handshake_ja3s": ja3s(hello) if server else None,
        "tls_handshake_ja4": ja4(hello) if client else None,
    }


def tls_columns(segment: bytes) -> Row:
    found = records(segment)
    hello = first_hello(found)
    return {
        "tls_record_content_type": found[0][0],
        "tls_record_version": found[0][1],
        "tls_handshake_type": handshake_type(found),
        **(hello_columns(hello) if hello else {}),
    }


# --- QUIC ------------------------------------------------------------------------------------------------------------

VERSIONS = {1, 0x6B3343CF, *range(0xFF000017, 0xFF000023), *range(0xFACEB000, 0xFACEB010)}
VERSIONS |= {0x51303530, 0x54303530, 0x54303531}


def quic_header(datagram: bytes) -> tuple[Row, int] | None:
    """What the columns say, and the octets of the header."""
    if len(datagram) < 6 or datagram[0] < 0x80:
        return None
    ids, at = [], 5
    for _ in range(2):
        size = datagram[at] if at < len(datagram) else 255
        if size > 20 or at + 1 + size > len(datagram):
            return None
        ids.append(datagram[at + 1 : at + 1 + size].hex())
        at += 1 + size
    version = number(datagram[1:5])
    kind = datagram[0] >> 4 & 3 if version else None
    return {"quic_version": version, "quic_long_packet_type": kind, "quic_dcid": ids[0], "quic_scid": ids[1]}, at


def told_as_quic(walk: Walk) -> str | None:
    datagram = walk.octets[walk.at : walk.captured_end]
    header = quic_header(datagram)
    if walk.layers[-1].step != "udp" or header is None:
        return None
    row, size = header
    on_wire = walk.wire_end - walk.at - size
    if row["quic_version"] != 0:
        known = row["quic_version"] in VERSIONS and datagram[0] & 0x40 and on_wire >= 16
        return "quic" if known else None
    offered = [datagram[n : n + 4] for n in range(size, len(datagram) - 3, 4)][:16]
    known = any(number(each) in VERSIONS or {octet & 15 for octet in each} == {10} for each in offered)
    return "quic" if known and on_wire % 4 == 0 else None


# --- Community ID ----------------------------------------------------------------------------------------------------

PORTS = {6: "tcp", 17: "udp", 132: "sctp"}
TYPES = {1: "icmp", 58: "icmpv6"}
PAIRS = {
    1: {(0, 8), (9, 10), (13, 14), (15, 16), (17, 18)},
    58: {(128, 129), (130, 131), (133, 134), (135, 136), (139, 140), (144, 145)},
}


def community_id(walk: Walk) -> str | None:
    row = walk.row
    if None in (row["ip_src"], row["ip_dst"], row["ip_proto"]):
        return None
    family = "ipv4" if row["ip_version"] == 4 else "ipv6"
    first_nibble = {"ipv4": 4, "ipv6": 6}[family]
    outermost = next(
        place
        for place, (name, at, end, _) in enumerate(walk.layers)
        if name == family and at < end and walk.octets[at] >> 4 == first_nibble
    )
    ends = [(ipaddress.ip_address(row[name]).packed, b"") for name in ("ip_src", "ip_dst")]
    protocol, directed = row["ip_proto"], False
    name = PORTS.get(protocol) or TYPES.get(protocol)
    if name is not None:
        if outermost + 1 >= len(walk.layers) or walk.layers[outermost + 1][0] != name:
            return None
        _, at, end, _ = walk.layers[outermost + 1]
        octets = walk.octets[at : min(end, at + (4 if protocol in PORTS else 2))]
        if len(octets) < (4 if protocol in PORTS else 2):
            return None
        if protocol in PORTS:
            ports = octets[:2], octets[2:]
        else:
            kind, code = octets
            counters = {a: b for pair in PAIRS[protocol] for a, b in (pair, pair[::-1])}
            directed = kind not in counters
            ports = bytes([0, kind]), bytes([0, counters.get(kind, code)])
        ends = [(address, port) for (address, _), port in zip(ends, ports, strict=True)]
    if not directed:
        ends.sort()
    (one, its_port), (other, others_port) = ends
    hashed = bytes(2) + one + other + bytes([protocol, 0]) + its_port + others_port
    return "1:" + base64.b64encode(hashlib.sha1(hashed, usedforsecurity=False).digest()).decode()


# --- a packet --------------------------------------------------------------------------------------------------------


def stop(walk: Walk) -> str:
    raise Stop


PAYLOADS += [told_as_tls, told_as_quic]
STEPS |= {"tls": stop, "quic": stop}
QUIET |= {"tls", "quic"}


def columns(record: Record) -> Row:
    """All columns of this file for one packet."""
    walk = walked(record)
    row: Row = dict.fromkeys(COLUMNS)
    first = {name: walk.octets[at:end] for name, at, end, _ in reversed(walk.layers)}
    if "tls" in first:
        row |= tls_columns(first["tls"])
    if "quic" in first:
        header = quic_header(first["quic"])
        assert header is not None
        row |= header[0]
    row["community_id"] = community_id(walk)
    return row
