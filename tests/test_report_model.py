"""A report's verdicts: those of scoring all flows at once."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import pcapframe as pf

pytest.importorskip("sklearn", reason="models need scikit-learn: pip install 'pcapframe[ml]'")
pytest.importorskip("pandas", reason="training needs pandas: pip install 'pcapframe[pandas]'")

LAB = Path(__file__).parent.parent / "examples" / "lab.pcap"


def trained() -> Any:
    flows = pf.open(LAB).flows().to_pandas()
    labels = flows["Source IP"].astype(str).eq("203.0.113.66").map({True: "DoS", False: "BENIGN"})
    flows["Label"] = labels
    return pf.models.make_model("random_forest", n_estimators=5).fit(flows[pf.models.feature_names(flows)], labels)


def test_verdicts_are_those_of_scoring_all_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pcapframe import _report_model

    monkeypatch.setattr(_report_model, "FLOWS", 1000)  # so that there are many batches
    cap, model = pf.open(LAB), trained()
    cap.report(tmp_path / "x.html", model=model)
    page = (tmp_path / "x.html").read_text("utf-8")
    body = page.split('id="classes-table"')[1].split("</table>")[0]
    shown = dict(re.findall(r'<tr><td>(\w+)</td><td class="n" data-v="(\d+)">', body))
    expected = Counter(pf.models.score(cap, model)["class"].tolist())
    assert {name: int(count) for name, count in shown.items()} == dict(expected)
    assert 'id="flagged-table"' in page


def test_a_model_that_takes_no_flows_says_so_on_the_page(tmp_path: Path) -> None:
    flows = pf.open(LAB).flows().to_pandas()
    names = pf.models.feature_names(flows)
    array = flows[names].to_numpy(dtype=float)
    model = pf.models.make_model("random_forest", n_estimators=5).fit(array, ["BENIGN"] * (len(array) - 1) + ["DoS"])
    pf.open(LAB).report(tmp_path / "x.html", model=model)
    assert "the model was trained on an array" in (tmp_path / "x.html").read_text("utf-8")
