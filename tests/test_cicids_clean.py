"""Cleaning tables, against a slow twin and pandas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pcapframe as pf
from pcapframe import _cicids_columns as known
from pcapframe._cicids_clean import repeated

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")


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
