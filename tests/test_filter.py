"""Filters are tcpdump's, packet for packet, whatever is asked and however it is run."""

from __future__ import annotations

import os
import random
import re
import shutil
import struct
import subprocess
import threading
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import captures
import naive
import pcapframe as pf
from pcapframe import _core

ROOT = Path(__file__).parent.parent
CORPUS = os.environ.get("PCAPFRAME_CORPUS", "")
FULL = os.environ.get("PCAPFRAME_FULL") == "1"
THREADS = (1, 2, 3, 8)
CHUNKS = (0, 16, 100, 300, 4096)  # 0: the core's own

with_libpcap = pytest.mark.skipif(not _core.libpcap()[0], reason="built without libpcap")
with_tcpdump = pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump to compare with")

EXPRESSIONS = (
    "tcp", "udp port 53", "tcp or udp port 53", "host 10.0.0.1", "src host 10.0.0.2 or dst net 192.168.0.0/16",
    "ip6", "ip6 host 2001:db8::1", "icmp or icmp6", "arp", "vlan", "vlan 1 and tcp", "vlan and vlan",
    "portrange 50-500", "tcp portrange 1-1024", "len <= 100", "greater 70", "ip[8] < 64", "ip6[6] = 6",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "udp[4:2] > 20", "not ip", "ip proto 47", "ip broadcast or ip multicast",
    "ether host 02:00:00:00:00:0a", "ether proto 0x88b5", "ip6 protochain 6", "mpls", "pppoes", "less 20 or port 80",
    "ip[6:2] & 0x1fff != 0", "link[0] = 2", "ip host 10.0.0.1 and not (tcp port 80 or tcp port 443)",
)  # fmt: skip


def opened(source: object, threads: int = 1, chunk: int = 0, **keywords: object) -> pf.Capture:
    capture = pf.open(source, threads=threads, progress=False, **keywords)  # type: ignore[arg-type]
    capture._options = replace(capture._options, chunk=chunk)
    return capture


def a_capture(link_type: int, order: str = "<", magic: str = "micro", packets: int = 150, seed: int = 1) -> bytes:
    rng = random.Random(f"{seed} {link_type}")
    drawn = [captures.any_packet(captures.Tape(rng.randbytes(72), n % 3 == 0), link_type) for n in range(packets)]
    return captures.pcap_bytes([packet for packet in drawn if not is_can(packet, link_type)], link_type, magic, order)


def is_can(packet: captures.Packet, link_type: int) -> bool:
    """CAN in a Linux cooked capture: libpcap turns its identifier round, so tcpdump writes other octets."""
    at = {113: 14, 276: 0}.get(link_type, 0)
    return link_type in (113, 276) and packet.octets[at : at + 2] in (b"\0\x0c", b"\0\x0d", b"\0\x0e")


def by_tcpdump(path: Path, expression: str) -> list[tuple[int, int, bytes]] | None:
    """(ns, length on the wire, octets) of what tcpdump writes; None where it refuses the expression."""
    ask = ["tcpdump", "--nano", "-r", str(path), "-w", "-", expression]
    done = subprocess.run(ask, capture_output=True, timeout=300)
    if not done.stdout:
        return None
    _, records, fault = naive.read_pcap(done.stdout)
    assert fault is None
    return [(record.time_ns, record.len, record.octets) for record in records]


def by_us(capture: pf.Capture, folder: Path) -> list[tuple[int, int, bytes]]:
    path = folder / "ours.pcap"
    capture.write(path)
    _, records, fault = naive.read_pcap(path.read_bytes())
    assert fault is None
    return [(record.time_ns, record.len, record.octets) for record in records]


def filtered(capture: pf.Capture, expression: str) -> pf.Capture | None:
    try:
        return capture.filter(expression)
    except pf.FilterError:
        return None


FDDI = 10


# --- as tcpdump ------------------------------------------------------------------------------------------------------


