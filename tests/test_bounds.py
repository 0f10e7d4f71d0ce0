"""Hostile input at full size: one octet changed many times over, keys made to collide, packets made to be slow, more
flows than may be open. What takes long runs in `make soak`."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import captures
import captures_ng as ng
import captures_tls as tls
import hostile_dns
import memory
import naive
import pcapframe as pf
from captures_large import write_syns
from costs import least

Measured = Callable[[str], None]


# --- one octet -------------------------------------------------------------------------------------------------------


def seeds() -> list[bytes]:
    rng = random.Random(7)
    packets = [captures.any_packet(captures.Tape(rng.randbytes(60)), 1) for _ in range(6)]
    packets += [
        captures.ethernet(captures.ipv4(captures.tcp(tls.record(tls.client_hello(tls.PLAIN)), 50_000, 443))).octets,
        captures.ethernet(captures.ipv4(captures.udp(hostile_dns.every_form(), 53, 9))).octets,
    ]
    return [
        captures.pcap_bytes(packets),
        captures.pcap_bytes(packets, magic="nano", order=">"),
        b"".join(block for block, _ in ng.written([rng.randbytes(60) for _ in range(6)], wild=False).blocks),
    ]


@pytest.mark.filterwarnings("ignore::pcapframe.CaptureWarning")
@pytest.mark.parametrize("times", [600, pytest.param(100_000, marks=pytest.mark.soak)])
def test_one_octet_is_another(times: int, measured: Measured) -> None:
    """The records and the fault are those of the twin, and every column is given, whatever octet it is."""
    rng, longest, begin = random.Random(times), 0.0, time.perf_counter()
    chosen = seeds()
    for number in range(times):
        data = bytearray(chosen[number % len(chosen)])
        place = rng.randrange(len(data))
        data[place] ^= 1 << rng.randrange(8) if number % 2 else rng.randrange(1, 256)
        start = time.perf_counter()
        try:
            capture = pf.open(bytes(data), threads=1 + number % 3, progress=False)
        except pf.CaptureError:
            assert place < 28  # of the head alone
            continue
        rows = capture.packets("*" if number % 4 == 0 else ["frame_number", "frame_len", "frame_fault"])
        info = capture.info(full=True)
        longest = max(longest, time.perf_counter() - start)
        expected = naive.read(bytes(data))
        assert len(rows) == info.packets == len(expected.records)
        found = [(fault.kind, fault.offset) for fault in info.faults or ()]
        assert found == ([] if expected.fault is None else [(expected.fault.kind, expected.fault.offset)])
        assert rows["frame_len"].tolist() == [record.len for record in expected.records]
    took = time.perf_counter() - begin
    measured(f"{times} mutations of one octet: all as the twin; longest {longest * 1000:.0f} ms, in all {took:.0f} s")
    assert longest < 5


# --- packets that grow -----------------------------------------------------------------------------------------------


def in_udp(payload: bytes, port: int) -> bytes:
    return captures.ethernet(captures.ipv4(captures.udp(payload, 9, port))).octets


def in_tcp(payload: bytes, port: int) -> bytes:
    return captures.ethernet(captures.ipv4(captures.tcp(payload, 50_000, port))).octets


def hello(extensions: list[bytes], ciphers: list[int]) -> bytes:
    return in_tcp(tls.record(tls.client_hello(extensions, ciphers), length=16384), 443)


GROWING: dict[str, Callable[[int], bytes]] = {
    **{f"dns {name}": lambda n, made=made: in_udp(made(n), 53) for name, made in hostile_dns.GROWING.items()},  # type: ignore[misc]
    "tls extensions": lambda n: hello([tls.extension(0x7777, b"")] * (n // 4), [0x1301]),
    "tls records": lambda n: in_tcp(tls.record(b"\1") * (n // 6), 443),
    "tls ciphers": lambda n: hello([], [0x1301] * (min(n, 16000) // 2)),
    "http lines": lambda n: in_tcp(b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * (n // 5), 80),
    "http one line": lambda n: in_tcp(b"GET /" + b"\xff" * n + b" HTTP/1.1\r\nHost: x\r\n\r\n", 80),
    "ftp": lambda n: in_tcp(b"USER " + b"\x80" * n + b"\r\n", 21),
    "vlan": lambda n: captures.ethernet(captures.arp()).octets[:12] + bytes.fromhex("81000001") * (n // 4),
    "mpls": lambda n: captures.ethernet(captures.arp()).octets[:12] + bytes.fromhex("8847") + bytes(4) * (n // 4),
    "ipv6 extensions": lambda n: captures.ethernet(captures.arp()).octets[:12] + bytes.fromhex("86dd60000000ffff3c40")
    + bytes(32) + bytes.fromhex("3c00000000000000") * (n // 8),
    "radiotap words": lambda n: bytes(2) + min(n, 65_000).to_bytes(2, "little") + b"\xff\xff\xff\xff" * (n // 4),
}  # fmt: skip


@pytest.mark.soak
@pytest.mark.parametrize("name", GROWING)
def test_time_grows_no_faster_than_the_packet(name: str, measured: Measured) -> None:
    """The exponent of time over size, from 2 KiB to 64 KiB, of all columns; the best of some runs counts."""
    sizes, times = [2048 << n for n in range(6)], []
    for size in sizes:
        frame = GROWING[name](size - 200)
        count = max(1, (8 << 20) // len(frame))
        data = captures.pcap_bytes([frame] * count, link_type=127 if name == "radiotap words" else 1)

        def read(data: bytes = data) -> None:
            for _frame in pf.open(data, threads=1, progress=False).batches("*", rows=4096):
                pass

        times.append(least(read) / count)
    exponent = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    measured(f"time over size, {name}: exponent {exponent:.2f}, {times[-1] * 1e6:.0f} us for 64 KiB")
    assert exponent <= 1.1


# --- keys that collide where a hash is known -------------------------------------------------------------------------


def seconds(path: Path, ask: Callable[[pf.Capture], object]) -> float:
    return least(lambda: ask(pf.open(path, threads=1, progress=False)))


@pytest.mark.soak
@pytest.mark.parametrize("stride", [1, 64, 1 << 16, 1 << 26, 0x9E3779B1, 0xCC9E2D51, 0x01000193, 65_599])
def test_keys_made_to_collide_cost_no_more(stride: int, tmp_path: Path, measured: Measured) -> None:
    """Arithmetic progressions and multiples of the multipliers of known functions, against random keys."""
    packets = 300_000
    usual = write_syns(tmp_path / "random.pcap", packets)
    data = np.frombuffer(usual.read_bytes(), np.uint8).copy()
    rows = data[24:].reshape(packets, -1)
    keys = (np.arange(packets, dtype=np.uint64) * np.uint64(stride) % np.uint64(1 << 32)).astype(">u4")
    rows[:, 16 + 14 + 24 : 16 + 14 + 28] = keys.view(np.uint8).reshape(-1, 4)  # sequence numbers
    rows[:, 16 + 14 + 12 : 16 + 14 + 16] = keys.view(np.uint8).reshape(-1, 4)  # sources
    made = tmp_path / "made.pcap"
    made.write_bytes(data.tobytes())
    for name, ask in (
        ("ioc_counts", lambda capture: capture.ioc_counts()),
        ("count", lambda capture: capture.count("ip_src", "tcp_seq_raw", every="1h")),
        ("flows", lambda capture: sum(map(len, capture.flow_batches()))),
    ):
        ratio = seconds(made, ask) / seconds(usual, ask)
        measured(f"keys {stride:#x} apart, {name}: {ratio:.2f} times the time of random ones")
        assert ratio <= 2


def test_the_memory_of_a_child_is_its_own() -> None:
    """Were it not, no test of memory could fail once the tests before had taken more."""
    taken = bytearray(256 << 20)
    assert memory.run("print(peak())")[0] < len(taken) / 2


# --- more of all than is kept ----------------------------------------------------------------------------------------

FLOWS = """
import sys, warnings
import pcapframe as pf
warnings.simplefilter("ignore")
rows = evicted = 0
for frame in pf.open(sys.argv[1], progress=False).flow_batches(rows=100_000, max_flows=int(sys.argv[2])):
    rows += len(frame)
