"""From flows to a matrix: which columns, in which order, defined how."""

from __future__ import annotations

import hashlib
import warnings
from typing import Any

import numpy as np

from . import _cicids_columns as known
from . import _given
from ._cicids_tables import Definition, definition_of, meta_of
from ._frame import Frame

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("pcapframe.models needs scikit-learn 1.6 or later: pip install 'pcapframe[ml]'") from error

_Array = np.ndarray[Any, Any]

PUBLIC = "pcapframe.models"  # the module that saved models name their types by
SEEN = 100_000  # rows that are enough for a median
EXCEL = 1e7  # spreadsheets kept three digits of doubles from here on


def is_table(flows: Any) -> bool:
    """Tell whether `flows` has named columns, as a DataFrame or Frame."""
    return isinstance(flows, Frame) or (hasattr(flows, "columns") and hasattr(flows, "iloc"))


def feature_names(flows: Any, destination_port: bool = False) -> list[str]:
    """Return the columns of a table of flows that a model may learn from.

    Parameters
    ----------
    flows : DataFrame or Frame
        With the published columns.
    destination_port : bool
        Take the destination port too. It is nearly a label in this data set: an attack went to one port, and a model
        that knows it learns the test bed instead of the attack.

    Returns
    -------
    list of str
        Features in the order of the table; never Flow ID, addresses, source port, times or what we added. Without the
        four Subflow columns of the improved release, which hold noise (0 or 1).

    Raises
    ------
    ValueError
        No column is a feature.
    """
    if not is_table(flows):
        raise _given.wrong("flows", "a DataFrame or Frame of flows", flows)
    features = set(known.FEATURES) - known.NEVER
    if not _given.truth("destination_port", destination_port):
        features.discard(known.PORT)
    if meta_of(flows).get("layout") == "improved":
        features -= set(known.SUBFLOW)
    names = [str(name) for name in flows.columns if name in features]
    if not names:
        raise ValueError("no column is a feature of flows; cicids.load and Capture.flows give them their names")
    return names


