"""The estimators of our own, and the pipelines that models are."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ._columns import nearest
from ._models_features import PUBLIC, FlowFeatures
from ._models_trust import check_booster

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, OneToOneFeatureMixin, OutlierMixin, TransformerMixin
    from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("pcapframe.models needs scikit-learn 1.6 or later: pip install 'pcapframe[ml]'") from error

_Array = np.ndarray[Any, Any]

KINDS = ("logistic", "random_forest", "gradient_boosting", "xgboost", "isolation_forest", "sigma")
ROWS = 1 << 16  # rows that are worked on at once
MAD_SCALE, MEAN_SCALE = 1.4826, 1.2533  # make both deviations equal the standard deviation of a normal distribution


class SignedLog(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """``sign(x) * log(1 + |x|)``: durations and octets span ten powers of ten, which linear models cannot."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None) -> SignedLog:
        """Learn nothing but the number of columns."""
        validate_data(self, X, dtype=["float64", "float32"])
        return self

    def transform(self, X: Any) -> _Array:
        """Return the logarithms, of the same shape."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=["float64", "float32"], reset=False)
        return np.asarray(np.copysign(np.log1p(np.abs(X)), X))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")


class XGBoostClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """XGBoost for labels of any type, and saved as octets that hold numbers only.

    Parameters
    ----------
    n_estimators, max_depth : int
        Trees per class, and their depth.
    learning_rate, subsample, colsample_bytree, min_child_weight, reg_lambda : float
        As XGBoost has them.
    n_jobs : int, optional
        Threads; default all.
    random_state : int
        The seed.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    booster_ : xgboost.Booster
        The trees.
    """

    def __init__(
        self,
        n_estimators: int = 100,
        max_depth: int = 6,
        learning_rate: float = 0.3,
        subsample: float = 1.0,
        colsample_bytree: float = 1.0,
        min_child_weight: float = 1.0,
        reg_lambda: float = 1.0,
        n_jobs: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.n_jobs = n_jobs
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any) -> XGBoostClassifier:
        """Grow the trees.

        Raises
        ------
        ValueError
            `y` has one class.
        ImportError
            Without XGBoost.
        """
        xgboost = _xgboost()
        X, y = validate_data(self, X, y, dtype=np.float32, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"one class, {self.classes_[0]!s}: there is nothing to tell apart")
        several = len(self.classes_) > 2
        seed = np.random.RandomState(self.random_state).randint(2**31 - 1) if not _is_int(self.random_state) else None
        options = {
            "max_depth": self.max_depth, "learning_rate": self.learning_rate, "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree, "min_child_weight": self.min_child_weight,
            "reg_lambda": self.reg_lambda, "tree_method": "hist", "verbosity": 0,
            "seed": self.random_state if seed is None else seed, "nthread": self.n_jobs or 0,
            "objective": "multi:softprob" if several else "binary:logistic",
        }  # fmt: skip
        if several:
            options["num_class"] = len(self.classes_)
        self.booster_ = xgboost.train(
            options, xgboost.QuantileDMatrix(X, label=codes, nthread=self.n_jobs), self.n_estimators
        )
        return self

    def predict_proba(self, X: Any) -> _Array:
        """Return the probability of each class, float64 of shape (flows, classes), in the order of `classes_`."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False)
        found = np.asarray(self.booster_.inplace_predict(X), dtype=np.float64)
        if len(self.classes_) == 2:
            return np.column_stack([1 - found, found])
        return found.reshape(len(X), len(self.classes_))

    def predict(self, X: Any) -> _Array:
        """Return the most probable label of each flow."""
        best = np.argmax(self.predict_proba(X), axis=1)
        return np.asarray(self.classes_[best])

    def contributions(self, X: Any) -> _Array:
        """Return what each feature adds to each class' margin: float32 of shape (flows, classes, features + 1).

        The last is the margin without any feature. Of two classes there is the second only.
        """
        check_is_fitted(self)
        xgboost = _xgboost()
        X = validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False)
        found = np.asarray(self.booster_.predict(xgboost.DMatrix(X, nthread=self.n_jobs), pred_contribs=True))
        return found if found.ndim == 3 else found[:, np.newaxis, :]

    def __getstate__(self) -> Any:
        state = dict(super().__getstate__())
        if "booster_" in state:
            state["booster_"] = bytes(state["booster_"].save_raw("json"))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        octets = state.get("booster_")
        if isinstance(octets, bytes | bytearray):
            check_booster(bytes(octets), len(state["classes_"]), int(state["n_features_in_"]))
            booster = _xgboost().Booster()
            booster.load_model(bytearray(octets))
            state["booster_"] = booster
        super().__setstate__(state)


def _is_int(value: Any) -> bool:
    return isinstance(value, int | np.integer)


def _xgboost() -> Any:
    try:
        import xgboost
    except ImportError as error:
        raise ImportError("XGBoost is not installed: pip install 'pcapframe[ml]'") from error
    return xgboost


