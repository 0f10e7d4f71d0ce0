"""hosts(): against its twin, on made and on real captures; the same however it is run; its limits."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import captures as make
import captures_ng
import pcapframe as pf
from captures_hosts import CARDS, Tap, card, office, some_network
from captures_names import authenticate, in_smb2
from costs import least
from naive_hosts import Hosts, Row
from oracle_columns import COMPARED, TSHARK, chosen, tshark_cells, value_of
from pcapframe import _hosts, _hosts_seen, cli
from pcapframe._made import frame_of

ROOT = Path(__file__).parent.parent
CORPUS = os.environ.get("PCAPFRAME_CORPUS")
MADE = [name for name in pf.open(make.pcap_bytes([])).hosts().columns if name not in ("systems", "findings", "hits")]


def opened(packets: list[Any], link_type: int = 1, **options: Any) -> pf.Capture:
    return pf.open(make.pcap_bytes(packets, link_type), progress=False, **options)


def rows_of(frame: pf.Frame, names: list[str] = MADE) -> list[Row]:
    return [dict(zip(names, row, strict=True)) for row in frame.rows(*names)]


def packet_rows(capture: pf.Capture) -> list[Row]:
    names = _hosts_seen.COLUMNS
    return [dict(zip(names, row, strict=True)) for row in capture.packets(names).rows(*names)]


@pytest.fixture(scope="module")
def hosts() -> pf.Frame:
    return opened(office()).hosts()


def of(frame: pf.Frame, address: str) -> Row:
    return rows_of(frame[frame["address"] == address], frame.columns)[0]


# --- what it says ----------------------------------------------------------------------------------------------------


def test_the_office(hosts: pf.Frame) -> None:
    desk = of(hosts, "10.1.1.27")
    assert desk["addresses"] == "10.1.1.27 | fe80::5eff:fe00:1b"
    assert desk["macs"] == "02:00:5e:00:00:1b"
    assert desk["names"] == "DESK-27 | DESK-27.corp.example | DESK-27.local"
    assert desk["users"] == "ann.lee"
    assert desk["domains"] == "CORP | CORP.EXAMPLE"
    assert desk["systems"] == "Windows 10 or later"
    assert desk["tls_names"] == "panel.update.example"
    assert (desk["services"], desk["roles"]) == (None, "client")
    assert of(hosts, "10.1.1.3")["roles"] == "domain controller | dhcp server | dns server | server"
    assert of(hosts, "10.1.1.3")["services"] == "udp/53 | tcp/88"
    assert of(hosts, "10.1.1.4")["names"] == "FILES | files.corp.example"
    assert of(hosts, "10.1.1.1")["roles"] == "gateway"
    assert of(hosts, "10.1.1.1")["macs"] == "02:00:5e:00:00:01"
    outside = of(hosts, "203.0.113.9")
    assert (outside["macs"], outside["asked_as"], outside["services"]) == (None, "cdn.update.example", "tcp/80")
    assert {row["address"] for row in rows_of(hosts)} == {
        "10.1.1.27", "10.1.1.1", "10.1.1.3", "10.1.1.4", "203.0.113.9", "198.51.100.7",
    }  # fmt: skip


def test_the_office_is_the_example() -> None:
    """docs/hosts.md shows what comes out."""
    page = (ROOT / "docs" / "hosts.md").read_text("utf-8")
    assert page.split("<!-- example -->\n")[1].split("<!-- end -->")[0] == example()


def example() -> str:
    columns = ["address", "macs", "names", "users", "domains", "systems", "roles"]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for row in opened(office()).hosts().rows(*columns):
        lines.append("| " + " | ".join((cell or "").replace(" | ", "<br>") for cell in row) + " |")
    return "\n".join(lines) + "\n"


def test_schema(hosts: pf.Frame) -> None:
    kinds = {name: (kind, nullable) for name, kind, nullable in hosts.schema}
    assert kinds.pop("first_seen") == kinds.pop("last_seen") == ("time", True)
    for name in ("packets_sent", "packets_received", "octets_sent", "octets_received", "peers"):
        assert kinds.pop(name) == ("uint64", False)
    assert set(kinds.values()) == {("text", True)}


@settings(max_examples=150, deadline=None)
@given(some_network())
def test_equals_twin(packets: list[make.Packet]) -> None:
    capture = opened(packets)
    assert rows_of(capture.hosts()) == Hosts(packet_rows(capture)).rows()


def test_an_address_that_two_call_their_own() -> None:
    tap = Tap()
    for number, count in ((1, 2), (2, 5)):
        tap.arp(card(number), "10.0.0.9", "10.0.0.1")
        for _ in range(count):
            tap.udp((card(number), "10.0.0.9"), (card(3), "10.0.0.3"), b"x", (9, 10))
    rows = rows_of(opened(tap.packets).hosts())
    assert [row["macs"] for row in rows if row["address"] == "10.0.0.9"] == ["02:00:5e:00:00:02 | 02:00:5e:00:00:01"]


def test_what_comes_through_a_router() -> None:
    tap = Tap()
    for number in range(5):
        tap.udp((card(1), f"203.0.113.{number}"), (card(2), "10.0.0.2"), b"x", (9, 10))
        tap.udp((card(2), "10.0.0.2"), (card(1), f"203.0.113.{number}"), b"x", (10, 9))
    rows = {row["address"]: row for row in rows_of(opened(tap.packets).hosts())}
    assert rows["10.0.0.2"]["macs"] == "02:00:5e:00:00:02"
    assert rows["203.0.113.1"]["macs"] is None
    assert rows[None]["macs"] == "02:00:5e:00:00:01"  # nothing says which address it has
    assert rows[None]["roles"] == "gateway"


def test_without_ethernet_and_without_times() -> None:
    raw = [make.ipv4(make.udp(b"x", 9, 10)).octets]
    assert [row["address"] for row in rows_of(opened(raw, 101).hosts())] == ["10.0.0.1", "10.0.0.2"]
    frame = make.ethernet(make.ipv4(make.udp(b"x", 9, 10))).octets
    timeless = captures_ng.section() + captures_ng.interface() + captures_ng.simple(frame)
    found = pf.open(timeless, progress=False).hosts()
    assert found["first_seen"].tolist() == [None, None]
    assert found["packets_sent"].tolist() == [1, 0]


def test_lists_are_bounded_and_what_is_left_out_is_counted() -> None:
    tap = Tap()
    for number in range(40):
        request = b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a|%02d\r\n\r\n" % number
        tap.ip((card(1), "10.0.0.1"), (card(2), "10.0.0.2"), make.tcp(request, 50_000, 80))
    agents = of(opened(tap.packets).hosts(), "10.0.0.1")["agents"].split(" | ")
    assert agents == [f"a\\124{number:02}" for number in range(32)] + ["+8"]


def test_case_alone_makes_no_name() -> None:
    tap = Tap()
    for number, name in enumerate(["desk", "DESK", "Desk"]):
        token = in_smb2(authenticate("ann", "CORP", name))
        tap.ip((card(1), "10.0.0.1"), (card(2), "10.0.0.2"), make.tcp(token, 50_000 + number, 445))
    assert of(opened(tap.packets).hosts(), "10.0.0.1")["names"] == "DESK"


# --- the same however it is run --------------------------------------------------------------------------------------


def many() -> list[make.Packet]:
    tap = Tap()
    for number in range(400):
        one, other = card(number % 7), card(number % 5 + 8)
        tap.udp((one, f"10.0.{number % 3}.{number % 50}"), (other, f"10.9.0.{number % 11}"), b"x", (50_000, 53))
        tap.udp((other, f"10.9.0.{number % 11}"), (one, f"10.0.{number % 3}.{number % 50}"), b"y", (53, 50_000))
    return office() + tap.packets


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("rows", [1, 7, 1 << 19])
def test_threads_chunks_and_batches(threads: int, rows: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packets = many()
    expected = Hosts(packet_rows(opened(packets))).rows()
    monkeypatch.setattr(_hosts, "ROWS", rows)
    if rows == 1:
        packets, expected = packets[:60], Hosts(packet_rows(opened(packets[:60]))).rows()
    path = tmp_path / "a.pcap"
    path.write_bytes(make.pcap_bytes(packets))
    capture = pf.open(path, threads=threads, progress=False)
    object.__setattr__(capture._options, "chunk", 4096)
    assert rows_of(capture.hosts()) == expected
    stream = io.BytesIO(path.read_bytes())
    assert rows_of(pf.open(stream, threads=threads, progress=False).hosts()) == expected


def test_no_packets() -> None:
    assert opened([]).hosts().shape == (0, len(MADE) + 3)


def test_damage_is_told() -> None:
    data = make.pcap_bytes(office())[:-3]
    with pytest.warns(pf.CaptureWarning, match="cut"):
        assert len(pf.open(data, progress=False).hosts()) == 6
    with pytest.raises(pf.CaptureError):
        pf.open(data, progress=False, strict=True).hosts()


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["MOST_HOSTS", "MOST_PAIRS", "MOST_FACTS"])
def test_bounds_leave_out_what_comes_later(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tap = Tap()
    for number in range(1, 30):
        request = b"GET / HTTP/1.1\r\nHost: a%d\r\n\r\n" % number
        tap.ip((card(1), f"10.0.0.{number}"), (card(2), f"10.1.0.{number}"), make.tcp(request, 50_000, 80))
    monkeypatch.setattr(_hosts_seen, name, 8)
    with pytest.warns(pf.CaptureWarning, match="left out"):
        found = opened(tap.packets).hosts()
    if name == "MOST_HOSTS":
        assert {row["address"] for row in rows_of(found)} == {None, *(f"10.0.0.{number}" for number in range(1, 9))}
    else:
        assert len(found) == 59  # one is the router that the many addresses are behind
    assert found.provenance["options"]["hosts"]["left_out"]


def test_many_addresses_take_no_quadratic_time() -> None:
    def seconds(count: int) -> float:
        tap = Tap()
        for number in range(count):
            source = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            tap.udp((CARDS[0], source), (CARDS[1], "192.168.0.1"), b"x", (50_000, 53))
        return least(opened(tap.packets).hosts, tries=3)

    assert seconds(16_000) < 30 * seconds(1_600) + 0.1  # were it quadratic: 100


# --- frames and files ------------------------------------------------------------------------------------------------


def test_other_tables(hosts: pf.Frame, tmp_path: Path) -> None:
    rows = rows_of(hosts, hosts.columns)
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = hosts.to_pandas(strings="str")
    assert table["first_seen"].tolist() == [pandas.Timestamp(row["first_seen"], tz="UTC") for row in rows]
    assert table["users"].isna().tolist() == [row["users"] is None for row in rows]
    frame = make.ethernet(make.ipv4(make.udp(b"x", 9, 10))).octets
    data = captures_ng.section() + captures_ng.interface() + captures_ng.simple(frame)
    timeless = pf.open(data, progress=False).hosts()
    assert timeless.to_pandas()["first_seen"].isna().all()
    assert timeless[timeless["peers"] == 1][:1]["last_seen"].tolist() == [None]
    assert timeless[["first_seen", "address"]].to_dict() == {
        "first_seen": [None, None], "address": ["10.0.0.1", "10.0.0.2"],
    }  # fmt: skip
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    assert hosts.to_arrow().to_pydict()["packets_sent"] == [row["packets_sent"] for row in rows]
    assert timeless.to_arrow().to_pydict()["first_seen"] == [None, None]
    for suffix in ("parquet", "arrow", "csv", "json"):
        hosts.write(tmp_path / f"hosts.{suffix}")
        assert (tmp_path / f"hosts.{suffix}").stat().st_size > 0


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    path = tmp_path / "office.pcap"
    path.write_bytes(make.pcap_bytes(office()))
    assert cli.main(["hosts", str(path), "--rows", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("6 hosts")
    assert lines[3].split()[:2] == ["10.1.1.27", "DESK-27"]
    assert "  ... 4 more rows" in lines
    assert cli.main(["hosts", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    expected = pf.open(path).hosts()
    assert document["hosts"] == 6
    assert document["rows"] == rows_of(expected, expected.columns)
    assert cli.main(["hosts", str(path), "--where", "tcp_dstport=445", "-o", str(tmp_path / "hosts.csv")]) == 0
    with (tmp_path / "hosts.csv").open() as file:
        assert [row["address"] for row in csv.DictReader(file)] == ["10.1.1.4", "10.1.1.27"]
    assert cli.main(["hosts", str(path), "-o", str(tmp_path / "hosts.pcap")]) == 2


# --- findings and hits -----------------------------------------------------------------------------------------------


def test_hits_and_findings() -> None:
    capture = opened(office())
    table = capture.filter(tcp_dstport={80, 443}).packets(["ip_src", "ip_dst", "tcp_dstport"])
    found = capture.hosts(hits=table)
    count = str(len(table))
    assert of(found, "10.1.1.27")["hits"] == count
    assert of(found, "10.1.1.3")["hits"] is None
    assert found["findings"].tolist() == [None] * len(found)
    labelled = frame_of(
        {
            "source": ("text", ["10.1.1.27", "10.1.1.27", "10.1.1.27", None]),
            "target": ("text", ["203.0.113.9", None, "nowhere", "198.51.100.7"]),
            "detector": ("text", ["beacon", "beacon", "scan|all", "beacon"]),
        }
    )
    found = capture.hosts(findings=labelled)
    assert of(found, "10.1.1.27")["findings"] == "beacon (2) | scan\\124all (1)"
    assert of(found, "203.0.113.9")["findings"] == "beacon (1)"
    with pytest.raises(ValueError, match="no column that names hosts"):
        capture.hosts(findings=capture.packets(["frame_len"]))
    with pytest.raises(TypeError, match="hits= is a Frame"):
        capture.hosts(hits=[1])  # type: ignore[arg-type]


# --- tshark on real captures -----------------------------------------------------------------------------------------


def tshark_rows(path: Path) -> list[Row]:
    """What tshark shows of each packet, under our names, as far as it has them."""
    rows = []
    for cells in tshark_cells(path):
        layers = cells["frame.protocols"].split(":")
        row: Row = dict.fromkeys(_hosts_seen.COLUMNS)
        for field in COMPARED:
            if field.name in row:
                row[field.name] = value_of(field, cells[chosen(field, cells, layers)])
        for name, value in row.items():
            if name.startswith("ntlmssp_") and value == "NULL":
                row[name] = None
        transport = "tcp" if cells["tcp.srcport"] else "udp"
        for side in ("srcport", "dstport"):
            row[side] = int(cells[f"{transport}.{side}"]) if cells[f"{transport}.{side}"] else None
        row["nbns_name"] = None if row["nbns_name"] is None else re.sub(r"(<..>) \(.*", r"\1", row["nbns_name"])
        rows.append(row)
    return rows


REAL = [
    "markofu+pcaps/PracticalPacketAnalysis/ppa-capture-files/evilprogram.pcap",
    "OISF+suricata-verify/tests/dcerpc/dcerpc-ctxids/input.pcap",
    "OISF+suricata-verify/tests/krb5-krb5_msg_type/input.pcap",
    "debian+wireshark-4.0.17/test/captures/dhcp-nanosecond.pcap",
]


with_corpus = pytest.mark.skipif(
    not CORPUS, reason="PCAPFRAME_CORPUS does not name a folder with captures to compare with tshark"
)
with_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")


def same_by_tshark(path: Path) -> bool:
    """In all columns but those of TLS, mDNS and LLMNR, which have no fields in the comparison of columns."""
    capture = pf.open(path, progress=False)
    asked = [column for column in MADE if column not in ("tls_names", "asked_as")]
    if len(capture.filter(srcport={5353, 5355}).packets(["frame_number"])):
        asked.remove("names")
    theirs = [{column: row[column] for column in asked} for row in Hosts(tshark_rows(path)).rows()]
    return rows_of(capture.hosts(), asked) == theirs


@with_corpus
@with_tshark
@pytest.mark.parametrize("name", REAL)
def test_real_captures_by_tshark(name: str) -> None:
    path = Path(CORPUS or "") / "captures" / name
    if not path.exists():
        pytest.skip(f"the corpus has no {name}")
    assert same_by_tshark(path)


@pytest.mark.soak
@with_corpus
@with_tshark
@pytest.mark.filterwarnings("ignore::pcapframe.CaptureWarning")
def test_the_corpus() -> None:
    """All captures give what the twin gives. By tshark's reading those that name hosts give the same too, but for where
    it reads a packet otherwise (docs/differences.md): times beyond 63 bits, Kerberos within SMB, what is malformed.
    """
    files = sorted(path for path in (Path(CORPUS or "") / "captures").rglob("*") if path.is_file())
    compared = same = 0
    for path in files:
        if path.stat().st_size > 200_000:
            continue
        try:
            capture = pf.open(path, progress=False)
            found = capture.hosts()
        except pf.CaptureError:
            continue
        twin = Hosts(packet_rows(capture))
        assert rows_of(found) == twin.rows(), path
        if {"names", "users"} & twin.facts.keys():
            compared += 1
            same += same_by_tshark(path)
    assert compared > 20
    assert same >= 0.9 * compared
