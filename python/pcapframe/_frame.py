"""The one table type: a view of native storage that costs nothing until it is looked at."""

from __future__ import annotations

import html
import importlib
import operator
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from . import _core, _export, _given
from ._columns import nearest
from ._display import when
from ._frame_column import Column, _short, import_pandas
from ._provenance import KEY, note, provenance
from .errors import CaptureError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from ._info import CaptureFault
    from ._reader import Capture

_Array = np.ndarray[Any, Any]
_ROWS_AT_ONCE = 1 << 14  # plain Python values of so many rows are a few megabytes


class Frame:
    """A table of equally long, named, typed columns.

    ``frame["name"]`` is a `Column`, ``frame[["a", "b"]]`` a Frame of these columns, ``frame[3]`` a Frame of one row,
    ``frame[a:b]`` and ``frame[mask]`` (a bool array, one element per row) Frames of those rows. Frames are never
    changed; they share storage and keep it alive.
    """

    __slots__ = ("_asked", "_cache", "_capture", "_faults", "_made_from", "_native", "_places")

    def __init__(
        self,
        native: _core.Frame,
        capture: Capture | None = None,
        faults: tuple[CaptureFault, ...] | None = None,
        asked: dict[str, Any] | None = None,
    ) -> None:
        self._native = native
        self._capture = capture
        self._faults = faults
        self._asked = asked
        self._made_from: dict[str, Any] | None = None  # of one that was pickled: its provenance
        self._cache: dict[str, Column] = {}
        self._places: dict[str, tuple[int, str]] | None = None

    @property
    def schema(self) -> tuple[tuple[str, str, bool], ...]:
        """``(name, type, nullable)`` of each column; types are those of `Column.kind`."""
        return self._native.schema

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [name for name, _, _ in self._native.schema]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self._native), len(self._native.schema)

    def __len__(self) -> int:
        return len(self._native)

    def __reduce__(self) -> Any:
        """Plain arrays and the provenance: what is loaded is the same table, but knows no capture to read again."""
        from ._state import Table

        return _restored, (type(self).__name__, Table.from_native(self._native), self.provenance, self._asked)

    def __copy__(self) -> Frame:
        return self  # never changed

    def __deepcopy__(self, memo: object) -> Frame:
        return self

    __iter__ = None  # rows or columns? `frame.columns` and `frame.to_dict()` say which

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def _place(self, name: str) -> tuple[int, str]:
        """Number and kind of a column."""
        if self._places is None:
            self._places = {name: (number, kind) for number, (name, kind, _) in enumerate(self._native.schema)}
        if name not in self._places:
            raise KeyError(f"no column {name!r}{nearest(name, list(self._places))}")
        return self._places[name]

    def _number(self, name: str) -> int:
        return self._place(name)[0]

    def _column(self, name: str) -> Column:
        if name not in self._cache:
            number, kind = self._place(name)
            self._cache[name] = Column(name, kind, *self._native.column(number))
        return self._cache[name]

    @overload
    def __getitem__(self, key: str) -> Column: ...
    @overload
    def __getitem__(self, key: int | slice | list[str] | tuple[str, ...] | _Array) -> Frame: ...
    def __getitem__(self, key: Any) -> Column | Frame:
        if isinstance(key, str):
            return self._column(key)
        if isinstance(key, slice):
            return self._slice(key)
        if isinstance(key, list | tuple) and key and all(isinstance(name, str) for name in key):
            return self._with(self._native.project(np.array([self._number(name) for name in key], dtype=np.intp)))
        if np.ndim(key) == 0:
            return self._row(key)
        if str(getattr(key, "dtype", "")) in ("boolean", "bool[pyarrow]"):  # pandas's, where what is unknown is out
            key = key.to_numpy(dtype=bool, na_value=False)
        return self._rows(np.asarray(key))

    def _more(self) -> tuple[Any, ...]:
        """What else one of its class is made of."""
        return (self._asked,)

    def _with(self, native: _core.Frame) -> Frame:
        made = Frame(native, self._capture, self._faults, self._asked)
        made._made_from = self._made_from
        return made

    @property
    def provenance(self) -> dict[str, Any]:
        """What it was made from, as plain values: a dict.

        ``inputs`` (name and size in octets of each), ``filters`` (text; conditions on columns as dicts), ``period``
        (first and last time, ns), ``options`` (columns, strict, what was selected), ``faults`` (what was wrong with the
        capture; None where it was not known) and ``versions``. `to_pandas` puts it into
        ``DataFrame.attrs["pcapframe"]``; Arrow and Parquet have it as JSON under the key ``pcapframe`` of the schema's
        metadata.
        """
        return self._provenance()

    def _provenance(self, sha256: bool = False) -> dict[str, Any]:
        if self._made_from is not None:
            return {**self._made_from}
        return provenance(self._capture, self.columns, self._faults, self._asked, sha256)

    def __arrow_c_schema__(self) -> Any:
        """The types of the columns, a capsule as Arrow's C data interface has it."""
        return self._native.arrow_schema(note(self.provenance))

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """The rows as a capsule of Arrow's C stream interface, without copying, as often as it is asked for.

        Text is dictionary-encoded (int32, utf8), and each batch has a dictionary of its own; see `Column.kind` for the
        rest: times are ``timestamp[ns, UTC]``, strings ``large_utf8``, octets ``large_binary``. Its functions may be
        called by any thread, without the GIL, and what they gave outlives the Frame. A requested schema is not heeded,
        as Arrow allows.
        """
        return self._native.arrow_stream(note(self.provenance))

    def to_arrow(self) -> pa.Table:
        """Return a `pyarrow.Table`; its text columns have one dictionary each, the rest shares memory with the Frame.

        Raises
        ------
        ImportError
            pyarrow is not installed.
        """
        return _export.import_arrow("Frame.to_arrow").table(self).unify_dictionaries()

    def to_polars(self) -> pl.DataFrame:
        """Return a `polars.DataFrame`, text as ``Categorical``. Needs polars alone.

        Raises
        ------
        ImportError
            polars is not installed.
        """
        try:
            polars = importlib.import_module("polars")
        except ImportError as error:
            raise ImportError("Frame.to_polars needs polars: pip install polars") from error
        return polars.DataFrame(self)

    def _row(self, key: Any) -> Frame:
        if isinstance(key, bool | np.bool_) or not hasattr(key, "__index__"):
            raise _given.wrong("frame[...]", "a column name, list of names, row number, slice or bool array", key)
        number = operator.index(key)
        if not -len(self) <= number < len(self):
            raise IndexError(f"row {number} of {len(self)}")
        return self._with(self._native.slice(number % len(self), 1))

    def _slice(self, key: slice) -> Frame:
        start, stop, step = key.indices(len(self))
        if step == 1:
            return self._with(self._native.slice(start, max(0, stop - start)))
        return self._with(self._native.take(np.arange(start, stop, step, dtype=np.intp)))

    def _rows(self, key: _Array) -> Frame:
        if key.dtype == bool:
            if key.shape != (len(self),):
                raise IndexError(f"a bool array of shape {key.shape} where the frame has {len(self)} rows")
            return self._with(self._native.take(np.flatnonzero(key)))
        if key.size and not np.issubdtype(key.dtype, np.integer):
            raise TypeError(f"frame[...]: rows are chosen by a bool array or integers, not {key.dtype}")
        rows = key.astype(np.intp)
        return self._with(self._native.take(np.where(rows < 0, rows + len(self), rows)))

    def to_pandas(self, strings: str = "category") -> pd.DataFrame:
        """Return a `pandas.DataFrame`.

        Parameters
        ----------
        strings : "category" or "str"
            The dtype of text columns.

        Returns
        -------
        pandas.DataFrame
            Columns that may be null are masked integers (``UInt16`` and so on), whether or not any value is null; times
            are ``datetime64[ns, UTC]``, exact.
        """
        pandas = import_pandas("Frame.to_pandas")
        _given.one_of("strings", strings, ("category", "str"))
        table: pd.DataFrame = pandas.DataFrame(
            {name: self._column(name)._pandas(pandas, strings) for name in self.columns}
        )
        table.attrs[KEY] = self.provenance
        return table

    def to_numpy(self) -> dict[str, _Array]:
        """Return a dict of arrays, one element per row.

        Columns that may be null are `numpy.ma.MaskedArray`, text columns arrays of
        ``numpy.dtypes.StringDType(na_object=None)``, times int64 nanoseconds since the epoch.
        """
        arrays: dict[str, _Array] = {}
        for name in self.columns:
            column = self._column(name)
            if column._categories is not None or column._kind == "string":
                arrays[name] = np.array(column.tolist(), dtype=np.dtypes.StringDType(na_object=None))
            elif column.valid is None:
                arrays[name] = column.values
            else:
                arrays[name] = np.ma.MaskedArray(column.values, mask=~column.valid)
        return arrays

    def to_dict(self) -> dict[str, list[Any]]:
        """Return a dict of lists of `int`, `float`, `str` or `bytes`, None where null."""
        return {name: self._column(name).tolist() for name in self.columns}

    def rows(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Iterate over the rows as tuples of plain values, None where null: for loops that keep state.

        Parameters
        ----------
        *names : str
            The columns, in this order; all of them by default.
        """
        numbers = [self._number(_given.text("names", name, "ip_src")) for name in names or self.columns]
        piece = self._with(self._native.project(np.array(numbers, dtype=np.intp)))
        for at in range(0, len(piece), _ROWS_AT_ONCE):
            part = piece[at : at + _ROWS_AT_ONCE]
            yield from zip(*(part._column(name).tolist() for name in part.columns), strict=True)

    def to_scapy(self) -> list[Any]:
        """Return scapy packets for the rows, in their order: decoded anew from the capture's octets, with their times.

        Raises
        ------
        ValueError
            The Frame has no ``frame_number``.
        ImportError
            scapy is not installed.
        """
        from ._scapy import to_scapy

        return to_scapy(self)

    def write(self, path: str | os.PathLike[str], *, sha256: bool = False) -> int:
        """Write the rows to a table file, or these packets to a new capture, by the name's suffix.

        The file appears under its name when it is whole.

        Parameters
        ----------
        path : path
            ``.pcap`` or ``.pcapng``: the packets with their original octets and times, in file order, in one more pass
            over the capture they came from; only pcapng holds several link types, interfaces and packets without a
            time. ``.parquet`` (zstd) and ``.arrow`` (Arrow's IPC file) need pyarrow. ``.csv``: text that a spreadsheet
            would take for a formula has an apostrophe before it. ``.json`` or ``.jsonl``: a JSON object a line. In CSV
            and JSON times are ISO 8601 with nanoseconds and octets hexadecimal; null is empty in CSV, null in JSON.
        sha256 : bool
            Read the capture's files once more and put the SHA-256 of each into the provenance, which Parquet and Arrow
            files hold.

        Returns
        -------
        int
            How many packets or rows were written.

        Raises
        ------
        ValueError
            Another suffix; as a capture, a Frame without ``frame_number`` or packets that the format cannot hold.
        ImportError
            pyarrow is not installed, and Parquet or Arrow was asked for.
        OSError
            The file could not be written.
        """
        text = _given.path("path", path)
        _given.truth("sha256", sha256)
        if _export.writes_table(text):
            if self._capture is not None:
                self._capture._refuse_own(text)
            return _export.write_table(text, self, [self], lambda: self._provenance(sha256), "")
        is_capture = text.lower().endswith((".pcap", ".pcapng", ".cap"))
        if "frame_number" not in self.columns or self._capture is None:
            if not is_capture:
                raise ValueError(f"{text}: a table can be written to {_export.SUFFIXES}, by the name's suffix")
            raise ValueError("only a Frame of packets with the column frame_number can be written as a capture")
        if not is_capture:
            raise ValueError(
                f"{text}: packets can be written as a table to {_export.SUFFIXES}, as a capture to .pcap, .cap or "
                ".pcapng, by the name's suffix"
            )
        return self._capture._write(text, numbers=np.unique(self._column("frame_number").values))

    def plot(self, **options: Any) -> Any:
        """Draw what these columns suggest, and return the matplotlib Axes.

        Flows by duration and octets; packets, and counts per bin of time, as a timeline; counts of pairs as a heat map;
        counts of one field as bars.

        Parameters
        ----------
        **options
            Those of the function of `pcapframe.plot` that draws it: `flows`, `timeline`, `heatmap` or `talkers`.

        Raises
        ------
        ValueError
            The columns suggest nothing; `pcapframe.plot` has more pictures.
        """
        from ._plot_frame import draw

        return draw(self, options)

    def __repr__(self) -> str:
        return f"<Frame: {len(self)} rows, {len(self.columns)} columns: {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        shown = self[: min(len(self), 10)].to_dict()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in shown)
        for name, cells in shown.items():
            if self[name].kind == "time":
                shown[name] = [cell if cell is None else when(cell, 9) for cell in cells]
        rows = "".join(
            "<tr>"
            + "".join(f"<td>{'' if cell is None else html.escape(_short(str(cell)))}</td>" for cell in row)
            + "</tr>"
            for row in zip(*shown.values(), strict=True)
        )
        more = "; the first 10" if len(self) > 10 else ""
        return (
            f"<table><caption>{len(self):,} rows, {len(shown)} columns{more}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )


def _restored(kind: str, table: Any, made_from: dict[str, Any], asked: dict[str, Any] | None) -> Frame:
    """A Frame as it was pickled."""
    from ._state import DAMAGED

    try:
        native = table.native()
    except DAMAGED as error:
        raise CaptureError(f"a pickled Frame: is none that can be read: it is damaged ({error})") from error
    if kind == "Hits":
        from ._match import Hits

        restored: Frame = Hits(native, None, None, asked)
    else:
        restored = Frame(native, None, None, asked)
    restored._made_from = made_from
    return restored
