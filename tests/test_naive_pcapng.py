"""The twin's reader of pcapng against tshark and capinfos, and one sentence of docs/decoding.md at a time."""

from __future__ import annotations

import csv
import gzip
import os
import random
import shutil
import struct
import subprocess
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings

import captures_ng as make
import naive
from captures import LINK_TYPES, Tape
from naive_tshark_ng import Comparison, reason, theirs
from pcapframe._tshark import TSHARK

FULL = os.environ.get("PCAPFRAME_FULL") == "1"
CORPUS = os.environ.get("PCAPFRAME_CORPUS")
KNOWN_TO_TSHARK = (*LINK_TYPES, 105, 147, 249)

needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
needs_corpus = pytest.mark.skipif(
    not CORPUS, reason="PCAPFRAME_CORPUS does not name a folder with captures to compare with tshark"
)


def files(count: int, seed: int, wild: bool) -> list[make.Writer]:
    rng = random.Random(seed)
    return [make.written([rng.randbytes(60) for _ in range(40)], wild, KNOWN_TO_TSHARK) for _ in range(count)]


def whole(writer: make.Writer) -> bytes:
    return b"".join(block for block, _ in writer.blocks)


# --- tshark ----------------------------------------------------------------------------------------------------------


@needs_tshark
def test_well_formed_files_are_as_tshark_reads_them(tmp_path: Path) -> None:
    """Many files one after the other, which is a file of as many sections."""
    file = b"".join(whole(writer) for writer in files(80, seed=1, wild=False))
    capture = naive.read(file)
    rows, said = theirs(file, tmp_path)
    comparison = Comparison()
    comparison.add(capture, rows)
    print(comparison.report())
    assert (len(rows), said, capture.fault) == (len(capture.records), "", None)
    assert not comparison.different, comparison.report()


@needs_tshark
def test_wild_and_damaged_files_are_as_tshark_reads_them(tmp_path: Path) -> None:
    comparison, reasons = Comparison(), Counter[str]()
    rng = random.Random(2)
    for number, writer in enumerate(files(150 if FULL else 12, seed=3, wild=True)):
        file = make.damaged(writer.blocks, Tape(rng.randbytes(8))) if number % 2 else whole(writer)
        try:
            capture = naive.read(file)
        except ValueError:
            continue
        rows, said = theirs(file, tmp_path)
        comparison.add(capture, rows, f"file {number}")
        why = reason(file, capture, rows, said)
        assert why is not None, (number, len(capture.records), capture.fault, len(rows), said)
        reasons[why] += 1
    print(comparison.report(), reasons)
    assert not comparison.different, comparison.report()
    assert reasons[""] > sum(reasons.values()) // 3


def corpus() -> list[tuple[str, bytes, dict[str, str]]]:
    """The pcapng files of the corpus: path, octets, line of the manifest."""
    folder = Path(CORPUS or "") / "captures"
    found = []
    with (folder / "manifest.tsv").open(newline="") as manifest:
        for entry in csv.DictReader(manifest, delimiter="\t"):
            if entry["format"].startswith(("pcapng-", "gz:pcapng-")):
                octets = (folder / entry["path"]).read_bytes()
                octets = gzip.decompress(octets) if entry["format"].startswith("gz:") else octets
                found.append((entry["path"], octets, entry))
    return found


def sampled(found: list[tuple[str, bytes, dict[str, str]]], octets: int) -> list[tuple[str, bytes, dict[str, str]]]:
    """All in a full run, otherwise a seeded choice of about so many octets, and all of those made to test readers."""
    if FULL:
        return found
    chosen = [each for each in found if each[0].startswith("hadrielk+")]
    others = [each for each in found if not each[0].startswith("hadrielk+") and len(each[1]) <= 200_000]
    random.Random(4).shuffle(others)
    for each in others:
        octets -= len(each[1])
        if octets < 0:
            break
        chosen.append(each)
    return chosen


# Files of the corpus that end in a fault: which, and packets before. The manifest counts what looks like packets.
EXPECTED_FAULTS = {
    "google+gopacket/pcapgo/tests/be/test901.pcapng": ("bad_block", 1),  # its second section is of version 2
    "google+gopacket/pcapgo/tests/le/test901.pcapng": ("bad_block", 1),
    "rshk+python-pcapng/test_data/test006.ntar": ("bad_block", 0),  # a block length that is no multiple of four
    "seladb+PcapPlusPlus/Tests/Fuzzers/RegressionTests/regression_samples/crash-pcapng-epb-unbounded-length": (
        "bad_block", 0,  # 65,536 octets in a block of 32
    ),
    "the-tcpdump-group+libpcap/tests/pcapng-invalid-vers-1.pcapng": ("bad_block", 0),  # version 0.1
    "the-tcpdump-group+libpcap/tests/shb-option-too-long.pcapng": ("bad_block", 0),  # two lengths that differ
}  # fmt: skip


