"""A file appears under its name when it is whole: whatever kills the process, and however full the disk is."""

from __future__ import annotations

import importlib.util
import os
import re
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pcapframe as pf
from captures_large import write_syns
from killed import OLD

NEEDS = {"parquet": "pyarrow", "arrow": "pyarrow", "skops": "skops", "kml": "iptocc"}
KINDS = ["pcap", "pcapng", "csv", "json", "parquet", "arrow", "kml", "html", "skops"]


def check_needs(kind: str) -> None:
    if kind in NEEDS and importlib.util.find_spec(NEEDS[kind]) is None:
        pytest.skip(f"{NEEDS[kind]} is not installed")


@pytest.mark.parametrize("times", [pytest.param(8, id="few"), pytest.param(200, id="200", marks=pytest.mark.soak)])
@pytest.mark.parametrize("kind", KINDS)
def test_killed_while_writing(kind: str, times: int, tmp_path: Path, measured: Callable[[str], None]) -> None:
    check_needs(kind)
    if times < 200 and kind not in ("pcap", "csv"):
        pytest.skip("the others take the same way, and are killed in make soak")
    command = [sys.executable, str(Path(__file__).with_name("killed.py")), kind, str(times), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stderr
    found = {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", done.stdout)}
    measured(f"kill -9 while {kind} is written, {times} times: {done.stdout.strip()}")
    assert found["torn"] == 0
    assert sum(found.values()) == times
    if times == 200:
        assert found["absent"] > 0
        assert found["old"] > 0


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> pf.Capture:
    return pf.open(write_syns(tmp_path_factory.mktemp("in") / "in.pcap", 40_000), progress=False)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> pf.Capture:
    """For files that take long to make, and are larger than the limits below from a few packets on."""
    return pf.open(write_syns(tmp_path_factory.mktemp("in") / "few.pcap", 1000), progress=False)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of 128 KiB."""
    where = tmp_path_factory.mktemp("full")
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(where)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("no small file system can be mounted here (it takes root)")
    yield where
    subprocess.run(["umount", str(where)], check=True)


def write(capture: pf.Capture, few: pf.Capture, kind: str, path: Path) -> None:
    check_needs(kind)
    if kind in ("pcap", "pcapng"):
        capture.write(path)
    elif kind == "kml":
        pf.geo.kml(few, path, home=(0.0, 0.0))
    elif kind == "html":
        few.report(path)
    else:
        capture.packets(["frame_number", "ip_src", "tcp_seq_raw", "frame_time"]).write(path)


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_a_full_disk(kind: str, capture: pf.Capture, few: pf.Capture, full: Path) -> None:
    for before in (None, OLD):
        path = full / f"out.{kind}"
        if before is not None:
            path.write_bytes(before)
        with pytest.raises(OSError, match="No space left"):
            write(capture, few, kind, path)
        assert [file.name for file in full.iterdir()] == ([path.name] if before else [])
        assert before is None or path.read_bytes() == before
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_a_file_may_not_be_so_large(kind: str, capture: pf.Capture, few: pf.Capture, tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / f"out.{kind}"
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(capture, few, kind, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_and_files_of_a_split(capture: pf.Capture, full: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        capture.split(full / "part-{ip_proto}.pcap")
    assert list(full.iterdir()) == []


def test_rights_follow_the_mask_and_threads_leave_it_alone(capture: pf.Capture, tmp_path: Path) -> None:
    """Captures are their owner's alone; tables are as any file."""
    table = capture.packets(["frame_number"])[:100]
    before = os.umask(0o027)
    try:
        threads = [threading.Thread(target=table.write, args=(tmp_path / f"{n}.csv",)) for n in range(8)]
        for thread in threads:
            thread.start()
        made = []
        for n in range(200):  # files of others, made meanwhile
            (tmp_path / f"other{n}").touch()
            made.append((tmp_path / f"other{n}").stat().st_mode & 0o777)
        for thread in threads:
            thread.join()
        capture.write(tmp_path / "out.pcap")
    finally:
        os.umask(before)
    assert set(made) == {0o640}
    assert {(tmp_path / f"{n}.csv").stat().st_mode & 0o777 for n in range(8)} == {0o640}
    assert (tmp_path / "out.pcap").stat().st_mode & 0o777 == 0o600


def test_a_pipe_is_not_replaced_by_a_capture(capture: pf.Capture, tmp_path: Path) -> None:
    """A rename would take its place, and who reads it would wait for ever."""
    for name in ("out.pcap", "out-TCP.pcap", "live.pcapng"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(OSError, match="to a pipe or a device: give a file's name"):
        capture.write(tmp_path / "out.pcap")
    with pytest.raises(OSError, match="to a pipe or a device"):
        pf.capture("lo", path=tmp_path / "live.pcapng", packets=1)
    with pytest.raises(OSError, match=re.escape("out-TCP.pcap")):
        capture.split(tmp_path / "out-{protocol}.pcap")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_fifo()) == [
        "live.pcapng",
        "out-TCP.pcap",
        "out.pcap",
    ]
    assert len(list(tmp_path.iterdir())) == 3