@with_libpcap
@with_tcpdump
@pytest.mark.parametrize("link_type", [*captures.LINK_TYPES, *captures.UNKNOWN_LINK_TYPES])
@pytest.mark.parametrize("order", "<>")
def test_as_tcpdump(link_type: int, order: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(a_capture(link_type, order, "nano"))
    capture = opened(path, threads=2, chunk=1000)
    matched = 0
    for expression in EXPRESSIONS:
        narrowed = filtered(capture, expression)
        if link_type == FDDI and "protochain" in expression:  # tcpdump never comes back from the last packets
            at_once = by_tcpdump(path, "ip6 proto 6")
            assert narrowed is not None
            assert at_once
            assert set(at_once) <= set(by_us(narrowed, tmp_path))
            continue
        expected = by_tcpdump(path, expression)
        assert (narrowed is None) == (expected is None), expression
        if narrowed is not None:
            assert by_us(narrowed, tmp_path) == expected, expression
            matched += len(expected or ())
    assert matched > 0 or link_type in (*captures.UNKNOWN_LINK_TYPES, 14)  # 14 is raw IP to us, nothing to libpcap here


def corpus_sample() -> Iterable[Path]:
    folder = Path(CORPUS, "captures")
    if not CORPUS or not folder.is_dir():
        pytest.skip("PCAPFRAME_CORPUS names no folder with captures to filter")
    paths = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and 24 < path.stat().st_size < 2_000_000:
            with path.open("rb") as file:
                if int.from_bytes(file.read(4), "little") in {*naive_magics("<"), *naive_magics(">")}:
                    paths.append(path)
    return paths if FULL else random.Random(4).sample(paths, min(40, len(paths)))


def naive_magics(order: str) -> list[int]:
    return [int.from_bytes(magic.to_bytes(4, {"<": "little", ">": "big"}[order]), "little") for magic in MAGICS]


MAGICS = (0xA1B2C3D4, 0xA1B23C4D)


@with_libpcap
@with_tcpdump
def test_corpus_as_tcpdump(tmp_path: Path) -> None:
    compared = 0
    rng = random.Random(5)
    for path in corpus_sample():
        try:
            capture = opened(path)
        except pf.CaptureError:
            continue
        header = path.read_bytes()[:24]
        copy = tmp_path / "copy.pcap"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pf.CaptureWarning)  # damage is not what this is about
            try:
                whole = by_us(capture, tmp_path)
            except (ValueError, OSError):
                continue
        if not whole or max(len(octets) for _, _, octets in whole) > 65_535 or naive.read_header(header).major != 2:
            continue  # libpcap cuts what is above the snap length
        shutil.copyfile(tmp_path / "ours.pcap", copy)  # whole, whatever the damage of the original
        capture = opened(copy, threads=2)
        for expression in rng.sample(EXPRESSIONS, 4):
            expected = by_tcpdump(copy, expression)
            narrowed = filtered(capture, expression)
            assert (narrowed is None) == (expected is None), (path, expression)
            if narrowed is not None:
                assert by_us(narrowed, tmp_path) == expected, (path, expression)
                compared += 1
    assert compared > 50


# --- every question, however it is run -------------------------------------------------------------------------------


def check_questions(data: bytes, numbers: Sequence[int], capture: pf.Capture, folder: Path) -> None:
    """All answers of `capture` are about the packets of these numbers."""
    chosen = set(numbers)
    name = capture.files[0]
    records = [record._replace(file=name) for record in naive.read_pcap(data)[1] if record.frame_number in chosen]
    rows = [naive.decode(record) for record in records]
    assert capture.packets(["frame_number"]).to_dict() == {"frame_number": list(numbers)}
    got = capture.packets().to_dict()
    assert all(got[name] == [row[name] for row in rows] for name in naive.COLUMNS)
    counts = naive.ioc_counts(records)
    assert tuple(kind.to_dict() for kind in capture.ioc_counts()) == counts
    info = capture.info(full=True)
    assert info.packets == len(records)
    times = [record.time_ns for record in records]
    assert (info.first_time, info.last_time) == ((min(times), max(times)) if times else (None, None))
    keys = set(list(counts[1])[::2])
    frame = capture.select(ip=keys)
    wanted = [row["frame_number"] for row in naive.select(records, ip=keys)]
    assert frame.to_dict()["frame_number"] == wanted
    assert by_us(capture, folder) == [(record.time_ns, record.len, record.octets) for record in records]
    assert frame.write(folder / "frame.pcap") == len(wanted)


@with_libpcap
@with_tcpdump
@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("threads", THREADS)
def test_every_question(threads: int, chunk: int, tmp_path: Path) -> None:
    data = a_capture(1, magic="nano", packets=300)
    path = tmp_path / "a.pcap"
    path.write_bytes(data)
    whole = naive.read_pcap(data)[1]
    capture = opened(path, threads, chunk)
    for expression in ("tcp or udp port 53", "ip6", "len > 70"):
        left = by_tcpdump(path, expression)
        assert left is not None
        numbers = [record.frame_number for record in whole if (record.time_ns, record.len, record.octets) in left]
        check_questions(data, numbers, capture.filter(expression), tmp_path)
    assert capture.info(full=True).packets == 300


@with_libpcap
def test_repr_tells() -> None:
    capture = opened(a_capture(1, packets=1)).filter("tcp").filter("less 9").between("2017-01-01")
    assert re.fullmatch(
        r"<Capture <bytes>: \d+ octets, filter 'tcp', filter 'less 9', a period of time>", repr(capture)
    )


