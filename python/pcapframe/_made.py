"""Frames of columns that were computed in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._export import import_arrow
from ._frame import Frame
from ._provenance import KEY

if TYPE_CHECKING:
    from ._reader import Capture

_Array = np.ndarray[Any, Any]


class Values(NamedTuple):
    """A column as native storage gives it; see `Column`."""

    kind: str
    values: _Array
    """Numbers, times, codes of ``text``, or of ``string`` rows + 1 offsets."""
    valid: _Array | None = None
    more: list[str] | _Array | None = None
    """Categories of ``text``, octets of ``string``."""

    def taken(self, rows: _Array) -> Values:
        """These rows, in this order."""
        valid = None if self.valid is None else self.valid[rows]
        if self.kind != "string":
            return self._replace(values=self.values[rows], valid=valid)
        lengths = np.diff(self.values)[rows]
        ends = np.concatenate([np.zeros(1, lengths.dtype), np.cumsum(lengths)])
        places = np.repeat(self.values[rows] - ends[:-1], lengths) + np.arange(ends[-1])
        return self._replace(values=ends, valid=valid, more=np.asarray(self.more)[places])


def column_of(frame: Frame, name: str) -> Values:
    """A column of a Frame, shared with it."""
    number, kind = frame._place(name)
    return Values(kind, *frame._native.column(number))


def text(codes: _Array, categories: Sequence[str]) -> Values:
    """Text of codes into distinct categories; -1 stands for null."""
    there = codes >= 0
    return Values("text", np.where(there, codes, 0).astype(np.int32), None if there.all() else there, list(categories))


def _joined_text(parts: Sequence[Values]) -> tuple[_Array, list[str]]:
    places: dict[str, int] = {}
    codes = []
    for part in parts:
        assert isinstance(part.more, list)
        table = [places.setdefault(name, len(places)) for name in part.more]
        codes.append(np.array([*table, 0], dtype=np.int32)[part.values])  # one more, for codes of no category at all
    return np.concatenate(codes), list(places)


def _joined_strings(parts: Sequence[Values]) -> tuple[_Array, _Array]:
    octets = [np.asarray(part.more)[part.values[0] : part.values[-1]] for part in parts]
    lengths = np.concatenate([np.diff(part.values) for part in parts])
    return np.concatenate([np.zeros(1, lengths.dtype), np.cumsum(lengths)]), np.concatenate(octets)


def joined(parts: Sequence[Values]) -> Values:
    """Columns of one kind, one after the other."""
    if len(parts) == 1:
        return parts[0]
    kind, valid = parts[0].kind, None
    rows = [len(part.values) - (kind == "string") for part in parts]
    if any(part.valid is not None for part in parts):
        here = zip(parts, rows, strict=True)
        valid = np.concatenate([np.ones(n, bool) if part.valid is None else part.valid for part, n in here])
    if kind == "text":
        codes, categories = _joined_text(parts)
        return Values(kind, codes, valid, categories)
    if kind == "string":
        ends, octets = _joined_strings(parts)
        return Values(kind, ends, valid, octets)
    return Values(kind, np.concatenate([part.values for part in parts]), valid)


class _Made:
    """What `Frame` asks of native storage, over arrays."""

    def __init__(self, columns: Mapping[str, Values], nullable: frozenset[str], rows: int) -> None:
        for column in columns.values():
            column.values.flags.writeable = False
        self._columns, self._nullable, self._rows = dict(columns), nullable, rows

    def __len__(self) -> int:
        return self._rows

    @property
    def schema(self) -> tuple[tuple[str, str, bool], ...]:
        return tuple((name, column.kind, name in self._nullable) for name, column in self._columns.items())

    def column(self, number: int) -> tuple[_Array, _Array | None, list[str] | _Array | None]:
        name = list(self._columns)[number]
        _, values, valid, more = self._columns[name]
        if valid is None and name in self._nullable:
            valid = np.ones(self._rows, dtype=bool)
        return values, valid, more

    def slice(self, first: int, rows: int) -> _Made:
        return self.take(np.arange(first, first + rows))

    def take(self, rows: _Array) -> _Made:
        return _Made({name: column.taken(rows) for name, column in self._columns.items()}, self._nullable, len(rows))

    def project(self, columns: _Array) -> _Made:
        names = list(self._columns)
        chosen = [names[n] for n in columns.tolist()]
        return _Made({name: self._columns[name] for name in chosen}, self._nullable, self._rows)

    def _arrow(self, note: str | None) -> Any:
        arrow = import_arrow("a computed Frame")
        columns = [_arrow_column(arrow, column, self._rows) for column in self._columns.values()]
        fields = [
            arrow.field(name, made.type, name in self._nullable)
            for name, made in zip(self._columns, columns, strict=True)
        ]
        return arrow.table(columns, schema=arrow.schema(fields, None if note is None else {KEY: note}))

    def arrow_stream(self, note: str | None) -> Any:
        return self._arrow(note).__arrow_c_stream__()

    def arrow_schema(self, note: str | None) -> Any:
        return self._arrow(note).schema.__arrow_c_schema__()


def _arrow_column(arrow: Any, column: Values, rows: int) -> Any:
    absent = None if column.valid is None else ~column.valid
    if column.kind == "text":
        codes = arrow.array(column.values, mask=absent, type=arrow.int32())
        return arrow.DictionaryArray.from_arrays(codes, arrow.array(column.more, type=arrow.string()))
    if column.kind == "string":
        there = None if absent is None else arrow.array(column.valid).buffers()[1]
        buffers = [there, *(arrow.py_buffer(np.ascontiguousarray(part)) for part in (column.values, column.more))]
        return arrow.Array.from_buffers(arrow.large_string(), rows, buffers)
    return arrow.array(column.values, mask=absent, type=arrow.timestamp("ns", "UTC") if column.kind == "time" else None)


class MadeFrame(Frame):
    """A Frame of computed columns, which knows what the flows behind its rows were made from."""

    __slots__ = ("_told",)

    def __init__(self, native: Any, capture: Capture | None, told: dict[str, Any]) -> None:
        super().__init__(native, capture)
        self._told = told

    def _with(self, native: Any) -> MadeFrame:
        return MadeFrame(native, self._capture, self._told)

    def _provenance(self, sha256: bool = False) -> dict[str, Any]:
        found = super()._provenance(sha256)
        return {**found, "options": {**found.get("options", {}), **self._told}} if self._told else found


def frame_of_values(
    columns: Mapping[str, Values],
    nullable: frozenset[str],
    rows: int,
    capture: Capture | None = None,
    told: dict[str, Any] | None = None,
) -> MadeFrame:
    """Make a Frame of columns in native form, of which those named may be null; ``told`` is for its provenance."""
    return MadeFrame(_Made(columns, nullable, rows), capture, told or {})


def frame_of(
    columns: dict[str, tuple[str, Any]], capture: Capture | None = None, told: dict[str, Any] | None = None
) -> MadeFrame:
    """Make a Frame of columns: the name, and its kind (``text``, ``time``, ``int64``, ``float64``) with its values.

    Of a masked array the masked values are null, and of text None and NaN.
    """
    made = {name: _values(kind, values) for name, (kind, values) in columns.items()}
    masked = {name for name, (_, values) in columns.items() if isinstance(values, np.ma.MaskedArray)}
    texts = {name for name, (kind, _) in columns.items() if kind == "text"}
    rows = len(next(iter(made.values())).values) if made else 0
    return frame_of_values(made, frozenset(masked | texts), rows, capture, told)


def _values(kind: str, values: Any) -> Values:
    if kind == "text":
        return _text_of(values)
    dtype = np.dtype(np.int64 if kind == "time" else kind)
    if isinstance(values, np.ma.MaskedArray):
        return Values(kind, np.ma.filled(values, 0).astype(dtype), ~np.ma.getmaskarray(values))
    return Values(kind, np.array(values, dtype=dtype))


def _text_of(values: Any) -> Values:
    """Text of a categorical, or of an array in which it may be None or NaN."""
    if hasattr(values, "codes") and hasattr(values, "categories"):
        return text(np.asarray(values.codes), [str(each) for each in values.categories])
    places: dict[str, int] = {}
    codes = np.empty(len(values), dtype=np.int32)
    for row, each in enumerate(values):
        there = each is not None and each == each
        codes[row] = places.setdefault(str(each), len(places)) if there else -1
    return text(codes, list(places))
