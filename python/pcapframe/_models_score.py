"""Scoring: flows in, classes and probabilities out, from a table or straight from a capture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._cicids_label import start_times
from ._cicids_labels import is_benign
from ._cicids_tables import as_table, meta_of
from ._frame import Frame
from ._made import frame_of
from ._models_evaluate import is_detector, predictions
from ._models_explain import MOST, reason_texts
from ._models_save import _check_model
from ._reader import Capture

_Array = np.ndarray[Any, Any]

BATCH = 100_000  # flows that are in memory with all of their features
IDS = ("flow_id",)
TIMES = ("flow_start", "flow_end")
TEXTS = ("community_id", "Source IP", "Destination IP", "day", "file")
NUMBERS = ("Source Port", "Destination Port", "Protocol")
ORDER = ("flow_id", "community_id", "flow_start", "flow_end", "Source IP", "Source Port", "Destination IP",
         "Destination Port", "Protocol", "day", "file")  # fmt: skip


def flows_of(cap: Capture, model: Any) -> Iterator[Any]:
    """The flows of a capture, defined as those the model was trained on, batch by batch."""
    definition = model[0].definition_
    if definition is None:
        raise ValueError("score: the model was trained on an array, so it cannot tell how to make flows of a capture")
    if definition.variant not in ("cic2017", "corrected"):
        raise ValueError(f"score: no flows of the variant {definition.variant!r} can be made of a capture")
    options = {"variant": definition.variant, "compat": definition.compat}
    yield from cap.flow_batches(rows=BATCH, **options)


def _key(flows: Any) -> dict[str, tuple[str, Any]]:
    """The columns that say which flow it is, of those that are there."""
    table = as_table(flows[[name for name in (*ORDER, "Timestamp") if name in flows.columns]], "models.score")
    found: dict[str, tuple[str, Any]] = {}
    for name in ORDER:
        if name not in table:
            continue
        column = table[name]
        if name in TIMES:
            found[name] = ("time", _nanoseconds(column))
        elif name in TEXTS:
            values = column.array if hasattr(column, "cat") else column.astype(object).to_numpy()
            found[name] = ("text", values)
        else:
            found[name] = ("int64", column.to_numpy(dtype=np.int64))
    if "flow_start" not in found and "Timestamp" in table:
        found = {"flow_start": ("time", start_times(table, "score")), **found}
    return found


def _nanoseconds(column: Any) -> _Array:
    if column.dtype.kind in "iu":
        return np.asarray(column.to_numpy(dtype=np.int64))
    return np.asarray(
        column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[ns]").astype(np.int64)
    )


def _scored(flows: Any, model: Any, reasons: int, left: int) -> tuple[dict[str, tuple[str, Any]], int]:
    """The columns of one batch, and how many more flows may have reasons."""
    found, chances = predictions(model, flows)
    columns = _key(flows)
    columns["class"] = ("text", found)
    if is_detector(model):
        assert chances is not None
        columns["score"] = ("float64", chances[:, 1])
    elif chances is not None:
        columns["probability"] = ("float64", chances.max(axis=1))
    if reasons:
        texts: list[str | None] = [None] * len(found)
        flagged = np.array([row for row, name in enumerate(found) if not is_benign(str(name))][:left], dtype=np.intp)
        if len(flagged):
            matrix = model[0].transform(flows[flagged] if isinstance(flows, Frame) else flows.iloc[flagged])
            for row, text in zip(flagged, reason_texts(model, matrix, found[flagged], reasons), strict=True):
                texts[row] = text
        left -= len(flagged)
        columns["reasons"] = ("text", texts)
    return columns, left


def _joined(parts: list[dict[str, tuple[str, Any]]]) -> dict[str, tuple[str, Any]]:
    if len(parts) == 1:
        return parts[0]
    whole: dict[str, tuple[str, Any]] = {}
    for name, (kind, _) in parts[0].items():
        values = [np.asarray(part[name][1], dtype=object if kind == "text" else None) for part in parts]
        whole[name] = (kind, np.concatenate(values))
    return whole


def _checked(flows: Any) -> Any:
    return flows if isinstance(flows, Frame) else as_table(flows, "models.score")


def score(flows: Any, model: Any, reasons: int = 0) -> Frame:
    """Tell what a model takes flows for.

    Parameters
    ----------
    flows : Capture, DataFrame or Frame
        Of a capture, flows are made as those the model was trained on, in batches, so that memory is bounded by the
        result.
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
    _check_model(model, "score")
    if reasons < 0:
        raise ValueError(f"reasons: 0 or more, not {reasons}")
    cap = flows if isinstance(flows, Capture) else None
    left = MOST
    parts: list[dict[str, tuple[str, Any]]] = []
    told: dict[str, Any] = {}
    for batch in flows_of(cap, model) if cap is not None else [_checked(flows)]:
        if len(batch):
            told = told or meta_of(batch)
            part, left = _scored(batch, model, reasons, left)
            parts.append(part)
    if not parts:
        raise ValueError(f"score: no flows{' in ' + ', '.join(map(str, cap.files)) if cap is not None else ''}")
    flows_told = told.get("options", {}).get("flows")
    return frame_of(_joined(parts), cap, {"flows": flows_told} if flows_told else None)
