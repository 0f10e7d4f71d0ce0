"""What a piece found, as plain arrays: to be added, put one behind the other, saved and loaded."""

from __future__ import annotations

import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _core
from .errors import CaptureError

_Array = np.ndarray[Any, Any]

_MAGIC = b"pcapframe partial 1\n"
_DIGEST = 32
_ALIGNED = 8  # arrays begin at multiples of it
_DTYPES = {"u1", "u2", "u4", "u8", "i4", "i8", "f8", "b1"}


# What octets that somebody made up bring about: whoever reads them makes one clear error of it.
DAMAGED = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def tupled(value: Any) -> Any:
    """What was in JSON as it was before: lists are tuples, and `plain` is undone."""
    if isinstance(value, dict):
        return bytes.fromhex(value["octets"])
    return tuple(map(tupled, value)) if isinstance(value, list | tuple) else value


def plain(value: Any) -> Any:
    """Octets, such as those of a network that a condition is about, in JSON."""
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} has no place in a Partial")
    return {"octets": value.hex()}


def are_ints(values: Any, least: int = 0) -> bool:
    """Whether it is a tuple of numbers that fit a signed 64-bit word."""
    return isinstance(values, tuple) and all(type(each) is int and least <= each < 2**63 for each in values)


def _digest(octets: bytes) -> bytes:
    import hashlib  # not worth its time at every start

    return hashlib.sha256(octets).digest()


