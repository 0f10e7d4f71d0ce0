"""What a Frame's columns suggest to draw."""

from __future__ import annotations

from typing import Any

from ._frame import Frame
from ._plot_counts import flows, heatmap, talkers
from ._plot_time import timeline

_AGGREGATES = ("sum_", "min_", "max_", "mean_", "std_", "distinct_", "gap_")


def draw(frame: Frame, options: dict[str, Any]) -> Any:
    """Draw a Frame."""
    names = frame.columns
    if "Flow Duration" in names:
        return flows(frame, **options)
    if "count" in names:
        fields = [n for n in names if n not in ("time", "count", "error") and not n.startswith(_AGGREGATES)]
        if "time" in names:
            return timeline(frame, **{"by": fields[0] if len(fields) == 1 else None, **options})
        if len(fields) == 2:
            return heatmap(frame, **{"by": tuple(fields), **options})
        if len(fields) == 1:
            return talkers(frame, **{"by": fields[0], **options})
    elif "frame_time" in names:
        return timeline(frame, **{"by": "protocol" if "protocol" in names else None, **options})
    raise ValueError("Frame.plot: nothing known is to be drawn of these columns; see pcapframe.plot")
