"""Flows of the core: equal to the golden rows and to the slow twin, however they are asked for."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import math
import random
import zoneinfo
from collections import Counter
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures
import captures_flows
import flow_golden as golden
import naive_flows
import naive_pcap
import pcapframe as pf
from pcapframe import _flows as pf_flows
from pcapframe.cli import main

ROOT = Path(__file__).parent.parent


def opened(source: Any, threads: int = 1, chunk: int = 0) -> pf.Capture:
    capture = pf.open(source, threads=threads, progress=False)
    capture._options = replace(capture._options, chunk=chunk)
    return capture


def rows(frame: pf.Frame) -> list[dict[str, Any]]:
    table = frame.to_dict()
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


@pytest.mark.parametrize(("kind", "name"), golden.cases())
def test_golden(kind: str, name: str) -> None:
    flows = golden.corpus() / "flows"
    ours = rows(opened(flows / "pcaps" / f"{name}.pcap").flows(**golden.KINDS[kind]))
    assert golden.differences(ours, golden.read_rows(flows / kind / f"{name}.csv")) == []


@pytest.mark.parametrize("run", ["nmap-ss", "ping"])
def test_rustiflow_runs(run: str) -> None:
    corpus = golden.corpus()
    ours = rows(opened(corpus / "captures" / golden.RUNS / run / "dump.pcap").flows(**golden.RUSTIFLOW))
    assert golden.differences(ours, golden.read_rows(corpus / "golden" / golden.RUNS / run / "cicflowmeter.csv")) == []


def test_published_rows() -> None:
    """Of the published rows those whose packets the capture has."""
    corpus = golden.corpus()
    published = golden.read_rows(corpus / golden.SQLI_TABLE)
    published = [row for row in published if 36196 <= float(row["Source Port"]) <= 36212]
    assert len(published) == 16
    ours = rows(opened(corpus / golden.SQLI_CAPTURE).flows("cic2017", quantize="excel"))

    def alike(mine: Any, theirs: str) -> bool:
        return mine == theirs if isinstance(mine, str) else mine == float(theirs)

    left_over = golden.differences(ours, published, ["Fwd Header Length.1"], alike)
    assert [text for text in left_over if not text.startswith("too many")] == []


# ------------------------------------------------------------------------------------------------ against the twin


def twin(data: bytes, options: dict[str, Any]) -> list[dict[str, object]]:
    given = {name: value for name, value in options.items() if name not in ("sort", "tz")}
    if "protocols" in given:
        given["protocols"] = frozenset(golden.EVERY if given["protocols"] == "all" else given["protocols"])
    if options.get("sort"):
        given["sort_us"] = 1_000_000
    return naive_flows.flows_of(naive_pcap.read_pcap(data)[1], naive_flows.Options(**given))


def close(name: str, ours: Any, row: dict[str, Any]) -> bool:
    """Deviations lose digits where they are small beside their mean; all else agrees to 1e-9."""
    theirs = row[name]
    if theirs is None or isinstance(theirs, str) or isinstance(ours, int):
        return ours == theirs
    if math.isnan(theirs):
        return math.isnan(ours)
    if name.endswith(("Std", "Variance")):
        mean = abs(row.get(name.replace("Std", "Mean"), row["Packet Length Mean"]))
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-6 * max(1.0, mean))
    return ours == theirs or math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)


def check(frame: pf.Frame, expected: list[dict[str, Any]]) -> None:
    got = rows(frame)
    assert len(got) == len(expected)
    for ours, theirs in zip(got, expected, strict=True):
        assert set(ours) == set(theirs)
        wrong = {name: (ours[name], theirs[name]) for name in ours if not close(name, ours[name], theirs)}
        assert not wrong, (ours["Flow ID"], ours["flow_id"], wrong)


st_options = st.fixed_dictionaries(
    {"variant": st.sampled_from(("corrected", "corrected", "cic2017"))},
    optional={
        "protocols": st.sampled_from(("all", ("tcp", "udp"), ("udp", "icmp"))),
        "max_flows": st.sampled_from((1, 2, 3)),
        "min_packets": st.sampled_from((1, 2)),
        "ghost_flows": st.booleans(),
        "sort": st.booleans(),
        "dedup_us": st.sampled_from((100, 1_000_000)),
        "flush_last_active": st.booleans(),
        "activity_timeout_us": st.sampled_from((0, 999_999)),
        "flow_timeout_us": st.sampled_from((0, 1_000_000, 30_000_000)),
    },
)
st_corrected = st.fixed_dictionaries({}, optional={"compat": st.just("fork"), "ipv6": st.booleans()})
st_cic = st.fixed_dictionaries({}, optional={"count_padding": st.just(False), "udp_header": st.just(8)})


@st.composite
def st_questions(draw: st.DrawFn) -> tuple[bytes, dict[str, Any]]:
    options = draw(st_options)
    cic = options["variant"] == "cic2017"
    options |= draw(st_cic if cic else st_corrected)
    return draw(captures_flows.st_flow_capture((1,) if cic else (1, 1, 1, 113, 101))), options


@settings(max_examples=200, deadline=None)
@given(question=st_questions(), threads=st.sampled_from((1, 2, 4)), chunk=st.sampled_from((0, 16, 300, 4096)))
def test_any_capture(question, threads: int, chunk: int) -> None:
    data, options = question
    check(opened(data, threads, chunk).flows(**options), twin(data, options))


@pytest.mark.parametrize("variant", pf_flows.VARIANTS)
@pytest.mark.parametrize("seed", range(12))
def test_long_captures(variant: str, seed: int) -> None:
    """Flows of many packets, which hypothesis seldom makes; the same for every way of reading."""
    data = captures_flows.capture(random.Random(seed).randbytes(3000))
    more = ({}, {"max_flows": 2}, {"compat": "fork"} if variant == "corrected" else {"count_padding": False})
    for options in more:
        expected = twin(data, {"variant": variant, **options})
        for threads, chunk in ((1, 0), (2, 16), (4, 300)):
            check(opened(data, threads, chunk).flows(variant, **options), expected)
    pipe = pf.open(io.BytesIO(gzip.compress(data)), progress=False)
    check(pipe.flows(variant), twin(data, {"variant": variant}))


# ------------------------------------------------------------------------------------------------------ by the example


def pcap(packets: list[tuple[int, bytes]], link_type: int = 1) -> bytes:
    """Packets at times in microseconds from a whole second."""
    start = 1_499_170_000_000_000
    made = [captures.Packet(octets, len(octets), *divmod(start + us, 1_000_000)) for us, octets in packets]
    return captures.pcap_bytes(made, link_type)


A, B = bytes([192, 168, 10, 5]), bytes([104, 16, 207, 165])


def tcp(flags: int, payload: int = 0, back: bool = False, port: int = 50_000, **more: Any) -> bytes:
    layer = captures.tcp(bytes(payload), *((80, port) if back else (port, 80)), flags=flags, **more)
    return captures.ethernet(captures.ipv4(layer, *((B, A) if back else (A, B)))).octets


def udp(payload: int = 0, back: bool = False) -> bytes:
    layer = captures.udp(bytes(payload), *((4000, 50_000) if back else (50_000, 4000)))
    return captures.ethernet(captures.ipv4(layer, *((B, A) if back else (A, B)))).octets


def one(data: bytes, **options: Any) -> dict[str, Any]:
    (row,) = rows(opened(data).flows(**options))
    return row


SYN, SYN_ACK, ACK, FIN, RST, PSH = 0x02, 0x12, 0x10, 0x11, 0x04, 0x18


def test_example_gaps() -> None:
    """3.3: arrivals forward 0, backward 1000, forward 1500 and 2000."""
    row = one(pcap([(0, udp()), (1000, udp(back=True)), (1500, udp()), (2000, udp())]))
    assert [round(row[f"Flow IAT {name}"], 2) for name in ("Mean", "Std", "Max", "Min")] == [666.67, 288.68, 1000, 500]
    assert [round(row[f"Fwd IAT {name}"], 2) for name in ("Total", "Mean", "Std", "Max", "Min")] == [
        2000, 1000, 707.11, 1500, 500,
    ]  # fmt: skip
    assert [row[f"Bwd IAT {name}"] for name in ("Total", "Mean", "Std", "Max", "Min")] == [0] * 5


def test_example_flags() -> None:
    """3.5: SYN+ECE+CWR, SYN+ACK+ECE, PSH+ACK+URG, PSH+ACK."""
    data = pcap([(0, tcp(0xC2)), (1, tcp(0x52, back=True)), (2, tcp(0x38)), (3, tcp(0x18))])
    counts = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "CWE", "ECE")
    old, new = one(data, variant="cic2017"), one(data)
    assert [old[f"{name} Flag Count"] for name in counts] == [0, 0, 1, 1, 0, 0, 0, 1]
    assert [new[f"{name} Flag Count"] for name in counts] == [0, 2, 0, 2, 3, 1, 1, 2]


def test_example_activity() -> None:
    """3.6: one flow with gaps on both sides of five seconds; the last active time is not counted unless asked for."""
    seconds = (0, 0.4, 1.5, 6.5, 11.500001, 12, 32, 36.999999, 60, 66)
    data = pcap([(round(second * 1e6), udp()) for second in seconds])
    row = one(data)
    assert row["Idle Mean"] == 13_500_000.5
    assert row["Idle Std"] == pytest.approx(9_327_379.089, abs=1e-3)
    assert row["Active Mean"] == pytest.approx(3_999_999.333, abs=1e-3)
    assert row["Active Std"] == pytest.approx(3_122_499.400, abs=1e-3)
    assert one(pcap([(0, udp()), (10, udp())]), flush_last_active=True)["Active Max"] == 10


@pytest.mark.parametrize(
    ("variant", "options", "packets"),
    [("cic2017", {}, 16), ("corrected", {"compat": "fork"}, 8), ("corrected", {}, 16 / 3)],
)
def test_example_bulk(variant: str, options: dict[str, Any], packets: float) -> None:
    """3.4 and 3.7: the capture with three bulks forward, two backward, and two gaps above a second."""
    row = one((golden.corpus() / "flows" / "pcaps" / "10_bulk.pcap").read_bytes(), variant=variant, **options)
    assert row["Subflow Fwd Packets"] == pytest.approx(packets)
    names = [f"{way} Avg {what}" for way in ("Fwd", "Bwd") for what in ("Bytes/Bulk", "Packets/Bulk", "Bulk Rate")]
    expected = [0] * 6 if variant == "cic2017" else [851 / 3, 5, 654615.3846, 2522.5, 5, 5040.4686]
    assert [row[name] for name in names] == pytest.approx(expected)


def reasons(data: bytes, **options: Any) -> list[tuple[int, str]]:
    return [(row["flow_packets"], row["flow_end_reason"]) for row in rows(opened(data).flows(**options))]


def test_ends() -> None:
    """1.3 and 1.4: the tool of 2017 ends flows at the first FIN and at no RST; corrected where connections end."""
    both = [(0, tcp(SYN)), (1, tcp(SYN_ACK, back=True)), (2, tcp(ACK)), (3, tcp(FIN)), (4, tcp(FIN, back=True))]
    closed = [*both, (5, tcp(ACK)), (6, tcp(ACK))]
    assert reasons(pcap(closed)) == [(7, "fin")]
    assert reasons(pcap(closed), variant="cic2017") == [(4, "fin"), (3, "end")]
    assert reasons(pcap([*closed, (7, tcp(SYN))])) == [(7, "fin"), (1, "end")]
    refused = [(0, tcp(SYN)), (1, tcp(RST, back=True)), (2, tcp(SYN)), (3, tcp(RST, back=True))]
    assert reasons(pcap(refused)) == [(2, "rst"), (2, "rst")]
    assert reasons(pcap(refused), variant="cic2017") == [(4, "end")]


@pytest.mark.parametrize(("late", "flows"), [(120_000_000, 1), (120_000_001, 2)])
@pytest.mark.parametrize("variant", pf_flows.VARIANTS)
def test_timeout_to_the_microsecond(variant: str, late: int, flows: int) -> None:
    data = pcap([(0, udp()), (1, udp()), (late, udp()), (late, udp())])
    assert len(opened(data).flows(variant)) == flows


def test_syn_ack_first() -> None:
    """1.4: who answers a SYN that was missed is not the source."""
    row = one(pcap([(0, tcp(SYN_ACK, back=True)), (1, tcp(ACK)), (2, tcp(PSH, 5))]))
    assert (row["Flow ID"], row["Source IP"], row["Source Port"]) == (
        "192.168.10.5-104.16.207.165-50000-80-6", "192.168.10.5", 50_000,
    )  # fmt: skip
    assert (row["Total Fwd Packets"], row["Total Backward Packets"]) == (2, 1)


def test_signed_order_of_addresses() -> None:
    """1.2: 192 is less than 10, as a signed octet."""
    layer = captures.ethernet(captures.ipv4(captures.udp(b"", 1, 2), bytes([10, 0, 0, 1]), A)).octets
    assert one(pcap([(0, layer), (1, layer)]), variant="cic2017")["Flow ID"] == "192.168.10.5-10.0.0.1-2-1-17"


def test_connection_over_splits() -> None:
    """3.8: the connection's time goes on where the timeout split it, also where the flow was closed early."""
    for gap in (120_500_000, 200_000_000):
        parts = rows(opened(pcap([(0, tcp(PSH, 9)), (10, tcp(PSH, 9)), (gap, tcp(PSH, 9, back=True))])).flows())
        assert [part["Total Connection Flow Time"] for part in parts] == [10, gap]
        assert [part["Source Port"] for part in parts] == [50_000, 50_000]


