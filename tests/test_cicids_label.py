"""Labels by a schedule, against a slow twin and the published ones."""

from __future__ import annotations

import csv
import ipaddress
import random
from pathlib import Path
from typing import Any

import pytest

import pcapframe as pf
from model_tables import CORPUS, needs_corpus
from pcapframe import _cicids_label
from pcapframe._times import nanoseconds

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def slow_label(flows: list[dict[str, Any]], schedule: list[dict[str, str]], both: bool, floor: int = 1000) -> list[str]:
    """Labels by asking every rule about every flow, as the schedule is read by a person."""

    def fits_address(text: str, address: str) -> bool:
        for item in text.split(";"):
            head, _, last = item.rpartition(".")
            if "-" in last:
                low, high = map(int, last.split("-"))
                if address.rpartition(".")[0] == head and low <= int(address.rpartition(".")[2]) <= high:
                    return True
            elif "/" in item:
                if ipaddress.ip_address(address) in ipaddress.ip_network(item):
                    return True
            elif item == address:
                return True
        return not text

    def fits_port(text: str, port: int) -> bool:
        return not text or str(port) in text.split(";")

    labels = []
    for flow in flows:
        found, weak, silent = "", "", False
        for rule in schedule:
            start, end = nanoseconds("", rule["start"]) // floor * floor, nanoseconds("", rule["end"])
            if not start <= flow["flow_start"] <= end:
                continue
            if rule["proto"] and {"tcp": 6, "udp": 17}[rule["proto"]] != flow["Protocol"]:
                continue
            for swapped in (False, True) if both else (False,):
                a, b = ("Destination", "Source") if swapped else ("Source", "Destination")
                if not (fits_address(rule["src"], flow[f"{a} IP"]) and fits_address(rule["dst"], flow[f"{b} IP"])):
                    continue
                if not (fits_port(rule["sport"], flow[f"{a} Port"]) and fits_port(rule["dport"], flow[f"{b} Port"])):
                    continue
                if rule["not_sport"] and fits_port(rule["not_sport"], flow[f"{a} Port"]):
                    continue
                way = "Backward" if swapped else "Fwd"
                if flow[f"Total {way} Packets"] < int(rule["min_fwd_packets"] or 0):
                    weak = weak or rule["label"]
                elif not found:
                    found = rule["label"]
                    longest = flow[f"{'Bwd' if swapped else 'Fwd'} Packet Length Max"]
                    silent = flow["Protocol"] == 6 and longest == 0 and "scan" not in found.lower()
        label = found or weak or "BENIGN"
        tried = (silent or not found) and label != "BENIGN" and not label.endswith("Attempted")
        labels.append(f"{label} - Attempted" if tried else label)
    return labels


def shipped() -> list[dict[str, str]]:
    text = (Path(pf.__file__).parent / "data" / "cicids2017_schedule.csv").read_text()
    return list(csv.DictReader(text.splitlines()))


def some_flows(seed: int, count: int) -> Any:
    """Flows near the rules: most of each fits, and something may not."""
    r, rules, rows = random.Random(seed), shipped(), []
    for _ in range(count):
        rule = r.choice(rules)
        start, end = nanoseconds("", rule["start"]), nanoseconds("", rule["end"])
        when = r.choice([start, end, r.randint(start, end), start - 1000, end + 1000, r.randint(start, end)])
        src = r.choice(rule["src"].split(";"))
        dst = r.choice(rule["dst"].split(";")).split("-")[0]
        ports = [r.choice([x for x in (rule["sport"] + ";" + rule["not_sport"]).split(";") if x] + ["4444", "50000"])]
        ports.append(r.choice([rule["dport"] or "8080", "80", "21"]))
        flow = {
            "Source IP": src, "Source Port": int(ports[0]), "Destination IP": dst, "Destination Port": int(ports[1]),
            "Protocol": r.choice([6, 6, 6, 17]), "flow_start": when // 1000 * 1000 + r.choice([0, 0, 1000]),
            "Total Fwd Packets": r.choice([1, 20, 21, 149, 150, 200]), "Total Backward Packets": r.choice([0, 21, 160]),
            "Fwd Packet Length Max": r.choice([0, 90]), "Bwd Packet Length Max": r.choice([0, 90]),
        }  # fmt: skip
        if r.random() < 0.3:
            for a, b in (("Source IP", "Destination IP"), ("Source Port", "Destination Port")):
                flow[a], flow[b] = flow[b], flow[a]
        rows.append(flow)
    return pd.DataFrame(rows)


