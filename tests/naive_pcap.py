"""The twin's reader of classic pcap: "The file: classic pcap" in docs/decoding.md."""

from __future__ import annotations

import struct
from typing import NamedTuple

MAGICS = {  # magic: (nanoseconds in one unit of the fraction, octets of a record header)
    0xA1B2C3D4: (1000, 16),
    0xA1B23C4D: (1, 16),
    0xA1B2CD34: (1000, 24),
}
LARGEST = 262_144
LARGEST_OF = {249: 16 << 20, 231: 16 << 20, 279: 16 << 20}  # USBPCAP, DBUS, EBHSCR


class Header(NamedTuple):
    order: str  # "<" or ">"
    magic: int
    major: int
    minor: int
    snap_len: int
    link_type: int
    fcs_octets: int | None


class Record(NamedTuple):
    frame_number: int
    time_ns: int | None  # None where the file has no time for it
    cap_len: int
    len: int
    link_type: int
    octets: bytes
    offset: int  # of its record header or block in the file
    interface: int = 0  # numbered over the whole file
    file: str = "<bytes>"


class Fault(NamedTuple):
    kind: str  # cut_short, impossible_length, zero_run; in pcapng also bad_block, no_interface
    frame_number: int  # the next packet would have had
    offset: int  # of the record header or block that fails
    lost: int  # octets from there to the end of the file


def read_header(data: bytes) -> Header:
    if len(data) < 24:
        raise ValueError(f"{len(data)} octets are too few for a pcap header")
    for order in "<>":
        magic, major, minor, _, _, snap_len, link = struct.unpack_from(order + "IHHiIII", data)
        if magic in MAGICS:
            break
    else:
        raise ValueError(f"no pcap: the file begins with {data[:4].hex()}")
    if major != 2:
        raise ValueError(f"pcap version {major}.{minor}")
    if link >> 16 & 0x3FF:
        raise ValueError(f"reserved bits in the link type 0x{link:08x}")
    fcs_octets = (link >> 28) * 2 if link >> 26 & 1 else None
    return Header(order, magic, major, minor, snap_len, link & 0xFFFF, fcs_octets)


def read_pcap(data: bytes, file: str = "<bytes>") -> tuple[Header, list[Record], Fault | None]:
    """All records before the first fault, and that fault."""
    header = read_header(data)
    unit, header_size = MAGICS[header.magic]
    largest = LARGEST_OF.get(header.link_type, LARGEST)
    records: list[Record] = []
    offset = 24
    while offset < len(data):
        number = len(records) + 1
        body = offset + header_size
        if body > len(data):
            return header, records, Fault("cut_short", number, offset, len(data) - offset)
        if data[offset : offset + 4 * header_size] == bytes(4 * header_size):
            return header, records, Fault("zero_run", number, offset, len(data) - offset)
        seconds, fraction, cap_len, length = struct.unpack_from(header.order + "IIII", data, offset)
        if header.minor < 3 or (header.minor == 3 and cap_len > length):  # the two were swapped before version 2.3
            cap_len, length = length, cap_len
        if cap_len > largest:
            return header, records, Fault("impossible_length", number, offset, len(data) - offset)
        if body + cap_len > len(data):
            return header, records, Fault("cut_short", number, offset, len(data) - offset)
        time_ns = seconds * 1_000_000_000 + fraction * unit
        octets = data[body : body + cap_len]
        records.append(Record(number, time_ns, cap_len, length, header.link_type, octets, offset, file))
        offset = body + cap_len
    return header, records, None
