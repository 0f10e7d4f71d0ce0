"""The slow twin of flows gives back the golden rows of the Java tools."""

from __future__ import annotations

from typing import Any

import pytest

import flow_golden as golden
import naive_flows
import naive_pcap


def rows(path, options: dict[str, Any]) -> list[dict[str, object]]:
    given = {name: value for name, value in options.items() if name != "tz"}
    if "protocols" in given:
        given["protocols"] = frozenset(given["protocols"])
    _, records, _ = naive_pcap.read_pcap(path.read_bytes())
    return naive_flows.flows_of(records, naive_flows.Options(**given))


@pytest.mark.parametrize(("kind", "name"), golden.cases())
def test_golden(kind: str, name: str) -> None:
    flows = golden.corpus() / "flows"
    ours = rows(flows / "pcaps" / f"{name}.pcap", golden.KINDS[kind])
    assert golden.differences(ours, golden.read_rows(flows / kind / f"{name}.csv")) == []


@pytest.mark.parametrize("run", ["nmap-ss", "ping"])
def test_rustiflow_runs(run: str) -> None:
    corpus = golden.corpus()
    ours = rows(corpus / "captures" / golden.RUNS / run / "dump.pcap", golden.RUSTIFLOW)
    assert golden.differences(ours, golden.read_rows(corpus / "golden" / golden.RUNS / run / "cicflowmeter.csv")) == []


def test_published_rows() -> None:
    """Of the published rows those whose packets the capture has: to eleven characters, as a spreadsheet left them."""
    corpus = golden.corpus()
    published = golden.read_rows(corpus / golden.SQLI_TABLE)
    published = [row for row in published if 36196 <= float(row["Source Port"]) <= 36212]
    assert len(published) == 16
    ours = rows(corpus / golden.SQLI_CAPTURE, {"variant": "cic2017"})

    def alike(mine: Any, theirs: str) -> bool:
        return mine == theirs if isinstance(mine, str) else golden.excel(mine, isinstance(mine, int)) == float(theirs)

    left_over = golden.differences(ours, published, ["Fwd Header Length.1"], alike)
    assert [text for text in left_over if not text.startswith("too many")] == []
