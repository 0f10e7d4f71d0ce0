"""What a capture is, asked of its pieces: `Capture.info` with ``full=True``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import _core, _reader
from ._info import CaptureInfo, full_info
from ._questions import Kind, Question, bound
from ._state import State, are_ints, tupled
from .errors import CaptureError

# As csrc/capture/notes.h keeps them of a whole capture.
_NOTES_OCTETS, _BLOCK_TYPES = 64 << 10, 64
_NOTES = _NOTES_OCTETS // 8


def _is_interface(found: Any) -> bool:
    """Whether it is an interface as the core tells it."""
    link_type, name, description, snap_len, binary, exponent, offset, received, dropped = found
    counts = tuple(count for count in (received, dropped) if count is not None)
    texts = all(isinstance(text, str) for text in (name, description) if text is not None)
    return (
        texts and are_ints((link_type, snap_len, exponent)) and are_ints((offset,), -(2**63))
        and all(type(count) is int and 0 <= count < 2**64 for count in counts) and binary in (0, 1)
    )  # fmt: skip


class Census(State):
    """What one pass has found, as the core tells it, and the format."""

    def __init__(self, form: str, found: Any) -> None:
        (self.packets, self.first, self.last, self.packet_faults, self.oddities, self.interfaces, self.notes,
         self.blocks, self.more_notes, self.more_types, self.rising) = found  # fmt: skip
        self.form = form

    def like(self, other: Any) -> bool:
        return isinstance(other, Census) and self.oddities.keys() == other.oddities.keys()

    def arrays(self) -> tuple[Any, list[Any]]:
        counts = [list(each.items()) for each in (self.packet_faults, self.oddities, self.blocks)]
        about = [self.form, self.packets, self.first, self.last, *counts, self.interfaces, self.notes]
        return [*about, self.more_notes, self.more_types], [self.rising]

    @classmethod
    def of(cls, about: Any, arrays: list[Any]) -> Census:
        (rising,) = arrays
        form, packets, first, last, *counts, interfaces, notes, more_notes, more_types = tupled(about)
        packet_faults, oddities, blocks = (dict(each) for each in counts)
        times = [time for time in (first, last) if time is not None]
        fits = (
            are_ints((packets, *packet_faults.values(), *oddities.values(), *blocks, *blocks.values()))
            and are_ints(tuple(times), -(2**63)) and len(times) in (0, 2) and rising.dtype == np.int64
            and isinstance(form, str) and type(more_notes) is type(more_types) is bool
            and all(isinstance(name, str) for name in (*packet_faults, *oddities))
            and all(isinstance(kind, str) and isinstance(text, bytes) and are_ints((number,))
                    for kind, number, text in notes)
            and all(map(_is_interface, interfaces))
        )  # fmt: skip
        if not fits:
            raise ValueError("no facts about a capture")
        found = (packets, first, last, packet_faults, oddities, list(interfaces), list(notes), blocks, more_notes,
                 more_types, rising)  # fmt: skip
        return cls(form, found)

    def earlier_than(self, latest: int, run: Any) -> int | None:
        """How many packets of the run are earlier than `latest`, but than none in it; None where that is not known."""
        rising = run.packets - self.oddities["no_time"] - self.oddities["time_backwards"]
        if len(self.rising) == rising or latest <= self.rising[-1]:
            return int(np.searchsorted(self.rising, latest))
        return rising if latest > run.times[2] else None


class Info(Kind):
    """Asked is nothing: all is told."""

    state = Census

    def resolve(self, *arguments: Any, **keywords: Any) -> Question:
        if bound(_reader.Capture.info, arguments, keywords)["full"] is not True:
            raise CaptureError("info: pieces are read, so ask with full=True; what files begin with, Capture.info says")
        return Question("info", ())

    def ask(self, question: Question, inputs: Any, options: Any, secret: bytes | None = None) -> tuple[Any, Any]:
        found, faults = _core.census(inputs, options)
        return Census(inputs[0].format, found), faults

    def finish(self, question: Question, plan: Any, before: Any, states: Any, faults: Any) -> CaptureInfo:
        form = ", ".join(dict.fromkeys(state.form for state in states))
        octets = sum(file.size for file in plan.files.values())
        return full_info(_joined(plan, before, states), form, octets, plan.unusable + faults)


def _joined(plan: Any, before: Sequence[Any], states: Sequence[Census]) -> tuple[Any, ...]:
    """What one pass over all pieces finds."""
    if len(states) > 1 and any(state.more_types for state in states):
        raise CaptureError(f"info: a piece has more than {_BLOCK_TYPES} types of other blocks: ask the whole capture")
    notes, more_notes = _notes(before, states)
    blocks = _sum([state.blocks for state in states])
    oddities = _sum([state.oddities for state in states])
    oddities["time_backwards"] += sum(_backwards(plan, before, states))
    first = [state.first for state in states if state.first is not None]
    last = [state.last for state in states if state.last is not None]
    return (
        sum(state.packets for state in states), min(first, default=None), max(last, default=None),
        _sum([state.packet_faults for state in states]), oddities, _interfaces(before, states), notes,
        dict(list(blocks.items())[:_BLOCK_TYPES]), more_notes,
    )  # fmt: skip


def _sum(counts: Sequence[dict[Any, int]]) -> dict[Any, int]:
    total: dict[Any, int] = {}
    for each in counts:
        for key, count in each.items():
            total[key] = total.get(key, 0) + count
    return total


def _backwards(plan: Any, before: Sequence[Any], states: Sequence[Census]) -> Iterator[int]:
    """How many packets of each piece are earlier than one of the pieces before, but than none of their own."""
    latest: int | None = None
    for each, state in zip(before, states, strict=True):
        if each.run.times is None:
            continue
        if latest is not None:
            count = state.earlier_than(latest, each.run)
            if count is None:
                raise CaptureError(
                    f"info: {plan.files[each.run.file].name}: more packets of a piece are earlier than those before it "
                    "than are kept in mind: ask the whole capture"
                )
            yield count
        latest = each.run.times[2] if latest is None else max(latest, each.run.times[2])


def _interfaces(before: Sequence[Any], states: Sequence[Census]) -> list[Any]:
    """Those of all files; each piece knows all that were described before, and the last statistics count."""
    files: dict[int, list[Any]] = {}
    for each, state in zip(before, states, strict=True):
        known = files.setdefault(each.run.file, [])
        for place, interface in enumerate(state.interfaces):
            if place < len(known):
                received, dropped = (
                    old if new is None else new for old, new in zip(known[place][-2:], interface[-2:], strict=True)
                )
                known[place] = (*interface[:-2], received, dropped)
            else:
                known.append(interface)
    return [interface for known in files.values() for interface in known]


def _notes(before: Sequence[Any], states: Sequence[Census]) -> tuple[list[Any], bool]:
    """Notes up to the first that has no room, and whether there is one; packets have their numbers in the capture."""
    notes: list[Any] = []
    left = _NOTES_OCTETS
    for each, state in zip(before, states, strict=True):
        for kind, number, text in state.notes:
            if len(text) > left or len(notes) == _NOTES:
                return notes, True
            left -= len(text)
            notes.append((kind, number + each.packets if kind == "comment" and number else number, text))
        if state.more_notes:
            return notes, True
    return notes, False
