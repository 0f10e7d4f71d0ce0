"""Models of flows: features, splits, figures, reasons, files that cannot run code, scores."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flow_tables
import pcapframe as pf
from pcapframe import _cicids_columns as known
from pcapframe import cli

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")
skops = pytest.importorskip("skops.io", reason="skops is not installed")
pytest.importorskip("xgboost", reason="XGBoost is not installed")

from sklearn.metrics import f1_score  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from pcapframe import _models_evaluate, _models_save, _models_score, _models_trust, models  # noqa: E402

CORPUS = os.environ.get("PCAPFRAME_CORPUS")
needs_corpus = pytest.mark.skipif(CORPUS is None, reason="PCAPFRAME_CORPUS names no folder of real tables")

# Small and on one thread: these are tests of what surrounds the estimators.
SMALL: dict[str, dict[str, Any]] = {
    "logistic": {"max_iter": 40},
    "random_forest": {"n_estimators": 12, "n_jobs": 1},
    "gradient_boosting": {"max_iter": 2, "max_leaf_nodes": 4},
    "xgboost": {"n_estimators": 3, "max_depth": 3, "n_jobs": 1},
    "isolation_forest": {"n_estimators": 12, "n_jobs": 1},
    "sigma": {},
}
ENDS = ["Source IP", "Source Port", "Destination IP", "Destination Port"]
CLASSIFIERS = models.KINDS[:4]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="lbfgs failed to converge")
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("tables")
    flow_tables.generator().write(where, rows=1000)
    return where


@pytest.fixture(scope="module")
def table(folder: Path) -> Any:
    return pf.cicids.clean(pf.cicids.load(folder), label_map="groups")


@pytest.fixture(scope="module")
def fitted(table: Any) -> Callable[[str], Any]:
    made: dict[str, Any] = {}

    def model(kind: str) -> Any:
        if kind not in made:
            rows = table if kind in CLASSIFIERS else table[table["Label"] == "BENIGN"]
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="lbfgs failed to converge")
                made[kind] = models.make_model(kind, **SMALL[kind]).fit(rows, rows["Label"].astype(str))
        return made[kind]

    return model


@parametrize_with_checks(
    [
        models.FlowFeatures(),
        models.SignedLog(),
        models.SigmaRule(),
        models.SigmaRule(method="mad"),
        models.XGBoostClassifier(n_estimators=3, n_jobs=1),
    ]
)
def test_scikit_learn_takes_our_estimators_for_its_own(estimator: Any, check: Callable[[Any], None]) -> None:
    try:
        check(estimator)
    except Exception as error:
        if type(error).__name__ == "SkipTest":
            pytest.skip(str(error))
        raise


# --------------------------------------------------------------------------------------------------------- features


def test_no_identifier_is_a_feature(table: Any) -> None:
    names = models.feature_names(table)
    assert not set(names) & {
        "Flow ID", "Source IP", "Source Port", "Destination IP", "Destination Port", "Timestamp", "Label", "day",
    }  # fmt: skip
    assert models.feature_names(table, destination_port=True) == [
        name for name in table.columns if name in {*names, "Destination Port"}
    ]
    added = table.assign(flow_id=1, community_id="x", flow_start=1, flow_end=2, flow_packets=3, flow_end_reason="fin")
    assert models.feature_names(added) == names


def test_noise_of_the_improved_release_is_left_out(table: Any) -> None:
    other = table.copy(deep=False)
    other.attrs = {"pcapframe": {**table.attrs["pcapframe"], "layout": "improved"}}
    assert set(models.feature_names(table)) - set(models.feature_names(other)) == set(known.SUBFLOW)


def test_the_matrix_is_the_columns_by_name(table: Any) -> None:
    first = models.FlowFeatures().fit(table, table["Label"])
    matrix = first.transform(table)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, table[models.feature_names(table)].to_numpy(np.float64).astype(np.float32))
    shuffled = table[table.columns[::-1]]
    np.testing.assert_array_equal(first.transform(shuffled), matrix)
    assert first.get_feature_names_out().tolist() == models.feature_names(table)
    rows = table[models.feature_names(table)][table["Label"] == "BENIGN"]
    np.testing.assert_allclose(first.reference_, rows.median().to_numpy(), rtol=1e-6)


def test_what_is_not_finite_and_what_is_null_has_one_value(table: Any) -> None:
    other = table.copy()
    other["Flow Bytes/s"] = [np.inf, -np.inf, np.nan] * (len(other) // 3) + [1.0] * (len(other) % 3)
    other["Flow Duration"] = pd.array([None, 5] * (len(other) // 2) + [5] * (len(other) % 2), dtype="Int64")
    first = models.FlowFeatures(features=["Flow Bytes/s", "Flow Duration"], nonfinite=-7).fit(other)
    assert first.transform(other)[:3].tolist() == [[-7, -7], [-7, 5], [-7, -7]]
    with pytest.raises(ValueError, match="'Flow Duration' holds no numbers"):
        first.transform(other.assign(**{"Flow Duration": "long"}))


def test_quantize_rounds_as_the_published_files_do(table: Any) -> None:
    values = [14333333.33, 99999999.9, 1e7, 9999999.96, 12345678901.0, -14333333.33]
    other = table.head(6).assign(**{"Flow Bytes/s": values, "Flow Duration": [115000001] * 6})
    first = models.FlowFeatures(["Flow Bytes/s", "Flow Duration"], quantize="excel").fit(other)
    expected = [float(f"{value:.3g}") if abs(value) >= 1e7 else value for value in values]
    np.testing.assert_array_equal(first.transform(other)[:, 0], np.array(expected, dtype=np.float32))
    assert set(first.transform(other)[:, 1]) == {np.float32(115000001)}  # integers were left alone


def test_definitions_are_kept_and_others_refused(table: Any) -> None:
    model = models.make_model("random_forest", **SMALL["random_forest"]).fit(table, table["Label"])
    assert str(model[0].definition_) == "cic2017"
    other = table.copy(deep=False)
    for changed, message in [
        ({"variant": "corrected"}, "trained on flows of cic2017, and these are of corrected"),
        ({"definitions": known.DEFINITIONS + 1}, "this model knows version 1 of the features, these flows have 2"),
    ]:
        other.attrs = {"pcapframe": {**table.attrs["pcapframe"], **changed}}
        with pytest.raises(ValueError, match=message):
            model.predict(other)
    other.attrs = {"pcapframe": {"options": {"flows": {"variant": "cic2017", "compat": "fork"}}}}
    with pytest.warns(UserWarning, match="these are of cic2017 with compat='fork'"):
        model.predict(other)
    other.attrs = {}
    assert model.predict(other).tolist() == model.predict(table).tolist()  # what was lost on the way is not asked for


def test_a_table_must_tell_how_its_features_are_defined(table: Any) -> None:
    bare = table.copy(deep=False)
    bare.attrs = {}
    with pytest.raises(ValueError, match=r"is not known: .* make_model\(\.\.\., variant='cic2017'\)"):
        models.make_model("sigma").fit(bare)
    assert str(models.make_model("sigma", variant="corrected").fit(bare)[0].definition_) == "corrected"
    with pytest.raises(ValueError, match="the table says that its features are cic2017"):
        models.make_model("sigma", variant="corrected").fit(table)


def test_missing_columns_are_named(table: Any, fitted: Callable[[str], Any]) -> None:
    less = table.drop(columns=["Flow Duration", "Flow IAT Max"])
    with pytest.raises(ValueError, match=r"lack 2 of the model's \d+ columns: 'Flow Duration', 'Flow IAT Max'$"):
        fitted("random_forest").predict(less)
    with pytest.raises(ValueError, match="lack 1 of the model's 1 columns: 'Flow Duraton'"):
        models.make_model("sigma", features=["Flow Duraton"]).fit(table)
    with pytest.raises(ValueError, match="no column is a feature of flows"):
        models.feature_names(pd.DataFrame({"a": [1]}))


def test_wrong_models_are_told_from_right_ones(table: Any) -> None:
    with pytest.raises(ValueError, match=r"kind: 'logistic', .*, not 'forest'"):
        models.make_model("forest")
    with pytest.raises(ValueError, match="random_forest has no parameter 'n_estimator'; did you mean n_estimators"):
        models.make_model("random_forest", n_estimator=3)
    with pytest.raises(ValueError, match="one class, A"):
        models.make_model("xgboost").fit(table, ["A"] * len(table))
    with pytest.raises(ValueError, match="quantize: None or 'excel'"):
        models.make_model("sigma", quantize="word").fit(table)
    with pytest.raises(ValueError, match="method: 'sigma' or 'mad'"):
        models.make_model("sigma", method="x").fit(table)


@pytest.mark.parametrize("method", ["sigma", "mad"])
def test_the_sigma_rule_is_its_slow_twin(method: str) -> None:
    random = np.random.default_rng(8)
    matrix = random.standard_t(2, size=(300, 4))
    matrix[:, 2] = 5  # does not vary: it can tell nothing
    matrix[:, 3] = np.where(random.random(300) < 0.9, 0, matrix[:, 3])  # half of it is its median
    rule = models.SigmaRule(k=3, method=method).fit(matrix)
    for row, found in zip(matrix, rule.predict(matrix), strict=True):
        outlier = False
        for place in (0, 1, 3):
            column = matrix[:, place].tolist()
            if method == "sigma":
                middle = sum(column) / len(column)
                scale = (sum((x - middle) ** 2 for x in column) / (len(column) - 1)) ** 0.5
            else:
                middle = float(np.median(column))
                apart = [abs(x - middle) for x in column]
                scale = 1.4826 * float(np.median(apart)) or 1.2533 * sum(apart) / len(apart)
            outlier |= abs(row[place] - middle) > 3 * scale
        assert found == (-1 if outlier else 1)


def test_xgboost_is_xgboosts_own() -> None:
    import xgboost

    random = np.random.default_rng(3)
    matrix = random.normal(size=(200, 5)).astype(np.float32)
    labels = np.array(["c", "a", "b"])[(matrix[:, 0] > 0).astype(int) + (matrix[:, 1] > 0.5)]
    ours = models.XGBoostClassifier(n_estimators=5, n_jobs=1).fit(matrix, labels)
    codes = {"a": 0, "b": 1, "c": 2}
    theirs = xgboost.XGBClassifier(n_estimators=5, n_jobs=1, learning_rate=0.3, max_depth=6, random_state=0)
    theirs.fit(matrix, [codes[label] for label in labels])
    assert ours.classes_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(ours.predict_proba(matrix), theirs.predict_proba(matrix))
    again = pickle.loads(pickle.dumps(ours))
    np.testing.assert_array_equal(again.predict_proba(matrix), ours.predict_proba(matrix))


# ----------------------------------------------------------------------------------------------------------- splits


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
        (table, {"split": "sometimes"}, "split: 'time', .*, not 'sometimes'"),
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


# ---------------------------------------------------------------------------------------------------------- reasons


@pytest.mark.parametrize("kind", models.KINDS)
def test_reasons_have_units_and_say_what_columns_hold(table: Any, fitted: Callable[[str], Any], kind: str) -> None:
    model, flows = fitted(kind), table[table["Label"] != "BENIGN"].head(20)
    found = models.explain(model, flows, top=4)
    assert found.groupby("flow").size().tolist() == [4] * 20
    assert found["class"].iloc[0] == str(_models_evaluate.predictions(model, flows)[0][0])
    matrix = model[0].transform(flows)
    names = model[0].get_feature_names_out().tolist()
    for row in found.itertuples():
        assert row.value == matrix[row.flow, names.index(row.feature)]
        assert row.unit == known.COLUMNS[row.feature].unit
        assert row.holds == known.holds(row.feature, "cic2017")
    assert (found.groupby("flow")["contribution"].apply(lambda part: part.is_monotonic_decreasing)).all()


def test_linear_terms_add_up_to_the_log_odds(table: Any, fitted: Callable[[str], Any]) -> None:
    model, flows = fitted("logistic"), table.sample(30, random_state=1)
    found = models.explain(model, flows, top=10**6)
    decision = model.decision_function(flows)
    usual = model[1:].decision_function(model[0].reference_[None, :].astype(np.float32))[0]
    places = [model.classes_.tolist().index(name) for name in model.predict(flows)]
    expected = [decision[row, place] - usual[place] for row, place in enumerate(places)]
    np.testing.assert_allclose(found.groupby("flow")["contribution"].sum(), expected, rtol=1e-3, atol=1e-3)


def test_xgboosts_contributions_add_up_to_the_margin(table: Any, fitted: Callable[[str], Any]) -> None:
    model, flows = fitted("xgboost"), table.sample(30, random_state=1)
    parts_ = model[-1].contributions(model[0].transform(flows))
    margins = model[-1].booster_.inplace_predict(model[0].transform(flows), predict_type="margin")
    np.testing.assert_allclose(parts_.sum(axis=2), margins, rtol=1e-3, atol=1e-3)


def test_replaced_features_are_those_of_the_slow_twin(table: Any, fitted: Callable[[str], Any]) -> None:
    model, flows = fitted("random_forest"), table.sample(7, random_state=1)
    found = models.explain(model, flows, top=10**6).set_index(["flow", "feature"])["contribution"]
    names = model[0].get_feature_names_out().tolist()
    for row in range(len(flows)):
        one = model[0].transform(flows.iloc[[row]])
        place = model[1:].predict_proba(one)[0].argmax()
        for feature, name in enumerate(names):
            other = one.copy()
            other[0, feature] = model[0].reference_[feature]
            lost = model[1:].predict_proba(one)[0, place] - model[1:].predict_proba(other)[0, place]
            assert found[row, name] == pytest.approx(lost, abs=1e-9)


def test_importance_is_what_is_lost_by_shuffling(table: Any, fitted: Callable[[str], Any]) -> None:
    found = models.importance(fitted("random_forest"), table, repeats=2, most=200)
    assert len(found) == len(models.feature_names(table))
    assert found["importance"].is_monotonic_decreasing
    assert found["importance"].iloc[0] > 0
    constant = [name for name in models.feature_names(table) if table[name].nunique() == 1]
    assert constant
    assert (found.set_index("feature").loc[constant, "importance"] == 0).all()


def test_a_thousand_flows_are_explained_and_no_more(table: Any, fitted: Callable[[str], Any]) -> None:
    many = pd.concat([table] * 2, ignore_index=True)
    with pytest.raises(ValueError, match=r"explain: 1,000 flows at once at most, not [\d,]+$"):
        models.explain(fitted("sigma"), many)
    with pytest.raises(ValueError, match="top: 1 or more"):
        models.explain(fitted("sigma"), table.head(1), top=0)
    assert len(models.explain(fitted("sigma"), table.head(0))) == 0


# -------------------------------------------------------------------------------------------------- save and load


@pytest.mark.parametrize("kind", models.KINDS)
def test_a_loaded_model_is_the_saved_one(table: Any, fitted: Callable[[str], Any], tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.skops"
    card = models.save(fitted(kind), path)
    assert sorted(os.listdir(tmp_path)) == ["m.card.json", "m.skops"]
    again = models.load(path)
    assert again.predict(table).tolist() == fitted(kind).predict(table).tolist()
    told = json.loads(Path(card).read_text())
    assert told["definitions"] == {"variant": "cic2017", "compat": None, "version": known.DEFINITIONS}
    assert [feature["name"] for feature in told["features"]] == models.feature_names(table)
    assert told["training"]["rows"] == (len(table) if kind in CLASSIFIERS else int((table["Label"] == "BENIGN").sum()))
    assert len(told["training"]["digest"]) == 64
    if kind in CLASSIFIERS:
        assert told["classes"] == sorted(set(table["Label"]))


def test_the_card_holds_the_figures(table: Any, tmp_path: Path, fitted: Callable[[str], Any]) -> None:
    found = models.evaluate(models.make_model("random_forest", **SMALL["random_forest"]), table, "group")
    card = models.save(fitted("random_forest"), tmp_path / "m.skops", found)
    told = json.loads(Path(card).read_text())
    assert told["metrics"]["split"] == "group"
    assert told["metrics"]["summary"]["weighted_f1"] == found.summary["weighted_f1"]
    assert {"pcapframe", "scikit-learn", "skops"} <= set(told["versions"])
    other = models.make_model("random_forest", **SMALL["random_forest"]).fit(table.iloc[1:], table["Label"].iloc[1:])
    assert models.card(other)["training"]["digest"] != told["training"]["digest"]


def schema_of(path: Path) -> Any:
    return json.loads(zipfile.ZipFile(path).read("schema.json"))


def with_schema(path: Path, schema: Any, **files: bytes) -> Path:
    """The file with another schema (and other members)."""
    octets = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(octets, "w") as new:
        for name in old.namelist():
            if name != "schema.json":
                new.writestr(name, files.get(name, old.read(name)))
        new.writestr("schema.json", json.dumps(schema))
    path.write_bytes(octets.getvalue())
    return path


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from nodes(value)


class Evil:
    """Runs code when it is unpickled, or when a loader calls what a file names."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("where", ["estimator", "function", "reduce", "type", "trusted"])
