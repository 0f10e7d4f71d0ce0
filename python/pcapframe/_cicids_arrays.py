"""The columns of one file of flows, as arrays of the types that the specification gives them."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _cicids_columns as known
from ._cicids_files import Table, arrow, decoded, first_line, opened, parquet_file
from ._cicids_times import parse_times
from ._frame_column import import_pandas

_Array = np.ndarray[Any, Any]

EXACT = float(2**53)  # from here on a double does not tell neighbouring integers apart

# Narrow integers keep two bits to spare, so that a sum or difference of two columns of one type never wraps around.
_NARROW = tuple((np.dtype(f"int{bits}"), 2 ** (bits - 3)) for bits in (8, 16, 32))

_NO_NUMBER = re.compile(r"In CSV column #\d+: (?:Row #\d+: )?CSV conversion error to \w+: invalid value '(.*)'", re.S)


def _kind(name: str) -> str:
    if name in known.COLUMNS:
        return known.COLUMNS[name].kind
    if name == known.SECOND or name in known.INTEGERS:
        return "int"
    return "other"


def narrowed(values: _Array) -> _Array:
    """Return whole numbers in the narrowest type that leaves two bits to spare; anything else as it is."""
    if not len(values):
        return values.astype(np.int64)
    least, most = values.min(), values.max()
    if values.dtype.kind == "f" and not (least > -EXACT and most < EXACT and (values == np.rint(values)).all()):
        return values
    for dtype, limit in _NARROW:
        if -limit <= least and most < limit:
            return values.astype(dtype)
    return values.astype(np.int64)


def canonical_label(text: str) -> str:
    """A label with a plain dash where the files have a dash in one alphabet and readers see it in another."""
    return re.sub(r"\s*[^\x00-\x7f]+\s*", " - ", text).strip()


def _dictionary(column: Any, change: Callable[[str], str], pandas: Any) -> Any:
    """A categorical of a column of octets or text."""
    codes: list[_Array] = []
    places: dict[str, int] = {}
    for chunk in column.chunks:
        part = chunk.dictionary_encode() if not hasattr(chunk, "dictionary") else chunk
        texts = [change(decoded(v) if isinstance(v, bytes) else str(v)) for v in part.dictionary.to_pylist()]
        table = np.array([places.setdefault(text, len(places)) for text in texts] or [0], dtype=np.int32)
        given = part.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        codes.append(np.where(given < 0, -1, table[given]))
    whole = np.concatenate(codes) if codes else np.empty(0, dtype=np.int32)
    return pandas.Categorical.from_codes(whole, categories=pandas.Index(list(places), dtype=object))


def _number(column: Any, kind: str, dtype: str) -> _Array:
    values = column.to_numpy()
    if values.dtype == object or values.dtype.kind not in "iufb":
        values = values.astype(np.float64)
    if kind in ("int", "whole", "other"):
        values = narrowed(values)
    return np.asarray(values.astype(dtype, copy=False) if values.dtype.kind == "f" else values)


def _other(table: Table, name: str, column: Any, dtype: str, pandas: Any) -> Any:
    """A column nobody here knows: numbers if all of it is, else text."""
    pa = arrow("pyarrow", "cicids.load")
    if column.type == pa.binary():
        for wanted in (pa.int64(), pa.float64()):
            try:
                return _number(column.cast(pa.string()).cast(wanted), "other", dtype)
            except pa.ArrowInvalid:
                continue
    elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _number(column, "other", dtype)
    if pa.types.is_timestamp(column.type):
        return column.to_pandas().array
    return _dictionary(column, str.strip, pandas)


def _iso_times(column: Any) -> _Array | None:
    """Times that are all written as ``yyyy-mm-dd hh:mm:ss.ffffff``, the usual case where each is another."""
    pa = arrow("pyarrow", "cicids.load")
    first = column[0].as_py() if len(column) else None
    if not (isinstance(first, bytes) and first[4:5] == b"-"):
        return None
    try:
        return np.asarray(column.cast(pa.string()).cast(pa.timestamp("ns")).to_numpy())
    except pa.ArrowInvalid:
        return None


def _column(table: Table, name: str, column: Any, dtype: str, zone: str, pandas: Any) -> Any:
    pa = arrow("pyarrow", "cicids.load")
    kind = _kind(name)
    if kind == "other" or (kind != "time" and pa.types.is_timestamp(column.type)):
        return _other(table, name, column, dtype, pandas)
    if kind == "label":
        return _dictionary(column, canonical_label, pandas)
    if kind == "time":
        if pa.types.is_timestamp(column.type) or pa.types.is_integer(column.type):
            stamps = pandas.Series(column.to_pandas())
            return pandas.to_datetime(stamps, utc=True).astype("datetime64[ns, UTC]").array
        stamps = _iso_times(column)
        if stamps is not None:
            return pandas.Series(stamps).dt.tz_localize("UTC").array
        texts = _dictionary(column, str.strip, pandas)
        return parse_times(texts, zone, f"{table.path}: {name}")
    if name == "Flow ID":  # nearly unique: as text, not as categories
        if column.type == pa.binary():
            column = column.cast(pa.string())
        return pandas.Series(column.to_pandas()).astype("str").array
    if kind == "text":
        return _dictionary(column, str.strip, pandas)
    return _number(column, kind, dtype)


def _without_headers(path: str) -> tuple[io.BytesIO, int]:
    """A file without the header lines that stand among its rows, as in some of CSE-CIC-IDS2018."""
    with opened(path) as file:
        lines = file.read().split(b"\n")
    head = lines[0].strip()
    kept = [lines[0], *(line for line in lines[1:] if line.strip() != head)]
    return io.BytesIO(b"\n".join(kept)), len(lines) - len(kept)


def _bad_row(table: Table, options: dict[str, Any]) -> str:
    """Say where the first line with too few or too many fields is."""
    csv_ = arrow("pyarrow.csv", "cicids.load")
    seen: list[Any] = []

    def note(row: Any) -> str:
        seen.append(row)
        return "error"

    options = dict(options)
    options["read_options"].use_threads = False
    options["parse_options"] = csv_.ParseOptions(invalid_row_handler=note)
    with contextlib.suppress(ValueError):
        csv_.read_csv(table.path, **options)
    if not seen:
        return f"{table.path}: damaged"
    row = seen[0]
    where = f"line {row.number}" if row.number is not None else f"the line that begins with {row.text[:40]!r}"
    return f"{table.path}: {where} has {row.actual_columns} fields where the header has {row.expected_columns}"


def _arrow_csv(table: Table, wanted: Sequence[str]) -> Any:
    """The wanted columns of a CSV file, as doubles and octets: what a value is, its column says, never its looks."""
    pa, csv_ = arrow("pyarrow", "cicids.load"), arrow("pyarrow.csv", "cicids.load")
    types = {name: pa.float64() if _kind(name) in ("int", "whole", "double") else pa.binary() for name in table.names}
    options: dict[str, Any] = {
        "read_options": csv_.ReadOptions(column_names=table.names, skip_rows=1),
        "convert_options": csv_.ConvertOptions(
            column_types=types, include_columns=list(wanted), null_values=[""], strings_can_be_null=True,
            check_utf8=False,
        ),
    }  # fmt: skip
    source: Any = table.path
    for again in (False, True):
        try:
            return csv_.read_csv(source, **options)
        except OSError as error:
            raise ValueError(f"{table.path}: damaged: {first_line(error)}") from None
        except pa.ArrowInvalid as error:
            bad = _NO_NUMBER.match(str(error))
            if bad and bad[1].strip() in table.spelled and not again:
                source, table.notes["repeated headers"] = _without_headers(table.path)
                continue
            if bad:
                raise ValueError(f"{table.path}: {bad[1]!r} stands where a number is needed") from None
            if "Empty CSV" in str(error) or "Could not skip initial" in str(error):  # a header line alone
                return pa.table({name: pa.array([], types[name]) for name in wanted})
            if "columns, got" in str(error):
                raise ValueError(_bad_row(table, options)) from None
            raise ValueError(f"{table.path}: {first_line(error)}") from None
    raise AssertionError("unreachable")


def _exact(table: Table, data: Any) -> Any:
    """Read the integers beyond 2^53 once more, as integers: doubles would round them."""
    pa, csv_ = arrow("pyarrow", "cicids.load"), arrow("pyarrow.csv", "cicids.load")
    compute = arrow("pyarrow.compute", "cicids.load")
    for name in data.column_names:
        if _kind(name) != "int" or data.schema.field(name).type != pa.float64():
            continue
        most = compute.max(compute.abs(data.column(name))).as_py()
        if most is None or not EXACT <= most < float(2**63):
            continue
        convert = csv_.ConvertOptions(column_types={name: pa.int64()}, include_columns=[name])
        try:
            read = csv_.ReadOptions(column_names=table.names, skip_rows=1)
            again = csv_.read_csv(table.path, read_options=read, convert_options=convert)
        except pa.ArrowInvalid:
            continue  # they are written as doubles
        if len(again) == len(data):
            data = data.set_column(data.column_names.index(name), name, again.column(name))
    return data


def _without_empty(table: Table, data: Any) -> Any:
    """Rows in which nothing is written, thousands of them in one published file."""
    compute = arrow("pyarrow.compute", "cicids.load")
    suspects = [data.column(name) for name in data.column_names]
    if not suspects or any(column.null_count == 0 for column in suspects):
        return data
    empty = suspects[0].is_null()
    for column in suspects[1:]:
        empty = compute.and_(empty, column.is_null())
    rows = compute.sum(empty).as_py() or 0
    if rows:
        table.notes["empty rows"] = rows
        data = data.filter(compute.invert(empty))
    return data


def read(table: Table, wanted: Sequence[str], dtype: str, zone: str) -> tuple[dict[str, Any], int]:
    """The wanted columns of one file, as arrays, and how many rows it has."""
    pandas = import_pandas("cicids.load")
    if table.path.lower().endswith(".parquet"):
        original = parquet_file(table.path).schema_arrow.names
        by_name = dict(zip(table.names, original, strict=True))
        data = parquet_file(table.path).read(columns=[by_name[name] for name in wanted]).rename_columns(list(wanted))
    else:
        data = _exact(table, _arrow_csv(table, wanted))
    data = _without_empty(table, data)
    rows = len(data)
    columns: dict[str, Any] = {}
    for name in wanted:  # each is let go as soon as it is converted
        column = data.column(0)
        data = data.remove_column(0)
        columns[name] = _column(table, name, column, dtype, zone, pandas)
    return columns, rows