@with_libpcap
def test_filters_narrow_on() -> None:
    capture = opened(a_capture(1))
    both = capture.filter("tcp").filter("ip6")
    numbers = both.packets(["frame_number"]).to_dict()
    assert numbers == capture.filter("tcp and ip6").packets(["frame_number"]).to_dict()
    assert numbers == capture.filter("ip6").filter("tcp").packets(["frame_number"]).to_dict()
    assert numbers == opened(a_capture(1), filter="tcp").filter("ip6").packets(["frame_number"]).to_dict()
    assert 0 < len(numbers["frame_number"]) < capture.info(full=True).packets


def test_empty_filter_matches_all() -> None:
    data = a_capture(1)
    for expression in ("", "  \n"):
        assert opened(data, filter=expression).info(full=True) == opened(data).info(full=True)
        assert len(opened(data).filter(expression).packets()) == len(opened(data).packets())


@with_libpcap
def test_asked_by_many_threads_at_once() -> None:
    capture = opened(a_capture(1, packets=2000), threads=2, chunk=1000).filter("tcp")
    expected = capture.ioc_counts().ip.to_dict()
    got: list[object] = []
    asking = [
        threading.Thread(target=lambda: got.append(capture.filter("ip or ip6").ioc_counts().ip.to_dict()))
        for _ in range(8)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert got == [expected] * 8


@with_libpcap
def test_others_run_while_it_compiles() -> None:
    capture = opened(a_capture(1))
    slow = " or ".join(f"port {port}" for port in range(1000, 1080))
    done, turns = threading.Event(), 0

    def compile_it() -> None:
        capture.filter(slow)
        done.set()

    thread = threading.Thread(target=compile_it)
    thread.start()
    while not done.wait(0.001):
        turns += 1
    thread.join()
    assert turns > 5  # it takes some hundred of these


@with_libpcap
def test_stream(tmp_path: Path) -> None:
    data = a_capture(1)
    expected = opened(data).filter("tcp").packets(["frame_number", "ip_src"]).to_dict()
    path = tmp_path / "fifo"
    os.mkfifo(path)
    threading.Thread(target=lambda: path.write_bytes(data), daemon=True).start()
    assert opened(path, threads=2, chunk=100, filter="tcp").packets(list(expected)).to_dict() == expected


# --- expressions that are refused ------------------------------------------------------------------------------------


@with_libpcap
@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("tcp and", r'filter "tcp and": syntax error; .*tcpdump'),
        ("tcp.flags.syn == 1", r"syntax error; filters are written in BPF syntax as for tcpdump.*display filters"),
        ("ip.addr == 10.0.0.1", "display filters"),
        ("ether[99999999999] = 1", r"on link type EN10MB \(Ethernet\): number 99999999999 overflows"),
        ("tcp\nport", r'filter "tcp port": syntax error'),
        ("port " + "1" * 300, r'filter "port 1{70,79}\.\.\."'),
        ("x" * 4097, "has 4097 octets, at most 4096"),
        ("ä" * 2049, "has 4098 octets, at most 4096"),
        ("host \0", "no text"),
        ("host \x1b[31m", "no text"),
        ("host \ud800", "no text"),
        ("(" * 4000, "syntax error|exhausted|overflow"),
    ],
)
def test_refused(expression: str, message: str) -> None:
    data = a_capture(1)
    for ask in (lambda: opened(data, filter=expression), lambda: opened(data).filter(expression)):
        with pytest.raises(pf.FilterError, match=message) as caught:
            ask()
        text = str(caught.value)
        assert "\n" not in text
        assert len(text) < 400
    assert issubclass(pf.FilterError, ValueError)


def test_long_but_taken() -> None:
    expression = "tcp" + " " * 4093
    data = a_capture(1)
    if _core.libpcap()[0]:
        assert len(opened(data).filter(expression).packets()) == len(opened(data).filter("tcp").packets())


@pytest.mark.parametrize("expression", [5, b"tcp", ["tcp"]])
def test_filter_takes_text(expression: object) -> None:
    with pytest.raises(TypeError, match="filter: text such as"):
        opened(a_capture(1), filter=expression)
    with pytest.raises(TypeError):
        opened(a_capture(1)).filter(expression)  # type: ignore[arg-type]


def two_link_types(folder: Path) -> tuple[list[Path], int]:
    """Files with packets on Ethernet, on raw IP, and on Ethernet again, in this order; and how many are raw."""
    frame = captures.ethernet(captures.ipv4(captures.udp())).octets
    paths = []
    for n, (link_type, octets, count) in enumerate([(1, frame, 5), (101, frame[14:], 7), (1, frame, 3)]):
        packets = [captures.Packet(octets, len(octets), 1000 + 100 * n + i) for i in range(count)]
        paths.append(folder / f"{n}.pcap")
        paths[-1].write_bytes(captures.pcap_bytes(packets, link_type))
    return paths, 7


