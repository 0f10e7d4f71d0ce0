"""Indexes of captures: where they lie, when they are used, how they are made. The core reads and checks them."""

from __future__ import annotations

import errno
import os
import stat
import sys
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import _core, _export, _given, _times
from .errors import CaptureWarning

if TYPE_CHECKING:
    from ._reader import Capture

_Path = str | os.PathLike[str]

SUFFIX = ".pfx"
_GRAIN = 0  # octets of a stretch, 0 for the core's own choice: for tests
MOST_OCTETS = 2 << 20  # of an index: what the core writes at most is below it


@dataclass(frozen=True)
class CaptureIndex:
    """The index of one file, as it was made.

    Attributes
    ----------
    file : str
        The capture.
    path : str
        Where the index lies.
    packets : int
        How many packets the capture has.
    first_time, last_time : int or None
        Of the first packet and the latest there is, ns since the epoch, UTC.
    stretches : int
        In how many pieces of a megabyte or more it can be entered.
    octets : int
        The size of the index.
    """

    file: str
    path: str
    packets: int
    first_time: int | None
    last_time: int | None
    stretches: int
    octets: int


def cache_folder() -> str:
    """The user's folder for indexes of captures whose own folder cannot be written."""
    home = os.path.expanduser("~/Library/Caches" if sys.platform == "darwin" else "~/.cache")
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or home, "pcapframe")


def cached(file: str) -> str:
    """The name of a file's index in the user's cache folder."""
    import hashlib  # not worth its time at every start

    name = hashlib.sha256(os.fsencode(os.path.realpath(file))).hexdigest()[:32]
    return os.path.join(cache_folder(), name + SUFFIX)


def _places(file: str, where: str | None) -> list[str]:
    """Where the index of a file may lie, the best place first."""
    if where is None:
        return [file + SUFFIX, cached(file)]
    return [os.path.join(where, os.path.basename(file) + SUFFIX) if os.path.isdir(where) else where]


def _is_file(source: _core.Input) -> bool:
    return source.file is None and source.size is not None and os.path.isfile(source.name)


def _refusal(path: str) -> str | None:
    """Why what lies there is not even read, "" where there is nothing that can be found."""
    try:
        about = os.stat(path)
    except OSError:  # nor can somebody have put one there, where a name is too long or a folder closed
        return ""
    if not stat.S_ISREG(about.st_mode):
        return "it is no file"
    ours = not hasattr(os, "getuid") or about.st_uid in (0, os.getuid())
    return None if ours else "it belongs to somebody else"


def _use(source: _core.Input, path: str) -> str | None:
    """Give an input its index; why not, where that cannot be, or "" where there is none."""
    if (refused := _refusal(path)) is not None:
        return refused
    try:
        with open(path, "rb") as file:
            octets = file.read(MOST_OCTETS + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return str(error.strerror)
    unfit = source.set_index(octets)
    return None if unfit is None else unfit[1]


def attach(capture: Capture, index: bool | _Path | None) -> None:
    """Use the indexes that are there; make those that are not, where `index` is True.

    One that is out of date is made anew with True, else left alone with a warning.
    """
    if index is False:
        return
    where = None if index is None or isinstance(index, bool) else os.fsdecode(index)
    if where is not None and not os.path.exists(where):
        raise FileNotFoundError(errno.ENOENT, "No such index, nor folder with one", where)
    for source in capture._inputs:
        if not _is_file(source):
            continue
        wrong = []
        for path in _places(source.name, where):
            refused = _use(source, path)
            if refused is None:
                break
            if refused:
                wrong.append(f"{path}: is not used as the index of {source.name}: {refused}")
        if source.index is None and index is True:
            make(capture, source, None, False)
        elif source.index is None:
            for text in wrong:
                warnings.warn(f"{text}; Capture.index() makes it anew", CaptureWarning, stacklevel=3)


def make(capture: Capture, source: _core.Input, where: str | None, cache: bool) -> CaptureIndex:
    """Make and save the index of one input."""
    options = replace(capture._options, strict=False, filters=(), first=_times.EARLIEST, last=_times.LATEST, flows=None)
    whole = type(capture)((source,), options)
    inputs, asked, end = whole._begin()
    try:
        octets, _faults = _core.index_make(inputs, asked, _GRAIN)
    finally:
        end()
    path = _save(octets, [cached(source.name)] if cache else _places(source.name, where))
    source.set_index(octets)
    packets, first, last, _fault, stretches = source.index or (0, None, None, None, [])
    return CaptureIndex(source.name, path, packets, first, last, len(stretches), len(octets))


def _save(octets: bytes, places: list[str]) -> str:
    """Write it into the first of these places that can be written to."""
    for number, path in enumerate(places):
        if number + 1 < len(places) and _export.is_special(path):  # a pipe, which somebody would have to read
            continue
        try:
            if path.startswith(cache_folder()):
                os.makedirs(cache_folder(), mode=0o700, exist_ok=True)
            with _export.drafted(path) as draft, open(draft, "wb") as file:
                file.write(octets)
            return path
        except OSError:
            if number + 1 == len(places):
                raise
    raise AssertionError("a place is needed")


def index(capture: Capture, path: _Path | None, cache: bool) -> list[CaptureIndex]:
    """Make the indexes of all files of a capture."""
    sources = [source for source in capture._inputs if _is_file(source)]
    if not sources:
        names = ", ".join(source.name for source in capture._inputs)
        raise ValueError(f"an index is made of files of this machine that are not compressed, and not of {names}")
    where = None if path is None else _given.path("path", path)
    _given.truth("cache", cache)
    if where is not None and cache:
        raise ValueError("index: a path, or cache=True, not both")
    if where is not None and len(sources) > 1 and not os.path.isdir(where):
        raise ValueError(f"{where}: {len(sources)} captures need a folder for their indexes")
    return [make(capture, source, where, cache) for source in sources]
