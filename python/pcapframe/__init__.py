"""Packets in, frames out: network captures as counts, NumPy arrays and data frames, at the speed of the disk."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

from ._batches import Batches
from ._columns import columns
from ._counts import Counts, IocCounts
from ._frame import Frame
from ._frame_column import Column
from ._info import CaptureFault, CaptureInfo, Interface
from ._opening import open
from ._reader import Capture
from ._thresholds import Threshold, eval_packets, set_threshold, threshold
from .errors import CaptureError, CaptureWarning, FilterError, PcapframeError, ThresholdWarning

if TYPE_CHECKING:
    from ._capture import capture
    from ._config import show_config
    from ._feeds import Indicator
    from ._index import CaptureIndex
    from ._indicators import Indicators
    from ._live import Live, live
    from ._match import Hits
    from ._partial import Partial
    from ._pieces import Partition
    from ._recording import CaptureStats, interfaces
    from ._scapy import from_scapy
    from .detectors import Finding, Findings, detect

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


# On first use: modules that need Dask, pandas, matplotlib or others, and names whose modules not every program needs.
_LATE_MODULES = ("cicids", "cluster", "detectors", "geo", "models", "plot")
_LATE_NAMES = {
    "CaptureIndex": "_index",
    "CaptureStats": "_recording",
    "Finding": "detectors",
    "Findings": "detectors",
    "Hits": "_match",
    "Indicator": "_feeds",
    "Indicators": "_indicators",
    "Live": "_live",
    "Partial": "_partial",
    "Partition": "_pieces",
    "capture": "_capture",
    "detect": "detectors",
    "from_scapy": "_scapy",
    "interfaces": "_recording",
    "live": "_live",
    "show_config": "_config",
}


def __getattr__(name: str) -> _Any:
    if name in _LATE_MODULES:
        return _import_module(f".{name}", __name__)
    if name in _LATE_NAMES:
        found = getattr(_import_module(f".{_LATE_NAMES[name]}", __name__), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE_MODULES, *_LATE_NAMES})
