"""Sources that are no file on this machine: URLs through fsspec, and streams that are spooled to be asked again."""

from __future__ import annotations

import importlib
import mmap
import re
import tempfile
from collections.abc import Callable
from typing import Any

from . import _ranges
from .errors import CaptureError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z][A-Za-z0-9+.-]+)*://")
_PIECE = 1 << 20


def is_url(text: str) -> bool:
    """Whether it is ``scheme://...``, which fsspec knows how to open."""
    return _SCHEME.match(text) is not None


class UrlSource:
    """What a URL names: every pass opens it anew."""

    once = False
    ahead = True

    def __init__(self, system: Any, path: str, name: str) -> None:
        self.name = name
        self._system, self._path = system, path
        self.size: int | None = system.info(path).get("size")
        self._file: Any = None
        self._fetch = _ranges.of(system, path)
        self._ranges: _ranges.Ranges | None = None

    def again(self) -> UrlSource:
        new = UrlSource.__new__(UrlSource)
        new.__dict__.update(self.__dict__)
        new._file = new._ranges = None
        return new

    def begin(self, offset: int) -> None:
        self.end()
        if self._fetch is not None and self.size:
            self._ranges = _ranges.Ranges(self._fetch, self.name, offset, self.size)
            return
        self._file = self._system.open(self._path, "rb")
        if offset:
            self._file.seek(offset)

    def read(self, size: int) -> bytes:
        return bytes((self._ranges or self._file).read(size))

    def end(self) -> None:
        self.stop()
        self._ranges = None
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def stop(self) -> None:
        if self._ranges is not None:
            self._ranges.stop()


def urls(url: str) -> list[UrlSource]:
    """The source of a URL, or those of all that a pattern in it matches."""
    try:
        fsspec: Any = importlib.import_module("fsspec")
    except ImportError as error:
        raise ImportError(f"{url}: URLs need the package fsspec: pip install fsspec", name="fsspec") from error
    try:
        system, path = fsspec.core.url_to_fs(url)
        return _found(system, path, url)
    except (ImportError, ValueError):  # of fsspec, with what to do
        raise
    except OSError as error:
        if error.strerror:
            raise
        kind = next(kind for kind in (FileNotFoundError, PermissionError, OSError) if isinstance(error, kind))
        raise kind(_reason(error, url)) from error
    except Exception as error:  # the packages below fsspec have kinds of their own: no credentials, refused
        raise CaptureError(_reason(error, url)) from error


def _found(system: Any, path: str, url: str) -> list[UrlSource]:
    if "*" not in path or system.exists(path):
        return [UrlSource(system, path, url)]
    return [UrlSource(system, found, system.unstrip_protocol(found)) for found in sorted(system.glob(path))]


def _reason(error: Exception, url: str) -> str:
    """One line, which not all of them have, with the URL, which hardly any has."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{url}: {'no such file' if text.strip('/') in url else text}"


def spooled(read: Callable[[int], bytes]) -> bytes | mmap.mmap:
    """Copy a stream into an unnamed temporary file of ours alone, and return its octets."""
    with tempfile.TemporaryFile(prefix="pcapframe-") as file:
        while octets := read(_PIECE):
            file.write(octets)
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.tell() else b""
