"""The questions that pieces can be asked: how each is put, and how what pieces found becomes the answer."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _core, _group, _inputs, _options, _reader, _state, _where
from ._columns import check_columns
from ._counts import Counts, IocCounts
from ._frame import Frame
from .errors import CaptureError


@dataclass(frozen=True)
class Question:
    """A question with its arguments, resolved: equal where the answers must be."""

    name: str
    asked: tuple[Any, ...]
    by: Any = field(default=None, compare=False, repr=False)
    """What only those need who read a piece; partials do not keep it."""

    def __str__(self) -> str:
        return f"{self.name}{self.asked!r}"


class WholeCaptureError(CaptureError):
    """A question that pieces cannot be asked, and the whole capture can."""


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
            raise WholeCaptureError(f"{name}: {why} depends on all packets before: ask it of the whole capture")
        if name in ("flow_id", "flow_direction") or _core.needs((name,)):
            raise WholeCaptureError(
                f"{name}: depends on segments that may lie in other pieces: ask it of the whole capture, or of one "
                "file as one piece"
            )


class Kind(ABC):
    """How one question is put and answered."""

    state: Any
    keyed = False
    """Whether what pieces find has hashes with the secret of their plan in it."""
    refusal = ""
    """How an error of `finish` begins that is the question's, or the capture's, and no damage of what pieces found."""

    def state_of(self, question: Question) -> Any:
        """The class of what pieces find."""
        return self.state

    @abstractmethod
    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        """The question that these arguments of the Capture's method are; raises as that does."""

    def check(self, question: Question, plan: Any) -> None:
        refuse(_conditions(plan), "a condition on it")

    @abstractmethod
    def ask(self, question: Question, inputs: Any, options: Any, secret: bytes | None = None) -> tuple[Any, Any]:
        """What there is in the inputs, and their faults; `secret` is that of the plan, None this process's own."""

    def nothing(self, question: Question, *narrowing: Any) -> Any:
        """What a capture without a packet says to it; raises where it is no question that there is."""
        return self.ask(question, *_state.nothing(*narrowing))[0]

    @abstractmethod
    def finish(
        self, question: Question, plan: Any, before: list[Any], states: list[Any], faults: tuple[Any, ...]
    ) -> Any:
        """The answer of one machine, of what pieces found in their order."""


class _Ioc(Kind):
    state = _state.CountsState
    names = ("ip_dst", "ip_src", "tcp_seq_raw")

    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        given = bound(_reader.Capture.ioc_counts, arguments, keywords)
        return Question("ioc_counts", _reader._rules(given["compat"], given["dns_rule"], given["seq_rule"]))

    def ask(self, question: Question, inputs: Any, options: Any, secret: bytes | None = None) -> tuple[Any, Any]:
        natives, faults = _core.ioc_counts(inputs, options, question.asked)
        return _state.CountsState(natives, self.names), faults

    def finish(self, question: Question, plan: Any, before: Any, states: list[Any], faults: Any) -> IocCounts:
        total = _state.Additive.total(states or [self.nothing(question)])
        return IocCounts(*(Counts(native, name) for native, name in zip(total.natives, self.names, strict=True)))


class _Count(Kind):
    refusal = "fill: "  # more rows than there may be

    def state_of(self, question: Question) -> Any:
        return _state.CountsState if _group.Question(*question.asked).plain else _state.Groups

    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        given = bound(_reader.Capture.count, arguments, keywords)
        asked = {ask: given[ask] for ask in _group.ASKS}
        options = {name: given[name] for name in ("gaps", "fill", "top", "approx", "dropna")}
        question = _group.check_question(given["fields"], given["every"], asked, **options)
        if question.gaps or any(_group.ASKS[place] == "distinct" for place, _ in question.aggregates):
            raise WholeCaptureError(
                "count: gaps= and distinct= take all packets of a group together: ask the whole capture"
            )
        return Question("count", tuple(question))

    def check(self, question: Question, plan: Any) -> None:
        super().check(question, plan)
        asked = _group.Question(*question.asked)
        refuse([*asked.fields, *(name for _, name in asked.aggregates)], "counting by it")

    def ask(self, question: Question, inputs: Any, options: Any, secret: bytes | None = None) -> tuple[Any, Any]:
        asked = _group.Question(*question.asked)
        if asked.plain:
            native, faults = _core.count_field(inputs, options, asked.fields)
            return _state.CountsState((native,), asked.fields), faults
        every_group = asked._replace(top=0, fill=False)
        found, faults = _core.group_saved(inputs, options, *every_group)
        return _state.Groups(tuple(every_group), found), faults

    def finish(self, question: Question, plan: Any, before: Any, states: list[Any], faults: Any) -> Counts | Frame:
        asked = _group.Question(*question.asked)
        if asked.plain:
            total = _state.Additive.total(states or [self.nothing(question)])
            return Counts(total.natives[0], asked.fields[0])
        groups = [_state.Additive.total(states)] if states else []
        if asked.sketched and sum(map(len, groups)) > max(_SURPLUS * asked.top, _FEWEST):
            raise CaptureError(
                f"count: top= of {len(groups[0]):,} groups is estimated in the order of the packets: "
                "ask the whole capture, or ask without top="
            )
        native = _core.group_from(question.asked, *(each.found for each in groups))
        return Frame(native, capture_of(plan, ()), (*plan.unusable, *faults))


# How many groups one machine follows before it estimates which have the largest counts: csrc/tally/groups.c.
_SURPLUS, _FEWEST = 8, 1 << 16


