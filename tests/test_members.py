"""Members that several threads decompress: the answers, the faults and the limits are those of one thread."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pcapframe as pf
from captures_large import write_syns
from pcapframe import _compressed, _compressions, _members, _sources_local

zstandard = pytest.importorskip("zstandard", reason="zstd needs the package zstandard")

END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")  # bgzip's empty member


class Octets(bytes):
    def __repr__(self) -> str:  # where hypothesis reports a failure
        return f"<{len(self)} octets>"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return Octets(write_syns(tmp_path_factory.mktemp("plain") / "a.pcap", 6000).read_bytes())


def bgzip(data: bytes, each: int = 65280) -> bytes:
    """As bgzip writes it: SAM specification, 4.1."""
    made = b""
    for place in range(0, len(data), each):
        piece = data[place : place + each]
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        octets = deflate.compress(piece) + deflate.flush()
        extra = struct.pack("<HBBHH", 6, 66, 67, 2, len(octets) + 25)
        made += b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + extra + octets + struct.pack("<II", zlib.crc32(piece), len(piece))
    return made + END


def frames(data: bytes, each: int = 50_000, announced: bool = False, table: bool = False, **options: bool) -> bytes:
    """Frames of zstd, with a skippable one before each as pzstd writes them, or a seek table behind them all."""
    made, sizes = b"", b""
    for place in range(0, len(data), each):
        piece = data[place : place + each]
        octets = zstandard.ZstdCompressor(level=3, **options).compress(piece)
        if announced:
            made += struct.pack("<III", 0x184D2A50, 4, len(octets))
        made += octets
        sizes += struct.pack("<II", len(octets), len(piece))
    if table:
        sizes += struct.pack("<IBI", len(sizes) // 8, 0, 0x8F92EAB1)
        made += struct.pack("<II", 0x184D2A5E, len(sizes)) + sizes
    return made


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "bgzip": bgzip,
    "bgzip small": lambda data: bgzip(data, 700),
    "zstd": frames,
    "zstd checksums": lambda data: frames(data, write_checksum=True),
    "zstd no sizes": lambda data: frames(data, 300_000, write_content_size=False),
    "pzstd": lambda data: frames(data, announced=True),
    "seekable": lambda data: frames(data, table=True),
}


@pytest.fixture(params=WAYS)
def compress(request: pytest.FixtureRequest) -> Callable[[bytes], bytes]:
    return WAYS[request.param]


@contextmanager
def together(yes: bool) -> Iterator[None]:
    kept = _members.LEAST, _members.PROCESSORS
    _members.LEAST, _members.PROCESSORS = (0, {"gzip": 1, "zstd": 1}) if yes else (1 << 60, {"gzip": 1, "zstd": 1})
    try:
        yield
    finally:
        _members.LEAST, _members.PROCESSORS = kept


def given_by(octets: bytes, yes: bool) -> tuple[bytes, tuple[str, str] | None]:
    """All that a reader gives, and why it gives no more."""
    with together(yes):
        reader = _compressed.Reader(_sources_local.BytesSource(octets), _compressions.format_of(octets))
        reader.seek(0)
        made = b"".join(iter(lambda: reader.read(100_000), b""))
        fault = reader.fault
        reader.close()
    return made, fault


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How far cutters came, in order."""
    places: list[int] = []
    close = _members.Cutter.close

    def closed(cutter: _members.Cutter) -> None:
        places.append(cutter.at)
        close(cutter)

    monkeypatch.setattr(_members.Cutter, "close", closed)
    return places


def test_all_of_it_is_cut(compress: Callable[[bytes], bytes], plain: bytes, cuts: list[int]) -> None:
    octets = compress(plain)
    assert given_by(octets, True) == (plain, None)
    assert cuts == [len(octets)]
    assert given_by(octets, False) == (plain, None)
    assert len(cuts) == 1


