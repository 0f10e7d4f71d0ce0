"""The loop of scapy, as people run it, against `ioc_counts(compat="scapy")`: whole captures, key by key.

Needs scapy; captures come from $PCAPFRAME_CORPUS/captures, a seeded sample of them or with PCAPFRAME_FULL=1 all. Where
the two read a *file* differently (docs/differences.md, "Reading the file") the difference is asserted, not skipped.
"""

from __future__ import annotations

import io
import os
import random
import struct
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

import captures as make
import naive
import pcapframe

pytestmark = pytest.mark.filterwarnings("ignore::pcapframe.CaptureWarning")  # faults are asserted here
scapy = pytest.importorskip("scapy.all", reason="scapy is not installed")

CORPUS = os.environ.get("PCAPFRAME_CORPUS", "")
FULL = os.environ.get("PCAPFRAME_FULL") == "1"
SAMPLE_OCTETS = 10**9 if FULL else 3_000_000  # together; scapy takes about a minute for 10 MB
MOST_OCTETS = 50_000_000 if FULL else 500_000  # of one file
MAGICS = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
KUZNETZOV = (b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34")
LOWPAN = (195, 230)  # 802.15.4, with and without check sequence


class Seen(NamedTuple):
    """What the loop makes of one packet under each rule; None where it counts nothing."""

    empty: str | None
    nxdomain: str | None
    ip: str | None
    seq: int | None
    data: int | None


def loop(file: bytes) -> list[Seen]:
    """The loop. FIN is 1, SYN 2; what pads a short frame hangs below TCP in scapy, but is not its payload."""
    seen = []
    for p in scapy.PcapReader(io.BytesIO(file)):
        empty = nxdomain = ip = seq = data = None
        if scapy.IP in p:
            if scapy.DNS in p and p[scapy.DNS].qr == 1 and p[scapy.DNS].ancount == 0:
                empty = p[scapy.IP].dst
            if scapy.DNS in p and p[scapy.DNS].qr == 1 and p[scapy.DNS].rcode == 3:
                nxdomain = p[scapy.IP].dst
            ip = p[scapy.IP].src
        if scapy.TCP in p:
            seq = p[scapy.TCP].seq
            if type(p[scapy.TCP].payload) not in (scapy.NoPayload, scapy.Padding) or int(p[scapy.TCP].flags) & 3:
                data = seq
        seen.append(Seen(empty, nxdomain, ip, seq, data))
    return seen


def counted(seen: list[Seen]) -> dict[str, dict]:
    return {
        rule: dict(Counter(key for key in keys if key is not None))
        for rule, keys in zip(Seen._fields, zip(*seen, strict=True) if seen else [()] * len(Seen._fields), strict=True)
    }


def by_us(file: bytes) -> dict[str, dict]:
    capture = pcapframe.open(file)
    usual = capture.ioc_counts(compat="scapy")
    other = capture.ioc_counts(compat="scapy", dns_rule="nxdomain", seq_rule="data")
    assert usual.ip == other.ip
    found = {"empty": usual.dns, "nxdomain": other.dns, "ip": usual.ip, "seq": usual.seq, "data": other.seq}
    return {rule: dict(counts.to_dict()) for rule, counts in found.items()}


def difference(file: bytes) -> str:
    """Which class of files it is that the two read differently, and that they part in just that; or "" for none."""
    magic, order = file[:4], "<" if file[1:4] in (b"\xc3\xb2\xa1", b"\x3c\xb2\xa1", b"\xcd\xb2\xa1") else ">"
    major, minor = struct.unpack(order + "HH", file[4:8])
    link = struct.unpack(order + "I", file[20:24])[0]
    if magic in KUZNETZOV:
        with pytest.raises(scapy.Scapy_Exception):
            loop(file)
        return "Kuznetzov's magic: scapy refuses it"
    if major != 2 or link & 0x03FF0000:
        with pytest.raises(pcapframe.CaptureError):
            pcapframe.open(file)
        return "another version than 2, or reserved bits of the link type: we refuse it"
    if minor <= 3:
        whole = make.pcap_bytes([record.octets for record in naive.read_pcap(file)[1]], link)
        assert by_us(file) == counted(loop(whole))
        return "version below 2.4: we know that the two lengths of a record are swapped, scapy does not"
    seen, ours = loop(file), by_us(file)
    if link in LOWPAN and counted(seen) != ours:
        assert not any(ours.values())
        return "6LoWPAN: scapy decompresses it"
    info = pcapframe.open(file).info(full=True)
    for fault in info.faults:
        assert ours == counted(seen[: info.packets])
        if fault.kind == "cut_short":
            rest = len(file) - fault.offset
            assert len(seen) == info.packets + (rest >= 16), fault
            return "cut short in the last record: scapy delivers a stump"
        if fault.kind == "impossible_length":
            assert len(seen) > info.packets, fault
            return "a captured length beyond reason: scapy reads on"
        if fault.kind == "zero_run":
            assert len(seen) > info.packets, fault
            return "a run of zeros: scapy takes it for packets of no octets"
        pytest.fail(f"a fault that scapy does not know: {fault}")
    assert len(seen) == info.packets
    assert ours == counted(seen)
    return ""


@pytest.mark.parametrize("link_type", make.LINK_TYPES)
def test_made_packets(link_type: int) -> None:
    rng = random.Random(link_type)
    packets = [make.any_packet(make.Tape(rng.randbytes(60), wild=True), link_type) for _ in range(400)]
    for magic in ("micro", "nano"):
        for order in "<>":
            assert difference(make.pcap_bytes(packets[:400], link_type, magic, order)) == ""


def test_each_difference_in_reading_files() -> None:
    packets = [make.ethernet(make.ipv4(make.tcp(seq=n))).octets for n in range(3)]
    file = make.pcap_bytes(packets)
    starts = make.record_starts(packets)
    assert difference(file) == ""
    assert difference(make.pcap_bytes(packets, 1 | 0x24000000)) == ""  # check sequence bits: nothing counts
    assert "refuse" in difference(make.pcap_bytes(packets, version=(3, 0)))
    assert "refuses" in difference(make.pcap_bytes(packets, magic="kuznetzov"))
    assert "cut short" in difference(make.cut(file, len(file) - 1))
    assert "cut short" in difference(make.cut(file, starts[2] + 16))
    assert "cut short" in difference(make.cut(file, starts[2] + 15))
    assert "beyond reason" in difference(make.impossible(file, starts[1], "<"))
    assert difference(make.pcap_bytes([b"", *packets, b"\x45" + bytes(70_000)])) == ""
    old = make.pcap_bytes([], version=(2, 2))
    old += b"".join(struct.pack("<IIII", 0, 0, 1000, len(packet)) + packet for packet in packets)
    assert len(by_us(old)["seq"]) == 3
    assert "swapped" in difference(old)
    assert "run of zeros" in difference(file + bytes(160))


def sample() -> list[Path]:
    """Classic captures in a seeded order, until enough octets have come together."""
    if not Path(CORPUS, "captures").is_dir():
        pytest.skip("PCAPFRAME_CORPUS names no folder with captures to compare with scapy")
    paths = sorted(path for path in Path(CORPUS, "captures").rglob("*") if path.is_file())
    random.Random(2).shuffle(paths)
    chosen, octets = [], 0
    for path in paths:
        size = path.stat().st_size
        with path.open("rb") as file:
            classic = file.read(4) in MAGICS + KUZNETZOV and size >= 24
        if classic and size <= MOST_OCTETS and octets + size <= SAMPLE_OCTETS:
            chosen.append(path)
            octets += size
    return chosen


def test_corpus() -> None:
    classes: Counter[str] = Counter()
    wrong = []
    for path in sample():
        try:
            classes[difference(path.read_bytes())] += 1
        except AssertionError as error:
            wrong.append(f"{path}: {str(error)[:500]}")
    print(f"{classes.pop('', 0)} files are equal;", dict(classes))
    assert not wrong, "\n".join(wrong[:20])
