"""Compressed captures: the same answers as uncompressed, and every fault of theirs."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import os
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import captures
import memory
import pcapframe as pf
from interrupts import interrupted
from pcapframe import _compressed

PACKETS = 900  # more than a block
DATA = captures.pcap_bytes(
    [captures.Packet(os.urandom(8) * (n % 90) + bytes(20), n % 90 * 8 + 20, n, 0) for n in range(PACKETS)], link_type=1
)
ENDS = [24]
while ENDS[-1] < len(DATA):
    ENDS.append(ENDS[-1] + 16 + struct.unpack_from("<I", DATA, ENDS[-1] + 8)[0])


def zstd(data: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        return importlib.import_module("compression.zstd").compress(data)
    return importlib.import_module("zstandard").ZstdCompressor(write_checksum=True).compress(data)


def lz4(data: bytes) -> bytes:
    return importlib.import_module("lz4.frame").compress(data, content_checksum=True)


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": lambda data: bz2.compress(data, 1),
    "xz": lzma.compress,
    "zstd": zstd,
    "lz4": lz4,
}
NEEDS = {"zstd": "zstandard", "lz4": "lz4.frame"}


def compressor(name: str) -> Callable[[bytes], bytes]:
    if name in NEEDS and not (name == "zstd" and sys.version_info >= (3, 14)):
        pytest.importorskip(NEEDS[name], reason=f"{name} needs the package {NEEDS[name].split('.')[0]}")
    return COMPRESS[name]


@pytest.fixture(params=COMPRESS)
def compress(request: pytest.FixtureRequest) -> Callable[[bytes], bytes]:
    return compressor(request.param)


@pytest.fixture(params=["isal", "zlib"])
def inflate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "isal":
        pytest.importorskip("isal", reason="the faster gzip decoder is not installed")
    else:
        monkeypatch.setitem(sys.modules, "isal.igzip_lib", None)
    return str(request.param)


def opened(source: Any, threads: int = 2, chunk: int = 0, **options: Any) -> pf.Capture:
    capture = pf.open(source, threads=threads, progress=False, **options)
    capture._options = replace(capture._options, chunk=chunk)
    return capture


def read(capture: pf.Capture) -> tuple[list[int], list[str]]:
    """The lengths of its packets, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lengths = capture.packets(["frame_cap_len"]).to_dict()["frame_cap_len"]
    return lengths, [str(warning.message) for warning in caught]


def table(capture: pf.Capture) -> dict[str, list[Any]]:
    return capture.packets(
        [field.name for field in pf.columns() if field.name != "frame_file" and field.asked != "by name"]
    ).to_dict()


EXPECTED = table(opened(DATA))
LENGTHS = EXPECTED["frame_cap_len"]


class Pipe:
    """A binary file that can't seek and gives a few octets at a time."""

    def __init__(self, data: bytes, most: int) -> None:
        self._rest, self._most = io.BytesIO(data), most

    def read(self, size: int) -> bytes:
        return self._rest.read(min(size, self._most))


def fifo(data: bytes, path: Path) -> Path:
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb") as file, suppress(BrokenPipeError):
            file.write(data)

    threading.Thread(target=write, daemon=True).start()
    return path


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("chunk", [0, 1000, 4096])
def test_every_way_of_reading(compress: Callable[[bytes], bytes], threads: int, chunk: int, tmp_path: Path) -> None:
    packed = compress(DATA)
    path = tmp_path / "plain.pcap"  # the name says nothing
    path.write_bytes(packed)
    before = io.BytesIO(b"not this" + packed)
    before.seek(8)
    for source in (path, packed, before):
        capture = opened(source, threads, chunk)
        assert capture.reusable
        assert capture.info().octets in (len(packed), None)
        for _ in range(2):
            assert table(capture) == EXPECTED
    with path.open("rb") as file:
        assert table(opened(file, threads, chunk)) == EXPECTED
    for number, once in enumerate((Pipe(packed, 1 << 20), Pipe(packed, 700), fifo(packed, tmp_path / "fifo"))):
        capture = opened(once, threads, chunk)
        assert not capture.reusable, number
        assert table(capture) == EXPECTED
        with pytest.raises(RuntimeError, match="can be read only once, and was: open it with spool=True"):
            table(capture)