def packed(header: dict[str, Any], arrays: Sequence[_Array]) -> bytes:
    """Header and arrays as octets: magic, size of the header, header, arrays, SHA-256 of all that."""
    little = [np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")) for array in arrays]
    header = {**header, "dtypes": [[array.dtype.str[1:], array.size] for array in little]}
    text = json.dumps(header, ensure_ascii=True, separators=(",", ":"), default=plain).encode()
    text += b" " * (-(len(_MAGIC) + 8 + len(text)) % _ALIGNED)
    parts = [_MAGIC, len(text).to_bytes(8, "little"), text]
    for array in little:
        parts += [array.tobytes(), bytes(-array.nbytes % _ALIGNED)]
    octets = b"".join(parts)
    return octets + _digest(octets)


def unpacked(octets: bytes, name: str) -> tuple[dict[str, Any], list[_Array]]:
    """Header and arrays of `packed`."""
    if octets[: len(_MAGIC)] != _MAGIC:
        other = octets.startswith(_MAGIC[:18])
        raise CaptureError(f"{name}: is {'a Partial of another version' if other else 'no Partial'}")
    if _digest(octets[:-_DIGEST]) != octets[-_DIGEST:]:
        raise CaptureError(f"{name}: is no Partial that can be read: it is damaged")
    at = len(_MAGIC) + 8
    try:
        size = int.from_bytes(octets[at - 8 : at], "little")
        header = json.loads(octets[at : at + size])
        at += size
        arrays = []
        for dtype, count in header["dtypes"]:
            if dtype not in _DTYPES or not isinstance(count, int) or count < 0:
                raise ValueError("an array of no type there is")
            array = np.frombuffer(octets, np.dtype("<" + dtype), count, at) if count else np.zeros(0, dtype)
            at += array.nbytes + -array.nbytes % _ALIGNED
            arrays.append(array.astype(array.dtype.newbyteorder("="), copy=False))
    except DAMAGED as error:
        raise CaptureError(f"{name}: is no Partial that can be read: it is damaged ({error})") from error
    return header, arrays


def texts_packed(texts: Sequence[str]) -> tuple[_Array, _Array]:
    """Texts as offsets and octets."""
    pieces = [text.encode() for text in texts]
    offsets = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    return offsets, np.frombuffer(b"".join(pieces), np.uint8)


def texts_unpacked(offsets: _Array, octets: _Array) -> list[str]:
    whole, ends = octets.tobytes(), offsets.tolist()
    return [whole[a:b].decode() for a, b in itertools.pairwise(ends)]


class State(ABC):
    """What a piece found."""

    @abstractmethod
    def arrays(self) -> tuple[Any, list[_Array]]:
        """What JSON holds, and arrays."""

    @classmethod
    @abstractmethod
    def of(cls, about: Any, arrays: list[_Array]) -> State:
        """What `arrays` gave."""

    @abstractmethod
    def like(self, other: Any) -> bool:
        """Whether both may be of the same question."""


class Additive(State):
    """What adds up, in any order."""

    @abstractmethod
    def plus(self, other: Any) -> Any:
        """The sum of both."""

    @staticmethod
    def total(states: Sequence[Any]) -> Any:
        """The sum, by halves: each key is added as often as the logarithm of their number tells."""
        states = list(states)
        while len(states) > 1:
            pairs = [a.plus(b) for a, b in zip(states[::2], states[1::2], strict=False)]
            states = pairs + ([states[-1]] if len(states) % 2 else [])
        return states[0]


class CountsState(Additive):
    """Native tables of keys and counts."""

    def __init__(self, natives: tuple[Any, ...], names: tuple[str, ...]) -> None:
        self.natives, self.names = natives, names

    def plus(self, other: CountsState) -> CountsState:
        pairs = zip(self.natives, other.natives, strict=True)
        return CountsState(tuple(mine.merged(theirs) for mine, theirs in pairs), self.names)

    def like(self, other: Any) -> bool:
        return isinstance(other, CountsState) and self.names == other.names

    def arrays(self) -> tuple[Any, list[_Array]]:
        return list(self.names), [array for native in self.natives for array in native.arrays()]

    @classmethod
    def of(cls, about: Any, arrays: list[_Array]) -> CountsState:
        found = cls.empty(tuple(about))
        for native in found.natives:
            count = 4 if native.kind == "text" else 3
            native.put(aligned(*arrays[:count]))
            arrays = arrays[count:]
        if arrays:
            raise ValueError("arrays of no counts")
        return found

    @classmethod
    def empty(cls, names: tuple[str, ...]) -> CountsState:
        return cls(tuple(map(empty_counts, names)), names)


class Groups(Additive):
    """Groups of a `_group.Question`: counts, keys and what adds up besides."""

    def __init__(self, question: tuple[Any, ...], found: tuple[_Array, ...]) -> None:
        self.question, self.found = question, found

    def plus(self, other: Groups) -> Groups:
        return Groups(self.question, _core.group_joined(self.question, self.found, other.found))

    def like(self, other: Any) -> bool:
        return isinstance(other, Groups) and self.question == other.question

    def arrays(self) -> tuple[Any, list[_Array]]:
        return self.question, list(self.found)

    @classmethod
    def of(cls, about: Any, arrays: list[_Array]) -> Groups:
        question = tupled(about)
        return cls(question, _core.group_joined(question, aligned(*arrays)))

    def __len__(self) -> int:
        return len(self.found[0])


class Events(State):
    """Packets of a piece as the core notes them, to be replayed behind those of the pieces before it."""

    def __init__(self, octets: tuple[bytes, ...], counters: dict[str, int], counts: CountsState | None = None) -> None:
        self.octets, self.counters, self.counts = octets, counters, counts

    def __reduce__(self) -> Any:
        return Events.of, self.arrays()

    def like(self, other: Any) -> bool:
        return (
            isinstance(other, Events) and len(self.octets) == len(other.octets)
            and self.counters.keys() == other.counters.keys()
            and (other.counts is None if self.counts is None else self.counts.like(other.counts))
        )  # fmt: skip

    def arrays(self) -> tuple[Any, list[_Array]]:
        names, counts = (None, []) if self.counts is None else self.counts.arrays()
        events = [np.frombuffer(each, np.uint8) for each in self.octets]
        return [len(events), self.counters, names], events + counts

    @classmethod
    def of(cls, about: Any, arrays: list[_Array]) -> Events:
        number, counters, names = about
        if not are_ints((number, *counters.values())):
            raise ValueError("counters that count nothing")
        counts = None if names is None else CountsState.of(names, arrays[number:])
        if counts is None and len(arrays) != number:
            raise ValueError("arrays of no events")
        return cls(tuple(each.tobytes() for each in arrays[:number]), counters, counts)


def aligned(*arrays: _Array) -> tuple[_Array, ...]:
    """Arrays as the core takes them: what came over a network may lie anywhere."""
    return tuple(np.require(array, requirements=("C", "A")) for array in arrays)


_EMPTY = b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(8) + b"\0\0\x04\0\x01\0\0\0"  # a capture without a packet


def nothing(narrowing: Any = ((), -(2**63), 2**63 - 1, None)) -> tuple[Any, Any]:
    """The inputs and options of a pass over a capture without a packet."""
    return (_core.Input("memory", "<nothing>", _EMPTY),), (1, 0, False, None, narrowing)


def empty_counts(name: str) -> Any:
    """A native table for the keys of a column."""
    return _core.count_field(*nothing(), (name,))[0]


# --- tables -----------------------------------------------------------------------------------------------------------

_Column = tuple[_Array, "_Array | None", "list[str] | _Array | None"]


class Table(State):
    """A table as arrays: values (codes of text, offsets of strings and octets), what is valid, categories or octets."""

    def __init__(self, schema: tuple[tuple[str, str, bool], ...], columns: list[_Column]) -> None:
        self.schema, self.columns = schema, columns

    @classmethod
    def from_native(cls, native: _core.Frame) -> Table:
        schema = native.schema
        return cls(schema, [native.column(number) for number in range(len(schema))])

    def native(self) -> _core.Frame:
        return Table.joined([self])

    @staticmethod
    def joined(tables: Sequence[Table], order: _Array | None = None) -> _core.Frame:
        """The rows of tables of one schema, one behind the other, or those that `order` numbers."""

        def fit(array: Any) -> Any:
            return aligned(array)[0] if isinstance(array, np.ndarray) else array

        parts = [tuple((fit(values), fit(valid), fit(more)) for values, valid, more in t.columns) for t in tables]
        return _core.frame_from(tables[0].schema, order, *parts)

    def like(self, other: Any) -> bool:
        return isinstance(other, Table) and self.schema == other.schema

    def __len__(self) -> int:
        values, kind = self.columns[0][0], self.schema[0][1]
        return max(0, len(values) - 1) if kind in ("string", "binary") else len(values)

    def number(self, name: str) -> int | None:
        """Which column has this name."""
        return next((number for number, column in enumerate(self.schema) if column[0] == name), None)

    def values(self, name: str) -> _Array:
        """Those of a column that is there."""
        number = self.number(name)
        assert number is not None
        return self.columns[number][0]

    def with_values(self, number: int, values: _Array, valid: _Array | None) -> Table:
        columns = list(self.columns)
        columns[number] = (values, valid, None)
        return Table(self.schema, columns)

    def arrays(self) -> tuple[Any, list[_Array]]:
        found: list[_Array] = []
        for values, valid, more in self.columns:
            none = np.zeros(0, np.uint8)
            offsets, octets = texts_packed(more) if isinstance(more, list) else (none.astype(np.int64), more)
            found += [
                values,
                none.astype(bool) if valid is None else valid,
                offsets,
                none if octets is None else octets,
            ]
        return [list(column) for column in self.schema], found

    @classmethod
    def of(cls, about: Any, arrays: list[_Array]) -> Table:
        schema = tupled(about)
        columns: list[_Column] = []
        for (_, kind, nullable), values, valid, offsets, octets in zip(
            schema, arrays[::4], arrays[1::4], arrays[2::4], arrays[3::4], strict=True
        ):
            more = texts_unpacked(offsets, octets) if kind == "text" else octets
            if isinstance(more, list) and len(values) and not 0 <= values.min() <= values.max() < max(len(more), 1):
                raise ValueError("codes of texts that are not there")
            columns.append(
                (values, valid if nullable else None, more if kind in ("text", "string", "binary") else None)
            )
        return cls(schema, columns)
