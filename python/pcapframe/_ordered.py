"""Questions whose answer needs the packets of all pieces in order, or what stands in single packets of them.

Who reads a piece notes its packets as events; who answers replays those of all pieces, one behind the other. A cluster
(`_shuffle`) deals them to several who replay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from . import _core, _given, _reader, _state, _times, detectors
from . import _flows as _options
from ._info_pieces import Info
from ._questions import QUESTIONS as _ADDED
from ._questions import Kind, Question, WholeCaptureError, _shifted, bound, capture_of

# What packets of a piece say by messages in several segments: these may begin in the piece before.
_BY_MESSAGES = frozenset(("tls", "dns", "http", "retrans"))
_KEYS = ("ip_dst", "ip_src", "tcp_seq_raw")  # of the indicator counts
_REPLAYED = ("copies", "flows", "evicted", "forgotten")  # counters that the replay has

_Octets = bytes | tuple[bytes, ...]


# --- flows -----------------------------------------------------------------------------------------------------------


class FlowJob(NamedTuple):
    """How flows are made by all who take part."""

    native: tuple[Any, ...]
    options: dict[str, Any]
    names: str
    secret: bytes | None
    parts: int

    def events(self, inputs: Any, options: Any) -> tuple[tuple[list[bytes], dict[str, int]], Any]:
        """Those of each part, and what became of the packets; faults."""
        return _core.flow_events(inputs, options, self.native, self.secret, self.parts)

    def replayed(self, before: Sequence[int], octets: Sequence[_Octets]) -> tuple[_core.Frame, dict[str, int]]:
        """The flows of one part of all pieces, or of all parts; `before` are the packets before each piece."""
        return _core.flows_from(tuple(zip(octets, before, strict=True)), self.native)


def flow_job(question: Question, secret: bytes | None, parts: int = 1) -> FlowJob:
    names, asked = question.asked
    given = dict(asked)
    options = _options.resolved(given.pop("variant"), given.pop("compat"), given)
    return FlowJob(_options.native_options(options, names), options, names, secret, parts)


def needs_whole_files(options: Mapping[str, Any]) -> bool:
    """Whether messages that go from piece to piece decide what columns say."""
    return not _BY_MESSAGES.isdisjoint(options["extra"])


def counted(pieces: Iterable[Mapping[str, int]], parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """What became of all packets, as one pass counts it."""
    total: dict[str, int] = {}
    for each in pieces:
        for name, count in each.items():
            total[name] = total.get(name, 0) + (0 if name in _REPLAYED else count)
    for each in parts:
        for name in total:
            total[name] += each.get(name, 0)
    return total


class _Flows(Kind):
    """Asked are the names of the columns, and all options."""

    state = _state.Events
    keyed = True
    refusal = "packet "  # of a link type that flows cannot take

    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        given = bound(_reader.Capture.flows, arguments, keywords)
        variant, compat, names = (given.pop(name) for name in ("variant", "compat", "names"))
        options = _options.resolved(variant, compat, {name: given[name] for name in given if name != "self"})
        return Question("flows", (_given.one_of("names", names, _options.NAMES), tuple(options.items())))

    def check(self, question: Question, plan: Any) -> None:
        super().check(question, plan)
        if needs_whole_files(dict(question.asked[1])):
            raise WholeCaptureError(
                "flows: extra columns of messages (tls, dns, http, retrans) depend on the pieces before: ask the "
                "whole capture, or one file as one piece"
            )

    def ask(self, question: Question, inputs: Any, options: Any, secret: bytes | None = None) -> tuple[Any, Any]:
        (octets, counters), faults = flow_job(question, secret).events(inputs, options)
        return _state.Events(tuple(octets), counters), faults

    def finish(self, question: Question, plan: Any, before: Any, states: Any, faults: Any) -> _options.FlowFrame:
        job = flow_job(question, None)
        native, found = job.replayed([each.packets for each in before], [each.octets[0] for each in states])
        read = [each.counters for each in states or [self.nothing(question)]]
        counters = counted(read, [found])
        faults = plan.unusable + faults
        return _options.FlowFrame(native, capture_of(plan, ()), faults, job.options, job.names, counters)


# --- detectors -------------------------------------------------------------------------------------------------------


def search(question: Question) -> detectors.Search:
    only, window, thresholds = question.asked
    return detectors.Search(only, window, dict(thresholds))


def detected(question: Question, before: Sequence[int], states: Sequence[_state.Events]) -> Any:
    """The core's tables of all pieces, as one pass makes them; `before` are the packets before each."""
    bounds, _, text = search(question).question[1]
    pieces = tuple(
        (each.octets[0], each.octets[1] if text else None, at) for each, at in zip(states, before, strict=True)
    )
    tables, counters, _ = _core.detect_from(pieces, bounds, text)
    counts = [each.counts for each in states if each.counts is not None]
    return tables, counters, _state.Additive.total(counts).natives if counts else None


