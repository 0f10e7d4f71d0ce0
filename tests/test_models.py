"""Models of flows: estimators and features."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from model_tables import SMALL
from pcapframe import _cicids_columns as known

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")
skops = pytest.importorskip("skops.io", reason="skops is not installed")
pytest.importorskip("xgboost", reason="XGBoost is not installed")

from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from pcapframe import models  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")


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
