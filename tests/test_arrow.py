"""Frames as Arrow streams and files: what pyarrow, polars, pandas and DuckDB make of them, cell by cell."""

from __future__ import annotations

import csv
import gc
import hashlib
import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import captures
import pcapframe as pf

pa = pytest.importorskip("pyarrow", reason="the streams are read with it")
pl = pytest.importorskip("polars", reason="the streams are read with it")
duckdb = pytest.importorskip("duckdb", reason="the streams are read with it")

EVERY = [field.name for field in pf.columns() if not field.name.startswith("flow_")]  # those take a pass before


def some_capture(packets: int) -> bytes:
    """Packets of all sorts, and addresses of which new ones keep coming, so that dictionaries differ."""
    rng = np.random.default_rng(11)
    drawn = [captures.any_packet(captures.Tape(rng.bytes(60), wild=True), 1) for _ in range(packets)]
    return captures.pcap_bytes(drawn, link_type=1)


DATA = some_capture(700)


@pytest.fixture(scope="module")
def frame() -> pf.Frame:
    """A slice, so that offsets count."""
    return pf.open(DATA).packets(EVERY)[17:650]


@pytest.fixture(scope="module")
def large() -> pf.Frame:
    """More rows than one part holds: several batches, each with its own dictionary."""
    tcp = captures.ethernet(captures.ipv4(captures.tcp())).octets
    packets = []
    for i in range(150_000):
        octets = bytearray(tcp)
        octets[26:30] = bytes([10, i >> 14 & 255, i >> 7 & 127, 1])
        packets.append(captures.Packet(bytes(octets), len(octets), i, 0))
    return pf.open(captures.pcap_bytes(packets, link_type=1)).packets(["frame_number", "ip_src", "tcp_dstport"])


def columns_of(table: Any) -> dict[str, list[Any]]:
    """A pyarrow table as our to_dict()."""
    found = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_timestamp(column.type):
            assert column.type == pa.timestamp("ns", "UTC")
            column = column.cast(pa.int64())
        found[name] = column.to_pylist()
    return found


def test_pyarrow_sees_every_cell_and_type(frame: pf.Frame) -> None:
    table = pa.table(frame)
    assert columns_of(table) == frame.to_dict()
    kinds = {
        "time": pa.timestamp("ns", "UTC"),
        "float64": pa.float64(),
        "text": pa.dictionary(pa.int32(), pa.string()),
        "string": pa.large_string(),
        "binary": pa.large_binary(),
    }
    for (name, kind, nullable), field in zip(frame.schema, table.schema, strict=True):
        assert (field.name, field.nullable) == (name, nullable)
        assert field.type == (kinds.get(kind) or pa.type_for_alias(kind)), name
    table.validate(full=True)
    assert pa.schema(frame) == table.schema
    assert columns_of(frame.to_arrow()) == frame.to_dict()
    assert pa.table(frame[:0]).num_rows == 0
    assert pa.table(frame[:0]).schema == table.schema


def test_batches_have_dictionaries_of_their_own_and_to_arrow_one(large: pf.Frame) -> None:
    table = pa.table(large)
    chunks = table.column("ip_src").chunks
    assert len(chunks) > 1
    assert not chunks[0].dictionary.equals(chunks[1].dictionary)
    assert columns_of(table) == large.to_dict()
    whole = large.to_arrow()
    assert len({tuple(chunk.dictionary.to_pylist()) for chunk in whole.column("ip_src").chunks}) == 1
    assert whole.group_by("ip_src").aggregate([([], "count_all")]).num_rows == len(set(large["ip_src"].tolist()))


def test_nothing_is_copied(large: pf.Frame) -> None:
    part = large[10:1000][["frame_number"]]
    arrays = [pa.table(source).column("frame_number").chunks[0] for source in (large, part, part)]
    assert len({array.buffers()[1].address for array in arrays}) == 1
    assert [array.offset for array in arrays] == [0, 10, 10]


