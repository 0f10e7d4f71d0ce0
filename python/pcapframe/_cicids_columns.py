"""The columns of CICIDS2017 flow tables: names in the three header sets, what is stored, units, what they really hold.

Ours are the published names of 2017, without leading blanks and each once; what the corrected releases have beyond
them keeps its name of 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._flows import FEATURES as FLOW_FEATURES
from ._flows import OURS, Feature

DEFINITIONS = 1  # of the features; a model keeps it, and refuses flows whose features are defined otherwise


@dataclass(frozen=True)
class FlowColumn:
    """One column: its name here, its other names, its kind and its unit.

    `kind` is ``text``, ``time``, ``label``, ``int``, ``whole`` (a double that mostly holds whole numbers, stored as
    integers while all are) or ``double``.
    """

    name: str
    v4: str
    y2021: str
    kind: str
    unit: str


_UNITS = {"us": "µs", "octets^2": "octets²", "ns": ""}
_FRACTIONS = ("Mean", "Std", "Variance", "Size", "/s")  # how the names of doubles end that seldom are whole

_IDENTITY = ("Flow ID", "Source IP", "Source Port", "Destination IP", "Protocol", "Timestamp")


def _kind(feature: Feature) -> str:
    stored = feature.corrected or feature.cic2017 or ""
    if stored in ("text", "string"):
        return "text"
    if stored == "float64":
        return "double" if feature.published.endswith(_FRACTIONS) else "whole"
    return "time" if stored == "time" else "int"


def _columns() -> dict[str, FlowColumn]:
    """The columns of our own flows, in the order of the published files, then those of the corrected variant alone."""
    theirs = [each for each in FLOW_FEATURES if each.section != OURS]
    columns = {
        each.published: FlowColumn(
            each.published, each.v4, each.name_2021, _kind(each), _UNITS.get(each.unit, each.unit)
        )
        for each in sorted(theirs, key=lambda each: each.cic2017 is None)
    }
    label = FlowColumn("Label", "Label", "Label", "label", "")
    published = sum(each.cic2017 is not None for each in theirs)
    names = list(columns)
    return {name: columns.get(name, label) for name in [*names[:published], "Label", *names[published:]]}


COLUMNS = _columns()
EXTRA = tuple(list(COLUMNS)[84:])  # of the corrected variant alone
SECOND = "Fwd Header Length.1"  # how the column that stands twice is told apart, as pandas does

# The published files: 85 columns, and 79 without what tells who spoke when. One column stands twice in both.
SHAPE_85 = frozenset(list(COLUMNS)[:84])
SHAPE_79 = SHAPE_85 - set(_IDENTITY)

# What the improved release (CNS 2022) has beside the columns of 2021, in our names.
IMPROVED = ("id", "Total TCP Flow Time", "Attempted Category")
INTEGERS = {"id", "Total TCP Flow Time", "Attempted Category"}

FEATURES = tuple(name for name, column in COLUMNS.items() if column.kind in ("int", "whole", "double"))
NEVER = frozenset({"Source Port"})  # an identifier, though a number
# Near-labels: they name the service that was attacked, not how.
PORT = "Destination Port"
SUBFLOW = ("Subflow Fwd Packets", "Subflow Fwd Bytes", "Subflow Bwd Packets", "Subflow Bwd Bytes")
BULK = (
    "Fwd Avg Bytes/Bulk",
    "Fwd Avg Packets/Bulk",
    "Fwd Avg Bulk Rate",
    "Bwd Avg Bytes/Bulk",
    "Bwd Avg Packets/Bulk",
    "Bwd Avg Bulk Rate",
)
HEADERS = ("Fwd Header Length", "Bwd Header Length", "min_seg_size_forward")
RATES = ("Flow Bytes/s", "Flow Packets/s")

_TWICE = "with the first payload counted twice"
# What the 2017 tool really wrote under these names; models learn from it, so it is what explanations must say.
HOLDS_2017 = {
    "FIN Flag Count": "RST flag of the first packet",
    "SYN Flag Count": "PSH flag of the first packet",
    "RST Flag Count": "ECE flag of the first packet",
    "PSH Flag Count": "SYN flag of the first packet",
    "ACK Flag Count": "ACK flag of the first packet",
    "URG Flag Count": "FIN flag of the first packet",
    "CWE Flag Count": "URG flag of the first packet",
    "ECE Flag Count": "CWR flag of the first packet",
    "Fwd PSH Flags": "PSH flag of the first packet",
    "Fwd URG Flags": "URG flag of the first packet",
    "Bwd PSH Flags": "always 0",
    "Bwd URG Flags": "always 0",
    **dict.fromkeys(BULK, "always 0"),
    "Subflow Fwd Packets": "all forward packets",
    "Subflow Fwd Bytes": "all forward payload",
    "Subflow Bwd Packets": "all backward packets",
    "Subflow Bwd Bytes": "all backward payload",
    "Down/Up Ratio": "backward packets by forward packets, rounded down",
    "Min Packet Length": f"least payload, {_TWICE}",
    "Max Packet Length": f"greatest payload, {_TWICE}",
    "Packet Length Mean": f"mean payload, {_TWICE}",
    "Packet Length Std": f"deviation of payloads, {_TWICE}",
    "Packet Length Variance": f"variance of payloads, {_TWICE}",
    "Average Packet Size": f"payload per packet, {_TWICE}",
    "Fwd Header Length": "TCP header octets forward; of UDP, those of the last TCP packet anywhere",
    "Bwd Header Length": "TCP header octets backward; of UDP, those of the last TCP packet anywhere",
    "min_seg_size_forward": "least TCP header length forward",
    "Init_Win_bytes_backward": "window of the last backward packet",
    "act_data_pkt_fwd": "forward packets with payload after the first packet",
}
# Names that mislead in every variant.
HOLDS = {
    "min_seg_size_forward": "least transport header length forward",
    "Avg Fwd Segment Size": "mean payload forward",
    "Avg Bwd Segment Size": "mean payload backward",
    "CWE Flag Count": "packets with CWR",
}


def renames() -> dict[str, str]:
    """Every known spelling of a column, stripped, with our name."""
    known: dict[str, str] = {}
    for column in COLUMNS.values():
        known |= {column.name: column.name, column.v4: column.name, column.y2021: column.name}
    known |= {name: name for name in (*IMPROVED, SECOND)}
    return known


def holds(name: str, variant: str | None) -> str:
    """Return what a column holds: its name, or words where the name misleads."""
    if variant == "cic2017" and name in HOLDS_2017:
        return HOLDS_2017[name]
    return HOLDS.get(name, name)