def whole_capture(plan: Any, conditions: tuple[Any, ...] = ()) -> Any:
    """The whole capture, narrowed by these conditions too; raises where its files are not here, or not as they were
    cut."""
    from ._pieces import Partition, narrowing_of, opened

    for file in plan.files:
        opened(Partition(plan, file, 0))
    files = plan.files.values()
    inputs = tuple(_inputs.open_path(_inputs.named(about.path)[0][0], False, about.name) for about in files)
    filters, first, last, _ = narrowing_of(plan)
    filters = (*filters, *(_core.Conditions(*each) for each in conditions))
    options = _options._Options(0, plan.strict, None, filters=filters, first=first, last=last)
    return _reader.Capture(inputs, options, plan.unusable)


def capture_of(plan: Any, conditions: tuple[Any, ...]) -> Any:
    """The same, or None."""
    try:
        return whole_capture(plan, conditions)
    except (CaptureError, OSError, ImportError):
        return None


def _shifted(table: _state.Table, before: Any, first: int | None) -> _state.Table:
    """The rows of a run with what its packets' places in the whole capture decide."""
    for name, by in (("frame_number", before.packets), ("frame_interface_id", before.interfaces)):
        number = table.number(name)
        if number is not None and by:
            values, valid, _ = table.columns[number]
            moved = values + values.dtype.type(by)
            table = table.with_values(number, moved if valid is None else np.where(valid, moved, 0), valid)
    times = before.run.times
    if times is None or before.times is None:
        return table
    relative, delta = table.number("frame_time_relative"), table.number("frame_time_delta")
    stamps = table.number("frame_time")
    if relative is not None and first is not None:
        there, timed, _ = table.columns[_found(stamps)]
        span = there - np.int64(first)  # of more than 63 bits: it wrapped around, and there is none
        good = (np.ones(len(there), bool) if timed is None else timed) & (((there ^ first) & (there ^ span)) >= 0)
        table = table.with_values(relative, np.where(good, span, 0), good)
    if delta is not None:
        numbers = table.columns[_found(table.number("frame_number"))][0]
        at = np.flatnonzero(numbers == before.run.first_timed + before.packets)
        values, valid, _ = table.columns[delta]
        assert valid is not None
        values, valid, gap = values.copy(), valid.copy(), times[0] - before.times[1]
        fits = -(2**63) <= gap < 2**63
        values[at], valid[at] = gap if fits else 0, fits
        table = table.with_values(delta, values, valid)
    return table


def _found(number: int | None) -> int:
    assert number is not None  # `ask` saw to it
    return number


_SPANS = ("frame_time_delta", "frame_time_relative")


class _Packets(Kind):
    """Tables of packets; asked are (columns, conditions, rules and keys or None)."""

    state = _state.Table

    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        given = bound(_reader.Capture.packets, arguments, keywords)
        if given["flows"] is not None:
            raise CaptureError("packets: flow_id and flow_direction cannot be asked of pieces")
        return Question("packets", (check_columns(given["columns"]), (), None))

    def check(self, question: Question, plan: Any) -> None:
        super().check(question, plan)
        names, conditions, _ = question.asked
        refuse(names, "")
        refuse([each[0] for clauses in conditions for clause in (clauses[0], *clauses[1]) for each in clause],
               "a condition on it")  # fmt: skip

    def ask(self, question: Question, inputs: Any, options: Any, secret: bytes | None = None) -> tuple[Any, Any]:
        names, conditions, suspects = question.asked
        if any(name in names for name in _SPANS):  # what they are made anew of; `finish` takes it out again
            names = (*names, *(name for name in ("frame_time", "frame_number") if name not in names))
        threads, chunk, strict, tick, (filters, *rest) = options
        filters = (*filters, *(_core.Conditions(*each) for each in conditions))
        native, faults = _core.packets(inputs, (threads, chunk, strict, tick, (filters, *rest)), names, suspects)
        return _state.Table.from_native(native), faults

    def finish(self, question: Question, plan: Any, before: list[Any], states: list[Any], faults: Any) -> Frame:
        names, conditions, suspects = question.asked
        times = [each.run.times for each in before if each.run.times is not None]
        first = times[0][0] if times else None
        tables = [_shifted(table, each, first) for table, each in zip(states, before, strict=True)]
        tables = tables or [self.nothing(question)]
        kept = len(names)
        native = _state.Table.joined([_state.Table(each.schema[:kept], each.columns[:kept]) for each in tables])
        asked = None
        if suspects is not None:
            compat, nxdomain, data = suspects[0]
            asked = {
                "select": {
                    "compat": "scapy" if compat else None,
                    "dns_rule": "nxdomain" if nxdomain else "empty",
                    "seq_rule": "data" if data else "all",
                }
            }
        return Frame(native, capture_of(plan, conditions), plan.unusable + faults, asked)


class _Select(_Packets):
    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        given = bound(_reader.Capture.select, arguments, keywords)
        kinds = [given[kind] for kind in ("dns", "ip", "seq")]
        fields, any_of = given.get("fields", {}), given["any_of"]
        if kinds == [None] * 3 and not fields and any_of is None:
            raise TypeError("select needs keys (dns=, ip= or seq=) or conditions such as tcp_dstport=22")
        conditions = tuple(each.given for each in _where.conditions(fields, any_of))
        rules = _reader._rules(given["compat"], given["dns_rule"], given["seq_rule"])
        keys = (rules, *(() if each is None else tuple(sorted(each)) for each in kinds))
        suspects = None if kinds == [None] * 3 else keys
        return Question("select", (check_columns(given["columns"]), conditions, suspects))


QUESTIONS: dict[str, Kind] = {"ioc_counts": _Ioc(), "count": _Count(), "packets": _Packets(), "select": _Select()}