TSHARK_REFUSES = {"the-tcpdump-group+libpcap/tests/pcapng-invalid-vers-2.pcapng"}  # version 1.1: it knows 1.0 and 1.2


def sound(octets: int) -> list[tuple[str, bytes, dict[str, str]]]:
    """Files that are whole for tshark and for us."""
    return [each for each in sampled(corpus(), octets) if each[0] not in EXPECTED_FAULTS.keys() | TSHARK_REFUSES]


@needs_corpus
def test_corpus_has_the_packets_of_the_manifest() -> None:
    for path, octets, entry in corpus():
        capture = naive.read(octets)
        expected = EXPECTED_FAULTS.get(path, (None, int(entry["packets"])))
        assert (capture.fault and capture.fault.kind, len(capture.records)) == expected, path


@needs_tshark
@needs_corpus
def test_corpus_is_as_tshark_reads_it(tmp_path: Path) -> None:
    """All files one after the other: those without a fault, in both octet orders, are one file of many sections."""
    comparison = Comparison()
    some = [octets for _, octets, _ in sound(1_000_000)]
    for n in range(0, len(some), 200):
        file = b"".join(some[n : n + 200])
        capture = naive.read(file)
        rows, said = theirs(file, tmp_path)
        comparison.add(capture, rows, f"from file {n} on")
        assert (len(rows), capture.fault, said) == (len(capture.records), None, "")
    print(comparison.report())
    assert not comparison.different, comparison.report()


CAPINFOS = shutil.which("capinfos")


@needs_corpus
@pytest.mark.skipif(CAPINFOS is None, reason="capinfos is not installed")
def test_corpus_is_as_capinfos_counts_it(tmp_path: Path) -> None:
    """Packets, octets of them, first and last time of every file."""
    chosen = sound(3_000_000)
    for number, (_, octets, _) in enumerate(chosen):
        (tmp_path / f"{number}.pcapng").write_bytes(octets)
    names = [f"{number}.pcapng" for number in range(len(chosen))]
    command = [str(CAPINFOS), "-T", "-m", "-r", "-S", "-c", "-d", "-a", "-e", *names]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    lines = list(csv.reader(done.stdout.splitlines()))
    assert len(lines) == len(chosen), done.stderr
    timed = 0
    for (_, packets, total, first, last), (path, octets, _) in zip(lines, chosen, strict=True):
        capture = naive.read(octets)
        records = capture.records
        assert [int(packets), int(total)] == [len(records), sum(record.len for record in records)], path
        times = [record.time_ns for record in records]
        if None in times:  # it gives none then, or does not mind that one is beyond 63 bits
            continue
        if not times:
            assert (first, last) == ("n/a", "n/a"), path
        elif all(interface.units <= 1_000_000_000 for interface in capture.interfaces):  # it misprints the others
            timed += 1
            assert [Fraction(first) * 10**9, Fraction(last) * 10**9] == [min(times), max(times)], path
    assert timed > len(chosen) // 2


# --- one sentence of docs/decoding.md --------------------------------------------------------------------------------

SECTION, INTERFACE, PACKET = make.section(), make.interface(), make.enhanced(bytes(9))
START = SECTION + INTERFACE


def times(interface: bytes, *counts: int) -> list[int | None]:
    packets = b"".join(make.enhanced(b"", count) for count in counts)
    return [record.time_ns for record in naive.read(SECTION + interface + packets).records]


def test_times_are_exact_and_cut_to_whole_nanoseconds() -> None:
    assert times(INTERFACE, 1_500_000_000_123_456) == [1_500_000_000_123_456_000]
    assert times(make.interface(tsresol=0), 7) == [7_000_000_000]
    assert times(make.interface(tsresol=9), (1 << 63) - 1, 1 << 63) == [(1 << 63) - 1, None]
    assert times(make.interface(tsresol=12), 1999, (1 << 64) - 1) == [1, 18_446_744_073_709_551]
    assert times(make.interface(tsresol=19), (1 << 64) - 1) == [1_844_674_407]
    assert times(make.interface(tsresol=0xBF), (1 << 64) - 1, 1 << 62) == [1_999_999_999, 500_000_000]
    assert times(make.interface(tsresol=0x80), 3) == [3_000_000_000]
    assert times(make.interface(tsoffset=-1), 1) == [-999_999_000]
    assert times(make.interface(tsoffset=(1 << 63) - 1), 0) == [None]
    assert times(make.interface(tsresol=0, tsoffset=-(1 << 63)), 1 << 63) == [0]


def test_interfaces_are_numbered_within_their_section() -> None:
    file = SECTION + make.interface(1) + make.interface(101, name=b"b") + make.enhanced(b"a", number=1)
    file += make.section(">") + make.interface(113, order=">") + make.enhanced(b"b", order=">") + SECTION + PACKET
    interfaces, records, fault, _ = naive.read(file)
    assert [(each.section, each.link_type, each.name) for each in interfaces] == [
        (0, 1, None), (0, 101, b"b"), (1, 113, None),
    ]  # fmt: skip
    assert [(record.interface, record.link_type, record.octets) for record in records] == [
        (1, 101, b"a"),
        (2, 113, b"b"),
    ]
    assert fault == ("no_interface", 3, len(file) - len(PACKET), len(PACKET))


