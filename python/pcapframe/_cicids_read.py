"""CICIDS2017 tables into data frames: every published shape, without loss and without guessing types."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _cicids_columns as known
from . import _given, _progress
from ._cicids_arrays import read
from ._cicids_files import Table, arrow, describe, files_of
from ._cicids_times import DAYS, day_of_name, local_days
from ._columns import nearest
from ._frame_column import import_pandas

if TYPE_CHECKING:
    import pandas as pd

_Array = np.ndarray[Any, Any]

FLOATS = ("float64", "float32")


def _wanted(tables: list[Table], columns: Iterable[str] | None) -> list[str]:
    """The columns to read, which all files must have."""
    if columns is None:
        for table in tables[1:]:
            lacks, more = set(tables[0].names) - set(table.names), set(table.names) - set(tables[0].names)
            if lacks or more:
                what = f"lacks {_few(lacks)}" if lacks else f"has {_few(more)} besides"
                raise ValueError(f"{table.path}: {what}, unlike {tables[0].name}: load them apart, or name columns=")
        return list(tables[0].names)
    columns = [_given.text("columns", name, "Flow Duration") for name in _given.items("columns", columns, "names")]
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
    given = [days] if isinstance(days, str) else _given.items("days", days, "days")
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
    _given.whole("seed", seed, 0)
    if progress is not None:
        _given.truth("progress", progress)
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
