"""flows(extra=...): the columns of a group beside what the packets of each flow say, and Zeek's states by example."""

from __future__ import annotations

import os
import random
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pcapframe as pf
from captures_stream import EPOCH, client_hello, dns_message, file_of, packet, segments, server_hello, troubled
from naive_stream import ACK, FIN, RST, SYN
from pcapframe import _flows

ALL = list(_flows.GROUPS)
SAID = [each.name for each in _flows.EXTRA if each.group in ("tls", "dns", "http")]
COUNTED = ["tcp_analysis_retransmission", "tcp_analysis_duplicate_ack"]
PACKET = ["flow_id", "frame_time", "ip_src", "ip_proto", "srcport", "tcp_flags", *COUNTED, *SAID]
Row = dict[str, Any]


def rows_of(frame: pf.Frame) -> list[Row]:
    table = frame.to_dict()
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def state(steps: list[tuple[bool, int]], protocol: int) -> str:
    """Zeek's state of (is of the source, flags) by its documentation."""
    ours, theirs = [flags for mine, flags in steps if mine], [flags for mine, flags in steps if not mine]
    if protocol == 17:
        return "SF" if ours and theirs else "S0" if ours else "SHR"
    if protocol != 6:
        return "OTH"
    asked = answered = False
    for mine, flags in steps:
        asked |= mine and flags & (SYN | ACK | RST) == SYN and not answered
        answered |= not mine and flags & (SYN | ACK | RST) == SYN | ACK
    fins = [False, False]
    for mine, flags in steps:
        if flags & RST and not all(fins):
            if mine:
                return "RSTO" if answered else "RSTOS0"
            return "RSTRH" if not asked else "RSTR" if answered else "REJ"
        fins[not mine] |= bool(flags & FIN)
    if all(fins):
        return "SF"
    if fins[0]:
        return "S2" if answered else "SH"
    if fins[1]:
        return "S3" if asked else "SHR"
    return "S1" if asked and answered else "S0" if asked and not theirs else "OTH"


def trips(steps: list[tuple[bool, int, int]]) -> dict[str, int | None]:
    asked = answered = confirmed = None
    for mine, flags, time in steps:
        kind = flags & (SYN | ACK | RST)
        if mine and kind == SYN and answered is None:
            asked = time
        elif not mine and kind == SYN | ACK and answered is None:
            answered = time
        elif mine and kind == ACK and answered is not None and confirmed is None:
            confirmed = time

    def span(*times: int | None) -> int | None:
        known = [time for time in times if time is not None]
        return known[-1] - known[0] if len(known) == len(times) and known[-1] >= known[0] else None

    return {
        "handshake_rtt": span(asked, answered, confirmed),
        "handshake_rtt_server": span(asked, answered),
        "handshake_rtt_client": span(answered, confirmed),
    }


def expected(flow: Row, packets: list[Row]) -> Row:
    tcp = flow["Protocol"] == 6
    mine = [(one["ip_src"], one["srcport"]) == (flow["Source IP"], flow["Source Port"]) for one in packets]
    steps = list(zip(mine, packets, strict=True))
    row: Row = {name: next((one[name] for one in packets if one[name] is not None), None) for name in SAID}
    row |= trips([(way, one["tcp_flags"] & 0xFF, one["frame_time"]) for way, one in steps] if tcp else [])
    row["conn_state"] = state([(way, (one["tcp_flags"] or 0) & 0xFF) for way, one in steps], flow["Protocol"])
    for name, column in zip(("retransmissions", "duplicate_acks"), COUNTED, strict=True):
        for prefix, side in (("fwd", True), ("bwd", False)):
            row[f"{prefix}_{name}"] = sum(one[column] for way, one in steps if way is side) if tcp else None
    return row


def check(capture: pf.Capture) -> int:
    flows = rows_of(capture.flows(extra=ALL))
    packets: dict[int, list[Row]] = defaultdict(list)
    for one in rows_of(capture.packets(columns=PACKET)):
        packets[one["flow_id"]].append(one)
    for flow in flows:
        wanted = expected(flow, packets[flow["flow_id"]])
        assert {name: flow[name] for name in wanted} == wanted, flow["Flow ID"]
    return len(flows)


def talk(chance: random.Random) -> list[tuple[int, bytes]]:
    """Troubled connections, and such as say something."""
    octets = []
    for number, (message, port) in enumerate([(client_hello(), 443), (server_hello(), 8443), (dns_message(), 53)]):
        octets += segments(chance, message, (40_000 + number, port), most=4)
    request = b"GET /a HTTP/1.1\r\nHost: h.example\r\nUser-Agent: x\r\n\r\n"
    octets += [packet(0, 1, 1, ACK, request, ports=(50_000, 80)), packet(0, 99, 1, ACK, request, ports=(50_000, 80))]
    octets.append(packet(1, 1, 1, ACK, b"HTTP/1.1 404 Not Found\r\n\r\n", ports=(50_000, 80)))
    return sorted(
        troubled(chance) + [(EPOCH + at * 10**7, one) for at, one in enumerate(octets)], key=lambda row: row[0]
    )


