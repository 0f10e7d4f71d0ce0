"""Scoring: flows in, classes and probabilities out, from a table or straight from a capture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from . import _given
from ._cicids_label import start_times
from ._cicids_labels import is_benign
from ._cicids_tables import as_table, meta_of
from ._frame import Frame
from ._made import Values, column_of, frame_of_values, joined, text
from ._models_evaluate import classified, is_detector
from ._models_explain import MOST, reason_texts
from ._models_save import check_fitted

_Array = np.ndarray[Any, Any]
_Columns = dict[str, Values]

BATCH = 100_000  # flows that are in memory with all of their features
TIMES = ("flow_start", "flow_end")
TEXTS = ("Source IP", "Destination IP", "day", "file")
ORDER = ("flow_id", "community_id", "flow_start", "flow_end", "Source IP", "Source Port", "Destination IP",
         "Destination Port", "Protocol", "day", "file")  # fmt: skip
NULLABLE = frozenset(("community_id", *TEXTS, "reasons"))


def _makes_flows(given: Any) -> bool:
    return hasattr(given, "flow_batches") or hasattr(given, "flows")


def check_makes_flows(model: Any) -> dict[str, Any]:
    """How the flows that a model takes are made of a capture; a model that none can be made for is refused."""
    check_fitted(model, "score")
    definition = model[0].definition_
    if definition is None:
        raise ValueError("score: the model was trained on an array, so it cannot tell how to make flows of a capture")
    if definition.variant not in ("cic2017", "corrected"):
        raise ValueError(f"score: no flows of the variant {definition.variant!r} can be made of a capture")
    return {"variant": definition.variant, "compat": definition.compat}


def flows_of(source: Any, model: Any) -> Iterable[Any]:
    """The flows of what makes flows, defined as those the model was trained on, in batches where it can."""
    options = check_makes_flows(model)
    if hasattr(source, "flow_batches"):
        batches: Iterable[Any] = source.flow_batches(rows=BATCH, **options)
        return batches
    return [source.flows(**options)]


def _batches(flows: Any, model: Any) -> Iterable[Any]:
    if isinstance(flows, Frame) or hasattr(flows, "iloc"):  # a DataFrame may have a column named flows
        return [flows]
    return flows_of(flows, model) if _makes_flows(flows) else [as_table(flows, "models.score")]


# ------------------------------------------------------------------------------------------------- which flow it is


def _of_frame(flows: Frame) -> _Columns:
    there = set(flows.columns)
    found = {}
    for name in (*ORDER, "Timestamp"):
        if name in there:
            column = column_of(flows, name)
            number = column.kind not in ("time", "text", "string")
            found[name] = column._replace(kind="int64", values=column.values.astype(np.int64)) if number else column
    if "flow_start" not in found and "Timestamp" in found:
        found["flow_start"] = Values("time", start_times(as_table(flows[["Timestamp"]], "score"), "score"))
    found.pop("Timestamp", None)
    return found


def _of_table(flows: Any) -> _Columns:
    table = flows[[name for name in (*ORDER, "Timestamp") if name in flows.columns]]
    found = {name: _of_series(name, table[name]) for name in ORDER if name in table}
    if "flow_start" not in found and "Timestamp" in table:
        found["flow_start"] = Values("time", start_times(table, "score"))
    return found


def _of_series(name: str, column: Any) -> Values:
    if name in TIMES:
        return Values("time", _nanoseconds(column))
    if name == "community_id":
        return _strings(column.astype(object).tolist())
    if name in TEXTS:
        column = column.astype("category").cat
        return text(column.codes.to_numpy(dtype=np.int32), [str(each) for each in column.categories])
    return Values("int64", column.to_numpy(dtype=np.int64))


def _strings(texts: list[Any]) -> Values:
    """Text that is nearly unique; what is no text is null."""
    octets = [each.encode() if isinstance(each, str) else b"" for each in texts]
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(each) for each in octets], dtype=np.int64)])
    valid = np.array([isinstance(each, str) for each in texts], dtype=bool)
    return Values("string", ends, valid, np.frombuffer(b"".join(octets), dtype=np.uint8))


def _nanoseconds(column: Any) -> _Array:
    """Times as integers, or with a zone, or without one, which means UTC."""
    if column.dtype.kind in "iu":
        return np.asarray(column.to_numpy(dtype=np.int64))
    if column.dt.tz is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    return np.asarray(column.to_numpy(dtype="datetime64[ns]").astype(np.int64))


# ------------------------------------------------------------------------------------------------------ what it is


def _scored(flows: Any, model: Any, detector: bool, reasons: int, left: int) -> tuple[_Columns, int]:
    """The columns of one batch, and how many more flows may have reasons."""
    matrix = model[0].transform(flows)
    places, names, chances = classified(model, matrix)
    key = _of_frame(flows) if isinstance(flows, Frame) else _of_table(flows)
    columns = {name: key[name] for name in ORDER if name in key}
    columns["class"] = text(places, names)
    if detector:
        assert chances is not None
        columns["score"] = Values("float64", chances[:, 1].astype(np.float64))
    elif chances is not None:
        columns["probability"] = Values("float64", chances.max(axis=1).astype(np.float64))
    if reasons:
        attacks = [place for place, name in enumerate(names) if not is_benign(name)]
        flagged = np.flatnonzero(np.isin(places, attacks))[:left]
        why = reason_texts(model, matrix[flagged], np.array(names)[places[flagged]], reasons) if len(flagged) else []
        columns["reasons"] = _scattered(why, flagged, len(matrix))
        left -= len(flagged)
    return columns, left


def _scattered(texts: list[str], rows: _Array, count: int) -> Values:
    """Texts of some rows, null elsewhere."""
    codes = np.full(count, -1, dtype=np.int32)
    places: dict[str, int] = {}
    codes[rows] = [places.setdefault(each, len(places)) for each in texts]
    return text(codes, list(places))


def _all(parts: list[_Columns]) -> _Columns:
    return {name: joined([part[name] for part in parts]) for name in parts[0]}


class Scores:
    """What a model takes flows for, a batch at a time."""

    def __init__(self, model: Any, reasons: int) -> None:
        self._model, self._reasons, self._left = model, reasons, MOST
        self._detector = is_detector(model)

    def add(self, batch: Any) -> _Columns:
        """The columns of one batch."""
        part, self._left = _scored(batch, self._model, self._detector, self._reasons, self._left)
        return part

    def look(self, batch: Any) -> _Columns:
        """The same of flows that will be asked about again: none of those that may have reasons are used up."""
        return _scored(batch, self._model, self._detector, self._reasons, MOST)[0]


def score(flows: Any, model: Any, reasons: int = 0) -> Frame:
    """Tell what a model takes flows for.

    Parameters
    ----------
    flows : Capture, Live, DataFrame or Frame
        Of a capture, flows are made as those the model was trained on, in batches, so that memory is bounded by the
        result. Of a capture under way (`live`), of the packets so far; flows that go on are judged as they stand.
    model : Pipeline or path
        A fitted one, of `make_model`, or a saved one.
    reasons : int
        So many features per flow that say why, for the first 1,000 flows that are not benign.

    Returns
    -------
    Frame
        A row a flow: of ``flow_id, community_id, flow_start, flow_end, Source IP, Source Port, Destination IP,
        Destination Port, Protocol, day, file`` what the flows have; ``class``; ``probability`` of that class (of
        outlier detectors ``score``, above 0 for outliers); with `reasons` the column ``reasons``, null where none are
        given. ``flow_id`` leads back to the packets: ``cap.packets_of(scores[scores["class"] == "Bot"])``.

    Raises
    ------
    ValueError
        Columns that the model needs are missing, features that are defined otherwise, no flows.
    """
    if isinstance(model, str) or hasattr(model, "__fspath__"):
        from ._models_save import load

        model = load(model)
    check_fitted(model, "score")
    scores = Scores(model, _given.whole("reasons", reasons, 0))
    parts: list[_Columns] = []
    told: dict[str, Any] = {}
    cap, rows = None, 0
    for batch in _batches(flows, model):
        if len(batch):
            cap = batch._capture if isinstance(batch, Frame) else None
            told = told or meta_of(batch)
            parts.append(scores.add(batch))
            rows += len(batch)
    if not parts:
        files = getattr(flows, "files", None)
        raise ValueError(f"score: no flows{' in ' + ', '.join(map(str, files)) if files else ''}")
    flows_told = told.get("options", {}).get("flows")
    return frame_of_values(_all(parts), NULLABLE, rows, cap, {"flows": flows_told} if flows_told else None)


class LiveScores:
    """What a model takes the flows of a capture under way for, step by step.

    A step costs as much as the packets since the one before and the flows that are open, however long it goes on: what
    has ended is scored once.
    """

    def __init__(self, live: Any, model: Any, reasons: int = 0) -> None:
        self._live, self._model, self._reasons = live, model, reasons
        self._options = check_makes_flows(model)
        self._begin()

    def _begin(self) -> None:
        self._flows = self._live._flows_so_far(**self._options)
        self._scores = Scores(self._model, self._reasons)
        self._ended: list[_Columns] = []
        self._open: list[_Columns] = []

    def step(self) -> Frame | None:
        """Take the packets until now; the scores of the flows that ended since, and of those that are open."""
        try:
            ended, there = self._flows.step()
            fresh = [self._scores.add(ended)] if len(ended) else []
            self._open = [self._scores.look(there)] if len(there) else []
        except BaseException:  # in the middle of a step: what is asked next begins anew
            self._begin()
            raise
        self._ended += fresh
        return self._frame([*fresh, *self._open])

    def whole(self) -> Frame | None:
        """The scores of all flows up to the last step, as `score` gives them."""
        return self._frame([*self._ended, *self._open])

    def _frame(self, parts: list[_Columns]) -> Frame | None:
        if not parts:
            return None
        columns = _all(parts)
        order = np.lexsort([columns["flow_id"].values, columns["flow_start"].values])
        columns = {name: column.taken(order) for name, column in columns.items()}
        return frame_of_values(columns, NULLABLE, len(order), self._flows.capture, {"flows": self._flows.options})
