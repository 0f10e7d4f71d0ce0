"""Captures that take long, made with NumPy: many packets, each with other addresses, ports and sequence numbers."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

import captures

_ROWS = 1 << 16  # made at once


class Sequence:
    """A pipe of TCP SYNs cut behind their headers, each with another sequence number; nothing else differs."""

    def __init__(self, packets: int) -> None:
        frame = captures.ethernet(captures.ipv4(captures.tcp())).octets[:54]
        record = struct.pack("<IIII", 1_500_000_000, 0, len(frame), 1500) + frame
        self._rows = np.tile(np.frombuffer(record, np.uint8), (_ROWS, 1))
        self._packets, self._made = packets, 0
        self._left = memoryview(captures.pcap_bytes([], link_type=1)[:24])

    def read(self, size: int) -> bytes:
        if not self._left:
            numbers = np.arange(self._made, min(self._made + _ROWS, self._packets), dtype=np.uint32)
            # Times an odd number: each of 2^32 comes once, in an order that is none.
            self._rows[: len(numbers), 54:58] = (
                (numbers * np.uint32(0x9E3779B1)).astype(">u4").view(np.uint8).reshape(-1, 4)
            )
            self._made += len(numbers)
            self._left = memoryview(self._rows[: len(numbers)].tobytes())
        octets, self._left = self._left[:size], self._left[size:]
        return bytes(octets)


def write_syns(path: Path, packets: int, seed: int = 1, payload: int = 0) -> Path:
    """Write a pcap of TCP SYNs in Ethernet whose addresses, source ports and sequence numbers are random."""
    frame = captures.ethernet(captures.ipv4(captures.tcp(bytes(payload)))).octets
    record = struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
    rng = np.random.default_rng(seed)
    with path.open("wb") as file:
        file.write(captures.pcap_bytes([], link_type=1)[:24])
        for first in range(0, packets, _ROWS):
            rows = np.tile(np.frombuffer(record, np.uint8), (min(_ROWS, packets - first), 1))
            time = np.arange(first, first + len(rows), dtype=np.uint64)
            rows[:, :4] = (1_500_000_000 + time // 100_000).astype("<u4").view(np.uint8).reshape(-1, 4)
            rows[:, 4:8] = (time % 100_000 * 10).astype("<u4").view(np.uint8).reshape(-1, 4)
            ip = 16 + 14
            rows[:, ip + 12 : ip + 20] = rng.integers(0, 256, (len(rows), 8), np.uint8)  # both addresses
            rows[:, ip + 20 : ip + 22] = rng.integers(0, 256, (len(rows), 2), np.uint8)  # the source port
            rows[:, ip + 24 : ip + 28] = rng.integers(0, 256, (len(rows), 4), np.uint8)  # the sequence number
            rows[:, ip + 33] = 2  # SYN
            file.write(rows.tobytes())
    return path
