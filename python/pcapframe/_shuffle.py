"""Questions whose answer needs the order of packets, by many: events go from who reads to who replays.

Each piece is turned into events, dealt by the key of their flow to parts; a part of every piece, in order, makes the
flows that are in it. The walk over the pieces is checked as that of every other question (`_partial`).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import _core, _ordered, _partial, _pieces, _questions, _reader, _state, detectors
from ._columns import COMMON
from ._frame import Frame
from ._info import _outside, warn
from ._made import Values, column_of
from ._ordered import QUESTIONS, FlowJob
from .errors import CaptureError, CaptureWarning


class Events(NamedTuple):
    """Events of a piece, and how it was walked."""

    run: _partial.Run
    octets: Any
    """Those of each part, or of all."""
    counters: Any


class Walk(NamedTuple):
    """The pieces of a capture that fit, in order, and what was wrong in them."""

    before: list[_partial.Before]
    faults: tuple[Any, ...]


def missing(plan: _pieces.Plan, runs: Iterable[_partial.Run]) -> list[_pieces.Partition]:
    """The pieces that have to be read, with their exact starts where known."""
    return _partial._Chain(plan, {run.place: run for run in runs}).missing


def walk(plan: _pieces.Plan, runs: Iterable[_partial.Run]) -> Walk:
    """All pieces in order; with ``strict=True`` a damaged capture is an error."""
    before = list(_partial._befores(_partial._Chain(plan, {run.place: run for run in runs}).fit))
    faults = tuple(_partial._faults(plan, before))
    if plan.strict:
        _partial._refuse(faults)
    return Walk(before, faults)


# --- flows -----------------------------------------------------------------------------------------------------------


def one_part(options: Mapping[str, Any]) -> bool:
    """Whether the stage looks at all packets, whatever flow they are of."""
    return bool(options["sort"] or options["dedup_us"])


def flow_events(piece: _pieces.Partition, job: FlowJob) -> Events:
    run, (octets, counters) = _partial.walked(piece, job.events, 1)
    return Events(run, octets, counters)


def replayed(job: FlowJob, before: Sequence[int], *octets: Any) -> tuple[_state.Table, dict[str, int]]:
    """The flows of one part of all pieces, or of all parts; `before` are the packets before each piece."""
    native, counters = job.replayed(before, [tuple(each) if isinstance(each, list) else each for each in octets])
    return _state.Table.from_native(native), counters


def by_start(tables: Sequence[_state.Table]) -> _core.Frame:
    """The rows of all parts, by start time, then first packet."""
    keys = [np.concatenate([table.values(name) for table in tables]) for name in ("flow_id", "flow_start")]
    order = np.lexsort(keys)
    return _state.Table.joined(tables, order)


# --- scores ----------------------------------------------------------------------------------------------------------


def scored(part: tuple[_state.Table, dict[str, int]], job: FlowJob, model: Any) -> dict[str, Values] | None:
    """Classes and probabilities of the flows of a part; None where it has none."""
    from .models import score

    frame = Frame(part[0].native())
    if not len(frame):
        return None
    frame._made_from = {"options": {"flows": {**job.options, "names": job.names}}}
    found = score(frame, model)
    return {name: column_of(found, name) for name in found.columns}


# --- detectors -------------------------------------------------------------------------------------------------------


def noted(piece: _pieces.Partition, question: _questions.Question) -> Events:
    """What a piece says to a question, whether pieces are asked it otherwise or not."""
    kind = QUESTIONS[question.name]
    secret = piece.plan.secret
    run, state = _partial.walked(piece, lambda inputs, options: kind.ask(question, inputs, options, secret), 1)
    return Events(run, state, None)


def detected(
    question: _questions.Question, before: Sequence[int], *states: _state.Events
) -> tuple[list[tuple[Any, ...]], dict[str, int]]:
    """The findings of all pieces, as rows, and what was beyond the bounds."""
    return _ordered.search(question).judged(_ordered.detected(question, before, states))


def tell(walked: Walk) -> None:
    """Warn of what was wrong, as one machine does."""
    warn(walked.faults, 5)


# --- packets ---------------------------------------------------------------------------------------------------------


class Piece(NamedTuple):
    """A piece whose start and what went before it are known."""

    partition: _pieces.Partition
    before: _partial.Before
    first: int | None
    """The time of the first packet of all, ns."""


def walk_only(piece: _pieces.Partition, job: None) -> Events:
    """Where the piece begins and ends, and how many packets it has."""
    run, _ = _partial.walked(
        piece, lambda inputs, options: _core.group(inputs, options, (), 0, (), False, False, 0, False, False), 1
    )
    return Events(run, None, None)


def exact_pieces(plan: _pieces.Plan, walked: Walk) -> list[Piece]:
    times = [each.run.times for each in walked.before if each.run.times is not None]
    first = times[0][0] if times else None
    found = []
    for each in walked.before:
        run = each.run
        partition = _pieces.Partition(plan, run.file, run.piece)
        found.append(
            Piece(partition if run.piece == 0 else _pieces.exactly(partition, run.start, run.told), each, first)
        )
    return found


def packets_question(columns: Any, plan: _pieces.Plan) -> Any:
    """The question of these columns, or of the common ones that pieces can tell; raises where they cannot be asked."""
    kind = QUESTIONS["packets"]
    question = kind.resolve([name for name in COMMON if not _core.needs((name,))] if columns is None else columns)
    kind.check(question, plan)
    return question


def packets_meta(question: Any, strings: str) -> Any:
    """The table without a row, whose categories are not known."""
    from dask.dataframe.utils import clear_known_categories

    native, _ = _core.packets(*_state.nothing(), question.asked[0], None)
    return clear_known_categories(_table_of(Frame(native), strings))


def _table_of(frame: Frame, strings: str) -> Any:
    """A DataFrame as Dask takes it: octets of Arrow's type, because Dask reads plain objects as text."""
    import pandas
    import pyarrow

    table = frame.to_pandas(strings)
    table.attrs.clear()  # Dask compares what tables have there when it puts them together
    octets = {name: pandas.ArrowDtype(pyarrow.large_binary()) for name, kind, _ in frame.schema if kind == "binary"}
    return table.astype(octets)