def test_a_file_that_names_what_no_model_needs_is_refused(
    table: Any, tmp_path: Path, fitted: Callable[[str], Any], where: str
) -> None:
    path = tmp_path / "m.skops"
    models.save(fitted("sigma"), path)
    schema = schema_of(path)
    found = [node for node in nodes(schema) if node.get("__class__") == "SigmaRule"]
    assert len(found) == 1
    if where == "estimator":
        found[0]["__module__"], found[0]["__class__"] = "subprocess", "Popen"
    elif where == "function":
        found[0].clear()
        found[0].update({"__module__": "os", "__class__": "system", "__loader__": "FunctionNode", "__id__": 99})
        found[0]["content"] = {"module_path": "os", "function": "system"}
    elif where == "reduce":
        content = {
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "content": [],
            "__id__": 98,
        }
        found[0].clear()
        found[0].update({"__module__": "os", "__class__": "system", "__loader__": "OperatorFuncNode", "__id__": 99})
        found[0].update({"attrs": content, "constructor": content})
    elif where == "type":
        found[0].clear()
        found[0].update({"__module__": "builtins", "__class__": "exec", "__loader__": "TypeNode", "__id__": 99})
    else:  # what the library itself might trust, from a place where a model has nothing
        found[0]["__module__"], found[0]["__class__"] = "operator", "methodcaller"
    with_schema(path, schema)
    with pytest.raises(ValueError, match=r"^[^\n]*m\.skops: (refused|no saved model)[^\n]*$"):
        models.load(path)


