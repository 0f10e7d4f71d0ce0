"""csrc/stream beside its twin: what segments before it tell of one, and messages that go through several."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pcapframe as pf
from captures_stream import (
    EPOCH,
    client_hello,
    dns_message,
    file_of,
    hello_in_records,
    packet,
    segments,
    server_hello,
    troubled,
    wild,
)
from naive_stream import ACK, COLUMNS, SYN, analyse, segment_of
from pcapframe._tshark import PREFERENCES, TSHARK, nanoseconds

SEEDS = 60


def ours(file: bytes | str, columns: list[str] = COLUMNS) -> list[tuple[object, ...]]:
    table = pf.open(file).packets(columns=columns).to_dict()
    return list(zip(*(table[name] for name in columns), strict=True))


@pytest.mark.parametrize("make", [wild, troubled])
def test_analysis_equals_the_twin(make: Callable[[random.Random], list[tuple[int, bytes]]]) -> None:
    for seed in range(SEEDS):
        rows = make(random.Random(seed))
        expected = [tuple(row[name] for name in COLUMNS) for row in analyse(segment_of(*row) for row in rows)]
        assert ours(file_of(rows)) == expected, seed


def chunked(file: bytes, threads: int, chunk: int) -> pf.Capture:
    capture = pf.open(file, threads=threads)
    capture._options = replace(capture._options, chunk=chunk)
    return capture


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), threads=st.sampled_from([1, 2, 3, 8]), chunk=st.sampled_from([64, 300, 4096, 0]))
def test_the_same_however_it_is_read(seed: int, threads: int, chunk: int) -> None:
    rows = troubled(random.Random(seed), count=30)
    expected = [tuple(row[name] for name in COLUMNS) for row in analyse(segment_of(*row) for row in rows)]
    table = chunked(file_of(rows), threads, chunk).packets(columns=COLUMNS).to_dict()
    assert list(zip(*(table[name] for name in COLUMNS), strict=True)) == expected


def test_filters_see_it_and_change_nothing() -> None:
    rows = troubled(random.Random(7), count=200)
    capture = pf.open(file_of(rows))
    whole = capture.packets(columns=["frame_number", *COLUMNS]).to_dict()
    again = [number for number, is_so in zip(whole["frame_number"], whole[COLUMNS[1]], strict=True) if is_so]
    assert again
    assert (
        capture.filter(tcp_analysis_retransmission=1).packets(columns=["frame_number"]).to_dict()["frame_number"]
        == again
    )
    some = capture.filter(tcp_srcport=9999).packets(columns=["frame_number", *COLUMNS]).to_dict()
    rows_of = dict(zip(whole["frame_number"], zip(*(whole[name] for name in COLUMNS), strict=True), strict=True))
    assert [rows_of[number] for number in some["frame_number"]] == list(
        zip(*(some[name] for name in COLUMNS), strict=True)
    )
    counted = capture.count("tcp_stream")
    assert {stream: whole["tcp_stream"].count(stream) for stream in set(whole["tcp_stream"])} == dict(counted)


# --- messages that go through several segments -----------------------------------------------------------------------

TLS = ["tls_record_content_type", "tls_handshake_type", "tls_handshake_extensions_server_name", "tls_handshake_ja3",
       "tls_handshake_ja3s", "tls_handshake_ja4"]  # fmt: skip
DNS = ["dns_id", "dns_flags_response", "dns_qry_name", "dns_answers"]
LENGTH = "tcp_reassembled_length"
MESSAGES = {
    "client": (client_hello(), (50_000, 8443), TLS),
    "server": (server_hello(), (443, 50_000), TLS),
    "in records": (hello_in_records(), (50_000, 443), TLS),
    "dns": (dns_message(), (50_000, 53), DNS),
}


def file_of_segments(octets: list[bytes]) -> bytes:
    return file_of([(EPOCH + at * 10**6, one) for at, one in enumerate(octets)])


def told(capture: pf.Capture, columns: list[str]) -> list[dict[str, object]]:
    table = capture.packets(columns=[*columns, LENGTH]).to_dict()
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


@settings(deadline=None, max_examples=150)
@given(
    name=st.sampled_from(sorted(MESSAGES)),
    seed=st.integers(0, 2**32),
    disorder=st.booleans(),
    again=st.booleans(),
    threads=st.sampled_from([1, 2, 3]),
    chunk=st.sampled_from([64, 300, 0]),
)
def test_a_message_in_pieces_is_told_by_the_last(
    name: str, seed: int, disorder: bool, again: bool, threads: int, chunk: int
) -> None:
    chance = random.Random(seed)
    message, ports, columns = MESSAGES[name]
    pieces = segments(chance, message + b"rest" * (name != "dns"), ports)
    syn, data = pieces[0], pieces[1:]
    whole = told(pf.open(file_of_segments([packet(0, 1, 1, ACK, message, ports=ports)])), columns)[0]
    start = int.from_bytes(syn[24:28], "big") + 1
    if disorder:
        chance.shuffle(data)
    if again:
        data += chance.sample(data, min(2, len(data)))
    rows = told(chunked(file_of_segments([syn, *data]), threads, chunk), columns)[1:]
    reached, missing, completing = set(), set(range(len(message))), None
    for at, one in enumerate(data):
        offset = (int.from_bytes(one[24:28], "big") - start) % 2**32
        reached |= set(range(offset, offset + len(one) - 40))
        if completing is None and missing <= reached:
            completing = at
    assert completing is not None
    spans = len(data[completing]) - 40 < len(message) or int.from_bytes(data[completing][24:28], "big") != start % 2**32
    assert [row[LENGTH] is not None for row in rows] == [spans and at == completing for at in range(len(rows))]
    if spans:
        assert rows[completing] == whole | {LENGTH: len(message)}


def test_messages_one_after_the_other() -> None:
    message = dns_message()
    both = message + message.replace(b"example", b"elpmaxe")
    names = ["www.example.org", "www.elpmaxe.org"]
    for cut in range(1, len(both)):
        pieces = [packet(0, 0, 0, SYN, ports=(50_000, 53)), packet(0, 1, 1, ACK, both[:cut], ports=(50_000, 53)),
                  packet(0, 1 + cut, 1, ACK, both[cut:], ports=(50_000, 53))]  # fmt: skip
        rows = told(pf.open(file_of_segments(pieces)), DNS)
        assert rows[2]["dns_qry_name"] == names[cut >= len(message)], cut
        assert (rows[2][LENGTH] is None) == (cut == len(message)), cut


def test_what_never_ends_is_given_up() -> None:
    hello = bytes([22, 3, 1, 0x40, 0, 1, 0, 0x7F, 0xFF, 3, 3])
    octets = hello + bytes(2**14 - 6) + (bytes([22, 3, 1, 0x40, 0]) + bytes(2**14)) * 2
    pieces = [packet(0, 1 + at, 1, ACK, octets[at : at + 1000], ports=(1, 443)) for at in range(0, len(octets), 1000)]
    assert all(row[LENGTH] is None for row in told(pf.open(file_of_segments(pieces)), TLS))


def test_only_those_that_are_asked_for() -> None:
    message, ports, _ = MESSAGES["client"]
    pieces = [packet(0, 1, 1, ACK, message[:50], ports=ports), packet(0, 51, 1, ACK, message[50:], ports=ports)]
    capture = pf.open(file_of_segments(pieces))
    names = capture.packets(columns=["protocol", TLS[2]]).to_dict()
    assert names == {"protocol": ["TLS", "TCP"], TLS[2]: [None, "www.example.org"]}
    assert capture.packets(columns=["protocol"]).to_dict() == {"protocol": ["TLS", "TCP"]}
    assert capture.filter(**{TLS[2]: "www.example.org"}).packets(columns=["frame_number"]).to_dict() == {
        "frame_number": [2]
    }


# --- tshark ----------------------------------------------------------------------------------------------------------

THEIRS = ["tcp.stream", "tcp.analysis.retransmission", "tcp.analysis.duplicate_ack", "tcp.analysis.ack_rtt"]


ON = {"tcp.analyze_sequence_numbers": "TRUE", "tcp.relative_sequence_numbers": "TRUE"}


def tshark_rows(path: Path, fields: list[str], **preferences: str) -> list[list[str]]:
    """A row a packet: the first occurrence of each field."""
    command = [TSHARK or "tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t", "-E", "occurrence=f"]
    for name, value in (PREFERENCES | ON | preferences).items():
        command += ["-o", f"{name}:{value}"]
    for field in [*fields, "frame.encap_type"]:
        command += ["-e", field]
    with tempfile.TemporaryDirectory() as folder:
        surroundings = os.environ | {"WIRESHARK_CONFIG_DIR": folder, "LC_ALL": "C"}
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, env=surroundings)
    rows = [line.split("\t") for line in done.stdout.decode("utf-8", "replace").split("\n")[:-1]]
    return [row[:-1] for row in rows if row[-1]]


def their_analysis(row: list[str]) -> tuple[int | None, ...]:
    if not row[0]:
        return (None, None, None, None)
    return (int(row[0]), int(row[1] != ""), int(row[2] != ""), nanoseconds(row[3]))


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
def test_analysis_equals_tshark(tmp_path: Path) -> None:
    for seed in range(12):
        file = file_of(troubled(random.Random(1000 + seed), count=100))
        path = tmp_path / f"{seed}.pcap"
        path.write_bytes(file)
        assert ours(file) == [their_analysis(row) for row in tshark_rows(path, THEIRS)], seed


CORPUS = os.environ.get("PCAPFRAME_CORPUS")


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.skipif(not CORPUS, reason="PCAPFRAME_CORPUS does not name a folder with captures to compare with tshark")
def test_analysis_of_the_corpus_equals_tsharks() -> None:
    compared = 0
    for path in sample_of_the_corpus(40):
        table = opened(path)
        if table is None:
            continue
        theirs = tshark_rows(path, THEIRS)
        if len(theirs) != len(table):
            continue  # blocks that are no packets
        both = list(zip(table, map(their_analysis, theirs), strict=True))
        if any(one[0] is None and other[0] is not None for one, other in both):
            continue  # it numbers what ICMP errors quote, fragments, and what it alone walks to
        both = [(one, other) for one, other in both if other[0] is not None or one[1] == 1]
        assert [one for one, _ in both] == [other for _, other in both], path
        compared += len(both)
    assert compared > 300


def opened(path: Path) -> list[tuple[object, ...]] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ours(str(path))
        except (pf.CaptureError, ValueError, OSError):
            return None


def sample_of_the_corpus(count: int, largest: int = 200_000) -> list[Path]:
    files = [
        path for path in sorted((Path(CORPUS or "") / "captures").rglob("*")) if path.suffix in (".pcap", ".pcapng")
    ]
    files = [path for path in files if path.is_file() and path.stat().st_size <= largest]
    return random.Random(4711).sample(files, min(count, len(files)))


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
def test_messages_equal_tshark(tmp_path: Path) -> None:
    fields = ["tls.handshake.extensions_server_name", "tls.handshake.ja3", "tls.handshake.ja3s", "dns.qry.name"]
    columns = ["tls_handshake_extensions_server_name", "tls_handshake_ja3", "tls_handshake_ja3s", "dns_qry_name"]
    for seed in range(4):
        chance, octets = random.Random(seed), []
        for number, name in enumerate(["client", "server", "dns"]):
            message, ports, _ = MESSAGES[name]
            octets += segments(chance, message, (50_000 + number, min(ports)), most=4)
        path = tmp_path / f"{seed}.pcap"
        path.write_bytes(file_of_segments(octets))
        theirs = tshark_rows(path, fields, **{"tcp.desegment_tcp_streams": "TRUE"})
        ours = told(pf.open(str(path)), columns)
        joined = [(row, other) for row, other in zip(ours, theirs, strict=True) if row[LENGTH] is not None]
        assert joined
        assert [[row[name] or "" for name in columns] for row, _ in joined] == [other for _, other in joined]
