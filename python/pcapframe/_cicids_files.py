"""Files of flow tables: which there are, what their header says, and how their features are defined."""

from __future__ import annotations

import csv
import glob
import gzip
import importlib
import json
import os
import zlib
from dataclasses import dataclass, field
from typing import Any

from . import _cicids_columns as known
from . import _given
from ._cicids_times import place_of_name

SUFFIXES = (".csv", ".csv.gz", ".parquet")
META = b"pcapframe"  # the key of what a Parquet file says of itself
HEADER = 1 << 20  # octets: no header line is longer


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


def files_of(source: Any) -> list[str]:
    """The paths of a folder, file, pattern or list of them, in order of days, then names."""
    if isinstance(source, str | os.PathLike):
        listed = _expanded(os.fspath(source))
    else:
        found = _given.iterable("source", source, "paths")
        listed = [path for item in found for path in _expanded(_given.path("source", item))]
    if not listed:
        raise ValueError("no files given")
    for path in listed:
        if not os.path.exists(path):
            raise FileNotFoundError(2, "No such file", path)
        if not path.lower().endswith(SUFFIXES) or not os.path.isfile(path):
            raise ValueError(f"{path}: {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} can be loaded")
    return sorted(listed, key=lambda path: (*place_of_name(os.path.basename(path)), path))


def _expanded(path: str) -> list[str]:
    if os.path.isdir(path):
        found = [os.path.join(path, name) for name in os.listdir(path) if name.lower().endswith(SUFFIXES)]
        if not found:
            raise ValueError(f"{path}: a folder without {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} files")
        return found
    if not os.path.exists(path) and glob.has_magic(path):
        found = glob.glob(path)
        if not found:
            raise FileNotFoundError(2, "No file matches", path)
        return found
    return [path]


def decoded(octets: bytes) -> str:
    """The files are UTF-8 or, where a label has a dash, Windows'."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("cp1252", errors="replace")


def opened(path: str) -> Any:
    return gzip.open(path, "rb") if path.lower().endswith(".gz") else open(path, "rb")


def describe(path: str) -> Table:
    """Read a file's header: cheap, and what is wrong with it is said before any long work."""
    told: dict[str, Any] = {}
    if path.lower().endswith(".parquet"):
        schema = parquet_file(path).schema_arrow
        names, told = schema.names, _told(schema.metadata or {})
    else:
        try:
            with opened(path) as file:
                line = file.readline(HEADER)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path}: damaged: {error}") from None
        if not line.strip():
            raise ValueError(f"{path}: empty: no header line")
        if b"\0" in line:
            raise ValueError(f"{path}: no text, so no CSV table")
        names = next(csv.reader([decoded(line).lstrip("\ufeff").rstrip("\r\n")]))
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


def parquet_file(path: str) -> Any:
    parquet = arrow("pyarrow.parquet", "reading .parquet")
    try:
        return parquet.ParquetFile(path)
    except (ValueError, OSError) as error:  # ArrowInvalid is a ValueError
        raise ValueError(f"{path}: no Parquet file, or a damaged one: {first_line(error)}") from None


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


def first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