def test_retransmissions() -> None:
    """3.8: the same segment again; bare acknowledgments are none but in the fork."""
    data = pcap([(0, tcp(PSH, 9)), (1, tcp(PSH, 9)), (2, tcp(ACK)), (3, tcp(ACK)), (4, tcp(PSH, 9, back=True))])
    assert one(data)["Total TCP Retrans. Count"] == 1
    assert one(data, compat="fork")["Total TCP Retrans. Count"] == 2


def test_retransmissions_are_bounded() -> None:
    """4,096 segments are remembered of a flow, and the row says where there were more."""
    for count, exact in ((4096, 1), (4097, 0)):
        row = one(pcap([(n, tcp(PSH, 9, seq=n)) for n in (*range(count), 0)]))
        assert (row["Total TCP Retrans. Count"], row["retrans_exact"]) == (1, exact)


def test_eviction() -> None:
    """More flows than may be open: the one touched longest ago ends, and goes on under its tombstone."""
    data = pcap([(n, tcp(SYN if n < 9 else ACK, port=1000 + n % 9)) for n in range(10)])
    frame = opened(data).flows(max_flows=8)
    assert [row["flow_end_reason"] for row in rows(frame)].count("evicted") == 2
    moved = frame.provenance["flow_packets"]
    assert (moved["flows"], moved["evicted"], moved["packets"]) == (10, 2, 10)
    assert len(frame) == moved["flows"]


