"""The one table type, and its columns: views of native storage that cost nothing until they are looked at."""

from __future__ import annotations

import html
import importlib
import itertools
import numbers
import operator
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from . import _core, _export, _given, _times
from ._columns import nearest
from ._provenance import KEY, note, provenance

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from ._info import CaptureFault
    from ._reader import Capture

_Array = np.ndarray[Any, Any]


def import_pandas(caller: str) -> Any:
    """Import pandas, or say how to get it."""
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise ImportError(f"{caller} needs pandas: pip install pandas") from error


_MATRIX_ROWS = 1 << 16
_SHOWN = 80  # characters of a cell
_ROWS_AT_ONCE = 1 << 14  # plain Python values of so many rows are a few megabytes


class Column:
    """One column of a `Frame`.

    Comparisons (``== != < <= > >=``) and `isin` give bool arrays, one element per row, False where the column is null.
    Times are compared with ISO 8601 text, datetime and numpy.datetime64 as well. Iteration gives what `tolist` does.
    """

    __slots__ = ("_categories", "_kind", "_name", "_octets", "_texts", "_valid", "_values")

    def __init__(
        self, name: str, kind: str, values: _Array, valid: _Array | None, categories: list[str] | _Array | None
    ) -> None:
        # Of text the values are codes into the categories; of a string or binary column, rows + 1 offsets into octets.
        self._name, self._kind = name, kind
        self._values, self._valid = values, valid
        self._categories = categories if isinstance(categories, list) else None
        self._octets = categories if isinstance(categories, np.ndarray) else None
        if valid is not None:
            valid.flags.writeable = False
        self._texts: _Array | None = None

    @property
    def name(self) -> str:
        """The column's name."""
        return self._name

    @property
    def kind(self) -> str:
        """What it holds: ``uint8`` to ``uint64``, ``int64``, ``float64``, ``time`` (int64 ns since the epoch, UTC),
        ``text`` (with `categories`), ``string`` (text that is nearly unique) or ``binary`` (octets).
        """
        return self._kind

    @property
    def values(self) -> _Array:
        """The values, a read-only array; 0 (or the empty text) in null places.

        Numbers as they are, times int64 nanoseconds since the epoch (UTC), text `numpy.dtypes.StringDType` and octets
        an object array of `bytes`, both made when they are first asked for.
        """
        if self._categories is None and self._octets is None:
            return self._values
        if self._texts is None and self._octets is not None:
            pieces: Any = self._pieces()
            dtype = np.dtypes.StringDType() if self._kind == "string" else object
            self._texts = np.empty(len(self), dtype=dtype)
            self._texts[:] = pieces
            self._texts.flags.writeable = False
        if self._texts is None:
            assert self._categories is not None
            table = np.array([*self._categories, ""], dtype=np.dtypes.StringDType())
            codes = self._values if self._valid is None else np.where(self._valid, self._values, len(table) - 1)
            self._texts = table[codes]
            self._texts.flags.writeable = False
        return self._texts

    @property
    def valid(self) -> _Array | None:
        """A read-only bool array, False where the column is null; None for a column that cannot be."""
        return self._valid

    @property
    def codes(self) -> _Array:
        """The int32 codes of a text column into `categories`; 0 in null places."""
        if self._categories is None:
            raise TypeError(f"{self._name} is no text column: it has no codes")
        return self._values

    @property
    def categories(self) -> list[str]:
        """The distinct texts of a text column, in order of first appearance."""
        if self._categories is None:
            raise TypeError(f"{self._name} is no text column: it has no categories")
        return list(self._categories)

    def fill(self, value: Any) -> _Array:
        """Return the values with `value` in null places, a new array."""
        filled = self.values.copy()
        if self._valid is not None:
            try:
                filled[~self._valid] = value
                fits = filled.dtype.kind not in "iu" or bool(np.all(filled[~self._valid] == value))
            except (OverflowError, TypeError, ValueError):
                fits = False
            if not fits:
                raise TypeError(
                    f"{self._name}.fill: the column holds {filled.dtype}, which cannot hold {_given.shown(value)}"
                )
        return filled

    def _pieces(self) -> list[Any]:
        """The texts or octets of a column that has offsets."""
        assert self._octets is not None
        whole, ends = self._octets.tobytes(), self._values.tolist()
        pieces = [whole[a:b] for a, b in itertools.pairwise(ends)]
        return [piece.decode() for piece in pieces] if self._kind == "string" else pieces

    def matrix(self, n: int) -> _Array:
        """Return the first `n` octets of each row of a binary column.

        Parameters
        ----------
        n : int
            How many, from 1 on.

        Returns
        -------
        ndarray of uint8, shape (rows, n)
            Rows with fewer octets are filled up with zeros; null rows are all zeros.

        Raises
        ------
        TypeError
            The column is not binary.
        ValueError
            `n` is less than 1.
        """
        if self._kind != "binary" or self._octets is None:
            raise TypeError(f"{self._name} is no binary column: it has no matrix of octets")
        width = _given.whole("n", n, 1)
        rows = len(self)
        result = np.zeros((rows, width), dtype=np.uint8)
        if rows:
            starts = self._values[:-1]
            lengths = np.minimum(np.diff(self._values), width)
            for at in range(0, rows, _MATRIX_ROWS):  # bounds what the indices take
                part = slice(at, at + _MATRIX_ROWS)
                row, column = np.nonzero(np.arange(width) < lengths[part, None])
                result[part][row, column] = self._octets[starts[part][row] + column]
        return result

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __len__(self) -> int:
        return len(self._values) - (1 if self._octets is not None and len(self._values) else 0)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> _Array:
        if self._valid is not None and not self._valid.all():
            raise ValueError(
                f"{self._name} has {int((~self._valid).sum())} nulls: say what they shall be with .fill(value), "
                "or take .values and .valid"
            )
        return np.array(self.values, dtype=dtype, copy=copy)

    def _where_valid(self, result: _Array) -> _Array:
        return np.asarray(result) if self._valid is None else result & self._valid

    def _by_text(self, accepts: Any) -> _Array:
        """Ask each distinct text once."""
        assert self._categories is not None
        table = np.fromiter((accepts(text) for text in self._categories), dtype=bool, count=len(self._categories))
        return table[self._values] if len(table) else np.zeros(len(self), dtype=bool)

    def _sort(self) -> type:
        """The type of its plain values: int for times."""
        return {"text": str, "string": str, "binary": bytes, "float64": float}.get(self._kind, int)

    def _compare(self, compare: Callable[[Any, Any], Any], other: Any) -> _Array:
        if self._kind == "time" and (isinstance(other, str | np.datetime64) or hasattr(other, "isoformat")):
            other = _times.nanoseconds(self._name, other)
        many = len(other) if isinstance(other, Column) else np.size(other) if np.ndim(other) else len(self)
        if many != len(self):
            raise ValueError(f"{self._name}: compared with {many:,} values where it has {len(self):,}")
        if isinstance(other, Column):
            if self._sort() in (str, bytes) or other._sort() in (str, bytes):
                self._check_comparable(compare, other._sort())
                if self._sort() is not other._sort():
                    return self._where_valid(other._where_valid(np.full(len(self), compare is operator.ne)))
            return other._where_valid(self._where_valid(compare(self.values, other.values)))
        if self._sort() not in (str, bytes):
            if not np.ndim(other) and not isinstance(other, numbers.Number | np.generic | np.ndarray):
                if compare not in (operator.eq, operator.ne):
                    raise TypeError(f"{self._name} holds numbers, which are not ordered with {_given.shown(other)}")
                return self._where_valid(np.full(len(self), compare is operator.ne))
            return self._where_valid(np.broadcast_to(compare(self._values, other), len(self)))
        self._check_comparable(compare, type(other))
        if not isinstance(other, self._sort()):
            if np.ndim(other):  # an array, element by element
                return self._where_valid(np.asarray(compare(self.values, other)))
            return self._where_valid(np.full(len(self), compare is operator.ne))
        if self._categories is not None:
            return self._where_valid(self._by_text(lambda text: compare(text, other)))
        # Not by NumPy, which takes zeros from the end of octets and text.
        return self._where_valid(np.fromiter((compare(item, other) for item in self._pieces()), bool, len(self)))

    def _check_comparable(self, compare: Callable[[Any, Any], Any], other: type) -> None:
        if compare in (operator.eq, operator.ne) or issubclass(other, np.ndarray | list | tuple | Column):
            return
        if self._sort() not in (str, bytes) and not issubclass(other, str | bytes):
            return
        if not issubclass(other, self._sort()):
            raise TypeError(f"{self._name} holds {self._sort().__name__}, which is not ordered with {other.__name__}")

    def __eq__(self, other: object) -> _Array:  # type: ignore[override]  # as NumPy's: element by element
        return self._compare(operator.eq, other)

    def __ne__(self, other: object) -> _Array:  # type: ignore[override]
        return self._compare(operator.ne, other)

    def __lt__(self, other: Any) -> _Array:
        return self._compare(operator.lt, other)

    def __le__(self, other: Any) -> _Array:
        return self._compare(operator.le, other)

    def __gt__(self, other: Any) -> _Array:
        return self._compare(operator.gt, other)

    def __ge__(self, other: Any) -> _Array:
        return self._compare(operator.ge, other)

    __hash__ = None  # type: ignore[assignment]

    def isin(self, values: Iterable[Any]) -> _Array:
        """Return a bool array, True where the value is one of `values`.

        They are text for a text or string column, `bytes` for a binary one, else numbers (times: ns since the epoch).
        """
        if isinstance(values, str | bytes):
            raise _given.wrong(f"{self._name}.isin", "a set, list or other iterable is needed", values)
        given = _given.iterable(f"{self._name}.isin", values, "values")
        wanted = given if isinstance(given, set | frozenset) else set(given)
        if self._categories is not None:
            return self._where_valid(self._by_text(wanted.__contains__))
        if self._octets is not None:
            return self._where_valid(np.fromiter((item in wanted for item in self._pieces()), bool, len(self)))
        floats = self._kind == "float64"
        for value in wanted:
            if not isinstance(value, int | np.integer | (float | np.floating if floats else int)):
                holds = "numbers" if floats else "integers"
                raise _given.wrong(f"{self._name}.isin", f"the column holds {holds}", value)
        if not floats:  # what does not fit is nowhere
            limits = np.iinfo(self._values.dtype)
            wanted = {value for value in wanted if limits.min <= value <= limits.max}
        table = np.array(sorted(wanted), dtype=self._values.dtype)
        return self._where_valid(np.isin(self._values, table))

    def tolist(self) -> list[Any]:
        """Return a list of `int`, `float`, `str` or `bytes`, None where null."""
        if self._octets is not None:
            items: list[Any] = self._pieces()
        elif self._categories is not None:
            items = [self._categories[code] for code in self._values.tolist()] if self._categories else []
            items = items or [None] * len(self)
        else:
            items = self._values.tolist()
        if self._valid is None:
            return items
        return [item if there else None for item, there in zip(items, self._valid.tolist(), strict=True)]

    def to_pandas(self, strings: str = "category") -> pd.Series[Any]:
        """Return a `pandas.Series`; see `Frame.to_pandas`."""
        pandas = import_pandas("Column.to_pandas")
        return pandas.Series(self._pandas(pandas, strings), name=self._name)

    def _pandas(self, pandas: Any, strings: str) -> Any:
        values, valid = self._values, self._valid
        if self._kind == "time":
            stamps = values if valid is None else np.where(valid, values, np.iinfo(np.int64).min)  # the least is NaT
            return pandas.Series(stamps.view("datetime64[ns]")).dt.tz_localize("UTC").array
        if self._categories is not None:
            codes = values if valid is None else np.where(valid, values, -1)
            texts = pandas.Categorical.from_codes(codes, categories=pandas.Index(self._categories, dtype=object))
            if strings == "category":
                return texts
            return pandas.array(np.asarray(texts.astype(object)), dtype=_string_dtype(pandas))
        if self._octets is not None:
            objects = np.array([None, *self.tolist()], dtype=object)[1:]
            return objects if self._kind == "binary" else pandas.array(objects, dtype=_string_dtype(pandas))
        if self._kind == "float64":
            return values.copy() if valid is None else np.where(valid, values, np.nan)
        return values.copy() if valid is None else pandas.arrays.IntegerArray(values.copy(), ~valid)

    def __repr__(self) -> str:
        items = [_short(repr(item)) for item in self._head(10 if len(self) <= 10 else 5)]
        more = [] if len(self) <= 10 else ["..."]
        return f"<Column {self._name} ({self._kind}), {len(self)} rows: {', '.join([*items, *more])}>"

    def _head(self, n: int) -> list[Any]:
        valid = None if self._valid is None else self._valid[:n].copy()
        values = self._values[: n if self._octets is None else n + 1]
        return Column(self._name, self._kind, values, valid, self._categories or self._octets).tolist()


