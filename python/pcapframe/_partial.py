"""What pieces of a capture found, to be put together into the answer of one machine.

A run over a piece says where it began, what it took for granted there, and where it ended. Pieces fit where the end of
one is the start of the next. `Partial.finish` follows that chain from the beginning of each file, so a piece whose
guess was wrong is never counted, and `Partial.missing` names it with its exact start.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import _export, _given, _pieces, _state
from ._info import CaptureFault, warn
from ._ordered import QUESTIONS
from ._pieces import Partition, Plan
from ._questions import Question
from ._text import file_name
from .errors import CaptureError, FilterError

# States that wait to be added, at least: to follow the chain of all runs, and to copy a large table, for each `+` would
# take as many steps as the square of the pieces.
_WAITING = 32

_Told = tuple[int, ...]
_Place = tuple[int, int, int, _Told]  # file, piece, offset of the first record, what was told before


@dataclass(frozen=True)
class Run:
    """What is known of a piece that was read."""

    file: int
    piece: int
    start: int
    told: _Told
    end: int
    damaged: bool
    packets: int
    first_timed: int
    first_offset: int
    times: tuple[int, int, int, int] | None
    """Of the first packet and the last, the latest and the earliest, ns."""
    more: _Told
    interfaces: int
    faults: tuple[tuple[Any, ...], ...]

    @property
    def place(self) -> _Place:
        return self.file, self.piece, self.start, self.told

    def may_be(self, plan: Plan) -> bool:
        """Whether the fields are of their types, and the piece is one of this plan."""
        numbers = (self.file, self.piece, self.start, self.end, self.packets, self.first_timed, self.first_offset,
                   self.interfaces)  # fmt: skip
        times = self.times is None or (len(self.times) == 4 and _state.are_ints(self.times, -(2**63)))
        return (
            _state.are_ints(numbers) and _state.are_ints(self.told) and _state.are_ints(self.more) and times
            and type(self.damaged) is bool and self.file in plan.files and self.piece < plan.pieces(self.file)
            and all(_is_fault(fault) for fault in self.faults)
        )  # fmt: skip


def _is_fault(fault: Any) -> bool:
    """Whether it is a fault as the core tells it: kind, input, packet, offset, lost, message."""
    kind, source, number, offset, lost, message = fault
    known = tuple(each for each in (source, number, offset, lost) if each is not None)
    return isinstance(kind, str) and isinstance(message, str) and _state.are_ints(known)


@dataclass(frozen=True)
class Before:
    """What went before a run that fits."""

    run: Run
    packets: int
    interfaces: int
    """Of the files before."""
    times: tuple[int, int] | None
    """Of the first packet of all, and of the last one before this run."""


class _Chain:
    """The runs that fit, in order, and what is missing."""

    def __init__(self, plan: Plan, runs: Mapping[_Place, Run]) -> None:
        self.fit: list[Run] = []
        self.missing: list[Partition] = []
        by_piece: dict[tuple[int, int], list[Run]] = {}
        for run in runs.values():
            by_piece.setdefault((run.file, run.piece), []).append(run)
        for file in plan.files:
            self._follow(plan, file, by_piece)

    def _follow(self, plan: Plan, file: int, by_piece: Mapping[tuple[int, int], list[Run]]) -> None:
        at: int | None = max(plan.files[file].first, 0)
        told: _Told = ()
        exact = True  # up to here all runs fit; behind, what is said of others may be wrong, too
        for piece in range(plan.pieces(file)):
            there = sorted(by_piece.get((file, piece), ()), key=lambda run: run.place)
            if at is None:
                if not there:
                    self.missing.append(Partition(plan, file, piece))
                    continue
            elif piece and at >= plan.end(file, piece):
                continue  # a record that reaches over all of it; the first knows the file's interfaces all the same
            found = next((run for run in there if (run.start, run.told) == (at, told)), None)
            if at is not None and found is None:
                start = None if piece == 0 else at
                self.missing.append(Partition(plan, file, piece, start, None if piece == 0 else told))
                exact = False
            if found is not None and exact:
                self.fit.append(found)
                if found.damaged:
                    return
            taken = found or (there[0] if there else None)
            at, told = (None, ()) if taken is None or taken.damaged else (taken.end, taken.told + taken.more)
            exact = exact and found is not None


class Partial:
    """What pieces of a capture found: add those of all pieces, and `finish` gives the answer.

    Adding is associative and commutative. A Partial can be pickled, and saved to a file; loading runs no code.
    """

    __slots__ = ("_most", "_plan", "_question", "_runs", "_states")

    def __init__(
        self, plan: Plan, question: Question, runs: dict[_Place, Run], states: dict[frozenset[_Place], _state.State],
        most: int = _WAITING,
    ) -> None:  # fmt: skip
        self._plan, self._question, self._runs = _pieces.whole(plan), question, runs
        self._states, self._most = states, most
        if len(states) > most:
            self._settle()
            self._most = max(_WAITING, 2 * len(self._states))

    def _settle(self) -> None:
        """Makes counts of runs that fit one table, which later runs cannot take back."""
        states = self._states
        if len(states) < 2 or not isinstance(next(iter(states.values())), _state.Additive):
            return
        fit = {run.place for run in _Chain(self._plan, self._runs).fit}
        sure = [key for key in states if key <= fit]
        if len(sure) < 2:
            return
        settled = {key: state for key, state in states.items() if key not in set(sure)}
        sure.sort(key=min)
        settled[frozenset().union(*sure)] = _state.Additive.total([states[key] for key in sure])
        self._states = settled

    def __add__(self, other: object) -> Partial:
        if not isinstance(other, Partial):
            return NotImplemented
        if self._plan != other._plan:
            raise CaptureError("partials of different captures, or of one that was cut or narrowed otherwise")
        if self._question != other._question:
            raise CaptureError(f"partials of different questions: {self._question} and {other._question}")
        if QUESTIONS[self._question.name].keyed and self._plan.secret != other._plan.secret:
            raise CaptureError(
                f"{self._question.name}: partials of two calls of Capture.partitions, whose hashes differ: ask the "
                "pieces of one, or those of missing()"
            )
        twice = self._runs.keys() & other._runs.keys()
        if twice:
            file, piece, _, _ = min(twice)
            raise CaptureError(f"the same piece is there twice: {Partition(self._plan, file, piece)!r}")
        plan = self._plan.known(other._plan)
        most = max(self._most, other._most)
        return Partial(plan, self._question, self._runs | other._runs, self._states | other._states, most)

    def missing(self) -> list[Partition]:
        """Return the pieces that are still to be asked: those that are not there, and those whose guess was wrong.

        Raises
        ------
        CaptureError
            There is nothing of a file, and the capture was not cut in this process: `Capture.partitions` does.
        """
        return self._missing(_pieces.whole(self._plan))

    def _missing(self, plan: Plan) -> list[Partition]:
        if not plan.complete:
            raise CaptureError(
                f"{plan.count - len(plan.files)} of {plan.count} files are missing, of which nothing is known here: "
                "Capture.partitions, as the capture was cut, tells which"
            )
        return _Chain(plan, self._runs).missing

    def finish(self) -> Any:
        """Return the answer: what the method of `Capture` returns, to the last bit.

        Raises
        ------
        CaptureError
            Pieces are missing: they are named. With ``strict=True``: the capture is damaged.

        Warns
        -----
        CaptureWarning
            The capture is damaged, as on one machine.
        """
        try:
            answer, faults = self._answer()
        except (CaptureError, FilterError):
            raise
        except _state.DAMAGED as error:
            refusal = QUESTIONS[self._question.name].refusal
            if refusal and str(error).startswith(refusal):
                raise CaptureError(str(error)) from None
            raise CaptureError(f"{self._question.name}: what the pieces found is damaged ({error})") from error
        warn(faults, 3)
        return answer

    def _answer(self) -> tuple[Any, tuple[CaptureFault, ...]]:
        plan = _pieces.whole(self._plan)
        missing = self._missing(plan)
        if missing:
            names = ", ".join(map(repr, missing[:3]))
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise CaptureError(f"{len(missing)} pieces are missing: {names}{more}; missing() gives them")
        before = list(_befores(_Chain(plan, self._runs).fit))
        if plan.strict:  # of what is behind the first damage nothing is asked
            before = before[: 1 + next((n for n, each in enumerate(before) if each.run.damaged), len(before))]
        faults = tuple(_faults(plan, before))
        places = {each.run.place for each in before}
        order = {each.run.place: number for number, each in enumerate(before)}
        states = sorted(
            (min(map(order.__getitem__, key)), state) for key, state in self._states.items() if key <= places
        )
        answer = QUESTIONS[self._question.name].finish(
            self._question, plan, before, [state for _, state in states], faults
        )
        if plan.strict:
            _refuse(faults)
        return answer, faults

    # --- files and other processes ------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, which `load` reads. It appears under its name when it is whole."""
        with _export.atomically(_given.path("path", path), binary=True) as file:
            file.write(self._octets(self._plan))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Partial:
        """Read a file that `save` wrote. No code in it is run.

        Raises
        ------
        CaptureError
            It is no such file, of another version, or damaged.
        """
        text = _given.path("path", path)
        with open(text, "rb") as file:
            return cls._of(file.read(), text)

    def _octets(self, plan: Plan) -> bytes:
        self._settle()
        known = dataclasses.asdict(plan)
        states, arrays = [], []
        for key, state in self._states.items():
            about, of_state = state.arrays()
            states.append({"runs": sorted(key), "about": about, "arrays": len(of_state)})
            arrays += of_state
        header = {
            "plan": {**known, "files": list(known["files"].items())},
            "question": {"name": self._question.name, "asked": self._question.asked},
            "runs": [dataclasses.astuple(run) for run in self._runs.values()],
            "kind": QUESTIONS[self._question.name].state_of(self._question).__name__,
            "states": states,
        }
        return _state.packed(header, arrays)

    @classmethod
    def _of(cls, octets: bytes, name: str) -> Partial:
        header, arrays = _state.unpacked(octets, name)
        try:
            plan = _plan_of(header["plan"])
            asked = header["question"]
            question = Question(asked["name"], _state.tupled(asked["asked"]))
            kind = QUESTIONS[question.name]
            if plan.cut > 1:
                kind.check(question, plan)
            nothing = kind.nothing(question, _pieces.narrowing_of(plan))
            runs = {run.place: run for run in (Run(*_state.tupled(each)) for each in header["runs"])}
            if not all(run.may_be(plan) for run in runs.values()):
                raise ValueError("a piece that cannot be")
            states: dict[frozenset[_Place], _state.State] = {}
            for each in header["states"]:
                mine, arrays = arrays[: each["arrays"]], arrays[each["arrays"] :]
                key: frozenset[_Place] = frozenset(_state.tupled(each["runs"]))
                states[key] = kind.state_of(question).of(each["about"], mine)
                if not key or not key <= runs.keys() or not states[key].like(nothing):
                    raise ValueError("a state of no run, or of another question")
            return cls(plan, question, runs, states)
        except _state.DAMAGED as error:
            raise CaptureError(f"{name}: is no Partial that can be read: it is damaged ({error})") from error

    def __reduce__(self) -> Any:
        return _loaded, (self._octets(self._plan.only(place[0] for place in self._runs)),)

    def __repr__(self) -> str:
        there = len({run.place[:2] for run in self._runs.values()})
        return f"<Partial {self._question.name}: {there} of {self._plan.cut} pieces>"