def test_captures(compress: Callable[[bytes], bytes], plain: bytes, tmp_path: Path, cuts: list[int]) -> None:
    file = tmp_path / "a.pcap.x"
    file.write_bytes(compress(plain))
    want = pf.open(plain).packets().to_dict()
    with together(True):
        for threads in (1, 3):
            cap = pf.open(file, threads=threads)
            assert cap.packets()["ip_src"].values.tolist() == want["ip_src"]
            assert dict(cap.count("ip_dst")) == dict(pf.open(plain).count("ip_dst"))
    assert cuts
    assert not [each for each in threading.enumerate() if each.name.startswith("pcapframe-members")]


def test_a_file_object_is_read_by_its_own_thread(plain: bytes, cuts: list[int]) -> None:
    with together(True):
        assert len(pf.open(io.BytesIO(bgzip(plain))).packets(["frame_number"])) == 6000
    assert not cuts


@settings(max_examples=60, deadline=None)  # salvage goes octet by octet
@given(
    way=st.sampled_from(sorted(WAYS)),
    where=st.floats(0, 1, exclude_max=True),
    harm=st.sampled_from(("changed", "cut", "put in", "behind")),
    drawn=st.binary(min_size=1, max_size=20),
)
def test_damage(way: str, where: float, harm: str, drawn: bytes, plain: bytes) -> None:
    """Octets that are changed, cut off, put in or behind: whatever it is, both ways say and give the same."""
    octets = bytearray(WAYS[way](plain[:200_000]))
    place = int(where * len(octets))
    match harm:
        case "changed":
            octets[place] ^= drawn[0]
        case "cut":
            del octets[place:]
        case "put in":
            octets[place:place] = drawn
        case "behind":
            octets += drawn
    if _compressions.format_of(bytes(octets[: _compressions.LOOK])) in ("gzip", "zstd"):
        assert given_by(bytes(octets), True) == given_by(bytes(octets), False)


def test_what_is_too_large_goes_the_plain_way(plain: bytes, cuts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_members, "_MOST", 250_000)
    octets = frames(plain, 100_000) + frames(plain, 1 << 20) + frames(plain, 100_000)
    assert given_by(octets, True) == (3 * plain, None)
    assert cuts == [len(frames(plain, 100_000))]


def test_a_lying_size(plain: bytes) -> None:
    """A member that ends elsewhere than it says, or holds more than such a member may."""
    long = bytearray(bgzip(plain))
    long[16] ^= 1
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    piece = bytes(20_000_000)
    octets = deflate.compress(piece) + deflate.flush()
    head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<HBBHH", 6, 66, 67, 2, len(octets) + 25)
    bomb = head + octets + struct.pack("<II", zlib.crc32(piece), len(piece))
    for each in (bytes(long), bomb):
        assert given_by(each, True) == given_by(each, False)


@pytest.mark.parametrize("limit", ["MAX_DECOMPRESSED", "MAX_RATIO"])
def test_limits(limit: str, plain: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compressed, "RATIO_FROM", 100_000)
    monkeypatch.setattr(_compressed, limit, {"MAX_DECOMPRESSED": 333_333, "MAX_RATIO": 40}[limit])
    for octets in (bgzip(plain + bytes(10_000_000)), frames(plain + bytes(10_000_000), 400_000)):
        made, fault = given_by(octets, True)
        assert fault is not None
        assert fault[0] == "bomb"
        assert (made, fault) == given_by(octets, False)


def test_memory_is_bounded(plain: bytes, cuts: list[int]) -> None:
    """A frame of blocks that are one octet repeated: 4 octets make 128 KiB, and it is seen before they are made."""
    block = struct.pack("<I", (128 << 10) << 3 | 1 << 1)[:3] + b"\0"
    last = struct.pack("<I", 1 | (128 << 10) << 3 | 1 << 1)[:3] + b"\0"
    octets = b"\x28\xb5\x2f\xfd\0\x58" + block * 2000 + last
    with together(True), warnings.catch_warnings():
        reader = _compressed.Reader(_sources_local.BytesSource(octets), "zstd")
        reader.seek(0)
        assert sum(map(len, iter(lambda: reader.read(1 << 20), b""))) == 2001 * (128 << 10)
        reader.close()
    assert not cuts