def test_the_columns_equal_what_the_packets_say() -> None:
    for seed in range(15):
        assert check(pf.open(file_of(talk(random.Random(seed))))) >= 6


def test_the_same_however_it_is_read() -> None:
    file = file_of(talk(random.Random(3)))
    tables = []
    for threads in (1, 2, 8):
        for chunk in (100, 1000, 0):
            for sort in (False, True):
                capture = pf.open(file, threads=threads)
                capture._options = replace(capture._options, chunk=chunk)
                tables.append(capture.flows(extra=ALL, sort=sort).to_dict())
                assert list(tables[-1]) == list(tables[0])
    assert all(str(table) == str(tables[0]) for table in tables)  # NaN is not itself


def test_what_was_said_long_ago_is_let_go() -> None:
    """More than is kept of what packets say, some of it waiting for its turn, in another order than that of time."""
    chance = random.Random(4)
    queries = []
    for number in range(15_000):
        name = b"\x05%05d\0" % number
        message = b"\0\1\1\0\0\1" + bytes(6) + name + b"\0\1\0\1"
        octets = packet(0, 1, 1, ACK, len(message).to_bytes(2, "big") + message, ports=(number + 1024, 53))
        queries.append((EPOCH + number * 10**6 + chance.randrange(10**7), octets))
    capture = pf.open(file_of(queries), threads=2)
    capture._options = replace(capture._options, chunk=100_000)
    in_order = pf.open(file_of(sorted(queries, key=lambda row: row[0])))
    columns = ("Source Port", "dns_qry_name", "dns_qry_type")
    ours, theirs = (each.to_dict() for each in (capture.flows(extra=["dns"], sort=True), in_order.flows(extra=["dns"])))
    assert all(ours[name] == theirs[name] for name in columns)
    assert ours["dns_qry_name"] == [f"{port - 1024:05}" for port in ours["Source Port"]]


STATES: dict[str, list[tuple[int, int]]] = {
    "S0": [(0, SYN), (0, SYN)],
    "S1": [(0, SYN), (1, SYN | ACK), (0, ACK)],
    "SF": [(0, SYN), (1, SYN | ACK), (0, ACK), (0, FIN | ACK), (1, FIN | ACK), (0, RST)],
    "REJ": [(0, SYN), (1, RST | ACK)],
    "S2": [(0, SYN), (1, SYN | ACK), (0, ACK), (0, FIN | ACK)],
    "S3": [(0, SYN), (1, SYN | ACK), (0, ACK), (1, FIN | ACK)],
    "RSTO": [(0, SYN), (1, SYN | ACK), (0, ACK), (0, RST | ACK), (1, RST)],
    "RSTR": [(0, SYN), (1, SYN | ACK), (0, ACK), (1, RST | ACK)],
    "RSTOS0": [(0, SYN), (0, RST)],
    "RSTRH": [(1, SYN | ACK), (1, RST)],
    "SH": [(0, SYN), (0, FIN)],
    "SHR": [(1, SYN | ACK), (1, FIN | ACK)],
    "OTH": [(0, ACK), (1, ACK)],
}


@pytest.mark.parametrize("name", STATES)
def test_states_as_zeek_documents_them(name: str) -> None:
    """https://docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html"""
    rows = [(EPOCH + at * 10**6, packet(way, at, at, flags)) for at, (way, flags) in enumerate(STATES[name])]
    assert pf.open(file_of(rows)).flows(extra="state")["conn_state"].tolist() == [name]


def test_only_what_is_asked_for_is_there() -> None:
    capture = pf.open(file_of(talk(random.Random(1))))
    plain = capture.flows().columns
    for group in ALL:
        names = [each.name for each in _flows.EXTRA if each.group == group]
        assert capture.flows(extra=[group]).columns == [*plain, *names]
    with pytest.raises(ValueError, match="extra: some of tls"):
        capture.flows(extra="tsl")


def test_batches_have_them_too() -> None:
    capture = pf.open(file_of(talk(random.Random(2))))
    whole = sorted(map(str, rows_of(capture.flows(extra=ALL))))
    assert sorted(str(row) for frame in capture.flow_batches(rows=3, extra=ALL) for row in rows_of(frame)) == whole


CORPUS = os.environ.get("PCAPFRAME_CORPUS")


@pytest.mark.skipif(not CORPUS, reason="PCAPFRAME_CORPUS does not name a folder with captures")
def test_captures_of_the_corpus() -> None:
    files = [
        path for path in sorted((Path(CORPUS or "") / "captures").rglob("*.pcap")) if path.stat().st_size < 200_000
    ]
    checked = 0
    for path in random.Random(11).sample(files, min(40, len(files))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                capture = pf.open(str(path))
                depth = capture.packets(columns=["frame_protocols"])["frame_protocols"].tolist()
                if any(layers is None or layers.count("ip") > 1 or "icmp" in layers for layers in depth):
                    continue  # a flow is of outer headers, a packet's columns of the first TCP at any depth
                checked += check(capture)
            except (pf.CaptureError, ValueError):
                continue
    assert checked > 20
