"""Why a model says what it says, in words that hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _cicids_columns as known
from . import _given
from ._cicids_labels import BENIGN, is_benign
from ._cicids_tables import as_table
from ._frame_column import import_pandas
from ._models_estimators import SigmaRule, XGBoostClassifier
from ._models_evaluate import ATTACK, check_labels, classified, is_detector, predictions, steadily
from ._models_save import check_fitted

_Array = np.ndarray[Any, Any]

MOST = 1000  # flows that are explained at once: a person reads no more, and replacing features takes a while
ROWS = 1 << 15  # rows of replaced features that are predicted together


def _names(model: Any) -> tuple[list[str], str | None]:
    first = model[0]
    definition = getattr(first, "definition_", None)
    return [str(name) for name in first.get_feature_names_out()], definition.variant if definition else None


def _of_trees(model: Any, matrix: _Array, classes: _Array) -> _Array:
    """XGBoost's own: what each feature adds to the margin of the class."""
    parts = model[-1].contributions(matrix)[:, :, :-1]
    if parts.shape[1] == 1:  # of two classes: the second's margin
        return np.asarray(np.where(classes[:, None] == 1, parts[:, 0], -parts[:, 0]))
    return np.asarray(parts[np.arange(len(parts)), classes])


def _of_terms(model: Any, matrix: _Array, classes: _Array) -> _Array:
    """Linear terms: what each feature adds to the class' log-odds, compared with a typical benign flow."""
    scaled = model[1:-1].transform(matrix) - model[1:-1].transform(_reference(model)[None, :])
    weights = model[-1].coef_
    if len(weights) == 1:
        return np.asarray(scaled * np.where(classes[:, None] == 1, weights[0], -weights[0]))
    return np.asarray(scaled * weights[classes])


def _of_deviations(model: Any, matrix: _Array) -> _Array:
    return np.asarray(abs(model[-1].deviations(model[1:-1].transform(matrix) if len(model) > 2 else matrix)))


def _reference(model: Any) -> _Array:
    return np.asarray(model[0].reference_, dtype=np.float32)


def _of_replacement(model: Any, matrix: _Array, classes: _Array) -> _Array:
    """What is lost of the class' probability (or of the score) when one feature is as in a typical benign flow."""
    reference = _reference(model)
    detector = is_detector(model)

    def said(rows: _Array, of: _Array) -> _Array:
        rows = model[1:-1].transform(rows) if len(model) > 2 else rows
        if detector:
            return -steadily(model[-1], "decision_function", rows)
        return np.asarray(steadily(model[-1], "predict_proba", rows)[np.arange(len(rows)), of])

    found = np.zeros(matrix.shape, dtype=np.float64)
    whole = said(matrix, classes)
    step = max(1, ROWS // max(1, len(matrix)))
    for start in range(0, matrix.shape[1], step):
        features = np.arange(start, min(start + step, matrix.shape[1]))
        rows = np.repeat(matrix[None], len(features), axis=0)
        rows[np.arange(len(features)), :, features] = reference[features][:, None]
        after = said(rows.reshape(-1, matrix.shape[1]), np.tile(classes, len(features))).reshape(len(features), -1)
        found[:, features] = (whole - after).T
    return found


def contributions(model: Any, matrix: _Array, classes: _Array) -> tuple[_Array, str]:
    """What each feature contributes to each flow's class, of the matrix' shape, and what is counted."""
    last = model[-1]
    if isinstance(last, XGBoostClassifier):
        return _of_trees(model, matrix, classes), "log-odds"
    if hasattr(last, "coef_"):
        return _of_terms(model, matrix, classes), "log-odds"
    if isinstance(last, SigmaRule):
        return _of_deviations(model, matrix), "deviations"
    return _of_replacement(model, matrix, classes), "score" if is_detector(model) else "probability"


def explain(model: Any, flows: Any, top: int = 5) -> Any:
    """Tell which features made flows what a model takes them for.

    Parameters
    ----------
    model : Pipeline
        A fitted one, of `make_model`.
    flows : DataFrame or Frame
        At most 1,000.
    top : int
        Features per flow, those that contribute most.

    Returns
    -------
    pandas.DataFrame
        ``flow`` (the row, from 0), ``class``, ``feature``, ``holds`` (what the column holds, in the 2017 variant often
        not what its name says), ``value`` with its ``unit``, ``usual`` (the median of benign training flows),
        ``contribution`` and ``of``: the log-odds of the class (XGBoost's contributions; a linear model's terms,
        compared with the usual flow), standard deviations (sigma), or else the probability or score that is lost when
        the feature has its usual value.

    Raises
    ------
    ValueError
        More than 1,000 flows; flows that the model does not take.
    """
    pandas = import_pandas("models.explain")
    table = as_table(flows, "models.explain")
    if len(table) > MOST:
        raise ValueError(f"explain: {MOST:,} flows at once at most, not {len(table):,}")
    _given.whole("top", top, 1)
    check_fitted(model, "explain")
    names, variant = _names(model)
    columns = ["flow", "class", "feature", "holds", "value", "unit", "usual", "contribution", "of"]
    if not len(table):
        return pandas.DataFrame(columns=columns)
    matrix = model[0].transform(table)
    found, _ = predictions(model, table)
    parts, what = contributions(model, matrix, class_places(model, found))
    usual = _reference(model)
    rows = []
    for flow, part in enumerate(parts):
        for place in np.argsort(-part, kind="stable")[:top]:
            unit = known.COLUMNS[names[place]].unit if names[place] in known.COLUMNS else ""
            rows.append(
                (flow, str(found[flow]), names[place], known.holds(names[place], variant), float(matrix[flow, place]),
                 unit, float(usual[place]), float(part[place]), what)
            )  # fmt: skip
    return pandas.DataFrame(rows, columns=columns)


def class_places(model: Any, found: _Array) -> _Array:
    """The place of each predicted class among the model's."""
    if is_detector(model):
        return np.zeros(len(found), dtype=np.int64)
    classes = np.asarray(model.classes_).astype(str).tolist()
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places[str(name)] for name in found], dtype=np.int64)


