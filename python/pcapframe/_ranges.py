"""What a URL names, read ahead as ranges: several requests are under way while one is used, so that the network's delay
is waited for once and not for every piece."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from typing import Any

IN_FLIGHT = 6  # with pieces of 4 MiB as much as fills 10 Gbit/s at 20 ms; 24 MiB are in memory
PIECE = 4 << 20
FIRST = 64 << 10  # of the first piece: most of those who open only look at the head
_LOOK_UP = 0.05  # s between looks whether to stop

Fetch = Callable[[int, int], bytes]


def of(system: Any, path: str) -> Fetch | None:
    """How ranges of a file are read by several threads at once; None where its file system may not bear that.

    Those that fsspec runs on its own loop (S3, GCS, Azure, HTTP) do, and memory and local files.
    """
    known: list[type] = []
    for name, kind in (("memory", "MemoryFileSystem"), ("local", "LocalFileSystem")):
        known.append(getattr(importlib.import_module(f"fsspec.implementations.{name}"), kind))
    if not (getattr(system, "async_impl", False) or isinstance(system, tuple(known))):
        return None
    return lambda start, end: bytes(system.cat_file(path, start=start, end=end))


class Ranges:
    """The octets of a file from `start` on, in order. Threads end with `stop`, or when all is read."""

    def __init__(self, fetch: Fetch, name: str, start: int, size: int) -> None:
        self._fetch, self._name, self._size = fetch, name, size
        self._next, self._given, self._wanted = start, start, start + FIRST
        self._ready: dict[int, bytes] = {}
        self._piece = memoryview(b"")
        self._moved = threading.Condition()
        self._stopped = False
        self._error: BaseException | None = None
        self._threads = 0

    def read(self, size: int) -> bytes:
        """Between one octet and `size`, none at the end or when it was stopped."""
        if not self._piece and self._given < self._size:
            self._piece = memoryview(self._wait())
        octets = bytes(self._piece[:size])
        self._piece = self._piece[len(octets) :]
        self._given += len(octets)
        return octets

    def _wait(self) -> bytes:
        with self._moved:
            if self._given >= FIRST or self._given == self._wanted:
                self._wanted = self._given + IN_FLIGHT * PIECE
            self._moved.notify_all()
            while not self._stopped:
                if self._given in self._ready:
                    return self._ready.pop(self._given)
                if self._error is not None:
                    raise self._error
                while self._threads < IN_FLIGHT and self._more():
                    self._threads += 1
                    threading.Thread(target=self._work, name="pcapframe-ranges", daemon=True).start()
                    if self._wanted - self._given <= FIRST:
                        break
                self._moved.wait(_LOOK_UP)
            return b""

    def _more(self) -> bool:
        return not self._stopped and self._error is None and self._next < min(self._wanted, self._size)

    def _work(self) -> None:
        while True:
            with self._moved:
                if not self._more():
                    self._threads -= 1
                    return
                start = self._next
                piece = FIRST if self._wanted - start <= FIRST else PIECE
                self._next = end = min(start + piece, self._size)
            try:
                octets = self._fetch(start, end)
                if len(octets) != end - start:
                    text = f"{self._name}: gave {len(octets)} octets for those from {start} to {end}: was it replaced?"
                    raise OSError(text)
            except BaseException as error:
                with self._moved:
                    self._error = self._error or error
                    self._threads -= 1
                    self._moved.notify_all()
                return
            with self._moved:
                self._ready[start] = octets
                self._moved.notify_all()

    def stop(self) -> None:
        """End it. What was asked of the network is let go; its threads end when it answers."""
        with self._moved:
            self._stopped = True
            self._ready.clear()
            self._moved.notify_all()