print(rows, peak())
"""


@pytest.mark.parametrize(
    ("packets", "open_at_once"), [(60_000, 5000), pytest.param(10_000_000, 1_000_000, marks=pytest.mark.soak)]
)
def test_more_flows_than_may_be_open(packets: int, open_at_once: int, tmp_path: Path, measured: Measured) -> None:
    """Each SYN a flow: evicted or not, every one is a row, and memory holds those that are open."""
    path = write_syns(tmp_path / "syns.pcap", packets)
    begin = time.perf_counter()
    rows, peak = memory.run(FLOWS, path, open_at_once)
    measured(f"{packets} flows, {open_at_once} open at most: {peak >> 20} MiB, {time.perf_counter() - begin:.0f} s")
    assert packets * 0.999 < rows <= packets  # two may have the same ends
    assert peak < (192 << 20) + open_at_once * 1400  # of an open flow 1,150 octets were measured; a batch, and Python


NUMBERS = """
import sys, time
sys.path.insert(0, sys.argv[1])
import captures_large, pcapframe as pf
capture = pf.open(captures_large.Sequence(int(sys.argv[3])), progress=False)
before = time.process_time()
counts = capture.ioc_counts().seq if sys.argv[2] == "ioc_counts" else capture.count("tcp_seq_raw")
assert counts.top(1)[0][1] == 1 and counts[0x9E3779B1] == 1
print(len(counts), peak(), round(time.process_time() - before))
"""


@pytest.mark.parametrize("question", ["ioc_counts", "count"])
@pytest.mark.parametrize("packets", [200_000, pytest.param(50_000_000, marks=pytest.mark.soak)])
def test_sequence_numbers_that_are_all_distinct(packets: int, question: str, measured: Measured) -> None:
    """Memory is bounded by the answer: 4 octets of a key, 8 of a count, and what a table keeps free."""
    distinct, peak, took = memory.run(NUMBERS, Path(__file__).parent, question, packets)
    measured(f"{question} of {packets} distinct sequence numbers: {peak >> 20} MiB, {took} s of the processor")
    assert distinct == packets
    assert peak < (128 << 20) + packets * 16


def test_a_capture_of_nothing_but_small_records(tmp_path: Path) -> None:
    """The smallest records there are: rows by the million for every few megabytes, in batches and bounded."""
    records = 500_000
    path = tmp_path / "small.pcap"
    path.write_bytes(captures.pcap_bytes([])[:24] + (b"\1" + bytes(15)) * records)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum(len(frame) for frame in pf.open(path, progress=False).batches(["frame_len"])) == records
