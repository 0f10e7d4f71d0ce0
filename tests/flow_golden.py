"""Golden rows of flows and how they are compared: as multisets, integers exactly, doubles to 1e-9."""

from __future__ import annotations

import csv
import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

EVERY = ("tcp", "udp", "icmp", "igmp", "sctp", "other")
CIC = {"variant": "cic2017", "count_padding": False, "tz": "UTC", "ghost_flows": True}
KINDS = {
    "java_cic2017": CIC,
    "java_feb2018": {**CIC, "udp_header": 8},
    "cic_with_padding": {"variant": "cic2017", "tz": "UTC"},
    "java_engelen": {"compat": "fork", "protocols": EVERY, "ipv6": False, "ghost_flows": True},
}
RUSTIFLOW = {"compat": "fork", "protocols": EVERY}
RUNS = "mielverkerken+RustiFlow-experiments/concap/completed"
SQLI_TABLE = "tables/Mondirkb+dataset-CIC-IDS-2017/data/baseline_sqli.csv"
SQLI_CAPTURE = "captures/ntop+nDPI/tests/cfgs/default/pcap/WebattackSQLinj.pcap"
NOT_FEATURES = ("Label", "scenario", "label", "category", "subcategory")


def corpus() -> Path:
    folder = os.environ.get("PCAPFRAME_CORPUS")
    if not folder:
        pytest.skip("PCAPFRAME_CORPUS is not set: no golden flows")
    return Path(folder)


def cases() -> list[tuple[str, str]]:
    """(kind, name) of every golden table; one that says why there are none."""
    folder = os.environ.get("PCAPFRAME_CORPUS")
    if not folder:
        return [("java_cic2017", "none")]
    return [(kind, path.stem) for kind in KINDS for path in sorted(Path(folder, "flows", kind).glob("*.csv"))]


def header(name: str) -> list[str]:
    text = (corpus() / "flows" / "headers" / f"{name}.txt").read_text()
    return [title.strip() for title in text.strip("\n").split(",")]


def published_names() -> dict[str, str]:
    """What any of the other header sets calls a feature: its published name."""
    published = [name for i, name in enumerate(header("generated_labelled_flows_85")) if name != "Label" and i != 61]
    names: dict[str, str] = {}
    for other in ("cicflowmeter_v4_2018_84", "cicflowmeter_2021_84"):
        theirs = [name for name in header(other) if name != "Label"]
        names.update(zip(theirs, published, strict=True))
    return names


def read_rows(path: Path) -> list[dict[str, str]]:
    names = published_names()
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = [line for line in csv.reader(file) if line]
    head = [names.get(title.strip(), title.strip()) for title in lines[0]]
    return [dict(zip(head, line, strict=True)) for line in lines[1:]]


def same(ours: Any, golden: str, tolerance: float = 1e-9) -> bool:
    if isinstance(ours, str):
        return ours == golden
    theirs = float(golden)
    if math.isnan(ours):
        return math.isnan(theirs)
    return ours == theirs or math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=1e-12)


def differences(
    ours: Iterable[Mapping[str, Any]],
    golden: Iterable[Mapping[str, str]],
    left_out: Iterable[str] = (),
    alike: Callable[[Any, str], bool] = same,
) -> list[str]:
    """What differs, row by row; rows are paired within those of one Flow ID, the most alike first."""
    pool: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in ours:
        pool[row["Flow ID"]].append(row)
    found: list[str] = []
    names: list[str] = []
    for row in golden:
        names = names or [name for name in row if name not in {*NOT_FEATURES, "Timestamp", *left_out}]
        candidates = pool[row["Flow ID"]]
        if not candidates:
            found.append(f"missing: {row['Flow ID']}")
            continue
        best = min(candidates, key=lambda other: sum(not alike(other[name], row[name]) for name in names))
        candidates.remove(best)
        found += [
            f"{row['Flow ID']} {name}: ours {best[name]}, golden {row[name]}"
            for name in names
            if not alike(best[name], row[name])
        ]
    return found + [f"too many: {key}" for key, rows in pool.items() for _ in rows]


def excel(value: float, integer: bool = False) -> float:
    """What a spreadsheet left of a double: 3 digits of large ones, else 11 characters."""
    if integer or not math.isfinite(value):
        return value
    if abs(value) >= 1e7:
        return float(f"{value:.3g}")
    text = repr(value) if "e" not in repr(value) else f"{value:.20f}"
    room = 10 - len(text.split(".")[0])
    return round(value, max(0, room))
