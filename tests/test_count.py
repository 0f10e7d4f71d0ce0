"""`Capture.count` equals its slow twin however it is run, pandas where that can say it, `datasketches` within error."""

from __future__ import annotations

import copy
import math
import os
import pickle
import statistics
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures
import captures_ng
import naive_group
import pcapframe as pf

THREADS = (1, 2, 5)
CHUNKS = (0, 16, 100, 300, 4096)  # 0: the core's own
EVERY = {"1s": 10**9, "250ms": 250 * 10**6, "7min": 420 * 10**9, "1d": 86_400 * 10**9, "3ns": 3}
KINDS = {field.name: field.kind for field in pf.columns() if not field.name.startswith("flow_")}
COUNTED = [name for name, kind in KINDS.items() if kind != "binary"]
NUMBERS = [name for name in COUNTED if KINDS[name].startswith(("uint", "int"))]
OFTEN = [
    "ip_src", "ip_dst", "tcp_dstport", "protocol", "eth_src", "frame_len", "tcp_option_kinds", "frame_time_delta",
    "dns_qry_name",
]  # fmt: skip
fields_of = st.lists(st.sampled_from(OFTEN) | st.sampled_from(COUNTED), max_size=4, unique=True)


def opened(source: Any, threads: int = 1, chunk: int = 0) -> pf.Capture:
    capture = pf.open(source, threads=threads, progress=False)
    capture._options = replace(capture._options, chunk=chunk)
    return capture


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Damaged captures are other tests' business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pf.CaptureWarning)
        yield


def rows_of(frame: pf.Frame) -> list[dict[str, Any]]:
    return naive_group.rows_of(frame.to_dict())


def naive_rows(data: Any) -> list[dict[str, Any]]:
    """All packets as dicts: that columns are right is shown elsewhere."""
    return naive_group.rows_of(opened(data).packets(COUNTED).to_dict())


@st.composite
def questions(draw: Any) -> dict[str, Any]:
    """Keywords of a question without `top` and `approx`."""
    asked: dict[str, Any] = {}
    for ask in ("sum", "min", "max", "mean", "std", "distinct"):
        names = NUMBERS if ask not in ("distinct", "min", "max") else [*NUMBERS, "frame_time"]
        names = COUNTED if ask == "distinct" else names
        chosen = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
        if chosen:
            asked[ask] = chosen[0] if len(chosen) == 1 and draw(st.booleans()) else chosen
    asked["gaps"] = draw(st.booleans())
    asked["dropna"] = draw(st.booleans())
    asked["every"] = draw(st.none() | st.sampled_from(sorted(EVERY)))
    return asked


def twin_of(rows: list[dict[str, Any]], fields: list[str], asked: dict[str, Any]) -> list[dict[str, Any]]:
    every = asked.get("every")
    pairs = [
        (ask, name)
        for ask in naive_group.AGGREGATES
        for name in ([asked[ask]] if isinstance(asked.get(ask), str) else asked.get(ask, []))
    ]
    rest = {name: asked[name] for name in ("gaps", "fill", "top", "dropna") if asked.get(name) is not None}
    return naive_group.count(rows, *fields, every=EVERY[every] if every else 0, aggregates=pairs, **rest)


def check(capture: pf.Capture, rows: list[dict[str, Any]], fields: list[str], asked: dict[str, Any]) -> None:
    got = capture.count(*fields, **asked)
    want = twin_of(rows, fields, asked)
    if isinstance(got, pf.Counts):
        assert list(got.items()) == [(row[fields[0]], row["count"]) for row in want]
        return
    assert rows_of(got) == want
    if want:
        assert got.columns == list(want[0])


# ------------------------------------------------------------------------------------------------- equal to the twin