def _loaded(octets: bytes) -> Partial:
    return Partial._of(octets, "a pickled Partial")


def _plan_of(about: Mapping[str, Any]) -> Plan:
    given = {**about, **{name: _state.tupled(about[name]) for name in ("narrowing", "secret")}}
    files = {number: _pieces.File(**{**each, "told": tuple(each["told"])}) for number, each in about["files"]}
    if about["unusable"] is not None:
        given["unusable"] = tuple(CaptureFault(**each) for each in about["unusable"])
    plan = Plan(**{**given, "files": dict(sorted(files.items()))})
    sizes = (plan.count, plan.cut, plan.octets, *files, *(file.size for file in files.values()))
    words = [plan.digest]
    words += [word for file in files.values() for word in (file.name, file.path, file.changed, file.digest)]
    words += [word for fault in plan.unusable or () for word in (fault.kind, fault.file, fault.message)]
    if not (
        _state.are_ints(sizes) and all(_state.are_ints(file.told) for file in files.values())
        and _state.are_ints(tuple(file.first for file in files.values()), -1)
        and all(isinstance(word, str) for word in words) and type(plan.strict) is bool
        and isinstance(plan.secret, bytes) and len(plan.secret) == _pieces.SECRET_OCTETS
    ):  # fmt: skip
        raise ValueError("files that cannot be")
    _pieces.check_number(plan)
    return plan


