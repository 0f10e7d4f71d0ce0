"""Damaged captures, case by case: all packets before the damage are given, and one fault says what and where.

Every file is made here in a few lines. Nothing is ever guessed of what lies behind a fault.
"""

from __future__ import annotations

import csv
import os
import random
import struct
import threading
import warnings
from pathlib import Path
from typing import NamedTuple

import pytest

import captures as pcap
import captures_ng as ng
import memory
import naive
import pcapframe as pf

HEADER = 24  # of a pcap file
PACKETS = [pcap.Packet(bytes([n + 1]) * (60 + n), 60 + n, 1_500_000_000 + n) for n in range(4)]
FILE = pcap.pcap_bytes(PACKETS)
STARTS = pcap.record_starts(PACKETS)
MIDDLE = STARTS[2]  # behind two of the four

SECTION, INTERFACE = ng.section(), ng.interface(snap_len=65_535)
ENHANCED = ng.enhanced(bytes(range(60)))
NG = SECTION + INTERFACE + ENHANCED + ENHANCED
GOOD_NG = NG + ENHANCED


class Found(NamedTuple):
    packets: int
    faults: list[tuple[str, int | None, int | None, int]]


def read(data: bytes, threads: int = 2) -> Found:
    """Through every question that is asked of all packets, which must agree; and strictly."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        capture = pf.open(data, threads=threads)
        info = capture.info(full=True)
        assert len(capture.packets()) == info.packets
    assert info.packets is not None
    assert info.faults is not None
    messages = [fault.message for fault in info.faults]
    assert [str(warning.message) for warning in caught] == messages * 2
    assert all("\n" not in message for message in messages)
    if messages:
        with pytest.raises(pf.CaptureError) as raised:
            pf.open(data, threads=threads, strict=True).packets()
        assert str(raised.value) == messages[0]
    else:
        assert len(pf.open(data, threads=threads, strict=True).packets()) == info.packets
    return Found(info.packets, [(fault.kind, fault.frame_number, fault.offset, fault.lost) for fault in info.faults])


def fine(packets: int) -> Found:
    return Found(packets, [])


def broken(packets: int, kind: str, offset: int, data: bytes) -> Found:
    return Found(packets, [(kind, packets + 1, offset, len(data) - offset)])


def with_cap_len(cap_len: int, snap_len: int = 65_535) -> bytes:
    file = pcap.pcap_bytes(PACKETS, snap_len=snap_len)
    return pcap.impossible(file, MIDDLE, "<", cap_len)


# --- no capture at all -----------------------------------------------------------------------------------------------

VERSION = struct.pack("<HH", 99, 4)
RESERVED = struct.pack("<I", 1 << 16 | 1)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (FILE[:4], r"4 of 24 octets"),
        (FILE[:20], r"20 of 24 octets"),
        (b"\x00\x01\x02\x03" + FILE[4:], "00 01 02 03"),
        (FILE[:4] + VERSION + FILE[8:], r"version 99\.4"),
        (FILE[:20] + RESERVED + FILE[24:], "bits 16 to 25"),
        (NG[:4], "cut short within the section header of a pcapng file: it has only 4 octets"),
        (NG[:20], "cut short within the section header of a pcapng file: it has only 20 octets"),
        (NG[:8] + b"\x01\x02\x03\x04" + NG[12:], "01 02 03 04"),
    ],
)
def test_what_is_no_capture_is_an_error(data: bytes, says: str) -> None:
    with pytest.raises(pf.CaptureError, match=says):
        pf.open(data)


def test_header_only() -> None:
    assert read(FILE[:HEADER]) == fine(0)
    assert read(SECTION) == fine(0)
    assert read(SECTION + INTERFACE) == fine(0)


# --- classic pcap ----------------------------------------------------------------------------------------------------

CUT_HEADER, CUT_DATA = FILE[: STARTS[3] + 9], FILE[: STARTS[3] + 16 + 14]
ONES = FILE[:MIDDLE] + b"\xff" * 200 + FILE[MIDDLE:]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(CUT_HEADER, broken(3, "cut_short", STARTS[3], CUT_HEADER), id="last record header cut"),
        pytest.param(CUT_DATA, broken(3, "cut_short", STARTS[3], CUT_DATA), id="last record data cut"),
        pytest.param(pcap.pcap_bytes(PACKETS, snap_len=40), fine(4), id="longer than the snap length"),
        pytest.param(pcap.pcap_bytes(PACKETS, snap_len=0), fine(4), id="snap length 0"),
        pytest.param(pcap.pcap_bytes(PACKETS, snap_len=0xFFFFFFFF), fine(4), id="snap length -1"),
        pytest.param(
            with_cap_len(300_000), broken(2, "impossible_length", MIDDLE, FILE), id="300000, snap length 65535"
        ),
        pytest.param(
            with_cap_len(300_000, 1_000_000), broken(2, "impossible_length", MIDDLE, FILE), id="300000, 1000000"
        ),
        pytest.param(with_cap_len(0xFFFFFFFF), broken(2, "impossible_length", MIDDLE, FILE), id="negative"),
        pytest.param(ONES, broken(2, "impossible_length", MIDDLE, ONES), id="200 octets of ones"),
    ],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_pcap(data: bytes, expected: Found, threads: int) -> None:
    assert read(data, threads) == expected


def test_lengths_of_nothing_and_less_than_nothing() -> None:
    """Fewer octets on the wire than captured, none captured: packets, and counted as odd."""
    packets = [pcap.Packet(bytes(60), 20), pcap.Packet(b"", 60), pcap.Packet(bytes(60), 60)]
    data = pcap.pcap_bytes(packets, snap_len=50)
    assert read(data) == fine(3)
    info = pf.open(data).info(full=True)
    assert info.oddities is not None
    assert (info.oddities["longer_than_on_wire"], info.oddities["beyond_snap_len"]) == (1, 2)
    assert pf.open(data).packets()["frame_cap_len"].tolist() == [60, 0, 60]


@pytest.mark.parametrize("link_type", [147, 9999])
def test_link_types_nobody_knows(link_type: int) -> None:
    for data in (
        pcap.pcap_bytes(PACKETS, link_type),
        SECTION + ng.interface(link_type) + b"".join(ng.enhanced(packet.octets) for packet in PACKETS),
    ):
        assert read(data) == fine(4)
        info = pf.open(data).info(full=True)
        assert info.packet_faults == {f"unknown link type {link_type}": 4}
        assert info.link_types == (str(link_type),)


@pytest.mark.parametrize("magic", pcap.MAGICS)
@pytest.mark.parametrize("order", "<>")
def test_a_run_of_zeros_is_no_run_of_packets(magic: str, order: str) -> None:
    """A hole in a sparse file: others deliver 256 packets of 1970."""
    file = pcap.pcap_bytes(PACKETS, magic=magic, order=order)
    offset = pcap.record_starts(PACKETS, magic)[2]
    header = 24 if magic == "kuznetzov" else 16
    for zeros in (4096, 4 * header, 100 * header):
        data = file[:offset] + bytes(zeros) + file[offset:]
        assert read(data) == broken(2, "zero_run", offset, data)
    for records in (1, 2, 3):
        data = file[:offset] + bytes(records * header) + file[offset:]
        assert read(data) == fine(4 + records)
        data = file[:offset] + bytes(records * header)
        assert read(data) == fine(2 + records)
    data = file[:offset] + bytes(3 * header + 5)
    assert read(data) == broken(5, "cut_short", offset + 3 * header, data)
    data = file + bytes(4 * header)
    assert read(data) == broken(4, "zero_run", len(file), data)


@pytest.mark.parametrize("chunk", [16, 64, 100, 4096])
def test_a_run_of_zeros_across_chunks(chunk: int) -> None:
    data = FILE[:MIDDLE] + bytes(4096) + FILE[MIDDLE:]
    for threads in (1, 3):
        capture = pf.open(data, threads=threads)
        capture._options = type(capture._options)(threads, False, False, chunk)
        with pytest.warns(pf.CaptureWarning):
            info = capture.info(full=True)
        assert info.packets == 2
        assert [(fault.kind, fault.offset) for fault in info.faults or ()] == [("zero_run", MIDDLE)]


def test_odd_clocks() -> None:
    """Fractions above a second, times that go backwards, the first and the last: kept as they are, in file order."""
    stamps = [(1_500_000_000, 5_000_000), (1_500_000_000, 0xFFFFFFFF), (0, 0), (0xFFFFFFFF, 999_999), (5, 0)]
    data = pcap.pcap_bytes([pcap.Packet(bytes(20), 20, *stamp) for stamp in stamps])
    assert read(data) == fine(5)
    times = pf.open(data).packets().to_dict()["frame_time"]
    assert times == [seconds * 10**9 + fraction * 1000 for seconds, fraction in stamps]
    info = pf.open(data).info(full=True)
    assert info.oddities is not None
    assert info.oddities["time_backwards"] == 2
    assert (info.first_time, info.last_time) == (0, 0xFFFFFFFF * 10**9 + 999_999_000)


@pytest.mark.parametrize("magic", pcap.MAGICS)
@pytest.mark.parametrize("order", "<>")
def test_every_form_of_pcap(magic: str, order: str) -> None:
    assert read(pcap.pcap_bytes(PACKETS, magic=magic, order=order)) == fine(4)


# --- pcapng ----------------------------------------------------------------------------------------------------------

HUGE = 0x7FFFFFFC
OVERRUN = struct.pack("<HH", 1, 60_000)


def enhanced_with(options: bytes) -> bytes:
    return ng.block(ng.ENHANCED, ENHANCED[8:-4] + options)


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        pytest.param("no_interface", ng.enhanced(bytes(9), number=7), id="interface 7 of 1"),
        pytest.param("no_interface", ng.obsolete(bytes(9), number=7), id="interface 7 of 1, obsolete"),
        pytest.param("bad_block", ng.block(ng.ENHANCED, bytes(20), length=8), id="length 8"),
        pytest.param("bad_block", ng.block(ng.ENHANCED, bytes(20), length=17), id="length 17"),
        pytest.param("bad_block", ng.block(ng.ENHANCED, bytes(20), behind=36), id="lengths differ"),
        pytest.param("bad_block", ng.block(0x80000001, bytes(20), behind=36), id="lengths differ, unknown block"),
        pytest.param("bad_block", ng.section(magic=0xABABABAB), id="byte-order magic"),
        pytest.param("bad_block", ng.section(version=(2, 0)), id="version 2"),
        pytest.param("bad_block", ng.enhanced(bytes(9), cap_len=13), id="packet longer than its block"),
        pytest.param("bad_block", ng.block(ng.ENHANCED, bytes(16)), id="packet block too short"),
        pytest.param("bad_block", ng.block(ng.SIMPLE, b""), id="simple block too short"),
        pytest.param("bad_block", ng.block(ng.INTERFACE, bytes(4)), id="interface block too short"),
        pytest.param("bad_block", ng.block(ng.INTERFACE, bytes(8) + OVERRUN), id="option overrun in an interface"),
        pytest.param("bad_block", ng.interface(tsresol=20), id="10^-20"),
        pytest.param("bad_block", ng.interface(tsresol=127), id="10^-127"),
        pytest.param("bad_block", ng.interface(tsresol=0x80 | 64), id="2^-64"),
        pytest.param("bad_block", ng.interface(tsresol=0xFF), id="2^-127"),
        pytest.param("impossible_length", ng.block(ng.ENHANCED, bytes(20), length=HUGE), id="packet block 0x7ffffffc"),
        pytest.param("impossible_length", ng.block(ng.SIMPLE, b"", length=18 << 20), id="packet block of 18 MiB"),
        pytest.param("impossible_length", ng.block(ng.INTERFACE, b"", length=2 << 20), id="interface of 2 MiB"),
        pytest.param(
            "impossible_length",
            ng.block(ng.SECTION, struct.pack("<I", 0x1A2B3C4D), length=2 << 20),
            id="section header of 2 MiB",
        ),
        pytest.param("impossible_length", ng.enhanced(bytes(9), cap_len=300_000), id="captured length 300000"),
        pytest.param("impossible_length", ng.enhanced(bytes(9), cap_len=0xFFFFFFFF), id="captured length negative"),
        pytest.param("cut_short", ng.block(0x80000001, b"", length=HUGE), id="unknown block 0x7ffffffc"),
        pytest.param("zero_run", bytes(4096), id="4 KiB of zeros"),
        pytest.param("zero_run", bytes(64), id="64 zeros"),
    ],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_pcapng(kind: str, octets: bytes, threads: int) -> None:
    """Two packets, the damage, and one more packet, which is not delivered."""
    data = NG + octets + ENHANCED
    assert read(data, threads) == broken(2, kind, len(NG), data)


@pytest.mark.parametrize("zeros", [4, 12, 60])
def test_a_few_zeros_in_pcapng_are_a_bad_block(zeros: int) -> None:
    data = NG + bytes(zeros) + ENHANCED
    assert read(data) == broken(2, "bad_block", len(NG), data)


def test_a_packet_before_any_interface() -> None:
    for block in (ENHANCED, ng.simple(bytes(9)), ng.obsolete(bytes(9))):
        data = SECTION + block + INTERFACE + ENHANCED
        assert read(data) == broken(0, "no_interface", len(SECTION), data)
    data = GOOD_NG + SECTION + ENHANCED  # interfaces end with their section
    assert read(data) == broken(3, "no_interface", len(GOOD_NG + SECTION), data)


def test_the_first_section_may_be_the_bad_block() -> None:
    data = ng.section(version=(2, 0)) + INTERFACE + ENHANCED
    assert read(data) == broken(0, "bad_block", 0, data)
    data = ng.block(ng.SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), behind=32) + INTERFACE
    assert read(data) == broken(0, "bad_block", 0, data)


def test_other_blocks_are_skipped_and_counted() -> None:
    big = ng.other(0x80000001, bytes(18 << 20))
    data = NG + ng.custom() + ng.custom() + ng.secrets() + big + ng.other(77) + ENHANCED
    assert read(data) == fine(3)
    assert pf.open(data).info(full=True).other_blocks == {10: 1, 77: 1, 0xBAD: 2, 0x80000001: 1}


@pytest.mark.parametrize("large", [False, True])
def test_a_block_that_is_cut_short_is_not_counted(large: bool) -> None:
    data = NG + ng.block(0x80000001, bytes(20), length=18 << 20 if large else 48)
    assert read(data) == broken(2, "cut_short", len(NG), data)
    with pytest.warns(pf.CaptureWarning):
        assert pf.open(data).info(full=True).other_blocks == {}


def test_options_of_a_packet_that_run_over_cost_only_themselves() -> None:
    assert read(NG + enhanced_with(OVERRUN) + ENHANCED) == fine(4)


def test_sections_of_both_orders() -> None:
    data = GOOD_NG + ng.section(">") + ng.interface(101, order=">") + ng.enhanced(bytes(20), order=">") + GOOD_NG
    assert read(data) == fine(7)


def test_mixed_link_types_and_snap_lengths() -> None:
    packet = pcap.ipv4(pcap.udp())
    data = SECTION + ng.interface(1, 65_535) + ng.interface(101, 96) + ng.interface(113, 0)
    data += ng.enhanced(pcap.ethernet(packet).octets) + ng.enhanced(packet.octets, number=1)
    data += ng.enhanced(pcap.sll(packet).octets, number=2)
    assert read(data) == fine(3)
    assert pf.open(data).packets()["udp_dstport"].tolist() == [4000] * 3
    assert pf.open(data).info(full=True).link_types == ("ETHERNET", "RAW", "LINUX_SLL")


def test_more_captured_than_the_snap_length() -> None:
    data = SECTION + ng.interface(snap_len=40) + ENHANCED * 2
    assert read(data) == fine(2)
    info = pf.open(data).info(full=True)
    assert info.oddities is not None
    assert info.oddities["beyond_snap_len"] == 2


TS_MAX = (1 << 64) - 1


@pytest.mark.parametrize(
    ("interface", "count", "time"),
    [
        (ng.interface(tsresol=0), 1_700_000_000, 1_700_000_000 * 10**9),
        (ng.interface(tsresol=9), TS_MAX, None),
        (ng.interface(), TS_MAX, None),
        (ng.interface(tsresol=19), TS_MAX, 1_844_674_407),
        (ng.interface(tsresol=0xBF), TS_MAX, 1_999_999_999),
        (ng.interface(tsoffset=(1 << 63) - 1), 5, None),
        (ng.interface(tsoffset=-(1 << 63)), 5, None),
        (ng.interface(tsoffset=-10), 5_500_000, -4_500_000_000),
        (ng.interface(tsoffset=9_223_372_036), 854_775, 9_223_372_036_854_775_000),
        (ng.interface(tsoffset=9_223_372_036), 854_776, None),
    ],
)
def test_times_are_exact_or_null(interface: bytes, count: int, time: int | None) -> None:
    data = SECTION + interface + ng.enhanced(bytes(20), count)
    assert read(data) == fine(1)
    assert pf.open(data).packets().to_dict()["frame_time"] == [time]


def test_many_interfaces_and_many_options() -> None:
    data = SECTION + ng.interface() * 70_000 + ng.enhanced(bytes(20), number=69_999)
    assert read(data) == fine(1)
    empty = struct.pack("<HH", 1, 0) * 30_000
    assert read(NG + ng.block(ng.INTERFACE, bytes(8) + empty) + ENHANCED) == fine(3)


@pytest.mark.soak
def test_more_interfaces_than_anybody_has() -> None:
    most = 1 << 20
    data = SECTION + ng.interface() * (most + 1)
    offset = len(data) - len(ng.interface())
    with pytest.warns(pf.CaptureWarning, match="interfaces"):
        info = pf.open(data).info(full=True)
    assert [(f.kind, f.frame_number, f.offset) for f in info.faults or ()] == [("impossible_length", 1, offset)]
    assert len(info.interfaces) == most


def test_a_name_that_is_no_text_is_shown_as_text() -> None:
    data = SECTION + ng.interface(name=b"\xffeth") + ENHANCED
    (interface,) = pf.open(data).info(full=True).interfaces
    assert interface.name is not None
    assert interface.name.encode()  # no lone surrogates


# --- streams and files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [CUT_DATA, GOOD_NG[:-5]], ids=["pcap", "pcapng"])
def test_a_fifo_that_ends_early(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    thread = threading.Thread(target=lambda: path.write_bytes(data))
    thread.start()
    with pytest.warns(pf.CaptureWarning):
        info = pf.open(path).info(full=True)
    thread.join()
    expected = naive.read(data)
    assert expected.fault is not None
    assert info.packets == len(expected.records)
    (fault,) = info.faults or ()
    assert (fault.kind, fault.frame_number, fault.offset, fault.lost) == tuple(expected.fault)
    assert fault.file == str(path)


@pytest.mark.parametrize("length", [32 << 20, pytest.param(0xFFFFFFF0, marks=pytest.mark.soak)])
def test_large_blocks_are_stepped_over(length: int, tmp_path: Path) -> None:
    """Two sparse ones of nearly 4 GiB: offsets are 64 bits wide."""
    path = tmp_path / "large.pcapng"
    with path.open("wb") as file:
        for good in (GOOD_NG, ENHANCED):
            file.write(good)
            start = file.tell()
            file.write(struct.pack("<II", 0x80000001, length))
            file.seek(start + length - 4)
            file.write(struct.pack("<I", length))
        file.write(ENHANCED + ENHANCED[:9])
        end = file.tell()
    with pytest.warns(pf.CaptureWarning):
        info = pf.open(path).info(full=True)
    assert info.packets == 5
    assert [(f.kind, f.frame_number, f.offset, f.lost) for f in info.faults or ()] == [("cut_short", 6, end - 9, 9)]


@pytest.mark.parametrize(
    "promise",
    [
        ng.block(ng.ENHANCED, bytes(20), length=16 << 20),
        ng.block(ng.ENHANCED, bytes(20), length=HUGE),
        ng.block(ng.NAMES, b"", length=16 << 20),
        ng.block(0x80000001, b"", length=0xFFFFFFFC),
        ng.enhanced(b"", cap_len=0xFFFFFFFF),
    ],
    ids=["packet of 16 MiB", "packet of 2 GiB", "names of 16 MiB", "unknown of 4 GiB", "captured length"],
)
def test_no_memory_is_taken_on_the_word_of_a_length(promise: bytes) -> None:
    code = (
        "import io, sys, warnings, pcapframe as pf\n"
        "class Pipe:\n"
        "    def __init__(self, data): self.file = io.BytesIO(data)\n"
        "    def read(self, n): return self.file.read(n)\n"
        "warnings.simplefilter('ignore')\n"
        "data = bytes.fromhex(sys.argv[1])\n"
        "before = peak()\n"
        "for source in (data, Pipe(data)): assert len(pf.open(source, threads=1).packets()) == 2\n"
        "print(peak() - before)\n"
    )
    (grown,) = memory.run(code, (NG + promise).hex())
    assert grown < 8 << 20


# --- the truncation sweep --------------------------------------------------------------------------------------------


def generated() -> list[bytes]:
    rng = random.Random(1)
    made = [
        pcap.pcap_bytes([pcap.any_packet(pcap.Tape(rng.randbytes(60)), 1) for _ in range(4)], 1, magic, order)
        for magic in pcap.MAGICS
        for order in "<>"
    ]
    for _ in range(6):
        blocks = ng.written([rng.randbytes(60) for _ in range(7)], wild=False).blocks
        made.append(b"".join(block for block, _ in blocks))
    return made


def of_corpus(count: int) -> list[bytes]:
    corpus = os.environ.get("PCAPFRAME_CORPUS")
    if not corpus:
        return []
    folder = Path(corpus) / "captures"
    with (folder / "manifest.tsv").open(newline="") as manifest:
        small = [
            entry
            for entry in csv.DictReader(manifest, delimiter="\t")
            if 300 <= int(entry["bytes"] or 0) <= 1500
            and entry["format"].startswith("pcap")
            and entry["status"] == "ok"
        ]
    pcapng = [entry for entry in small if entry["format"].startswith("pcapng")]
    classic = [entry for entry in small if not entry["format"].startswith("pcapng")]
    rng = random.Random(1)
    chosen = rng.sample(pcapng, count // 2) + rng.sample(classic, count - count // 2)
    return [(folder / entry["path"]).read_bytes() for entry in chosen]


def sweep(data: bytes) -> None:
    """Cut at every length: the whole records before the cut, and a fault where it is no boundary."""
    whole = naive.read(data)
    assert whole.fault is None
    if data[:4] == b"\n\r\r\n":
        boundaries, offset, order = [0], 0, "<"
        while offset < len(data):
            if data[offset : offset + 4] == b"\n\r\r\n":
                order = "<" if data[offset + 8 : offset + 9] == b"M" else ">"
            offset += struct.unpack_from(order + "I", data, offset + 4)[0]
            boundaries.append(offset)
    else:
        boundaries = [HEADER, *(record.offset for record in whole.records)]
    for length in range(len(data)):
        part = data[:length]
        if length < 24:
            with pytest.raises(pf.CaptureError):
                pf.open(part)
            continue
        capture = pf.open(part, threads=1 + length % 3, progress=False)
        capture._options = type(capture._options)(1 + length % 3, False, False, (0, 16, 100)[length % 3])
        info = capture.info(full=True)
        last = max(place for place in boundaries if place <= length)
        packets = sum(record.offset < last for record in whole.records)
        assert info.packets == packets, length
        expected = [] if length in boundaries else [("cut_short", packets + 1, last, length - last)]
        assert [(f.kind, f.frame_number, f.offset, f.lost) for f in info.faults or ()] == expected, length


@pytest.mark.filterwarnings("ignore::pcapframe.CaptureWarning")
@pytest.mark.parametrize("number", range(12))
def test_generated_captures_cut_at_every_length(number: int) -> None:
    sweep(generated()[number])


@pytest.mark.filterwarnings("ignore::pcapframe.CaptureWarning")
def test_captures_of_the_corpus_cut_at_every_length() -> None:
    chosen = of_corpus(8)
    if not chosen:
        pytest.skip("PCAPFRAME_CORPUS does not name a folder with captures to cut")
    for data in chosen:
        sweep(data)
