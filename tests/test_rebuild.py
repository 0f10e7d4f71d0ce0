"""The data set made anew from captures: kept files, interrupted runs, what is refused before the long work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import flow_tables
import pcapframe as pf
from captures import pcap_bytes
from pcapframe import _cicids_rebuild, cli
from pcapframe._cicids_write import write_table

pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")

LAB = Path(__file__).parent.parent / "examples" / "lab.pcap"
RULES = """\
start,end,src,dst,sport,dport,proto,not_sport,min_fwd_packets,label
2026-11-24T00:00:00Z,2026-11-25T00:00:00Z,203.0.113.9,,,,,,,scan
2026-11-24T00:00:00Z,2026-11-25T00:00:00Z,203.0.113.66,,,,,,,flood
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    flow_tables.generator().write(folder, rows=1200)
    return folder


@pytest.fixture
def days(tmp_path: Path) -> Path:
    """Three real captures and their schedule."""
    folder = tmp_path / "days"
    folder.mkdir()
    for day in ("Monday", "Tuesday", "Friday"):
        os.symlink(LAB, folder / f"{day}.pcap")
    (tmp_path / "rules.csv").write_text(RULES)
    return folder


def rebuilt(days: Path, out: Path, **options: Any) -> Any:
    return pf.cicids.rebuild(days, out, variant="corrected", schedule=days.parent / "rules.csv", **options)


class StandIn:
    """Gives the flows of a table where a capture would make its own."""

    made: ClassVar[list[str]] = []

    def __init__(self, tables: Path, path: str) -> None:
        self.files = [path]
        day = Path(path).name.split("-")[0]
        self.flows_of_day = pf.cicids.load(sorted(tables.glob(f"{day}*"))).drop(columns=["day", "file", "Label"])
        self.day = day

    def flow_batches(self, rows: int, variant: str, compat: str | None) -> Iterator[Any]:
        assert (variant, compat) == ("cic2017", None)
        StandIn.made.append(self.day)
        for start in range(0, len(self.flows_of_day), 100):
            yield self.flows_of_day.iloc[start : start + 100]


