"""URLs read ahead as ranges: the same octets, several requests at once and no more, and an end at once."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import pcapframe as pf
from captures_large import write_syns
from interrupts import interrupted
from pcapframe import _ranges

fsspec = pytest.importorskip("fsspec", reason="URLs need the package fsspec")
memory = pytest.importorskip("fsspec.implementations.memory", reason="URLs need the package fsspec")

DELAY = 0.05  # s, of each request


class Slow(memory.MemoryFileSystem):  # type: ignore[misc]
    """A file system in memory whose requests take a while, and are counted."""

    protocol = "slow"
    store: ClassVar[dict[str, Any]] = {}
    delay = DELAY
    now = most = asked = given = 0
    lock = threading.Lock()
    enough = threading.Event()  # ends the delay of all requests

    @classmethod
    def _strip_protocol(cls, path: str) -> Any:
        return super()._strip_protocol(path.replace("slow://", "memory://", 1))

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **more: Any) -> Any:
        kind = type(self)
        with kind.lock:
            kind.now += 1
            kind.asked += 1
            kind.most = max(kind.most, kind.now)
        kind.enough.wait(kind.delay)
        octets = super().cat_file(path, start, end, **more)
        with kind.lock:
            kind.now -= 1
            kind.given += len(octets)
        return octets


@pytest.fixture
def slow() -> Iterator[type[Slow]]:
    fsspec.register_implementation("slow", Slow, clobber=True)
    Slow.store.clear()
    Slow.enough.clear()
    Slow.delay, Slow.now, Slow.most, Slow.asked, Slow.given = DELAY, 0, 0, 0, 0
    yield Slow
    Slow.enough.set()


@pytest.fixture(scope="module")
def octets(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_syns(tmp_path_factory.mktemp("octets") / "a.pcap", 100_000).read_bytes()


@pytest.mark.parametrize("name", ["a.pcap", "a.pcap.gz"])
def test_the_same_answers_sooner(name: str, octets: bytes, slow: type[Slow], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ranges, "PIECE", 200_000)
    file = gzip.compress(octets, 1) if name.endswith(".gz") else octets
    fsspec.filesystem("slow").pipe_file(f"/{name}", file)
    want = pf.open(octets).packets(["frame_number", "ip_src", "tcp_seq_raw"]).to_dict()
    cap = pf.open(f"slow:///{name}")
    assert slow.given <= 3 * _ranges.FIRST  # to open it, its head will do
    slow.given = 0
    assert cap.packets(["frame_number", "ip_src", "tcp_seq_raw"]).to_dict() == want
    assert slow.given == len(file)  # all of it, once
    assert 2 <= slow.most <= _ranges.IN_FLIGHT


def test_any_place_and_size(octets: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ranges, "PIECE", 1000)
    monkeypatch.setattr(_ranges, "FIRST", 100)
    for size in (1, 99, 100, 101, 1100, 30_000):
        for start in (0, 1, 100, 500, size):
            part = octets[:size]
            ranges = _ranges.Ranges(lambda a, b, part=part: part[a:b], "it", start, size)  # type: ignore[misc]
            assert b"".join(iter(lambda ranges=ranges: ranges.read(333), b"")) == part[start:]  # type: ignore[misc]


def test_a_request_that_fails_is_the_answer(octets: bytes, slow: type[Slow], monkeypatch: pytest.MonkeyPatch) -> None:
    system = fsspec.filesystem("slow")
    system.pipe_file("/a.pcap", octets)
    cap = pf.open("slow:///a.pcap")
    system.pipe_file("/a.pcap", octets[:3_000_000])
    with pytest.raises(OSError, match="was it replaced"):
        cap.packets()

    def refused(*args: Any, **more: Any) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(Slow, "cat_file", refused)
    with pytest.raises(PermissionError, match="no"):
        cap.packets()


def test_ctrl_c(octets: bytes, slow: type[Slow]) -> None:
    fsspec.filesystem("slow").pipe_file("/a.pcap", octets)
    cap = pf.open("slow:///a.pcap")
    slow.delay = 20
    took = interrupted(lambda: cap.packets(["frame_number"]), 0.2)
    assert took is not None
    assert took.wall < 10  # while requests are under way
    slow.enough.set()
    assert len(cap.packets(["frame_number"])) == 100_000


def test_a_local_url(octets: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.pcap"
    file.write_bytes(octets)
    assert len(pf.open(f"file://{file}").packets(["frame_number"])) == 100_000