def _short(text: str) -> str:
    """A cell as it is shown: bounded."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _cell(cell: object) -> str:
    return "" if cell is None else html.escape(_short(str(cell)))


def _string_dtype(pandas: Any) -> Any:
    try:
        return pandas.StringDtype(na_value=np.nan)  # pandas 3's own `str`
    except TypeError:
        return pandas.StringDtype()


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
        from ._state import Table, packed

        about, arrays = Table.from_native(self._native).arrays()
        return _restored, (type(self).__name__, packed({"schema": about}, arrays), self.provenance, self._asked)

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
        rows = "".join(
            "<tr>"
            + "".join(f"<td>{'' if cell is None else html.escape(_short(str(cell)))}</td>" for cell in row)
            + "</tr>"
            for row in zip(*shown.values(), strict=True)
        )
        return (
            f"<table><caption>{len(self)} rows, {len(shown)} columns</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )


def _restored(kind: str, octets: bytes, made_from: dict[str, Any], asked: dict[str, Any] | None) -> Frame:
    """A Frame as it was pickled."""
    from ._state import Table, unpacked

    header, arrays = unpacked(octets, "a pickled Frame")
    native = Table.of(header["schema"], arrays).native()
    if kind == "Hits":
        from ._match import Hits

        restored: Frame = Hits(native, None, None, asked)
    else:
        restored = Frame(native, None, None, asked)
    restored._made_from = made_from
    return restored
