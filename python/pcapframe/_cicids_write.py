"""Flow tables into files, whole or not at all, with what is known of their features."""

from __future__ import annotations

import json
import os
from typing import Any

from ._cicids_files import META, arrow
from ._cicids_tables import KEY
from ._export import drafted, guarded
from ._frame_column import import_pandas

WRITTEN = (".parquet", ".csv")


def check_target(path: str) -> None:
    """Refuse before the long work what could not be written after it."""
    if not path.endswith(WRITTEN):
        raise ValueError(f"{path}: {' or '.join(WRITTEN)} can be written")
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError(2, "No such folder", folder)


def write_table(table: Any, path: str) -> None:
    """Write a table of flows; Parquet keeps types, and how the features are defined, which `load` finds again."""
    check_target(path)
    with drafted(path) as draft:
        if path.endswith(".parquet"):
            pa, parquet = arrow("pyarrow", "writing .parquet"), arrow("pyarrow.parquet", "writing .parquet")
            bare = table.copy(deep=False)
            bare.attrs = {}
            whole = pa.Table.from_pandas(bare, preserve_index=False)
            told = json.dumps(table.attrs.get(KEY, {})).encode()
            parquet.write_table(whole.replace_schema_metadata({META: told}), draft)
        else:
            _guarded(table).to_csv(draft, index=False, lineterminator="\n")


def _guarded(table: Any) -> Any:
    """Text that no spreadsheet takes for a formula."""
    pandas = import_pandas("writing .csv")
    table = table.copy(deep=False)
    for name in table.columns:
        column = table[name]
        if isinstance(column.dtype, pandas.CategoricalDtype):
            texts = [guarded(text) for text in column.cat.categories]
            table[name] = column.cat.rename_categories(texts)
        elif column.dtype == object or isinstance(column.dtype, pandas.StringDtype):
            table[name] = column.map(guarded)
    return table