@settings(max_examples=80, deadline=None)
@given(
    data=captures.st_capture() | captures_ng.st_pcapng(most=30, damage=False),
    fields=fields_of,
    asked=questions() | st.just({}),
    threads=st.sampled_from(THREADS),
    chunk=st.sampled_from(CHUNKS),
)
def test_any_question(data: bytes, fields: list[str], asked: dict[str, Any], threads: int, chunk: int) -> None:
    try:
        rows = naive_rows(data)
    except pf.CaptureError:
        return
    check(opened(data, threads, chunk), rows, fields, asked)


@settings(max_examples=40, deadline=None)
@given(
    data=captures.st_capture(damage=False),
    fields=st.lists(st.sampled_from(OFTEN), max_size=3, unique=True),
    top=st.integers(1, 5),
    asked=st.sampled_from([{}, {"every": "1s"}, {"sum": "frame_len"}, {"gaps": True, "every": "7min"}]),
    threads=st.sampled_from(THREADS),
)
def test_top_of_few_groups_is_exact(
    data: bytes, fields: list[str], top: int, asked: dict[str, Any], threads: int
) -> None:
    rows = naive_rows(data)
    check(opened(data, threads, 300), rows, ["ip_version", *fields], asked | {"top": top})


def timed(moments: list[tuple[int, int]]) -> bytes:
    """TCP packets at (second, port)."""
    frames = [
        captures.Packet(captures.ethernet(captures.ipv4(captures.tcp(b"", 4000, port))).octets, 60 + port, second, 0)
        for second, port in moments
    ]
    return captures.pcap_bytes(frames)


@settings(max_examples=60, deadline=None)
@given(
    moments=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), max_size=12),
    fields=st.sampled_from([[], ["tcp_dstport"], ["ip_src", "tcp_dstport"], ["tcp_option_kinds"]]),
    dropna=st.booleans(),
    threads=st.sampled_from(THREADS),
)
def test_empty_bins(moments: list[tuple[int, int]], fields: list[str], dropna: bool, threads: int) -> None:
    data = timed(moments)
    asked = {"every": "1s", "fill": True, "dropna": dropna, "sum": "frame_len", "std": "frame_len", "gaps": True}
    check(opened(data, threads), naive_rows(data), fields, asked | {"distinct": ["ip_src", "frame_len"]})


def some_capture(packets: int = 2000) -> bytes:
    rng = np.random.default_rng(11)
    drawn = [captures.any_packet(captures.Tape(rng.bytes(60), wild=True), 1) for _ in range(packets)]
    return captures.pcap_bytes([one._replace(seconds=1_500_000_000 + one.seconds % 256) for one in drawn])


DATA = some_capture()


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return naive_rows(DATA)


QUESTIONS: list[tuple[list[str], dict[str, Any]]] = [
    (["ip_src"], {}),
    (["protocol"], {}),
    (["frame_time"], {}),
    (["ip_src", "ip_dst", "tcp_dstport"], {}),
    (["frame_protocols", "ip_src", "eth_src", "tcp_option_kinds"], {"dropna": False}),
    ([], {"every": "1s", "fill": True, "sum": "frame_len"}),
    (["protocol"], {"every": "1s", "sum": "frame_len", "mean": "frame_len", "std": ["frame_len", "ip_ttl"]}),
    (["ip_src"], {"distinct": ["tcp_dstport", "ip_dst", "frame_fault"], "gaps": True}),
    (["ip_src", "dns_qry_name"], {"distinct": "dns_answers", "dropna": False}),
    (["ip_src"], {"top": 3}),
    (["ip_src"], {"top": 2, "every": "7min", "max": "frame_time"}),
]


