"""Indexes: the same answers with one as without, whatever the capture is like, and none that does not fit is used."""

from __future__ import annotations

import json
import os
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures_ng as ng
import pcapframe as pf
import traffic
from captures import Packet, pcap_bytes, st_capture
from captures_large import write_syns
from pcapframe import _index, cli

COLUMNS = (
    "frame_number", "frame_time", "frame_time_delta", "frame_time_relative", "frame_interface_id", "frame_len",
    "frame_file", "protocol", "ip_src", "ip_dst", "tcp_stream", "tcp_analysis_retransmission", "dns_qry_name",
)  # fmt: skip
LOOSE = tuple(name for name in COLUMNS if not name.startswith(("tcp_", "dns_")))  # what earlier packets do not change


@contextmanager
def grain(octets: int) -> Iterator[None]:
    before, _index._GRAIN = _index._GRAIN, octets
    try:
        yield
    finally:
        _index._GRAIN = before


def told(ask: Callable[[], Any]) -> tuple[Any, list[str]]:
    """An answer, or its error, and the warnings beside it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = ask()
        except pf.PcapframeError as error:
            answer = repr(error)
        return answer, [str(each.message) for each in caught]


QUESTIONS: dict[str, Callable[[pf.Capture, Path], Any]] = {
    "packets": lambda cap, to: cap.packets(LOOSE).to_dict(),
    "streams": lambda cap, to: cap.packets(COLUMNS).to_dict(),
    "flows": lambda cap, to: cap.flows().to_dict(),
    "flow_id": lambda cap, to: cap.packets(["frame_number", "flow_id"]).to_dict(),
    "ioc": lambda cap, to: [dict(counts) for counts in cap.ioc_counts()],
    "count": lambda cap, to: cap.count("protocol", every="1s", gaps=True).to_dict(),
    "info": lambda cap, to: cap.info(full=True),
    "filter": lambda cap, to: cap.filter(frame_number=slice(2, 9)).packets(LOOSE).to_dict(),
    "batches": lambda cap, to: [frame.to_dict() for frame in cap.batches(LOOSE, rows=7)],
    "write": lambda cap, to: (cap.write(to / "out.pcapng"), (to / "out.pcapng").read_bytes()),
}


def same(plain: pf.Capture, indexed: pf.Capture, start: int | None, end: int | None, to: Path, *names: str) -> None:
    assert any(source.index for source in indexed._inputs)
    assert not any(source.index for source in plain._inputs)
    for name in names or QUESTIONS:
        want, got = (told(partial(QUESTIONS[name], cap.between(start, end), to)) for cap in (plain, indexed))
        assert got == want, name


def opened(files: list[Path], octets: int, **options: Any) -> tuple[pf.Capture, pf.Capture]:
    """The same captures without and with indexes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = [str(file) for file in files]
        with grain(octets):
            pf.open(names, index=False).index()
        return pf.open(names, index=False, **options), pf.open(names, **options)


# ------------------------------------------------------------------------------------------------------ equal answers


def packet(number: int, time: int) -> Packet:
    frame = traffic.tcp(f"10.0.0.{number % 7}", "10.0.1.1", 1000 + number % 5, 80, 16, bytes(number % 90))
    return Packet(frame, len(frame), *divmod(time, 1_000_000_000))


def times(out_of_order: bool, count: int = 300) -> list[int]:
    base = 1_500_000_000_000_000_000
    return [
        base + 10_000_000 * number - (3_000_000_000 if out_of_order and number % 37 == 5 else 0)
        for number in range(count)
    ]


