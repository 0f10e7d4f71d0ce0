"""What can be opened, as inputs of the core: paths, pipes, URLs, octets and file objects, compressed or not."""

from __future__ import annotations

import builtins
import glob
import mmap
import os
from typing import Any

from . import _compressed, _compressions, _core, _sources, _sources_local
from .errors import CaptureError

_INDEX = ".pfx"  # beside captures lie their indexes, which a pattern does not mean

Named = str | _sources.UrlSource


def named(text: str) -> tuple[list[Named], bool]:
    """What a path, a glob or a URL stands for, and whether it is a pattern."""
    if text == "-" or os.path.exists(text):
        return [text], False
    if text.startswith("~"):  # as a shell has it; Python's own string of it comes unexpanded
        return named(expanded) if (expanded := os.path.expanduser(text)) != text else ([text], False)
    if _sources.is_url(text):
        found = _sources.urls(text)
        return [*found], [source.name for source in found] != [text]
    if glob.has_magic(text):
        files = glob.glob(text, recursive=True)
        return [*sorted(name for name in files if not name.endswith(_INDEX))], True
    return [text], False


def _open_url(source: _sources.UrlSource, spool: bool) -> _core.Input:
    source.begin(0)
    try:
        if spool:
            return open_bytes(_sources.spooled(source.read), source.name)
        compression = _compressions.format_of(_compressions.look(source.read))
    finally:
        source.end()
    return _open_compressed(source, compression)


def open_path(path: Named, spool: bool, name: str | None = None) -> _core.Input:
    """The input at a path; a file may be called by another name."""
    if isinstance(path, _sources.UrlSource):
        return _open_url(path, spool)
    if _sources_local.is_stream(path):
        name = "standard input" if path == "-" else path
        fd, first = _sources_local.open_pipe(path)
        if spool:
            pipe = _sources_local.PipeSource(fd, name, first)
            try:
                return open_bytes(_sources.spooled(pipe.read), name)
            finally:
                pipe.end()
        compression = _compressions.format_of(first)
        if compression is None:
            return _core.Input("stream", name, first, fd)
        return _open_compressed(_sources_local.PipeSource(fd, name, first), compression)
    if not os.path.isdir(path):  # the core says what a folder is
        with builtins.open(path, "rb", buffering=0) as file:
            compression = _compressions.format_of(_compressions.look(file.read))
        if compression is not None:
            return _open_compressed(_sources_local.PathSource(path, name), compression)
    return _core.Input("path", name or path, path)


def followed(source: Any) -> _core.Input:
    if not isinstance(source, (str, os.PathLike)) or source == "-":
        raise ValueError("follow: one file, by its path; a pipe is read to its end anyhow")
    path = os.fsdecode(source)
    if os.path.isfile(path):
        with builtins.open(path, "rb", buffering=0) as file:
            if _compressions.format_of(file.read(_compressions.LOOK)) is not None:
                raise ValueError(f"{path}: follow: what is compressed cannot be followed")
    return _core.Input("follow", path)


def open_bytes(octets: bytes | bytearray | memoryview | mmap.mmap, name: str) -> _core.Input:
    source = _sources_local.BytesSource(octets, name)
    compression = _compressions.format_of(source.read(_compressions.LOOK))
    if compression is not None:
        return _open_compressed(source, compression)
    return _core.Input("memory", name, octets)


def open_file(file: Any, spool: bool) -> _core.Input:
    name = getattr(file, "name", None)
    name = name if isinstance(name, str) and name else "<file object>"
    start = file.tell() if hasattr(file, "seekable") and file.seekable() else None
    if spool and start is None:
        return open_bytes(_sources.spooled(lambda size: _sources_local.checked(file, size)), name)
    first = _compressions.look(lambda size: _sources_local.checked(file, size))
    compression = _compressions.format_of(first)
    if compression is not None:
        return _open_compressed(_sources_local.FileSource(file, name, start, first), compression)
    if start is None:
        return _core.Input("file", name, _sources_local.Behind(first, file), None)
    return _core.Input("file", name, file, start)


def _open_compressed(source: _compressed.Source, compression: str | None) -> _core.Input:
    reader = _compressed.Reader(source, compression)
    try:
        opened = _core.Input("reader", source.name, reader, None if source.once else 0)
    except CaptureError as error:
        reader.close()
        if reader.fault is None:
            raise
        raise CaptureError(f"{source.name}: {reader.fault[1]}; no capture could be read from it") from error
    except BaseException:
        reader.close()
        raise
    if not source.once:
        reader.close()
    return opened


def size(source: _core.Input) -> int | None:
    """Octets as they lie on the disk."""
    return source.file.size if isinstance(source.file, _compressed.Reader) else source.size


def fresh(source: _core.Input) -> _core.Input:
    """Something compressed is read by every pass with a reader of its own."""
    reader = source.file.again() if isinstance(source.file, _compressed.Reader) else None
    return source if reader is None else _core.Input("reader", source.name, reader, 0)