def test_large_payload_and_no_length() -> None:
    """65,535 octets of IP, and a segment whose length the kernel had not filled in."""
    large = captures.ethernet(captures.ipv4(captures.tcp(bytes(65_495)), A, B)).octets
    unset = captures.ethernet(captures.ipv4(captures.tcp(bytes(4000)), A, B, total_length=0)).octets
    assert one(pcap([(0, large), (1, unset)]))["Total Length of Fwd Packets"] == 65_495 + 4000
    old = rows(opened(pcap([(0, unset), (1, unset)])).flows("cic2017"))
    assert [(row["Protocol"], row["Total Length of Fwd Packets"]) for row in old] == [(0, 0)]


def test_snapped_packets() -> None:
    """1.1: corrected counts what was sent, the others what was captured."""
    whole = tcp(PSH, 1000)
    data = captures.pcap_bytes([captures.Packet(whole[:60], len(whole))] * 2)
    assert one(data)["Total Length of Fwd Packets"] == 2000
    assert (
        one(data, compat="fork")["Total Length of Fwd Packets"]
        == one(data, variant="cic2017")["Total Length of Fwd Packets"]
    )


def test_link_types() -> None:
    data = captures.pcap_bytes([captures.ipv4(captures.udp(b"x")).octets], 101)
    assert len(opened(data).flows()) == 1
    with pytest.raises(ValueError, match=r"packet 1 has link type 101, which cic2017 flows cannot take"):
        opened(data).flows("cic2017")
    radio = captures.pcap_bytes([bytes(40)], 105)
    with pytest.raises(ValueError, match="link type 105"):
        opened(radio).flows()
    assert opened(radio).packets(["flow_id"]).to_dict() == {"flow_id": [None]}