def _befores(runs: list[Run]) -> Iterator[Before]:
    packets = earlier = interfaces = 0
    file, first, last = 0, None, None
    for run in runs:
        if run.file != file:
            file, earlier = run.file, earlier + interfaces
        yield Before(run, packets, earlier, None if first is None or last is None else (first, last))
        packets, interfaces = packets + run.packets, run.interfaces
        if run.times is not None:
            first, last = run.times[0] if first is None else first, run.times[1]


def _renumbered(message: str, number: int, by: int) -> str:
    """A fault's message with the number that its packet has in the whole capture; the name before it may say anything,
    and may be cut."""
    head, found, tail = message.rpartition(f"packet {number}")
    return f"{head}packet {number + by}{tail}" if found else message


def _faults(plan: Plan, before: list[Before]) -> Iterator[CaptureFault]:
    latest: int | None = None
    begun: set[int] = set()
    refused: dict[str, list[Any]] = {}
    for each in before:
        run, name = each.run, plan.files[each.run.file].name
        if run.packets and run.file not in begun:
            begun.add(run.file)
            late = run.file and run.first_timed == 1 and run.times is not None and latest is not None
            if late and run.times is not None and latest is not None and run.times[0] < latest:
                text = "begins before the files ahead of it end: packets are not in the order of their times"
                yield CaptureFault("overlap", name, each.packets + 1, run.first_offset, 0, f"{file_name(name)}: {text}")
        for kind, _, number, offset, lost, message in run.faults:
            if number is None:  # about the whole, such as connections that were given up
                yield CaptureFault(kind, name, None, offset, lost, message)
                continue
            message = _renumbered(message, number, each.packets)
            if kind != "unfiltered":
                yield CaptureFault(kind, name, number + each.packets, offset, lost, message)
                continue
            head, tail = message.rsplit("; ", 1)  # "...; 3 packets did not match for this"
            why = head.rpartition(f"packet {number + each.packets}: ")[2]
            expression = why.partition('" on link type ')[0]  # each filter tells of the first packet of all
            entry = refused.setdefault(expression, [name, number + each.packets, head, 0])
            entry[3] += int(tail.split(" ", 1)[0])
        if run.times is not None:
            latest = run.times[2] if latest is None else max(latest, run.times[2])
    for name, number, head, packets in refused.values():
        tail = f"{packets} packet{'' if packets == 1 else 's'} did not match for this"
        yield CaptureFault("unfiltered", name, number, None, 0, f"{head}; {tail}")


