"""Packets matched against indicators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core, _flows, _given
from ._frame import Frame
from ._indicators import Indicators

if TYPE_CHECKING:
    from ._info import CaptureFault
    from ._reader import Capture

_NEEDED = {"indicator", "kind", "feed", "frame_time"}


class Hits(Frame):
    """A `Frame` of hits, a row for each indicator seen in a packet at a place, in file order.

    Its columns: ``frame_time`` and ``frame_number`` of the packet; ``indicator`` and ``kind``; ``where``, the column it
    was seen in; ``seen``, what stood there; ``ip_src``, ``srcport``, ``ip_dst`` and ``dstport`` of the packet;
    ``feed``, the feeds that have the indicator, with commas between; ``flow_id`` of the packet, where flows were asked
    for; its ``community_id``.
    """

    __slots__ = ()

    def _with(self, native: _core.Frame) -> Frame:
        """Rows of hits are hits; a choice of columns may be no more."""
        names = {name for name, _, _ in native.schema}
        kind = Hits if names >= _NEEDED else Frame
        made = kind(native, self._capture, self._faults, self._asked)
        made._made_from = self._made_from
        return made

    def summary(self) -> Frame:
        """Return a Frame with a row per indicator: ``indicator``, ``kind``, ``hits``, ``first_time``, ``last_time``,
        ``feed``; those with the most hits first.
        """
        return Frame(_core.match_summary(self._native))


def hits_of(native: _core.Frame, capture: Capture | None, faults: tuple[CaptureFault, ...]) -> Hits:
    """Hits that know no flow."""
    others = [n for n, (name, _, _) in enumerate(native.schema) if name != "flow_id"]
    return Hits(native.project(np.array(others, dtype=np.intp)), capture, faults)


def match(capture: Capture, indicators: Indicators, flows: Mapping[str, Any] | bool) -> Hits:
    """What `Capture.match` does."""
    if not isinstance(indicators, Indicators):
        raise _given.wrong("indicators", "Indicators, such as Indicators.read('feed.csv')", indicators)
    if flows is False:
        native, faults = capture._run(_core.match, indicators._native(), stacklevel=5)
        return hits_of(native, capture, capture._faults + faults)
    options = _flows.from_packets(None if flows is True else flows)
    native, faults = _flows.stamped(capture, options, None)._run(_core.match, indicators._native(), stacklevel=5)
    return Hits(native, capture, capture._faults + faults, {"flows": options})
