"""Batches: equal rows however they are made, bounded memory, and nothing left behind by whoever leaves."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import captures
import pcapframe as pf
from interrupts import floor

EVERY = [field.name for field in pf.columns() if not field.name.startswith("flow_")]  # those take a pass before
RNG = np.random.default_rng(5)
DRAWN = [captures.any_packet(captures.Tape(RNG.bytes(60), wild=True), 1) for _ in range(1500)]
DATA = captures.pcap_bytes(DRAWN, link_type=1)
ROWS = list(pf.open(DATA).packets(EVERY).rows())


def opened(source: Any, threads: int | None = None, chunk: int = 0, **options: Any) -> pf.Capture:
    capture = pf.open(source, threads=threads, **options)
    return pf.Capture(capture._inputs, replace(capture._options, chunk=chunk), capture._faults)


class Stream:
    """A file object that can only be read."""

    def __init__(self, octets: bytes, fails_after: int | None = None) -> None:
        self._file, self._reads, self._fails_after = io.BytesIO(octets), 0, fails_after

    def read(self, size: int) -> bytes:
        self._reads += 1
        if self._fails_after is not None and self._reads > self._fails_after:
            raise LookupError("the disk is gone")
        return self._file.read(min(size, 5000))


def sources(folder: Path) -> dict[str, Callable[[], Any]]:
    (folder / "x.pcap").write_bytes(DATA)
    (folder / "x.pcap.gz").write_bytes(gzip.compress(DATA))
    return {
        "path": lambda: folder / "x.pcap",
        "compressed": lambda: folder / "x.pcap.gz",
        "bytes": lambda: DATA,
        "file object": lambda: io.BytesIO(DATA),
        "stream": lambda: Stream(DATA),
        "compressed stream": lambda: Stream(gzip.compress(DATA)),
    }


KINDS = ["path", "compressed", "bytes", "file object", "stream", "compressed stream"]


SOME = ["frame_number", "frame_time", "ip_src", "protocol", "tcp_flags", "frame_raw"]
SOME_ROWS = [tuple(row[EVERY.index(name)] for name in SOME) for row in ROWS]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [1, 3])
def test_batches_are_the_rows_of_packets(kind: str, threads: int, tmp_path: Path) -> None:
    source = sources(tmp_path)[kind]
    for rows, chunk in ((7, 3000), (499, 777), (1499, 0), (1500, 0), (1501, 3000), (10**6, 500)):
        batches = list(opened(source(), threads, chunk).batches(SOME, rows=rows))
        assert [len(batch) for batch in batches] == [
            *[rows] * (1500 // rows),
            *([1500 % rows] if 1500 % rows else []),
        ]
        assert [row for batch in batches for row in batch.rows()] == SOME_ROWS
    if kind == "bytes":
        assert [row for batch in opened(DATA, threads).batches(EVERY, rows=499) for row in batch.rows()] == ROWS
        assert len(list(opened(DATA, threads).batches(["ip_src"], rows=1))) == 1500


def test_each_batch_has_a_dictionary_of_its_own() -> None:
    for batch in pf.open(DATA).batches(["ip_src"], rows=100):
        seen = [text for text in batch["ip_src"].tolist() if text is not None]
        assert batch["ip_src"].categories == list(dict.fromkeys(seen))


def test_it_can_be_asked_again_and_several_at_once() -> None:
    batches = pf.open(DATA).batches(["frame_number"], rows=400)
    for _ in range(2):
        assert [len(batch) for batch in batches] == [400, 400, 400, 300]
    pairs = [(a["frame_number"].values[0], b["frame_number"].values[-1]) for a, b in zip(batches, batches, strict=True)]
    assert pairs == [(1, 400), (401, 800), (801, 1200), (1201, 1500)]
    assert batches.columns == ["frame_number"]
    assert batches.schema == (("frame_number", "uint64", False),)
    assert batches.rows == 400
    assert repr(batches).startswith("<Batches of 400 rows, 1 columns, of <Capture")
    with pytest.raises(ValueError, match="rows: 1 or more, not 0"):
        pf.open(DATA).batches(rows=0)
    with pytest.raises(KeyError, match="did you mean ip_src"):
        pf.open(DATA).batches(["ip_scr"])
    narrowed = pf.open(DATA).filter(tcp_dstport=443).batches(["tcp_dstport"], rows=10)
    assert sum(len(batch) for batch in narrowed) == [row[EVERY.index("tcp_dstport")] for row in ROWS].count(443)


def test_a_stream_serves_one_pass() -> None:
    capture = pf.open(Stream(DATA))
    batches = capture.batches(["frame_number"], rows=400)
    assert batches.schema  # reads nothing
    assert sum(len(batch) for batch in batches) == 1500
    with pytest.raises(RuntimeError, match="can be read only once"):
        next(iter(batches))
    with pytest.raises(RuntimeError, match="can be read only once"):
        capture.packets()


@pytest.mark.parametrize("kind", KINDS)
def test_who_leaves_leaves_nothing_behind(kind: str, tmp_path: Path) -> None:
    source = sources(tmp_path)[kind]
    before = native_threads()
    for taken in range(4):
        capture = opened(source(), 2, 1000)
        batches = iter(capture.batches(EVERY, rows=50))
        for _ in range(taken):
            next(batches)
        del batches  # as when a loop is left
        assert none_stays(before)
        if capture.reusable:
            assert len(capture.packets(["frame_number"])) == 1500
    capture = opened(source(), 2, 1000)
    for batch in capture.batches(rows=50):
        if batch["frame_number"].values[0] > 300:
            break
    assert none_stays(before)


def native_threads() -> int:
    """Threads of this process, those of Python and others."""
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0


def none_stays(before: int) -> bool:
    """No more threads than before: one that was joined may still be seen for a moment."""
    until = time.monotonic() + 10
    while native_threads() > before and time.monotonic() < until:
        time.sleep(0.005)
    return native_threads() <= before


# ----------------------------------------------------------------------------------------------- damage and errors


def test_damage_is_told_after_the_last_batch() -> None:
    for threads in (1, 2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            seen = 0
            for batch in opened(DATA[:-3], threads, 2000).batches(["frame_number"], rows=100):
                seen += len(batch)
                assert not caught
        assert seen == 1499
        assert [warning.category for warning in caught] == [pf.CaptureWarning]
        assert "cut short" in str(caught[0].message)
        assert caught[0].filename == __file__


def test_strict_fails_after_the_rows_before_the_damage(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(DATA[:-3])
    (tmp_path / "b.pcap").write_bytes(DATA)
    for threads in (1, 2, 3):
        for chunk in (500, 0):
            seen: list[pf.Frame] = []
            capture = opened(str(tmp_path / "*.pcap"), threads, chunk, strict=True)
            with pytest.raises(pf.CaptureError, match="cut short"):
                seen.extend(capture.batches(["frame_number"], rows=400))
            assert [n for batch in seen for n in batch["frame_number"].tolist()] == list(range(1, 1500))


def test_an_error_of_a_file_object_is_its_own() -> None:
    with pytest.raises(LookupError, match="the disk is gone"):
        list(pf.open(Stream(DATA, fails_after=5)).batches(["frame_number"], rows=10))


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(DATA)
    batches = pf.open(path).batches(["frame_number"], rows=10)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        list(batches)


# ------------------------------------------------------------------------------------------------- Ctrl-C, progress


def test_progress_is_told_on_the_loops_thread() -> None:
    told: list[tuple[int, int | None, int]] = []
    capture = pf.open(DATA, progress=lambda done, total: told.append((done, total, threading.get_ident())))
    assert len(list(capture.batches(["frame_number"], rows=100))) == 15
    assert told[-1] == (len(DATA), len(DATA), threading.get_ident())
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)

    def stop(done: int, total: int | None) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        list(pf.open(DATA, progress=stop).batches(rows=100))


INTERRUPTED = """
import sys, os, threading, time, signal, pcapframe as pf
{imports}
capture = pf.open({path!r})
def interrupt():
    time.sleep(0.6)
    print(time.monotonic(), flush=True)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
