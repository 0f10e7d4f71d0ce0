"""The twin in scapy_twin.py against scapy itself, packet by packet: on captures, and on captures' packets disfigured.

Needs scapy, and captures in classic pcap format in $PCAPFRAME_CORPUS/captures. A seeded sample by default; with
PCAPFRAME_FULL=1 every file, and more mutations.
"""

from __future__ import annotations

import io
import os
import random
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

import scapy_twin

scapy = pytest.importorskip("scapy.all", reason="scapy is not installed")

CORPUS = os.environ.get("PCAPFRAME_CORPUS", "")
FULL = os.environ.get("PCAPFRAME_FULL") == "1"
FILES, PACKETS, MUTATIONS = (10**9, 3000, 200_000) if FULL else (700, 60, 10_000)
SEED = 20240229

needs_corpus = pytest.mark.skipif(not Path(CORPUS, "captures").is_dir(), reason="PCAPFRAME_CORPUS names no captures")

Keys = tuple[str | None, str | None, int | None]


def loop(p: scapy.Packet) -> Keys:
    """The loop's body, for one packet."""
    dns = ip = seq = None
    if scapy.IP in p:
        if scapy.DNS in p and p[scapy.DNS].qr == 1 and p[scapy.DNS].ancount == 0:
            dns = p[scapy.IP].dst
        ip = p[scapy.IP].src
    if scapy.TCP in p:
        seq = p[scapy.TCP].seq
    return dns, ip, seq


def captures() -> list[Path]:
    """A seeded sample of the classic captures, each read whole later on."""
    paths = []
    for path in sorted(Path(CORPUS, "captures").rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                if file.read(4) in scapy_twin.MAGIC and path.stat().st_size >= 24:
                    paths.append(path)
    random.Random(SEED).shuffle(paths)
    return paths[:FILES]


def differences(file: bytes, name: str) -> Iterator[str]:
    reader = islice(scapy.PcapReader(io.BytesIO(file)), PACKETS)
    records = islice(scapy_twin.packets(file), PACKETS)
    for number, (record, packet) in enumerate(zip(records, reader, strict=True), 1):
        ours, theirs = scapy_twin.keys(*record), loop(packet)
        if ours != theirs:
            link_type, octets, _ = record
            yield f"{name} #{number} link {link_type}: scapy {theirs}, twin {ours}: {octets[:200].hex()}"


@needs_corpus
def test_captures() -> None:
    found = [line for path in captures() for line in differences(path.read_bytes(), path.name)]
    assert not found, "\n".join(found[:20])


# Octets and pairs of octets that steer scapy: protocol numbers, EtherTypes, ports, header lengths.
OCTETS = bytes.fromhex("0001020304050608111d292b2c2f33353a3c404546608188aaff")
PORTS = (53, 434, 1701, 4754, 4789, 5353)
PAIRS = (0, 1, 8, 20, 40, 60, 1500, 1501, 0x0800, 0x8100, 0x86DD, 0x8864, 0x88A8, 0xFFFF, *PORTS)


def mutated(rng: random.Random, octets: bytes) -> bytes:
    s = bytearray(octets[:3000])
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        at = rng.randrange(min(len(s), rng.choice((20, 40, 60, 80, 120, 3000))) or 1)
        what = rng.randrange(8)
        if what < 2:
            s[at : at + 1] = bytes([rng.choice(OCTETS)])
        elif what == 2:
            s[at : at + 1] = bytes([rng.randrange(256)])
        elif what == 3:
            s[at : at + 2] = struct.pack(">H", rng.choice((*PAIRS, len(s), max(len(s) - 14, 0), max(len(s) - 34, 0))))
        elif what == 4:
            del s[rng.randrange(at, len(s) + 1) :]
        elif what == 5:
            s[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif what == 6:
            del s[at : at + rng.randrange(1, 9)]
        else:
            other = rng.randrange(len(s) or 1)
            s[at:at] = s[other : other + rng.randrange(1, 60)]
    return bytes(s)


@needs_corpus
def test_mutations() -> None:
    rng = random.Random(SEED)
    pool: dict[int, list[bytes]] = {}
    for path in captures():
        for link_type, octets, _ in islice(scapy_twin.packets(path.read_bytes()), 10):
            if link_type in scapy_twin.LINKS:
                pool.setdefault(link_type, []).append(octets)
    found = []
    for _ in range(MUTATIONS // 100):
        link_type = rng.choice((1, 1, 1, *pool))
        made = [mutated(rng, rng.choice(pool[link_type])) for _ in range(100)]
        file = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type)
        file += b"".join(struct.pack("<IIII", 0, 0, len(s), len(s)) + s for s in made)
        found += differences(file, "mutation")
    assert not found, "\n".join(found[:20])