def packets_of(piece: Piece, question: Any, strings: str) -> Any:
    """The packets of a piece as a DataFrame, numbered and timed as in the whole capture."""
    kind = QUESTIONS["packets"]
    run, table = _partial.walked(piece.partition, lambda *asked: kind.ask(question, *asked), 1)
    if run != piece.before.run:
        raise CaptureError(f"{piece.partition.file}: changed since it was cut: its records lie elsewhere")
    table = _questions._shifted(table, piece.before, piece.first)
    kept = len(question.asked[0])
    return _table_of(Frame(_state.Table(table.schema[:kept], table.columns[:kept]).native()), strings)


# --- whole captures --------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """What one worker found in a whole capture."""

    made: Any
    """The answer, or the class of a Frame,"""
    rows: _state.Table | None
    """whose rows these are,"""
    more: tuple[Any, ...]
    """and what else it is made of."""
    faults: tuple[Any, ...]
    told: tuple[CaptureWarning, ...]

    def of(self, capture: Any) -> Any:
        """The answer, as `capture` gives it, with the warnings of one machine."""
        for warning in self.told:
            warnings.warn(warning, stacklevel=_outside(2))
        return self.made if self.rows is None else self.made(self.rows.native(), capture, self.faults, *self.more)


# What is caught in one thread is put back for all: two at once would leave warnings caught for good.
_CATCHING = threading.Lock()


def alone(plan: _pieces.Plan, name: str, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Answer:
    """What the whole capture says to a question that pieces cannot be asked."""
    capture = _questions.whole_capture(plan)
    method = detectors.detect if name == "detect" else getattr(_reader.Capture, name)
    with _CATCHING, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CaptureWarning)
        answer = method(capture, *arguments, **keywords)
    told = tuple(each.message for each in caught if isinstance(each.message, CaptureWarning))
    if not isinstance(answer, Frame):
        return Answer(answer, None, (), (), told)
    return Answer(type(answer), _state.Table.from_native(answer._native), answer._more(), answer._faults or (), told)
