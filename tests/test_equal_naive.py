"""The C core equals the slow twin in plain Python: on whatever captures hypothesis makes, however the core is run."""

from __future__ import annotations

import io
import os
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures
import captures_ng
import naive
import pcapframe as pf

THREADS = (1, 2, 3, 8)
CHUNKS = (0, 16, 100, 300, 4096)  # 0: the core's own


def opened(source: object, threads: int = 1, chunk: int = 0) -> pf.Capture:
    capture = pf.open(source, threads=threads, progress=False)  # type: ignore[arg-type]
    capture._options = replace(capture._options, chunk=chunk)
    return capture


def quietly(ask):
    """What `ask` gives, and the capture warnings it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return ask(), [warning for warning in caught if issubclass(warning.category, pf.CaptureWarning)]


def table(capture: pf.Capture) -> dict[str, list[object]]:
    """All columns; and that the one which differs with the way of reading is the name."""
    columns = quietly(capture.packets)[0].to_dict()
    assert set(columns["frame_file"]) <= set(capture.files)
    return columns


def unnamed(capture: pf.Capture) -> dict[str, list[object]]:
    return {name: values for name, values in table(capture).items() if name != "frame_file"}


def plain(name: bytes | None) -> str | None:
    """A name, or None where it is no text: what is shown of such is not for here."""
    try:
        return None if name is None or b"\0" in name else name.decode()
    except UnicodeDecodeError:
        return None


def check(data: bytes, capture: pf.Capture) -> None:
    """All answers of a capture are the twin's."""
    interfaces, records, fault, blocks_skipped = naive.read(data)
    records = [record._replace(file=capture.files[0]) for record in records]
    rows = [naive.decode(record) for record in records]
    got = table(capture)
    assert list(got) == list(naive.COLUMNS)
    for name in naive.COLUMNS:
        assert got[name] == [row[name] for row in rows], name
    for rules in ({}, {"dns_rule": "nxdomain", "seq_rule": "data"}):
        counts, warned = quietly(lambda rules=rules: capture.ioc_counts(**rules))
        expected = naive.ioc_counts(records, **rules)
        assert tuple(kind.to_dict() for kind in counts) == tuple(map(dict, expected))
        assert len(warned) == (fault is not None)
    info, _ = quietly(lambda: capture.info(full=True))
    assert info.packets == len(records)
    assert [(f.kind, f.frame_number, f.offset, f.lost) for f in info.faults] == ([tuple(fault)] if fault else [])
    faults = [row["frame_fault"] for row in rows if row["frame_fault"]]
    assert info.packet_faults == {text: faults.count(text) for text in faults}
    if fault is None or fault.kind != "cut_short":  # see test_damage.py for a large one that is cut short
        # What names and statistics say is elsewhere in it.
        assert info.other_blocks == {kind: n for kind, n in blocks_skipped.items() if kind not in (4, 5)}
    assert len(info.interfaces) == len(interfaces)
    for got_of, each in zip(info.interfaces, interfaces, strict=True):
        assert got_of.snap_len == each.snap_len
        assert plain(each.name) in (got_of.name, None)
        assert plain(each.description) in (got_of.description, None)
    times = [record.time_ns for record in records if record.time_ns is not None]
    assert (info.first_time, info.last_time) == ((min(times), max(times)) if times else (None, None))


def check_as_whole(data: bytes, threads: int, chunk: int) -> None:
    try:
        naive.read(data)
    except ValueError:
        with pytest.raises(pf.CaptureError):
            pf.open(data)
        return
    check(data, opened(data, threads, chunk))


@settings(max_examples=150, deadline=None)
@given(data=captures.st_capture(), threads=st.sampled_from(THREADS), chunk=st.sampled_from(CHUNKS))
def test_any_capture(data: bytes, threads: int, chunk: int) -> None:
    check_as_whole(data, threads, chunk)


@settings(max_examples=200, deadline=None)
@given(data=captures_ng.st_pcapng(), threads=st.sampled_from(THREADS), chunk=st.sampled_from(CHUNKS))
def test_any_pcapng(data: bytes, threads: int, chunk: int) -> None:
    check_as_whole(data, threads, chunk)


@settings(max_examples=150, deadline=None)
@given(
    data=captures.st_capture(damage=False),
    keys=st.tuples(*[st.sets(st.integers(0, 40), max_size=6)] * 3),
    rules=st.sampled_from([{}, {"dns_rule": "nxdomain"}, {"seq_rule": "data"}]),
    threads=st.sampled_from(THREADS),
    chunk=st.sampled_from(CHUNKS),
)
def test_select(data: bytes, keys, rules, threads: int, chunk: int, tmp_path_factory) -> None:
    _, records, _ = naive.read_pcap(data)
    capture = opened(data, threads, chunk)
    counts = naive.ioc_counts(records, **rules)
    wanted = [
        {key for number, key in enumerate(kind) if number in chosen} for kind, chosen in zip(counts, keys, strict=True)
    ]
    rows = naive.select(records, dns=wanted[0], ip=wanted[1], seq=wanted[2], **rules)
    frame = capture.select(dns=wanted[0], ip=wanted[1], seq=wanted[2], **rules)
    got = frame.to_dict()
    for name in naive.COLUMNS:
        assert got[name] == [row[name] for row in rows], name
    for name, kind, chosen in zip(("dns", "ip", "seq"), counts, wanted, strict=True):
        assert len(capture.select(**{name: chosen}, **rules)) == sum(kind[key] for key in chosen)

    path = tmp_path_factory.mktemp("select") / "out.pcap"
    assert frame.write(path) == len(rows)
    numbers = {row["frame_number"] for row in rows}
    _, written, fault = naive.read_pcap(path.read_bytes())
    assert fault is None
    assert [(r.time_ns, r.cap_len, r.len, r.link_type, r.octets) for r in written] == [
        (r.time_ns, r.cap_len, r.len, r.link_type, r.octets) for r in records if r.frame_number in numbers
    ]