class _Detect(Kind):
    """Asked are the rules and kinds, the length of a window in ns, and the thresholds that were given."""

    state = _state.Events

    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        given = bound(detectors.detect, arguments, keywords)
        only, window, thresholds = (given[name] for name in ("only", "window", "thresholds"))
        if only is not None:
            only = [only] if isinstance(only, str) else _given.items("only", only, "rules and kinds of findings")
        detectors.Search(only, window, thresholds)  # raises for what does not exist
        asked = tuple((name, _plain(value)) for name, value in thresholds.items())
        length = None if window is None else _times.duration("window", window)
        return Question("detect", (None if only is None else tuple(sorted(set(only))), length, asked))

    def ask(self, question: Question, inputs: Any, options: Any, secret: bytes | None = None) -> tuple[Any, Any]:
        _, rules, reads = search(question).question[1]
        (traffic, text, counts), faults = _core.detect_events(inputs, options, rules, reads)
        state = None if counts is None else _state.CountsState(counts, _KEYS)
        return _state.Events((traffic,) if text is None else (traffic, text), {}, state), faults

    def finish(self, question: Question, plan: Any, before: Any, states: Any, faults: Any) -> detectors.Findings:
        packets = [each.packets for each in before] or [0]
        found = detected(question, packets, states or [self.nothing(question)])
        return search(question).findings(capture_of(plan, ()), found, plan.unusable + faults)


def _plain(value: Any) -> Any:
    """A threshold as a Partial keeps it."""
    if isinstance(value, str | int | float):
        return value
    return value.item() if hasattr(value, "item") else tuple(value)


# --- indicators ------------------------------------------------------------------------------------------------------


def matches_apart(indicators: Any) -> bool:
    """Whether packets tell all that is looked for, and no messages of several."""
    places = _core.match_places()
    return not any(_core.needs(tuple(places[kind])) for kind in {each.kind for each in indicators})


class _Match(Kind):
    """Asked are a digest of the indicators, which are too many to be in each partial, and whether packets tell all."""

    state = _state.Table

    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        import hashlib  # not worth its time at every start

        from ._indicators import Indicators

        given = bound(_reader.Capture.match, arguments, keywords)
        indicators = given["indicators"]
        if not isinstance(indicators, Indicators):
            raise _given.wrong("indicators", "Indicators, such as Indicators.read('feed.csv')", indicators)
        if given["flows"] is not False:
            raise WholeCaptureError("match: flows= takes all packets in order: ask the whole capture")
        digest = hashlib.sha256(repr(indicators._plain()).encode("utf-8", "surrogatepass")).hexdigest()
        return Question("match", (digest, matches_apart(indicators)), by=indicators)

    def check(self, question: Question, plan: Any) -> None:
        super().check(question, plan)
        if question.asked[1] is not True:
            raise WholeCaptureError(
                "match: all but url and user_agent stands in messages, too, which may lie in several pieces: ask the "
                "whole capture, or one file as one piece"
            )

    def ask(self, question: Question, inputs: Any, options: Any, secret: bytes | None = None) -> tuple[Any, Any]:
        sought = _core.Indicators([], []) if question.by is None else question.by._native()
        native, faults = _core.match(inputs, options, sought)
        return _state.Table.from_native(native), faults

    def finish(self, question: Question, plan: Any, before: Any, states: Any, faults: Any) -> Any:
        from ._match import hits_of

        native = hits_joined(before, states or [self.nothing(question)])
        return hits_of(native, capture_of(plan, ()), plan.unusable + faults)


def hits_joined(before: Sequence[Any], tables: Sequence[_state.Table]) -> _core.Frame:
    """The hits of all pieces in file order; packets have their numbers in the whole capture."""
    if not before:
        return _state.Table.joined(tables)
    return _state.Table.joined([_shifted(table, each, None) for table, each in zip(tables, before, strict=True)])


QUESTIONS: dict[str, Kind] = {**_ADDED, "info": Info(), "flows": _Flows(), "detect": _Detect(), "match": _Match()}
