"""CICIDS2017 tables into data frames: every published shape, without loss and without guessing types."""

from __future__ import annotations

import contextlib
import csv
import glob
import gzip
import importlib
import io
import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _cicids_columns as known
from . import _progress
from ._cicids_times import DAYS, day_of_name, local_days, parse_times, place_of_name
from ._columns import nearest
from ._frame import import_pandas

if TYPE_CHECKING:
    import pandas as pd

_Array = np.ndarray[Any, Any]

SUFFIXES = (".csv", ".csv.gz", ".parquet")
FLOATS = ("float64", "float32")
EXACT = float(2**53)  # from here on a double does not tell neighbouring integers apart
META = b"pcapframe"  # the key of what a Parquet file says of itself
HEADER = 1 << 20  # octets: no header line is longer

# Narrow integers keep two bits to spare, so that a sum or difference of two columns of one type never wraps around.
_NARROW = tuple((np.dtype(f"int{bits}"), 2 ** (bits - 3)) for bits in (8, 16, 32))

_NO_NUMBER = re.compile(r"In CSV column #\d+: (?:Row #\d+: )?CSV conversion error to \w+: invalid value '(.*)'", re.S)


def arrow(module: str, caller: str) -> Any:
    """Import a module of pyarrow, or say how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{caller} needs pyarrow: pip install 'pcapframe[ml]'") from error


@dataclass
class Table:
    """A file, its columns in their order under our names, and what was met while reading it."""

    path: str
    names: list[str]
    notes: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    spelled: set[str] = field(default_factory=set)
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def definition(self) -> tuple[str | None, str | None, str]:
        """Variant, compat and layout of the features in it."""
        if isinstance(self.told.get("variant"), str):
            return self.told["variant"], self.told.get("compat"), str(self.told.get("layout", "published"))
        names = set(self.names)
        if "Total TCP Flow Time" in names:
            return "corrected", "fork", "improved"
        if "Total Fwd Packet" in self.spelled:
            return "corrected", "fork", "2021"
        if "Tot Fwd Pkts" in self.spelled:
            return "cic2018", None, "v4"
        if {"Total Fwd Packets", "Init_Win_bytes_forward"} & self.spelled:
            extra = names & set(known.EXTRA)
            return ("corrected" if extra else "cic2017"), None, "published"
        return None, None, "other"


# ----------------------------------------------------------------------------------------------------------- files


def files_of(source: Any) -> list[str]:
    """The paths of a folder, file, pattern or list of them, in order of days, then names."""
    if isinstance(source, str | os.PathLike):
        listed = _expanded(os.fspath(source))
    else:
        listed = [path for item in source for path in _expanded(os.fspath(item))]
    if not listed:
        raise ValueError("no files given")
    for path in listed:
        if not path.lower().endswith(SUFFIXES):
            raise ValueError(f"{path}: {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} can be loaded")
        if not os.path.isfile(path):
            raise FileNotFoundError(2, "No such file", path)
    return sorted(listed, key=lambda path: (*place_of_name(os.path.basename(path)), path))


def _expanded(path: str) -> list[str]:
    if os.path.isdir(path):
        found = [os.path.join(path, name) for name in os.listdir(path) if name.lower().endswith(SUFFIXES)]
        if not found:
            raise ValueError(f"{path}: a folder without {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} files")
        return found
    if not os.path.exists(path) and glob.has_magic(path):
        return glob.glob(path)
    return [path]


def _text(octets: bytes) -> str:
    """The files are UTF-8 or, where a label has a dash, Windows'."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("cp1252", errors="replace")


def _opened(path: str) -> Any:
    return gzip.open(path, "rb") if path.lower().endswith(".gz") else open(path, "rb")


def describe(path: str) -> Table:
    """Read a file's header: cheap, and what is wrong with it is said before any long work."""
    told: dict[str, Any] = {}
    if path.lower().endswith(".parquet"):
        schema = _parquet(path).schema_arrow
        names, told = schema.names, _told(schema.metadata or {})
    else:
        try:
            with _opened(path) as file:
                line = file.readline(HEADER)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path}: damaged: {error}") from None
        if not line.strip():
            raise ValueError(f"{path}: empty: no header line")
        if b"\0" in line:
            raise ValueError(f"{path}: no text, so no CSV table")
        names = next(csv.reader([_text(line).lstrip("\ufeff").rstrip("\r\n")]))
    table = _named(path, [name.strip() for name in names])
    table.told = told
    return table


