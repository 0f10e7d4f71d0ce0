"""What is written is what was read: octets, times, lengths, link types and interfaces, in either format."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures
import captures_ng as ng
import naive
import pcapframe as pf


def essence(data: bytes, whole: bool = True) -> list[tuple[object, ...]]:
    """Of each packet what must survive."""
    found = naive.read(data)
    assert found.fault is None or not whole
    return [(r.time_ns, r.cap_len, r.len, r.link_type, r.octets) for r in found.records]


def opened(data: bytes, threads: int = 2, chunk: int = 0) -> pf.Capture:
    capture = pf.open(data, threads=threads, progress=False)
    capture._options = type(capture._options)(threads, False, False, chunk)
    return capture


@settings(max_examples=120, deadline=None)
@given(
    data=st.one_of(captures.st_capture(damage=False), ng.st_pcapng(damage=False)),
    suffix=st.sampled_from(["pcap", "pcapng"]),
    threads=st.sampled_from([1, 3]),
    chunk=st.sampled_from([0, 100, 4096]),
)
def test_round_trip(
    data: bytes, suffix: str, threads: int, chunk: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("written") / f"out.{suffix}"
    packets = essence(data, whole=False)
    warnings.simplefilter("ignore", pf.CaptureWarning)  # what lies before a fault is written
    links = {packet[3] for packet in packets}
    timeless = any(packet[0] is None for packet in packets)
    beyond = any(packet[0] is not None and not 0 <= packet[0] < 2**32 * 10**9 for packet in packets)
    try:
        written = opened(data, threads, chunk).write(path)
    except ValueError:
        hole = any(packet[:3] == (0, 0, 0) for packet in packets)
        unfit = beyond or timeless or (suffix == "pcap" and (len(links) > 1 or hole))
        written = None
    if written is None:
        assert unfit
        assert not path.exists()
        return
    assert written == len(packets)
    assert essence(path.read_bytes()) == packets
    other = path.with_name(f"other.{suffix}")
    assert opened(data, 1).write(other) == written
    assert other.read_bytes() == path.read_bytes()  # whatever threads and chunks
    again = path.with_name(f"again.{suffix}")
    assert pf.open(path, progress=False).write(again) == written
    assert again.read_bytes() == path.read_bytes()  # what we write is a fixed point


def several_interfaces() -> bytes:
    frame = captures.ethernet(captures.ipv4(captures.udp())).octets
    packets = [
        ng.interface(1, 96, name=b"eth0"),
        ng.interface(101, 0, name=b"tun0", tsresol=9),
        ng.enhanced(frame, number=0, time=5_000_000),
        ng.enhanced(frame[14:], number=1, time=6_000_000_123),
        ng.enhanced(frame, number=0, time=7_000_001),
    ]
    return b"".join([ng.section(), *packets])


def test_interfaces_and_link_types_need_pcapng(tmp_path: Path) -> None:
    data = several_interfaces()
    capture = pf.open(data)
    with pytest.raises(ValueError, match=r"one link type.*write a \.pcapng file"):
        capture.write(tmp_path / "out.pcap")
    assert capture.write(tmp_path / "out.pcapng") == 3
    assert essence((tmp_path / "out.pcapng").read_bytes()) == essence(data)
    interfaces = pf.open(tmp_path / "out.pcapng").info(full=True).interfaces
    assert [(i.name, i.link_type, i.snap_len) for i in interfaces] == [("eth0", "ETHERNET", 96), ("tun0", "RAW", 0)]
    only = capture.packets(["frame_number"])[[0, 2]]
    assert only.write(tmp_path / "eth.pcap") == 2  # of one link type, although the capture has two
    assert [packet[0] for packet in essence((tmp_path / "eth.pcap").read_bytes())] == [5 * 10**9, 7 * 10**9 + 1000]


def test_a_packet_without_a_time(tmp_path: Path) -> None:
    data = b"".join([ng.section(), ng.interface(1, 0), ng.simple(bytes(60)), ng.simple(bytes(61))])
    capture = pf.open(data)
    assert capture.packets(["frame_time"])["frame_time"].tolist() == [None, None]
    assert capture.write(tmp_path / "out.pcapng") == 2
    assert essence((tmp_path / "out.pcapng").read_bytes()) == essence(data)
    with pytest.raises(ValueError, match=r"packet 1 has no time.*\.pcapng"):
        capture.write(tmp_path / "out.pcap")


def tool(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("suffix", ["pcap", "pcapng"])
def test_other_tools_read_what_is_written(suffix: str, tmp_path: Path) -> None:
    """tshark, tcpdump and scapy give the same packets of the copy as of the original."""
    if shutil.which("tshark") is None or shutil.which("tcpdump") is None:
        pytest.skip("tshark and tcpdump, which this compares with, are not installed")
    tape = captures.Tape(bytes((7 * n * n + n) % 251 for n in range(5000)), wild=False)
    original = tmp_path / "in.pcap"
    original.write_bytes(captures.pcap_bytes([captures.any_packet(tape, 1) for _ in range(60)], link_type=1))
    copy = tmp_path / f"out.{suffix}"
    assert pf.open(original).write(copy) == 60
    fields = [
        "-T",
        "fields",
        "-e",
        "frame.time_epoch",
        "-e",
        "frame.len",
        "-e",
        "frame.cap_len",
        "-e",
        "frame.protocols",
    ]
    assert tool("tshark", "-n", "-r", copy, *fields) == tool("tshark", "-n", "-r", original, *fields)
    assert tool("tcpdump", "-nn", "-tt", "-xx", "-r", copy) == tool("tcpdump", "-nn", "-tt", "-xx", "-r", original)
    scapy = pytest.importorskip("scapy.utils", reason="scapy reads the copy as a third reader")
    with scapy.RawPcapReader(str(original)) as one, scapy.RawPcapReader(str(copy)) as two:
        assert [octets for octets, _ in one] == [octets for octets, _ in two]


def test_packets_that_look_like_a_hole_go_into_pcapng_alone(tmp_path: Path) -> None:
    """A round trip would end at them: found by fuzzing the writer."""
    data = captures.pcap_bytes([b"x" * 60, captures.Packet(b"", 0, 0, 0), b"y" * 60])
    with pytest.raises(ValueError, match=r"packet 2 .* looks like a hole: write a \.pcapng file"):
        pf.open(data).write(tmp_path / "out.pcap")
    assert list(tmp_path.iterdir()) == []
    assert pf.open(data).write(tmp_path / "out.pcapng") == 3
    assert essence((tmp_path / "out.pcapng").read_bytes()) == essence(data)


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(path.read_text()))
    reader.start()
    frame = pf.open(captures.pcap_bytes([b"\0" * 60])).packets(["frame_number", "frame_len"])
    assert frame.write(path) == 1
    reader.join(60)
    assert found == ["frame_number,frame_len\n1,60\n"]
    assert path.is_fifo()
    assert [each.name for each in tmp_path.iterdir()] == ["pipe.csv"]


# --- what can't be written ------------------------------------------------------------------------------------------


def test_the_first_packet_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    head = ng.section() + b"".join(ng.interface(link_type=kind) for kind in (1, 101, 113))
    early = ng.interface(tsresol=9, tsoffset=-9_000_000_000)
    many = [ng.enhanced(bytes([i % 5]) * 60, number=0) for i in range(400)]
    kinds = [*many[:200], ng.enhanced(b"a" * 60, number=1), ng.enhanced(b"b" * 60, number=2), *many]
    times = [*many[:200], *(ng.enhanced(b"a" * (60 + i), 1, 3) for i in range(100)), *many]
    for blocks, name in ((kinds, "x.pcap"), (times, "x.pcapng")):
        file = head + early + b"".join(blocks)
        for ask in (
            lambda capture, name=name: capture.write(tmp_path / name),
            lambda capture, name=name: capture.split(tmp_path / ("{frame_len}" + name)),
        ):
            said = set()
            for threads, chunk in ((1, 0), (2, 300), (7, 1000), (1, 500)):
                capture = pf.open(file, threads=threads)
                capture._options = replace(capture._options, chunk=chunk)
                with pytest.raises(ValueError, match=r"link type|packet 201 has a time") as raised:
                    ask(capture)
                said.add(str(raised.value))
            assert len(said) == 1, said
    assert not list(tmp_path.iterdir())
