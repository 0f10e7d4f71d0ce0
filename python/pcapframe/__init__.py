"""Packets in, frames out: network captures as counts, NumPy arrays and data frames, at the speed of the disk."""

from importlib import import_module as _import_module
from typing import Any as _Any

from ._batches import Batches
from ._capture import capture
from ._columns import columns
from ._config import show_config
from ._counts import Counts, IocCounts
from ._feeds import Indicator
from ._frame import Column, Frame
from ._index import CaptureIndex
from ._indicators import Indicators
from ._info import CaptureFault, CaptureInfo, Interface
from ._live import Live, live
from ._match import Hits
from ._opening import open
from ._partial import Partial
from ._pieces import Partition
from ._reader import Capture
from ._recording import CaptureStats, interfaces
from ._scapy import from_scapy
from ._thresholds import Threshold, eval_packets, set_threshold, threshold
from .detectors import Finding, Findings, detect
from .errors import CaptureError, CaptureWarning, FilterError, PcapframeError, ThresholdWarning

__version__ = "0.1.0"

__all__ = [
    "Batches",
    "Capture",
    "CaptureError",
    "CaptureFault",
    "CaptureIndex",
    "CaptureInfo",
    "CaptureStats",
    "CaptureWarning",
    "Column",
    "Counts",
    "FilterError",
    "Finding",
    "Findings",
    "Frame",
    "Hits",
    "Indicator",
    "Indicators",
    "Interface",
    "IocCounts",
    "Live",
    "Partial",
    "Partition",
    "PcapframeError",
    "Threshold",
    "ThresholdWarning",
    "capture",
    "columns",
    "detect",
    "eval_packets",
    "from_scapy",
    "interfaces",
    "live",
    "open",
    "set_threshold",
    "show_config",
    "threshold",
]


_LATE = ("cicids", "cluster", "geo", "models", "plot")  # on first use: they need Dask, pandas, matplotlib or others


def __getattr__(name: str) -> _Any:
    if name in _LATE:
        return _import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATE])
