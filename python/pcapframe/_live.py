"""Captures from the interfaces of this machine: into files, or beside you while you look at them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from . import _core, _progress, _where
from ._columns import check_columns
from ._counts import IocCounts
from ._frame import Frame
from ._livetool import TOOLS, Tool, ways
from ._reader import Capture, _check_threads, _filters, _Options, _Path, open
from ._split import duration
from .errors import CaptureWarning, FilterError

SPOOL = 1 << 30
"""Octets of a temporary file at most, unless `octets` says otherwise: some ten million short packets."""
BUFFER = 32 << 20
"""Octets that the system keeps until we come: two seconds of 100,000 short packets each, on a machine that is busy."""
SNAP_LEN = 262_144
"""Octets of a packet: the most that libpcap and Wireshark take."""

_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
          "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}  # fmt: skip
_LEAST_FILE = 4096  # of a series: smaller files would be headers only
_MOST_KEPT = 100_000
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


def _size(name: str, size: Any) -> int | None:
    """Octets as a number or as text such as ``"100MB"``; None where it is a length of time."""
    if isinstance(size, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?b)\s*", size, re.IGNORECASE)
        if found is None:
            return None
        octets = int(float(found[1]) * _SIZES[found[2].upper()])
    elif isinstance(size, int) and not isinstance(size, bool):
        octets = size
    else:
        return None
    if not 0 < octets < 2**63:
        raise ValueError(f"{name}: above 0, not {size}")
    return octets


def _octets(name: str, size: Any) -> int | None:
    found = None if size is None else _size(name, size)
    if size is not None and found is None:
        raise ValueError(f"{name}: octets such as 1_000_000 or '100MB', not {size!r}")
    return found


def _number(name: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        raise ValueError(f"{name}: a whole number from 1 to {most:,}, not {value!r}")
    return value


class _Recording:
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
            raise TypeError("interface: its name, such as 'eth0' (interfaces() lists them)")
        if source not in (None, "libpcap", *TOOLS):
            raise ValueError(f"source: 'libpcap', {' or '.join(map(repr, TOOLS))}, not {source!r}")
        found = _filters(filter)
        expression = found[0].expression if found else None
        self.interface = interface
        self._how = (
            interface,
            expression,
            _number("snaplen", snaplen, SNAP_LEN),
            min(_octets("buffer", buffer) or BUFFER, 1 << 30),
            bool(promiscuous),
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
        if self.tool is not None:
            self.tool.interrupt()
        self.core.finish()
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


def _part(path: _Path | None) -> str | None:
    if path is None:
        return None
    text = os.fsdecode(path)
    if not text.lower().endswith(".pcapng"):
        raise ValueError(f"{text}: captures are written as pcapng: a name that ends in .pcapng is needed")
    return text


def _series(path: str | None, rotate: Any, keep: int | None) -> tuple[str | None, str | None, int, int, int]:
    """Path, suffix, octets, period and number of a file or a series of them."""
    if rotate is None:
        if keep is not None:
            raise ValueError("keep: needs rotate=, such as '100MB' or '1h'")
        return path, None, 0, 0, 0
    if path is None:
        raise ValueError("rotate: needs path=, the name that the files' names are made of")
    size = _size("rotate", rotate)
    if size is not None and size < _LEAST_FILE:
        raise ValueError(f"rotate: at least {_LEAST_FILE} octets, not {size}")
    period = 0 if size is not None else duration("rotate", rotate)
    stem, suffix = os.path.splitext(path)
    begun = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return f"{stem}-{begun}-", suffix, size or 0, period, 0 if keep is None else _number("keep", keep, _MOST_KEPT)


class _Line:
    """One line on standard error that says how far it is."""

    def __init__(self, seconds: float | None) -> None:
        import sys

        self._seconds, self._begun, self._shown = seconds, time.monotonic(), 0.0
        self._stream = sys.stderr

    def __call__(self, stats: CaptureStats) -> None:
        now = time.monotonic()
        if now - self._shown < 0.5:
            return
        self._shown = now
        of = f" of {self._seconds:g}" if self._seconds is not None else ""
        print(f"\r{stats}, {now - self._begun:.0f}{of} s ", end="", file=self._stream, flush=True)

    def close(self) -> None:
        if self._shown:
            print(file=self._stream)


def _watch(recording: _Recording, seconds: float | None, tell: Callable[[CaptureStats], object] | None) -> None:
    """Wait for the end: of the time, by itself, or by Ctrl-C, which keeps what there is."""
    until = None if seconds is None else time.monotonic() + seconds
    try:
        while True:
            left = 0.1 if until is None else min(0.1, until - time.monotonic())
            if left <= 0 or recording.core.wait(max(int(left * 1000), 1)):
                break
            if tell is not None:
                tell(recording.stats())
    except KeyboardInterrupt:
        pass
    recording.finish()


def capture(
    interface: str,
    *,
    filter: str | None = None,
    seconds: float | None = None,
    packets: int | None = None,
    octets: int | str | None = None,
    path: _Path | None = None,
    snaplen: int = SNAP_LEN,
    promiscuous: bool = True,
    rotate: Any = None,
    keep: int | None = None,
    buffer: int | str = BUFFER,
    source: str | None = None,
    progress: bool | Callable[[CaptureStats], object] | None = None,
    threads: int | None = None,
) -> Capture:
    """Capture packets from an interface, and return them as a Capture.

    It ends when one of `seconds`, `packets` and `octets` is reached, or with Ctrl-C (in a notebook: interrupt), which
    keeps what there is and returns it as usual.

    Parameters
    ----------
    interface : str
        Its name, as `interfaces` lists them; ``"any"`` on Linux.
    filter : str, optional
        Take only packets that match, written as for tcpdump. The system sorts out the others.
    seconds : float, optional
        How long at most.
    packets : int, optional
        How many packets at most.
    octets : int or str, optional
        How large the file, or all files of a series, may become: a number of octets or text such as ``"2GB"``.
    path : path, optional
        The file to write, pcapng with nanoseconds, readable by its owner alone. It has its name when it is whole;
        while it is written, and when the disk is full, it is ``PATH.part``. Without a path packets go to a temporary
        file of at most 1 GiB (`octets` allows another size), which goes with the Capture.
    snaplen : int
        Octets of a packet to keep at most.
    promiscuous : bool
        Whether to see packets that are meant for others, too.
    rotate : str, int or timedelta, optional
        Write a series of files instead, ``NAME-TIME-00001.pcapng`` and so on: a new one when the file would exceed
        octets (int, ``"100MB"``), or for each period of packets' times (``"1h"``, `timedelta`), counted from the epoch.
    keep : int, optional
        How many files of the series stay, the current one among them; the oldest is deleted.
    buffer : int or str
        Octets that the system keeps for us while the machine is busy.
    source : "libpcap", "dumpcap" or "tcpdump", optional
        What captures. By default libpcap in this process; where that is not permitted, dumpcap or tcpdump where they
        are.
    progress : bool or callable, optional
        By default a line is shown in a terminal or notebook: packets, octets, drops. A callable gets a `CaptureStats`
        about 10 times a second.
    threads : int, optional
        For the Capture that is returned, as in `open`.

    Returns
    -------
    Capture
        Of the file, or of those of the series that are there.

    Raises
    ------
    PermissionError
        This user may not capture, and no tool that may is there. It says what can be done.
    OSError
        No such interface, it is down, or the file cannot be written. When the disk is full, what was captured until
        then is in ``PATH.part``.
    FilterError
        The filter cannot be understood.
    FileExistsError
        ``PATH.part`` is there: another capture runs, or one ended badly.
    ImportError
        libpcap is not built in, and no tool is there.

    Warns
    -----
    CaptureWarning
        Packets were dropped, the interface went away, or the temporary file is full.
    """
    text = _part(path)
    if seconds is not None and not 0 < seconds < 1e9:
        raise ValueError(f"seconds: above 0, not {seconds!r}")
    base, suffix, file_octets, period, kept = _series(text, rotate, keep)
    most = _octets("octets", octets) or (SPOOL if text is None else 0)
    limits = (file_octets, period, kept, 0 if packets is None else _number("packets", packets, 2**63 - 1), most)
    options = _Options(_check_threads(threads), False, None)
    recording = _Recording(interface, filter, snaplen, promiscuous, buffer, source, (base, suffix), limits)
    line = None
    tell = progress if callable(progress) else None
    if tell is None and (progress if progress is not None else _progress.watched()):
        tell = line = _Line(seconds)
    try:
        _watch(recording, seconds, tell)
    finally:
        if line is not None:
            line.close()
        if recording.stats().running:
            recording.finish()
    _raise(recording, text)
    recording.warn(3, text is None and octets is None)
    if text is None:
        return recording.narrowed(
            f"<capture of {interface}>", recording.core.mark(0), recording.core.mark(None), options
        )
    files = recording.core.files()
    return open(files if suffix is not None else files[0], threads=threads)


def _raise(recording: _Recording, text: str | None) -> None:
    """Raise what it failed with, and say where is what was captured until then."""
    try:
        recording.core.check()
    except OSError as error:
        packets = recording.stats().packets
        if error.errno is None or text is None or not packets:
            raise
        part = error.filename if str(error.filename).endswith(".part") else f"{text}.part"
        raise OSError(error.errno, f"{error.strerror}; the {packets:,} packets before are in it", part) from None


class Live:
    """A capture under way, beside you; `live` makes it.

    Questions are ordinary passes over the packets recorded so far, all of them whole. (That a question goes on where it
    stopped last time may come later; `batches` does.) It ends with the ``with`` block, or with `stop`; questions may
    still be asked then.
    """

    def __init__(self, recording: _Recording, name: str, temporary: bool, options: _Options) -> None:
        self._recording, self._name, self._temporary, self._options = recording, name, temporary, options
        self._warned = False
        # Also when the interpreter ends, so that a file gets its name.
        self._end = weakref.finalize(self, _Recording.finish, recording)

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop(3)

    def __repr__(self) -> str:
        stats = self.stats
        return f"<Live {self._recording.interface}: {stats}{'' if stats.running else ', ended'}>"

    @property
    def stats(self) -> CaptureStats:
        """What became of the packets so far; packets that are recorded, and what was dropped by whom."""
        return self._recording.stats()

    @property
    def running(self) -> bool:
        """Whether more packets may come."""
        return self.stats.running

    def stop(self) -> CaptureStats:
        """End the capture, with all packets that have arrived.

        Returns
        -------
        CaptureStats
            Where libpcap captures, ``packets + dropped == received``, exactly.
        """
        self._stop(3)
        return self.stats

    def _stop(self, stacklevel: int) -> None:
        self._end()
        self._look(stacklevel + 1)

    def _look(self, stacklevel: int) -> None:
        """Warn once of what went wrong, when it has ended."""
        if self._warned or self.running:
            return
        self._warned = True
        try:
            self._recording.core.check()
        except (OSError, ValueError, MemoryError) as error:
            packets = self.stats.packets
            text = f"{self._recording.interface}: the capture ended: {error}; the {packets:,} packets before are there"
            warnings.warn(CaptureWarning(text), stacklevel=stacklevel)
        self._recording.warn(stacklevel + 1, self._temporary)

    def capture(self) -> Capture:
        """Return the packets recorded so far, as a Capture of its own: it does not grow."""
        return self._capture()

    def _capture(self, start: tuple[int, ...] | None = None, end: tuple[int, ...] | None = None) -> Capture:
        self._look(4)
        core = self._recording.core
        begin = core.mark(0) if start is None else start
        return self._recording.narrowed(self._name, begin, core.mark(None) if end is None else end, self._options)

    def ioc_counts(self, compat: str | None = None, *, dns_rule: str = "empty", seq_rule: str = "all") -> IocCounts:
        """Count indicators of compromise in the packets so far, as `Capture.ioc_counts` does."""
        return self._capture().ioc_counts(compat, dns_rule=dns_rule, seq_rule=seq_rule)

    def count(self, *fields: str, **options: Any) -> Any:
        """Count the packets so far by any fields, as ``Capture.count`` does."""
        ask: Any = self._capture()
        return ask.count(*fields, **options)

    def packets(self, columns: Iterable[str] | str | None = None, *, last: Any = None) -> Frame:
        """Return the packets so far, a row each.

        Parameters
        ----------
        columns : list of names, groups or patterns, optional
            As for `Capture.packets`.
        last : int, str or timedelta, optional
            Only so many of the newest, or those of so long a time before the newest (``"10s"``). For a number, only
            the end of what was recorded is read.

        Returns
        -------
        Frame
        """
        core = self._recording.core
        if last is None:
            return self._capture().packets(columns)
        end = core.mark(None)
        if isinstance(last, int) and not isinstance(last, bool):
            first = max(end[1] - _number("last", last, 2**63 - 1), 0)
            found = self._capture(core.mark(first), end)
            return found.filter(frame_number=slice(first + 1, None)).packets(columns)
        newest = end[4]
        found = self._capture(None, end)
        return found.between(newest - duration("last", last) + 1, None).packets(columns)

    def batches(self, columns: Iterable[str] | str | None = None, every: Any = "1s") -> Iterator[Frame]:
        """Give the packets since the last time, again and again until the capture ends.

        Parameters
        ----------
        columns : list of names, groups or patterns, optional
            As for `Capture.packets`.
        every : str, timedelta or int nanoseconds
            How often; the first one holds what has come until now. A Frame is empty where nothing came.

        Yields
        ------
        Frame
            Together they are what `packets` gives, every packet once and numbered through.
        """
        names = check_columns(columns)
        period = duration("every", every) / 1e9
        return self._batches(names, period)

    def _batches(self, names: tuple[str, ...], period: float) -> Iterator[Frame]:
        core = self._recording.core
        before = core.mark(0)
        due = time.monotonic()
        while True:
            running = self.running  # before the mark: what comes between them is in the last one
            now = core.mark(None)
            if running or now[1] > before[1]:
                yield self._capture(before, now).packets(names)
            before = now
            if not running:
                return
            due = max(due + period, time.monotonic())
            while (left := due - time.monotonic()) > 0:
                if core.wait(max(1, min(200, int(left * 1000)))):
                    break


def live(
    interface: str,
    *,
    filter: str | None = None,
    path: _Path | None = None,
    octets: int | str | None = None,
    snaplen: int = SNAP_LEN,
    promiscuous: bool = True,
    buffer: int | str = BUFFER,
    source: str | None = None,
    threads: int | None = None,
) -> Live:
    """Capture from an interface in the background, and ask questions meanwhile.

    Parameters
    ----------
    interface, filter, snaplen, promiscuous, buffer, source
        As for `capture`.
    path : path, optional
        The file to write; ``PATH.part`` until the end. Without one a temporary file is used, which goes with the
        `Live` and the captures made of it.
    octets : int or str, optional
        How large the file may become. At that size no more is recorded and a `CaptureWarning` says so; the packets
        until then stay. Of a temporary file 1 GiB by default, else there is no limit.
    threads : int, optional
        Threads that answer questions, as in `open`.

    Returns
    -------
    Live
        To be used in a ``with`` statement, or ended with its `stop`.

    Raises
    ------
    PermissionError, OSError, FilterError, FileExistsError, ImportError
        As `capture` does.

    Examples
    --------
    >>> with pf.live("eth0", filter="tcp") as live:  # doctest: +SKIP
    ...     for frame in live.batches(["ip_src", "frame_len"], every="1s"):
    ...         print(len(frame), live.stats)
    """
    text = _part(path)
    options = _Options(_check_threads(threads), False, False)
    most = _octets("octets", octets) or (SPOOL if text is None else 0)
    recording = _Recording(interface, filter, snaplen, promiscuous, buffer, source, (text, None), (0, 0, 0, 0, most))
    with contextlib.suppress(OSError):
        text = None if text is None else os.path.abspath(text)
    return Live(recording, text or f"<live capture of {interface}>", text is None, options)