@pytest.mark.parametrize("both", [False, True])
def test_labels_are_those_of_the_slow_twin(both: bool) -> None:
    flows = some_flows(8 + both, 1500)
    labelled = pf.cicids.label(flows, both_directions=both)
    expected = slow_label(flows.to_dict("records"), shipped(), both)
    assert labelled["Label"].tolist() == expected
    assert len(set(expected)) > 20
    for how in ("attack", "benign"):
        other = pf.cicids.label(flows, both_directions=both, attempted=how)["Label"].tolist()
        for wanted, found in zip(expected, other, strict=True):
            if how == "attack" and not wanted.startswith("Bot"):  # of which attempts have a rule of their own
                assert found == wanted.removesuffix(" - Attempted")
            elif how == "benign" and not wanted.startswith("Bot"):
                assert found == ("BENIGN" if wanted.endswith(" - Attempted") else wanted)


def test_made_up_tables_have_the_labels_of_the_schedule(loaded: Any) -> None:
    """Their times are to the minute, on a clock of 12 hours; only attacks were drawn between attackers and victims."""
    labelled = pf.cicids.label(loaded)
    assert labelled["Label"].tolist() == loaded["Label"].tolist()
    report = pf.cicids.report(labelled, "label")
    assert report["matched by no rule"] == int((loaded["Label"] == "BENIGN").sum())
    assert report["matched by rules of different labels"] == 0
    assert any(note.startswith("no flow: Bot - Attempted") for note in report.notes)


@needs_corpus
def test_real_labels_are_those_of_the_schedule() -> None:
    table = pf.cicids.load(Path(str(CORPUS), "tables", "derived", "cicids2017_improved_shared.csv.gz"))
    ours = pf.cicids.label(table)["Label"].astype(str)
    names = {"Botnet": "Bot", "DoS Slowloris": "DoS slowloris", "Portscan": "PortScan"}
    names["Web Attack - SQL Injection"] = "Web Attack - Sql Injection"
    theirs = table["Label"].astype(str).replace(names)
    assert ours.tolist() == theirs.tolist()


TRUTH = """\
capture,label,attacker_ip,victim_ip,victim_port,proto,start_utc,end_utc,first_packet_utc,last_packet_utc
a.pcap,scan,10.0.0.66,10.0.0.0/25,"22,80-81",tcp,2026-11-24T02:00:00Z,2026-11-24T02:10:00Z,2026-11-24T02:01:00Z,2026-11-24T02:02:00Z
a.pcap,flood,10.0.0.150-189,10.0.0.10,443,tcp,2026-11-24T03:00:00Z,2026-11-24T03:10:00Z,,
a.pcap,benign,,10.0.0.10,*,tcp,2026-11-24T02:00:00Z,2026-11-24T03:10:00Z,,
b.pcap,spoof,10.0.0.66,10.0.0.1,*,arp,2026-11-24T02:00:00Z,2026-11-24T03:10:00Z,,
d.pcap,benign,,10.0.0.10,*,tcp,2026-11-24T02:00:00Z,2026-11-24T03:10:00Z,,
b.pcap,scan_syn,fd20:30::66,fd20:30::10,*,tcp,2026-11-24T02:00:00Z,2026-11-24T03:10:00Z,,
"""


