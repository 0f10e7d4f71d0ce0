"""A column of a Frame: a view of native storage that costs nothing until it is looked at."""

from __future__ import annotations

import importlib
import itertools
import numbers
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _given, _times

if TYPE_CHECKING:
    import pandas as pd

_Array = np.ndarray[Any, Any]


def import_pandas(caller: str) -> Any:
    """Import pandas, or say how to get it."""
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise ImportError(f"{caller} needs pandas: pip install pandas") from error


_MATRIX_ROWS = 1 << 16
_SHOWN = 80  # characters of a cell


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


def _string_dtype(pandas: Any) -> Any:
    try:
        return pandas.StringDtype(na_value=np.nan)  # pandas 3's own `str`
    except TypeError:
        return pandas.StringDtype()
