"""What a Capture is opened with, and the checks of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from . import _core, _given, _times, _where
from .errors import FilterError

_Path = str | os.PathLike[str]
_Narrowing = _core.Filter | _core.Conditions
_MOST_THREADS = 1024  # far above any machine's gain; a typing error must not start a million


def _check_threads(threads: int | None) -> int:
    if threads is None:
        return 0
    return _given.whole("threads", threads, 1, _MOST_THREADS)


def _filters(name: str, expression: str | None) -> tuple[_core.Filter, ...]:
    if expression is None:
        return ()
    _given.text(name, expression, "tcp port 80")
    if "\0" in expression or not expression.isprintable():
        # A line break is a space to libpcap; other such characters stand in no expression.
        expression = " ".join(expression.split())
        if not expression.isprintable():
            raise FilterError(f"filter {expression!r}: has a character that is no text")
    return (_core.Filter(expression),) if expression.strip() else ()


def _narrowed(inputs: tuple[_core.Input, ...], filters: tuple[_Narrowing, ...]) -> None:
    """Raise where a filter cannot be used on these inputs."""
    for narrowing in filters:
        if isinstance(narrowing, _core.Filter):
            try:
                narrowing.check(inputs)
            except FilterError as error:
                hint = _where.display_filter_hint(narrowing.expression)
                if not hint:
                    raise
                raise FilterError(f"{error}{hint}") from None


@dataclass(frozen=True, slots=True)
class _Options:
    threads: int
    strict: bool
    progress: Any
    chunk: int = 0  # octets read at once, 0 for the core's own choice: for tests
    filters: tuple[_Narrowing, ...] = ()
    first: int = _times.EARLIEST  # the times that are in, ns
    last: int = _times.LATEST
    flows: tuple[Any, ...] | None = None  # frame numbers, their flow ids and directions, and whether only those are in
