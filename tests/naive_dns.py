"""The twin's reading of DNS messages: section "DNS" of docs/decoding.md, and nothing else."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from typing import NamedTuple

from naive_packet import Row, ipv4_text, ipv6_text

MOST_POINTERS = 127
MOST_OCTETS = 255
MOST_TEXT = 65_536
PER_OCTET = 16
MARK = "..."
OPT = 41

NAMES = """
1 A, 2 NS, 3 MD, 4 MF, 5 CNAME, 6 SOA, 7 MB, 8 MG, 9 MR, 10 NULL, 11 WKS, 12 PTR, 13 HINFO, 14 MINFO, 15 MX, 16 TXT,
17 RP, 18 AFSDB, 19 X25, 20 ISDN, 21 RT, 22 NSAP, 23 NSAP-PTR, 24 SIG, 25 KEY, 26 PX, 27 GPOS, 28 AAAA, 29 LOC, 30
NXT, 31 EID, 32 NIMLOC, 33 SRV, 34 ATMA, 35 NAPTR, 36 KX, 37 CERT, 38 A6, 39 DNAME, 40 SINK, 41 OPT, 42 APL, 43 DS, 44
SSHFP, 45 IPSECKEY, 46 RRSIG, 47 NSEC, 48 DNSKEY, 49 DHCID, 50 NSEC3, 51 NSEC3PARAM, 52 TLSA, 53 SMIMEA, 55 HIP, 56
NINFO, 57 RKEY, 58 TALINK, 59 CDS, 60 CDNSKEY, 61 OPENPGPKEY, 62 CSYNC, 63 ZONEMD, 64 SVCB, 65 HTTPS, 99 SPF, 100
UINFO, 101 UID, 102 GID, 103 UNSPEC, 104 NID, 105 L32, 106 L64, 107 LP, 108 EUI48, 109 EUI64, 249 TKEY, 250 TSIG, 251
IXFR, 252 AXFR, 253 MAILB, 254 MAILA, 255 ANY, 256 URI, 257 CAA, 258 AVC, 259 DOA, 260 AMTRELAY, 32768 TA, 32769 DLV
"""
TYPES = {int(number): name for number, name in (line.split() for line in NAMES.split(","))}


def printable(character: str) -> bool:
    """Assigned, and no control, format, surrogate or private-use character and no line or paragraph separator."""
    return unicodedata.category(character)[0] != "C" and unicodedata.category(character) not in ("Zl", "Zp")


def shown(octets: bytes, also: str) -> str:
    """Printable characters as they are; every other octet, the backslash and those of `also` by decimal number."""
    text = ""
    for character in octets.decode("utf-8", "surrogateescape"):
        if printable(character) and character != "\\" and character not in also:
            text += character
        else:
            text += "".join(f"\\{octet:03}" for octet in character.encode("utf-8", "surrogateescape"))
    return text


class Unreadable(Exception):
    """What was to be read is not there, or is not what it must be."""


class Record(NamedTuple):
    name: int
    type: int
    ttl: int
    data: int
    size: int


class Message:
    def __init__(self, octets: bytes):
        self.octets = octets

    def taken(self, at: int, size: int) -> bytes:
        if at + size > len(self.octets):
            raise Unreadable
        return self.octets[at : at + size]

    def number(self, at: int, size: int) -> int:
        return int.from_bytes(self.taken(at, size), "big")

    def extent(self, at: int) -> int:
        """Where the name ends that begins there."""
        while True:
            length = self.number(at, 1)
            if length >= 192:
                self.taken(at, 2)
                return at + 2
            if length > 63:
                raise Unreadable
            self.taken(at, 1 + length)
            at += 1 + length
            if length == 0:
                return at

    def labels(self, at: int) -> list[bytes]:
        """The labels of the name that begins there, through pointers."""
        found: list[bytes] = []
        began, pointers, octets = at, 0, 1
        while (length := self.number(at, 1)) != 0:
            if length >= 192:
                target = self.number(at, 2) % 2**14
                pointers += 1
                if target >= began or pointers > MOST_POINTERS:
                    raise Unreadable
                at = began = target
            elif length > 63:
                raise Unreadable
            else:
                found.append(self.taken(at + 1, length))
                octets += 1 + length
                if octets > MOST_OCTETS:
                    raise Unreadable
                at += 1 + length
        return found

    def name(self, at: int, also: str = ".") -> str:
        return ".".join(shown(label, also) for label in self.labels(at)) or "."

    def records(self, count: int) -> list[Record]:
        """Those of the first `count` records that are read."""
        found: list[Record] = []
        at = 12
        try:
            for _ in range(self.number(4, 2)):
                at = self.extent(at) + 4
                self.taken(at, 0)
            for _ in range(count):
                behind = self.extent(at)
                kind, ttl, size = self.number(behind, 2), self.number(behind + 4, 4), self.number(behind + 8, 2)
                self.taken(behind + 10, size)
                found.append(Record(at, kind, ttl, behind + 10, size))
                at = behind + 10 + size
        except Unreadable:
            pass
        return found

    # --- values ------------------------------------------------------------------------------------------------------

    def is_name(self, record: Record, skipped: int = 0) -> bool:
        """Whether the data are a name's extent, but for the first octets."""
        try:
            return self.extent(record.data + skipped) == record.data + record.size
        except Unreadable:
            return False

    def address(self, record: Record) -> str:
        size, text = (4, ipv4_text) if record.type == 1 else (16, ipv6_text)
        if record.size != size:
            raise Unreadable
        found = text(self.taken(record.data, size))
        assert found is not None
        return found

    def strings(self, record: Record) -> str:
        at, end = record.data, record.data + record.size
        found = []
        while not found or at < end:
            if at == end or at + 1 + self.number(at, 1) > end:
                raise Unreadable
            length = self.number(at, 1)
            found.append('"' + shown(self.taken(at + 1, length), '";') + '"')
            at += 1 + length
        return " ".join(found)

    def authority(self, record: Record) -> str:
        end = record.data + record.size
        second = self.extent(record.data)
        numbers = self.extent(second)
        if numbers + 20 != end:
            raise Unreadable
        names = self.name(record.data, ". ;"), self.name(second, ". ;")
        return " ".join([*names, *(str(self.number(numbers + 4 * i, 4)) for i in range(5))])

    def numbered(self, record: Record, count: int) -> str:
        """Numbers of two octets, and a name."""
        if record.size < 2 * count:
            raise Unreadable
        numbers = [str(self.number(record.data + 2 * i, 2)) for i in range(count)]
        if not self.is_name(record, 2 * count):
            raise Unreadable
        return " ".join([*numbers, self.name(record.data + 2 * count, ". ;")])

    def value(self, record: Record) -> str:
        try:
            match TYPES.get(record.type):
                case "A" | "AAAA":
                    return self.address(record)
                case "NS" | "CNAME" | "PTR":
                    return self.numbered(record, 0)
                case "MX":
                    return self.numbered(record, 1)
                case "SRV":
                    return self.numbered(record, 3)
                case "SOA":
                    return self.authority(record)
                case "TXT":
                    return self.strings(record)
        except Unreadable:
            pass
        return f"\\# {record.size} {self.taken(record.data, record.size).hex()}".rstrip()

    def answers(self) -> str | None:
        announced = self.number(6, 2)
        if announced == 0:
            return None
        most = min(PER_OCTET * len(self.octets), MOST_TEXT) - len("; " + MARK)
        text, written = "", 0
        for record in self.records(announced):
            try:
                name = self.name(record.name, ". ;")
            except Unreadable:
                break
            kind = TYPES.get(record.type, f"TYPE{record.type}")
            longer = f"{text}{'; ' if text else ''}{name} {kind} {record.ttl} {self.value(record)}"
            if len(longer.encode()) > most:
                break
            text, written = longer, written + 1
        if written == announced:
            return text
        return f"{text}; {MARK}" if text else MARK


