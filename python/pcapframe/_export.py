"""Files of tables: CSV, JSON, Parquet and Arrow, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TextIO, overload

import numpy as np

from ._provenance import KEY, note

if TYPE_CHECKING:
    from ._batches import Batches
    from ._frame import Frame
    from ._frame_column import Column

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the begin of one


_ROW_GROUP = 1 << 20  # rows: what most readers of Parquet take at once
_SLICE = 1 << 14  # rows turned into Python values at once: some megabytes


def import_arrow(caller: str) -> Any:
    """Import pyarrow, or say how to get it."""
    try:
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise ImportError(f"{caller} needs pyarrow: pip install pyarrow") from error


@overload
def atomically(path: str) -> contextlib.AbstractContextManager[TextIO]: ...
@overload
def atomically(path: str, binary: Literal[True]) -> contextlib.AbstractContextManager[BinaryIO]: ...
def atomically(path: str, binary: bool = False) -> contextlib.AbstractContextManager[Any]:
    """Open a file that appears under its name when the block ends well, and leaves nothing behind when not."""
    return _atomically(path, binary)


DRAFT = ".part"  # how the names of unfinished files end


def draft_prefix(name: str) -> str:
    """How the names of unfinished files of this name begin."""
    return f".{name[:60]}."


def is_special(path: str) -> bool:
    """Tell whether a pipe or a device has the name, which no file may replace."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def refuse_special(path: str) -> None:
    """Raise where a capture, whose header is written last, would be written to a pipe or a device."""
    if is_special(path):
        raise OSError(errno.ENOTSUP, "a capture cannot be written to a pipe or a device: give a file's name", path)


@contextlib.contextmanager
def drafted(path: str) -> Iterator[str]:
    """Give the name of an empty file that gets its own when the block ends well, and is gone when not.

    What is killed on the way leaves a draft, ``.NAME.xxxxxxxx.part``, and never a part of a file under its name.
    A pipe or device is written to as it is.
    """
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        raise IsADirectoryError(21, "Is a directory", path)
    if is_special(path):
        yield path
        return
    draft = os.path.join(folder, f"{draft_prefix(name)}{os.urandom(4).hex()}{DRAFT}")
    try:
        # Made with the rights that the file will have: the mask of the process is no business of one thread.
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
    except OSError as error:  # not under a name that nobody knows
        raise type(error)(error.errno, error.strerror, path) from None
    try:
        yield draft
        _sync(draft)  # else, after a power cut, the name may be on the disk and the octets not
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise
    with contextlib.suppress(OSError):  # some file systems have no folders to be synchronised
        _sync(folder or ".")


def _sync(path: str) -> None:
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextlib.contextmanager
def _atomically(path: str, binary: bool) -> Iterator[Any]:
    text: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
    with drafted(path) as draft, open(draft, "wb" if binary else "w", **({} if binary else text)) as file:
        yield file
        file.flush()


