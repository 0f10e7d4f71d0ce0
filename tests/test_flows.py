"""Flows of the core: equal to the golden rows and to the slow twin, however they are asked for."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import flow_golden as golden
import pcapframe as pf


def opened(source: Any, threads: int = 1, chunk: int = 0) -> pf.Capture:
    capture = pf.open(source, threads=threads, progress=False)
    capture._options = replace(capture._options, chunk=chunk)
    return capture


def rows(frame: pf.Frame) -> list[dict[str, Any]]:
    table = frame.to_dict()
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


@pytest.mark.parametrize(("kind", "name"), golden.cases())
def test_golden(kind: str, name: str) -> None:
    flows = golden.corpus() / "flows"
    ours = rows(opened(flows / "pcaps" / f"{name}.pcap").flows(**golden.KINDS[kind]))
    assert golden.differences(ours, golden.read_rows(flows / kind / f"{name}.csv")) == []


@pytest.mark.parametrize("run", ["nmap-ss", "ping"])
def test_rustiflow_runs(run: str) -> None:
    corpus = golden.corpus()
    ours = rows(opened(corpus / "captures" / golden.RUNS / run / "dump.pcap").flows(**golden.RUSTIFLOW))
    assert golden.differences(ours, golden.read_rows(corpus / "golden" / golden.RUNS / run / "cicflowmeter.csv")) == []


def test_published_rows() -> None:
    """Of the published rows those whose packets the capture has."""
    corpus = golden.corpus()
    published = golden.read_rows(corpus / golden.SQLI_TABLE)
    published = [row for row in published if 36196 <= float(row["Source Port"]) <= 36212]
    assert len(published) == 16
    ours = rows(opened(corpus / golden.SQLI_CAPTURE).flows("cic2017", quantize="excel"))

    def alike(mine: Any, theirs: str) -> bool:
        return mine == theirs if isinstance(mine, str) else mine == float(theirs)

    left_over = golden.differences(ours, published, ["Fwd Header Length.1"], alike)
    assert [text for text in left_over if not text.startswith("too many")] == []
