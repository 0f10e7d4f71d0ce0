"""Frames of columns that were computed in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._export import import_arrow
from ._frame import Frame
from ._provenance import KEY

if TYPE_CHECKING:
    from ._reader import Capture

_Array = np.ndarray[Any, Any]


class _Made:
    """What `Frame` asks of native storage, over arrays. Text is a pair of codes and categories, numbers that may be
    null a masked array.
    """

    def __init__(self, names: list[str], kinds: list[str], arrays: list[_Array], texts: list[list[str] | None]) -> None:
        for values in arrays:
            if not isinstance(values, np.ma.MaskedArray):  # these are copied where they are given out
                values.flags.writeable = False
        self._names, self._kinds, self._arrays, self._texts = names, kinds, arrays, texts

    def __len__(self) -> int:
        return len(self._arrays[0]) if self._arrays else 0

    @property
    def schema(self) -> tuple[tuple[str, str, bool], ...]:
        return tuple(
            (name, kind, self._may_be_null(n))
            for n, (name, kind) in enumerate(zip(self._names, self._kinds, strict=True))
        )

    def _may_be_null(self, number: int) -> bool:
        return self._texts[number] is not None or isinstance(self._arrays[number], np.ma.MaskedArray)

    def column(self, number: int) -> tuple[_Array, _Array | None, list[str] | None]:
        values, texts = self._arrays[number], self._texts[number]
        if isinstance(values, np.ma.MaskedArray):
            shown = values.filled(0)
            shown.flags.writeable = False
            return shown, ~np.ma.getmaskarray(values), None
        if texts is None:
            return values, None, None
        valid = values >= 0
        return np.where(valid, values, 0).astype(np.int32), valid, texts

    def slice(self, first: int, rows: int) -> _Made:
        return self._with([values[first : first + rows].copy() for values in self._arrays])

    def take(self, rows: _Array) -> _Made:
        return self._with([values[rows] for values in self._arrays])

    def project(self, columns: _Array) -> _Made:
        chosen = columns.tolist()
        names, kinds = [self._names[n] for n in chosen], [self._kinds[n] for n in chosen]
        return _Made(names, kinds, [self._arrays[n] for n in chosen], [self._texts[n] for n in chosen])

    def _with(self, arrays: list[_Array]) -> _Made:
        return _Made(self._names, self._kinds, arrays, self._texts)

    def _arrow(self, note: str | None) -> Any:
        pa = import_arrow("a computed Frame")
        columns = []
        for kind, values, texts in zip(self._kinds, self._arrays, self._texts, strict=True):
            if texts is not None:
                codes = pa.array(values, mask=values < 0, type=pa.int32())
                columns.append(pa.DictionaryArray.from_arrays(codes, pa.array(texts, type=pa.string())))
            else:
                mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
                plain = np.ma.getdata(values)
                columns.append(pa.array(plain, mask=mask, type=pa.timestamp("ns", "UTC") if kind == "time" else None))
        table = pa.table(columns, names=self._names)
        return table if note is None else table.replace_schema_metadata({KEY: note})

    def arrow_stream(self, note: str | None) -> Any:
        return self._arrow(note).__arrow_c_stream__()

    def arrow_schema(self, note: str | None) -> Any:
        return self._arrow(note).schema.__arrow_c_schema__()


def _text(values: Any) -> tuple[_Array, list[str]]:
    """Codes and categories of a categorical or an array of text; -1 where it is None or NaN."""
    if hasattr(values, "codes") and hasattr(values, "categories"):
        return np.asarray(values.codes, dtype=np.int32), [str(text) for text in values.categories]
    places: dict[str, int] = {}
    codes = np.empty(len(values), dtype=np.int32)
    for row, text in enumerate(values):
        there = text is not None and text == text
        codes[row] = places.setdefault(str(text), len(places)) if there else -1
    return codes, list(places)


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


def frame_of(
    columns: dict[str, tuple[str, Any]], capture: Capture | None = None, told: dict[str, Any] | None = None
) -> MadeFrame:
    """Make a Frame of columns: the name, and its kind (``text``, ``time``, ``int64``, ``float64``) with its values.

    Of a masked array the masked values are null.
    """
    names, kinds, arrays = list(columns), [], []
    texts: list[list[str] | None] = []
    for kind, values in columns.values():
        kinds.append(kind)
        if kind == "text":
            codes, categories = _text(values)
            arrays.append(codes)
            texts.append(categories)
        else:
            dtype = np.dtype(np.int64 if kind == "time" else kind)
            masked = isinstance(values, np.ma.MaskedArray)
            arrays.append(np.ma.array(values, dtype=dtype) if masked else np.array(values, dtype=dtype))
            texts.append(None)
    return MadeFrame(_Made(names, kinds, arrays, texts), capture, told or {})