def sections(count: int = 300) -> bytes:
    """Three sections of both orders; interfaces come in the middle; some packets have no time."""
    octets = b""
    for part, order in enumerate("<><"):
        octets += ng.section(order) + ng.interface(1, order=order, name=b"first")
        for number in range(count // 3):
            if number == 40:
                octets += ng.interface(1, order=order, tsresol=9, name=b"second") + ng.custom(order=order)
            frame = packet(number, 0).octets
            if number % 17 == 3:
                octets += ng.simple(frame, order=order)
                continue
            second = number > 60 and number % 2
            time = 1_500_000_000_000_000 + 10_000 * (part * 100 + number)
            octets += ng.enhanced(frame, time=time * 1000 if second else time, number=int(second), order=order)
    return octets


def example(kind: str) -> bytes:
    if kind == "pcapng":
        return sections()
    file = pcap_bytes([packet(number, time) for number, time in enumerate(times(kind == "disorder"))], magic="nano")
    return file[:-5] if kind == "cut" else file


@pytest.mark.parametrize("kind", ["pcap", "disorder", "cut", "pcapng"])
def test_the_same_answers(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "a.cap"
    file.write_bytes(example(kind))
    plain, indexed = opened([file], 2000)
    whole, _ = told(lambda: plain.packets("frame_time")["frame_time"].fill(0).tolist())
    seen = sorted(time for time in whole if time)
    middle, late = seen[len(seen) // 2], seen[-10]
    for start, end in ((middle, middle + 200_000_000), (late, None), (None, seen[5]), (0, 1), (seen[-1] + 1, None)):
        same(plain, indexed, start, end, tmp_path)


@pytest.mark.parametrize("chunk", [1, 700, 1 << 19])
@pytest.mark.parametrize("threads", [1, 3])
def test_several_files(chunk: int, threads: int, tmp_path: Path) -> None:
    files = []
    for number, kind in enumerate(("pcap", "cut", "pcapng", "disorder")):
        files.append(tmp_path / f"{number}.cap")
        files[-1].write_bytes(example(kind))
    plain, indexed = opened(files, 3000, threads=threads)
    options = replace(plain._options, chunk=chunk)
    plain, indexed = pf.Capture(plain._inputs, options), pf.Capture(indexed._inputs, options)
    base = times(False)[0]
    for start, end in ((base + 1_000_000_000, base + 1_100_000_000), (base + 2_900_000_000, None), (None, base)):
        same(plain, indexed, start, end, tmp_path, "packets", "ioc", "filter", "write")


@settings(deadline=None)
@given(data=st.data())
def test_any_capture_and_window(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    octets = data.draw(st.one_of(st_capture(), ng.st_pcapng()))
    folder = tmp_path_factory.mktemp("any")
    file = folder / "any.cap"
    file.write_bytes(octets)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole = pf.open(file).packets("frame_time")["frame_time"].fill(0).tolist()
    except pf.CaptureError:
        return
    plain, indexed = opened([file], data.draw(st.sampled_from((1, 100, 1000))))
    ends = st.one_of(st.none(), st.sampled_from(whole or [0]), st.integers(-(2**62), 2**62))
    start, end = data.draw(ends), data.draw(ends)
    if start is not None and end is not None and end < start:
        start, end = end, start
    same(plain, indexed, start, end, folder, "packets", "ioc", "info", "count")


def test_strict(tmp_path: Path) -> None:
    file = tmp_path / "a.cap"
    file.write_bytes(example("cut"))
    plain, indexed = opened([file, file], 2000, strict=True)
    same(plain, indexed, 0, 1, tmp_path, "packets")


# -------------------------------------------------------------------------------------------------- what is not used


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_syns(tmp_path / "syns.pcap", 3000)


def rewritten(file: Path, at: int) -> None:
    """One octet is another; the time of modification is what it was."""
    kept = file.stat()
    with file.open("r+b") as changed:
        changed.seek(at, os.SEEK_END if at < 0 else os.SEEK_SET)
        octet = changed.read(1)[0]
        changed.seek(-1, os.SEEK_CUR)
        changed.write(bytes([octet ^ 1]))
    os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))


def longer(file: Path) -> None:
    with file.open("ab") as changed:
        changed.write(struct.pack("<IIII", 1, 1, 0, 0))


CHANGES: dict[str, Callable[[Path], None]] = {
    "size": longer,
    "mtime": lambda file: os.utime(file, ns=(1, 1)),
    "head": lambda file: rewritten(file, 100),
    "tail": lambda file: rewritten(file, -3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_stale_index_is_left_alone_or_made_anew(change: str, file: Path) -> None:
    pf.open(file).index()
    CHANGES[change](file)
    with pytest.warns(pf.CaptureWarning, match=r"another than when it was made; Capture.index\(\) makes it anew"):
        assert pf.open(file)._inputs[0].index is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pf.open(file, index=False)._inputs[0].index is None
        assert pf.open(file, index=True)._inputs[0].index is not None
        assert pf.open(file)._inputs[0].index is not None


def test_a_damaged_index_is_left_alone(file: Path) -> None:
    (made,) = pf.open(file).index()
    good = Path(made.path).read_bytes()
    for bad in (b"", good[:-1], good + b"\0", good[:40] + bytes([good[40] ^ 1]) + good[41:]):
        Path(made.path).write_bytes(bad)
        with pytest.warns(pf.CaptureWarning, match="is not used as the index"):
            assert pf.open(file)._inputs[0].index is None


def test_an_index_that_lies_is_found_out_where_it_is_used(tmp_path: Path) -> None:
    """The index of another capture, whose head and tail are alike: what lies between cannot be told by them."""
    file = write_syns(tmp_path / "a.pcap", 6000)
    octets = bytearray(file.read_bytes())
    with grain(4000):
        pf.open(file).index()
    kept = file.stat()
    middle = 24 + (len(octets) - 24) // 6000 * 3000  # a record's header
    octets[middle : middle + 4] = struct.pack("<I", struct.unpack_from("<I", octets, middle)[0] + 5_000_000)
    file.write_bytes(octets)
    os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    cap = pf.open(file)
    assert cap._inputs[0].index is not None
    _, _, _, _, places = cap._inputs[0].index
    stretch = max(place for place in places if place[0] <= middle)
    with pytest.raises(pf.CaptureError, match="its index does not fit"):
        cap.between(stretch[2], stretch[3]).ioc_counts()


def test_only_what_may_hold_the_times_is_read(tmp_path: Path) -> None:
    """Zeros, with which a walk over all ends, lie where the index has no reason to look."""
    file = write_syns(tmp_path / "a.pcap", 6000)
    with grain(4000):
        pf.open(file).index()
    last = pf.open(file).info(full=True).last_time
    assert last is not None
    want = pf.open(file).between(last).packets(LOOSE).to_dict()
    kept, octets = file.stat(), bytearray(file.read_bytes())
    octets[100_000:110_000] = bytes(10_000)
    file.write_bytes(octets)
    os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert pf.open(file).between(last).packets(LOOSE).to_dict() == want
    with pytest.warns(pf.CaptureWarning, match="run of zeros"):
        assert not len(pf.open(file, index=False).between(last).packets(LOOSE))


def test_a_file_that_changed_since_it_was_opened_is_read_whole(file: Path) -> None:
    pf.open(file).index()
    cap = pf.open(file)
    first = cap.info().first_time
    assert first is not None
    want = cap.between(first, first + 10**9).packets().to_dict()
    os.utime(file, ns=(1, 1))
    assert cap.between(first, first + 10**9).packets().to_dict() == want


def test_what_is_no_file_is_not_read(file: Path) -> None:
    """A FIFO that nobody writes to would be waited for; what is not there is not told."""
    os.mkfifo(f"{file}.pfx")
    with pytest.warns(pf.CaptureWarning, match="is not used as the index .*: it is no file"):
        assert pf.open(file)._inputs[0].index is None
    assert pf.open(file, index=True)._inputs[0].index is not None


def test_an_index_that_is_named_and_not_there(file: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"No such index, nor folder with one: '.*absent\.pfx'"):
        pf.open(file, index=tmp_path / "absent.pfx")
    assert pf.open(file, index=tmp_path)._inputs[0].index is None  # a folder may be without one


def test_an_index_whose_name_would_be_too_long(file: Path) -> None:
    long = file.rename(file.with_name("x" * 253))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pf.open(long)
        (made,) = pf.open(long).index()
        assert pf.open(long)._inputs[0].index is not None
    assert made.path == _index.cached(str(long))
    os.unlink(made.path)


# ------------------------------------------------------------------------------------------------------ where it lies


def test_where_it_lies(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (made,) = pf.open(file).index()
    assert (made.path, made.packets, made.file) == (f"{file}.pfx", 3000, str(file))
    assert made.octets == os.path.getsize(made.path)
    os.unlink(made.path)
    (made,) = pf.open(file).index(cache=True)
    assert Path(made.path).parent == tmp_path / "cache" / "pcapframe"
    assert pf.open(file)._inputs[0].index is not None
    os.unlink(made.path)
    own = tmp_path / "own.idx"
    pf.open(file).index(own)
    assert pf.open(file)._inputs[0].index is None
    assert pf.open(file, index=own)._inputs[0].index is not None
    folder = tmp_path / "folder"
    folder.mkdir()
    (made,) = pf.open(file).index(folder)
    assert Path(made.path) == folder / "syns.pcap.pfx"
    assert pf.open(file, index=folder)._inputs[0].index is not None


def test_beside_a_capture_that_cannot_be_written(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in the index's place: the same refusal for root as for others."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path(f"{file}.pfx").mkdir()
    (made,) = pf.open(file, index=False).index()
    assert made.path == _index.cached(str(file))


def test_the_verb(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["index", str(file), "-o", str(tmp_path / "x.pfx")]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path}/x.pfx: 3,000 packets in 1 stretches, ")
    assert cli.main(["index", str(file), "--json"]) == 0
    (made,) = json.loads(capsys.readouterr().out)["indexes"]
    assert (made["file"], made["path"], made["packets"]) == (str(file), f"{file}.pfx", 3000)


def test_what_has_none(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not compressed"):
        pf.open(file.read_bytes()).index()
    pf.open(file).index()
    assert pf.open(str(tmp_path / "*")).files == [str(file)]  # an index is no capture
    with pytest.raises(pf.CaptureError, match="is the index of a capture"):
        pf.open(f"{file}.pfx")
    with pytest.raises(ValueError, match="a path, or cache=True"):
        pf.open(file).index(tmp_path, cache=True)