def header(octets: bytes, kind: str) -> Row:
    """As far as it was captured; kind: dns, mdns or llmnr."""
    row: Row = {}
    if len(octets) >= 2:
        row["dns_id"] = int.from_bytes(octets[:2], "big")
    if len(octets) >= 3:
        response = row["dns_flags_response"] = octets[2] >> 7
        row["dns_flags_opcode"] = octets[2] >> 3 & 15
        row["dns_flags_truncated"] = octets[2] >> 1 & 1
        if kind != "llmnr":
            row["dns_flags_recdesired"] = octets[2] & 1
            row["dns_flags_authoritative"] = octets[2] >> 2 & 1 if response else None
    if len(octets) >= 4:
        row["dns_flags_rcode"] = octets[3] & 15 if response else None
        if kind != "llmnr":
            row["dns_flags_recavail"] = octets[3] >> 7 if response else None
            row["dns_flags_authenticated"] = octets[3] >> 5 & 1
            row["dns_flags_checkdisable"] = octets[3] >> 4 & 1
    for place, section in enumerate(("queries", "answers", "auth_rr", "add_rr")):
        if len(octets) >= 6 + 2 * place:
            row[f"dns_count_{section}"] = int.from_bytes(octets[4 + 2 * place : 6 + 2 * place], "big")
    return row


