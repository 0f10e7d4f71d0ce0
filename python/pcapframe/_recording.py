"""An interface that is recorded: by the core's thread or another tool, what is lost, what it ends with."""

from __future__ import annotations

import errno
import re
import tempfile
import time
import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from . import _core, _export, _where
from ._frame import Frame
from ._given import one_of, truth, whole, wrong
from ._given import path as path_of
from ._livetool import TOOLS, Tool, ways
from ._options import _filters, _Options, _Path
from ._reader import Capture
from .errors import CaptureWarning, FilterError

SPOOL = 1 << 30
"""Octets of a temporary file at most, unless `octets` says otherwise: some ten million short packets."""
BUFFER = 32 << 20
"""Octets that the system keeps until we come: two seconds of 100,000 short packets each, on a machine that is busy."""
SNAP_LEN = 262_144
"""Octets of a packet: the most that libpcap and Wireshark take."""

_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
          "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}  # fmt: skip
_WAIT = 5.0  # seconds until another tool that was told to end is ended


@dataclass(frozen=True, slots=True)
class CaptureStats:
    """What became of the packets so far."""

    packets: int
    """Recorded: they can be asked for."""
    octets: int
    """What was recorded of them, in octets."""
    received: int | None
    """Those that the filter let pass, whether there was room for them or not; None where it is not known (yet)."""
    dropped: int | None
    """Those of them that the system dropped, because we did not fetch them in time."""
    dropped_by_interface: int | None
    """Those that the interface or its driver dropped before anybody saw them."""
    running: bool
    """Whether more may come."""
    ended: str
    """Why no more come: ``""`` while it runs, ``asked``, ``packets``, ``octets``, or what went wrong."""

    def __str__(self) -> str:
        dropped = "drops not known" if self.dropped is None else f"{self.dropped:,} dropped"
        return f"{self.packets:,} packets, {self.octets / 1e6:,.1f} MB, {dropped}"


