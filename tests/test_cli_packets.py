"""``pcapframe packets`` and ``--where``, as they are typed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import pcapframe as pf
from pcapframe import cli

LAB = str(Path(__file__).parents[1] / "examples" / "lab.pcap")


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def test_the_first_packets(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["packets", LAB, "--rows", "3", "--columns", "frame_number,ip_src,dns_qry_name"]) == 0
    out = capsys.readouterr().out
    first = pf.open(LAB).packets(["ip_src", "dns_qry_name"])[2:3].to_dict()
    assert [line.split() for line in out.splitlines()[2:6]] == [
        ["frame_number", "ip_src", "dns_qry_name"],
        ["1"],
        ["2"],
        ["3", first["ip_src"][0], first["dns_qry_name"][0]],
    ]
    assert "only the first 3 packets" in out


def test_a_capture_without_packets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pf.open(LAB).filter(ip_ttl=[]).write(tmp_path / "none.pcap")
    assert cli.main(["packets", str(tmp_path / "none.pcap")]) == 0
    assert "no packets" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet", "arrow", "pcapng"])
def test_files(tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    if suffix in ("parquet", "arrow"):
        pytest.importorskip("pyarrow", reason="pyarrow, which writes this format, is not installed")
    path = tmp_path / f"dns.{suffix}"
    columns = [] if suffix == "pcapng" else ["--columns", "frame_number,ip_src,dns"]
    assert cli.main(["packets", LAB, "--where", "protocol=DNS", *columns, "-o", str(path)]) == 0
    expected = pf.open(LAB).filter(protocol="DNS").packets(["frame_number", "ip_src", "dns_qry_name"]).to_dict()
    assert f"{len(expected['ip_src']):,}" in capsys.readouterr().out
    if suffix == "csv":
        rows = list(csv.DictReader(path.read_text().splitlines()))
    elif suffix == "json":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    elif suffix == "pcapng":
        rows = [{"ip_src": source} for source in pf.open(path).packets("ip_src")["ip_src"].tolist()]
    else:
        import pyarrow.feather
        import pyarrow.parquet

        read = pyarrow.parquet.read_table if suffix == "parquet" else pyarrow.feather.read_table
        rows = read(path).to_pylist()
    assert [row["ip_src"] for row in rows] == expected["ip_src"]


def test_json_of_all_packets(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["packets", LAB, "--json", "--columns", "frame_number", "--where", "protocol=ICMP"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["frame_number"] for row in document["rows"]] == pf.open(LAB).filter(protocol="ICMP").packets(
        "frame_number"
    )["frame_number"].tolist()


def test_the_list_of_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["packets", "--list"]) == 0
    listed = " ".join(capsys.readouterr().out.split())  # what columns mean goes on in the next line
    assert all(f"{field.name} {field.kind} {' '.join(field.doc.split())}" in listed for field in pf.columns())
    assert cli.main(["packets", "--list", "--columns", "vlan", "--json"]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["columns"]] == [
        field.name for field in pf.columns("vlan")
    ]


@pytest.mark.parametrize(
    ("typed", "keywords"),
    [
        (["tcp_dstport=22,80"], {"tcp_dstport": [22, 80]}),
        (["tcp_dstport=0x16"], {"tcp_dstport": 22}),
        (["frame_len=100..200"], {"frame_len": slice(100, 200)}),
        (["frame_len=..100"], {"frame_len": slice(None, 100)}),
        (["ip_src=198.51.100.0/24", "ip_ttl=64"], {"ip_src": "198.51.100.0/24", "ip_ttl": 64}),
        (["tcp_dstport="], {"tcp_dstport": None}),
        (["frame_time=2026-11-24T04:22:00Z.."], {"frame_time": slice("2026-11-24T04:22:00Z", None)}),
    ],
)
def test_where(typed: list[str], keywords: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    options = [part for each in typed for part in ("--where", each)]
    assert cli.main(["packets", LAB, "--json", "--columns", "frame_number", *options]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    expected = pf.open(LAB).filter(**keywords).packets("frame_number")["frame_number"].tolist()  # type: ignore[arg-type]
    assert [row["frame_number"] for row in rows] == expected != []


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["packets"], "a capture is needed"),
        (["packets", LAB, "--where", "tcp_dstport"], "NAME=VALUE is needed"),
        (["packets", LAB, "--where", "tcp_dstpor=22"], "did you mean tcp_dstport"),
        (["packets", LAB, "--where", "tcp_dstport=ssh"], "holds numbers"),
        (["packets", LAB, "--where", "ip_src=x"], "no IP address"),
        (["packets", LAB, "--where", "ip_ttl=1", "--where", "ip_ttl=2"], "one condition for each column"),
        (["packets", LAB, "--columns", "nothing"], "no column 'nothing'"),
        (["packets", LAB, "-o", "x.txt"], "can be written"),
        (["packets", LAB, "-o", "x.pcap", "--columns", "ip"], "packets as they are"),
        (["packets", LAB, "-o", LAB], "is the capture that is read"),
    ],
)
def test_what_cannot_be(typed: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(typed) == 2
    assert message in capsys.readouterr().err