@pytest.mark.parametrize("name", ["frame", "large"])
def test_polars_sees_every_cell(name: str, request: pytest.FixtureRequest) -> None:
    frame: pf.Frame = request.getfixturevalue(name)
    table = frame.to_polars()
    expected = frame.to_dict()
    for column, kind, _ in frame.schema:
        series = table[column]
        if kind == "time":
            assert series.dtype == pl.Datetime("ns", "UTC")
            series = series.dt.epoch("ns")
        elif kind == "text":
            assert series.dtype == pl.Categorical
        assert series.to_list() == expected[column], column
    assert pl.DataFrame(frame).equals(table)


@pytest.mark.parametrize("name", ["frame", "large"])
def test_duckdb_sees_every_cell(name: str, request: pytest.FixtureRequest) -> None:
    frame: pf.Frame = request.getfixturevalue(name)
    expected = frame.to_dict()
    with duckdb.connect() as connection:
        connection.register("t", frame)
        for column, kind, _ in frame.schema:
            shown = f"epoch_ns({column})" if kind == "time" else column
            found = connection.sql(f"select {shown} from t order by frame_number").fetchall()
            assert [row[0] for row in found] == expected[column], column


def test_pandas_from_arrow_equals_to_pandas(frame: pf.Frame) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is what is compared")
    if not hasattr(pandas.DataFrame, "from_arrow"):
        pytest.skip("pandas before 3.0 takes no stream")
    table = pandas.DataFrame.from_arrow(frame)
    ours = frame.to_pandas()
    assert list(table.columns) == frame.columns
    for name in ("frame_time", "ip_src", "frame_len", "frame_raw"):
        left, right = table[name].astype(object), ours[name].astype(object)
        assert left.where(left.notna(), None).tolist() == right.where(right.notna(), None).tolist(), name
    assert table["frame_time"].dtype == "datetime64[ns, UTC]"


class Asked:
    """Hands on streams and remembers how often it was asked."""

    def __init__(self, source: Any) -> None:
        self.source, self.times = source, 0

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        self.times += 1
        return self.source.__arrow_c_stream__(requested_schema)


def test_a_stream_can_be_asked_for_again_and_again(frame: pf.Frame) -> None:
    asked = Asked(frame)
    with duckdb.connect() as connection:
        connection.register("t", asked)
        for _ in range(3):
            assert connection.sql("select count(*), sum(frame_len) from t").fetchall() == [
                (len(frame), int(frame["frame_len"].values.sum()))
            ]
    assert asked.times >= 3
    capsules = [frame.__arrow_c_stream__() for _ in range(3)]  # alive at once
    del capsules[1]  # one never used
    for capsule in capsules:
        assert pa.RecordBatchReader._import_from_c_capsule(capsule).read_all().num_rows == len(frame)
    wanted = pa.schema([pa.field("frame_len", pa.int64())]).__arrow_c_schema__()
    reader = pa.RecordBatchReader._import_from_c_capsule(frame.__arrow_c_stream__(wanted))
    assert reader.schema.names == frame.columns  # a wish that is not heeded


def test_what_was_given_outlives_the_frame_and_is_released_by_another_thread() -> None:
    frame = pf.open(DATA).packets(EVERY)
    expected = frame.to_dict()
    reader = pa.RecordBatchReader.from_stream(frame)
    del frame
    gc.collect()
    held = [reader.read_all()]
    assert columns_of(held[0]) == expected
    part = held[0].slice(5, 3)
    column = held[0].column("ip_src")
    del reader
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    gc.collect()
    assert column.to_pylist() == expected["ip_src"]
    assert part.column("frame_number").to_pylist() == expected["frame_number"][5:8]


