"""Where captures come from: several files in time order, lists of all kinds, URLs, streams that are spooled."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

import captures
import pcapframe as pf
from pcapframe import cli


def capture_of(*seconds: int, length: int = 30) -> bytes:
    return captures.pcap_bytes([captures.Packet(bytes(length), length, second, 0) for second in seconds], link_type=1)


DATA = capture_of(1, 2, 3)


def rows(capture: pf.Capture) -> tuple[list[Any], list[Any], list[Any]]:
    columns = capture.packets(["frame_number", "frame_file", "frame_time"]).to_dict()
    return columns["frame_number"], columns["frame_file"], [time // 10**9 for time in columns["frame_time"]]


class Pipe:
    """A binary file that can't seek."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._rest.read(size)


def feed(path: Path, data: bytes) -> Path:
    os.mkfifo(path)
    threading.Thread(target=lambda: path.write_bytes(data), daemon=True).start()
    return path


@pytest.mark.parametrize("threads", [1, 3])
def test_several_files_in_time_order_with_their_names(threads: int, tmp_path: Path) -> None:
    """Plain and compressed, mixed; numbered on; each packet with its file."""
    a, b, c, d = (tmp_path / name for name in ("a.pcap", "b.pcap.gz", "c", "d.pcap"))
    a.write_bytes(capture_of(30, 31))
    b.write_bytes(gzip.compress(capture_of(10, 11, 12)))
    c.write_bytes(bz2.compress(capture_of(20)))
    d.write_bytes(capture_of())
    names = [str(b)] * 3 + [str(c)] + [str(a)] * 2
    for source in (str(tmp_path / "*"), [a, b, c, d], [d, str(tmp_path / "[abc]*")]):
        capture = pf.open(source, threads=threads)
        assert capture.files == [str(b), str(c), str(a), str(d)]
        assert capture.reusable
        for _ in range(2):
            assert rows(capture) == ([1, 2, 3, 4, 5, 6], names, [10, 11, 12, 20, 30, 31])
    frame = pf.open([a, b]).packets()
    assert frame["frame_file"].categories == [str(b), str(a)]
    assert (frame["frame_file"] == str(a)).tolist() == [False] * 3 + [True] * 2
    assert frame[3:]["frame_file"].tolist() == [str(a)] * 2