@pytest.mark.parametrize(("fields", "asked"), QUESTIONS)
def test_every_way_of_reading(
    fields: list[str], asked: dict[str, Any], rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    path, fifo = tmp_path / "some.pcap", tmp_path / "fifo"
    path.write_bytes(DATA)
    for threads in THREADS:
        for chunk in (100, 5000):
            check(opened(DATA, threads, chunk), rows, fields, asked)
        check(opened(path, threads), rows, fields, asked)
        os.mkfifo(fifo)
        writer = threading.Thread(target=fifo.write_bytes, args=(DATA,))
        writer.start()
        check(opened(fifo, threads), rows, fields, asked)
        writer.join()
        fifo.unlink()


def test_names_of_files_are_keys(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("b.pcap", "a.pcap", "c.pcap")]
    for number, path in enumerate(paths, 1):
        path.write_bytes(timed([(number, 1)] * number))
    capture = pf.open(paths)
    assert list(capture.count("frame_file").items()) == [
        (str(path), n) for n, path in zip((3, 2, 1), paths[::-1], strict=True)
    ]
    assert capture.count("frame_file", sum="frame_len")["frame_file"].tolist() == list(map(str, paths[::-1]))


def test_columns_have_their_types() -> None:
    asked = dict.fromkeys(("sum", "min", "mean", "std", "distinct"), "frame_time_delta")
    frame = opened(DATA).count("tcp_dstport", "ip_src", every="1s", max="frame_time", gaps=True, **asked)
    assert frame.schema == (
        ("time", "time", False),
        ("tcp_dstport", "uint16", False),
        ("ip_src", "text", False),
        ("count", "uint64", False),
        ("sum_frame_time_delta", "int64", False),
        ("min_frame_time_delta", "int64", True),
        ("max_frame_time", "time", True),
        ("mean_frame_time_delta", "float64", True),
        ("std_frame_time_delta", "float64", True),
        ("distinct_frame_time_delta", "uint64", False),
        ("gap_mean", "float64", True),
        ("gap_std", "float64", True),
        ("gap_min", "int64", True),
        ("gap_max", "int64", True),
    )
    kept = opened(DATA).count("tcp_dstport", "frame_len", top=4, dropna=False, sum="ip_ttl")
    assert kept.schema == (
        ("tcp_dstport", "uint16", True),
        ("frame_len", "uint32", False),
        ("count", "uint64", False),
        ("error", "uint64", False),
        ("sum_ip_ttl", "uint64", False),
    )


def test_totals_of_nothing() -> None:
    capture = opened(captures.pcap_bytes([]))
    assert rows_of(capture.count(sum="frame_len", mean="frame_len", min="frame_time", distinct="ip_src")) == [
        {"count": 0, "sum_frame_len": 0, "min_frame_time": None, "mean_frame_len": None, "distinct_ip_src": 0}
    ]
    assert len(capture.count(every="1s")) == len(capture.count(every="1s", fill=True)) == 0
    assert len(capture.count("ip_src", "protocol")) == len(capture.count("ip_src", top=3)) == 0
    assert dict(capture.count("protocol")) == dict(capture.count("ip_src")) == {}


def test_conditions_narrow_counts(rows: list[dict[str, Any]]) -> None:
    capture = opened(DATA, 2).filter(tcp_flags_syn=1)
    inside = [row for row in rows if row["tcp_flags_syn"] == 1]
    assert inside
    for fields, asked in QUESTIONS:
        check(capture, inside, fields, asked)


def test_narrowed_captures_count_less() -> None:
    start, end = "2017-07-14T02:41:00Z", "2017-07-14T02:42:00Z"
    capture = opened(DATA).between(start, end)
    rows = naive_group.rows_of(capture.packets(COUNTED).to_dict())
    assert 0 < len(rows) < 2000
    for fields, asked in QUESTIONS:
        check(capture, rows, fields, asked)


# ----------------------------------------------------------------------------------------------------- exact numbers


def test_a_sum_of_more_than_64_bits_is_an_error() -> None:
    capture = opened(timed([(0, 1)] + 3 * [(2**32 - 1, 1)]))  # 2^32 s are 2^62 ns
    with pytest.raises(OverflowError, match="sum_frame_time_relative: a sum does not fit in 64 bits"):
        capture.count(sum="frame_time_relative")
    row = rows_of(capture.count(mean="frame_time_relative", std="frame_time_relative"))[0]
    far = (2**32 - 1) * 10**9
    assert row["mean_frame_time_relative"] == float(statistics.mean([0, far, far, far]))
    assert row["std_frame_time_relative"] == statistics.stdev([0, far, far, far])


def test_gaps_go_backwards() -> None:
    data = timed([(0, 1), (2**32 - 1, 1), (0, 1), (2**31, 2), (7, 2)])
    got = rows_of(opened(data).count("tcp_dstport", gaps=True))
    top = (2**32 - 1) * 10**9
    assert (got[0]["gap_min"], got[0]["gap_max"], got[0]["gap_mean"]) == (-top, top, 0.0)
    assert got[0]["gap_std"] == statistics.stdev([top, -top])
    check(opened(data), naive_rows(data), ["tcp_dstport"], {"gaps": True})


@settings(max_examples=100, deadline=None)
@given(lengths=st.lists(st.integers(0, 2**32 - 1) | st.integers(2**32 - 9, 2**32 - 1), min_size=2, max_size=40))
def test_mean_and_deviation_to_the_last_bit(lengths: list[int]) -> None:
    frame = captures.ethernet(captures.ipv4(captures.tcp())).octets
    data = captures.pcap_bytes([captures.Packet(frame, length) for length in lengths])
    row = rows_of(opened(data).count(sum="frame_len", mean="frame_len", std="frame_len"))[0]
    assert row["sum_frame_len"] == sum(lengths)
    assert row["mean_frame_len"] == float(statistics.mean(lengths))
    assert row["std_frame_len"] == statistics.stdev(lengths)


def test_threshold_of_counts_by_any_field(rows: list[dict[str, Any]]) -> None:
    for name in ("protocol", "eth_src", "tcp_dstport", "frame_time", "frame_time_delta", "frame_number", "ip_dst"):
        counts = opened(DATA, 2).count(name)
        plain = Counter(row[name] for row in rows if row[name] is not None)
        assert isinstance(counts, pf.Counts)
        assert counts == plain
        assert len(counts) == len(plain)
        for method in ("sigma", "mad", "quantile"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", pf.ThresholdWarning)
                ours, theirs = counts.threshold(method), pf.threshold(plain, method)
            assert float(ours) == float(theirs)
            assert pf.eval_packets(ours, counts) == pf.eval_packets(theirs, plain)
        assert (counts + counts) == {key: 2 * count for key, count in plain.items()}
        best = sorted(plain.items(), key=lambda item: (-item[1], naive_group.order_of(name, item[0])))
        for n in (0, 1, 3, len(plain) - 1, len(plain), len(plain) + 5):
            assert counts.top(n) == best[: max(0, n)]
        assert list(counts) == [key for key, _ in best]
        keys, numbers = counts.to_numpy()
        assert list(zip(keys.tolist(), numbers.tolist(), strict=True)) == best
        series = counts.to_pandas()
        assert series.index.tolist() == [key for key, _ in best]
        for key in plain:
            assert key in counts
            assert counts[key] == plain[key]
        for missing in ("no such text", "", "TCP\0", "\ud800", -1, 2**70, 2**64 - 1, None, 1.5, ("TCP",)):
            assert missing not in counts
            with pytest.raises(KeyError):
                counts[missing]
    with pytest.raises(TypeError, match="do not add up"):
        opened(DATA).count("protocol") + opened(DATA).count("ip_src")
    both = opened(DATA).count("ip_src") + opened(DATA).ioc_counts().ip  # which are the same
    assert both == {key: 2 * count for key, count in opened(DATA).count("ip_src").items()}


def test_text_counts_outlive_their_capture() -> None:
    counts = opened(DATA).count("frame_file")
    assert dict(counts) == {"<bytes>": 2000}
    assert dict(counts + counts) == {"<bytes>": 4000}
    assert "2000 packets" in repr(counts)
    assert "<th>frame_file</th>" in counts._repr_html_()


# -------------------------------------------------------------------------------------------------------- the oracles


def test_equal_to_pandas() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is what this is compared with")
    capture = opened(DATA, 2)
    packets = capture.packets(["frame_time", "ip_src", "tcp_dstport", "frame_len", "protocol"]).to_pandas(strings="str")
    packets["time"] = packets["frame_time"].dt.floor("5s")
    ours = capture.count(
        "ip_src", "protocol", every="5s", sum="frame_len", min="frame_len", max="frame_len", distinct="tcp_dstport"
    ).to_pandas(strings="str")
    theirs = packets.groupby(["time", "ip_src", "protocol"]).agg(
        count=("frame_len", "size"),
        sum_frame_len=("frame_len", "sum"),
        min_frame_len=("frame_len", "min"),
        max_frame_len=("frame_len", "max"),
        distinct_tcp_dstport=("tcp_dstport", "nunique"),
    )
    ours = ours.set_index(["time", "ip_src", "protocol"]).sort_index()
    pandas.testing.assert_frame_equal(ours, theirs, check_dtype=False)
    filled = capture.count(every="5s", fill=True).to_pandas().set_index("time")["count"]
    resampled = packets.set_index("frame_time").resample("5s").size()
    assert filled.tolist() == resampled.tolist()
    assert filled.index.tolist() == resampled.index.tolist()


CORPUS = os.environ.get("PCAPFRAME_CORPUS")


@pytest.mark.skipif(not CORPUS, reason="PCAPFRAME_CORPUS does not name a folder with captures to count in")
def test_real_captures() -> None:
    paths = sorted(path for path in Path(CORPUS or "").glob("captures/**/*.pcap*") if path.stat().st_size < 200_000)
    chosen = paths[:: max(1, len(paths) // 40)]
    assert chosen
    counted = 0
    for path in chosen:
        try:
            rows = naive_rows(path)
        except pf.CaptureError:
            continue
        counted += len(rows)
        asked = {"sum": "frame_len", "std": "frame_len", "distinct": ["dns_qry_name", "tcp_dstport"], "gaps": True}
        check(opened(path, 2), rows, ["dns_qry_name"], {})
        check(opened(path, 2), rows, ["ip_src", "protocol"], asked | {"every": "1s"})
        check(opened(path, 2), rows, ["ip_src", "dns_qry_name", "tcp_dstport"], {"dropna": False})
    assert counted > 1000


def of_values(values: np.ndarray[Any, Any]) -> bytes:
    """UDP packets without payload, one per value, which is the destination address."""
    frame = captures.ethernet(captures.ipv4(captures.udp(b"", 1000, 2000))).octets
    rows = np.tile(np.frombuffer(b"\0" * 16 + frame, np.uint8), (len(values), 1))
    rows[:, 8] = rows[:, 12] = len(frame)
    rows[:, 16 + 30 : 16 + 34] = values.astype(">u4").view(np.uint8).reshape(-1, 4)
    return captures.pcap_bytes([]) + rows.tobytes()


@pytest.mark.parametrize("distinct", [0, 1, 10, 1000, 10_000, 40_000, 150_000])
def test_approximate_distinct_values(distinct: int) -> None:
    rng = np.random.default_rng(distinct)
    values = rng.permutation(2**20)[:distinct].astype(np.uint32) * np.uint32(4093)
    data = of_values(np.concatenate([values, values[::2]]))
    exact = rows_of(opened(data, 2).count(distinct="ip_dst"))[0]["distinct_ip_dst"]
    got = [
        rows_of(opened(data, threads).count(distinct="ip_dst", approx=True))[0]["distinct_ip_dst"]
        for threads in THREADS
    ]
    assert exact == distinct
    assert len(set(got)) == 1
    assert abs(got[0] - distinct) <= 3 * 1.04 / math.sqrt(2**14) * distinct
    datasketches = pytest.importorskip("datasketches", reason="datasketches (pip) is the other HyperLogLog")
    theirs = datasketches.hll_sketch(14, datasketches.tgt_hll_type.HLL_8)
    for value in values.tolist():
        theirs.update(value)
    assert abs(theirs.get_estimate() - got[0]) <= 6 * 1.04 / math.sqrt(2**14) * distinct  # either may be 3 sigma off


def shown(value: int) -> str:
    return ".".join(map(str, value.to_bytes(4, "big")))


def test_space_saving_with_more_groups_than_counters() -> None:
    most = 65_536  # counters there are at least
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.zipf(1.3, 60_000) % 1000, np.arange(2 * most) * 32_749]).astype(np.uint32)
    rng.shuffle(values)
    names = [shown(value) for value in values.tolist()]
    exact = Counter(names)
    assert len(exact) > most
    data = of_values(values)
    rows = rows_of(opened(data).count("ip_dst", top=3000))
    for threads, chunk in ((2, 7000), (5, 0)):
        assert rows_of(opened(data, threads, chunk).count("ip_dst", top=3000)) == rows
    twin = naive_group.space_saving(names, most)
    best = sorted(twin, key=lambda key: (-twin[key][0], naive_group.order_of("ip_dst", key)))[:3000]
    assert [(row["ip_dst"], row["count"], row["error"]) for row in rows] == [(key, *twin[key]) for key in best]
    assert any(row["error"] for row in rows)
    for row in rows:
        assert row["count"] - row["error"] <= exact[row["ip_dst"]] <= row["count"]
        assert row["error"] <= len(values) / most
    kept = {row["ip_dst"] for row in rows}
    assert {key for key, count in exact.items() if count > rows[-1]["count"]} <= kept

    datasketches = pytest.importorskip("datasketches", reason="datasketches (pip) has frequent items as well")
    theirs = datasketches.frequent_strings_sketch(17)
    for name in names:
        theirs.update(name)
    sure = theirs.get_frequent_items(datasketches.frequent_items_error_type.NO_FALSE_POSITIVES)
    assert {name for name, *_ in sorted(sure, key=lambda item: -item[1])[:20]} <= kept


# ---------------------------------------------------------------------------------------------------------- questions


@pytest.mark.parametrize(
    ("every", "ns"),
    [("1s", 10**9), ("500 ms", 5 * 10**8), ("2h", 7200 * 10**9), ("1D", 86_400 * 10**9), (7, 7), (np.int64(9), 9),
     ("3us", 3000), (timedelta(milliseconds=3), 3_000_000), (np.timedelta64(2, "m"), 120 * 10**9),
     (np.timedelta64(1, "W"), 7 * 86_400 * 10**9), (np.timedelta64(5000, "ps"), 5), (None, 0)],
)  # fmt: skip
def test_lengths_of_bins(every: Any, ns: int) -> None:
    from pcapframe._group import check_every

    assert check_every(every) == ns


@pytest.mark.parametrize(
    ("every", "error", "words"),
    [("soon", ValueError, "no length of time such as"), ("1 month", ValueError, "no length of time"),
     ("-1s", ValueError, "no length of time"), (0, ValueError, "from 1 ns"), (-5, ValueError, "from 1 ns"),
     (2**63, ValueError, "292 years"), ("1000000d", ValueError, "292 years"), (1.5, TypeError, "not float"),
     (True, TypeError, "not bool"), (np.timedelta64(1, "M"), ValueError, "no fixed length"),
     (np.timedelta64("NaT", "ns"), ValueError, "no fixed length"),
     (np.timedelta64(3, "ps"), ValueError, "whole number"),
     (timedelta(0), ValueError, "from 1 ns"), ("1s\n2s", ValueError, "no length")],
)  # fmt: skip
def test_lengths_that_are_none(every: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        opened(DATA).count(every=every)


@pytest.mark.parametrize(
    ("fields", "asked", "error", "words"),
    [(["ip_scr"], {}, KeyError, "no field 'ip_scr'; did you mean ip_src"),
     ([], {"sum": "frame_lenn"}, KeyError, "sum=: no field 'frame_lenn'; did you mean frame_len, "),
     (["frame_raw"], {}, ValueError, "frame_raw holds octets"),
     ([], {"distinct": ["frame_raw"]}, ValueError, "distinct=: frame_raw holds octets"),
     ([], {"sum": "ip_src"}, ValueError, "sum=: ip_src is text"),
     ([], {"min": "tcp_option_kinds"}, ValueError, "min=: tcp_option_kinds is text"),
     ([], {"mean": "frame_time"}, ValueError, "mean=: frame_time is a time"),
     (["ip_src", "ip_src"], {}, ValueError, "ip_src is there twice"),
     ([], {"sum": ["ip_ttl", "ip_ttl"]}, ValueError, "sum=: ip_ttl is there twice"),
     ([["ip_src", "ip_dst"]], {}, TypeError, "side by side"),
     ([7], {}, TypeError, "not int"),
     (["ip_src"], {"top": 0}, ValueError, "top: 1 or more"),
     (["ip_src"], {"top": -3}, ValueError, "top: 1 or more"),
     (["ip_src"], {"top": "many"}, TypeError, "str"),
     ([], {"top": 3}, ValueError, "of which fields"),
     (["ip_src"], {"approx": True}, ValueError, "approx: is about distinct="),
     (["ip_src"], {"fill": True}, ValueError, "which every="),
     (["ip_src"], {"fill": True, "every": "1s", "top": 3}, ValueError, "fill: of groups that top= leaves out"),
     (["frame_number"], {"fill": True, "every": 1}, ValueError, "fill: 2000 keys in each .* more than 10000000 rows"),
     (COUNTED[:17], {}, ValueError, "at most 16 fields"),
     ([], {"distinct": COUNTED[:33]}, ValueError, "at most 32 fields"),
     ([], {"distinct": COUNTED[:30], "min": NUMBERS[:30], "max": NUMBERS[:30]}, ValueError, "at most")],
)  # fmt: skip
def test_questions_that_cannot_be(fields: list[Any], asked: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        opened(DATA).count(*fields, **asked)


def test_damage_is_told_after_the_answer() -> None:
    with pytest.warns(pf.CaptureWarning, match="cut short"):
        counts = pf.open(DATA[:-3]).count("frame_len", every="1s")
    assert sum(counts["count"].tolist()) == 1999


@pytest.mark.parametrize(
    "name",
    ["ip_src", "tcp_seq_raw", "frame_time", "frame_number", "protocol", "eth_src", "frame_file", "dns_qry_name",
     "frame_time_relative", "flow_id", "tls_handshake_ja3"],
)  # fmt: skip
def test_counts_are_pickled_and_copied(name: str) -> None:
    """As worker processes hand them back; those that come back add up with others, and answer alike."""
    capture = pf.open(Path(__file__).parents[1] / "examples" / "lab.pcap")
    counts = capture.count(name)
    for other in (pickle.loads(pickle.dumps(counts)), copy.copy(counts), copy.deepcopy(counts)):
        assert (other.name, list(other.items())) == (counts.name, list(counts.items()))
        assert (other + counts).to_dict() == {key: 2 * count for key, count in counts.items()}
        assert other.to_numpy()[0].dtype == counts.to_numpy()[0].dtype
        assert other._moments() == counts._moments()


def test_indicator_counts_are_pickled() -> None:
    counts = pf.open(Path(__file__).parents[1] / "examples" / "lab.pcap").ioc_counts()
    other = pickle.loads(pickle.dumps(counts))
    assert isinstance(other, pf.IocCounts)
    assert other == counts
    assert other + counts == counts + counts
    assert "198.51.100.66" in counts._repr_html_()


def test_a_pickle_of_counts_that_lies_is_refused() -> None:
    restore, (name, _, numbers) = (
        pf.open(Path(__file__).parents[1] / "examples" / "lab.pcap").count("ip_src").__reduce__()
    )
    with pytest.raises(ValueError, match="no key of these counts"):
        restore(name, ["nonsense"], numbers[:1])
    with pytest.raises(KeyError, match="did you mean ip_src"):
        restore("ip_scr", [], numbers[:0])
