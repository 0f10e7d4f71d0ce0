"""Captures from the interfaces of this machine into files, until it is enough."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from . import _given, _progress
from ._opening import open
from ._options import _check_threads, _Options, _Path
from ._reader import Capture
from ._recording import BUFFER, SNAP_LEN, SPOOL, CaptureStats, Recording, number_of, octets_of, part_of, size_of
from ._times import duration

_LEAST_FILE = 4096  # of a series: smaller files would be headers only
_MOST_KEPT = 100_000


def _series(path: str | None, rotate: Any, keep: int | None) -> tuple[str | None, str | None, int, int, int]:
    """Path, suffix, octets, period and number of a file or a series of them."""
    if rotate is None:
        if keep is not None:
            raise ValueError("keep: needs rotate=, such as '100MB' or '1h'")
        return path, None, 0, 0, 0
    if path is None:
        raise ValueError("rotate: needs path=, the name that the files' names are made of")
    size = size_of("rotate", rotate)
    if size is not None and size < _LEAST_FILE:
        raise ValueError(f"rotate: at least {_LEAST_FILE} octets, not {size}")
    period = 0 if size is not None else duration("rotate", rotate)
    stem, suffix = os.path.splitext(path)
    begun = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return f"{stem}-{begun}-", suffix, size or 0, period, 0 if keep is None else number_of("keep", keep, _MOST_KEPT)


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


def _watch(recording: Recording, seconds: float | None, tell: Callable[[CaptureStats], object] | None) -> None:
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
    text = part_of(path)
    if seconds is not None and not 0 < _given.number("seconds", seconds) < 1e9:
        raise ValueError(f"seconds: above 0, not {seconds!r}")
    _given.progress("progress", progress, "a CaptureStats")
    base, suffix, file_octets, period, kept = _series(text, rotate, keep)
    most = octets_of("octets", octets) or (SPOOL if text is None else 0)
    limits = (file_octets, period, kept, 0 if packets is None else number_of("packets", packets, 2**63 - 1), most)
    options = _Options(_check_threads(threads), False, None)
    recording = Recording(interface, filter, snaplen, promiscuous, buffer, source, (base, suffix), limits)
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


def _raise(recording: Recording, text: str | None) -> None:
    """Raise what it failed with, and say where is what was captured until then."""
    try:
        recording.core.check()
    except OSError as error:
        packets = recording.stats().packets
        if error.errno is None or text is None or not packets:
            raise
        part = error.filename if str(error.filename).endswith(".part") else f"{text}.part"
        raise OSError(error.errno, f"{error.strerror}; the {packets:,} packets before are in it", part) from None