def reason_texts(model: Any, matrix: _Array, found: _Array, top: int) -> list[str]:
    """One line a flow: what contributed most, with values and units, in words that hold."""
    names, variant = _names(model)
    parts, _ = contributions(model, matrix, class_places(model, found))
    texts = []
    for flow, part in enumerate(parts):
        words = []
        for place in np.argsort(-part, kind="stable")[:top]:
            if part[place] <= 0:
                break
            unit = known.COLUMNS[names[place]].unit if names[place] in known.COLUMNS else ""
            value = f"{matrix[flow, place]:.6g}" + (f" {unit}" if unit else "")
            words.append(f"{known.holds(names[place], variant)} {value}")
        texts.append("; ".join(words))
    return texts


def importance(model: Any, flows: Any, labels: Any = None, *, repeats: int = 3, most: int = 5000, seed: int = 0) -> Any:
    """Tell which features a model lives on: how much weighted F1 is lost when one is shuffled among flows.

    Parameters
    ----------
    model : Pipeline
        A fitted classifier or outlier detector.
    flows : DataFrame or Frame
        Flows that it was not trained on.
    labels : array-like, optional
        Default: the column ``Label``.
    repeats : int
        How often each feature is shuffled.
    most : int
        Flows that are drawn for it.
    seed : int
        Of the draw and the shuffles.

    Returns
    -------
    pandas.DataFrame
        ``feature``, ``holds``, ``unit``, ``importance`` (the mean loss) and ``std``, the greatest first. Features that
        tell the same share their importance, and may all look unimportant.
    """
    from sklearn.metrics import f1_score

    pandas = import_pandas("models.importance")
    table = as_table(flows, "models.importance")
    if labels is None and "Label" not in table:
        raise ValueError("there is no column 'Label': cicids.label makes it, or labels= gives it")
    truth = check_labels(table["Label"] if labels is None else labels, len(table), "models.importance")
    check_fitted(model, "importance")
    _given.whole("repeats", repeats, 1)
    _given.whole("most", most, 1)
    random = np.random.default_rng(_given.whole("seed", seed, 0))
    rows = np.sort(random.permutation(len(table))[:most])
    matrix, truth = model[0].transform(table.iloc[rows]), truth[rows]
    if is_detector(model):
        truth = np.array([BENIGN if is_benign(name) else ATTACK for name in truth])

    def quality(given: _Array) -> float:
        places, classes, _ = classified(model, given)
        return float(f1_score(truth, np.array(classes)[places], average="weighted", zero_division=0))

    whole = quality(matrix)
    names, variant = _names(model)
    found = []
    for place, name in enumerate(names):
        losses = []
        shuffled = matrix.copy()
        for _ in range(repeats):
            shuffled[:, place] = matrix[random.permutation(len(matrix)), place]
            losses.append(whole - quality(shuffled))
        unit = known.COLUMNS[name].unit if name in known.COLUMNS else ""
        found.append((name, known.holds(name, variant), unit, float(np.mean(losses)), float(np.std(losses))))
    result = pandas.DataFrame(found, columns=["feature", "holds", "unit", "importance", "std"])
    return result.sort_values("importance", ascending=False, kind="stable", ignore_index=True)
