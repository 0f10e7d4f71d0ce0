"""Splits, and figures on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pcapframe as pf
from model_tables import CORPUS, ENDS, SMALL, needs_corpus
from pcapframe import _cicids_columns as known

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")
skops = pytest.importorskip("skops.io", reason="skops is not installed")
pytest.importorskip("xgboost", reason="XGBoost is not installed")

from sklearn.metrics import f1_score  # noqa: E402

from pcapframe import _models_evaluate, models  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")


def parts(table: Any, split: str, **options: Any) -> list[tuple[Any, Any]]:
    """The training and test rows of a split."""
    given = {"share": 0.3, "folds": None, "seed": 0, **options}
    labels = table["Label"].astype(str).to_numpy()
    return [(table[~test], table[test]) for test in _models_evaluate._parts(table, labels, split, **given)]


def test_splits_do_what_they_say(table: Any) -> None:
    ((train, test),) = parts(table, "time")
    assert train["Timestamp"].max() <= test["Timestamp"].min()
    assert abs(len(test) / len(table) - 0.3) < 0.01
    ((train, test),) = parts(table, "day")
    assert not set(train["day"]) & set(test["day"])
    assert set(test["day"]) == {"Friday"}
    ((train, test),) = parts(table, "random")
    assert set(train["Label"]) == set(test["Label"]) == set(table["Label"])
    ((train, test),) = parts(table, "group")
    ends = [{frozenset([(a, b), (c, d)]) for a, b, c, d in part[ENDS].to_numpy()} for part in (train, test)]
    assert not ends[0] & ends[1]
    assert 0.15 < len(test) / len(table) < 0.45
    for split in models.SPLITS:
        first, second = parts(table, split), parts(table, split)
        assert all(a[1].index.equals(b[1].index) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("split", ["random", "group"])
def test_folds_test_every_row_once(table: Any, split: str) -> None:
    found = parts(table, split, folds=4)
    assert len(found) == 4
    assert sorted(row for _, test in found for row in test.index) == list(table.index)


def test_equal_flows_are_on_one_side_only(table: Any) -> None:
    twice = pd.concat([table, table], ignore_index=True)
    twice.attrs = table.attrs
    model = models.make_model("random_forest", **SMALL["random_forest"])
    once = models.evaluate(model, twice, "dedup-random")
    assert once.summary["train"] + once.summary["test"] == len(table)
    both = models.evaluate(model, twice, "random")
    assert both.summary["train"] + both.summary["test"] == 2 * len(table)
    assert "flatters" in str(both)


@pytest.mark.parametrize("kind", models.KINDS)
def test_figures_are_those_of_the_confusion(table: Any, kind: str) -> None:
    found = models.evaluate(models.make_model(kind, **SMALL[kind]), table, "random")
    confusion, classes = found.confusion.to_numpy(), list(found.confusion.index)
    assert confusion.sum() == found.summary["test"]
    right = np.trace(confusion)
    assert found.summary["accuracy"] == pytest.approx(right / confusion.sum())
    weighted = 0.0
    for place, name in enumerate(classes):
        hit, said, there = confusion[place, place], confusion[:, place].sum(), confusion[place].sum()
        row = found.per_class.loc[name]
        assert row["test"] == there
        f1 = 2 * hit / (said + there) if said + there else 0.0
        if there:
            assert row["recall"] == pytest.approx(hit / there)
            assert row["f1"] == pytest.approx(f1)
        weighted += there * f1
    assert found.summary["weighted_f1"] == pytest.approx(weighted / confusion.sum())
    benign = classes.index("BENIGN")
    quiet = confusion[benign]
    assert found.summary["false_alarms_per_million"] == pytest.approx(1e6 * (1 - quiet[benign] / quiet.sum()))
    assert json.loads(json.dumps(found.to_dict()))["summary"]["test"] == found.summary["test"]
    assert "weighted F1" in str(found)
    if kind == "random_forest":
        assert found.summary["weighted_f1"] > 0.97


def test_a_fitted_model_is_tested_as_it_is(table: Any, fitted: Callable[[str], Any]) -> None:
    model = fitted("random_forest")
    found = models.evaluate(model, table, None)
    expected = f1_score(table["Label"].astype(str), model.predict(table), average="weighted")
    assert found.summary["weighted_f1"] == pytest.approx(expected)


def test_attacks_that_were_never_seen_are_named(table: Any) -> None:
    found = models.evaluate(models.make_model("random_forest", **SMALL["random_forest"]), table, "day")
    assert found.notes == ["tested, but not in the training part: Botnet, DDoS, PortScan"]
    assert found.per_class.loc["DDoS", ["recall", "train"]].tolist() == [0, 0]
    assert np.isnan(found.per_class.loc["DDoS", "pr_auc"])
    assert found.summary["missed_attacks"] > 0.5


def test_the_papers_table_stands_beside_ours(table: Any) -> None:
    named = {kind: models.make_model(kind, **SMALL[kind]) for kind in ("random_forest", "sigma")}
    found = models.compare(named, table)
    assert found.table.loc["RF (2018 paper)", "f1"] == 0.97
    assert found.table.loc["random_forest", "f1"] == found["random_forest"].summary["weighted_f1"]
    assert "dedup-random" in str(found)


def test_what_cannot_be_evaluated_is_said_at_once(table: Any) -> None:
    rare = table.copy()
    rare["Label"] = ["Wombat"] * 2 + ["BENIGN"] * (len(rare) - 2)
    for flows, options, message in [
        (table.drop(columns="Label"), {}, "there is no column 'Label'"),
        (table.assign(Label="BENIGN"), {}, "one class, BENIGN"),
        (table.assign(Label=None), {}, "flows have no label"),
        (table.head(0), {}, "no flows"),
        (table, {"split": "sometimes"}, "split: 'time' or .*, not 'sometimes'"),
        (table, {"test_size": 1.0}, "a share between 0 and 1"),
        (table, {"folds": 10**6, "split": "random"}, r"folds: 2 up to the [\d,]+ rows, not 1000000"),
        (rare, {"folds": 3, "split": "random"}, "Wombat has 2 rows, fewer than the 3 folds"),
        (table, {"folds": 3, "split": "time"}, "split='time' has one"),
        (table[table["day"] == "Monday"].assign(Label=rare["Label"]), {"split": "day"}, "two days or more"),
        (table.drop(columns="Source IP"), {"split": "group"}, "no column 'Source IP'"),
        (table.drop(columns="Timestamp"), {"split": "time"}, "no Timestamp or flow_start"),
        (table, {"labels": ["A"]}, "1 labels for"),
    ]:
        with pytest.raises(ValueError, match=message):
            models.evaluate(models.make_model("sigma"), flows, **{"split": "random", **options})
    with pytest.raises(TypeError, match="a DataFrame or Frame of flows is needed"):
        models.evaluate("random_forest", [1])


@needs_corpus
@pytest.mark.soak
@pytest.mark.parametrize(("kind", "least"), [("random_forest", 0.98), ("xgboost", 0.98), ("logistic", 0.965)])
def test_real_rows(kind: str, least: float) -> None:
    flows = pf.cicids.load(Path(str(CORPUS), "tables", "derived", "cicids2017_improved_shared.csv.gz"))
    found = models.evaluate(models.make_model(kind), flows, "random")
    assert found.summary["weighted_f1"] >= least


def test_there_is_no_feature_that_nobody_explains() -> None:
    for name in known.FEATURES:
        assert known.holds(name, "cic2017")
        assert known.holds(name, None)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.95])
def test_a_class_of_two_rows_is_on_both_sides(share: float) -> None:
    labels = np.array(["a"] * 40 + ["b"] * 2 + ["c"])
    test = _models_evaluate._random_rows(labels, share, np.random.default_rng(1))
    for name in "ab":
        assert 0 < test[labels == name].sum() < (labels == name).sum()
    assert not test[labels == "c"].any()


def test_features_of_ones_own_beside_rounded_ones() -> None:
    flows = pd.DataFrame({"mine": [1e7 + 1, 2.0, 3.0, 4.0], "Flow Bytes/s": [12_345_678.0, 1.0, 2.0, 3.0]})
    model = models.make_model(
        "random_forest", features=["mine", "Flow Bytes/s"], variant="cic2017", quantize="excel", n_estimators=2
    ).fit(flows, ["a", "b", "a", "b"])
    assert model[0].transform(flows)[0].tolist() == [np.float32(1e7 + 1), 12_300_000.0]


@pytest.mark.parametrize("kind", ["random_forest", "isolation_forest"])
def test_forests_say_the_same_each_time(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit, whatever the number of threads and of rows at once: sums of trees depend on their order."""
    drawn = np.random.default_rng(4)
    rows = drawn.random((6000, 6), dtype=np.float32)
    model = models.make_model(kind, n_estimators=40, max_samples=0.5)
    model.fit(rows, np.where(drawn.random(6000) < 0.5, "BENIGN", "Bot"))
    model[-1].n_jobs = 1
    name = "predict_proba" if kind == "random_forest" else "decision_function"
    wanted = getattr(model[-1], name)(rows)
    model[-1].n_jobs = 4
    for most in (8192, 1000, 37):
        monkeypatch.setattr(_models_evaluate, "_ROWS", most)
        assert np.array_equal(_models_evaluate.steadily(model[-1], name, rows), wanted)
