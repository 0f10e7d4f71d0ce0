"""The questions that pieces can be asked: how each is put, and how what pieces found becomes the answer."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import _core, _group, _reader, _state
from ._counts import Counts, IocCounts
from .errors import CaptureError


@dataclass(frozen=True)
class Question:
    """A question with its arguments, resolved: equal where the answers must be."""

    name: str
    asked: tuple[Any, ...]
    lenient: bool = False

    def __str__(self) -> str:
        return f"{self.name}{self.asked!r}"


# What a packet's place in the capture decides, beyond what `finish` can put right.
_BY_PLACE = {"frame_number", "frame_time_delta", "frame_time_relative", "frame_interface_id", "flow_id",
             "flow_direction"}  # fmt: skip


def bound(method: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a method of Capture by name, with its defaults."""
    found = inspect.signature(method).bind(None, *arguments, **keywords)
    found.apply_defaults()
    return dict(found.arguments)


def _conditions(plan: Any) -> list[str]:
    """The columns that narrow the capture."""
    clauses = [clause for each in plan.narrowing[0] if each[0] == "conditions" for clause in (each[1], *each[2])]
    return [condition[0] for clause in clauses for condition in clause]


def refuse(columns: Sequence[str], why: str) -> None:
    """Raise where a column takes more than a piece."""
    for name in columns:
        if name in _BY_PLACE and why:
            raise CaptureError(f"{name}: {why} depends on all packets before: ask it of the whole capture")
        if name in ("flow_id", "flow_direction") or _core.needs((name,)):
            raise CaptureError(
                f"{name}: depends on segments that may lie in other pieces: ask it of the whole capture, or of one "
                "file as one piece"
            )


class Kind:
    """How one question is put and answered."""

    state: Any

    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        raise NotImplementedError

    def check(self, question: Question, plan: Any) -> None:
        refuse(_conditions(plan), "a condition on it")

    def ask(self, question: Question, inputs: Any, options: Any) -> tuple[Any, Any]:
        raise NotImplementedError

    def finish(
        self, question: Question, plan: Any, before: list[Any], states: list[Any], faults: tuple[Any, ...]
    ) -> Any:
        raise NotImplementedError


class _Ioc(Kind):
    state = _state.CountsState
    names = ("ip_dst", "ip_src", "tcp_seq_raw")

    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        given = bound(_reader.Capture.ioc_counts, arguments, keywords)
        return Question("ioc_counts", _reader._rules(given["compat"], given["dns_rule"], given["seq_rule"]))

    def ask(self, question: Question, inputs: Any, options: Any) -> tuple[Any, Any]:
        natives, faults = _core.ioc_counts(inputs, options, question.asked)  # type: ignore[arg-type]
        return _state.CountsState(natives, self.names), faults

    def finish(self, question: Question, plan: Any, before: Any, states: list[Any], faults: Any) -> IocCounts:
        total = _state.Additive.total(states or [_state.CountsState.of(self.names, _nothing(3))])
        return IocCounts(*(Counts(native, name) for native, name in zip(total.natives, self.names, strict=True)))


def _nothing(tables: int) -> list[Any]:
    import numpy as np

    return [np.zeros(0, np.int64)] * (3 * tables)


class _Count(Kind):
    state = _state.CountsState

    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        given = bound(_reader.Capture.count, arguments, keywords)
        asked = {ask: given[ask] for ask in _group.ASKS}
        options = {name: given[name] for name in ("gaps", "fill", "top", "approx", "dropna")}
        return Question("count", tuple(_group.check_question(given["fields"], given["every"], asked, **options)))

    def check(self, question: Question, plan: Any) -> None:
        super().check(question, plan)
        asked = _group.Question(*question.asked)
        if not asked.plain:
            raise CaptureError("count: pieces answer for one field alone so far")
        refuse([*asked.fields, *(name for _, name in asked.aggregates)], "counting by it")

    def ask(self, question: Question, inputs: Any, options: Any) -> tuple[Any, Any]:
        fields = question.asked[0]
        native, faults = _core.count_field(inputs, options, fields)
        return _state.CountsState((native,), fields), faults

    def finish(self, question: Question, plan: Any, before: Any, states: list[Any], faults: Any) -> Counts:
        fields = question.asked[0]
        total = _state.Additive.total(states or [_state.CountsState.of(fields, _nothing(1))])
        return Counts(total.natives[0], fields[0])


QUESTIONS: dict[str, Kind] = {"ioc_counts": _Ioc(), "count": _Count()}