def _refuse(faults: tuple[CaptureFault, ...]) -> None:
    """What ``strict=True`` does: the first damage, or what a filter could say nothing about, is an error."""
    for fault in faults:
        if fault.kind not in ("overlap", "unfiltered"):
            raise CaptureError(fault.message)
    for fault in faults:
        if fault.kind == "unfiltered":
            raise FilterError(fault.message)


def ask(
    partition: Partition, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], threads: int = 0
) -> Partial:
    """What `Partition.run` does."""
    if name not in QUESTIONS:
        raise CaptureError(f"{name}: cannot be asked of pieces; these can: {', '.join(QUESTIONS)}")
    kind = QUESTIONS[name]
    question = kind.resolve(*arguments, **keywords)
    plan = partition.plan
    if plan.cut > 1:
        kind.check(question, plan)
    run, state = walked(partition, lambda inputs, options: kind.ask(question, inputs, options, plan.secret), threads)
    question = dataclasses.replace(question, by=None)
    return Partial(plan, question, {run.place: run}, {frozenset([run.place]): state})


def walked(partition: Partition, put: Callable[[Any, Any], tuple[Any, Any]], threads: int = 0) -> tuple[Run, Any]:
    """One pass over a piece: what `put` made of it, and where the walk began and ended."""
    plan = partition.plan
    about = plan.files[partition.file_number]
    source = _pieces.opened(partition)
    start: int = 0
    told: _Told = ()
    end = partition.octets[1]
    if about.first >= 0:
        start, told = _pieces.start_of(partition, source)
        source.cut(start, max(end, 1), told, None)
    state, faults = put(*_pieces.quietly((source,), _pieces.narrowing_of(plan), threads))
    found = source.found
    assert found is not None
    reached, damaged, packets, first_timed, first_offset, times, more, interfaces = found
    if about.first < 0:
        reached, more = end, ()
    return Run(
        partition.file_number, partition.piece, start, told, max(reached, start), damaged, packets, first_timed,
        first_offset, times, more, interfaces, tuple(faults),
    ), state  # fmt: skip