def test_one_file_named_twice_is_one_name(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(DATA)
    with pytest.warns(pf.CaptureWarning, match="begins before"):
        frame = pf.open([path, path]).packets(["frame_file"])
    assert frame["frame_file"].categories == [str(path)]
    assert len(frame) == 6


def test_names_of_any_length_and_spelling(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 200 + ".pcap")
    strange = os.fsencode(tmp_path) + b"/\xff.pcap"
    long.write_bytes(DATA)
    assert rows(pf.open(long))[1] == [str(long)] * 3
    try:
        Path(os.fsdecode(strange)).write_bytes(DATA)
    except OSError:
        pytest.skip("this file system takes no name that is not UTF-8")
    capture = pf.open(os.fsdecode(strange))
    assert capture.files == [os.fsdecode(strange)]
    assert rows(capture)[1] == [f"{tmp_path}/\\udcff.pcap"] * 3


def test_damage_in_one_of_several(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(capture_of(1, 2))[:-4])
    (tmp_path / "b").write_bytes(capture_of(3, 4))
    (tmp_path / "c").write_bytes(gzip.compress(b"no capture"))
    with pytest.warns(pf.CaptureWarning, match=r"c: is no capture.*left out"):
        capture = pf.open(str(tmp_path / "*"))
    with pytest.warns(pf.CaptureWarning, match=r"a\.gz: the gzip stream .* is cut short"):
        info = capture.info(full=True)
    assert info.packets == 4
    assert [(fault.kind, fault.file) for fault in info.faults or ()] == [
        ("unusable", str(tmp_path / "c")),
        ("compressed_cut_short", str(tmp_path / "a.gz")),
    ]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_spooled_streams_can_be_asked_again(compress: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    data = compress(DATA)
    for source in (feed(tmp_path / "fifo", data), Pipe(data)):
        capture = pf.open(source, spool=True)  # type: ignore[arg-type]
        assert capture.reusable
        assert capture.files == [str(source) if isinstance(source, Path) else "<file object>"]
        assert capture.info().octets == len(data)
        answers = [rows(capture) for _ in range(3)]
        assert answers[0][2] == [1, 2, 3]
        assert answers == answers[:1] * 3
    assert list(spool.iterdir()) == []  # it has no name
    assert pf.open(io.BytesIO(data), spool=True).reusable
    with pytest.raises(pf.CaptureError, match="is empty"):
        pf.open(Pipe(b""), spool=True)  # type: ignore[arg-type]


def test_a_spool_is_for_its_owner_only(monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    make = tempfile.TemporaryFile

    def made(*arguments: Any, **options: Any) -> Any:
        file = make(*arguments, **options)
        modes.append(stat.S_IMODE(os.fstat(file.fileno()).st_mode))
        return file

    monkeypatch.setattr(tempfile, "TemporaryFile", made)
    pf.open(Pipe(DATA), spool=True)  # type: ignore[arg-type]
    assert modes == [0o600]


def test_standard_input_is_spooled() -> None:
    code = (
        "import pcapframe as pf; c = pf.open('-', spool=True); "
        "print(len(c.packets()), len(c.packets()), c.packets()['frame_file'].tolist()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], input=DATA, capture_output=True, check=True)
    assert done.stdout.decode().split(maxsplit=2) == ["3", "3", "standard input\n"]


def test_ctrl_c_while_spooling(tmp_path: Path) -> None:
    import signal
    import time

    path = tmp_path / "fifo"
    os.mkfifo(path)
    done = threading.Event()

    def write() -> None:
        with path.open("wb") as file:
            file.write(DATA)
            file.flush()
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGINT)
            done.wait(30)

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(KeyboardInterrupt):
        pf.open(path, spool=True)
    done.set()
    writer.join()


def test_urls(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec", reason="URLs need fsspec")
    memory = fsspec.filesystem("memory")
    for name, data in (("b.pcap", capture_of(5, 6)), ("a.pcap.gz", gzip.compress(capture_of(7)))):
        memory.pipe(f"/captures/{name}", data)
    try:
        for spool in (False, True):
            capture = pf.open("memory://captures/b.pcap", spool=spool)
            assert capture.files == ["memory://captures/b.pcap"]
            assert capture.info().octets == len(capture_of(5, 6))
            for _ in range(2):
                assert rows(capture)[2] == [5, 6]
            assert rows(pf.open("memory://captures/*", spool=spool))[2] == [5, 6, 7]
        (tmp_path / "c").write_bytes(capture_of(1))
        mixed = pf.open([tmp_path / "c", "memory://captures/a.pcap.gz", "memory://captures/b*"])
        assert rows(mixed)[2] == [1, 5, 6, 7]
        assert mixed.reusable
        assert rows(pf.open(f"file://{tmp_path}/c"))[2] == [1]
        with pytest.raises(FileNotFoundError):
            pf.open("memory://captures/missing")
        with pytest.raises(pf.CaptureError, match=r"no file matches memory://captures/\*\.zip"):
            pf.open("memory://captures/*.zip")
        answers: list[Any] = []
        capture = pf.open(f"file://{tmp_path}/c")  # fsspec's memory files have one place for all who read them
        threads = [threading.Thread(target=lambda: answers.append(rows(capture))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [rows(capture)] * 3
    finally:
        memory.rm("/captures", recursive=True)


@pytest.mark.parametrize(
    ("raised", "kind", "told"),
    [
        (RuntimeError("Unable to\nlocate credentials"), pf.CaptureError, "Unable to locate credentials"),
        (PermissionError("Forbidden"), PermissionError, "Forbidden"),
        (FileNotFoundError("/bucket/a.pcap"), FileNotFoundError, "no such file"),
        (OSError(), OSError, "OSError"),
    ],
)
def test_what_a_file_system_says_is_one_line_with_the_url(
    raised: Exception, kind: type[Exception], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fsspec = pytest.importorskip("fsspec", reason="URLs need fsspec")

    def info(self: Any, path: str, **_: Any) -> Any:
        raise raised

    refusing = type("Refusing", (fsspec.get_filesystem_class("memory"),), {"protocol": "refusing", "info": info})
    fsspec.register_implementation("refusing", refusing, clobber=True)
    with pytest.raises(kind) as caught:
        pf.open("refusing://bucket/a.pcap")
    assert str(caught.value) == f"refusing://bucket/a.pcap: {told}"
    assert cli.main(["info", "refusing://bucket/a.pcap"]) == 2
    assert capsys.readouterr().err == f"pcapframe: error: refusing://bucket/a.pcap: {told}\n"


def test_a_url_without_fsspec_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    for source in ("s3://bucket/a.pcap", ["s3://bucket/a.pcap"]):
        with pytest.raises(ImportError, match=r"s3://bucket/a\.pcap: URLs need the package fsspec: pip install fsspec"):
            pf.open(source)