def size_of(name: str, size: Any) -> int | None:
    """Octets as a number or as text such as ``"100MB"``, ``"1.5GiB"``, ``"2G"``; None where it is a length of time."""
    if isinstance(size, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*((?i:[kmgt]?i?b)|[KMGT])\s*", size)  # 5m are minutes
        if found is None:
            return None
        octets = int(Fraction(found[1]) * _SIZES[found[2].upper().removesuffix("B") + "B"])
    elif isinstance(size, int | np.integer) and not isinstance(size, bool):
        octets = int(size)
    else:
        return None
    if not 0 < octets < 2**63:
        raise ValueError(f"{name}: above 0, not {size!r}")
    return octets


def octets_of(name: str, size: Any) -> int | None:
    if isinstance(size, str) and size.strip().isdecimal():
        size = int(size)
    found = None if size is None else size_of(name, size)
    if size is not None and found is None:
        raise wrong(name, "octets such as 1_000_000, '100MB' or '1.5GiB'", size, str, int)
    return found


def number_of(name: str, value: Any, most: int) -> int:
    return whole(name, value, 1, None if most == 2**63 - 1 else most)


class Recording:
    """A recording of the core's, with the tool that feeds it where there is one."""

    def __init__(
        self,
        interface: str,
        filter: str | None,
        snaplen: int,
        promiscuous: bool,
        buffer: Any,
        source: str | None,
        file: tuple[str | None, str | None],
        limits: tuple[int, int, int, int, int],
    ) -> None:
        if not isinstance(interface, str) or not interface or "\0" in interface:
            raise wrong("interface", "its name, such as 'eth0' (interfaces() lists them)", interface, str)
        one_of("source", source, (None, "libpcap", *TOOLS))
        found = _filters("filter", filter)
        expression = found[0].expression if found else None
        self.interface = interface
        self._how = (
            interface,
            expression,
            number_of("snaplen", snaplen, SNAP_LEN),
            min(octets_of("buffer", buffer) or BUFFER, 1 << 30),
            truth("promiscuous", promiscuous),
        )
        self._file = (*file, tempfile.gettempdir())
        self._limits = limits
        self.tool: Tool | None = None
        try:
            self.core = self._open(source)
        except FilterError as error:
            raise FilterError(f"{error}{_where.display_filter_hint(expression or '')}") from None
        except OSError as error:
            if error.errno == errno.ENODEV and error.filename == interface:
                raise OSError(errno.ENODEV, f"no such interface; there are {_there()}", interface) from None
            raise
        self.core.start()

    def _open(self, source: str | None) -> _core.Recording:
        why: Exception | None = None
        if source in (None, "libpcap"):
            try:
                return _core.Recording(self._how, -1, self._file, self._limits)
            except ImportError as error:
                if source is not None:
                    raise
                why = error
            except PermissionError as error:
                if error.filename != self.interface:
                    raise
                if source is not None:
                    raise ways(self.interface, []) from None
        said = []
        for name in TOOLS if source in (None, "libpcap") else (source,):
            tool = Tool.start(str(name), *self._how)
            if tool is None:
                said.append(f"{name} is not installed")
                continue
            try:
                opened = _core.Recording(self._how, tool.descriptor(), self._file, self._limits)
            except BaseException as error:
                refusal = tool.refusal()
                if not isinstance(error, ValueError):  # what it gave was no capture
                    raise
                if tool.about_filter(refusal):
                    raise FilterError(f"{name}: {refusal}") from None
                said.append(f"{name}: {refusal}" if refusal else str(error))
                continue
            self.tool = tool
            return opened
        if source in TOOLS and not any("ermission" in text or "permitted" in text for text in said):
            raise OSError(errno.EIO, "; ".join(said), self.interface)
        if isinstance(why, ImportError):
            raise ImportError(f"{why}; " + "; ".join(said))
        raise ways(self.interface, said) from None

    def finish(self) -> None:
        """End it with all that has arrived."""
        self.core.finish()  # first, so that an end which the tool comes to at once is known as asked for
        if self.tool is not None:
            self.tool.interrupt()
        until = time.monotonic() + _WAIT
        while not self.core.wait(100):
            if time.monotonic() > until:
                self.core.stop()
        if self.tool is not None:
            self.tool.end()

    def stats(self) -> CaptureStats:
        ending, packets, captured, _, received, dropped, missed, why = self.core.state()
        if self.tool is not None and ending != "running" and received is None:
            received, dropped, missed = self.tool.counts()
        running = ending == "running"
        ended = {"running": "", "asked": "asked", "enough": "packets", "full": "octets", "failed": "failed"}.get(ending)
        if ended is None:
            ended = why or (self.tool.refusal() if self.tool is not None else "") or "the source ended"
        return CaptureStats(packets, captured, received, dropped, missed, running, ended)

    def warn(self, stacklevel: int, temporary: bool) -> None:
        """Say what was lost, if something was."""
        stats, texts = self.stats(), []
        if stats.ended == "octets" and temporary:
            texts.append(
                f"the temporary file is full, at {self.core.state()[3]:,} octets, and what came then was not recorded: "
                "name a file with path=, or allow more with octets="
            )
        elif stats.ended not in ("", "asked", "packets", "octets", "failed"):
            texts.append(f"the capture ended early: {stats.ended.removeprefix(self.interface + ': ')}")
        lost = (stats.dropped or 0) + (stats.dropped_by_interface or 0)
        if lost:
            of = f" of {stats.received:,}" if stats.received is not None else ""
            texts.append(f"{lost:,}{of} packets were dropped, because they came faster than they were fetched")
        if texts:
            warnings.warn(CaptureWarning(f"{self.interface}: {'; '.join(texts)}"), stacklevel=stacklevel)

    def narrowed(self, name: str, start: tuple[int, ...], end: tuple[int, ...], options: _Options) -> Capture:
        return Capture((self.core.input(name, start, end),), options)


def _there() -> str:
    return ", ".join(map(str, interfaces()["name"].values)) or "none"


def interfaces() -> Frame:
    """List the interfaces of this machine that may be captured on.

    Returns
    -------
    Frame
        One row per interface: ``name``, ``description`` (null where there is none), ``addresses`` (IP addresses with
        the lengths of their prefixes, a space between them) and the flags ``up``, ``running``, ``loopback`` and
        ``wireless`` (0 or 1). Who may not capture may still see them all.

    Raises
    ------
    ImportError
        libpcap is not built in.
    """
    return Frame(_core.interfaces())


def part_of(path: _Path | None) -> str | None:
    if path is None:
        return None
    text = path_of("path", path)
    if not text.lower().endswith(".pcapng"):
        raise ValueError(f"{text}: captures are written as pcapng: a name that ends in .pcapng is needed")
    _export.refuse_special(text)
    return text