def test_nothing() -> None:
    frame = opened(captures.pcap_bytes([])).flows()
    assert frame.shape == (0, 100)
    assert opened(captures.pcap_bytes([])).packets_of(frame).shape[0] == 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"variant": "new"}, "variant: 'corrected' or 'cic2017'"),
        ({"compat": "old"}, "compat: None or 'fork'"),
        ({"variant": "cic2017", "compat": "fork"}, "compat='fork' is for"),
        ({"protocols": {"tcp", "dccp"}}, "protocols: 'all' or some of"),
        ({"protocols": ()}, "protocols: 'all' or some of"),
        ({"max_flows": 0}, "max_flows: a whole number"),
        ({"flow_timeout_us": -1}, "flow_timeout_us: a whole number"),
        ({"min_packets": True}, "min_packets: a whole number"),
        ({"names": "1999"}, "names: 'published' or 'v4' or '2021'"),
        ({"tz": "Mars/Olympus"}, "tz: no time zone"),
        ({"count_padding": True}, "are for variant='cic2017'"),
        ({"variant": "cic2017", "ipv6": True}, "ipv6: the tool of 2017"),
        ({"quantize": "word"}, "quantize: None or 'excel'"),
    ],
)
def test_refused_options(options: dict[str, Any], error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        opened(captures.pcap_bytes([])).flows(**options)


# ---------------------------------------------------------------------------------------------------------- invariants


@pytest.mark.parametrize("name", ["fuzz_1", "fuzz_2"])
def test_invariants(name: str) -> None:
    """6.2: what holds between the columns of any rows of the tool of 2017."""
    table = opened(golden.corpus() / "flows" / "pcaps" / f"{name}.pcap").flows("cic2017", min_packets=1).to_numpy()
    n_f, n_b = table["Total Fwd Packets"], table["Total Backward Packets"]
    n, octets = n_f + n_b, table["Total Length of Fwd Packets"] + table["Total Length of Bwd Packets"]
    first = table["Average Packet Size"] * n - octets
    assert (first > -1e-6).all()
    assert np.allclose(table["Packet Length Mean"] * (n + 1), octets + first)
    assert (table["Down/Up Ratio"] == n_b // n_f).all()
    assert (table["Subflow Fwd Packets"] == n_f).all()
    assert (table["Subflow Bwd Bytes"] == table["Total Length of Bwd Packets"]).all()
    assert (table["Fwd PSH Flags"] == table["SYN Flag Count"]).all()
    assert np.allclose(table["Packet Length Std"] ** 2, table["Packet Length Variance"])
    assert (table["Init_Win_bytes_backward"][n_b == 0] == -1).all()
    assert (table["Flow Duration"] <= 120_000_000).all()
    assert (table["flow_packets"] == n).all()


# ----------------------------------------------------------------------------------------------------- names and files


def test_names() -> None:
    capture = opened(pcap([(0, udp()), (1, udp())]))
    for names, file in (("published", "machine_learning_cve_79"), ("v4", "cicflowmeter_v4_2018_84")):
        columns = capture.flows("cic2017", names=names).columns
        expected = list(dict.fromkeys(name for name in golden.header(file) if name != "Label"))
        assert [name for name in columns if name in expected] == expected
    extra = golden.header("engelen_2024")
    assert set(extra) - {"Label"} <= set(capture.flows(names="2021").columns)
    assert set(golden.header("cicflowmeter_2021_84")) - {"Label"} <= set(capture.flows("cic2017", names="2021").columns)
    assert capture.flows(names="v4")[0].columns == capture.flows(names="v4").columns


@pytest.mark.parametrize("names", ["published", "v4", "2021"])
def test_published_file(names: str, tmp_path: Path) -> None:
    """The exact header, and every golden row, cell by cell as numbers, its time as text."""
    flows = golden.corpus() / "flows"
    frame = opened(flows / "pcaps" / "fuzz_1.pcap").flows(**golden.CIC, names=names)
    assert frame.write(tmp_path / "flows.csv", published=True) == len(frame)
    lines = (tmp_path / "flows.csv").read_text().splitlines()
    assert lines[0] == (flows / "headers" / "generated_labelled_flows_85.txt").read_text().splitlines()[0]
    ours = sorted([line.split(",")[:9] for line in lines[1:]])
    theirs = [line.split(",")[:9] for line in (flows / "java_cic2017" / "fuzz_1.csv").read_text().splitlines()[1:]]
    assert ours == sorted(theirs)
    assert {line.count(",") for line in lines} == {84}
    assert {line.rsplit(",", 1)[1] for line in lines[1:]} == {""}


def test_published_numbers() -> None:
    texts = {3.0: "3", -13.0: "-13", 0.5: "0.5", 14333333.333333334: "14333333.333333334", 1e15: "1000000000000000"}
    assert {value: pf_flows.number_text(value) for value in texts} == texts
    assert [pf_flows.number_text(value) for value in (math.nan, math.inf, -math.inf)] == [
        "NaN",
        "Infinity",
        "-Infinity",
    ]


@given(value=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_quantized(value: float) -> None:
    assert pf_flows.excel(value) == golden.excel(value) or abs(value) < 1e-4


def test_quantized_in_the_core() -> None:
    capture = opened(golden.corpus() / "flows" / "pcaps" / "fuzz_1.pcap")
    plain, rounded = (rows(capture.flows("cic2017", quantize=quantize)) for quantize in (None, "excel"))
    for before, after in zip(plain, rounded, strict=True):
        for name, value in before.items():
            expected = pf_flows.excel(value) if isinstance(value, float) else value
            assert after[name] == expected or math.isnan(value), name


def test_times_in_text() -> None:
    halifax = zoneinfo.ZoneInfo("America/Halifax")
    assert pf_flows.time_text(1_499_360_400_000_000_000, "cic2017", halifax) == "06/07/2017 02:00:00"
    assert pf_flows.time_text(1_499_083_200_002_500_000, "corrected", UTC) == "2017-07-03 12:00:00.002500"
    assert pf_flows.time_text(1_499_083_200_002_000_000, "corrected", UTC) == "2017-07-03 12:00:00.002"
    assert pf_flows.time_text(1_499_083_200_000_000_999, "corrected", UTC) == "2017-07-03 12:00:00"


def test_published_needs_all_features(tmp_path: Path) -> None:
    frame = opened(pcap([(0, udp())])).flows()
    with pytest.raises(ValueError, match="missing: Source Port"):
        frame[["Flow ID", "Source IP"]].write(tmp_path / "x.csv", published=True)
    with pytest.raises(ValueError, match=r"written to \.csv"):
        frame.write(tmp_path / "x.txt", published=True)
    assert frame.write(tmp_path / "x.csv", published=True) == 1


# ------------------------------------------------------------------------------------------------------ other readers


def test_nfstream() -> None:
    """Packets and octets per key, as nfstream counts them."""
    nfstream = pytest.importorskip("nfstream", reason="nfstream is not installed (it has no part in pcapframe)")
    path = golden.corpus() / "flows" / "pcaps" / "fuzz_1.pcap"
    theirs: Counter[tuple[Any, ...]] = Counter()
    for flow in nfstream.NFStreamer(str(path), accounting_mode=3, n_dissections=0, n_meters=1):
        if flow.protocol in (6, 17):
            key = frozenset(((flow.src_ip, flow.src_port), (flow.dst_ip, flow.dst_port))), flow.protocol
            theirs[key, "packets"] += flow.bidirectional_packets
            theirs[key, "octets"] += flow.bidirectional_bytes
    ours: Counter[tuple[Any, ...]] = Counter()
    for row in rows(opened(path).flows(ipv6=False)):
        ends = frozenset(((row["Source IP"], row["Source Port"]), (row["Destination IP"], row["Destination Port"])))
        ours[(ends, row["Protocol"]), "packets"] += row["flow_packets"]
        ours[(ends, row["Protocol"]), "octets"] += int(
            row["Total Length of Fwd Packets"] + row["Total Length of Bwd Packets"]
        )
    assert ours == theirs


# ------------------------------------------------------------------------------------------------- documentation, CLI


def test_page_is_current() -> None:
    spec = importlib.util.spec_from_file_location("flow_features", ROOT / "tools" / "flow_features.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = tool.PAGE.read_text(encoding="utf-8")
    assert page == tool.rendered(page), "python tools/flow_features.py"


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap([(0, udp()), (1, udp(back=True)), (2, tcp(SYN))]))
    assert main(["flows", str(path)]) == 0
    assert "2 flows (ended by 2 end)" in capsys.readouterr().out
    assert main(["flows", "--features", "--names", "v4"]) == 0
    assert "Fwd Seg Size Avg" in capsys.readouterr().out
    out = tmp_path / "old.csv"
    assert main(["flows", "--variant", "cic2017", "--published", "-o", str(out), str(path)]) == 0
    assert len(out.read_text().splitlines()) == 2
    assert main(["flows", "--protocols", "tcp", "--json", "-o", str(tmp_path / "x.csv"), str(path)]) == 0
    assert json.loads(capsys.readouterr().out.split("\n", 2)[2])["flows"] == 1
    for wrong in (["flows"], ["flows", "--published", str(path)], ["flows", "-o", str(tmp_path / "x.png"), str(path)]):
        assert main(wrong) == 2
