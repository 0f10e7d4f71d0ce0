"""Reasons: which features spoke for a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pcapframe import _cicids_columns as known

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")
skops = pytest.importorskip("skops.io", reason="skops is not installed")
pytest.importorskip("xgboost", reason="XGBoost is not installed")


from pcapframe import _models_evaluate, models  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")


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
    with pytest.raises(ValueError, match="top: a whole number, 1 or more"):
        models.explain(fitted("sigma"), table.head(1), top=0)
    assert len(models.explain(fitted("sigma"), table.head(0))) == 0
