"""Loading and verifying the data set, against pandas; its command."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flow_tables
import pcapframe as pf
from model_tables import CORPUS, needs_corpus
from pcapframe import _cicids_columns as known
from pcapframe import _cicids_verify, cli
from pcapframe._cicids_write import write_table

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")

# What pandas 3 does by itself, and warns of when it is told to.
EXACT: dict[str, Any] = {"float_precision": "round_trip"} if pd.__version__ < "3" else {}

Maker = Callable[..., Path]


def of_pandas(path: Path | str, encoding: str = "cp1252") -> Any:
    """A file as pandas reads it, under stripped names, without rows in which nothing is written."""
    table = pd.read_csv(path, encoding=encoding, low_memory=False, **EXACT)
    table.columns = [name.strip() for name in table.columns]
    return table.dropna(how="all").reset_index(drop=True)


def plain(label: str) -> str:
    """A label without the dash that is another in each reader."""
    return " ".join("".join(c if c.isascii() and c != "-" else " " for c in label).split())


def assert_same(ours: Any, theirs: Any) -> None:
    assert len(ours) == len(theirs)
    names = known.renames()
    for name in theirs.columns:
        own = names.get(name, name)
        if own == known.SECOND and own not in ours:
            own = "Fwd Header Length"
        if own == "Label":
            assert [plain(str(x)) for x in ours[own]] == [plain(str(x)) for x in theirs[name]]
        elif pd.api.types.is_numeric_dtype(theirs[name]) and theirs[name].dtype != bool:
            np.testing.assert_array_equal(ours[own].to_numpy(np.float64), theirs[name].to_numpy(np.float64), name)
        elif own != "Timestamp":
            assert ours[own].astype(str).tolist() == theirs[name].astype(str).tolist()


# ------------------------------------------------------------------------------------------------------------- load


def test_every_file_is_as_pandas_reads_it(tables: Path) -> None:
    for path in sorted(tables.glob("*.csv")):
        assert_same(pf.cicids.load(path), of_pandas(path))


def test_a_folder_is_its_files_in_the_order_of_days(loaded: Any, tables: Path) -> None:
    order = list(dict.fromkeys(loaded["file"].astype(str)))
    assert [name.split("-")[0] for name in order] == [
        "Monday",
        "Tuesday",
        "Wednesday",
        *["Thursday"] * 2,
        *["Friday"] * 3,
    ]
    assert "Morning" in order[3]
    assert len(loaded) == sum(len(of_pandas(path)) for path in tables.glob("*.csv"))
    assert list(loaded["day"].cat.categories) == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    assert list(loaded.columns[-2:]) == ["day", "file"]
    assert set(loaded.columns[:-2]) == known.SHAPE_85


def test_what_was_met_is_told(loaded: Any) -> None:
    meta = loaded.attrs["pcapframe"]
    assert (meta["variant"], meta["compat"], meta["definitions"]) == ("cic2017", None, known.DEFINITIONS)
    notes = {name: told for name, told in meta["files"].items() if "empty rows" in told}
    assert [told["empty rows"] for told in notes.values()] == [25]
    assert sum(told["rows"] for told in meta["files"].values()) == len(loaded)


def test_labels_have_a_plain_dash(loaded: Any, tables: Path) -> None:
    assert {label for label in loaded["Label"].cat.categories if "Web" in label} == {
        "Web Attack - Brute Force", "Web Attack - XSS", "Web Attack - Sql Injection",
    }  # fmt: skip
    path = next(tables.glob("*WebAttacks*"))
    for wrong in ("\ufffd", "–", "ï¿½", "Â–"):
        other = path.with_name(f"{path.name}.{ord(wrong[0])}.csv")
        other.write_text(path.read_text("cp1252").replace("–", wrong), "utf-8")
        try:
            assert pf.cicids.load(other)["Label"].tolist() == pf.cicids.load(path)["Label"].tolist()
        finally:
            other.unlink()


def test_integers_leave_room_to_add_two_columns(loaded: Any) -> None:
    for name in loaded.columns:
        dtype = loaded[name].dtype
        if getattr(dtype, "kind", "") == "i":
            values = loaded[name].to_numpy(np.int64)
            assert 4 * int(np.abs(values).max()) <= 2 ** (8 * dtype.itemsize - 1) or dtype.itemsize == 8
    kinds = {name: loaded[name].dtype.kind for name in known.FEATURES if name in loaded}
    assert {kinds[name] for name, column in known.COLUMNS.items() if column.kind == "int" and name in kinds} == {"i"}
    assert kinds["Flow IAT Mean"] == kinds["Flow Bytes/s"] == "f"


def test_memory_is_half_of_what_pandas_takes(tables: Path, loaded: Any) -> None:
    theirs = sum(of_pandas(path).memory_usage(deep=True).sum() for path in tables.glob("*.csv"))
    assert loaded.memory_usage(deep=True).sum() < 0.6 * theirs
    small = pf.cicids.load(tables, dtype="float32")
    assert small.memory_usage(deep=True).sum() < 0.45 * theirs
    for name in loaded.columns:
        if loaded[name].dtype == np.float64:
            np.testing.assert_array_equal(small[name].to_numpy(), loaded[name].to_numpy().astype(np.float32))


def test_79_columns(tmp_path: Path, loaded: Any) -> None:
    flow_tables.generator().write(tmp_path, rows=1200, shape=79)
    table = pf.cicids.load(tmp_path)
    assert set(table.columns[:-2]) == known.SHAPE_79
    assert len(table) == len(loaded)
    for name in known.SHAPE_79:
        assert table[name].astype(str).tolist() == loaded[name].astype(str).tolist()
    assert table["day"].tolist() == loaded["day"].tolist()  # by the names of files


@pytest.mark.parametrize("names", ["v4", "y2021"])
def test_other_spellings(tables: Path, tmp_path: Path, loaded: Any, names: str) -> None:
    path = next(tables.glob("Tuesday*"))
    rows = list(csv.reader(path.read_text("cp1252").splitlines()))
    place = [n for n, name in enumerate(rows[0]) if name.strip() == "Fwd Header Length"][1]
    for row in rows:
        del row[place]
    rows[0] = [getattr(known.COLUMNS[name.strip()], names) for name in rows[0]]
    other = tmp_path / "other.csv"
    with other.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    table = pf.cicids.load(other)
    assert table.attrs["pcapframe"]["variant"] == ("cic2018" if names == "v4" else "corrected")
    ours = pf.cicids.load(path)
    for name in ours.columns[:-1]:
        assert table[name].astype(str).tolist() == ours[name].astype(str).tolist(), name


def test_compressed_and_parquet(tables: Path, tmp_path: Path) -> None:
    path = next(tables.glob("Tuesday*"))
    table = pf.cicids.load(path)
    packed = tmp_path / "Tuesday.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    written = tmp_path / "Tuesday.parquet"
    write_table(table.drop(columns=["day", "file"]), str(written))
    for other in (packed, written):
        again = pf.cicids.load(other)
        pd.testing.assert_frame_equal(again.drop(columns="file"), table.drop(columns="file"))
        assert again.attrs["pcapframe"]["variant"] == "cic2017"


def test_a_file_written_as_csv_loads_again(tables: Path, tmp_path: Path) -> None:
    table = pf.cicids.load(next(tables.glob("Wednesday*")))
    table["Label"] = table["Label"].cat.rename_categories({"BENIGN": "=cmd|' /C calc'!A0"})
    path = tmp_path / "w.csv"
    write_table(table, str(path))
    assert "'=cmd" in path.read_text()  # no formula for a spreadsheet
    again = pf.cicids.load(path)
    np.testing.assert_array_equal(again["Flow Bytes/s"], table["Flow Bytes/s"])
    assert again["Timestamp"].tolist() == table["Timestamp"].tolist()


def test_chosen_columns(tables: Path, loaded: Any) -> None:
    table = pf.cicids.load(tables, columns=["Dst Port", " Flow Duration", "Label"])
    assert list(table.columns) == ["Destination Port", "Flow Duration", "Label", "day", "file"]
    for name in table.columns:
        assert table[name].tolist() == loaded[name].tolist()


def test_chosen_days(tables: Path, loaded: Any, tmp_path: Path) -> None:
    table = pf.cicids.load(tables, days=["tue", "Friday"])
    assert table["day"].astype(str).value_counts().to_dict() == {
        day: int((loaded["day"] == day).sum()) for day in ("Tuesday", "Friday")
    }
    whole = tmp_path / "all.csv"  # a name without a day: rows are chosen by their times
    with whole.open("w") as file:
        for number, path in enumerate(sorted(tables.glob("*.csv"))):
            file.writelines(path.read_text("cp1252").replace("–", "-").splitlines(keepends=True)[bool(number) :])
    assert len(pf.cicids.load(whole)) == len(loaded)
    assert len(pf.cicids.load(whole, days="wed")) == int((loaded["day"] == "Wednesday").sum())


def test_a_sample_is_of_all_rows(tables: Path, loaded: Any) -> None:
    rows = {tuple(map(str, row)) for row in loaded.itertuples(index=False)}
    table = pf.cicids.load(tables, sample=300)
    assert len(table) == 300
    assert {tuple(map(str, row)) for row in table.itertuples(index=False)} <= rows
    pd.testing.assert_frame_equal(table, pf.cicids.load(tables, sample=300))
    assert not table.equals(pf.cicids.load(tables, sample=300, seed=1))
    shares = table["file"].value_counts(normalize=True)
    assert shares.between(0.05, 0.25).all()  # eight files of about equal size
    assert len(pf.cicids.load(tables, sample=10**9)) == len(loaded)
    assert abs(len(pf.cicids.load(tables, sample=0.25)) / len(loaded) - 0.25) < 0.06


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("03/07/2017 08:55:58", "2017-07-03T11:55:58"),  # Monday's form
        ("3/7/2017 9:01", "2017-07-03T12:01:00"),
        ("7/7/2017 12:30", "2017-07-07T15:30:00"),
        ("7/7/2017 3:56", "2017-07-07T18:56:00"),  # the afternoon, on a clock that does not say so
        ("7/7/2017 5:02", "2017-07-07T20:02:00"),
        ("13/11/2019 11:27:32 AM", "2019-11-13T15:27:32"),  # winter time
        ("13/11/2019 12:27:32 AM", "2019-11-13T04:27:32"),
        ("13/11/2019 01:27:32 PM", "2019-11-13T17:27:32"),
        ("2017-07-07 19:02:57.365328", "2017-07-07T19:02:57.365328"),
        ("2017-07-07 19:02:57", "2017-07-07T19:02:57"),
    ],
)
def test_times(tmp_path: Path, text: str, utc: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"Timestamp,Flow Duration\n{text},1\n{text},2\n")
    assert pf.cicids.load(path)["Timestamp"].tolist() == [pd.Timestamp(utc, tz="UTC")] * 2


def test_times_of_both_kinds_and_none(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Timestamp,Flow Duration\n2017-07-07 19:02:57,1\n7/7/2017 3:56,2\n,3\n")
    table = pf.cicids.load(path)
    assert table["Timestamp"].isna().tolist() == [False, False, True]
    assert table["day"].tolist()[:2] == ["Friday", "Friday"]


numbers = st.one_of(
    st.integers(-(2**62), 2**62),
    st.integers(-300, 300),
    st.floats(allow_nan=False, width=64),
    st.sampled_from([math.nan, math.inf, -math.inf]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-(2**62), 2**62), st.integers(-9, 9), numbers, numbers), min_size=1, max_size=8))
def test_any_numbers(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]]) -> None:
    """Integers stay exact, doubles are the nearest, whatever stands in a column before or behind."""
    path = tmp_path_factory.mktemp("n") / "n.csv"
    words = {math.inf: "Infinity", -math.inf: "-Infinity"}
    with path.open("w") as file:
        file.write("Flow Duration, Total Fwd Packets,Flow Bytes/s, Flow IAT Max\n")
        for row in rows:
            file.write(",".join("NaN" if value != value else words.get(value, repr(value)) for value in row) + "\n")
    table = pf.cicids.load(path)
    names = ["Flow Duration", "Total Fwd Packets", "Flow Bytes/s", "Flow IAT Max"]
    for place, name in enumerate(names):
        wanted = [row[place] for row in rows]
        if place < 2:
            assert table[name].tolist() == wanted
        else:
            np.testing.assert_array_equal(table[name].to_numpy(np.float64), np.array(wanted, dtype=np.float64))


def test_header_lines_among_the_rows(tables: Path, tmp_path: Path) -> None:
    lines = next(tables.glob("Tuesday*")).read_text("cp1252").splitlines(keepends=True)
    path = tmp_path / "t.csv"
    path.write_text("".join([*lines[:9], lines[0], *lines[9:30], lines[0], *lines[30:]]))
    table = pf.cicids.load(path)
    assert len(table) == len(lines) - 1
    assert table.attrs["pcapframe"]["files"]["t.csv"]["repeated headers"] == 2


def test_a_second_header_length_that_differs_stays(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(" Fwd Header Length,a, Fwd Header Length\n1,x,1\n2,y,3\n")
    table = pf.cicids.load(path)
    assert (table["Fwd Header Length"].tolist(), table["Fwd Header Length.1"].tolist()) == ([1, 2], [1, 3])
    path.write_text(" Fwd Header Length,a, Fwd Header Length\n1,x,1\n2,y,2\n")
    assert list(pf.cicids.load(path).columns) == ["Fwd Header Length", "a", "day", "file"]


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Flow ID,Src IP,Flow Duration,Timestamp,Label\n")
    assert pf.cicids.load(path).shape == (0, 7)


def _file(folder: Path, name: str, octets: bytes) -> Path:
    path = folder / name
    path.write_bytes(octets)
    return path


GOOD = b"Flow Duration,Timestamp,Label\n1,7/7/2017 3:56,BENIGN\n2,7/7/2017 3:57,DDoS\n"

BAD: dict[str, tuple[str, bytes, str]] = {
    "an empty file": ("a.csv", b"", "empty: no header line"),
    "half a line": ("a.csv", GOOD + b"3,7/7/2017 3:58\n", "line 4 has 2 fields where the header has 3"),
    "half a last line": ("a.csv", GOOD + b"3,7/7/20", "line 4 has 2 fields where the header has 3"),
    "a field too many": ("a.csv", GOOD + b"3,7/7/2017 3:58,A,B\n", "line 4 has 4 fields where the header has 3"),
    "no number": ("a.csv", GOOD + b"x7,7/7/2017 3:58,A\n", "'x7' stands where a number is needed"),
    "no time": ("a.csv", GOOD + b"7,33/7/2017 3:58,A\n", "Timestamp: '33/7/2017 3:58' is no time"),
    "no time at all": ("a.csv", GOOD + b"7,yesterday,A\n", "Timestamp: 'yesterday' is no time"),
    "octets": ("a.csv", b"\xd4\xc3\xb2\xa1\0\0\0\0", "no text"),
    "no header": ("a.csv", b"1,2,3\n4,5,6\n", "the first line holds numbers"),
    "a column twice": ("a.csv", b"Label,Flow Duration,Label\nA,1,A\n", "the column 'Label' stands twice"),
    "a name of another kind": ("a.pcap", b"", ".csv, .csv.gz or .parquet can be loaded"),
    "no gzip": ("a.csv.gz", GOOD, "damaged"),
    "a cut gzip": ("a.csv.gz", gzip.compress(GOOD * 999)[:-40], "damaged"),
    "no Parquet": ("a.parquet", GOOD, "no Parquet file"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_files_are_named_in_one_line(tmp_path: Path, what: str) -> None:
    name, octets, message = BAD[what]
    path = _file(tmp_path, name, octets)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        pf.cicids.load(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_bad_arguments(tables: Path, tmp_path: Path) -> None:
    for options, message in [
        ({"columns": ["Flow Duraton"]}, "no column 'Flow Duraton'; did you mean Flow Duration"),
        ({"days": "Saturnday"}, "neither a day of the week nor a date"),
        ({"days": "Sunday"}, "no file of Sunday; there are Friday"),
        ({"sample": 0}, "a number of rows, or a share"),
        ({"sample": 1.5}, "a number of rows, or a share"),
        ({"dtype": "float16"}, "'float64' or 'float32'"),
        ({"zone": "Atlantis"}, "'Atlantis' is not known here"),
    ]:
        with pytest.raises(ValueError, match=message):
            pf.cicids.load(tables, **options)
    with pytest.raises(FileNotFoundError):
        pf.cicids.load(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match="a folder without"):
        pf.cicids.load(tmp_path)
    with pytest.raises(TypeError, match="columns: a list or set of names, not 'Label'"):
        pf.cicids.load(tables, columns="Label")


def test_files_that_do_not_go_together(tmp_path: Path) -> None:
    first = _file(tmp_path, "a.csv", GOOD)
    with pytest.raises(ValueError, match=r"b\.csv: lacks 'Timestamp', unlike a\.csv"):
        pf.cicids.load([first, _file(tmp_path, "b.csv", b"Flow Duration,Label\n1,A\n")])
    more = b"Total Fwd Packets,Label\n1,A\n", b"Tot Fwd Pkts,Label\n1,A\n"
    with pytest.raises(ValueError, match="defined differently"):
        pf.cicids.load([_file(tmp_path, f"{n}.csv", octets) for n, octets in enumerate(more)])


@needs_corpus
def test_all_real_tables_load_without_loss() -> None:
    paths = [path for path in sorted(Path(str(CORPUS), "tables").rglob("*")) if path.name.endswith((".csv", ".csv.gz"))]
    assert len(paths) > 15
    for path in paths:
        assert_same(pf.cicids.load(path), of_pandas(path))


# ----------------------------------------------------------------------------------------------- verify and rebuild


def test_verify(tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotADirectoryError):
        pf.cicids.verify(tmp_path / "nothing")
    found = pf.cicids.verify(tmp_path)
    assert not found
    assert "https://www.unb.ca/cic/datasets/ids-2017.html" in str(found)
    published = []
    for one in _cicids_verify.PUBLISHED:
        path = tables / (one.name + ".pcap_ISCX.csv")
        table = of_pandas(path)
        labels = {str(k): int(v) for k, v in pf.cicids.load(path)["Label"].value_counts().items()}
        digest = hashlib.md5(path.read_bytes()).hexdigest() if "Friday" in one.name else ""
        published.append(_cicids_verify.Published(one.name, len(table), labels, digest))
    monkeypatch.setattr(_cicids_verify, "PUBLISHED", tuple(published))
    found = pf.cicids.verify(tables)
    assert found
    assert {"the published octets" in file.note for file in found.files if "Friday" in file.name} == {True}
    published[0] = _cicids_verify.Published(published[0].name, 1, {"BENIGN": 1}, "")
    monkeypatch.setattr(_cicids_verify, "PUBLISHED", tuple(published))
    found = pf.cicids.verify(tables)
    assert not found
    assert "where 1 were published" in found.files[0].note


def test_the_published_counts_add_up() -> None:
    assert sum(one.rows for one in _cicids_verify.PUBLISHED) == 2_830_743
    assert all(sum(one.labels.values()) == one.rows for one in _cicids_verify.PUBLISHED)
    assert {label for one in _cicids_verify.PUBLISHED for label in one.labels} == set(pf.cicids.LABELS)
    assert len(pf.cicids.LABELS) == 15


# ---------------------------------------------------------------------------------------------------- the command


def run(*arguments: Any) -> int:
    return cli.main([os.fspath(argument) for argument in arguments])


def test_the_command_loads_and_cleans(tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("cicids", "load", tables, "-o", tmp_path / "all.parquet", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == sum(told["labels"].values())
    assert told["variant"] == "cic2017"
    assert run("cicids", "clean", tmp_path / "all.parquet", "-o", tmp_path / "clean.csv", "--label-map", "groups") == 0
    assert "protocol 0" in capsys.readouterr().out
    assert set(pf.cicids.load(tmp_path / "clean.csv")["Label"]) == set(pf.cicids.GROUPS.values())
    assert run("cicids", "load", tables, "--days", "mon", "--sample", "40") == 0
    assert "40 rows" in capsys.readouterr().out
    assert run("cicids", "verify", tables) == 3
    assert "changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["load", "nothing.csv"], "nothing.csv: No such file"),
        (["load", "{good}", "-o", "x.xlsx"], ".parquet or .csv can be written"),
        (["load", "{good}", "-o", "nowhere/x.csv"], "nowhere: No such folder"),
        (["load", "{good}", "--sample", "many"], "a number of rows, or a share"),
        (["clean", "{good}", "--label-map", "groups"], "unknown label"),
        (["verify", "nowhere"], "nowhere: No such folder"),
        (["rebuild", "nowhere", "-o", "out"], "nowhere: No such folder"),
        ([], "PART is needed"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    good = _file(tmp_path, "good.csv", GOOD.replace(b"DDoS", b"Wombat"))
    assert run("cicids", *(text.replace("{good}", str(good)) for text in arguments)) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1


def test_importing_the_package_imports_none_of_it() -> None:
    import subprocess
    import sys

    code = "import sys, pcapframe; print([m for m in ('pandas', 'pyarrow', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert {"cicids", "models"} <= set(dir(pf))
    with pytest.raises(AttributeError, match="no attribute 'wombat'"):
        pf.wombat  # noqa: B018


def test_the_generator_writes_the_same_octets_again(tmp_path: Path, tables: Path) -> None:
    flow_tables.generator().write(tmp_path, rows=1200)
    for path in tables.glob("*.pcap_ISCX.csv"):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()
    header = next(iter(tmp_path.glob("Monday*"))).read_text("cp1252").splitlines()[0]
    assert len(header.split(",")) == 85
    assert header.count(" Fwd Header Length") == 2


def test_columns_are_all_there() -> None:
    assert (len(known.SHAPE_85), len(known.SHAPE_79), len(known.EXTRA)) == (84, 78, 10)
    assert all(
        column.unit for column in known.COLUMNS.values() if column.kind == "double" and "Ratio" not in column.name
    )
    assert set(known.HOLDS_2017) | set(known.HOLDS) <= set(known.COLUMNS)
