"""SQL over packets: equal to the same question asked in Python, with no more decoded than it names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import captures
import pcapframe as pf
from pcapframe import _sql
from pcapframe._columns import COMMON

pytest.importorskip("pyarrow", reason="answers are pyarrow tables")
duckdb = pytest.importorskip("duckdb", reason="it answers the queries")

RNG = np.random.default_rng(3)
DRAWN = [captures.any_packet(captures.Tape(RNG.bytes(60), wild=True), 1) for _ in range(900)]
DATA = captures.pcap_bytes(DRAWN, link_type=1)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    frame = pf.open(DATA).packets(["frame_number", "ip_src", "tcp_dstport", "frame_len", "frame_time", "frame_raw"])
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.rows()]


def answer(query: str, **options: Any) -> list[tuple[Any, ...]]:
    table = pf.open(DATA, **options).sql(query)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.mark.parametrize("threads", [1, 3])
def test_equal_to_python(rows: list[dict[str, Any]], threads: int) -> None:
    counted = Counter(row["ip_src"] for row in rows if row["tcp_dstport"] == 443)
    found = answer("select ip_src, count(*) n from packets where tcp_dstport = 443 group by 1", threads=threads)
    assert dict(found) == counted
    assert answer("select sum(frame_len), count(*), max(frame_number) from packets", threads=threads) == [
        (sum(row["frame_len"] for row in rows), 900, 900)
    ]
    found = answer("select frame_number, frame_raw from packets where ip_src is null order by all", threads=threads)
    assert found == [(row["frame_number"], row["frame_raw"]) for row in rows if row["ip_src"] is None]
    found = answer("select epoch_ns(frame_time) from packets order by frame_number")
    assert [time for (time,) in found] == [row["frame_time"] for row in rows]
    found = answer("with a as (select IP_SRC s from packets) select count(*) from a join a b using (s) where s = '::1'")
    assert found == [(sum(row["ip_src"] == "::1" for row in rows) ** 2,)]


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("select count(*) from packets", {"frame_number"}),
        ("select ip_src from packets where tcp_dstport = 22", {"ip_src", "tcp_dstport"}),
        ('select p."ip_src", P.Frame_Len from packets p', {"ip_src", "frame_len"}),
        ("select * from packets", set(COMMON)),
        ("from packets", set(COMMON)),
        ("select *, frame_raw from packets", {*COMMON, "frame_raw"}),
        ("select * exclude (ip_src) from packets", set(COMMON)),
        ("select columns('ip_.*') from packets", set(COMMON)),
        ("select a.ip_src from packets a join packets b using (frame_number)", {"ip_src", "frame_number"}),
        ("select count(*) over (partition by ip_dst) from packets order by ip_ttl", {"ip_dst", "ip_ttl"}),
        ("pivot packets on ip_version using sum(frame_len)", {*COMMON}),
    ],
)  # fmt: skip
def test_only_what_is_named_is_decoded(query: str, columns: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    make = _sql.Batches

    def watched(capture: pf.Capture, names: tuple[str, ...], rows: int) -> pf.Batches:
        asked.append(names)
        return make(capture, names, rows)

    monkeypatch.setattr(_sql, "Batches", watched)
    assert pf.open(DATA).sql(query) is not None
    assert set(asked[-1]) == columns


def test_what_is_wrong_is_said_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(DATA)
    capture = pf.open(path)
    path.unlink()  # whoever reads fails
    with pytest.raises(duckdb.Error, match="ip_src"):  # the nearest are named
        capture.sql("select ip_scr from packets")
    with pytest.raises(duckdb.Error, match="flowers"):
        capture.sql("select * from flowers")
    with pytest.raises(duckdb.Error, match="syntax"):
        capture.sql("selec 1")
    with pytest.raises(TypeError, match="a query is text, not int"):
        capture.sql(1)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        capture.sql("select ip_src from packets")
    assert capture.sql("select 1 as one").to_pydict() == {"one": [1]}  # nothing is read


def test_narrowed_damaged_and_strict() -> None:
    table = pf.open(DATA).filter(tcp_dstport=443).sql("select count(*) n from packets")
    assert table.to_pydict() == {"n": [len(pf.open(DATA).filter(tcp_dstport=443).packets())]}
    with pytest.warns(pf.CaptureWarning, match="cut short") as caught:
        table = pf.open(DATA[:-3]).sql("select count(*) n from packets a join packets b using (frame_number)")
    assert table.to_pydict() == {"n": [899]}
    assert len(caught) == 1  # of two passes
    assert caught[0].filename == __file__
    with pytest.raises(pf.CaptureError, match="cut short"):
        pf.open(DATA[:-3], strict=True).sql("select count(*) n from packets")


def test_statements_that_are_no_select(tmp_path: Path) -> None:
    assert pf.open(DATA).sql("describe packets").num_rows == len(COMMON)
    path = tmp_path / "x.csv"
    pf.open(DATA).sql(f"copy (select frame_number from packets order by 1 limit 2) to '{path}'")
    assert path.read_text() == "frame_number\n1\n2\n"


def test_without_duckdb() -> None:
    code = (
        "import sys; sys.modules['duckdb'] = None\n"
        "import pcapframe as pf\n"
        "try: pf.open(sys.stdin.buffer.read()).sql('select 1')\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=DATA, capture_output=True, check=True)
    assert done.stdout.decode() == "Capture.sql needs duckdb: pip install duckdb\n"


def test_flows_are_a_table() -> None:
    capture = pf.open(Path(__file__).parents[1] / "examples" / "lab.pcap")
    flows = capture.flows()
    (found,) = capture.sql('select count(*) n, sum("Total Fwd Packets")::bigint p from flows').to_pylist()
    assert found == {"n": len(flows), "p": int(flows["Total Fwd Packets"].values.sum())}
    joined = capture.sql(
        "select flow_id, count(*) n from flows join packets using (flow_id) group by 1 order by 1"
    ).to_pylist()
    assert {row["flow_id"]: row["n"] for row in joined} == capture.count("flow_id").to_dict()
    with pytest.raises(duckdb.Error, match="nothing"):
        capture.sql("select nothing from flows")


def test_times_mean_utc_wherever_it_is_asked(tmp_path: Path) -> None:
    """DuckDB takes times without a zone for those of the machine: the answer must not hang on where it stands."""
    noon = 1_499_256_000  # 2017-07-05 12:00 UTC
    sent = [captures.Packet(bytes(14), 14, noon + 3600 * hour) for hour in range(-12, 12)]
    (tmp_path / "t.pcap").write_bytes(captures.pcap_bytes(sent))
    code = (
        "import sys, pcapframe as pf; cap = pf.open(sys.argv[1]);"
        "print(cap.sql(\"select count(*) n from packets where frame_time >= '2017-07-05 12:00'\")['n'][0].as_py(),"
        " cap.sql('select count(distinct frame_time::date) n from packets')['n'][0].as_py())"
    )
    environment = {**os.environ, "TZ": "America/New_York"}
    asked = [sys.executable, "-c", code, str(tmp_path / "t.pcap")]
    found = subprocess.run(asked, capture_output=True, text=True, env=environment, check=True)
    assert found.stdout.split() == ["12", "1"]