def test_standard_input(compress: Callable[[bytes], bytes]) -> None:
    code = "import pcapframe as pf; c = pf.open('-'); print(c.files, len(c.packets()), c.reusable)"
    for data in (compress(DATA), DATA):
        done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
        assert done.stdout.decode().strip() == f"['standard input'] {PACKETS} False"


def test_gzip_by_either_decoder(inflate: str) -> None:
    assert table(opened(gzip.compress(DATA))) == EXPECTED


def test_several_members(compress: Callable[[bytes], bytes]) -> None:
    """As `cat a.gz b.gz` makes them, cut anywhere, some of them empty."""
    for cut in (1, 24, 1000, len(DATA) - 1):
        packed = compress(DATA[:cut]) + compress(b"") + compress(DATA[cut:])
        assert table(opened(packed)) == EXPECTED
    assert table(opened(b"".join(compress(DATA[at : at + 5000]) for at in range(0, len(DATA), 5000)))) == EXPECTED


def test_skippable_frames_and_padding() -> None:
    skip = struct.pack("<II", 0x184D2A53, 20_000) + bytes(20_000)
    for name in ("zstd", "lz4"):
        packed = compressor(name)(DATA)
        assert table(opened(skip + packed)) == EXPECTED
        assert table(opened(Pipe(skip + packed, 3))) == EXPECTED
        assert table(opened(skip + skip + packed + skip)) == EXPECTED
        assert read(opened(packed + skip[:-1]))[0] == LENGTHS
        assert "cut short" in read(opened(packed + skip[:-1]))[1][0]
    for packed in (gzip.compress(DATA), lzma.compress(DATA)):
        assert read(opened(packed + bytes(512))) == (LENGTHS, [])
    (message,) = read(opened(lzma.compress(DATA) + bytes(5)))[1]
    assert "5 zeros follow the xz stream" in message


def kinds(capture: pf.Capture) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        faults = capture.info(full=True).faults
    assert faults is not None
    return [fault.kind for fault in faults]


