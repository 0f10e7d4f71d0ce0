"""Damaged, hostile and impossible input: one clear line that names file and place, and everything good is returned."""

from __future__ import annotations

import gc
import gzip
import io
import os
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import captures
import memory
import naive
import pcapframe as pf

GOOD = captures.pcap_bytes([captures.Packet(bytes([n]) * (20 + n), 20 + n, n, 0) for n in range(5)], link_type=1)
HEADER, RECORD = 24, 16


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"abc", "is no capture: it has only 3 octets"),
        (b"GIF89a" + bytes(40), "is no capture: it begins with the octets 47 49 46 38"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "pcapng"),
        (gzip.compress(gzip.compress(GOOD)), "compressed twice over: the gzip file within"),
        (GOOD[:20], "cut short within the header of a pcap file: 20 of 24 octets"),
        (GOOD[:4] + struct.pack("<HH", 99, 4) + GOOD[8:], "pcap version 99.4"),
        (GOOD[:20] + struct.pack("<I", 1 << 16 | 1) + GOOD[24:], "bits 16 to 25"),
    ],
)
def test_what_is_no_capture_is_said_at_open(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    path.write_bytes(data)
    with pytest.raises(pf.CaptureError, match=says) as caught:
        pf.open(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(pf.CaptureError, match=says):
        pf.open(data)


def test_missing_directory_no_permission(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.pcap"):
        pf.open(tmp_path / "missing.pcap")
    with pytest.raises(IsADirectoryError):
        pf.open(tmp_path)
    with pytest.raises(pf.CaptureError, match="no file matches"):
        pf.open(str(tmp_path / "*.pcap"))
    with pytest.raises(pf.CaptureError, match="list of captures is empty"):
        pf.open([])
    with pytest.raises(TypeError, match="path"):
        pf.open(5)  # type: ignore[arg-type]
    if os.geteuid() == 0:
        pytest.skip("root may read everything: run as another user to see that a refused file is a PermissionError")
    path = tmp_path / "mine.pcap"
    path.write_bytes(GOOD)
    path.chmod(0)
    with pytest.raises(PermissionError):
        pf.open(path)


def test_header_only_is_an_empty_capture() -> None:
    capture = pf.open(GOOD[:HEADER])
    assert [len(kind) for kind in capture.ioc_counts()] == [0, 0, 0]
    frame = capture.packets()
    assert (len(frame), frame.columns) == (0, list(naive.COLUMNS))
    assert frame.to_dict()["ip_src"] == []
    assert capture.info(full=True).packets == 0
    assert capture.info(full=True).faults == ()


def test_every_truncation_gives_the_whole_records_before_it() -> None:
    ends = [HEADER]
    for n in range(5):
        ends.append(ends[-1] + RECORD + 20 + n)
    for length in range(HEADER, len(GOOD) + 1):
        whole = sum(end <= length for end in ends) - 1
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            info = pf.open(GOOD[:length], threads=2).info(full=True)
        assert info.packets == whole
        if length in ends:
            assert (info.faults, caught) == ((), [])
        else:
            (fault,) = info.faults
            assert (fault.kind, fault.frame_number, fault.offset) == ("cut_short", whole + 1, ends[whole])
            assert fault.lost == length - ends[whole]
            assert [str(warning.message) for warning in caught] == [fault.message]


def test_a_fault_is_one_warning_or_one_error(tmp_path: Path) -> None:
    offset = HEADER + 2 * RECORD + 20 + 21
    path = tmp_path / "broken.pcap"
    path.write_bytes(GOOD[: offset + 8] + struct.pack("<I", 300_000) + GOOD[offset + 12 :])
    says = f"{path}: packet 3 at octet {offset}: a captured length of 300000 octets where at most 262144 are possible"
    with pytest.warns(pf.CaptureWarning) as caught:
        frame = pf.open(path).packets()
    assert len(frame) == 2
    assert len(caught) == 1
    assert str(caught[0].message).startswith(says)
    assert caught[0].filename == __file__
    with pytest.raises(pf.CaptureError) as raised:
        pf.open(path, strict=True).packets()
    assert str(raised.value).startswith(says)


def test_one_of_several_that_is_no_capture_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(GOOD)
    (tmp_path / "b.pcap").write_bytes(b"no capture at all")
    for source in (str(tmp_path / "*.pcap"), [tmp_path / "a.pcap", tmp_path / "b.pcap"]):
        with pytest.warns(pf.CaptureWarning, match=r"b\.pcap: is no capture.*left out"):
            capture = pf.open(source)
        info = capture.info(full=True)
        assert info.packets == 5
        assert [fault.kind for fault in info.faults] == ["unusable"]
    with pytest.raises(pf.CaptureError, match=r"b\.pcap: is no capture"):
        pf.open(str(tmp_path / "*.pcap"), strict=True)
    (tmp_path / "a.pcap").unlink()
    with pytest.raises(pf.CaptureError, match=r"b\.pcap: is no capture"):
        pf.open(str(tmp_path / "*.pcap"))


def test_files_that_overlap_in_time_are_said(tmp_path: Path) -> None:
    for name, seconds in (("a", (10, 20)), ("b", (15, 25)), ("c", (30, 31))):
        packets = [captures.Packet(bytes(30), 30, second, 0) for second in seconds]
        (tmp_path / f"{name}.pcap").write_bytes(captures.pcap_bytes(packets, link_type=1))
    with pytest.warns(pf.CaptureWarning, match=r"b\.pcap: begins before"):
        info = pf.open(str(tmp_path / "*.pcap"), strict=True).info(full=True)
    assert (info.packets, [fault.kind for fault in info.faults]) == (6, ["overlap"])


def test_a_file_that_shrinks_or_grows(tmp_path: Path) -> None:
    path = tmp_path / "live.pcap"
    path.write_bytes(GOOD)
    capture = pf.open(path)
    with path.open("ab") as file:
        file.write(GOOD[HEADER:])
    assert capture.info(full=True).packets == 5  # the size seen at open is the size read
    path.write_bytes(GOOD[: HEADER + RECORD + 20 + 3])
    with pytest.warns(pf.CaptureWarning, match="became shorter while it was read"):
        info = capture.info(full=True)
    assert (info.packets, info.faults[0].kind) == (1, "shrank")
    other = tmp_path / "other.pcap"
    other.write_bytes(GOOD)
    other.replace(path)
    with pytest.raises(pf.CaptureError, match="no longer the file that was opened"):
        capture.ioc_counts()
    path.unlink()
    with pytest.raises(FileNotFoundError):
        capture.ioc_counts()


def test_no_memory_is_taken_on_the_word_of_a_length(tmp_path: Path) -> None:
    """A record of D-Bus may be 16 MiB; a pipe that only promises them must not cost them."""
    promise = captures.pcap_bytes([], link_type=231) + struct.pack("<IIII", 0, 0, 16 << 20, 16 << 20)
    code = (
        "import warnings, io, pcapframe as pf\n"
        "class Pipe:\n"
        "    def __init__(self, data): self.file = io.BytesIO(data)\n"
        "    def read(self, n): return self.file.read(n)\n"
        "warnings.simplefilter('ignore')\n"
        "before = peak()\n"
        f"for _ in range(3): assert len(pf.open(Pipe(bytes.fromhex('{promise.hex()}')), threads=1).packets()) == 0\n"
        "print(peak() - before)\n"
    )
    (grown,) = memory.run(code)
    assert grown < 8 << 20


@pytest.mark.parametrize("link_type", [147, 9999])
def test_a_link_type_nobody_knows_is_counted_and_said(link_type: int) -> None:
    capture = pf.open(captures.pcap_bytes([captures.Packet(bytes(40), 40, 1, 0)] * 3, link_type=link_type))
    info = capture.info(full=True)
    assert info.packets == 3
    assert info.packet_faults == {f"unknown link type {link_type}": 3}
    assert info.link_types == (str(link_type),)
    assert set(capture.packets()["frame_fault"].tolist()) == {f"unknown link type {link_type}"}


def test_keys_of_the_wrong_type() -> None:
    capture = pf.open(GOOD)
    with pytest.raises(TypeError, match=r"select needs keys .* or conditions"):
        capture.select()
    with pytest.raises(TypeError, match="ip: a set, list or other iterable of keys is needed, not str"):
        capture.select(ip="192.0.2.1")
    with pytest.raises(TypeError, match="an address is text"):
        capture.select(ip={5})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dns: 'example' is no IP address"):
        capture.select(dns=["example"])
    with pytest.raises(TypeError, match="a sequence number is an integer, not str"):
        capture.select(seq=["5"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="seq: 4294967296 is no 32-bit sequence number"):
        capture.select(seq=[2**32])
    with pytest.raises(KeyError, match="did you mean ip_src"):
        capture.select(ip=[], columns=["ip_sorce"])
    with pytest.raises(ValueError, match="dns_rule"):
        capture.ioc_counts(dns_rule="none")
    with pytest.raises(ValueError, match="compat"):
        capture.ioc_counts(compat="tshark")
    assert len(capture.select(dns=set(), ip=[], seq=())) == 0


@pytest.mark.parametrize("threads", [0, -1, 5000])
def test_impossible_threads(threads: int) -> None:
    with pytest.raises(ValueError, match="threads: a whole number from 1 to 1,024, not"):
        pf.open(GOOD, threads=threads)


class Once:
    def __init__(self, data: bytes, then: Exception | None = None) -> None:
        self._data, self._then = data, then

    def read(self, size: int) -> bytes:
        part, self._data = self._data[:size], self._data[size:]
        if not part and self._then is not None:
            raise self._then
        return part


def test_what_can_be_read_once_says_so() -> None:
    capture = pf.open(Once(GOOD))
    assert not capture.reusable
    assert len(capture.packets()) == 5
    with pytest.raises(RuntimeError, match="<file object>: can be read only once"):
        capture.packets()
    assert pf.open(GOOD).reusable


def test_an_error_of_the_file_object_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        pf.open(Once(GOOD, then=ZeroDivisionError())).packets()
    with pytest.raises(ZeroDivisionError):
        pf.open(Once(b"", then=ZeroDivisionError()))

    class Text(Once):
        def read(self, size: int) -> str:  # type: ignore[override]
            return "text"

    with pytest.raises(TypeError, match="binary mode"):
        pf.open(Text(b""))


def test_one_stream_serves_one_call_at_a_time(tmp_path: Path) -> None:
    """A second thread is told that the file object is busy."""
    reading, go_on = threading.Event(), threading.Event()

    class Slow:
        def __init__(self, path: Path) -> None:
            self._file = path.open("rb")
            self.hold = False

        def seekable(self) -> bool:
            return True

        def seek(self, place: int) -> int:
            return self._file.seek(place)

        def tell(self) -> int:
            return self._file.tell()

        def read(self, size: int) -> bytes:
            if self.hold:
                reading.set()
                assert go_on.wait(30)
            return self._file.read(size)

    (tmp_path / "a.pcap").write_bytes(GOOD)
    slow = Slow(tmp_path / "a.pcap")
    capture = pf.open(slow)  # type: ignore[arg-type]
    slow.hold = True
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(len(capture.packets())))
    thread.start()
    assert reading.wait(30)
    with pytest.raises(RuntimeError, match="is busy"):
        capture.packets()
    go_on.set()
    thread.join()
    slow.hold = False
    assert found == [5]
    assert len(capture.packets()) == 5
    slow._file.close()


def test_writing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    capture = pf.open(GOOD)
    path = tmp_path / "out.pcap"
    assert capture.write(path) == 5
    assert path.stat().st_mode & 0o777 == 0o600
    assert naive.read_pcap(path.read_bytes())[1] == naive.read_pcap(GOOD)[1]
    with pytest.raises(ValueError, match=r"can be written to \.pcap"):
        capture.write(tmp_path / "out.txt")
    with pytest.raises(FileNotFoundError, match="missing"):
        capture.write(tmp_path / "missing" / "out.pcap")
    failing = pf.open(Once(GOOD, then=ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        failing.write(tmp_path / "never.pcap")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out.pcap"]


def test_one_pcap_file_holds_one_link_type(tmp_path: Path) -> None:
    for link_type in (1, 101):
        data = captures.pcap_bytes([captures.Packet(bytes(40), 40, link_type, 0)], link_type=link_type)
        (tmp_path / f"{link_type}.pcap").write_bytes(data)
    capture = pf.open(str(tmp_path / "*.pcap"))
    with pytest.raises(ValueError, match="one link type"):
        capture.write(tmp_path / "both.pcap")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["1.pcap", "101.pcap"]


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for the full disk: the same path, without a file system of our own."""
    (tmp_path / "in.pcap").write_bytes(
        captures.pcap_bytes([captures.Packet(bytes(1000), 1000, 1, 0)] * 200, link_type=1)
    )
    code = (
        "import resource, signal, sys, pcapframe as pf\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "before = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))\n"
        "try:\n    pf.open('in.pcap').write('out.pcap')\n"
        "except OSError as error:\n    print(type(error).__name__, error)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, before)  # what counts coverage writes at the end\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "File too large" in done.stdout
    assert "out.pcap" in done.stdout
    assert [entry.name for entry in tmp_path.iterdir()] == ["in.pcap"]


def test_a_compressed_file_object_serves_one_call_at_a_time(tmp_path: Path) -> None:
    """Calls that are refused leave the one that runs alone."""
    path = tmp_path / "a.pcap.gz"
    packets = [captures.Packet(bytes([n % 251]) * 900, 900, n, 0) for n in range(3000)]
    path.write_bytes(gzip.compress(captures.pcap_bytes(packets, link_type=1), 1))
    with path.open("rb") as file:
        capture = pf.open(file)
        answers: list[object] = []

        def ask() -> None:
            try:
                answers.append(len(capture.packets(["frame_number"])))
            except RuntimeError as error:
                answers.append("is busy" in str(error))

        for _ in range(20):
            threads = [threading.Thread(target=ask) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert set(answers) <= {3000, True}
    assert 3000 in answers


def test_a_failed_open_keeps_no_reference_and_loses_none() -> None:
    """Opening lets the GIL go; what it gives back must be given back with it."""
    file = io.BytesIO(b"no capture at all, and longer than a header")
    stop = threading.Event()

    def touch() -> None:
        while not stop.is_set():
            other = [file] * 100
            del other

    thread = threading.Thread(target=touch)
    before = sys.getrefcount(file)
    thread.start()
    for _ in range(2000):
        file.seek(0)
        with pytest.raises(pf.CaptureError):
            pf.open(file)
    stop.set()
    thread.join()
    del touch
    gc.collect()
    assert sys.getrefcount(file) <= before + 1


def test_a_pass_that_never_began_uses_up_no_pipe(tmp_path: Path) -> None:
    capture = pf.open(Once(GOOD))
    with pytest.raises(FileNotFoundError):
        capture.write(tmp_path / "missing" / "out.pcap")
    assert capture.write(tmp_path / "out.pcap") == 5


def test_a_capture_is_not_written_over_itself(tmp_path: Path) -> None:
    path = tmp_path / "own.pcap"
    path.write_bytes(GOOD)
    with pytest.raises(ValueError, match="is the capture that is read"):
        pf.open(path).write(path)
    assert path.read_bytes() == GOOD


def test_a_name_with_control_characters_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a\n\x1b[31mb.pcap"
    path.write_bytes(GOOD[:-3])
    with pytest.warns(pf.CaptureWarning) as caught:
        pf.open(path).packets()
    assert str(caught[0].message).isprintable()
    assert "a\\010\\027[31mb.pcap" in str(caught[0].message)
    assert [fault.kind for fault in caught[0].message.faults] == ["cut_short"]  # type: ignore[union-attr]


def test_the_longest_name(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".pcap")
    assert pf.open(GOOD).write(path) == len(pf.open(GOOD).packets())
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "ask",
    [
        lambda cap: cap.packets(["flow_id"]),
        lambda cap: cap.count("flow_id"),
        lambda cap: cap.select(frame_number=1, columns=["flow_id"]),
        lambda cap: cap.octets(1),
        lambda cap: cap.packets_of(1),
        lambda cap: cap.flows(),
        lambda cap: cap.hosts(),
        lambda cap: pf.open([*cap.files, __file__]),
    ],
)
def test_warnings_point_at_the_line_that_asked(tmp_path: Path, ask: Callable[[pf.Capture], object]) -> None:
    """Also where one question puts another to the capture first."""
    lab = Path(__file__).parents[1] / "examples" / "lab.pcap"
    (tmp_path / "cut.pcap").write_bytes(lab.read_bytes()[:5000])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ask(pf.open(tmp_path / "cut.pcap"))
    assert caught
    assert {warning.filename for warning in caught} == {__file__}