class SigmaRule(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Flows of which one feature lies more than k deviations from its centre are outliers.

    Parameters
    ----------
    k : float
        How many deviations; ``make_model("sigma")`` has 3, because flows have many features.
    method : "sigma" or "mad"
        Mean and standard deviation (of the sample), or median and median absolute deviation (1.4826 of it; where it is
        0, 1.2533 of the mean absolute deviation). Features that do not vary are left out.

    Attributes
    ----------
    center_, scale_ : ndarray of float64, shape (features,)
        Centre and deviation of each feature; infinite for one that does not vary.
    offset_ : float
        ``-k``: scores below are outliers.
    """

    def __init__(self, k: float = 2.0, method: str = "sigma") -> None:
        self.k = k
        self.method = method

    def fit(self, X: Any, y: Any = None) -> SigmaRule:
        """Learn centres and deviations; flows that are known to be benign make the better rule."""
        if self.method not in ("sigma", "mad"):
            raise ValueError(f"method: 'sigma' or 'mad', not {self.method!r}")
        X = validate_data(self, X, dtype=["float64", "float32"], ensure_min_samples=2)
        if self.method == "sigma":
            self.center_ = X.mean(axis=0, dtype=np.float64)
            scale = X.std(axis=0, dtype=np.float64, ddof=1)
        else:
            self.center_ = np.median(X, axis=0).astype(np.float64)
            apart = np.abs(X - self.center_)
            scale = MAD_SCALE * np.median(apart, axis=0)
            scale = np.where(scale > 0, scale, MEAN_SCALE * apart.mean(axis=0))
        self.scale_ = np.where(scale > 0, scale, np.inf)
        self.offset_ = -float(self.k)
        return self

    def deviations(self, X: Any) -> _Array:
        """Return how many deviations each feature lies from its centre, float64 of the shape of `X`, signed."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=["float64", "float32"], reset=False)
        return np.asarray((X - self.center_) / self.scale_)

    def score_samples(self, X: Any) -> _Array:
        """Return minus the greatest deviation of each flow: lower means stranger."""
        return np.asarray(-np.abs(self.deviations(X)).max(axis=1))

    def decision_function(self, X: Any) -> _Array:
        """Return the score above the offset: negative for outliers."""
        return np.asarray(self.score_samples(X) - self.offset_)

    def predict(self, X: Any) -> _Array:
        """Return -1 for outliers and 1 for the rest."""
        return np.where(self.decision_function(X) < 0, -1, 1)


for _type in (SignedLog, XGBoostClassifier, SigmaRule):
    _type.__module__ = PUBLIC


def make_model(
    kind: str,
    features: list[str] | None = None,
    *,
    variant: str | None = None,
    compat: str | None = None,
    destination_port: bool = False,
    quantize: str | None = None,
    **params: Any,
) -> Any:
    """Make a model that takes flows and gives labels: a scikit-learn Pipeline whose first step is `FlowFeatures`.

    Parameters
    ----------
    kind : str
        ``"logistic"``, ``"random_forest"``, ``"gradient_boosting"``, ``"xgboost"``; or, for flows without labels,
        ``"isolation_forest"`` or ``"sigma"``, whose predictions are -1 (an outlier) and 1.
    features, variant, compat, destination_port, quantize : optional
        As in `FlowFeatures`.
    **params
        Parameters of the estimator, such as ``n_estimators=300`` or ``k=4``.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Steps ``features``, where needed ``log`` and ``scale``, and ``model``. Unfitted, with fixed seeds.

    Raises
    ------
    ValueError
        Another `kind`, or a parameter that the estimator does not have.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: {', '.join(map(repr, KINDS))}, not {kind!r}")
    first = FlowFeatures(features, variant, compat, destination_port, quantize)
    steps: list[tuple[str, Any]] = [("features", first)]
    if kind in ("logistic", "sigma"):
        steps.append(("log", SignedLog()))
    if kind == "logistic":
        steps.append(("scale", StandardScaler()))
    return Pipeline([*steps, ("model", _estimator(kind, params))])


def _estimator(kind: str, params: dict[str, Any]) -> Any:
    # Of gradient boosting: small leaves and no early stopping, because the rarest classes have a dozen rows.
    estimators: dict[str, tuple[Any, dict[str, Any]]] = {
        "logistic": (LogisticRegression, {"C": 10.0, "max_iter": 300, "tol": 1e-3}),
        "random_forest": (RandomForestClassifier, {"n_estimators": 100, "n_jobs": -1, "random_state": 0}),
        "gradient_boosting": (
            HistGradientBoostingClassifier,
            {
                "max_iter": 60,
                "min_samples_leaf": 5,
                "l2_regularization": 1.0,
                "early_stopping": False,
                "random_state": 0,
            },
        ),
        "xgboost": (XGBoostClassifier, {}),
        "isolation_forest": (IsolationForest, {"n_estimators": 100, "n_jobs": -1, "random_state": 0}),
        "sigma": (SigmaRule, {"k": 3.0}),
    }
    made, defaults = estimators[kind]
    known = list(inspect.signature(made).parameters)
    for name in params:
        if name not in known:
            raise ValueError(f"{kind} has no parameter {name!r}{nearest(name, known)}; it has {', '.join(known)}")
    return made(**{**defaults, **params})