def _values(flows: Any, name: str) -> _Array:
    """A column as doubles, NaN where it is null."""
    if isinstance(flows, Frame):
        column = flows[name]
        values = np.asarray(column.values)
        return values if column.valid is None else np.where(column.valid, values.astype(np.float64), np.nan)
    values = flows[name].to_numpy()
    if values.dtype.kind in "iufb":
        return np.asarray(values)
    try:
        return np.asarray(flows[name].to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise ValueError(f"the column {name!r} holds no numbers") from None


def _few(names: list[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def quantized(values: _Array) -> _Array:
    """Doubles as the published files have them: three significant digits from 1e7 on."""
    large = np.abs(values) >= EXCEL
    if not large.any():
        return values
    result = values.astype(np.float64)
    found = result[large]
    finite = np.isfinite(found)
    unit = 10.0 ** (np.floor(np.log10(np.abs(np.where(finite, found, 1.0)))) - 2)
    found[finite] = (np.round(found / unit) * unit)[finite]
    result[large] = found
    return result


def _told(matrix: _Array, y: Any) -> dict[str, Any]:
    """What a card says of the training data."""
    digest = hashlib.sha256(np.ascontiguousarray(matrix).data)
    labels: dict[str, int] = {}
    if y is not None:
        names, codes, counts = np.unique(np.asarray(y).astype(str), return_inverse=True, return_counts=True)
        labels = dict(zip(names.tolist(), counts.tolist(), strict=True))
        digest.update("\0".join(names.tolist()).encode())
        digest.update(codes.astype("<i4").tobytes())
    return {"rows": len(matrix), "labels": labels, "digest": digest.hexdigest()}


class FlowFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Choose the feature columns of flows, by name, and check that they are defined as those of the training data.

    The first step of every model. An array instead of a table is taken as it is.

    Parameters
    ----------
    features : list of str, optional
        The columns; default `feature_names` of the table it is fitted to.
    variant, compat : str, optional
        How the features are defined (``"cic2017"`` or ``"corrected"``, and ``compat="fork"``), where the table does not
        tell: tables of `cicids.load`, `cicids.clean` and `Frame.to_pandas` do.
    destination_port : bool
        Take the destination port among the default features.
    quantize : "excel", optional
        Round what the published files have rounded: doubles of 1e7 and more to three digits. For models that are
        trained on published tables and score captures.
    nonfinite : float
        What stands for NaN and infinities, such as the rates of flows without duration.

    Attributes
    ----------
    features_ : list of str
        The columns of the matrix, in its order; None when it was fitted to an array.
    definition_ : Definition
        How they are defined, and in which version; None when it was fitted to an array.
    training_ : dict
        ``rows``, ``labels`` (rows per label) and ``digest`` (SHA-256 of matrix and labels) of what it was fitted to.
    reference_ : ndarray of float64, shape (features,)
        The median of each feature among benign training rows (all rows, where none is), for explanations.
    """

    def __init__(
        self,
        features: list[str] | None = None,
        variant: str | None = None,
        compat: str | None = None,
        destination_port: bool = False,
        quantize: str | None = None,
        nonfinite: float = -1.0,
    ) -> None:
        self.features = features
        self.variant = variant
        self.compat = compat
        self.destination_port = destination_port
        self.quantize = quantize
        self.nonfinite = nonfinite

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []  # float32, whatever comes in
        return tags

    def fit(self, X: Any, y: Any = None) -> FlowFeatures:
        """Learn names, definition and medians.

        Parameters
        ----------
        X : DataFrame, Frame or array of shape (flows, features)
            The flows.
        y : array-like of str, optional
            Their labels.

        Raises
        ------
        ValueError
            A column is missing; the table does not tell how its features are defined, or otherwise than `variant`.
        """
        if self.quantize not in (None, "excel"):
            raise ValueError(f"quantize: None or 'excel', not {self.quantize!r}")
        self.features_, self.definition_ = None, None
        if is_table(X) and self._of_flows(X):
            names = list(self.features) if self.features is not None else feature_names(X, self.destination_port)
            self._check_there(X, names)
            self.features_ = names
            self.definition_ = self._defined(X)
            self.n_features_in_ = len(names)
            self.feature_names_in_ = np.array(names, dtype=object)
            matrix = self._matrix(X)
        else:
            if self.features is not None:
                raise ValueError("features are named, and the flows are no table with these columns")
            matrix = self._finite(validate_data(self, X, dtype=np.float32, ensure_all_finite=False))
        self.reference_ = self._reference(matrix, y)
        self.training_ = _told(matrix, y)
        return self

    def transform(self, X: Any) -> _Array:
        """Return the matrix, float32, finite, of shape (flows, features).

        Raises
        ------
        ValueError
            A column is missing, or the features are defined otherwise than those the model was trained on.
        """
        check_is_fitted(self)
        if self.features_ is not None and is_table(X):
            self._check_definition(definition_of(X))  # first: it says why columns are missing
            self._check_there(X, self.features_)
            return self._matrix(X)
        return self._finite(validate_data(self, X, dtype=np.float32, ensure_all_finite=False, reset=False))

    def get_feature_names_out(self, input_features: Any = None) -> _Array:
        """Return the names of the matrix' columns."""
        check_is_fitted(self)
        if self.features_ is not None:
            return np.array(self.features_, dtype=object)
        if hasattr(self, "feature_names_in_"):
            return np.asarray(self.feature_names_in_)
        return np.array([f"x{n}" for n in range(self.n_features_in_)], dtype=object)

    def _of_flows(self, X: Any) -> bool:
        return self.features is not None or any(name in known.COLUMNS for name in X.columns)

    def _check_there(self, X: Any, names: list[str]) -> None:
        there = set(X.columns)
        lacking = [name for name in names if name not in there]
        if lacking:
            raise ValueError(f"these flows lack {len(lacking)} of the model's {len(names)} columns: {_few(lacking)}")

    def _defined(self, X: Any) -> Definition:
        told = definition_of(X)
        if told is None:
            if self.variant is None:
                raise ValueError(
                    "how these features are defined is not known: take a table of cicids.load or Capture.flows, "
                    "or say make_model(..., variant='cic2017') or 'corrected'"
                )
            return Definition(self.variant, self.compat)
        if self.variant not in (None, told.variant):
            raise ValueError(f"the table says that its features are {told}, and variant={self.variant!r} was given")
        return told

    def _check_definition(self, told: Definition | None) -> None:
        own = self.definition_
        if told is None or own is None or told == own:
            return
        if told.version != own.version:
            raise ValueError(f"this model knows version {own.version} of the features, these flows have {told.version}")
        if told.variant != own.variant:
            raise ValueError(f"this model was trained on flows of {own}, and these are of {told}")
        warnings.warn(f"this model was trained on flows of {own}, and these are of {told}", UserWarning, stacklevel=4)

    def _matrix(self, X: Any) -> _Array:
        assert self.features_ is not None
        # Column after column into whole lines of memory, then turned around: half the time of writing across.
        turned = np.empty((len(self.features_), len(X)), dtype=np.float32)
        with np.errstate(over="ignore"):  # what no float32 holds is infinite
            for place, name in enumerate(self.features_):
                values = _values(X, name)
                column = known.COLUMNS.get(name)
                if self.quantize is not None and column is not None and column.kind in ("double", "whole"):
                    values = quantized(values)
                turned[place] = values
        return self._finite(np.ascontiguousarray(turned.T))

    def _finite(self, matrix: _Array) -> _Array:
        finite = np.isfinite(matrix)
        return matrix if finite.all() else np.where(finite, matrix, np.float32(self.nonfinite))

    def _reference(self, matrix: _Array, y: Any) -> _Array:
        rows = matrix
        labels = np.asarray(y) if y is not None else np.empty(0)
        if len(labels) == len(matrix):
            benign = np.array([str(label).casefold() in ("benign", "normal", "0") for label in np.unique(labels)])
            names = np.unique(labels)[benign]
            if len(names):
                rows = matrix[np.isin(labels, names)]
        step = max(1, len(rows) // SEEN)
        return np.median(rows[::step], axis=0).astype(np.float64)


FlowFeatures.__module__ = PUBLIC