def guarded(value: object) -> object:
    """Return text that no spreadsheet takes for a formula: with an apostrophe before it where one would."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def write_csv(path: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    import csv  # not worth its time at every start

    with atomically(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([guarded(value) for value in row] for row in rows)


def dump_json(file: TextIO, document: dict[str, Any], rows: Iterable[object] | None = None) -> None:
    """Write a JSON object, with `rows` as its last member, one a line, however many they are."""
    text = json.dumps(document, indent=2)
    if rows is None:
        file.write(text + "\n")
        return
    file.write(text.removesuffix("\n}") + ',\n  "rows": [')
    between = "\n    "
    for row in rows:
        file.write(between + json.dumps(row))
        between = ",\n    "
    file.write(("\n  ]" if between.startswith(",") else "]") + "\n}\n")


def write_json(path: str, document: dict[str, Any], rows: Iterable[object] | None = None) -> None:
    with atomically(path) as file:
        dump_json(file, document, rows)


# -------------------------------------------------------------------------------------- tables, by their name's suffix


def finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _shown(column: Column) -> list[Any]:
    """A column as text formats have it: times as ISO 8601 to the nanosecond, octets as hex, None where null or NaN."""
    if column.kind == "time":
        texts = np.datetime_as_string(column.values.view("datetime64[ns]"), unit="ns").tolist()
        there: Any = [True] * len(texts) if column.valid is None else column.valid.tolist()
        return [f"{text}Z" if valid else None for text, valid in zip(texts, there, strict=True)]
    items = column.tolist()
    if column.kind == "binary":
        return [None if item is None else item.hex() for item in items]
    if column.kind == "float64":
        return [None if item is None or math.isnan(item) else item for item in items]
    return items


def _rows(frames: Iterable[Frame]) -> Iterator[tuple[Any, ...]]:
    for frame in frames:
        for start in range(0, len(frame), _SLICE):
            part = frame[start : start + _SLICE]
            yield from zip(*(_shown(part[name]) for name in part.columns), strict=True)


def _counted(frames: Iterable[Frame], seen: list[int]) -> Iterator[Frame]:
    for frame in frames:
        seen.append(len(frame))
        yield frame


def _to_csv(path: str, source: Frame | Batches, frames: Iterable[Frame], made: Callable[[], dict[str, Any]]) -> None:
    write_csv(path, source.columns, _rows(frames))


def _to_json(path: str, source: Frame | Batches, frames: Iterable[Frame], made: Callable[[], dict[str, Any]]) -> None:
    names = source.columns
    doubles = [name for name, kind, _ in source.schema if kind == "float64"]
    with atomically(path) as file:
        for row in _rows(frames):
            shown = dict(zip(names, row, strict=True))
            shown.update((name, finite(shown[name])) for name in doubles)  # JSON has no infinity
            file.write(json.dumps(shown) + "\n")


def _to_parquet(
    path: str, source: Frame | Batches, frames: Iterable[Frame], made: Callable[[], dict[str, Any]]
) -> None:
    arrow = import_arrow(path)
    parquet: Any = importlib.import_module("pyarrow.parquet")
    before = made()
    schema = arrow.schema(source).with_metadata({KEY: note(before)})
    with atomically(path, binary=True) as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for frame in frames:
            table = arrow.table(frame).replace_schema_metadata(schema.metadata)
            writer.write_table(table, row_group_size=_ROW_GROUP)
        after = made()
        if after != before:  # a pass knows its faults in the end
            writer.add_key_value_metadata({f"{KEY}_faults": json.dumps(after["faults"])})


def _to_arrow(path: str, source: Frame | Batches, frames: Iterable[Frame], made: Callable[[], dict[str, Any]]) -> None:
    arrow = import_arrow(path)
    schema = arrow.schema(source).with_metadata({KEY: note(made())})
    # A file has one dictionary per column: those of one Frame are made one; those of batches are not known beforehand.
    one = hasattr(source, "to_arrow")
    if not one:
        plain = [arrow.string() if arrow.types.is_dictionary(field.type) else field.type for field in schema]
        schema = arrow.schema([f.with_type(to) for f, to in zip(schema, plain, strict=True)], schema.metadata)
    with atomically(path, binary=True) as file, arrow.ipc.new_file(file, schema) as writer:
        for frame in frames:
            table = frame.to_arrow() if one else arrow.table(frame).cast(schema)
            writer.write_table(table.replace_schema_metadata(schema.metadata))


_Write = Callable[[str, "Frame | Batches", Iterable["Frame"], Callable[[], dict[str, Any]]], None]
_WRITERS: dict[str, _Write] = {
    ".parquet": _to_parquet,
    ".csv": _to_csv,
    ".json": _to_json,
    ".jsonl": _to_json,
    ".arrow": _to_arrow,
}

SUFFIXES = ", ".join(_WRITERS)


def writes_table(path: str) -> bool:
    """Whether the suffix is that of a table."""
    return path.lower().endswith(tuple(_WRITERS))


def write_table(
    path: str, source: Frame | Batches, frames: Iterable[Frame], made: Callable[[], dict[str, Any]], captures: str
) -> int:
    """Write a table in the format its name says and return how many rows it has.

    `made` is asked for the provenance where the format has a place for it; `captures` says in an error what to do for
    captures.
    """
    write = next((write for suffix, write in _WRITERS.items() if path.lower().endswith(suffix)), None)
    if write is None:
        raise ValueError(f"{path}: tables can be written to {SUFFIXES}, by the name's suffix{captures}")
    rows: list[int] = []
    write(path, source, _counted(frames, rows), made)
    return sum(rows)
