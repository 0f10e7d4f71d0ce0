"""Calls that are broken off, begun again and forked, many times: nothing hangs, nothing stays behind.

What test_interrupt.py shows once is done here often, at random moments and in every call that may take long.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import math
import multiprocessing
import os
import random
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import pcapframe as pf
from captures_large import write_syns
from interrupts import floor, interrupted, native_threads, threads_end

TIMES = 200
PACKETS = 200_000
LIMIT = 0.1  # s, for 99 of 100: what a person does not notice

Measured = Callable[[str], None]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_syns(tmp_path_factory.mktemp("large") / "large.pcap", PACKETS)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_syns(tmp_path_factory.mktemp("small") / "small.pcap", 3000)


def all_batches(capture: pf.Capture) -> int:
    return sum(len(frame) for frame in capture.batches(["ip_src", "tcp_seq_raw"], rows=20_000))


# Every call that reads a whole capture; the second is given a path to write to.
LONG: dict[str, Callable[[pf.Capture, Path], Any]] = {
    "info": lambda capture, to: capture.info(full=True),
    "ioc_counts": lambda capture, to: capture.ioc_counts(),
    "ioc_counts scapy": lambda capture, to: capture.ioc_counts(compat="scapy"),
    "select": lambda capture, to: capture.select(ip={"10.0.0.1"}, tcp_dstport=80),
    "packets": lambda capture, to: capture.packets(),
    "packets flow_id": lambda capture, to: capture.packets(["frame_number", "flow_id"]),
    "batches": lambda capture, to: all_batches(capture),
    "count": lambda capture, to: capture.count("ip_src"),
    "count grouped": lambda capture, to: capture.count("ip_src", "tcp_dstport", every="1s", sum="frame_len"),
    "count gaps": lambda capture, to: capture.count("ip_dst", gaps=True),
    "flows": lambda capture, to: capture.flows(),
    "flows cic2017": lambda capture, to: capture.flows("cic2017"),
    "flow_batches": lambda capture, to: sum(map(len, capture.flow_batches(rows=20_000))),
    "packets_of": lambda capture, to: capture.packets_of([1, 2, 3]),
    "match": lambda capture, to: capture.match(pf.Indicators.from_values(["10.0.0.0/9", "192.0.2.1"])),
    "octets": lambda capture, to: capture.octets([1, 1000]),
    "write": lambda capture, to: capture.write(to.with_suffix(".pcapng")),
    "write csv": lambda capture, to: capture.batches(["ip_src"], rows=20_000).write(to.with_suffix(".csv")),
    "split": lambda capture, to: capture.split(to.parent / "s-{tcp_dstport}.pcap"),
}


def timed(ask: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    ask()
    return time.perf_counter() - begin


@pytest.mark.soak
@pytest.mark.parametrize("name", LONG)
def test_ctrl_c_at_any_moment_of_any_call(name: str, large: Path, tmp_path: Path, measured: Measured) -> None:
    capture = pf.open(large, threads=2, progress=False)
    ask = LONG[name]
    whole = min(timed(lambda: ask(capture, tmp_path / "whole")) for _ in range(2))
    before, files = native_threads(), set(tmp_path.iterdir())
    rng = random.Random(name)
    took, floors = [], []
    for number in range(TIMES):
        took.append(interrupted(lambda: ask(capture, tmp_path / "broken-off"), rng.random() * whole * 0.9))
        if number % 8 == 0:
            floors.append(floor(rng.random() * 0.05))
    seen = [each for each in took if each is not None]
    assert len(seen) >= TIMES // 8
    wall, work = p99([each.wall for each in seen]), p99([each.work for each in seen])
    measured(
        f"Ctrl-C in {name}: {len(seen)} of {TIMES} hit, p99 {wall * 1000:.0f} ms ({work * 1000:.0f} of the processor),"
        f" of work that is not ours {p99(floors) * 1000:.0f} ms, load {os.getloadavg()[0]:.0f}"
    )
    gc.collect()
    assert threads_end(before), "a thread is left"
    assert not [path for path in set(tmp_path.iterdir()) - files if path.suffix == ".part"], "a draft is left"
    assert len(capture.packets(["frame_number"])) == PACKETS
    # What is done after the signal is the same on a busy machine; how long that takes there is not for us to say,
    # but what waits for anything else than the processor is seen by everybody.
    assert work < LIMIT
    assert statistics.median(each.wall for each in seen) < LIMIT + max(floors)


def p99(seconds: list[float]) -> float:
    """Reached by one of a hundred at most."""
    return sorted(seconds)[max(math.ceil(len(seconds) * 0.99) - 1, 0)]


@pytest.mark.soak
def test_ctrl_c_while_a_fifo_stalls_at_any_moment(tmp_path: Path, small: Path, measured: Measured) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    data = small.read_bytes()[:5000]
    held = os.open(path, os.O_RDWR)  # so that it never ends
    before, rng, took = native_threads(), random.Random(1), []
    try:
        for number in range(TIMES):
            os.write(held, data)

            def ask(number: int = number) -> None:
                capture = pf.open(path, threads=1 + number % 3, progress=False)
                (capture.packets, capture.ioc_counts, capture.flows)[number % 3]()

            took.append(interrupted(ask, rng.random() * 0.1))
            drained = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            with contextlib.suppress(BlockingIOError):
                while os.read(drained, 1 << 16):
                    pass
            os.close(drained)
    finally:
        os.close(held)
    assert None not in took
    seen = [each for each in took if each is not None]
    wall, work = p99([each.wall for each in seen]), p99([each.work for each in seen])
    measured(f"Ctrl-C in a stalled FIFO: p99 {wall * 1000:.0f} ms ({work * 1000:.0f} of the processor)")
    assert threads_end(before)
    assert work < LIMIT
    assert statistics.median(each.wall for each in seen) < LIMIT + max(floor(0.01) for _ in range(5))


class Enough(Exception):
    pass


def cancel_cycles(path: Path, times: int) -> None:
    """Begin passes and break them off from within: by a callback that raises, by leaving a loop, by dropping a feed."""
    rng = random.Random(1)

    def stop(done: int, total: int | None) -> None:
        raise Enough

    for number in range(times):
        threads = 1 + number % 4
        match number % 4:
            case 0:
                with pytest.raises(Enough):
                    pf.open(path, threads=threads, progress=stop).packets()
            case 1:
                for _ in itertools.islice(pf.open(path, threads=threads, progress=False).batches(rows=100), 2):
                    pass
            case 2:
                frames = iter(pf.open(path, threads=threads, progress=False).flow_batches(rows=100))
                if rng.random() < 0.5:
                    next(frames)
                del frames
            case _:
                stream = pf.open(path, threads=threads, progress=False).batches(rows=100).__arrow_c_stream__()
                del stream


@pytest.mark.parametrize("times", [40, pytest.param(1000, marks=pytest.mark.soak)])
def test_passes_that_are_broken_off_leave_nothing(times: int, small: Path, measured: Measured) -> None:
    cancel_cycles(small, 4)
    gc.collect()
    threads, files = native_threads(), len(os.listdir("/proc/self/fd"))
    begin = time.perf_counter()
    cancel_cycles(small, times)
    gc.collect()
    assert threads_end(threads)
    assert len(os.listdir("/proc/self/fd")) == files
    measured(f"{times} passes begun and broken off in {time.perf_counter() - begin:.1f} s")


@pytest.mark.parametrize("times", [2, pytest.param(100, marks=pytest.mark.soak)])
def test_many_threads_ask_one_capture_many_things(times: int, small: Path, tmp_path: Path) -> None:
    capture = pf.open(small, threads=2, progress=False)
    asks: list[Callable[[], Any]] = [
        capture.ioc_counts,
        lambda: capture.packets(["frame_number", "ip_src"]).to_dict(),
        lambda: capture.flows().to_dict()["flow_id"],
        lambda: capture.count("tcp_dstport", every="1s").to_dict(),
        lambda: all_batches(capture),
        lambda: capture.filter("tcp").filter(tcp_flags_syn=1).count("ip_src"),
        lambda: capture.info(full=True),
    ]
    expected = [ask() for ask in asks]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: asks[number % len(asks)](), range(len(asks) * 4 * times)))
    for number, answer in enumerate(found):
        assert answer == expected[number % len(asks)]


def answer(path: str) -> int:
    return len(pf.open(path, threads=2, progress=False).ioc_counts().seq)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.parametrize("times", [2, pytest.param(100, marks=pytest.mark.soak)])
def test_children_of_any_kind_answer_alike(method: str, times: int, small: Path, measured: Measured) -> None:
    """After a pass, and while a feed of the parent is open."""
    expected = answer(str(small))
    frames = iter(pf.open(small, threads=2, progress=False).batches(rows=100))
    next(frames)
    context = multiprocessing.get_context(method)
    begin = time.perf_counter()
    if method == "spawn":
        times = min(times, 20)  # each imports everything anew
    with context.Pool(2, maxtasksperchild=5) as pool:
        assert pool.map_async(answer, [str(small)] * times, chunksize=1).get(300) == [expected] * times
    measured(f"{times} answers by children ({method}) in {time.perf_counter() - begin:.1f} s")
    assert len(next(frames)) == 100
    assert threading.active_count() < 20
