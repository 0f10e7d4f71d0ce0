"""Loading, cleaning, labelling, verifying and rebuilding the data set, against pandas and slow twins."""

from __future__ import annotations

import csv
import gzip
import hashlib
import ipaddress
import json
import math
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flow_tables
import pcapframe as pf
from pcapframe import _cicids_columns as known
from pcapframe import _cicids_label, _cicids_verify, cli
from pcapframe._cicids_clean import repeated
from pcapframe._cicids_write import write_table
from pcapframe._times import nanoseconds

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")

# What pandas 3 does by itself, and warns of when it is told to.
EXACT: dict[str, Any] = {"float_precision": "round_trip"} if pd.__version__ < "3" else {}

CORPUS = os.environ.get("PCAPFRAME_CORPUS")
needs_corpus = pytest.mark.skipif(CORPUS is None, reason="PCAPFRAME_CORPUS names no folder of real tables")

Maker = Callable[..., Path]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    flow_tables.generator().write(folder, rows=1200)
    return folder


@pytest.fixture(scope="module")
def loaded(tables: Path) -> Any:
    return pf.cicids.load(tables)


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


# ------------------------------------------------------------------------------------------------------------ clean


def slow_clean(table: Any, nonfinite: str = "drop", negative: str = "keep", fragments: bool = False) -> list[int]:
    """Which rows `clean` leaves, one after the other."""
    names = [name for name in table.columns if name in known.FEATURES and name != "Source Port"]
    left, seen = [], set()
    for number, row in enumerate(table.to_dict("records")):
        values = [row[name] for name in names]
        if row.get("Protocol") == 0:
            continue
        if nonfinite == "drop" and not all(math.isfinite(value) for value in values):
            continue
        quiet = ("Init_Win_bytes_forward", "Init_Win_bytes_backward", *known.HEADERS)
        if negative == "drop" and any(row[name] < 0 for name in names if name not in quiet):
            continue
        packets = row["Total Fwd Packets"] + row["Total Backward Packets"]
        octets = row["Total Length of Fwd Packets"] + row["Total Length of Bwd Packets"]
        if fragments and packets <= 2 and octets in (0, 6, 12):
            continue
        repaired = [-1 if name in known.HEADERS and row[name] < -1 else row[name] for name in names]
        key = (*("nan" if value != value else value for value in repaired), row["Label"])
        if key in seen:
            continue
        seen.add(key)
        left.append(number)
    return left


@pytest.mark.parametrize(
    "options", [{}, {"nonfinite": "keep"}, {"negative": "drop"}, {"fragments": True}, {"nonfinite": "sentinel"}]
)
def test_clean_is_its_slow_twin(loaded: Any, options: dict[str, Any]) -> None:
    table = loaded.copy()
    table.loc[table.index[3::97], "Flow IAT Min"] = -5
    cleaned = pf.cicids.clean(table, **options)
    expected = table.iloc[slow_clean(table, **options)].reset_index(drop=True)
    assert len(cleaned) == len(expected)
    for name in ("Flow ID", "Flow Duration", "Label", "file"):
        assert cleaned[name].astype(str).tolist() == expected[name].astype(str).tolist()
    for name in known.HEADERS:
        assert (cleaned[name] >= -1).all()
    if options.get("nonfinite") == "sentinel":
        bad = ~np.isfinite(expected["Flow Packets/s"])
        assert bad.any()
        assert (cleaned.loc[bad, "Flow Packets/s"] == -1).all()