def question(message: Message, kind: str) -> Row:
    row: Row = {}
    if message.number(4, 2) == 0:
        return row
    with suppress(Unreadable):
        row["dns_qry_name"] = message.name(12)
    with suppress(Unreadable):
        behind = message.extent(12)
        row["dns_qry_type"] = message.number(behind, 2)
        row["dns_qry_class"] = message.number(behind + 2, 2) % (2**15 if kind == "mdns" else 2**16)
    return row


def firsts(message: Message) -> Row:
    """The columns of the first record, and of the first of a type."""
    row: Row = {}
    records = message.records(sum(message.number(at, 2) for at in (6, 8, 10)))
    if records:
        row["dns_resp_type"] = records[0].type
        with suppress(Unreadable):
            row["dns_resp_name"] = message.name(records[0].name)
    row["dns_resp_ttl"] = next((record.ttl for record in records if record.type != OPT), None)
    addresses = {"dns_a": (1, 4), "dns_aaaa": (28, 16)}
    for column, of_kind in addresses.items():
        found = next((record for record in records if (record.type, record.size) == of_kind), None)
        row[column] = None if found is None else message.address(found)
    alias = next((record for record in records if record.type == 5 and message.is_name(record)), None)
    with suppress(Unreadable):
        row["dns_cname"] = None if alias is None else message.name(alias.data)
    return row


COLUMNS = (
    "dns_id", "dns_flags_response", "dns_flags_opcode", "dns_flags_authoritative", "dns_flags_truncated",
    "dns_flags_recdesired", "dns_flags_recavail", "dns_flags_authenticated", "dns_flags_checkdisable",
    "dns_flags_rcode", "dns_count_queries", "dns_count_answers", "dns_count_auth_rr", "dns_count_add_rr",
    "dns_qry_name", "dns_qry_type", "dns_qry_class", "dns_resp_name", "dns_resp_type", "dns_resp_ttl",
    "dns_a", "dns_aaaa", "dns_cname", "dns_answers",
)  # fmt: skip


def columns(octets: bytes, kind: str = "dns") -> Row:
    """All columns of a message, of which these octets were captured."""
    row: Row = dict.fromkeys(COLUMNS)
    row |= header(octets, kind)
    if len(octets) >= 12:
        message = Message(octets)
        row |= question(message, kind) | firsts(message)
        row["dns_answers"] = message.answers()
    return row
