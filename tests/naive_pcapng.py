"""The twin's reader of pcapng: "The file: pcapng" in docs/decoding.md."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from naive_pcap import LARGEST, LARGEST_OF, Fault, Record

SECTION, INTERFACE, OBSOLETE, SIMPLE, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
PACKETS = (ENHANCED, SIMPLE, OBSOLETE)
LARGEST_BLOCK = {SECTION: 1 << 20, INTERFACE: 1 << 20, **dict.fromkeys(PACKETS, 17 << 20)}
LARGEST_OTHER = 17 << 20  # larger ones are taken at the word of their first length
MOST_INTERFACES = 1 << 20
ZERO_RUN = bytes(64)

IF_NAME, IF_DESCRIPTION, IF_TSRESOL, IF_TSOFFSET = 2, 3, 9, 14


class Interface(NamedTuple):
    section: int  # from 0
    link_type: int
    snap_len: int
    name: bytes | None = None
    description: bytes | None = None
    units: int = 1_000_000  # of its clock, in a second
    offset: int = 0  # seconds


class Capture(NamedTuple):
    interfaces: list[Interface]
    records: list[Record]
    fault: Fault | None
    blocks_skipped: dict[int, int]  # type: how many


class Wrong(Exception):
    """The block cannot be used."""

    def __init__(self, kind: str):
        self.kind = kind


def read_pcapng(data: bytes) -> Capture:
    """Everything before the first fault, and that fault."""
    reader = Reader(data)
    fault = None
    try:
        while reader.offset < len(data):
            reader.step()
    except Wrong as wrong:
        fault = Fault(wrong.kind, len(reader.records) + 1, reader.offset, len(data) - reader.offset)
    return Capture(reader.interfaces, reader.records, fault, dict(reader.skipped))


class Reader:
    def __init__(self, data: bytes):
        if data[:4] != b"\n\r\r\n":
            raise ValueError(f"no pcapng: the file begins with {data[:4].hex()}")
        if len(data) < 24:  # as for pcap
            raise ValueError(f"{len(data)} octets are too few for a capture")
        if data[8:12] not in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"):
            raise ValueError(f"no pcapng: the byte-order magic is {data[8:12].hex()}")
        self.data = data
        self.offset = 0  # of the block at hand
        self.order = "<"
        self.sections = 0
        self.first_interface = 0  # of the section at hand
        self.interfaces: list[Interface] = []
        self.records: list[Record] = []
        self.skipped: Counter[int] = Counter()

    def unpack(self, form: str, octets: bytes | memoryview) -> tuple[int, ...]:
        return struct.unpack_from(self.order + form, octets)

    def step(self) -> None:
        """One block."""
        rest = memoryview(self.data)[self.offset :]
        if len(rest) < 12:
            raise Wrong("cut_short")
        if rest[:64] == ZERO_RUN:
            raise Wrong("zero_run")
        if rest[:4] == b"\n\r\r\n":
            self.order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(bytes(rest[8:12]), "")
            if not self.order:
                raise Wrong("bad_block")
        kind, length = self.unpack("II", rest)
        if length < 12 or length % 4:
            raise Wrong("bad_block")
        if length > LARGEST_BLOCK.get(kind, length):
            raise Wrong("impossible_length")
        if length > len(rest):
            raise Wrong("cut_short")
        looked_at = kind in LARGEST_BLOCK or length <= LARGEST_OTHER
        if looked_at and self.unpack("I", rest[length - 4 : length]) != (length,):
            raise Wrong("bad_block")
        body = bytes(rest[8 : length - 4])
        if kind == SECTION:
            self.section(body)
        elif kind == INTERFACE:
            self.interface(body)
        elif kind in PACKETS:
            self.packet(kind, body)
        else:
            self.skipped[kind] += 1
        self.offset += length

    def section(self, body: bytes) -> None:
        if len(body) < 16:
            raise Wrong("bad_block")
        _, major, _, _ = self.unpack("IHHq", body)
        if major != 1:
            raise Wrong("bad_block")
        self.sections += 1
        self.first_interface = len(self.interfaces)

    def interface(self, body: bytes) -> None:
        if len(body) < 8:
            raise Wrong("bad_block")
        if len(self.interfaces) == MOST_INTERFACES:
            raise Wrong("impossible_length")
        link_type, _, snap_len = self.unpack("HHI", body)
        values: dict[int, bytes] = {}
        for code, value in self.options(body[8:]):
            if len(value) == {IF_TSRESOL: 1, IF_TSOFFSET: 8}.get(code, len(value)):
                values.setdefault(code, value)
        self.interfaces.append(
            Interface(
                section=self.sections - 1,
                link_type=link_type,
                snap_len=snap_len,
                name=values.get(IF_NAME),
                description=values.get(IF_DESCRIPTION),
                units=units(values[IF_TSRESOL][0]) if IF_TSRESOL in values else 1_000_000,
                offset=self.unpack("q", values[IF_TSOFFSET])[0] if IF_TSOFFSET in values else 0,
            )
        )

    def options(self, octets: bytes) -> Iterator[tuple[int, bytes]]:
        while octets:
            code, size = self.unpack("HH", octets)
            if code == 0:
                return
            if 4 + size > len(octets):
                raise Wrong("bad_block")
            yield code, octets[4 : 4 + size]
            octets = octets[4 + size + -size % 4 :]

    def packet(self, kind: int, body: bytes) -> None:
        if len(body) < (4 if kind == SIMPLE else 20):
            raise Wrong("bad_block")
        number, high, low, cap_len, length = 0, 0, 0, 0, 0
        if kind == ENHANCED:
            number, high, low, cap_len, length = self.unpack("IIIII", body)
        elif kind == OBSOLETE:
            number, _drops, high, low, cap_len, length = self.unpack("HHIIII", body)
        else:
            (length,) = self.unpack("I", body)
        if self.first_interface + number >= len(self.interfaces):
            raise Wrong("no_interface")
        interface = self.interfaces[self.first_interface + number]
        if kind == SIMPLE:
            cap_len = min(length, interface.snap_len) if interface.snap_len else length
        if cap_len > LARGEST_OF.get(interface.link_type, LARGEST):
            raise Wrong("impossible_length")
        octets = body[4 if kind == SIMPLE else 20 :]
        if cap_len > len(octets):
            raise Wrong("bad_block")
        self.records.append(
            Record(
                frame_number=len(self.records) + 1,
                time_ns=None if kind == SIMPLE else time_ns(high << 32 | low, interface),
                cap_len=cap_len,
                len=length,
                link_type=interface.link_type,
                octets=octets[:cap_len],
                offset=self.offset,
                interface=self.first_interface + number,
            )
        )


def units(tsresol: int) -> int:
    base, most = (2, 63) if tsresol & 0x80 else (10, 19)
    exponent = tsresol & 0x7F
    if exponent > most:
        raise Wrong("bad_block")
    return base**exponent


def time_ns(count: int, interface: Interface) -> int | None:
    time = count * 1_000_000_000 // interface.units + interface.offset * 1_000_000_000
    return time if -(1 << 63) <= time < 1 << 63 else None
