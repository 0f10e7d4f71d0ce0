"""Packets beyond memory: a table that comes in pieces, as often as it is asked for."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from . import _core, _export, _given
from ._frame import Frame
from ._info import warn
from ._provenance import note, provenance

if TYPE_CHECKING:
    from ._info import CaptureFault
    from ._reader import Capture

_under_way: weakref.WeakSet[Generator[Frame]] = weakref.WeakSet()


os.register_at_fork(after_in_child=_core.Feed.forked)


@atexit.register
def _end_all() -> None:
    """While threads of passes can still take the GIL."""
    for frames in list(_under_way):
        frames.close()
    _core.Feed.drop_others()


class Batches:
    """All packets of a capture as Frames of equally many rows.

    Each ``for`` loop over it, and each Arrow stream taken of it (``polars.DataFrame(batches)``, ``duckdb``,
    ``pyarrow.RecordBatchReader.from_stream(batches)``), is one pass over the capture. The pass runs beside the loop,
    stays at most two batches ahead of it and ends when it is left. Batches are in file order and the same for any
    number of threads. What was wrong with the capture is a `CaptureWarning` after the last one; with ``strict=True``
    the error comes after the rows before the damage.
    """

    __slots__ = ("_capture", "_columns", "_rows")

    def __init__(self, capture: Capture, columns: tuple[str, ...], rows: int) -> None:
        self._capture, self._columns, self._rows = capture, columns, rows

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._columns)

    @property
    def schema(self) -> tuple[tuple[str, str, bool], ...]:
        """``(name, type, nullable)`` of each column, as `Frame.schema`."""
        return self._feed(None).schema

    @property
    def rows(self) -> int:
        """Rows of each Frame; the last may have fewer."""
        return self._rows

    @property
    def provenance(self) -> dict[str, Any]:
        """What it is made from; see `Frame.provenance`. Faults are not known before the end of a pass: None."""
        return provenance(self._capture, self._columns, None, self._asked)

    @property
    def _asked(self) -> dict[str, Any]:
        return {"rows": self._rows}

    def _feed(self, over: Callable[[Any], object] | None, quiet: bool = False) -> _core.Feed:
        """Batches of one pass; `over` is told in the end the faults, an exception, or None when it was stopped."""

        def prepare() -> tuple[tuple[_core.Input, ...], Any, Callable[[Any], None]]:
            inputs, options, end = self._capture._begin(quiet=quiet)

            def told(outcome: Any) -> None:
                end()
                if over is not None:
                    over(outcome)

            return inputs, options, told

        return self._fed(prepare)

    def _fed(self, prepare: Callable[[], Any]) -> _core.Feed:
        return _core.Feed(prepare, self._columns, self._rows)

    def _frame(self, native: _core.Frame) -> Frame:
        return Frame(native, self._capture, None, self._asked)

    def __iter__(self) -> Iterator[Frame]:
        frames = self._frames()
        _under_way.add(frames)
        return frames

    def _frames(self, faults: list[CaptureFault] | None = None) -> Generator[Frame]:
        """The Frames of one pass; what was wrong is put into `faults`, or warned of."""
        outcomes: list[Any] = []
        feed = self._feed(outcomes.append)
        try:
            while (native := feed.next()) is not None:
                yield self._frame(native)
        finally:
            feed.close()
        found = self._capture._found(outcomes[0])
        if faults is not None:
            faults += found
        else:
            warn(found, 3)

    def __arrow_c_schema__(self) -> Any:
        """The types of the columns, a capsule as Arrow's C data interface has it. Reads nothing."""
        return self._feed(None).arrow_schema(note(self.provenance))

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """One pass, which begins with the first batch taken, as a capsule of Arrow's C stream interface.

        Its functions may be called by any thread, without the GIL. A requested schema is not heeded, as Arrow allows.
        Ctrl-C ends it with an error that says so, of the type that whoever reads the stream has for errors.
        """
        return self._stream(self._warn)

    def _warn(self, outcome: Any) -> None:
        if isinstance(outcome, list):
            warn(self._capture._found(outcome), 4)  # behind this, told() and the core

    def _stream(self, over: Callable[[Any], object], stop: Any = None) -> Any:
        # What can be read by several passes at once is made ready now, so that the stream's functions need no Python.
        ready = all(source.size is not None for source in self._capture._inputs)
        return self._feed(over, quiet=True).arrow_stream(note(self.provenance), ready, stop)

    def write(self, path: str | os.PathLike[str], *, sha256: bool = False) -> int:
        """Write the packets to a table file in one pass, with no more than some batches in memory.

        Parameters
        ----------
        path : path
            As for `Frame.write`, but for captures, which `Capture.write` writes. A Parquet file has a row group for
            each batch; text in an Arrow file is plain, because its dictionaries could not change from batch to batch.
        sha256 : bool
            As for `Frame.write`.

        Returns
        -------
        int
            How many rows were written.

        Raises
        ------
        ValueError
            Another suffix.
        ImportError
            pyarrow is not installed, and Parquet or Arrow was asked for.
        OSError
            The file could not be written.
        """
        text = _given.path("path", path)
        _given.truth("sha256", sha256)
        self._capture._refuse_own(text)
        faults: list[CaptureFault] = []

        def made() -> dict[str, Any]:
            return provenance(self._capture, self._columns, faults, self._asked, sha256)

        written = _export.write_table(text, self, self._frames(faults), made, "; Capture.write writes captures")
        warn(faults, 3)
        return written

    def __repr__(self) -> str:
        return f"<Batches of {self._rows} rows, {len(self._columns)} columns, of {self._capture!r}>"
