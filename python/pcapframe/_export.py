"""CSV and JSON files, whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the begin of one


@contextlib.contextmanager
def drafted(path: str) -> Iterator[str]:
    """Give the name of an empty file that gets its own when the block ends well, and is gone when not."""
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        raise IsADirectoryError(21, "Is a directory", path)
    try:
        number, draft = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder or ".")
    except OSError as error:  # not under a name that nobody knows
        raise type(error)(error.errno, error.strerror, path) from None
    os.close(number)
    try:
        yield draft
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(draft, 0o666 & ~mask)
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


@contextlib.contextmanager
def atomically(path: str) -> Iterator[TextIO]:
    """Open a text file that appears under its name when the block ends well, and leaves nothing behind when not."""
    with drafted(path) as draft, open(draft, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield file
        file.flush()


def guarded(value: object) -> object:
    """Return text that no spreadsheet takes for a formula: with an apostrophe before it where one would."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def write_csv(path: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
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