def _told(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """What a Parquet file of ours says of its features."""
    try:
        found = json.loads(metadata[META])
    except (KeyError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    options = found.get("options")
    flows = options.get("flows") if isinstance(options, dict) else None
    return {**flows, **found} if isinstance(flows, dict) else found


def _parquet(path: str) -> Any:
    parquet = arrow("pyarrow.parquet", "reading .parquet")
    try:
        return parquet.ParquetFile(path)
    except (ValueError, OSError) as error:  # ArrowInvalid is a ValueError
        raise ValueError(f"{path}: no Parquet file, or a damaged one: {_first_line(error)}") from None


def _named(path: str, spelled: list[str]) -> Table:
    ours = known.renames()
    names: list[str] = []
    for name in spelled:
        name = ours.get(name, name)
        if name == "Fwd Header Length" and name in names:
            name = known.SECOND
        if name in names:
            raise ValueError(f"{path}: the column {name!r} stands twice")
        names.append(name)
    if all(_is_number(name) for name in names):
        raise ValueError(f"{path}: the first line holds numbers, not the names of columns")
    return Table(path, names, spelled=set(spelled))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# --------------------------------------------------------------------------------------------------------- columns


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
    if values.dtype.kind == "f" and not (-EXACT < least and most < EXACT and (values == np.rint(values)).all()):
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
        texts = [change(_text(v) if isinstance(v, bytes) else str(v)) for v in part.dictionary.to_pylist()]
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


# ----------------------------------------------------------------------------------------------------------- reading


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _without_headers(path: str) -> tuple[io.BytesIO, int]:
    """A file without the header lines that stand among its rows, as in some of CSE-CIC-IDS2018."""
    with _opened(path) as file:
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
            raise ValueError(f"{table.path}: damaged: {_first_line(error)}") from None
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
            raise ValueError(f"{table.path}: {_first_line(error)}") from None
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
        original = _parquet(table.path).schema_arrow.names
        by_name = dict(zip(table.names, original, strict=True))
        data = _parquet(table.path).read(columns=[by_name[name] for name in wanted]).rename_columns(list(wanted))
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


# ------------------------------------------------------------------------------------------------------------- load


def _wanted(tables: list[Table], columns: Iterable[str] | None) -> list[str]:
    """The columns to read, which all files must have."""
    if columns is None:
        for table in tables[1:]:
            lacks, more = set(tables[0].names) - set(table.names), set(table.names) - set(tables[0].names)
            if lacks or more:
                what = f"lacks {_few(lacks)}" if lacks else f"has {_few(more)} besides"
                raise ValueError(f"{table.path}: {what}, unlike {tables[0].name}: load them apart, or name columns=")
        return list(tables[0].names)
    if isinstance(columns, str):
        raise TypeError("columns: a list of names is needed, not one text")
    ours = known.renames()
    names = list(dict.fromkeys(ours.get(name.strip(), name.strip()) for name in columns))
    for table in tables:
        for name in names:
            if name not in table.names and name not in ("day", "file"):
                raise ValueError(f"{table.path}: no column {name!r}{nearest(name, table.names)}")
    return [name for name in names if name not in ("day", "file")]


def _few(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(map(repr, listed[:3])) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


def _chosen_days(days: Any) -> set[str] | None:
    if days is None:
        return None
    given = [days] if isinstance(days, str) else list(days)
    chosen = set()
    for day in given:
        text = str(day).strip()
        found = [name for name in DAYS if len(text) >= 3 and name.lower().startswith(text.lower())]
        if not found and not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError(f"days: {day!r} is neither a day of the week nor a date such as '2018-02-14'")
        chosen.add(found[0] if found else text)
    return chosen


def _check_sample(sample: Any) -> None:
    if sample is None:
        return
    whole = isinstance(sample, int | np.integer) and not isinstance(sample, bool)
    if not (whole and sample > 0) and not (isinstance(sample, float) and 0 < sample <= 1):
        raise ValueError(f"sample: a number of rows, or a share above 0 and up to 1.0, not {sample!r}")


class _Sampler:
    """A uniform sample of all rows, whatever file they come from: those with the least random keys."""

    def __init__(self, sample: int | float | None, seed: int) -> None:
        self._sample, self._random = sample, np.random.default_rng(seed)

    def keys(self, rows: int) -> _Array | None:
        return None if self._sample is None else self._random.random(rows)

    def chosen(self, keys: _Array) -> _Array:
        if isinstance(self._sample, float):
            return np.flatnonzero(keys < self._sample)
        assert self._sample is not None
        if len(keys) <= self._sample:
            return np.arange(len(keys))
        return np.sort(np.argpartition(keys, self._sample)[: self._sample])


def _take(columns: dict[str, Any], rows: _Array) -> dict[str, Any]:
    return {name: values.take(rows) for name, values in columns.items()}


def _join(parts: list[Any], dtype: str, pandas: Any) -> Any:
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], pandas.Categorical):
        if all(isinstance(part, pandas.Categorical) for part in parts):
            return pandas.api.types.union_categoricals(parts)
        parts = [np.asarray(part, dtype=object) for part in parts]
    if all(isinstance(part, np.ndarray) for part in parts):
        whole = np.concatenate(parts)
        return whole.astype(dtype) if whole.dtype.kind == "f" and any(p.dtype.kind == "f" for p in parts) else whole
    return pandas.concat([pandas.Series(part) for part in parts], ignore_index=True).array


def _watched(tables: list[Table], progress: bool | None) -> Iterator[Table]:
    total = sum(os.path.getsize(table.path) for table in tables)
    show = (_progress.watched() and total >= _progress.LARGE) if progress is None else progress
    if not show:
        yield from tables
        return
    bar, done = _progress.shown(total), 0
    try:
        for table in tables:
            yield table
            done += os.path.getsize(table.path)
            bar(done, total)
    finally:
        bar.close()


def _definition(tables: list[Table]) -> dict[str, Any]:
    found = {table.definition for table in tables}
    if len({(variant, compat) for variant, compat, _ in found}) > 1:
        said = "; ".join(f"{table.name}: {table.definition[0] or 'other'}" for table in tables[:8])
        raise ValueError(f"files whose features are defined differently do not go together ({said})")
    variant, compat, layout = sorted(found, key=str)[0]
    return {"variant": variant, "compat": compat, "layout": layout, "definitions": known.DEFINITIONS}


def _days_in(table: Table, columns: dict[str, Any], rows: int, zone: str, pandas: Any) -> Any:
    """The day of each row: of the file's name if it says it, else of the time."""
    day = day_of_name(table.name)
    if day is None and "Timestamp" in columns:
        return local_days(columns["Timestamp"], zone)
    return pandas.Categorical.from_codes(np.full(rows, -1 if day is None else 0), categories=[day or DAYS[0]])


def load(
    source: Any,
    columns: Iterable[str] | None = None,
    days: Any = None,
    sample: int | float | None = None,
    dtype: str = "float64",
    *,
    zone: str = "America/Halifax",
    seed: int = 0,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Load published flow tables: MachineLearningCVE, GeneratedLabelledFlows, the corrected releases, CSE-CIC-IDS2018.

    Parameters
    ----------
    source : path, pattern or list of paths
        A folder, or files that end in ``.csv``, ``.csv.gz`` or ``.parquet``.
    columns : list of str, optional
        The columns to read, in any of their spellings; default all. Several files must have the same.
    days : str or list of str, optional
        Days of the week (``"Monday"``, ``"mon"``) or dates; files of other days are not opened.
    sample : int or float, optional
        So many rows, or such a share of them: a uniform sample of all rows of all files, in their order.
    dtype : "float64" or "float32"
        The type of what is no integer.
    zone : str
        The time zone of times written without one, in the day's order of the 2017 tool.
    seed : int
        Of the sample.
    progress : bool, optional
        Show a bar on standard error; default for large files where somebody looks on.

    Returns
    -------
    pandas.DataFrame
        One row a flow, in the order of days, files and rows, under the published names without blanks and each once
        (a second ``Fwd Header Length`` that differs stays as ``Fwd Header Length.1``). Integers are exact, in the
        narrowest signed type that leaves room to add two columns; text is categories, `Timestamp` is
        ``datetime64[ns, UTC]``, and labels have a plain dash. Infinities and NaN are as published. ``day`` and ``file``
        come last. ``attrs["pcapframe"]`` says how the features are defined and what was met in each file: rows in which
        nothing is written and header lines among the rows are left out, and counted there.

    Raises
    ------
    ValueError
        A file that is empty, damaged (a line with missing fields is named), no table, or that lacks a column.
    OSError
        A file that cannot be read.
    ImportError
        Without pandas and pyarrow.
    """
    pandas = import_pandas("cicids.load")
    arrow("pyarrow", "cicids.load")
    if dtype not in FLOATS:
        raise ValueError(f"dtype: 'float64' or 'float32', not {dtype!r}")
    _check_sample(sample)
    chosen = _chosen_days(days)
    listed = files_of(source)
    paths = [path for path in listed if chosen is None or day_of_name(os.path.basename(path)) in {None, *chosen}]
    if not paths:
        there = sorted({str(day_of_name(os.path.basename(path))) for path in listed})
        raise ValueError(f"days: no file of {', '.join(sorted(chosen or ()))}; there are {', '.join(there)}")
    tables = [describe(path) for path in paths]
    meta = _definition(tables)
    names = _wanted(tables, columns)
    sampler = _Sampler(sample, seed)
    parts: list[dict[str, Any]] = []
    keys: list[_Array] = []
    for table in _watched(tables, progress):
        extra = ["Timestamp"] if "Timestamp" in table.names and "Timestamp" not in names else []
        part, rows = read(table, [*names, *extra], dtype, zone)
        part["day"] = _days_in(table, part, rows, zone, pandas)
        for name in extra:
            del part[name]
        part["file"] = pandas.Categorical.from_codes(np.zeros(rows, dtype=np.int8), categories=[table.name])
        part = _second_header(part)
        table.notes["rows"] = rows
        if chosen is not None:
            kept = np.flatnonzero(np.isin(np.asarray(part["day"], dtype=object).astype(str), sorted(chosen)))
            part, rows = _take(part, kept), len(kept)
        drawn = sampler.keys(rows)
        if drawn is not None:
            best = sampler.chosen(drawn)
            part = _take(part, best)
            keys.append(drawn[best])
        parts.append(part)
    return _whole(parts, keys, sampler, tables, meta, dtype, pandas)


def _second_header(part: dict[str, Any]) -> dict[str, Any]:
    first, second = part.get("Fwd Header Length"), part.get(known.SECOND)
    if first is not None and second is not None and np.array_equal(first, second, equal_nan=True):
        del part[known.SECOND]
    return part


def _whole(
    parts: list[dict[str, Any]],
    keys: list[_Array],
    sampler: _Sampler,
    tables: list[Table],
    meta: dict[str, Any],
    dtype: str,
    pandas: Any,
) -> pd.DataFrame:
    if any(known.SECOND in part for part in parts):  # it differs in one file: all keep it
        for part in parts:
            part.setdefault(known.SECOND, part["Fwd Header Length"])
    names = [name for name in parts[0] if name != known.SECOND]
    if known.SECOND in parts[0]:
        names.insert(names.index("day"), known.SECOND)
    whole: dict[str, Any] = {}
    for name in names:
        whole[name] = _join([part.pop(name) for part in parts], dtype, pandas)
    if keys and isinstance(sampler._sample, int | np.integer):
        whole = _take(whole, sampler.chosen(np.concatenate(keys)))
    whole["day"] = _ordered(whole["day"], pandas)
    frame: pd.DataFrame = pandas.DataFrame(whole, copy=False)
    frame.attrs["pcapframe"] = {**meta, "files": {table.name: dict(table.notes) for table in tables}}
    return frame


def _ordered(days: Any, pandas: Any) -> Any:
    there = [str(day) for day in days.remove_unused_categories().categories]
    order = [day for day in DAYS if day in there] + sorted(day for day in there if day not in DAYS)
    return days.set_categories(order, ordered=True)