def test_clean_tells_what_it_did(loaded: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cleaned = pf.cicids.clean(loaded, constant=True, verbose=True)
    report = pf.cicids.report(cleaned)
    assert str(report) == capsys.readouterr().out.rstrip("\n")
    assert report["protocol 0"] == int((loaded["Protocol"] == 0).sum())
    assert report["duplicate rows"] > 0
    assert report["rows left"] == len(cleaned)
    gone = len(loaded) - sum(report[what] for what in ("empty rows", "protocol 0", "NaN or infinity", "duplicate rows"))
    assert gone == len(cleaned)
    assert report["constant columns"] == loaded.shape[1] - cleaned.shape[1]
    assert all(cleaned[name].nunique() > 1 for name in cleaned.columns if name in known.FEATURES)
    assert loaded.attrs["pcapframe"].get("reports") is None  # what came in is as it was


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, -0.0, 1.5, math.nan]), st.sampled_from("AB"))))
def test_duplicates_are_those_of_pandas(rows: list[tuple[int, float, str]]) -> None:
    table = pd.DataFrame(rows, columns=["Flow Duration", "Flow Bytes/s", "Label"])
    table = table.astype({"Flow Duration": np.int8, "Flow Bytes/s": np.float64, "Label": object})
    table["Flow Bytes/s"] += 0.0  # to pandas the two zeros are two
    assert repeated(table).tolist() == table.duplicated().tolist()


def test_duplicates_survive_colliding_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame({"Flow Duration": [1, 2, 1, 3], "Label": ["A"] * 4})
    import pcapframe._cicids_clean as module

    real = pd.factorize

    def same(values: Any, *rest: Any, **options: Any) -> Any:
        return (
            real(np.zeros(len(values), dtype=np.int64)) if values.dtype == np.uint64 else real(values, *rest, **options)
        )

    monkeypatch.setattr(pd, "factorize", same)
    assert module.repeated(table).tolist() == [False, False, True, False]


def test_label_maps(loaded: Any) -> None:
    groups = pf.cicids.clean(loaded, label_map="groups", duplicates=False)
    assert set(groups["Label"]) == set(pf.cicids.GROUPS.values())
    binary = pf.cicids.clean(loaded, label_map="binary", duplicates=False)
    assert (binary["Label"] == "BENIGN").sum() == (groups["Label"] == "BENIGN").sum()
    own = dict.fromkeys(loaded["Label"].cat.categories, "x") | {"BENIGN": "y"}
    assert set(pf.cicids.clean(loaded, label_map=own)["Label"]) == {"x", "y"}
    table = loaded.copy()
    table["Label"] = ["Botnet", "DoS Slowloris", "Infiltration - Portscan", "DoS Hulk - Attempted"] * (
        len(table) // 4
    ) + ["BENIGN"] * (len(table) % 4)
    assert set(pf.cicids.clean(table, label_map="published")["Label"]) == {"Bot", "DoS slowloris", "PortScan", "BENIGN"}


def test_bad_tables_are_not_cleaned(loaded: Any) -> None:
    table = loaded.copy()
    table["Label"] = "Wombat"
    with pytest.raises(ValueError, match="unknown label for label_map='groups': 'Wombat'"):
        pf.cicids.clean(table, label_map="groups")
    with pytest.raises(ValueError, match="unknown label for the map: 'Wombat'"):
        pf.cicids.clean(table, label_map={"BENIGN": "x"})
    with pytest.raises(ValueError, match="there is no column 'Label'"):
        pf.cicids.clean(table.drop(columns="Label"), label_map="binary")
    with pytest.raises(ValueError, match="no label"):
        pf.cicids.clean(table.assign(Label=None), label_map="binary")
    with pytest.raises(ValueError, match="none of the columns is a feature"):
        pf.cicids.clean(pd.DataFrame({"a": [1]}))
    with pytest.raises(ValueError, match="nonfinite: 'drop' or 'sentinel' or 'keep', not 'x'"):
        pf.cicids.clean(loaded, nonfinite="x")
    with pytest.raises(TypeError, match="a DataFrame or Frame of flows is needed, not list"):
        pf.cicids.clean([1, 2])
    table.attrs = {"pcapframe": {"variant": "corrected"}}
    with pytest.raises(ValueError, match="fragments are what the variant cic2017 makes"):
        pf.cicids.clean(table, fragments=True)
    with pytest.raises(ValueError, match="no report of clean or label"):
        pf.cicids.report(loaded)


# ------------------------------------------------------------------------------------------------------------ label


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
