"""Captures from the interfaces of this machine that go on beside you while you look at them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import warnings
import weakref
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Literal

from . import _core, _flows, _given
from ._columns import check_columns
from ._counts import Counts, IocCounts
from ._flows import FlowFrame
from ._frame import Frame
from ._options import _check_threads, _Options, _Path
from ._reader import Capture
from ._recording import BUFFER, SNAP_LEN, SPOOL, CaptureStats, Recording, number_of, octets_of, part_of
from ._times import duration
from .errors import CaptureWarning


class Live:
    """A capture under way, beside you; `live` makes it.

    Questions are ordinary passes over the packets recorded so far, all of them whole. Counts go on from where the same
    question stopped last time. It ends with the ``with`` block, or with `stop`; questions may still be asked then.
    """

    def __init__(
        self, recording: Recording, name: str, temporary: bool, options: _Options, watched: tuple[str, ...]
    ) -> None:
        self._recording, self._name, self._temporary, self._options = recording, name, temporary, options
        self._warned = False
        self._answers: dict[tuple[str, ...], tuple[tuple[int, ...], IocCounts | Counts]] = {}
        self._asking = threading.Lock()
        if watched:
            threading.Thread(target=_keep_up, args=(weakref.ref(self), recording, watched), daemon=True).start()
        # Also when the interpreter ends, so that a file gets its name.
        self._end = weakref.finalize(self, Recording.finish, recording)

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
        return self._between(core.mark(0) if start is None else start, core.mark(None) if end is None else end)

    def _between(self, start: tuple[int, ...], end: tuple[int, ...]) -> Capture:
        return self._recording.narrowed(self._name, start, end, self._options)

    def _resumed(self, question: tuple[str, ...]) -> Any:
        """Ask only the packets since the same question was asked last, and add the answers."""
        with self._asking:
            core = self._recording.core
            begin, before = self._answers.get(question, (core.mark(0), None))
            if any(name.startswith(_CONNECTED) for name in question):
                begin, before = core.mark(0), None
            now = core.mark(None)
            if before is not None and now[1] == begin[1]:
                return before
            answer: Any = _ASK[question[0]](self._between(begin, now), *question[1:])
            if before is not None:
                answer = before + answer
            self._answers[question] = now, answer
            return answer

    def ioc_counts(
        self, compat: Literal["scapy"] | None = None, *, dns_rule: str = "empty", seq_rule: str = "all"
    ) -> IocCounts:
        """Count indicators of compromise in the packets so far, as `Capture.ioc_counts` does."""
        self._look(3)
        counts: IocCounts = self._resumed(("ioc_counts", compat or "", dns_rule, seq_rule))
        return counts

    def count(self, *fields: str, **options: Any) -> Any:
        """Count the packets so far by any fields, as `Capture.count` does.

        Parameters
        ----------
        *fields, **options
            Those of `Capture.count`. With one field alone only the packets since the last time are read.

        Returns
        -------
        Counts or Frame
        """
        if len(fields) == 1 and not options:
            self._look(3)
            return self._resumed(("count", *fields))
        return self._capture().count(*fields, **options)

    def flows(self, *arguments: Any, **options: Any) -> FlowFrame:
        """Put the packets so far together into flows, as `Capture.flows` does.

        Parameters
        ----------
        *arguments, **options
            Those of `Capture.flows`.

        Returns
        -------
        FlowFrame
            Flows that still go on are in it as if the capture ended now.
        """
        return self._capture().flows(*arguments, **options)

    def _flows_so_far(self, **options: Any) -> FlowsSoFar:
        """Flows step by step; `options` are `variant` and `compat` of `Capture.flows`."""
        return FlowsSoFar(self, **options)

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
            first = max(end[1] - number_of("last", last, 2**63 - 1), 0)
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


class FlowsSoFar:
    """The flows of a capture under way, of which each step reads the packets since the one before.

    Not for several threads. A step that was interrupted leaves nothing to go on with: begin anew.
    """

    def __init__(self, live: Live, variant: str = "corrected", compat: str | None = None) -> None:
        self._made = _flows.resolved(variant, compat, {})
        self._native = _flows.native_options(self._made)
        self._live, self._mark = live, live._recording.core.mark(0)
        self._core = _core.FlowsSoFar(self._native)
        self.capture = live.capture()
        self.options = {**self._made, "names": "published"}

    def step(self) -> tuple[FlowFrame, FlowFrame]:
        """The flows that ended since the last step, and those that are open, as if the capture ended now."""
        now = self._live._recording.core.mark(None)
        (parts, _), _ = self._live._between(self._mark, now)._run(_core.flow_events, self._native, None, 1)
        ended, there = self._core.take(parts[0], 0)  # the events count those before
        self._mark, self.capture = now, self._live._capture(None, now)
        made = [FlowFrame(each, self.capture, (), self._made, "published", None) for each in (ended, there)]
        return made[0], made[1]


_CONNECTED = ("tcp_stream", "tcp_analysis_")  # columns that all packets before decide: nothing can be gone on with

_ASK: dict[str, Any] = {
    "ioc_counts": lambda capture, compat, dns_rule, seq_rule: capture.ioc_counts(
        compat or None, dns_rule=dns_rule, seq_rule=seq_rule
    ),
    "count": lambda capture, field: capture.count(field),
}


def _keep_up(found: weakref.ref[Live], recording: Recording, watched: tuple[str, ...]) -> None:
    """Ask what is watched every second, so that who asks later waits for a second's packets only."""
    running = True
    while running and (watcher := found()) is not None:
        running = watcher.running
        for name in watched:
            question = (name, "", "empty", "all") if name == "ioc_counts" else ("count", name)
            watcher._resumed(question)
        del watcher  # a Live that nobody holds must end
        recording.core.wait(1000)


def _watched(names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError(f"watch: a list of questions, such as [{names!r}]")
    found = tuple(dict.fromkeys(_given.items("watch", names, "questions")))
    for name in found:
        if name != "ioc_counts" and check_columns([name]) != (name,):
            raise KeyError(f"watch: one column each, not several such as {name!r}")
    return found


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
    watch: Iterable[str] = (),
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
    watch : list of str
        Questions that are answered every second while it captures, so that asking them is quick at any size:
        ``"ioc_counts"``, and names of columns for `Live.count` by one field. Nothing else runs by itself.
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
    text, watched = part_of(path), _watched(watch)
    options = _Options(_check_threads(threads), False, False)
    most = octets_of("octets", octets) or (SPOOL if text is None else 0)
    recording = Recording(interface, filter, snaplen, promiscuous, buffer, source, (text, None), (0, 0, 0, 0, most))
    with contextlib.suppress(OSError):
        text = None if text is None else os.path.abspath(text)
    return Live(recording, text or f"<live capture of {interface}>", text is None, options, watched)