def test_kinds_of_packet_blocks() -> None:
    file = SECTION + make.interface(snap_len=5) + make.simple(b"12345", 99) + make.simple(b"abc") + make.obsolete(b"x")
    file += make.enhanced(b"longer than that") + make.interface(snap_len=0)
    records = naive.read(file).records
    assert [(each.octets, each.len, each.time_ns is None) for each in records] == [
        (b"12345", 99, True), (b"abc", 3, True), (b"x", 1, False), (b"longer than that", 16, False),
    ]  # fmt: skip


def test_other_blocks_are_counted() -> None:
    others = make.statistics() + make.custom() + make.custom(copy=False) + make.secrets() + make.name_resolution() * 2
    capture = naive.read(START + others + PACKET + make.other(0x80000001) + make.other(0, b"12"))
    assert (len(capture.records), capture.fault) == (1, None)
    assert capture.blocks_skipped == {5: 1, 0xBAD: 1, 0x40000BAD: 1, 10: 1, 4: 2, 0x80000001: 1, 0: 1}


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        ("bad_block", make.block(7, b"", length=8)),
        ("bad_block", make.block(7, b"12345678", length=17)),
        ("bad_block", make.block(7, b"1234", behind=20)),
        ("bad_block", make.block(make.SECTION, struct.pack("<IHH", 0x1A2B3C4D, 1, 0))),
        ("bad_block", make.section(magic=0x1A2B3C4E)),
        ("bad_block", make.section(version=(2, 0))),
        ("bad_block", make.enhanced(b"1234", cap_len=5)),
        ("bad_block", make.obsolete(b"1234", cap_len=5)),
        ("bad_block", make.simple(b"1234", 5)),
        ("bad_block", make.block(make.ENHANCED, bytes(16))),
        ("bad_block", make.block(make.INTERFACE, bytes(4))),
        ("bad_block", make.block(make.INTERFACE, bytes(8) + struct.pack("<HH", 1, 1))),
        ("bad_block", make.interface(tsresol=20)),
        ("bad_block", make.interface(tsresol=0xC0)),
        ("bad_block", bytes(63) + b"\1"),
        ("bad_block", bytes(60)),
        ("zero_run", bytes(64)),
        ("cut_short", bytes(8)),
        ("cut_short", PACKET[:-1]),
        ("cut_short", make.block(7, b"", length=0xFFFFFFFC)),
        ("impossible_length", make.block(make.SECTION, struct.pack("<I", 0x1A2B3C4D), length=(1 << 20) + 4)),
        ("impossible_length", make.block(make.INTERFACE, b"", length=(1 << 20) + 4)),
        ("cut_short", make.block(make.INTERFACE, b"", length=1 << 20)),
        ("impossible_length", make.block(make.ENHANCED, b"", length=(17 << 20) + 4)),
        ("cut_short", make.block(make.SIMPLE, b"", length=17 << 20)),
        ("impossible_length", make.enhanced(b"", cap_len=262_145)),
        ("no_interface", make.enhanced(b"", number=1)),
        ("no_interface", make.obsolete(b"", number=65_535)),
    ],
)
def test_a_fault_ends_the_walk(kind: str, octets: bytes) -> None:
    file = START + PACKET + octets
    _, records, fault, _ = naive.read(file)
    assert (len(records), fault) == (1, (kind, 2, len(START + PACKET), len(octets)))


@pytest.mark.parametrize("file", [b"", SECTION[:23], SECTION[:8] + bytes(20), b"\n\r\r\n" + bytes(40)])
def test_what_is_no_pcapng_is_an_error(file: bytes) -> None:
    with pytest.raises(ValueError, match=r"too few|byte-order magic"):
        naive.read(file)


# --- what the strategy draws -----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(make.st_pcapng(wild=False, damage=False))
def test_tame_files_have_no_fault(file: bytes) -> None:
    assert naive.read(file).fault is None


def test_tapes_reach_every_kind_of_fault_and_block() -> None:
    rng = random.Random(5)
    faults, blocks, untimed = Counter[str | None](), Counter[int](), 0
    for _ in range(400):
        writer = make.written([rng.randbytes(60) for _ in range(12)])
        try:
            capture = naive.read(make.damaged(writer.blocks, Tape(rng.randbytes(8))))
        except ValueError:
            continue
        faults[capture.fault and capture.fault.kind] += 1
        blocks.update(capture.blocks_skipped)
        untimed += sum(record.time_ns is None for record in capture.records)
    kinds = {None, "cut_short", "impossible_length", "zero_run", "bad_block", "no_interface"}
    assert set(faults) == kinds
    assert min(faults.values()) > 10
    assert {0, 4, 5, 9, 10, 0xBAD, 0x40000BAD, 0x80000001} <= set(blocks)
    assert untimed > 100