try:
    {ask}
except {error} as error:
    print(time.monotonic(), flush=True)
    assert "KeyboardInterrupt" in repr(error), error
try:
    time.sleep(0.05)
except KeyboardInterrupt:
    print("late")
"""


@pytest.mark.parametrize(
    ("imports", "ask", "error"),
    [
        ("", "list(capture.batches(['frame_number'], rows=10))", "KeyboardInterrupt"),
        # pyarrow looks for pandas on its first table: not while the signal is on its way
        ("import pyarrow, pandas", "pyarrow.table(capture.batches(['frame_number'], rows=10))", "OSError"),
        (
            "import polars",
            "polars.DataFrame(capture.batches(['frame_number'], rows=10))",
            "polars.exceptions.ComputeError",
        ),
        ("import pyarrow, duckdb", "capture.sql('select sum(frame_len) from packets')", "KeyboardInterrupt"),
    ],
)
def test_ctrl_c_while_a_fifo_stalls(tmp_path: Path, imports: str, ask: str, error: str) -> None:
    for module in imports.removeprefix("import ").split(", ") if imports else ():
        pytest.importorskip(module, reason="the stream is read with it")
    path = tmp_path / "fifo"
    os.mkfifo(path)
    code = INTERRUPTED.format(imports=imports, path=str(path), ask=ask, error=error)
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        with path.open("wb") as file:
            file.write(DATA[:40_000])
            file.flush()
            out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert (child.returncode, err) == (0, "")
    sent, seen = map(float, out.split())
    assert seen - sent < 0.5 + floor(0.05)  # 20 ms is how often it looks; the rest is room for a busy machine


def test_a_signal_handler_may_end_a_loop_while_a_file_object_blocks() -> None:
    def handler(number: int, frame: object) -> None:
        raise LookupError("told to end")

    before = signal.signal(signal.SIGUSR1, handler)
    reading, writing = os.pipe()
    threads = native_threads()
    try:
        os.write(writing, DATA[:20_000])
        file = os.fdopen(reading, "rb", buffering=0)
        capture = pf.open(file)
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        with pytest.raises(LookupError, match="told to end"):
            list(capture.batches(["frame_number"], rows=1))
        timer.join()
        with pytest.raises(RuntimeError, match="is busy"):  # its read has not come back
            capture.packets()
    finally:
        os.close(writing)
        signal.signal(signal.SIGUSR1, before)
    assert none_stays(threads)
    pf.open(DATA).batches()._feed(None)  # the next one clears up after it
    with pytest.raises(RuntimeError, match="can be read only once"):
        capture.packets()
    file.close()


def test_a_feed_that_another_thread_waits_for() -> None:
    """The native object: it serves one call at a time, and closing it takes nothing away from the one that waits."""
    going_on, asked = threading.Event(), threading.Event()

    class Slow(Stream):
        def read(self, size: int) -> bytes:
            if self._reads > 1:
                asked.set()
                going_on.wait(20)
            return super().read(size)

    feed = pf.open(Slow(DATA)).batches(["frame_number"], rows=10_000)._feed(None)
    outcomes: list[object] = []

    def take() -> None:
        try:
            outcomes.append(feed.next())
        except BaseException as error:
            outcomes.append(error)

    waiting = threading.Thread(target=take)
    waiting.start()
    assert asked.wait(20)
    with pytest.raises(RuntimeError, match="busy"):
        feed.next()
    feed.close()
    going_on.set()
    waiting.join(20)
    assert len(outcomes) == 1
    with pytest.raises(RuntimeError, match="taken"):
        feed.next()


# --------------------------------------------------------------------------------------------------------- streams


@pytest.fixture(params=KINDS[:4])
def batches(request: pytest.FixtureRequest, tmp_path: Path) -> pf.Batches:
    return opened(sources(tmp_path)[request.param](), 2, 3000).batches(["frame_number", "ip_src", "frame_len"], rows=99)


def test_consumers_of_streams(batches: pf.Batches) -> None:
    pa = pytest.importorskip("pyarrow", reason="the stream is read with it")
    pl = pytest.importorskip("polars", reason="the stream is read with it")
    duckdb = pytest.importorskip("duckdb", reason="the stream is read with it")
    expected = pf.open(DATA).packets(["frame_number", "ip_src", "frame_len"]).to_dict()
    table = pa.table(batches)
    assert table.to_pydict() == expected
    assert [len(chunk) for chunk in table.column(0).chunks] == [99] * 15 + [15]
    assert table.schema == pa.schema(batches)
    assert json.loads(table.schema.metadata[b"pcapframe"]) == batches.provenance
    assert pl.DataFrame(batches).to_dict(as_series=False) == expected
    with duckdb.connect() as connection:
        connection.register("t", batches)
        for _ in range(3):
            found = connection.sql("select sum(frame_len), count(ip_src) from t").fetchall()
            assert found == [(sum(expected["frame_len"]), sum(ip is not None for ip in expected["ip_src"]))]


def test_streams_that_are_left(batches: pf.Batches) -> None:
    pa = pytest.importorskip("pyarrow", reason="the stream is read with it")
    assert pa.table(batches).num_rows == 1500  # starts threads of pyarrow's own
    before = native_threads()
    for taken in (0, 1, 3):
        reader = pa.RecordBatchReader.from_stream(batches)
        for _ in range(taken):
            reader.read_next_batch()
        held = [reader]
        del reader
        thread = threading.Thread(target=held.clear)  # released by another thread
        thread.start()
        thread.join()
        assert none_stays(before)
    capsule = batches.__arrow_c_stream__()
    del capsule
    assert sum(len(batch) for batch in batches) == 1500  # the capture serves on


def test_a_schema_alone_starts_no_pass(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="the stream is read with it")
    path = tmp_path / "x.pcap"
    path.write_bytes(DATA)
    batches = pf.open(path).batches(rows=10)
    before = native_threads()
    path.unlink()  # a pass would fail
    reader = pa.RecordBatchReader.from_stream(batches)
    assert reader.schema.names == batches.columns
    assert native_threads() == before
    with pytest.raises(OSError, match=r"No such file|x\.pcap|could not be opened"):
        reader.read_next_batch()


def test_damage_in_streams() -> None:
    pa = pytest.importorskip("pyarrow", reason="the stream is read with it")
    with pytest.warns(pf.CaptureWarning, match="cut short"):
        assert pa.table(pf.open(DATA[:-3]).batches(rows=100)).num_rows == 1499
    with pytest.raises(OSError, match="cut short"):
        pa.table(pf.open(DATA[:-3], strict=True).batches(rows=100))
    with pytest.raises(OSError, match="LookupError: the disk is gone"):
        pa.table(pf.open(Stream(DATA, fails_after=5)).batches(rows=10))


# ------------------------------------------------------------------------------------------------------ files, memory


def test_writing(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="the files are written with it")
    import pyarrow.parquet as pq

    frame = pf.open(DATA).packets()
    batches = pf.open(DATA).batches(rows=400)
    for suffix in ("csv", "jsonl"):
        assert batches.write(tmp_path / f"b.{suffix}") == frame.write(tmp_path / f"f.{suffix}") == 1500
        assert (tmp_path / f"b.{suffix}").read_bytes() == (tmp_path / f"f.{suffix}").read_bytes()
    assert batches.write(tmp_path / "x.parquet") == 1500
    assert pq.ParquetFile(tmp_path / "x.parquet").metadata.num_row_groups == 4
    assert pq.read_table(tmp_path / "x.parquet").to_pydict() == pa.table(frame).to_pydict()
    assert batches.write(tmp_path / "x.arrow") == 1500
    with pa.ipc.open_file(tmp_path / "x.arrow") as file:
        assert file.read_all().to_pydict() == pa.table(frame).to_pydict()
    with pytest.warns(pf.CaptureWarning, match="cut short"):
        pf.open(DATA[:-3]).batches(rows=400).write(tmp_path / "cut.parquet")
    metadata = pq.ParquetFile(tmp_path / "cut.parquet").metadata.metadata
    assert [fault["kind"] for fault in json.loads(metadata[b"pcapframe_faults"])] == ["cut_short"]
    with pytest.raises(ValueError, match=r"Capture\.write writes captures"):
        batches.write(tmp_path / "x.pcap")
    with pytest.raises(pf.CaptureError):
        pf.open(DATA[:-3], strict=True).batches().write(tmp_path / "none.parquet")
    assert not (tmp_path / "none.parquet").exists()
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


PEAK = """
import resource, sys, pcapframe as pf
for batch in pf.open(sys.argv[1], threads=2).batches(rows=5000): pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_capture(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="memory is measured with it")

    def repeated(times: int) -> Iterator[bytes]:
        yield DATA[:24]
        for _ in range(times):
            yield DATA[24:]

    peaks = []
    for times in (100, 700):  # 12 and 85 MB
        path = tmp_path / "x.pcap"
        with path.open("wb") as file:
            file.writelines(repeated(times))
        runs = [subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, check=True) for _ in range(2)]
        peaks.append(min(int(run.stdout) for run in runs))
    assert peaks[1] <= peaks[0] * 1.1


def test_a_fork_while_batches_are_under_way() -> None:
    batches = iter(pf.open(DATA).batches(["frame_number"], rows=10))
    next(batches)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            next(batches)
        except RuntimeError as error:
            begin = time.monotonic()
            del batches  # its pass is not ours: nothing waits for it
            good = len(pf.open(DATA).packets(["frame_number"])) == 1500 and time.monotonic() - begin < 5
            code = 0 if good and "forked" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sum(len(batch) for batch in batches) == 1490
