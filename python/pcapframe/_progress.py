"""Showing how far a pass is."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

Progress = Callable[[int, "int | None"], object]

LARGE = 64_000_000  # octets: smaller inputs are done before a bar could be read


def watched() -> bool:
    """Tell whether somebody looks on: a terminal, or a notebook."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and type(ipython.get_ipython()).__name__ == "ZMQInteractiveShell":
        return True
    return sys.stderr is not None and sys.stderr.isatty()


class _Line:
    """One line on standard error, for where there is no tqdm."""

    def __init__(self) -> None:
        self._shown = -1

    def __call__(self, done: int, total: int | None) -> None:
        megabytes = done // 1_000_000
        if megabytes != self._shown:
            self._shown = megabytes
            of = f" of {total // 1_000_000}" if total else ""
            print(f"\r{megabytes}{of} MB", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._shown >= 0:
            print(file=sys.stderr)


class _Bar:
    """A bar of tqdm's, in a terminal or a notebook."""

    def __init__(self, tqdm: Any, total: int | None) -> None:
        self._bar = tqdm(total=total, unit="B", unit_scale=True, leave=False)

    def __call__(self, done: int, total: int | None) -> None:
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


def shown(total: int | None) -> _Bar | _Line:
    """Return something that shows progress when it is called with (octets done, total) and ends with close()."""
    try:
        return _Bar(importlib.import_module("tqdm.auto").tqdm, total)
    except ImportError:
        return _Line()
