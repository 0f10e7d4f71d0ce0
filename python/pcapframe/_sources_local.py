"""Sources on this machine: files, octets in memory, file objects and pipes."""

from __future__ import annotations

import mmap
import os
import select
import stat
from contextlib import suppress
from typing import Any

from . import _compressions
from .errors import CaptureError

_TICK = 50  # ms: how long Ctrl-C waits that came to another thread and wakes nobody here


class PathSource:
    """A regular file: open while it is read, and still the same file."""

    once = False
    ahead = True

    def __init__(self, path: str, name: str | None = None) -> None:
        self.name = name or path
        self._path = path
        found = os.stat(path)
        self.size: int | None = found.st_size
        self._same = (found.st_dev, found.st_ino)
        self._fd = -1
        self._left = 0

    def again(self) -> PathSource:
        new = PathSource.__new__(PathSource)
        new.name, new._path, new.size, new._same = self.name, self._path, self.size, self._same
        new._fd, new._left = -1, 0
        return new

    def begin(self, offset: int) -> None:
        self.end()
        self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
        found = os.fstat(self._fd)
        if (found.st_dev, found.st_ino) != self._same:
            self.end()
            raise CaptureError(f"{self.name}: is no longer the file that was opened: it was replaced")
        os.lseek(self._fd, offset, os.SEEK_SET)
        self._left = (self.size or 0) - offset  # the size seen at open is the size read

    def read(self, size: int) -> bytes:
        octets = os.read(self._fd, min(size, self._left)) if self._left > 0 else b""
        self._left -= len(octets)
        return octets

    def end(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def stop(self) -> None:
        pass


class BytesSource:
    """Octets in memory."""

    once = False
    ahead = True

    def __init__(self, octets: bytes | bytearray | memoryview | mmap.mmap, name: str = "<bytes>") -> None:
        self.name = name
        self._octets = memoryview(octets).cast("B")
        self.size: int | None = len(self._octets)
        self._at = 0

    def again(self) -> BytesSource:
        return BytesSource(self._octets, self.name)

    def begin(self, offset: int) -> None:
        self._at = offset

    def read(self, size: int) -> bytes:
        octets = bytes(self._octets[self._at : self._at + size])
        self._at += len(octets)
        return octets

    def end(self) -> None:
        pass

    def stop(self) -> None:
        pass


class FileSource:
    """Somebody's binary file object, read on the calling thread only; `first` is what was taken from it to recognise
    it, where it cannot seek back."""

    ahead = False

    def __init__(self, file: Any, name: str, start: int | None, first: bytes = b"") -> None:
        self.name = name
        self.size: int | None = None
        self.once = start is None
        self._file, self._start = file, start
        self._first = first if self.once else b""

    def again(self) -> None:
        return None  # one file has one place: a Capture of it serves one question at a time

    def begin(self, offset: int) -> None:
        if self._start is not None:
            self._file.seek(self._start + offset)

    def read(self, size: int) -> bytes:
        if self._first:
            octets, self._first = self._first, b""
            return octets
        return checked(self._file, size)

    def end(self) -> None:
        pass

    def stop(self) -> None:
        pass


def checked(file: Any, size: int) -> bytes:
    """What read(size) of a file object gives, if that is so many octets or fewer."""
    octets = file.read(size)
    if not isinstance(octets, bytes):
        given = type(octets).__name__
        raise TypeError(f"read() of {file!r} gave {given}: a file opened in binary mode is needed")
    if len(octets) > size:
        raise ValueError(f"read({size}) of {file!r} gave {len(octets)}")
    return octets


class Behind:
    """A file object with the octets that were taken from it put back before the rest."""

    def __init__(self, first: bytes, file: Any) -> None:
        self._first, self._file = first, file

    def __repr__(self) -> str:
        return repr(self._file)

    def read(self, size: int) -> Any:
        if self._first:
            octets, self._first = self._first[:size], self._first[size:]
            return octets
        return self._file.read(size)


class PipeSource:
    """A FIFO, a device or standard input, read by its descriptor; `first` is what was taken to recognise it."""

    once = True
    ahead = True

    def __init__(self, fd: int, name: str, first: bytes) -> None:
        self.name = name
        self.size: int | None = None
        self._fd, self._first = fd, first
        self._woken, self._wake = os.pipe()

    def again(self) -> None:
        return None

    def begin(self, offset: int) -> None:
        pass

    def read(self, size: int) -> bytes:
        if self._first:
            octets, self._first = self._first, b""
            return octets
        return _read_pipe(self._fd, size, self._woken)

    def end(self) -> None:
        for fd in (self._fd if self._fd > 0 else -1, self._woken, self._wake):
            if fd >= 0:
                os.close(fd)
        self._fd = self._woken = self._wake = -1

    def stop(self) -> None:
        if self._wake >= 0:
            os.write(self._wake, b"\0")

    def __del__(self) -> None:
        self.end()


class Stopped(Exception):
    """Nobody waits for what would be read."""


def _read_pipe(fd: int, size: int, woken: int = -1) -> bytes:
    """Wait for octets of a pipe and return what is there; Ctrl-C ends it, and so does `woken`."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    if woken >= 0:
        poll.register(woken, select.POLLIN)
    while True:
        found = poll.poll(_TICK)
        if any(ready == woken for ready, _ in found):
            raise Stopped
        if found:
            with suppress(BlockingIOError):
                return os.read(fd, size)


def open_pipe(path: str) -> tuple[int, bytes]:
    """Open what is no regular file, and take from it no more than it takes to recognise a compression."""
    fd = 0 if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        return fd, _compressions.look(lambda size: _read_pipe(fd, size))
    except BaseException:
        if fd > 0:
            os.close(fd)
        raise


def is_stream(path: str) -> bool:
    """Whether it is something that has no size and no beginning to go back to."""
    mode = 0 if path == "-" else os.stat(path).st_mode
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
