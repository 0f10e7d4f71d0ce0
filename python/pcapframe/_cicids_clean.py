"""Cleaning flow tables: each step an argument, each counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _cicids_columns as known
from . import _given
from ._cicids_labels import mapped
from ._cicids_tables import Report, as_table, definition_of, meta_of, with_report
from ._frame_column import import_pandas

if TYPE_CHECKING:
    import pandas as pd

_Array = np.ndarray[Any, Any]

# A bare ACK, FIN or RST is a frame of 60 octets; the 2017 tool takes its 6 octets of padding for payload.
PADDING = 6
FRAGMENT_PACKETS, FRAGMENT_OCTETS = 2, (0, PADDING, 2 * PADDING)

MAY_BE_NEGATIVE = frozenset({"Init_Win_bytes_forward", "Init_Win_bytes_backward", *known.HEADERS})
_NONFINITE = ("drop", "sentinel", "keep")
_NEGATIVE = ("keep", "drop")


def feature_columns(table: Any) -> list[str]:
    """The columns of a table that hold features, in its order."""
    features = set(known.FEATURES)
    return [name for name in table.columns if name in features and name not in known.NEVER]


def clean(
    flows: Any,
    *,
    nonfinite: str = "drop",
    negative: str = "keep",
    headers: bool = True,
    duplicates: bool = True,
    constant: bool = False,
    protocol_zero: bool = True,
    empty: bool = True,
    fragments: bool = False,
    label_map: str | dict[str, str] | None = None,
    verbose: bool = False,
) -> pd.DataFrame:
    """Return a table of flows without what spoils training: do it before any split.

    Parameters
    ----------
    flows : DataFrame or Frame
        With the published columns, as `load` gives them.
    nonfinite : "drop", "sentinel" or "keep"
        Rows with NaN or infinity among their features: dropped, or the values set to -1.
    negative : "keep" or "drop"
        Rows with a negative duration, rate or time between packets, which disordered captures make. The -1 of the
        window columns means that there is none, and is never dropped.
    headers : bool
        Set negative header lengths to -1: they are a stale pointer of the 2017 tool's, or wrapped 16-bit numbers.
    duplicates : bool
        Keep one of the rows that agree in all features, destination port and label.
    constant : bool
        Drop feature columns that hold one value. They are listed either way.
    protocol_zero : bool
        Drop rows of protocol 0: ICMP and others merged by the 2017 tool.
    empty : bool
        Drop rows without any feature.
    fragments : bool
        Drop what is left of a teardown in the 2017 variant: at most 2 packets, and no payload but padding. A heuristic.
    label_map : "published", "groups", "binary" or dict, optional
        Map the labels; a label that is not in the map is an error.
    verbose : bool
        Print the report, which `report` also returns.

    Returns
    -------
    pandas.DataFrame
        A new table, its rows numbered anew.

    Raises
    ------
    ValueError
        No features, an unknown label, another value of an argument.
    """
    pandas = import_pandas("cicids.clean")
    _given.one_of("nonfinite", nonfinite, _NONFINITE)
    _given.one_of("negative", negative, _NEGATIVE)
    for name, flag in (("headers", headers), ("duplicates", duplicates), ("constant", constant),
                       ("protocol_zero", protocol_zero), ("empty", empty), ("fragments", fragments),
                       ("verbose", verbose)):  # fmt: skip
        _given.truth(name, flag)
    meta = meta_of(flows)
    table = as_table(flows, "cicids.clean")
    features = feature_columns(table)
    if not features:
        raise ValueError("clean: none of the columns is a feature of flows; cicids.load gives them their names")
    labels = None
    if label_map is not None:
        if "Label" not in table:
            raise ValueError("clean: label_map is given, and there is no column 'Label'")
        labels = mapped(table["Label"], label_map)  # an unknown label is said before the long work
    report = Report(f"cleaned: {len(table):,} rows, {table.shape[1]} columns")
    table, changed = table.copy(deep=False), {}
    keep = np.ones(len(table), dtype=bool)
    if labels is not None:
        changed["Label"] = labels
        report.notes += _label_notes(table["Label"], labels)
    keep = _drop_rows(table, features, keep, report, empty, protocol_zero, nonfinite, negative)
    if nonfinite == "sentinel":
        changed |= _sentinels(table, features, keep, report)
    if headers:
        changed |= _headers(table, keep, report)
    for name, values in changed.items():
        table[name] = values
    if fragments:
        keep = _step(report, "teardown fragments", keep, _is_fragment(table))
    if duplicates:
        twice = np.zeros(len(table), dtype=bool)
        there = np.flatnonzero(keep)
        twice[there[repeated(table.iloc[there] if len(there) < len(table) else table)]] = True
        keep = _step(report, "duplicate rows", keep, twice)
    table = table[keep].reset_index(drop=True) if not keep.all() else table.reset_index(drop=True)
    still = [name for name in features if len(table) and _is_constant(table[name].to_numpy())]
    report.add("constant columns", len(still))
    if still:
        report.notes.append(f"{'dropped' if constant else 'constant'}: {', '.join(still)}")
        if constant:
            table = table.drop(columns=still)
    report.add("rows left", len(table))
    if isinstance(table.get("Label"), pandas.Series) and isinstance(table["Label"].dtype, pandas.CategoricalDtype):
        table["Label"] = table["Label"].cat.remove_unused_categories()
    table = with_report(table, "clean", report, meta)
    if verbose:
        print(report)
    return table


def _step(report: Report, what: str, keep: _Array, bad: _Array) -> _Array:
    """Take out the rows that are bad, and count those that were still there."""
    report.add(what, int((keep & bad).sum()))
    return keep & ~bad


def _drop_rows(
    table: Any,
    features: list[str],
    keep: _Array,
    report: Report,
    empty: bool,
    protocol_zero: bool,
    nonfinite: str,
    negative: str,
) -> _Array:
    if empty:
        void = np.ones(len(table), dtype=bool)
        for name in features:
            void &= table[name].isna().to_numpy()
            if not void.any():
                break
        keep = _step(report, "empty rows", keep, void)
    if protocol_zero and "Protocol" in table:
        keep = _step(report, "protocol 0", keep, (table["Protocol"] == 0).to_numpy(dtype=bool, na_value=False))
    if nonfinite == "drop":
        bad = np.zeros(len(table), dtype=bool)
        for name in features:
            bad |= _nonfinite(table[name])
        keep = _step(report, "NaN or infinity", keep, bad)
    if negative == "drop":
        bad = np.zeros(len(table), dtype=bool)
        for name in features:
            if name not in MAY_BE_NEGATIVE:
                bad |= (table[name] < 0).to_numpy(dtype=bool, na_value=False)
        keep = _step(report, "negative values", keep, bad)
    return keep


def _nonfinite(column: Any) -> _Array:
    values = column.to_numpy()
    if values.dtype.kind in "iub":
        return np.zeros(len(values), dtype=bool)
    if values.dtype.kind != "f":
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(~np.isfinite(values))


def _sentinels(table: Any, features: list[str], keep: _Array, report: Report) -> dict[str, _Array]:
    changed, rows = {}, np.zeros(len(table), dtype=bool)
    for name in features:
        bad = _nonfinite(table[name]) & keep
        if bad.any():
            values = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
            changed[name] = np.where(bad, -1.0, values).astype(values.dtype)
            rows |= bad
    report.add("NaN or infinity set to -1", int(rows.sum()))
    return changed


def _headers(table: Any, keep: _Array, report: Report) -> dict[str, _Array]:
    changed, rows = {}, np.zeros(len(table), dtype=bool)
    for name in known.HEADERS:
        if name in table:
            values = table[name].to_numpy()
            bad = values < -1
            if bad.any():
                changed[name] = np.where(bad, np.array(-1, dtype=values.dtype), values)
                rows |= bad
    report.add("negative header lengths set to -1", int((rows & keep).sum()))
    return changed


def _is_fragment(table: Any) -> _Array:
    definition = definition_of(table)
    if definition is not None and definition.variant != "cic2017":
        raise ValueError(f"clean: fragments are what the variant cic2017 makes, and these flows are {definition}")
    needed = (
        "Total Fwd Packets",
        "Total Backward Packets",
        "Total Length of Fwd Packets",
        "Total Length of Bwd Packets",
    )
    for name in needed:
        if name not in table:
            raise ValueError(f"clean: fragments are told by {name!r}, which is not there")
    few = sum(table[name].to_numpy(dtype=np.int64) for name in needed[:2]) <= FRAGMENT_PACKETS
    octets = sum(table[name].to_numpy(dtype=np.int64) for name in needed[2:])
    return np.asarray(few & np.isin(octets, FRAGMENT_OCTETS))


def _is_constant(values: _Array) -> bool:
    first = values[0]
    return bool((values == first).all()) or (first != first and bool((values != values).all()))


def _label_notes(before: Any, after: Any) -> list[str]:
    import_pandas("cicids.clean")
    pairs = sorted({(str(a), str(b)) for a, b in zip(before, after, strict=True) if str(a) != str(b)})
    return [f"labels mapped: {', '.join(f'{a} -> {b}' for a, b in pairs)}"] if pairs else []


# ------------------------------------------------------------------------------------------------------- duplicates


def _bits(column: Any) -> _Array:
    """A column as one uint64 a row; equal values have equal numbers."""
    values = column.to_numpy() if not hasattr(column, "cat") else column.cat.codes.to_numpy()
    if values.dtype.kind in "iub":
        return np.asarray(values.astype(np.int64).view(np.uint64))
    if values.dtype.kind != "f":
        pandas = import_pandas("cicids.clean")
        if pandas.api.types.is_numeric_dtype(column.dtype):
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            return np.asarray(pandas.factorize(column)[0].astype(np.int64).view(np.uint64))
    doubles = values.astype(np.float64) + 0.0  # one zero
    doubles[np.isnan(doubles)] = np.nan  # one NaN
    return np.asarray(doubles.view(np.uint64))


def repeated(table: Any, also: tuple[str, ...] = (known.PORT, "Label")) -> _Array:
    """Tell for each row whether an earlier one agrees in all features, destination port and label.

    Rows are found by a 64-bit hash and then compared, so the answer is exact.
    """
    pandas = import_pandas("cicids.clean")
    names = list(dict.fromkeys([*feature_columns(table), *(name for name in also if name in table)]))
    columns = [_bits(table[name]) for name in names]
    hashes = np.full(len(table), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for bits in columns:
        hashes = (hashes ^ (bits * np.uint64(0xBF58476D1CE4E5B9))) * np.uint64(0x94D049BB133111EB)
        hashes ^= hashes >> np.uint64(29)
    codes, _ = pandas.factorize(hashes)
    first = np.full(int(codes.max()) + 1 if len(codes) else 0, -1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    origin = first[codes]
    twice = origin != np.arange(len(codes))
    rows = np.flatnonzero(twice)
    for bits in columns:  # a collision of hashes is no duplicate
        twice[rows] &= bits[rows] == bits[origin[rows]]
    return np.asarray(twice)