def test_trailing_garbage(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(compress(DATA) + b"some more")
    at = path.stat().st_size - 9
    capture = opened(path)
    lengths, (message,) = read(capture)
    assert lengths == LENGTHS
    assert message.startswith(f"{path}: what follows the last ")
    assert f"at octet {at}, is none: 73 6f 6d 65; the capture in it ends before packet {PACKETS + 1}" in message
    assert kinds(capture) == ["trailing_garbage"]
    with pytest.raises(pf.CaptureError, match="is none: 73 6f 6d 65"):
        opened(path, strict=True).packets()


def good(data: bytes) -> int:
    """How many packets lie whole in the first octets of DATA."""
    return sum(end <= len(data) for end in ENDS) - 1


def test_cut_streams_give_all_that_came_before(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    packed = compress(DATA)
    path = tmp_path / "cut"
    before = 0
    for length in [*range(0, len(packed), len(packed) // 5), *range(len(packed) - 3, len(packed))]:
        path.write_bytes(packed[:length])
        try:
            capture = opened(path)
        except pf.CaptureError:  # not even the header of a capture
            assert before == 0
            continue
        lengths, warned = read(capture)
        assert lengths == LENGTHS[: len(lengths)]
        assert len(lengths) >= before
        before = len(lengths)
        assert len(warned) == 1
        assert "is cut short at the file's end" in warned[0]
        assert kinds(capture) == ["compressed_cut_short"]
        assert read(opened(path.read_bytes(), 1, 1000)) == (lengths, [warned[0].replace(str(path), "<bytes>")])
        with pytest.raises(pf.CaptureError, match="is cut short at the file's end"):
            opened(path, strict=True).packets()
    if compress is gzip.compress:  # the others lose a whole block
        assert before >= PACKETS - 1


def test_a_cut_gzip_gives_what_zlib_gives(inflate: str) -> None:
    import zlib

    packed = gzip.compress(DATA)
    for length in range(1000, len(packed), 1997):
        there = zlib.decompressobj(wbits=31).decompress(packed[:length])
        assert len(read(opened(packed[:length]))[0]) == good(there)


def test_flipped_octets(compress: Callable[[bytes], bytes]) -> None:
    packed = compress(DATA)
    seen = set()
    for at in [*range(0, len(packed), len(packed) // 12), *range(len(packed) - 6, len(packed))]:
        damaged = bytearray(packed)
        damaged[at] ^= 0x41
        try:
            capture = opened(bytes(damaged))
        except pf.CaptureError:
            assert at < 1_000 or compress is not gzip.compress  # the others lose a whole block
            continue
        lengths, warned = read(capture)
        assert len(warned) <= 1
        seen.update(kinds(capture))
        if not warned:  # a time or a name in a header
            assert len(lengths) == PACKETS
        assert read(opened(bytes(damaged), 1, 4096)) == (lengths, warned)
    assert "compressed_damaged" in seen


@pytest.mark.parametrize("feed", [1000, 1 << 17])
def test_damage_costs_nothing_before_it(inflate: str, feed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that fails throws away what it had made in that call: it is made again."""
    import zlib

    monkeypatch.setattr(_compressed, "_FEED", feed)
    packed = gzip.compress(DATA)
    for at in range(2000, len(packed) - 9, len(packed) // 10):
        damaged = bytearray(packed)
        damaged[at : at + 8] = b"\xff" * 8
        inflating, there = zlib.decompressobj(wbits=31), bytearray()
        for octet in damaged:
            try:
                there += inflating.decompress(bytes([octet]))
            except zlib.error:
                break
        # What was made of damaged octets may be no packets at all.
        whole = 0
        while whole < PACKETS and there[: ENDS[whole + 1]] == DATA[: ENDS[whole + 1]]:
            whole += 1
        assert read(opened(bytes(damaged)))[0][:whole] == LENGTHS[:whole]


def test_a_wrong_checksum(inflate: str) -> None:
    for at in (-8, -1):
        packed = bytearray(gzip.compress(DATA))
        packed[at] ^= 1
        capture = opened(bytes(packed))
        assert read(capture)[0] == LENGTHS
        assert kinds(capture) == ["compressed_damaged"]
    for name in ("zstd", "lz4"):
        packed = bytearray(compressor(name)(DATA))
        packed[-1] ^= 1
        capture = opened(bytes(packed))
        assert kinds(capture) == ["compressed_damaged"]
        assert read(capture)[0] == LENGTHS


def test_a_fault_of_the_capture_comes_first(compress: Callable[[bytes], bytes]) -> None:
    """One fault per damage: the capture in it ends where it is impossible, whatever else is wrong further on."""
    broken = DATA[: ENDS[100] + 8] + b"\xff" * 8 + DATA[ENDS[100] + 16 :]
    capture = opened(compress(broken) + b"garbage")
    assert kinds(capture) == ["impossible_length"]
    assert len(read(capture)[0]) == 100
    capture = opened(compress(DATA[: ENDS[100] + 30]))
    assert kinds(capture) == ["cut_short"]


def alike(compress: Callable[[], Any], octets: int) -> bytes:
    """A compressed capture of so many octets: packets of none, one like the other."""
    made, packer = [], compress()
    made.append(packer.compress(DATA[:24]))
    block = struct.pack("<IIII", 1, 0, 0, 60) * (1 << 16)
    for _ in range(octets >> 20):
        made.append(packer.compress(block))
    made.append(packer.flush())
    return b"".join(made)


def test_bombs_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    import zlib

    bomb = alike(lambda: zlib.compressobj(9, zlib.DEFLATED, 31), 128 << 20)
    monkeypatch.setattr(_compressed, "MAX_DECOMPRESSED", 64 << 20)
    capture = opened(bomb)
    with pytest.warns(pf.CaptureWarning, match="holds more than 67,108,864 octets"):
        counts = capture.ioc_counts()
    assert len(counts.ip) == 0
    with pytest.raises(pf.CaptureError, match="bomb"):
        opened(bomb, strict=True).ioc_counts()
    monkeypatch.setattr(_compressed, "MAX_DECOMPRESSED", 64 << 30)
    monkeypatch.setattr(_compressed, "RATIO_FROM", 16 << 20)
    bomb = alike(lambda: bz2.BZ2Compressor(9), 128 << 20)
    with pytest.warns(pf.CaptureWarning, match="1100 times as many"):
        opened(bomb).ioc_counts()


def test_a_bomb_takes_no_memory(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    record = struct.pack("<IIII", 1, 0, 1 << 18, 1 << 18) + bytes(1 << 18)
    path.write_bytes(compress(DATA[:24] + record * 300))  # 75 MiB, and few packets
    code = (
        "import sys, pcapframe as pf\n"
        "pf.open(sys.argv[1], threads=2).info()\n"
        "before = peak()\n"
        "assert pf.open(sys.argv[1], threads=2).info(full=True).packets == 300\n"
        "print(peak() - before)\n"
    )
    (grown,) = memory.run(code, path)
    assert grown < 32 << 20


def test_windows_are_bounded() -> None:
    packed = bytearray(lzma.compress(DATA, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}]))
    # The block header says how large the dictionary is: 40 is 4 GiB - 1. Its checksum is made anew.
    import zlib

    size = (packed[12] + 1) * 4
    assert packed[14:16] == b"\x21\x01"
    packed[16] = 40
    packed[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(packed[12 : 12 + size - 4]))
    with pytest.raises(pf.CaptureError, match="asks for more than 134,217,728 octets of memory"):
        opened(bytes(packed))
    compressor("zstd")
    # RFC 8878: no single segment, no size, no checksum; the window descriptor's exponent 20 is 2^30.
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([20 << 3]) + (len(DATA[:100]) << 3 | 1).to_bytes(3, "little") + DATA[:100]
    with pytest.raises(pf.CaptureError, match="asks for more than 134,217,728 octets of memory"):
        opened(frame)
    frame = frame[:5] + bytes([17 << 3]) + frame[6:]
    assert len(read(opened(frame))[0]) == good(DATA[:100])


def test_one_layer_only(compress: Callable[[bytes], bytes]) -> None:
    with pytest.raises(pf.CaptureError, match="compressed twice over"):
        opened(gzip.compress(compress(DATA)))


def test_what_is_within_is_said_at_open(compress: Callable[[bytes], bytes]) -> None:
    with pytest.raises(pf.CaptureError, match="is no capture: it begins with the octets 6e 6f 20 63"):
        opened(compress(b"no capture at all, whatever its name may be"))
    with pytest.raises(pf.CaptureError, match="is empty"):
        opened(compress(b""))


@pytest.mark.parametrize(("name", "module", "pip"), [("zstd", "zstandard", "zstandard"), ("lz4", "lz4.frame", "lz4")])
def test_a_missing_package_is_named(name: str, module: str, pip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "zstd" and sys.version_info >= (3, 14):
        pytest.skip("zstd comes with Python")
    packed = compressor(name)(DATA)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"pip install {pip}"):
        opened(packed)


def test_several_threads_ask_one_capture(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(compress(DATA))
    for source in (path, path.read_bytes()):
        capture = opened(source)
        answers: list[Any] = []
        ask = partial(lambda capture, answers: answers.append(table(capture)), capture, answers)
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [EXPECTED] * 4
    path.unlink()
    with pytest.raises(FileNotFoundError):
        opened(path)


def test_a_file_that_was_replaced_or_grew(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(DATA))
    capture = opened(path)
    with path.open("ab") as file:
        file.write(gzip.compress(DATA[24:]))
    assert read(capture) == (LENGTHS, [])  # the size seen at open is the size read
    other = tmp_path / "other"
    other.write_bytes(gzip.compress(DATA))
    other.replace(path)
    with pytest.raises(pf.CaptureError, match="no longer the file that was opened"):
        capture.packets()


def test_an_error_of_the_file_object_comes_through(compress: Callable[[bytes], bytes]) -> None:
    class Failing(Pipe):
        def read(self, size: int) -> bytes:
            octets = super().read(size)
            if not octets:
                raise ZeroDivisionError
            return octets

    capture = opened(Failing(compress(DATA)[:-1], 1000))
    with pytest.raises(ZeroDivisionError):
        capture.packets()


def test_progress_counts_octets_on_the_disk(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(gzip.compress(DATA))
    (tmp_path / "c").write_bytes(DATA)
    total = sum(path.stat().st_size for path in tmp_path.iterdir())
    told: list[tuple[int, int | None]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they overlap
        pf.open(str(tmp_path / "*"), progress=lambda done, all: told.append((done, all))).ioc_counts()
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_ctrl_c_while_a_compressed_pipe_stalls(tmp_path: Path) -> None:
    """A reader waits on a thread of its own: it ends, and nothing is left behind."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    done = threading.Event()

    def write() -> None:
        with path.open("wb") as file:
            file.write(gzip.compress(DATA)[:20000])
            file.flush()
            done.wait(30)

    writer = threading.Thread(target=write)
    writer.start()
    took = interrupted(opened(path).packets, 0.3)
    done.set()
    writer.join()
    assert took is not None
    assert took.wall < 20  # the writer would have let it wait for 30
    assert not [thread for thread in threading.enumerate() if "pcapframe" in thread.name]