def test_streams_consumed_by_many_threads_at_once(frame: pf.Frame) -> None:
    sums: list[int] = []

    def consume() -> None:
        for _ in range(20):
            sums.append(pa.compute.sum(pa.table(frame).column("frame_len")).as_py())

    threads = [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(sums) == {int(frame["frame_len"].values.sum())}
    assert len(sums) == 80


SHUTDOWN = """
import sys, pcapframe as pf, pyarrow as pa
frame = pf.open({path!r}).packets()
capsule = frame.__arrow_c_stream__()
reader = pa.RecordBatchReader.from_stream(frame)
batch = reader.read_next_batch()
class Last:
    # Released when modules are torn down.
    def __init__(self, held): self.held = held
sys.modules["last"] = Last((capsule, reader, batch))
batches = pf.open({path!r}).batches(rows=10)
begun = iter(batches); next(begun)
opened = pa.RecordBatchReader.from_stream(batches); opened.read_next_batch()
sys.modules["last2"] = Last((begun, opened, batches.__arrow_c_stream__()))
print(len(frame))
"""


def test_at_shutdown(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(DATA)
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", SHUTDOWN.format(path=str(path))],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "700\n", "")


def test_polars_needs_no_pyarrow() -> None:
    code = (
        "import sys, os; sys.modules['pyarrow'] = None\n"
        "import pcapframe as pf; frame = pf.open(sys.stdin.buffer.read()).packets()\n"
        "print(frame.to_polars().height)\n"
        "try: frame.to_arrow()\n"
        "except ImportError as error: print(error)\n"
        "try: frame.write('x.parquet')\n"
        "except ImportError as error: print(error, os.path.exists('x.parquet'))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=DATA, capture_output=True, check=True)
    assert done.stdout.decode().splitlines() == [
        "700",
        "Frame.to_arrow needs pyarrow: pip install pyarrow",
        "x.parquet needs pyarrow: pip install pyarrow False",
    ]


# ----------------------------------------------------------------------------------------------------------- files


def test_parquet_and_arrow_files_give_the_frame_back(frame: pf.Frame, large: pf.Frame, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    for each in (frame, large, frame[:0]):
        assert each.write(tmp_path / "x.parquet") == len(each)
        table = pq.read_table(tmp_path / "x.parquet")
        assert columns_of(table) == each.to_dict()
        assert json.loads(table.schema.metadata[b"pcapframe"]) == each.provenance
        assert each.write(tmp_path / "x.arrow") == len(each)
        with pa.ipc.open_file(tmp_path / "x.arrow") as file:
            table = file.read_all()
        assert columns_of(table) == each.to_dict()
        assert json.loads(table.schema.metadata[b"pcapframe"]) == each.provenance
    if len(frame):
        group = pq.ParquetFile(tmp_path / "x.parquet").metadata
        assert group.num_row_groups <= 1
    assert sorted(os.listdir(tmp_path)) == ["x.arrow", "x.parquet"]


def text_cell(value: Any, kind: str) -> Any:
    """A cell in CSV and JSON, by other means than the product's."""
    if value is None:
        return None
    if kind == "time":
        whole, fraction = divmod(value, 10**9)
        return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
    return "".join(f"{octet:02x}" for octet in value) if kind == "binary" else value


def test_csv_and_json_lines(frame: pf.Frame, tmp_path: Path) -> None:
    kinds = [kind for _, kind, _ in frame.schema]
    rows = [tuple(map(text_cell, row, kinds)) for row in frame.rows()]
    assert frame.write(tmp_path / "x.csv") == len(frame)
    with open(tmp_path / "x.csv", newline="") as file:
        head, *found = list(csv.reader(file))
    assert head == frame.columns
    shown = [["" if value is None else str(value) for value in row] for row in rows]
    guarded = [[f"'{text}" if text[:1] in tuple("=+-@\t\r") and kind in ("text", "string") else text
                for text, kind in zip(row, kinds, strict=True)] for row in shown]  # fmt: skip
    assert found == guarded
    for suffix in ("json", "jsonl"):
        assert frame.write(tmp_path / f"x.{suffix}") == len(frame)
        with open(tmp_path / f"x.{suffix}") as file:
            lines = [json.loads(line) for line in file]
        assert lines == [dict(zip(frame.columns, row, strict=True)) for row in rows]


def test_csv_is_guarded_against_formulas(tmp_path: Path) -> None:
    path = tmp_path / "=cmd.pcap"
    path.write_bytes(DATA)
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        pf.open("=cmd.pcap").packets(["frame_file"])[:1].write("x.csv")
    finally:
        os.chdir(before)
    assert (tmp_path / "x.csv").read_text() == "frame_file\n'=cmd.pcap\n"


def test_a_file_is_whole_or_not_there(frame: pf.Frame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.csv").write_text("before")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("x.csv", "x.parquet", "x.json", "x.arrow"):
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", fail)
            with pytest.raises(OSError, match="No space"):
                frame.write(tmp_path / name)
    assert os.listdir(tmp_path) == ["x.csv"]
    assert (tmp_path / "x.csv").read_text() == "before"
    with pytest.raises(FileNotFoundError):
        frame.write(tmp_path / "no" / "x.csv")
    with pytest.raises(ValueError, match="packets can be written as a table to"):
        frame.write(tmp_path / "x.txt")
    path = tmp_path / "own.csv"
    path.write_bytes(DATA)
    with pytest.raises(ValueError, match="is the capture that is read"):
        pf.open(path).packets().write(path)


# ------------------------------------------------------------------------------------------------------ provenance


def test_provenance(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "cut.pcap"
    path.write_bytes(DATA[:-3])
    with pytest.warns(pf.CaptureWarning, match="cut short"):
        frame = pf.open(path, filter="ip").between("1970-01-01", 10**15).packets(["ip_src", "frame_number"])
    found = frame[3:9].provenance
    assert found["inputs"] == [{"name": str(path), "size": len(DATA) - 3}]
    assert found["filters"] == ["ip"]
    assert found["period"] == [0, 10**15 - 1]
    assert found["options"] == {"columns": ["ip_src", "frame_number"], "strict": False}
    assert [fault["kind"] for fault in found["faults"]] == ["cut_short"]
    assert found["versions"]["pcapframe"] == pf.__version__
    assert json.loads(json.dumps(found)) == found
    frame.write(tmp_path / "x.parquet", sha256=True)
    stored = json.loads(pq.read_schema(tmp_path / "x.parquet").metadata[b"pcapframe"])
    assert stored["inputs"][0].pop("sha256") == hashlib.sha256(DATA[:-3]).hexdigest()
    assert stored == frame.provenance
    assert json.loads(pa.schema(frame).metadata[b"pcapframe"]) == frame.provenance
    with pytest.warns(pf.CaptureWarning):
        chosen = pf.open(path).select(ip=["10.0.0.1"])
    assert chosen.provenance["options"]["select"]["dns_rule"] == "empty"


def test_provenance_names_conditions() -> None:
    chosen = pf.open(DATA).filter(
        tcp_dstport={443}, frame_len=slice(60, None), any_of=[{"ip_src": "10.0.0.0/8"}, {"ip_version": None}]
    )
    (found,) = chosen.packets(["frame_number"]).provenance["filters"]
    assert found == {
        "tcp_dstport": [443],
        "frame_len": {"from": 60, "before": None},
        "any_of": [{"ip_src": ["10.0.0.0-10.255.255.255"]}, {"ip_version": [None]}],
    }
    (many,) = pf.open(DATA).filter(frame_number=list(range(5000))).packets(["frame_number"]).provenance["filters"]
    assert many["frame_number"][99:] == [99, "... 5000 values"]


def test_pandas_attrs(frame: pf.Frame) -> None:
    pytest.importorskip("pandas", reason="pandas is what this converts to")
    assert frame.to_pandas().attrs["pcapframe"] == frame.provenance
