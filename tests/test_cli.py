"""The command: every verb, every exit code, what it prints and what it must not."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import captures as make
import pcapframe as pf
from pcapframe import _check, _commands, _display, _export, _text, _tshark, cli

LAB = str(Path(__file__).parents[1] / "examples" / "lab.pcap")

needs_tshark = pytest.mark.skipif(_tshark.TSHARK is None, reason="tshark is not installed")
needs_scapy = pytest.mark.skipif(importlib.util.find_spec("scapy") is None, reason="scapy is not installed")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "100")

    def command(*arguments: str | os.PathLike[str]) -> tuple[int, str, str]:
        code = cli.main([os.fspath(argument) for argument in arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return command


def started(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pcapframe", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A capture that ends within a record."""
    path = tmp_path / "cut.pcap"
    path.write_bytes(Path(LAB).read_bytes()[:1_000_001])
    return path


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A capture without packets."""
    path = tmp_path / "empty.pcap"
    path.write_bytes(Path(LAB).read_bytes()[:24])
    return path


# --- the command itself ----------------------------------------------------------------------------------------------


def test_alone_says_what_to_do_first(run: Run) -> None:
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err.count("\n  pcapframe ") == 5
    assert "pcapframe VERB --help" in err


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"pcapframe {pf.__version__}\n", "")


@pytest.mark.parametrize("verb", ["info", "counts", "select", "check"])
def test_help_of_each_verb_has_an_example(run: Run, verb: str) -> None:
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert f"example:\n  pcapframe {verb} " in out
    assert verb in run("--help")[1]


def test_module_and_script_are_the_same_command() -> None:
    done = started("info", LAB)
    out, err = done.communicate()
    assert (done.returncode, err) == (0, "")
    assert "1.76 MB (1,756,953 octets)" in out
    script = shutil.which("pcapframe", path=os.path.dirname(sys.executable))
    if script is None:
        pytest.skip("the package is not installed as a command beside this interpreter")
    assert subprocess.run([script, "info", LAB], capture_output=True, text=True).stdout == out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch"], "no verb 'nosuch'"),
        (["inf", LAB], "no verb 'inf'; did you mean info"),
        ([LAB], "a verb comes first, such as: pcapframe info"),
        (["cicids", "lod"], "no part 'lod'; did you mean load"),
        (["--threads", "2"], "no verb '2'"),
        (["info", LAB, "--ful"], "no option --ful; did you mean --full"),
        (["--json"], "no option --json here: options follow the verb"),
        (["info", LAB, "--threads", "x"], "--threads: 'x': a whole number is needed (pcapframe info --help)"),
        (["info"], "FILE"),
        (["info", "nosuch.pcap"], "nosuch.pcap: No such file or directory"),
        (["info", "nosuch-*.pcap"], "no file matches"),
        (["info", __file__], "is no capture"),
        (["info", os.path.dirname(__file__)], "directory"),
        (["info", "-", LAB], "stands alone"),
        (["info", LAB, "--threads", "0"], "error: --threads: "),
        (["counts", LAB, "--sigma", "nan"], "a number is needed"),
        (["counts", LAB, "--top", "-1"], "a whole number is needed"),
        (["counts", LAB, "--kind", "dns,tls"], "dns, ip or seq"),
        (["counts", LAB, "--dns-rule", "full"], "--dns-rule: empty or nxdomain, not 'full'"),
        (["counts", LAB, "-o", "counts.xlsx"], ".csv or .json"),
        (["counts", LAB, "--by", "ip_src", "-o", "counts.xlsx"], ".csv or .json"),
        (["counts", LAB, "--by", "ip_srx"], "did you mean ip_src"),
        (["counts", LAB, "--by", "ip_src", "--kind", "dns"], "--kind is about the indicator counts"),
        (["counts", LAB, "--by", "ip_src", "--top", "0"], "--top: a whole number, 1 or more"),
        (["counts", LAB, "--every", "soon"], "error: --every: 'soon' is no length of time"),
        (["counts", LAB, "--every", "5"], "--every: '5', which needs a unit"),
        (["counts", LAB, "--sum", "ip_src"], "--sum: ip_src is text"),
        (["counts", LAB, "--approx"], "--approx: is about --distinct"),
        (["flows", LAB, "--variant", "cic"], "--variant: corrected or cic2017, not 'cic'; did you mean cic2017"),
        (["flows", LAB, "--extra", "tsl"], "--extra: some of tls, "),
        (["detect", LAB, "--only", "scan_sin"], "--only: no rule or kind 'scan_sin'; did you mean scan_syn"),
        (["detect", LAB, "--set", "count_sigm=3"], "--set: no threshold 'count_sigm'; did you mean count_sigma"),
        (["detect", LAB, "--window", "ten"], "--window: "),
        (["info", LAB, "--filter", "tcp.dstport == 80"], "written --where tcp_dstport=80"),
        (["info", LAB, "--where", "frame_time=yesterday"], "'yesterday' is no time such as"),
        (["capture", "lo", "--rotate", "1h"], "--rotate: needs -o"),
        (["capture", "lo", "--keep", "2"], "--keep: needs --rotate"),
        (["capture", "lo", "--octets", "much"], "--octets: octets such as"),
        (["capture", "lo", "--seconds", "soon"], "--seconds: 'soon': seconds, or a length of time"),
        (["match", LAB], "--indicators is needed"),
        (["match", "--indicators", LAB], "FILE is needed"),
        (["report", LAB], "-o is needed"),
        (["counts", LAB, "-o", "nosuch/counts.csv"], "No such folder"),
        (["select", LAB], "keys are needed"),
        (["select", LAB, "--kind", "ip", "--ip", "192.0.2.1"], "--auto"),
        (["select", LAB, "--ip", "192.0.2"], "is no IP address"),
        (["select", LAB, "--seq", "1,x"], "whole numbers"),
        (["select", LAB, "--seq", "1,,2"], "none of them empty"),
        (["select", LAB, "--ip", "192.0.2.1", "--columns", "ip_sorc"], "ip_src"),
        (["select", LAB, "--ip", "192.0.2.1", "-o", "out.docx"], "can be written"),
        (["select", LAB, "--ip", "192.0.2.1", "-o", LAB], "is the capture that is read"),
        (["check", LAB], "--against"),
        (["check", LAB, "--against", "tcpdump"], "tshark or scapy, not 'tcpdump'"),
    ],
)
def test_wrong_use_and_unusable_input_is_one_line(run: Run, arguments: list[str], said: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("pcapframe: error: ")
    assert err.count("\n") == 1
    assert said in err


def test_filter_is_there_when_open_has_it(run: Run) -> None:
    if not cli._has_filter():
        pytest.skip("this build has no open(filter=)")
    for verb in (["info", "--full"], ["counts"], ["select", "--ip", "203.0.113.9"]):
        assert run(*verb, LAB, "--filter", "tcp port 80", "--json")[0] == 0
        assert run(*verb, LAB, "--filter", "tcp prot 80")[0] == 2


# --- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [["info", "--full"], ["counts"], ["select", "--auto", "3"], ["select", "--ip", "::1"]])
def test_damage_is_one_line_and_what_is_readable_is_returned(run: Run, cut: Path, verb: list[str]) -> None:
    code, out, err = run(*verb, cut, "--json")
    assert code == 1
    assert err.startswith("pcapframe: warning: ")
    assert err.count("\n") == 1
    assert json.loads(out)["files"] == [str(cut)]
    assert run(*verb, cut)[0] == 1
    code, out, err = run(*verb, cut, "--strict")
    assert (code, out) == (2, "")
    assert err.startswith("pcapframe: error: ")


def test_a_file_that_is_no_capture_is_left_out_with_a_warning(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(Path(LAB).read_bytes())
    (tmp_path / "b.pcap").write_text("nothing of the kind")
    code, out, err = run("info", tmp_path / "*.pcap", "--full", "--json")
    assert code == 1
    assert "b.pcap" in err
    assert [fault["kind"] for fault in json.loads(out)["faults"]] == ["unusable"]


# --- info ------------------------------------------------------------------------------------------------------------


def test_info(run: Run) -> None:
    code, out, err = run("info", LAB, "--full")
    assert (code, err) == (0, "")
    told = {line[:14].strip(): line[14:] for line in out.splitlines()}
    assert told["packets"] == "15,753"
    assert told["size"] == "1.76 MB (1,756,953 octets)"
    assert told["last packet"].startswith("20")
    assert told["duration"] == "22.7 s"
    code, out, _ = run("info", LAB, "--full", "--json")
    info = pf.open(LAB).info(full=True)
    told = json.loads(out)
    assert (told["packets"], told["octets"], told["first_time"]) == (info.packets, info.octets, info.first_time)
    assert {"files", "format", "link_types", "interfaces", "last_time", "faults", "packet_faults"} <= told.keys()
    told = json.loads(run("info", LAB, "--json")[1])
    assert told["packets"] is None
    assert told["interfaces"][0]["link_type"] == "ETHERNET"


def test_info_of_a_capture_without_packets(run: Run, empty: Path) -> None:
    assert "unknown" in run("info", empty, "--full")[1]
    assert json.loads(run("info", empty, "--full", "--json")[1])["packets"] == 0


# --- counts ----------------------------------------------------------------------------------------------------------


def test_counts(run: Run) -> None:
    code, out, err = run("counts", LAB, "--top", "3")
    assert (code, err) == (0, "")
    counts = pf.open(LAB).ioc_counts()
    for key, count in counts.ip.top(3):
        assert f"{key}" in out
        assert f"{count:,}" in out
    assert "... 61 more keys" in out
    assert max(map(len, out.splitlines())) <= 100
    told = json.loads(run("counts", LAB, "--json", "--sigma", "2", "--seq-rule", "data")[1])
    counts = pf.open(LAB).ioc_counts(seq_rule="data")
    for kind, ours in zip(("dns", "ip", "seq"), counts, strict=True):
        threshold = pf.set_threshold(ours, 2)
        of_kind = told["counts"][kind]
        assert {pair["key"] for pair in of_kind["suspicious"]} == pf.eval_packets(threshold, ours)
        assert (of_kind["keys"], of_kind["packets"]) == (len(ours), sum(ours.values()))
        assert of_kind["threshold"] == float(threshold)
        assert [(pair["key"], pair["count"]) for pair in of_kind["top"]] == ours.top(10)


def test_counts_tells_what_it_did_not_show(run: Run) -> None:
    code, out, _ = run("counts", LAB, "--top", "1", "--kind", "seq", "--sigma", "0")
    assert code == 0
    assert "dns" not in out
    assert "of them suspicious" in out
    assert "\n" in run("counts", LAB, "--top", "0")[1]


def test_counts_of_a_capture_without_packets(run: Run, empty: Path) -> None:
    code, out, _ = run("counts", empty)
    assert code == 0
    assert out.count("none suspicious") == 3
    told = json.loads(run("counts", empty, "--json")[1])
    assert told["counts"]["ip"]["threshold"] == 25
    assert told["counts"]["ip"]["top"] == []


def test_counts_are_written_whole(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("counts", LAB, "-o", tmp_path / "counts.csv")
    assert code == 0
    assert "counts.csv" in out
    with (tmp_path / "counts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    counts = pf.open(LAB).ioc_counts()
    for kind in ("dns", "ip", "seq"):
        ours = getattr(counts, kind)
        assert {row["key"]: int(row["count"]) for row in rows if row["kind"] == kind} == {
            str(key): count for key, count in ours.items()
        }
        suspicious = {row["key"] for row in rows if row["kind"] == kind and row["suspicious"] == "1"}
        assert suspicious == {str(key) for key in pf.eval_packets(pf.set_threshold(ours), ours)}
    run("counts", LAB, "-o", tmp_path / "counts.json", "--kind", "dns")
    told = json.loads((tmp_path / "counts.json").read_text())
    assert len(told["rows"]) == told["counts"]["dns"]["keys"]
    assert {path.name for path in tmp_path.iterdir()} == {"counts.csv", "counts.json"}


def test_several_files_are_one_capture(run: Run) -> None:
    told = json.loads(run("counts", LAB, LAB, "--json")[1])
    assert told["files"] == [LAB, LAB]
    assert told["counts"]["ip"]["packets"] == 2 * json.loads(run("counts", LAB, "--json")[1])["counts"]["ip"]["packets"]


def test_counts_by_fields(run: Run) -> None:
    code, out, err = run("counts", LAB, "--by", "ip_src,protocol", "--sum", "frame_len", "--distinct", "tcp_dstport")
    assert (code, err) == (0, "")
    frame = pf.open(LAB).count("ip_src", "protocol", sum="frame_len", distinct="tcp_dstport")
    lines = [line.split() for line in out.splitlines() if line]
    assert lines[1] == frame.columns
    assert lines[2:12] == [[str(cell) for cell in row] for row in zip(*frame[:10].to_dict().values(), strict=True)]
    assert out.endswith(f"... {len(frame) - 10:,} more rows\n")
    shown = run("counts", LAB, "--by", "ip_src", "--top", "12")[1]
    assert len(shown.splitlines()) == 3 + 12
    assert len(run("counts", LAB, "--by", "ip_src", "--rows", "4")[1].splitlines()) == 3 + 4 + 1
    assert "15,753" not in run("counts", LAB, "--every", "1d")[1]  # numbers as they are, to be copied


def test_counts_by_fields_as_json_and_in_files(run: Run, tmp_path: Path) -> None:
    asked = ("--by", "protocol", "--every", "1min", "--mean", "frame_len", "--gaps", "--fill", "--keep-nulls")
    told = json.loads(run("counts", LAB, *asked, "--json")[1])
    frame = pf.open(LAB).count("protocol", every="1min", mean="frame_len", gaps=True, fill=True, dropna=False)
    rows = [dict(zip(frame.columns, row, strict=True)) for row in zip(*frame.to_dict().values(), strict=True)]
    assert told["rows"] == rows
    assert (told["by"], told["every"], told["mean"], told["gaps"]) == (["protocol"], 60 * 10**9, ["frame_len"], True)
    assert told["groups"] == len(rows)
    code, out, _ = run("counts", LAB, *asked, "-o", tmp_path / "by.json")
    assert code == 0
    assert "by.json" in out
    assert json.loads((tmp_path / "by.json").read_text())["rows"] == rows
    run("counts", LAB, *asked, "-o", tmp_path / "by.csv")
    with (tmp_path / "by.csv").open(newline="") as file:
        read = list(csv.reader(file))
    assert read[0] == frame.columns
    assert [row[2] for row in read[1:]] == [str(row["count"]) for row in rows]
    assert "rows" not in json.loads(run("counts", LAB, *asked, "--json", "-o", tmp_path / "by.csv")[1])


# --- select ----------------------------------------------------------------------------------------------------------


def test_select_shows_first_rows_and_value_counts(run: Run) -> None:
    code, out, err = run("select", LAB, "--ip", "203.0.113.9", "--rows", "2")
    assert (code, err) == (0, "")
    assert "903 packets counted" in out
    assert "... 901 more rows" in out
    assert "not shown, for want of room: " in out
    assert max(map(len, out.splitlines())) <= 100
    out = run("select", LAB, "--ip", "203.0.113.9", "--columns", "ip_dst,tcp_dstport,tcp_len")[1]
    assert "\n  ip_dst      packets\n" in out
    assert "\n  tcp_dstport  packets\n" in out
    assert "frame_time" not in out


def test_select_gives_what_the_method_gives(run: Run) -> None:
    keys = ["--dns", "198.51.100.66", "--ip", "203.0.113.9,192.0.2.22", "--ip", "::1", "--seq", "424242,0x67933"]
    told = json.loads(run("select", LAB, *keys, "--columns", "frame_number,frame_time,ip_src", "--json")[1])
    ours = pf.open(LAB).select(
        dns=["198.51.100.66"],
        ip=["203.0.113.9", "192.0.2.22", "::1"],
        seq=[424242, 0x67933],
        columns=["frame_number", "frame_time", "ip_src"],
    )
    assert told["packets"] == len(ours) == len(told["rows"])
    assert {name: [row[name] for row in told["rows"]] for name in ours.columns} == ours.to_dict()


def test_select_finds_the_keys_itself(run: Run, tmp_path: Path) -> None:
    told = json.loads(run("select", LAB, "--auto", "3", "--json")[1])
    counts = pf.open(LAB).ioc_counts()
    expected = {
        kind: pf.eval_packets(pf.set_threshold(getattr(counts, kind)), getattr(counts, kind))
        for kind in ("dns", "ip", "seq")
    }
    assert {kind: set(keys) for kind, keys in told["keys"].items()} == expected
    assert told["packets"] == len(pf.open(LAB).select(**expected))
    told = json.loads(run("select", LAB, "--auto", "3", "--kind", "dns", "--ip", "192.0.2.22", "--json")[1])
    assert told["keys"] == {"dns": list(expected["dns"]), "ip": ["192.0.2.22"], "seq": []}
    out = run("select", LAB, "--auto", "3", "-o", tmp_path / "out.pcap")[1]
    assert pf.open(tmp_path / "out.pcap").info(full=True).packets == len(pf.open(LAB).select(**expected))
    assert "11,184 packets" in out


def test_select_writes_rows(run: Run, tmp_path: Path) -> None:
    run("select", LAB, "--seq", "424242", "--columns", "frame_time,ip_src,dns_flags_rcode", "-o", tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["frame_time", "ip_src", "dns_flags_rcode"]
    assert len(rows) == 3001
    assert rows[1][0].startswith("2026-")
    assert rows[1][0].endswith("Z")
    assert rows[1][1:] == ["203.0.113.66", ""]
    run("select", LAB, "--seq", "424242", "-o", tmp_path / "a.json")
    assert len(json.loads((tmp_path / "a.json").read_text())["rows"]) == 3000


def test_select_of_nothing(run: Run, empty: Path, tmp_path: Path) -> None:
    assert "0 packets" in run("select", LAB, "--ip", "192.0.2.250")[1]
    assert json.loads(run("select", LAB, "--ip", "192.0.2.250", "--json")[1])["rows"] == []
    code, out, _ = run("select", empty, "--auto", "3", "-o", tmp_path / "none.pcap")
    assert (code, "0 packets" in out) == (0, True)
    assert pf.open(tmp_path / "none.pcap").info(full=True).packets == 0


def test_value_counts_leaves_null_out() -> None:
    frame = pf.open(LAB).packets(["ip_src", "tcp_dstport"])
    for name in frame.columns:
        values, others = _commands.value_counts(frame[name], 5)
        expected = frame[name].to_pandas().value_counts() if importlib.util.find_spec("pandas") else None
        if expected is not None:
            assert [count for _, count in values] == expected.head(5).tolist()
            assert all(expected[value] == count for value, count in values)
            assert others == (expected > 0).sum() - 5


# --- check -----------------------------------------------------------------------------------------------------------


@needs_tshark
def test_check_against_tshark(run: Run, cut: Path, empty: Path) -> None:
    code, out, err = run("check", LAB, "--against", "tshark", "--sample", "900")
    assert (code, err) == (0, "")
    assert "no unexplained difference" in out
    told = json.loads(run("check", LAB, "--against", "tshark", "--sample", "500", "--json")[1])
    assert told["ok"] is True
    assert (told["compared"], told["packets"]["ours"]) == (500, 15_753)
    assert told["packets"]["theirs"] in (15_753, None)  # without capinfos only the sample is read
    shares = {line["name"]: line for line in told["columns"]}
    assert shares["frame_time"] == {"name": "frame_time", "equal": 500, "known": 0, "different": 0}
    assert run("check", cut, "--against", "tshark", "--sample", "100")[0] == 1
    assert "no values to compare" in run("check", empty, "--against", "tshark")[1]


@needs_tshark
def test_check_tells_a_planted_difference(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = _tshark.tshark_row

    def planted(cells: dict[str, list[str]]) -> _tshark.Row:
        row = honest(cells)
        return row | {"ip_ttl": 7} if row["frame_number"] == 2 else row

    monkeypatch.setattr(_tshark, "tshark_row", planted)
    code, out, err = run("check", LAB, "--against", "tshark", "--sample", "3")
    assert (code, err) == (3, "")
    assert "packet 5,252, ip_ttl: ours None, tshark 7 (eth:ethertype:arp)" in out
    code, out, _ = run("check", LAB, "--against", "tshark", "--sample", "0", "--json")
    told = json.loads(out)
    assert (code, told["ok"], len(told["different"])) == (3, False, 1)
    assert {key: told["different"][0][key] for key in ("name", "frame_number", "theirs")} == {
        "name": "ip_ttl",
        "frame_number": 2,
        "theirs": 7,
    }


@needs_tshark
def test_check_tells_missing_packets(run: Run, cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_check, "_count", lambda files: 15_754)
    code, out, _ = run("check", LAB, "--against", "tshark", "--sample", "10")
    assert code == 3
    assert "packets: ours 15,753, tshark 15,754" in out
    code, out, _ = run("check", cut, "--against", "tshark", "--sample", "10")
    assert code == 1
    assert "packets: readers end a damaged file at different places" in out


def test_check_without_the_other_tool(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tshark, "TSHARK", None)
    monkeypatch.setitem(sys.modules, "scapy.all", None)
    for tool, how in (("tshark", "apt install"), ("scapy", "pip install scapy")):
        code, out, err = run("check", LAB, "--against", tool)
        assert (code, out) == (2, "")
        assert how in err
        assert err.count("\n") == 1


@needs_tshark
def test_check_needs_a_file(run: Run, tmp_path: Path) -> None:
    with subprocess.Popen(["cat", LAB], stdout=subprocess.PIPE) as source:
        done = started("check", "-", "--against", "tshark", stdin=source.stdout)
        _, err = done.communicate()
    assert done.returncode == 2
    assert "a stream cannot be compared" in err


@needs_scapy
def test_check_against_scapy(run: Run, cut: Path) -> None:
    if not len(pf.open(LAB).ioc_counts(compat="scapy").ip):
        pytest.skip("this build does not count as scapy does")
    for sample in ("400", "0"):
        code, out, _ = run("check", LAB, "--against", "scapy", "--sample", sample)
        assert code == 0, out
        assert "no unexplained difference" in out
    short = cut.with_name("short.pcap")
    short.write_bytes(Path(LAB).read_bytes()[: 24 + 5000])
    code, out, _ = run("check", short, "--against", "scapy", "--json")
    assert code == 1, out
    assert _check._DAMAGED in {one["reason"] for one in json.loads(out)["known"]}


@needs_scapy
def test_check_tells_what_scapys_reader_does_otherwise(run: Run, tmp_path: Path) -> None:
    packets = [make.ethernet(make.ipv4(make.udp(bytes(size)))).octets for size in (20, 30, 40)]
    file = make.pcap_bytes(packets)
    (tmp_path / "cut.pcap").write_bytes(file[:-5])
    code, out, _ = run("check", tmp_path / "cut.pcap", "--against", "scapy")
    assert code == 1, out
    assert "1 packets: readers end a damaged file" in out
    assert "ip: scapy delivers what follows the fault" in out
    (tmp_path / "kuznetzov.pcap").write_bytes(make.pcap_bytes(packets, magic="kuznetzov"))
    code, out, _ = run("check", tmp_path / "kuznetzov.pcap", "--against", "scapy")
    assert code == 0, out  # scapy refuses the file, not a copy of its packets
    (tmp_path / "fcs.pcap").write_bytes(make.pcap_bytes(packets, 4 << 28 | 1 << 26 | 1))
    code, out, _ = run("check", tmp_path / "fcs.pcap", "--against", "scapy")
    assert (code, "no keys to compare" in out) == (0, True), out


@needs_scapy
def test_check_tells_a_planted_difference_to_scapy(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = _check.scapy_keys
    seen = []

    def planted(packet: Any) -> tuple[Any, Any, Any]:
        seen.append(packet)
        return (None, "192.0.2.250", None) if len(seen) == 2 else honest(packet)

    monkeypatch.setattr(_check, "scapy_keys", planted)
    code, out, _ = run("check", LAB, "--against", "scapy", "--sample", "3", "--json")
    told = json.loads(out)
    assert (code, told["ok"]) == (3, False)
    wrong = {"name": "ip", "frame_number": 5252, "ours": 0, "theirs": 1, "key": "192.0.2.250"}
    assert wrong in told["different"]


# --- the shell -------------------------------------------------------------------------------------------------------


def test_standard_input(tmp_path: Path) -> None:
    with subprocess.Popen(["cat", LAB], stdout=subprocess.PIPE) as source:
        done = started("counts", "-", "--json", stdin=source.stdout)
        out, err = done.communicate()
    assert (done.returncode, err) == (0, "")
    assert json.loads(out)["counts"]["ip"]["packets"] == 15_441
    with subprocess.Popen(["cat", LAB], stdout=subprocess.PIPE) as source:
        done = started("select", "-", "--auto", "3", stdin=source.stdout)
        _, err = done.communicate()
    assert done.returncode == 2
    assert "can be read once" in err


def test_a_closed_pipe_is_no_error() -> None:
    done = started("select", LAB, "--ip", "203.0.113.66", "--json")
    assert done.stdout is not None
    assert done.stdout.readline() == "{\n"
    done.stdout.close()
    assert done.stderr is not None
    assert (done.wait(), done.stderr.read()) == (0, "")
    done.stderr.close()


def test_interrupt_is_one_line(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    done = started("counts", str(fifo))
    with fifo.open("wb") as writer:  # opens when the reader is there
        writer.write(Path(LAB).read_bytes()[:1000])
        writer.flush()
        time.sleep(0.5)
        done.send_signal(signal.SIGINT)
        out, err = done.communicate(timeout=300)
    assert (done.returncode, out, err) == (130, "", "pcapframe: interrupted\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "pcapframe", "counts", LAB]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, "pcapframe: error: No space left on device\n")


def test_file_names_cannot_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"a\x1b[31m\n\xff.pcap")
    try:
        Path(os.fsdecode(path)).write_bytes(Path(LAB).read_bytes()[:1_000_001])
    except OSError:
        pytest.skip("this file system does not take such names")
    code, out, err = run("info", os.fsdecode(path), "--full")
    assert code == 1
    assert "a\\027[31m\\010\\237\\179\\191.pcap" in out
    assert "\x1b" not in out + err
    assert err.count("\n") == 1
    assert json.loads(run("info", os.fsdecode(path), "--json")[1])["files"] == [os.fsdecode(path)]
    assert "\x1b" not in run("info", os.fsdecode(path) + "x")[2]


# --- small parts -----------------------------------------------------------------------------------------------------


def test_what_is_safe_already_stays_as_it_is() -> None:
    for text in ("plain text", "Zürich 東京", "a\tb\x7f", "back\\slash", "\x9b31m", "\u202egnp.exe", "\udcff"):
        shown = _text.display(text)
        assert _display.printable(shown) == shown
        assert _display.printable(text).isprintable()
    assert _display.printable("a\\009\n") == "a\\009\\010"


def test_numbers_are_as_people_write_them() -> None:
    sizes = {24: "24 octets", 999: "999 octets", 1_000: "1.00 kB", 1_756_953: "1.76 MB", 13_200_000_000: "13.2 GB"}
    assert {octets: _display.size(octets) for octets in sizes} == sizes
    second = 1_000_000_000
    times = {0: "0 s", second // 8: "0.125 s", 75 * second: "1 min 15 s", 7500 * second: "2 h 05 min"}
    times |= {100_000 * second: "1 d 03 h"}
    assert {time: _display.duration(time) for time in times} == times
    assert _display.when(None) == "unknown"
    assert _display.when(1_499_248_020_123_456_789) == "2017-07-05 09:47:00.123456Z"
    assert _display.when(2**63 - 1)
    assert _display.percent(99_999_999, 100_000_000) == "99.999 %"
    assert _display.percent(1, 1) == "100.000 %"


def test_a_table_fits_its_width() -> None:
    lines, fit = _display.table(("a", "b", "c"), [("1", "x" * 100, "2")], {"a"}, 40)
    assert (fit, lines) == (1, ["  a", "  1"])
    lines, fit = _display.table(("a", "b"), [("1", "x" * 100)], {"a"}, 80)
    assert fit == 2
    assert lines[1].endswith("...")


@pytest.mark.parametrize("begin", list("=+-@\t\r"))
def test_csv_holds_no_formulas(tmp_path: Path, begin: str) -> None:
    path = tmp_path / "a.csv"
    _export.write_csv(str(path), ["name", "number"], [[f'{begin}HYPERLINK("x")', -1], ["a=b", None]])
    with path.open(newline="") as file:
        assert list(csv.reader(file))[1:] == [[f'\'{begin}HYPERLINK("x")', "-1"], ["a=b", ""]]


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("before")

    def rows() -> Any:
        yield [1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _export.write_csv(str(path), ["n"], rows())
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="directory"):
        _export.write_csv(str(tmp_path), ["n"], [])


# ------------------------------------------------------------------------------------------------------ rare endings


def test_a_condition_that_cannot_be_is_one_line(run: Run) -> None:
    code, _, said = run("packets", "--where", "frame_raw=1", LAB)
    assert (code, said.count("\n")) == (cli.UNUSABLE, 1)
    assert "frame_raw: octets cannot be asked for" in said


@pytest.mark.parametrize("arguments", [["packets", "--columns", "flow_id"], ["counts", "--by", "flow_id"]])
def test_standard_input_is_kept_where_a_column_takes_two_passes(arguments: list[str]) -> None:
    with open(LAB, "rb") as file:
        process = started(*arguments, "--json", "-", stdin=file)
        out, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    code = subprocess.run(
        [sys.executable, "-m", "pcapframe", *arguments, "--json", LAB], capture_output=True, text=True, timeout=300
    )
    assert json.loads(out)["rows"] == json.loads(code.stdout)["rows"]


@pytest.mark.parametrize("closed", [1, 2])
def test_nobody_need_listen(closed: int) -> None:
    """A daemon's child may have no standard output or error at all."""
    line = [sys.executable, "-c", "import os, sys; os.close(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"]
    done = subprocess.run(
        [*line, str(closed), sys.executable, "-m", "pcapframe", "counts", LAB],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr + done.stdout


INSTANT = make.pcap_bytes([make.ethernet(make.ipv4(make.udp(b"x", 1, 2))).octets] * 3, link_type=1)


def no_constant(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def test_json_knows_neither_infinity_nor_octets(run: Run, tmp_path: Path) -> None:
    """Rates of flows of one instant are infinite in cic2017; octets are hexadecimal digits."""
    flows = pf.open(INSTANT).flows("cic2017", min_packets=1)
    assert not math.isfinite(flows["Flow Packets/s"].values[0])
    (row,) = json.loads(json.dumps(list(_commands._records(flows))), parse_constant=no_constant)
    assert row["Flow Packets/s"] is None
    assert row["Total Fwd Packets"] == flows["Total Fwd Packets"].values[0]
    flows.write(tmp_path / "flows.json")
    json.loads((tmp_path / "flows.json").read_text(), parse_constant=no_constant)
    _, out, _ = run("packets", "--columns", "frame_raw", "--json", LAB)
    assert [bytes.fromhex(row["frame_raw"]) for row in json.loads(out)["rows"][:3]] == pf.open(LAB).octets([1, 2, 3])


@pytest.mark.parametrize("arguments", [["counts"], ["counts", "--by", "ip_src"], ["select", "--auto", "3"], ["hosts"]])
def test_the_case_of_a_suffix_does_not_matter(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    for name in ("small.csv", "LARGE.CSV"):
        assert run(*arguments, LAB, "-o", tmp_path / name)[0] == 0
    assert (tmp_path / "small.csv").read_bytes() == (tmp_path / "LARGE.CSV").read_bytes()
