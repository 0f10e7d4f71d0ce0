"""The twin of the decoder against tshark."""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

import captures as make
import naive
from oracle_tshark import COMPARED, TSHARK, Comparison

needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")


@needs_tshark
@pytest.mark.parametrize("link_type", make.LINK_TYPES)
def test_well_formed_packets_are_as_tshark_reads_them(link_type: int, tmp_path: Path) -> None:
    comparison = Comparison()
    packets = make.frames(3000 if link_type == 1 else 600, link_type, wild=False, seed=link_type)
    comparison.add_file(make.pcap_bytes(packets, link_type), tmp_path)
    print(comparison.report())
    assert not any(comparison.different.values()), comparison.report()


@needs_tshark
def test_wild_packets_are_as_tshark_reads_them(tmp_path: Path) -> None:
    comparison = Comparison()
    for link_type in make.LINK_TYPES:
        packets = make.frames(3000 if link_type == 1 else 600, link_type, wild=True, seed=100 + link_type)
        # Fractions above a second wrap in tshark; lengths below the captured make it guess at other file formats.
        packets = [
            packet._replace(seconds=packet.seconds & 0x7FFFFFFF, fraction=15, length=max(packet[1], len(packet[0])))
            for packet in packets
        ]
        comparison.add_file(make.pcap_bytes(packets, link_type), tmp_path)
    print(comparison.report())
    for column in COMPARED:
        assert comparison.share(column) >= 0.995, comparison.report()


@needs_tshark
@pytest.mark.parametrize("magic", make.MAGICS)
@pytest.mark.parametrize("order", "<>")
def test_files_of_every_kind_are_as_tshark_reads_them(magic: str, order: str, tmp_path: Path) -> None:
    comparison = Comparison()
    file = make.pcap_bytes(make.frames(60, 1, wild=False, seed=7), 1, magic, order)
    comparison.add_file(file, tmp_path)
    comparison.add_file(make.cut(file, len(file) - 5), tmp_path)
    assert not any(comparison.different.values()), comparison.report()


SAMPLED_LINK_TYPES = {
    "ETHERNET": 1, "RAW": 101, "NULL": 0, "LINUX_SLL": 113, "LINUX_SLL2": 276, "IPV4": 228, "IPV6": 229,
    "PPP": 9, "PPP_HDLC": 50, "C_HDLC": 104, "IEEE802_11": 105, "IEEE802_11_RADIO": 127, "PPI": 192,
}  # fmt: skip


def corpus_records(files: int, of_each: int, seed: int) -> Iterable[naive.Record]:
    """Records of a seeded sample of the corpus, at most of_each from one file."""
    corpus = os.environ.get("PCAPFRAME_CORPUS")
    if not corpus:
        pytest.skip("PCAPFRAME_CORPUS does not name a folder with captures to compare with tshark")
    folder = Path(corpus) / "captures"
    with (folder / "manifest.tsv").open(newline="") as manifest:
        entries = [
            entry
            for entry in csv.DictReader(manifest, delimiter="\t")
            if entry["format"].startswith("pcap-") and entry["link_types"] in SAMPLED_LINK_TYPES
        ]
    small = [entry for entry in entries if int(entry["bytes"]) <= 1_000_000]
    for entry in random.Random(seed).sample(small, min(files, len(small))):
        header, records, fault = naive.read_pcap((folder / entry["path"]).read_bytes())
        assert header.link_type == SAMPLED_LINK_TYPES[entry["link_types"]]
        assert (len(records), fault is None) == (int(entry["packets"]), entry["status"] == "ok"), entry["path"]
        yield from records[:of_each]


@needs_tshark
def test_corpus_is_as_tshark_reads_it(tmp_path: Path) -> None:
    by_link: dict[int, list[make.Packet]] = {}
    for record in corpus_records(files=1000, of_each=60, seed=1):
        seconds, fraction = divmod(record.time_ns, 1_000_000_000)
        packet = make.Packet(record.octets, record.len, seconds, fraction)
        by_link.setdefault(record.link_type, []).append(packet)
    comparison = Comparison()
    for link_type, packets in by_link.items():
        comparison.add_file(make.pcap_bytes(packets, link_type, "nano"), tmp_path)
    print(comparison.report())
    for column in COMPARED:
        assert comparison.share(column) >= 0.995, comparison.report()