@with_libpcap
@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("chunk", CHUNKS)
def test_refused_for_a_link_type_that_comes_later(threads: int, chunk: int, tmp_path: Path) -> None:
    paths, _ = two_link_types(tmp_path)
    capture = opened(paths, threads, chunk, filter="ether src 02:00:00:00:00:0a")
    pattern = r"1\.pcap: packet 6: filter \"ether .* on link type RAW \(Raw IP\): ethernet addresses .*; 7 packets"
    with pytest.warns(pf.CaptureWarning) as caught:
        frame = capture.packets(["frame_number"])
    assert frame.to_dict()["frame_number"] == [1, 2, 3, 4, 5, 13, 14, 15]
    assert len(caught) == 1
    assert re.search(pattern, str(caught[0].message))
    assert caught[0].filename == __file__
    with pytest.warns(pf.CaptureWarning, match=pattern):
        info = capture.info(full=True)
    (fault,) = info.faults or ()
    assert (fault.kind, fault.file, fault.frame_number, fault.offset) == ("unfiltered", str(paths[1]), 6, None)
    assert info.packets == 8

    strict = opened(paths, threads, chunk, filter="ether src 02:00:00:00:00:0a", strict=True)
    with pytest.raises(pf.FilterError, match=pattern):
        strict.ioc_counts()
    with pytest.raises(pf.FilterError, match=pattern):
        strict.packets()
    assert opened(paths, threads, chunk, filter="udp", strict=True).info(full=True).packets == 15


def pcapng(blocks: Iterable[tuple[str, int, bytes]]) -> bytes:
    """Blocks of a little-endian file: ("interface", link type, b"") and ("packet", interface, octets)."""
    file = b""
    for kind, number, octets in [("section", 0, b""), *blocks]:
        if kind == "section":
            code, body = 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        elif kind == "interface":
            code, body = 1, struct.pack("<HHI", number, 0, 0)
        else:
            code, body = 6, struct.pack("<IIIII", number, 0, 0, len(octets), len(octets)) + octets
        body += bytes(-len(body) % 4)
        file += struct.pack("<II", code, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
    return file


@with_libpcap
@pytest.mark.parametrize("threads", THREADS)
def test_interfaces_of_several_link_types(threads: int) -> None:
    frame = captures.ethernet(captures.ipv4(captures.udp())).octets
    eth, raw = ("packet", 0, frame), ("packet", 1, frame[14:])
    data = pcapng([("interface", 1, b""), eth, eth, ("interface", 101, b""), raw, eth, raw, raw])
    capture = opened(data, threads, 64, filter="ether src 02:00:00:00:00:0a")
    with pytest.warns(
        pf.CaptureWarning, match=r"packet 3: .* on link type RAW \(Raw IP\): .*; 3 packets did not match"
    ):
        assert capture.packets(["frame_number"]).to_dict()["frame_number"] == [1, 2, 4]
    with pytest.raises(pf.FilterError, match="packet 3"):
        opened(data, threads, filter="ether src 02:00:00:00:00:0a", strict=True).ioc_counts()
    assert len(opened(data, threads, filter="udp", strict=True).packets()) == 6
    # Without a packet or an interface there is no link type to ask about.
    assert len(opened(pcapng([]), filter="udp").packets()) == 0
    with pytest.raises(pf.FilterError, match="syntax error"):
        opened(pcapng([]), filter="udp and")


@with_libpcap
def test_refused_for_all_link_types(tmp_path: Path) -> None:
    paths, _ = two_link_types(tmp_path)
    with pytest.raises(pf.FilterError, match="RAW"):
        opened(paths[1]).filter("ether src 02:00:00:00:00:0a")
    with pytest.raises(pf.FilterError, match="RAW"):
        opened(paths[1], filter="ether src 02:00:00:00:00:0a")
    with pytest.raises(pf.FilterError, match="syntax error"):
        opened(paths).filter("ether src")
    # Where the filter ahead leaves none of them, nothing is to be warned of.
    assert opened(paths).filter("less 1").filter("ether src 02:00:00:00:00:0a").info(full=True).packets == 0


@with_libpcap
def test_many_link_types(tmp_path: Path) -> None:
    """However many there are, the answer does not hang on threads."""
    frame = captures.ethernet(captures.ipv4(captures.udp())).octets
    paths = [tmp_path / f"{n:03}.pcap" for n in range(150)]
    for n, path in enumerate(paths):
        path.write_bytes(captures.pcap_bytes([captures.Packet(frame, len(frame), n)], 1 if n % 50 == 0 else 300 + n))
    for threads in THREADS:
        with pytest.warns(pf.CaptureWarning, match="packet 2: .*on link type 301: .*; 147 packets"):
            assert len(opened(paths, threads).filter("udp").packets()) == 3