def test_a_truth_of_the_lab(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(TRUTH)
    rows = [
        ("10.0.0.66", 4000, "10.0.0.10", 80, 6, "2026-11-24T02:01:30Z", "scan"),
        ("10.0.0.10", 80, "10.0.0.66", 4000, 6, "2026-11-24T02:01:30Z", "scan"),  # the victim's side
        ("10.0.0.10", 0, "10.0.0.66", 0, 1, "2026-11-24T02:01:30Z", "scan"),  # port unreachable
        ("10.0.0.66", 4000, "10.0.0.10", 80, 6, "2026-11-24T02:00:30Z", "BENIGN"),  # before the first packet
        ("10.0.0.66", 4000, "10.0.0.200", 80, 6, "2026-11-24T02:01:30Z", "BENIGN"),  # not in the network
        ("10.0.0.66", 4000, "10.0.0.10", 443, 6, "2026-11-24T02:01:30Z", "BENIGN"),
        ("10.0.0.150", 9, "10.0.0.10", 443, 6, "2026-11-24T03:10:00Z", "flood"),
        ("10.0.0.190", 9, "10.0.0.10", 443, 6, "2026-11-24T03:05:00Z", "BENIGN"),
        ("10.0.0.66", 9, "10.0.0.1", 443, 17, "2026-11-24T02:30:00Z", "BENIGN"),
        ("fd20:30::66", 9, "fd20:30::10", 443, 6, "2026-11-24T02:30:00Z", "scan_syn"),
    ]
    names = ["Source IP", "Source Port", "Destination IP", "Destination Port", "Protocol", "flow_start", "expected"]
    flows = pd.DataFrame(rows, columns=names)
    flows["flow_start"] = [
        nanoseconds("", text) + 7_000_001_000 * (k == 0) for k, text in enumerate(flows["flow_start"])
    ]
    labelled = pf.cicids.label(flows, path)
    assert labelled["Label"].tolist() == flows["expected"].tolist()
    assert set(pf.cicids.label(flows, path, capture="d.pcap")["Label"]) == {"BENIGN"}
    only = pf.cicids.label(flows, path, capture="b.pcap")["Label"].tolist()
    assert only == ["BENIGN"] * 9 + ["scan_syn"]
    with pytest.raises(ValueError, match=r"truth\.csv: no row of 'c\.pcap' in it"):
        pf.cicids.label(flows, path, capture="c.pcap")


def test_rules_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    line = "2017-07-04T12:00:00Z,2017-07-04T13:00:00Z,10.0.0.1,,,,,,,"
    path.write_text(",".join(_cicids_label.COLUMNS) + f"\n{line}A\n{line}B\n")
    flows = pd.DataFrame({
        "Source IP": ["10.0.0.1"], "Source Port": [1], "Destination IP": ["10.0.0.2"], "Destination Port": [2],
        "Timestamp": pd.to_datetime(["2017-07-04T12:30:00.5Z"]),
    })  # fmt: skip
    labelled = pf.cicids.label(flows, path)
    assert labelled["Label"].tolist() == ["A"]
    assert pf.cicids.report(labelled)["matched by rules of different labels"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no schedule: the column 'start' is missing"),
        ("{names}\n", "no row in it"),
        ("{names}\nyesterday,2017-07-04T13:00:00Z,,,,,,,,A\n", "line 2: start: 'yesterday' is no time"),
        ("{names}\n2017-07-04T13:00:00Z,2017-07-04T12:00:00Z,,,,,,,,A\n", "line 2: the end"),
        ("{names}\n2017-07-04T12:00:00Z,2017-07-04T13:00:00Z,10.0.0,,,,,,,A\n", "line 2: '10.0.0' does not appear"),
        ("{names}\n2017-07-04T12:00:00Z,2017-07-04T13:00:00Z,,,,99999,,,,A\n", "line 2: '99999' is no port"),
        ("{names}\n2017-07-04T12:00:00Z,2017-07-04T13:00:00Z,,,,,,,,\n", "line 2: no label"),
        ("{names}\n2017-07-04T12:00:00Z,2017\n", "line 2: 10 fields are needed"),
    ],
)
def test_bad_schedules(tmp_path: Path, loaded: Any, text: str, message: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text.replace("{names}", ",".join(_cicids_label.COLUMNS)))
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        pf.cicids.label(loaded, path)
    assert message in str(caught.value)


def test_flows_that_cannot_be_labelled(loaded: Any) -> None:
    with pytest.raises(ValueError, match="no column 'Source IP'; MachineLearningCVE lacks addresses"):
        pf.cicids.label(loaded.drop(columns="Source IP"))
    with pytest.raises(ValueError, match="there is no Timestamp or flow_start"):
        pf.cicids.label(loaded.drop(columns="Timestamp"))
    with pytest.raises(ValueError, match="Timestamp holds text"):
        pf.cicids.label(loaded.assign(Timestamp="7/7/2017 3:56"))
    with pytest.raises(ValueError, match="attempted: None or 'apart' or 'attack' or 'benign', not 'x'"):
        pf.cicids.label(loaded, attempted="x")
