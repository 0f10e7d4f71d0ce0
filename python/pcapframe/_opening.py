"""Opening captures: a path, several, octets, a file object or a stream."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO

from . import _given, _index, _inputs
from ._info import CaptureFault, warn
from ._options import _check_threads, _filters, _Options, _Path
from ._reader import Capture
from .errors import CaptureError


def open(
    source: _Path | Sequence[_Path] | bytes | BinaryIO,
    *,
    filter: str | None = None,
    threads: int | None = None,
    strict: bool = False,
    progress: bool | Callable[[int, int | None], object] | None = None,
    spool: bool = False,
    follow: bool = False,
    index: bool | _Path | None = None,
) -> Capture:
    """Open a capture, or several as one.

    Parameters
    ----------
    source : path, glob pattern, URL, list of these, bytes or binary file object
        ``"-"`` is standard input; a URL (``s3://...``) is read through fsspec. What is compressed with gzip, bzip2, xz,
        zstd or lz4 is recognised, whatever its name. Several files are taken in the order of their first packets; one
        of several that is no capture is left out with a `CaptureWarning`. A file object that can seek is read from
        where it stands now, as often as it is asked; one that cannot, standard input and a FIFO serve one question only
        (`Capture.reusable`), unless `spool` is set.
    filter : str, optional
        Take only packets that match, as `Capture.filter` does.
    threads : int, optional
        How many threads read and decode; by default as many as this process may use. The answers do not depend on it.
    strict : bool
        Whether a damaged capture, or one of several files that is none, raises `CaptureError`. Otherwise everything
        before the damage is returned and a `CaptureWarning` says what is wrong and where.
    progress : bool or callable, optional
        By default a bar is shown in a terminal or notebook for inputs above 64 MB; True shows it always, False never. A
        callable gets (octets done, octets in all or None) about 50 times a second. Of what is compressed, the octets on
        the disk count.
    spool : bool
        Copy what can be read only once (standard input, a FIFO, a file object that cannot seek), and what a URL names,
        into an unnamed temporary file first, so that it can be asked as often as you like.
    follow : bool
        Of a file that is still being written: wait at its end for more. A question then ends with Ctrl-C, and answers
        with what was there; or with `Capture.end`, called by another thread or by `progress`.
    index : bool or path, optional
        By default the index that `Capture.index` made of a file is used where it lies beside it, or in the user's
        cache folder, and fits; one that does not is left alone, with a `CaptureWarning`. True makes what is missing,
        which reads the file once; False uses none; a path is that of the index, or the folder it is in.

    Returns
    -------
    Capture

    Raises
    ------
    CaptureError
        The source is no capture; the one line says what was found.
    FilterError
        The filter cannot be understood, serves no link type of the capture, or needs libpcap, which is not built in.
    OSError
        A file cannot be opened, or what a URL names.
    ImportError
        A URL needs fsspec, and the package of its scheme; a compression may need one, too.
    """
    options = _Options(
        _check_threads(threads),
        _given.truth("strict", strict),
        _given.progress("progress", progress, "octets done and octets in all"),
        filters=_filters("filter", filter),
    )
    if index is not None and not isinstance(index, bool):
        index = _given.path("index", index)
    capture = _open(source, options, _given.truth("spool", spool), _given.truth("follow", follow))
    _index.attach(capture, index)
    return capture


def _open(source: Any, options: _Options, spool: bool, follow: bool) -> Capture:
    if follow:
        return Capture((_inputs.followed(source),), options)
    if isinstance(source, (str, os.PathLike)):
        text = os.fsdecode(source)
        found, several = _inputs.named(text)
        if several:
            return _open_several(found, f"no file matches {text}", options, spool)
        return Capture((_inputs.open_path(found[0], spool),), options)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Capture((_inputs.open_bytes(source, "<bytes>"),), options)
    if hasattr(source, "read"):
        if isinstance(source, io.TextIOBase):
            raise TypeError("open: the file was opened as text: a capture is binary, as open(path, 'rb') gives it")
        return Capture((_inputs.open_file(source, spool),), options)
    if isinstance(source, Iterable) and not isinstance(source, Mapping):
        return _open_list(list(source), options, spool)
    raise _given.wrong("open", "a path, a list of paths, bytes or a binary file object", source)


def _open_list(items: list[Any], options: _Options, spool: bool) -> Capture:
    paths: list[_inputs.Named] = []
    for item in items:
        if not isinstance(item, (str, os.PathLike)):
            raise TypeError(f"open: a list of paths, not one with {_given.shown(item)} in it")
        paths += _inputs.named(os.fsdecode(item))[0]
    return _open_several(paths, "the list of captures is empty", options, spool)


def _open_several(paths: list[_inputs.Named], nothing: str, options: _Options, spool: bool) -> Capture:
    inputs, faults = [], []
    for path in paths:
        try:
            inputs.append(_inputs.open_path(path, spool))
        except FileNotFoundError:
            raise
        except (CaptureError, OSError) as error:
            if options.strict:
                raise
            message = f"{error}; the file was left out"
            name, size = (path, os.path.getsize(path)) if isinstance(path, str) else (path.name, path.size or 0)
            faults.append(CaptureFault("unusable", name, None, None, size, message))
    if not inputs:
        raise CaptureError(faults[0].message.removesuffix("; the file was left out") if faults else nothing)
    # Files without a first packet keep their place behind those with one.
    inputs.sort(key=lambda found: (found.first_time is None, found.first_time or 0))
    warn(faults, 4)
    return Capture(tuple(inputs), options, tuple(faults))