@pytest.fixture
def captures(tmp_path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "pcaps"
    folder.mkdir()
    for day in ("Tuesday", "Thursday"):
        (folder / f"{day}-WorkingHours.pcap").write_bytes(b"x")
    monkeypatch.setattr(pf, "open", lambda path: StandIn(tables, path))
    StandIn.made.clear()
    return folder


def test_rebuild(captures: Path, tables: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "out", []
    made = pf.cicids.rebuild(captures, out, published=tables, progress=said.append)
    assert [name.split("-")[0] for name in made.files] == ["Tuesday", "Thursday"]
    assert sorted(path.name for path in out.iterdir()) == [
        "Thursday-WorkingHours.parquet",
        "Tuesday-WorkingHours.parquet",
    ]
    for day, told in made.comparison.items():
        published = pf.cicids.load(sorted(tables.glob(f"{day}*")))
        assert told["published"] == told["ours"] == told["found"] == told["same label"] == len(published)
    table = pf.cicids.load(out)
    assert table.attrs["pcapframe"]["variant"] == "cic2017"
    assert set(table["Label"]) > {"FTP-Patator", "Infiltration", "BENIGN"}
    assert StandIn.made == ["Tuesday", "Thursday"]
    again = pf.cicids.rebuild(captures, out)
    assert all(told["kept"] for told in again.files.values())
    assert StandIn.made == ["Tuesday", "Thursday"]
    os.utime(captures / "Tuesday-WorkingHours.pcap", ns=(1, 1))  # another capture now
    assert [told["kept"] for told in pf.cicids.rebuild(captures, out).files.values()] == [False, True]
    assert "as it was" in str(again)
    assert said


def test_an_interrupted_rebuild_leaves_nothing_half_written(
    captures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, rows: int, variant: str, compat: str | None) -> Iterator[Any]:
        yield self.flows_of_day.iloc[:100]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StandIn, "flow_batches", fail)
        with pytest.raises(KeyboardInterrupt):
            pf.cicids.rebuild(captures, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert len(pf.cicids.rebuild(captures, tmp_path / "out").files) == 2


def test_rebuild_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pf.cicids.rebuild(tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(ValueError, match="no captures"):
        pf.cicids.rebuild(tmp_path, tmp_path / "out")
    (tmp_path / "Monday.pcap").write_bytes(pcap_bytes([]))
    with pytest.raises(ValueError, match=r"no flows in Monday\.pcap"):
        pf.cicids.rebuild(tmp_path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_comparison_counts_equal_rows_as_often_as_both_have_them(tmp_path: Path, tables: Path) -> None:
    path = next(tables.glob("Tuesday*"))
    table = pf.cicids.load(path)
    other = table.iloc[np.r_[5:100, 5:10]].reset_index(drop=True)
    other["Label"] = "Bot"
    write_table(other, str(tmp_path / "o.parquet"))
    told = _cicids_rebuild.compare(str(tmp_path / "o.parquet"), [path])
    names = [*_cicids_rebuild.SAME, "Timestamp"]
    a, b = (sorted(map(str, part[names].itertuples(index=False))) for part in (table, other))
    both = sum(min(a.count(key), b.count(key)) for key in set(a))
    assert (told["found"], told["same label"], told["ours"]) == (both, 0, len(other))


# ------------------------------------------------------------------------------------------------------ real captures


def test_files_hold_the_labelled_flows(days: Path, tmp_path: Path) -> None:
    (days / "Wednesday.pcap").write_bytes(pcap_bytes([]))
    said: list[str] = []
    made = rebuilt(days, tmp_path / "out", progress=said.append)
    expected = pf.cicids.label(pf.open(LAB).flows(), tmp_path / "rules.csv")
    table = pf.cicids.load(tmp_path / "out" / "Friday.parquet")
    table, expected = table.sort_values("flow_id"), expected.sort_values("flow_id")
    for name in ("Flow Duration", "Flow IAT Std", "Source IP", "community_id", "Label"):
        assert table[name].astype(object).tolist() == expected[name].astype(object).tolist()
    assert list(made.files) == ["Monday.pcap", "Tuesday.pcap", "Wednesday.pcap", "Friday.pcap"]
    assert made.files["Wednesday.pcap"] == {"path": None, "rows": 0, "kept": False, "labels": {}}
    assert "Wednesday.pcap: no flows in it" in str(made)
    assert "Wednesday.pcap: no flows in it" in said
    assert made.files["Friday.pcap"]["labels"]["flood"] == 3000


def test_large_captures_are_told_of_meanwhile(days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cicids_rebuild, "BATCH", 2000)
    said: list[str] = []
    rebuilt(days, tmp_path / "out", progress=said.append)
    assert said[:3] == [f"Monday.pcap: {what}" for what in ("making flows", "2,000 flows so far", "4,000 flows so far")]


def test_a_run_that_was_killed_goes_on(days: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    script = (
        "import sys, time, pcapframe as pf; from pcapframe import _cicids_rebuild as r; label = r.label\n"
        "r.BATCH, slow = 1000, lambda *a, **b: (time.sleep(0.2), label(*a, **b))[1]; r.label = slow\n"
        "pf.cicids.rebuild(sys.argv[1], sys.argv[2], variant='corrected', schedule=sys.argv[3],"
        " progress=lambda text: print(text, flush=True))"
    )
    command = [sys.executable, "-c", script, str(days), str(out), str(tmp_path / "rules.csv")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("Tuesday.pcap: 2,000"):
                break
        child.send_signal(signal.SIGKILL)
    left = sorted(path.name for path in out.iterdir())
    assert "Monday.parquet" in left
    assert "Tuesday.parquet" not in left
    assert len(left) == 2  # and what was being written
    again = rebuilt(days, out)
    assert [told["kept"] for told in again.files.values()] == [True, False, False]
    rebuilt(days, whole)
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in whole.iterdir())
    for name in ("Monday", "Tuesday", "Friday"):
        ours, theirs = (pf.cicids.load(folder / f"{name}.parquet") for folder in (out, whole))
        assert ours.equals(theirs)


def test_another_schedule_or_variant_is_another_file(days: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    rebuilt(days, out)
    (tmp_path / "rules.csv").write_text(RULES.replace("flood", "storm"))
    assert not any(told["kept"] for told in rebuilt(days, out).files.values())
    assert all(told["kept"] for told in rebuilt(days, out).files.values())
    assert not any(told["kept"] for told in rebuilt(days, out, compat="fork").files.values())
    (out / "Monday.parquet").write_bytes((out / "Monday.parquet").read_bytes()[:-100])  # cut short
    assert [told["kept"] for told in rebuilt(days, out, compat="fork").files.values()] == [False, True, True]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"variant": "cic2018"}, "variant: 'corrected' or 'cic2017', not 'cic2018'"),
        ({"variant": "cic2017", "compat": "fork"}, "compat='fork' is for variant='corrected'"),
        ({"attempted": "maybe"}, "attempted: 'apart', 'attack', 'benign', not 'maybe'"),
        ({"schedule": LAB}, "lab.pcap: no schedule"),
        ({"published": "79"}, "Monday.csv: no column 'Flow ID', 'Timestamp' to compare by; MachineLearningCVE lacks"),
        ({"published": "nothing"}, "No such file"),
        ({"more": "Monday.pcapng"}, "would both become"),
        ({"more": "Wednesday.pcap.gz"}, "Wednesday.pcap.gz"),
    ],
)
def test_what_is_wrong_is_said_before_the_work(
    days: Path, tmp_path: Path, wrong: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: Any) -> None:
        raise AssertionError("the work has begun")

    monkeypatch.setattr(_cicids_rebuild, "_write", work)
    if "published" in wrong:
        (tmp_path / "79").mkdir()
        (tmp_path / "79" / "Monday.csv").write_text("Flow Duration,Total Fwd Packets,Total Backward Packets,Label\n")
        wrong = {"published": tmp_path / wrong["published"]}
    if "more" in wrong:
        path = days / wrong["more"]
        path.write_bytes(LAB.read_bytes() if "Monday" in path.name else b"not a capture")
        wrong = {}
    with pytest.raises((ValueError, OSError, pf.CaptureError)) as caught:
        pf.cicids.rebuild(days, tmp_path / "out", **{"schedule": tmp_path / "rules.csv", **wrong})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def run(*arguments: Any) -> int:
    return cli.main([os.fspath(argument) for argument in arguments])


def test_the_command_rebuilds(captures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cicids", "rebuild", captures, "-o", tmp_path / "out") == 0
    assert "Tuesday-WorkingHours.pcap: making flows" in capsys.readouterr().out