class Pipe:
    """A binary file that can't seek and gives a few octets at a time."""

    def __init__(self, data: bytes, most: int) -> None:
        self._rest, self._most = io.BytesIO(data), most

    def read(self, size: int) -> bytes:
        return self._rest.read(min(size, self._most))


def fifo(data: bytes, folder: Path) -> Path:
    path = folder / "fifo"
    os.mkfifo(path)
    threading.Thread(target=lambda: path.write_bytes(data), daemon=True).start()
    return path


@settings(max_examples=50, deadline=None)
@given(
    data=captures.st_capture() | captures_ng.st_pcapng(),
    chunk=st.sampled_from(CHUNKS),
    threads=st.sampled_from(THREADS),
    most=st.sampled_from([1, 7, 100, 10**6]),
)
def test_every_way_of_reading(data: bytes, chunk: int, threads: int, most: int, tmp_path_factory) -> None:
    try:
        naive.read(data)
    except ValueError:
        return
    folder = tmp_path_factory.mktemp("ways")
    path = folder / "a.pcap"
    path.write_bytes(data)
    check(data, opened(path, threads, chunk))
    with path.open("rb") as file:
        check(data, opened(file, threads, chunk))
    behind = io.BytesIO(b"not this" + data)
    behind.seek(8)
    check(data, opened(behind, threads, chunk))
    whole = unnamed(opened(path))
    assert unnamed(opened(Pipe(data, most), threads, chunk)) == whole
    assert unnamed(opened(fifo(data, folder), threads, chunk)) == whole
    info, _ = quietly(lambda: opened(Pipe(data, most), threads, chunk).info(full=True))
    fault = naive.read(data).fault
    assert [(f.kind, f.frame_number, f.offset, f.lost) for f in info.faults] == ([tuple(fault)] if fault else [])


def test_records_across_chunk_ends_at_every_offset() -> None:
    """A record begins at every place relative to the end of a chunk."""
    packets = [captures.Packet(bytes([n]) * n, n, n, 0) for n in range(70)]
    data = captures.pcap_bytes(packets, link_type=1)
    expected = table(opened(data))
    assert expected["frame_cap_len"] == list(range(70))
    for chunk in range(1, 130):
        for threads in (1, 3):
            assert table(opened(data, threads, chunk)) == expected, (chunk, threads)


def test_blocks_across_chunk_ends_at_every_offset() -> None:
    """The same for blocks, of which some are no packets, in sections of both orders."""
    data = b""
    for order in "<>":
        data += captures_ng.section(order) + captures_ng.interface(order=order, name=b"a")
        for n in range(20):
            data += captures_ng.enhanced(bytes([n]) * n, 1_000_000 * n, order=order)
            data += captures_ng.simple(bytes(n), order=order) if n % 3 == 0 else b""
            data += captures_ng.other(body=bytes([n]) * (40 * (n % 2)), order=order)
            data += captures_ng.interface(101, order=order) if n % 8 == 7 else b""
    expected = table(opened(data))
    assert expected["frame_cap_len"] == [record.cap_len for record in naive.read(data).records]
    for chunk in range(1, 130):
        for threads in (1, 3):
            assert table(opened(data, threads, chunk)) == expected, (chunk, threads)


def test_several_files_are_one_capture(tmp_path: Path) -> None:
    """In the order of their first packets, numbered on."""
    for name, second in (("a", 30), ("b", 10), ("c", 20)):
        packets = [captures.Packet(b"\0" * 60, 60, second + n, 0) for n in range(3)]
        (tmp_path / f"{name}.pcap").write_bytes(captures.pcap_bytes(packets, link_type=1))
    seconds = [second * 10**9 for second in (10, 11, 12, 20, 21, 22, 30, 31, 32)]
    for source in (str(tmp_path / "*.pcap"), [tmp_path / "a.pcap", tmp_path / "b.pcap", tmp_path / "c.pcap"]):
        for threads in THREADS:
            for chunk in CHUNKS:
                got = table(opened(source, threads, chunk))
                assert got["frame_time"] == seconds
                assert got["frame_number"] == list(range(1, 10))


@pytest.mark.parametrize("threads", THREADS)
def test_counts_add_up(threads: int) -> None:
    tape = captures.Tape(bytes(range(256)) * 8, wild=True)
    parts = [captures.pcap_bytes([captures.any_packet(tape, 1) for _ in range(20)], link_type=1) for _ in range(3)]
    both = opened(parts[0], threads).ioc_counts() + opened(parts[1], threads).ioc_counts()
    expected = [naive.ioc_counts(naive.read_pcap(part)[1]) for part in parts[:2]]
    for kind, (one, two) in zip(both, zip(*expected, strict=True), strict=True):
        assert kind.to_dict() == {key: one.get(key, 0) + two.get(key, 0) for key in {**one, **two}}
