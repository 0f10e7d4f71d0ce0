"""Scores of tables, Frames and captures, and the command that trains and scores."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pcapframe as pf
from captures import pcap_bytes
from model_tables import SMALL
from pcapframe import cli

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")
skops = pytest.importorskip("skops.io", reason="skops is not installed")
pytest.importorskip("xgboost", reason="XGBoost is not installed")


from pcapframe import _made, _models_score, models  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")


@pytest.mark.parametrize("kind", ["random_forest", "sigma"])
def test_scores_are_the_models_own(table: Any, fitted: Callable[[str], Any], kind: str) -> None:
    model = fitted(kind)
    frame = models.score(table, model)
    assert frame.columns[:6] == [
        "flow_start",
        "Source IP",
        "Source Port",
        "Destination IP",
        "Destination Port",
        "Protocol",
    ]
    if kind == "random_forest":
        assert frame["class"].tolist() == model.predict(table).tolist()
        np.testing.assert_array_equal(frame["probability"].values, model.predict_proba(table).max(axis=1))
    else:
        assert (frame["class"] == "ATTACK").tolist() == (model.predict(table) == -1).tolist()
        np.testing.assert_array_equal(frame["score"].values, -model.decision_function(table))
    for name in ("Source IP", "Source Port", "Destination Port"):
        assert frame[name].tolist() == table[name].tolist()
    assert frame["flow_start"].tolist() == [time.value for time in table["Timestamp"].dt.as_unit("ns")]
    again = frame.to_pandas()
    assert again["class"].tolist() == frame["class"].tolist()
    attacks = frame[frame["class"] != "BENIGN"]
    assert len(attacks) == sum(name != "BENIGN" for name in frame["class"].tolist())
    assert "flows" not in repr(attacks[["class", "Source IP"]])
    assert attacks._repr_html_()


def test_scores_go_where_frames_go(table: Any, fitted: Callable[[str], Any], tmp_path: Path) -> None:
    made = table.head(40).copy(deep=False)
    made.attrs = {
        "pcapframe": {**table.attrs["pcapframe"], "options": {"flows": {"variant": "cic2017", "compat": None}}}
    }
    frame = models.score(made, fitted("random_forest"), reasons=1)
    assert frame[:3].provenance["options"]["flows"]["variant"] == "cic2017"  # what `packets_of` asks for
    for suffix in ("parquet", "csv", "jsonl"):
        assert frame.write(tmp_path / f"s.{suffix}") == 40
    again = pd.read_parquet(tmp_path / "s.parquet")
    assert again["class"].tolist() == frame["class"].tolist()
    assert again["flow_start"].tolist() == table["Timestamp"].head(40).tolist()
    assert again["reasons"].isna().tolist() == [text is None for text in frame["reasons"].tolist()]
    assert pd.read_csv(tmp_path / "s.csv")["class"].tolist() == frame["class"].tolist()


def test_reasons_are_given_for_flagged_flows_up_to_a_thousand(
    table: Any, fitted: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = models.score(table, fitted("random_forest"), reasons=2)
    flagged = np.array([name != "BENIGN" for name in frame["class"].tolist()])
    assert (frame["reasons"].valid == flagged).all()
    texts = [text for text in frame["reasons"].tolist() if text]
    assert any("; " in text for text in texts)
    assert not any("SYN Flag Count" in text for text in texts)  # that column holds another flag in this variant
    monkeypatch.setattr(_models_score, "MOST", 5)
    assert models.score(table, fitted("random_forest"), reasons=1)["reasons"].valid.sum() == 5


class Flows:
    """A capture whose flows are those of a table."""

    files = ("stand-in.pcap",)

    def __init__(self, table: Any) -> None:
        self.table, self.asked = table, None

    def flow_batches(self, rows: int, **options: Any) -> Iterator[Any]:
        self.asked = options
        for start in range(0, len(self.table), 250):
            yield self.table.iloc[start : start + 250]


def test_a_capture_is_scored_in_batches(table: Any, fitted: Callable[[str], Any]) -> None:
    made = table.assign(flow_id=np.arange(1, len(table) + 1))
    cap = Flows(made)
    frame = models.score(cap, fitted("random_forest"), reasons=1)
    assert cap.asked == {"variant": "cic2017", "compat": None}
    whole = models.score(made, fitted("random_forest"), reasons=1)
    for name in whole.columns:
        assert frame[name].tolist() == whole[name].tolist()
    with pytest.raises(ValueError, match=r"score: no flows in stand-in\.pcap"):
        models.score(Flows(made.head(0)), fitted("random_forest"))


def test_what_cannot_be_scored(table: Any, fitted: Callable[[str], Any]) -> None:
    with pytest.raises(ValueError, match="score: no flows"):
        models.score(table.head(0), fitted("sigma"))
    with pytest.raises(ValueError, match="the model is not fitted"):
        models.score(table, models.make_model("sigma"))
    with pytest.raises(TypeError, match="a DataFrame or Frame of flows is needed"):
        models.score([1], fitted("sigma"))
    with pytest.raises(ValueError, match="reasons: a whole number, 0 or more, not -1"):
        models.score(table, fitted("sigma"), reasons=-1)
    with pytest.raises(ValueError, match="lack"):
        models.score(table[["Flow Duration"]], fitted("sigma"))


# ----------------------------------------------------------------------------------------------------- real captures

LAB = Path(__file__).parent.parent / "examples" / "lab.pcap"
ATTACKERS = {"203.0.113.9": "scan", "203.0.113.66": "flood", "198.51.100.66": "made-up names"}


@pytest.fixture(scope="module")
def known() -> Any:
    flows = pf.open(LAB).flows().to_pandas()
    return flows.assign(Label=flows["Source IP"].astype(str).map(ATTACKERS).fillna("BENIGN"))


@pytest.fixture(scope="module")
def forest(known: Any) -> Any:
    return models.make_model("random_forest", **SMALL["random_forest"]).fit(known, known["Label"])


def test_a_capture_a_frame_and_a_table_have_the_same_scores(forest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cap = pf.open(LAB)
    flows = cap.flows()
    expected = models.score(flows.to_pandas(), forest, reasons=1)
    assert (models.score(cap.flows().to_pandas(), forest)["class"].values == forest.predict(flows.to_pandas())).all()
    frame = models.score(flows, forest, reasons=1)
    assert frame.schema == expected.schema
    for name in frame.columns:
        assert frame[name].tolist() == expected[name].tolist(), name
    monkeypatch.setattr(_models_score, "BATCH", 700)
    streamed = models.score(cap, forest)
    assert streamed.schema == expected[[name for name in expected.columns if name != "reasons"]].schema
    order = [np.argsort(each["flow_id"].values, kind="stable") for each in (streamed, expected)]
    for name in streamed.columns:
        assert streamed[order[0]][name].tolist() == expected[order[1]][name].tolist(), name


def test_scores_lead_back_to_the_packets(forest: Any, known: Any, tmp_path: Path) -> None:
    cap = pf.open(LAB)
    scores = models.score(cap, forest)
    flood = scores[scores["class"] == "flood"]
    packets = cap.packets_of(flood)
    both = packets["ip_src"].isin(["203.0.113.66"]) | packets["ip_dst"].isin(["203.0.113.66"])
    assert both.all()
    assert len(packets) == known[known["Label"] == "flood"]["flow_packets"].sum()
    assert packets.write(tmp_path / "flood.pcap") == len(packets)


def test_scores_are_arrow_and_rows_and_slices(forest: Any, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    scores = models.score(pf.open(LAB), forest, reasons=1)
    rows = scores.to_dict()
    table = pyarrow.table(scores)
    for name, _, nullable in scores.schema:
        assert table.schema.field(name).nullable == nullable
        if name not in ("flow_start", "flow_end"):
            assert table.column(name).to_pylist() == rows[name]
    assert table.column("flow_start").cast("int64").to_pylist() == rows["flow_start"]
    which = np.random.default_rng(1).permutation(len(scores))[:500]
    for part, of in ((scores[which], which), (scores[7:90], np.arange(7, 90)), (scores[which][5:9], which[5:9])):
        for name, values in part.to_dict().items():
            assert values == [rows[name][row] for row in of], name
    assert scores.write(tmp_path / "scores.parquet") == len(scores)


@given(st.lists(st.lists(st.none() | st.text(max_size=5), max_size=6), min_size=1, max_size=5), st.randoms())
def test_joined_text_is_its_slow_twin(pieces: list[list[str | None]], dice: Any) -> None:
    whole = [each for piece in pieces for each in piece]
    texts, strings = [], []
    for piece in pieces:
        names = list(dict.fromkeys(each for each in piece if each is not None))
        codes = np.array([-1 if each is None else names.index(each) for each in piece], dtype=np.int64)
        texts.append(_made.text(codes, names))
        strings.append(_models_score._strings(piece))
    columns = {"text": _made.joined(texts), "string": _made.joined(strings)}
    frame = _made.frame_of_values(columns, frozenset(columns), len(whole))
    rows = [dice.randrange(len(whole)) for _ in range(4)] if whole else []
    for name in columns:
        assert frame[name].tolist() == whole
        assert frame[np.array(rows, dtype=np.intp)][name].tolist() == [whole[row] for row in rows]


def test_what_makes_flows_is_asked_for_those_of_the_model(
    forest: Any, table: Any, fitted: Callable[[str], Any]
) -> None:
    class Running:
        def flows(self, variant: str, compat: str | None) -> Any:
            assert (variant, compat) == ("corrected", None)
            return pf.open(LAB).flows(variant, compat)

    assert len(models.score(Running(), forest)) == 4449
    named = table.head(5).rename(columns={"day": "flows"})  # a column of that name makes no flows
    named.attrs = table.attrs
    assert len(models.score(named, fitted("random_forest"))) == 5
    on_array = models.make_model("random_forest", **SMALL["random_forest"]).fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="trained on an array"):
        models.score(pf.open(LAB), on_array)
    with pytest.raises(ValueError, match="trained on flows of corrected, and these are of cic2017"):
        models.score(pf.open(LAB).flows("cic2017"), forest)
    with pytest.raises(ValueError, match="score: no flows in <"):
        models.score(pf.open(pcap_bytes([])), forest)


def test_numbers_too_large_for_the_matrix_are_as_infinite(known: Any, forest: Any) -> None:
    strange = known.head(3).copy()
    strange.attrs = known.attrs
    strange["Flow Bytes/s"] = [1e39, -1e300, np.inf]
    matrix = forest[0].transform(strange)
    place = forest[0].features_.index("Flow Bytes/s")
    assert matrix[:, place].tolist() == [-1.0, -1.0, -1.0]
    assert np.isfinite(matrix).all()


def test_the_next_day_is_always_the_same() -> None:
    sys.path.insert(0, str(LAB.parent))
    import next_day

    data = next_day.capture()
    assert data == next_day.capture()
    cap = pf.open(data)
    info = cap.info(full=True)
    assert (info.packets, info.faults, info.packet_faults) == (13_236, (), {})
    assert set(next_day.TRUTH) | {next_day.LOST, next_day.MONITOR} <= set(cap.flows()["Source IP"].tolist())


# ------------------------------------------------------------------------------------------------------- the command


def run(*arguments: Any) -> int:
    return cli.main([os.fspath(argument) for argument in arguments])


def test_the_command_trains_and_scores(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "m.skops"
    small = ["--param", "n_estimators=8", "--param", "n_jobs=1"]
    assert run("train", folder, "-o", model, "--split", "group", "--label-map", "groups", *small) == 0
    assert "no pair of end points is on both sides" in capsys.readouterr().out
    assert run("score", folder, "--model", model, "--reasons", "2", "--rows", "3") == 0
    said = capsys.readouterr().out
    assert "BENIGN" in said
    assert "more flows" in said
    assert run("score", folder, "--model", model, "-o", tmp_path / "s.csv", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    rows = pd.read_csv(tmp_path / "s.csv")
    assert rows["class"].value_counts().to_dict() == told["classes"]
    assert told["flows"] == len(rows)
    assert run("train", folder, "-o", model, "--model", "sigma", "--split", "none", "--json", "--as-it-is") == 0
    assert json.loads(capsys.readouterr().out)["estimator"] == "SigmaRule"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "{folder}", "-o", "m.pickle"], "a name that ends in .skops is needed"),
        (["train", "{folder}", "-o", "nowhere/m.skops"], "nowhere: No such folder"),
        (["train", "{folder}", "-o", "m.skops", "--param", "wombats=3"], "random_forest has no parameter 'wombats'"),
        (["train", "{folder}", "-o", "m.skops", "--param", "wombats"], "NAME=VALUE is needed"),
        (["train", "a.pcap", "-o", "m.skops"], "train takes labelled tables"),
        (["train", "a.pcap", "b.csv", "-o", "m.skops"], "captures and tables do not go together"),
        (["score", "{folder}", "--model", "nothing.skops"], "nothing.skops: No such file"),
        (["score", "{folder}", "--model", __file__], "no saved model"),
        (["score", "{folder}", "--model", "m.skops", "-o", "x.xlsx"], ".csv or .json can be written"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(*(text.replace("{folder}", str(folder)) for text in arguments)) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1


BAD: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "one class": (lambda lines: [line for line in lines if "BENIGN" in line or "Label" in line], "one class, BENIGN"),
    "a header alone": (lambda lines: lines[:1], "no flows"),
    "half a line": (lambda lines: [*lines[:9], lines[9][:40]], "fields where the header has 85"),
    "no label": (lambda lines: [line.rpartition(",")[0] for line in lines], "no column 'Label'"),
    "nothing": (lambda lines: [], "empty"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("split", ["none", "dedup-random"])
def test_what_nothing_can_be_learned_from_is_said_before_any_work(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, what: str,
    split: str,
) -> None:  # fmt: skip
    def work(*_: Any, **__: Any) -> None:
        raise AssertionError("the work has begun")

    monkeypatch.setattr(pf.cicids, "clean", work)
    lines = next(folder.glob("Tuesday*")).read_bytes().decode("cp1252").splitlines()
    change, message = BAD[what]
    path = tmp_path / "t.csv"
    path.write_text("".join(line + "\n" for line in change(lines)))
    assert run("train", path, "-o", tmp_path / "m.skops", "--split", split) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "m.skops").exists()


def test_what_is_odd_is_told_and_learned(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = next(folder.glob("Tuesday*")).read_bytes().decode("cp1252").splitlines()
    lines[2::5] = [line.rpartition(",")[0] + ",Strange" for line in lines[2::5]]
    path = tmp_path / "t.csv"
    path.write_text("".join(",".join(line.split(",")[:40] + line.split(",")[-1:]) + "\n" for line in lines))
    small = ("--model", "sigma", "--split", "none")
    assert run("train", path, "-o", tmp_path / "m.skops", *small) == 0
    told = capsys.readouterr().err
    assert "labels that CICIDS2017 does not have: 'Strange'" in told
    assert "43 features of the published tables lacking" in told
    assert run("train", tmp_path / "nowhere", "-o", tmp_path / "m.skops", *small) == 2
    assert "nowhere: No such folder" in capsys.readouterr().err
    assert run("score", path, "--model", tmp_path / "m.skops") == 0
    assert run("score", "--model", tmp_path / "m.skops") == 2
    assert "--live INTERFACE" in capsys.readouterr().err


def test_times_without_a_zone_mean_utc(table: Any, fitted: Callable[[str], Any]) -> None:
    """As labels have it: a table that was read from a file of ours may have lost its zone."""
    flows = table.assign(flow_start=table["Timestamp"], flow_end=table["Timestamp"])
    plain = flows.assign(**{name: flows[name].dt.tz_localize(None) for name in ("flow_start", "flow_end")})
    numbers = flows.assign(**{name: plain[name].astype("datetime64[ns]").astype("int64") for name in ("flow_start",)})
    model = fitted("sigma")
    wanted = models.score(flows, model)["flow_start"].values
    for each in (plain, numbers):
        assert np.array_equal(models.score(each, model)["flow_start"].values, wanted)


class _GoingOn:
    """A capture of which more and more packets are there, as of an interface."""

    def __init__(self, path: Path) -> None:
        self.whole, self.now = pf.open(path, progress=False), 0
        self._recording = self
        self.core = self

    def mark(self, number: int | None) -> tuple[int]:
        return (self.now if number is None else number,)

    def _between(self, start: tuple[int], end: tuple[int]) -> pf.Capture:
        return self.whole.filter(frame_number=slice(start[0] + 1, end[0] + 1))

    def _capture(self, start: Any = None, end: Any = None) -> pf.Capture:
        return self.whole

    capture = _capture

    def _flows_so_far(self, **options: Any) -> Any:
        from pcapframe._live import FlowsSoFar

        return FlowsSoFar(self, **options)  # type: ignore[arg-type]


def test_what_goes_on_is_scored_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last step has the scores of the whole; one that is interrupted is taken again, and none is scored twice."""
    live = _GoingOn(Path(__file__).parents[1] / "examples" / "lab.pcap")
    flows = live.whole.flows(variant="cic2017")  # which end with the first FIN
    packets = live.whole.info(full=True).packets
    assert packets is not None
    model = models.make_model("random_forest", n_estimators=3).fit(
        flows, np.where(np.arange(len(flows)) % 2, "Bot", "BENIGN")
    )
    scores = _models_score.LiveScores(live, model)
    assert scores.step() is None
    assert scores.whole() is None
    told: list[int] = []
    for step in range(1, 6):
        live.now = packets * step // 5
        if step == 3:
            with monkeypatch.context() as patch:
                patch.setattr(_models_score, "classified", lambda *_: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    scores.step()
        found = scores.step()
        assert found is not None
        told.append(len(found))
    assert told[4] < len(flows)  # flows that ended before are not scored again
    whole, wanted = scores.whole(), models.score(live.whole, model)
    assert whole is not None
    wanted = wanted[np.lexsort([wanted["flow_id"].values, wanted["flow_start"].values])]
    assert whole.to_dict() == wanted.to_dict()
    assert len(live.whole.packets_of(whole[:1])) > 0
