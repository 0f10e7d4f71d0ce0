"""Packets matched against indicators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _core
from ._frame import Frame
from ._indicators import Indicators

if TYPE_CHECKING:
    from ._reader import Capture

_NEEDED = {"indicator", "kind", "feed", "frame_time"}


class Hits(Frame):
    """A `Frame` of hits, a row for each indicator seen in a packet at a place, in file order.

    Its columns: ``frame_time`` and ``frame_number`` of the packet; ``indicator`` and ``kind``; ``where``, the column it
    was seen in; ``seen``, what stood there; ``ip_src``, ``srcport``, ``ip_dst`` and ``dstport`` of the packet;
    ``feed``, the feeds that have the indicator, with commas between.
    """

    __slots__ = ()

    def _with(self, native: _core.Frame) -> Frame:
        """Rows of hits are hits; a choice of columns may be no more."""
        names = {name for name, _, _ in native.schema}
        return Hits(native, self._capture) if names >= _NEEDED else Frame(native, self._capture)

    def summary(self) -> Frame:
        """Return a Frame with a row per indicator: ``indicator``, ``kind``, ``hits``, ``first_time``, ``last_time``,
        ``feed``; those with the most hits first.
        """
        return Frame(_core.match_summary(self._native))


def match(capture: Capture, indicators: Indicators) -> Hits:
    """What `Capture.match` does."""
    if not isinstance(indicators, Indicators):
        raise TypeError(
            f"match: Indicators are needed, such as Indicators.read('feed.csv'), not {type(indicators).__name__}"
        )
    native, _ = capture._run(_core.match, indicators._native(), stacklevel=5)
    return Hits(native, capture)