def test_a_pickle_is_no_model(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "m.skops"
    path.write_bytes(pickle.dumps(Evil(f"touch {marker}")))
    with pytest.raises(ValueError, match="no saved model"):
        models.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps({"__class__": "x", "__module__": "builtins"}))
        archive.writestr("data.pkl", pickle.dumps(Evil(f"touch {marker}")))
    with pytest.raises(ValueError, match=r"no saved model|refused"):
        models.load(path)
    assert not marker.exists()


def test_an_array_of_objects_is_not_unpickled(tmp_path: Path, fitted: Callable[[str], Any]) -> None:
    marker, path = tmp_path / "ran", tmp_path / "m.skops"
    models.save(fitted("sigma"), path)
    octets = io.BytesIO()
    np.save(octets, np.array([Evil(f"touch {marker}")], dtype=object), allow_pickle=True)
    name = next(name for name in zipfile.ZipFile(path).namelist() if name.endswith(".npy"))
    with_schema(path, schema_of(path), **{name: octets.getvalue()})
    with pytest.raises(ValueError, match="no saved model, or a damaged one"):
        models.load(path)
    assert not marker.exists()


def test_damaged_files_are_refused_in_one_line(tmp_path: Path, fitted: Callable[[str], Any]) -> None:
    path = tmp_path / "m.skops"
    models.save(fitted("random_forest"), path)
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    for octets in (b"", b"PK", whole[:200], whole[:-30], whole[: len(whole) // 2]):
        path.write_bytes(octets)
        with pytest.raises(ValueError, match=r"^[^\n]*no saved model[^\n]*$"):
            models.load(path)
    for _ in range(20):  # octets changed anywhere: refused, or what is loaded was checked
        broken = bytearray(whole)
        for place in random.integers(len(broken), size=3):
            broken[place] ^= 1 << random.integers(8)
        path.write_bytes(broken)
        with contextlib.suppress(ValueError):
            models.load(path)
    with pytest.raises(FileNotFoundError):
        models.load(tmp_path / "nothing.skops")


def test_trees_that_lead_nowhere_are_refused() -> None:
    good = np.array([1, -1, -1]), np.array([2, -1, -1]), np.array([0, -2, -2])
    _models_trust.check_walk(*good, features=1)
    for left, right, feature, message in [
        ([1, -1, -1], [3, -1, -1], [0, -2, -2], "out of itself"),
        ([-5, -1, -1], [2, -1, -1], [0, -2, -2], "out of itself"),
        ([0, -1, -1], [2, -1, -1], [0, -2, -2], "out of itself"),  # the root is nobody's child
        ([1, 2, 1], [2, 1, 2], [0, 0, 0], "comes back"),
        ([1, -1, -1], [1, -1, -1], [0, -2, -2], "comes back"),
        ([1, -1, -1], [-1, -1, -1], [0, -2, -2], "half a node"),
        ([1, -1, -1], [2, -1, -1], [1, -2, -2], "not there"),
        ([1, -1, -1], [2, -1, -1], [-2, -2, -2], "not there"),
        ([1, -1], [2, -1, -1], [0, -2, -2], "not equally long"),
        ([], [], [], "not equally long"),
    ]:
        with pytest.raises(ValueError, match=message):
            _models_trust.check_walk(np.array(left), np.array(right), np.array(feature), 1)


@pytest.mark.parametrize("kind", ["random_forest", "gradient_boosting", "isolation_forest"])
def test_a_file_with_a_circle_in_a_tree_is_refused(tmp_path: Path, fitted: Callable[[str], Any], kind: str) -> None:
    """The array of nodes is replaced by one that would keep native code walking for ever, or read elsewhere."""
    path = tmp_path / "m.skops"
    models.save(fitted(kind), path)
    files = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                array = np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
                if array.dtype.names and len(array) > 1:
                    side = "left" if "left" in array.dtype.names else "left_child"
                    array[side][0] = len(array) + 7 if len(files) % 2 else 0
                    octets = io.BytesIO()
                    np.save(octets, array)
                    files[name] = octets.getvalue()
    assert files
    with_schema(path, schema_of(path), **files)
    with pytest.raises(ValueError, match="a tree that leads out of itself"):
        models.load(path)


def test_a_booster_with_a_wrong_tree_is_refused(fitted: Callable[[str], Any]) -> None:
    estimator = fitted("xgboost")[-1]
    state = estimator.__getstate__()
    features, classes = estimator.n_features_in_, len(estimator.classes_)
    _models_trust.check_booster(state["booster_"], classes, features)

    def changed(change: Callable[[Any], None]) -> bytes:
        document = json.loads(state["booster_"])
        change(document["learner"])
        return json.dumps(document).encode()

    def tree(learner: Any) -> Any:
        return learner["gradient_booster"]["model"]["trees"][0]

    changes: list[Callable[[Any], Any]] = [
        lambda x: tree(x)["left_children"].__setitem__(0, 10**6),
        lambda x: tree(x)["left_children"].__setitem__(0, 0),
        lambda x: tree(x)["split_indices"].__setitem__(0, 10**6),
        lambda x: tree(x)["split_conditions"].pop(),
        lambda x: tree(x)["split_type"].__setitem__(0, 1),
        lambda x: x["gradient_booster"]["model"]["tree_info"].__setitem__(0, 99),
        lambda x: x["learner_model_param"].__setitem__("num_feature", "3"),
        lambda x: x["objective"].__setitem__("name", "reg:squarederror"),
        lambda x: x.pop("gradient_booster"),
    ]
    for change in changes:
        octets = changed(change)
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            models.XGBoostClassifier().__setstate__({**state, "booster_": octets})
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        models.XGBoostClassifier().__setstate__({**state, "booster_": b"{}"})


def test_another_version_of_the_definitions_is_refused(
    tmp_path: Path, fitted: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    models.save(fitted("sigma"), tmp_path / "m.skops")
    monkeypatch.setattr(known, "DEFINITIONS", known.DEFINITIONS + 1)
    with pytest.raises(
        ValueError, match=r"m\.skops: trained on version 1 of the feature definitions, and this is version 2"
    ):
        models.load(tmp_path / "m.skops")


def test_what_cannot_be_saved(table: Any, tmp_path: Path, fitted: Callable[[str], Any]) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(ValueError, match=r"a name that ends in \.skops is needed"):
        models.save(fitted("sigma"), tmp_path / "m.pickle")
    with pytest.raises(ValueError, match="the model is not fitted"):
        models.save(models.make_model("sigma"), tmp_path / "m.skops")
    with pytest.raises(ValueError, match="whose first step is FlowFeatures"):
        models.save(models.SigmaRule().fit(np.eye(3)), tmp_path / "m.skops")
    own = make_pipeline(models.FlowFeatures(), FunctionTransformer(_models_save.card_path), models.SigmaRule())
    own.steps[0][1].fit(table)
    own.steps[-1][1].fit(own[0].transform(table))
    with pytest.raises(ValueError, match=r"load would refuse: pcapframe\._models_save\.card_path"):
        models.save(own, tmp_path / "m.skops")
    with pytest.raises(FileNotFoundError):
        models.save(fitted("sigma"), tmp_path / "nowhere" / "m.skops")
    assert os.listdir(tmp_path) == []


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, fitted: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    models.save(fitted("sigma"), tmp_path / "m.skops")
    monkeypatch.setattr(_models_save, "LARGEST", 1000)
    with pytest.raises(ValueError, match="GiB when unpacked"):
        models.load(tmp_path / "m.skops")


# ------------------------------------------------------------------------------------------------------------ score


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
    with pytest.raises(ValueError, match="reasons: 0 or more"):
        models.score(table, fitted("sigma"), reasons=-1)
    with pytest.raises(ValueError, match="lack"):
        models.score(table[["Flow Duration"]], fitted("sigma"))


# -------------------------------------------------------------------------------------------------------- the command


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


# --------------------------------------------------------------------------------------------------------- real rows


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
