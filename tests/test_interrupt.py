"""Ctrl-C, progress, and several threads on one Capture."""

from __future__ import annotations

import math
import os
import random
import signal
import statistics
import threading
import time
from pathlib import Path

import pytest

import captures
import pcapframe as pf
from interrupts import interrupted

PACKETS = 60_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture that takes long enough to be interrupted: many times the same packet."""
    frame = captures.ethernet(captures.ipv4(captures.tcp())).octets
    one = captures.pcap_bytes([captures.Packet(frame + bytes(900), len(frame) + 900, 1, 0)], link_type=1)
    path = tmp_path_factory.mktemp("large") / "large.pcap"
    path.write_bytes(one[:24] + one[24:] * PACKETS)
    return path


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_a_pass_at_once_and_the_capture_goes_on(large: Path, threads: int) -> None:
    capture = pf.open(large, threads=threads, progress=False)
    whole = math.inf
    for _ in range(2):
        begin = time.perf_counter()
        expected = capture.packets(["frame_number"])
        whole = min(whole, time.perf_counter() - begin)
    rng = random.Random(threads)
    asks = [capture.ioc_counts, capture.packets, lambda: capture.info(full=True)]
    took = [interrupted(asks[n % 3], rng.random() * whole * 0.8) for n in range(30)]
    seen = [each for each in took if each is not None]
    assert len(seen) >= 5
    # 20 ms is how often the calling thread looks; a busy machine wakes it later, but nothing works on meanwhile.
    assert statistics.median(each.work for each in seen) < 0.1
    assert statistics.median(each.wall for each in seen) < 5
    assert threading.active_count() == 1 or all("pcapframe" not in thread.name for thread in threading.enumerate())
    assert capture.packets(["frame_number"]).to_dict() == expected.to_dict()


def test_ctrl_c_while_a_fifo_stalls(tmp_path: Path, large: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    assert interrupted(lambda: pf.open(path), 0.1) is not None  # nobody writes: it waits at open
    writer_open, done = threading.Event(), threading.Event()

    def write() -> None:
        with path.open("wb") as file:
            file.write(large.read_bytes()[:5000])
            file.flush()
            writer_open.set()
            done.wait(30)

    writer = threading.Thread(target=write)
    writer.start()
    capture = pf.open(path)
    assert writer_open.wait(30)
    took = interrupted(capture.packets, 0.2)
    done.set()
    writer.join()
    assert took is not None
    assert took.wall < 20  # the FIFO would have stalled for 30; test_lifecycle.py measures


def test_ctrl_c_that_another_thread_gets(tmp_path: Path) -> None:
    """The system may hand a signal to any thread: the one that waits for a FIFO is then not woken by it."""
    path = tmp_path / "fifo"
    os.mkfifo(path)

    def to_this_thread() -> None:
        time.sleep(0.2)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    thread = threading.Thread(target=to_this_thread)

    def ask() -> None:
        thread.start()
        pf.open(path)

    with pytest.raises(KeyboardInterrupt):  # without it, this waits for ever
        ask()
    thread.join()


def test_progress_is_told_octets_and_may_end_the_pass(large: Path) -> None:
    told: list[tuple[int, int | None]] = []
    capture = pf.open(large, progress=lambda done, total: told.append((done, total)))
    capture.ioc_counts()
    size = large.stat().st_size
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)

    def stop(done: int, total: int | None) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        pf.open(large, progress=stop).ioc_counts()


def test_progress_is_shown_when_it_is_asked_for(
    large: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pf.open(large).ioc_counts()
    assert capsys.readouterr() == ("", "")  # no terminal
    pf.open(large, progress=True).ioc_counts()
    assert capsys.readouterr().err != ""
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    pf.open(large, progress=True).ioc_counts()
    assert "MB" in capsys.readouterr().err


def test_several_threads_ask_one_capture(large: Path) -> None:
    capture = pf.open(large, threads=2, progress=False)
    expected = capture.ioc_counts()
    answers: list[pf.IocCounts] = []
    threads = [threading.Thread(target=lambda: answers.append(capture.ioc_counts())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 4


def test_fork_after_a_pass(large: Path) -> None:
    """No pool of threads stays behind for a child to miss."""
    capture = pf.open(large, threads=2, progress=False)
    expected = len(capture.ioc_counts().seq)
    child = os.fork()
    if child == 0:
        os._exit(0 if len(capture.ioc_counts().seq) == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
