"""Packets and their flows; flows beyond memory."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures_flows
import flow_golden as golden
import naive_flows
import naive_pcap
import pcapframe as pf
from captures_large import write_syns
from pcapframe import _flows as pf_flows
from test_flows import ROOT, SYN, SYN_ACK, opened, pcap, st_questions, tcp, udp

# ------------------------------------------------------------------------------------------------- packets and flows


@settings(max_examples=80, deadline=None)
@given(question=st_questions(), threads=st.sampled_from((1, 2)), chunk=st.sampled_from((0, 300)))
def test_packets_of_flows(question, threads: int, chunk: int) -> None:
    """Each packet knows its flow, and each flow its packets."""
    data, options = question
    given = {name: value for name, value in options.items() if name != "sort"}
    if "protocols" in given:
        given["protocols"] = frozenset(golden.EVERY if given["protocols"] == "all" else given["protocols"])
    if options.get("sort"):
        given["sort_us"] = 1_000_000
    walked = naive_flows.walk(naive_pcap.read_pcap(data)[1], naive_flows.Options(**given))
    capture = opened(data, threads, chunk)
    table = capture.packets(["frame_number", "flow_id", "flow_direction"], flows=options).to_dict()
    expected = [walked.flow_of.get(number, (None, None)) for number in table["frame_number"]]
    assert list(zip(table["flow_id"], table["flow_direction"], strict=True)) == expected
    frame = capture.flows(**options)
    for i in range(min(3, len(frame))):
        (wanted,) = frame[i]["flow_id"].tolist()
        numbers = capture.packets_of(frame[i])["frame_number"].tolist()
        assert numbers == [n for n, (flow, _) in sorted(walked.flow_of.items()) if flow == wanted]
        assert len(numbers) == frame[i]["flow_packets"].values[0]


def test_community_id_of_flows_and_packets() -> None:
    """A flow has the Community ID that its packets have, so that either can be joined with what other tools say."""
    capture = opened(ROOT / "examples" / "lab.pcap")
    frame = capture.flows()
    names = dict(zip(frame["flow_id"].tolist(), frame["community_id"].tolist(), strict=True))
    packets = capture.packets(["flow_id", "community_id"]).to_dict()
    pairs = {(i, name) for i, name in zip(packets["flow_id"], packets["community_id"], strict=True) if i is not None}
    assert len(names) > 1000
    assert pairs == set(names.items())


def test_ways_to_name_flows(tmp_path: Path) -> None:
    data = pcap([(0, udp()), (1, tcp(SYN)), (2, tcp(SYN_ACK, back=True)), (3, udp(back=True)), (4, udp())])
    capture = opened(data)
    frame = capture.flows()
    table = frame.to_pandas()
    expected = capture.packets_of(frame[1])["frame_number"].tolist()
    assert expected == [2, 3]
    ways = (2, [2], frame["flow_id"].values[1:], table[1:], table.iloc[1], table["flow_id"][1:], np.array([2, 2]))
    for flows in ways:
        assert capture.packets_of(flows)["frame_number"].tolist() == expected
    assert table.attrs["pcapframe"]["options"]["flows"]["variant"] == "corrected"
    old = capture.flows("cic2017")
    assert capture.packets_of(old.to_pandas())["frame_number"].tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="know their options"):
        capture.packets_of(old, variant="corrected")
    with pytest.raises(ValueError, match="neither is asked for"):
        capture.packets(["ip_src"], flows={})
    with pytest.raises(TypeError, match="integers"):
        capture.packets_of([1.5])
    with pytest.raises(ValueError, match="from 1"):
        capture.packets_of([-1])
    assert capture.packets_of(frame[1]).write(tmp_path / "flow.pcap") == 2
    picked = capture.select(udp_srcport=50_000, columns=["frame_number", "flow_id"])
    assert picked.to_dict() == {"frame_number": [1, 5], "flow_id": [1, 1]}


# ------------------------------------------------------------------------------------------------------ beyond memory


@pytest.mark.parametrize("variant", pf_flows.VARIANTS)
@pytest.mark.parametrize("rows_of", [1, 7, 100_000])
def test_batches_have_the_same_rows(variant: str, rows_of: int) -> None:
    data = captures_flows.capture(random.Random(5).randbytes(3000))
    frame = opened(data).flows(variant, max_flows=3)
    names = frame.columns
    expected = sorted(map(repr, zip(*(frame[name].tolist() for name in names), strict=True)))
    for threads, chunk in ((1, 0), (3, 300)):
        batches = opened(data, threads, chunk).flow_batches(variant, max_flows=3, rows=rows_of)
        assert batches.columns == names
        assert batches.schema == frame.schema
        parts = list(batches)
        assert all(len(part) == rows_of for part in parts[:-1])
        got = [row for part in parts for row in zip(*(part[name].tolist() for name in names), strict=True)]
        assert sorted(map(repr, got)) == expected
        ended = twin_order(data, {"variant": variant, "max_flows": 3})
        assert [row[names.index("flow_id")] for row in got] == ended
        assert opened(data).packets_of(parts[0]).shape[0] == int(parts[0]["flow_packets"].values.sum())


def twin_order(data: bytes, options: dict[str, Any]) -> list[int]:
    """The flows in the order in which they end."""
    walked = naive_flows.walk(naive_pcap.read_pcap(data)[1], naive_flows.Options(**options))
    walked.finish()
    return [flow.first.number for flow in walked.done]


def test_batches_left_early() -> None:
    data = pcap([(n, tcp(SYN, port=n % 60_000)) for n in range(3000)])
    capture = opened(data, 2, 1000)
    for part in capture.flow_batches(max_flows=5, rows=10):
        assert set(part["flow_end_reason"].tolist()) == {"evicted"}
        break
    assert len(capture.flows(max_flows=5)) == 3000
    with pytest.raises(ValueError, match="rows: a whole number from 1 to"):
        capture.flow_batches(rows=0)
    with pytest.raises(TypeError, match="no option 'colour'"):
        capture.flow_batches(colour="red")


def test_packets_are_counted_by_their_flow() -> None:
    capture = opened(str(ROOT / "examples" / "lab.pcap")).filter(tcp_dstport=[22, 80])
    ids = capture.packets(["flow_id"])["flow_id"].tolist()
    assert capture.count("flow_id") == Counter(ids)
    table = capture.count("ip_src", distinct="flow_id").to_dict()
    pairs = set(zip(capture.packets("ip_src")["ip_src"].tolist(), ids, strict=True))
    assert dict(zip(table["ip_src"], table["distinct_flow_id"], strict=True)) == Counter(source for source, _ in pairs)


def test_packets_of_tables_of_others() -> None:
    """Of polars, pyarrow, a column alone; what they are made of does not matter."""
    pytest.importorskip("polars", reason="polars is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    capture = pf.open(Path(__file__).parents[1] / "examples" / "lab.pcap")
    flows = capture.flows()[:5]
    expected = capture.packets_of(flows)["frame_number"].tolist()
    assert expected
    column = flows["flow_id"]
    for way in (
        flows.to_polars(),
        flows.to_arrow(),
        column,
        flows.to_polars()["flow_id"],
        flows.to_pandas()["flow_id"],
    ):
        assert capture.packets_of(way)["frame_number"].tolist() == expected
    of_packets = capture.select(frame_number=flows["flow_id"].tolist())  # the first packet of each
    assert capture.packets_of(of_packets)["frame_number"].tolist() == expected


def test_flows_of_packets_are_a_dict() -> None:
    capture = pf.open(Path(__file__).parents[1] / "examples" / "lab.pcap")
    with pytest.raises(TypeError, match=r"flows: a dict such as \{'variant': 'cic2017'\}, not str"):
        capture.packets(["flow_id"], flows="cic2017")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="flows: a dict"):
        capture.match(pf.Indicators.from_values(["192.0.2.1"]), flows="cic2017")  # type: ignore[arg-type]


def test_rows_are_in_order_of_their_start(tmp_path: Path) -> None:
    """More than are sorted in one go, of times that are not in order."""
    count = 100_000
    path = write_syns(tmp_path / "in.pcap", count)
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    rows = data[24:].reshape(count, -1)
    rows[:, 4:8] = np.random.default_rng(1).integers(0, 1000, count).astype("<u4").view(np.uint8).reshape(-1, 4)
    path.write_bytes(data.tobytes())
    flows = pf.open(path, progress=False).flows()
    starts, numbers = flows["Timestamp"].values.astype("i8"), flows["flow_id"].values
    assert len(flows) > 99_000
    assert np.array_equal(np.lexsort((numbers, starts)), np.arange(len(flows)))
