"""The columns of CICIDS2017 flow tables: names in the three header sets, what is stored, units, what they really hold.

Ours are the published names of 2017, without leading blanks and each once; what the corrected releases have beyond
them keeps its name of 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

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


# Published name | in CSE-CIC-IDS2018 | in the corrected releases | kind | unit; an empty name is the published one.
_TABLE = """
Flow ID | | | text | -
Source IP | Src IP | Src IP | text | -
Source Port | Src Port | Src Port | int | -
Destination IP | Dst IP | Dst IP | text | -
Destination Port | Dst Port | Dst Port | int | -
Protocol | | | int | -
Timestamp | | | time | -
Flow Duration | | | int | µs
Total Fwd Packets | Tot Fwd Pkts | Total Fwd Packet | int | packets
Total Backward Packets | Tot Bwd Pkts | Total Bwd packets | int | packets
Total Length of Fwd Packets | TotLen Fwd Pkts | Total Length of Fwd Packet | whole | octets
Total Length of Bwd Packets | TotLen Bwd Pkts | Total Length of Bwd Packet | whole | octets
Fwd Packet Length Max | Fwd Pkt Len Max | | whole | octets
Fwd Packet Length Min | Fwd Pkt Len Min | | whole | octets
Fwd Packet Length Mean | Fwd Pkt Len Mean | | double | octets
Fwd Packet Length Std | Fwd Pkt Len Std | | double | octets
Bwd Packet Length Max | Bwd Pkt Len Max | | whole | octets
Bwd Packet Length Min | Bwd Pkt Len Min | | whole | octets
Bwd Packet Length Mean | Bwd Pkt Len Mean | | double | octets
Bwd Packet Length Std | Bwd Pkt Len Std | | double | octets
Flow Bytes/s | Flow Byts/s | | double | octets/s
Flow Packets/s | Flow Pkts/s | | double | packets/s
Flow IAT Mean | | | double | µs
Flow IAT Std | | | double | µs
Flow IAT Max | | | whole | µs
Flow IAT Min | | | whole | µs
Fwd IAT Total | Fwd IAT Tot | | whole | µs
Fwd IAT Mean | | | double | µs
Fwd IAT Std | | | double | µs
Fwd IAT Max | | | whole | µs
Fwd IAT Min | | | whole | µs
Bwd IAT Total | Bwd IAT Tot | | whole | µs
Bwd IAT Mean | | | double | µs
Bwd IAT Std | | | double | µs
Bwd IAT Max | | | whole | µs
Bwd IAT Min | | | whole | µs
Fwd PSH Flags | | | int | packets
Bwd PSH Flags | | | int | packets
Fwd URG Flags | | | int | packets
Bwd URG Flags | | | int | packets
Fwd Header Length | Fwd Header Len | | int | octets
Bwd Header Length | Bwd Header Len | | int | octets
Fwd Packets/s | Fwd Pkts/s | | double | packets/s
Bwd Packets/s | Bwd Pkts/s | | double | packets/s
Min Packet Length | Pkt Len Min | Packet Length Min | whole | octets
Max Packet Length | Pkt Len Max | Packet Length Max | whole | octets
Packet Length Mean | Pkt Len Mean | | double | octets
Packet Length Std | Pkt Len Std | | double | octets
Packet Length Variance | Pkt Len Var | | double | octets²
FIN Flag Count | FIN Flag Cnt | | int | packets
SYN Flag Count | SYN Flag Cnt | | int | packets
RST Flag Count | RST Flag Cnt | | int | packets
PSH Flag Count | PSH Flag Cnt | | int | packets
ACK Flag Count | ACK Flag Cnt | | int | packets
URG Flag Count | URG Flag Cnt | | int | packets
CWE Flag Count | | CWR Flag Count | int | packets
ECE Flag Count | ECE Flag Cnt | | int | packets
Down/Up Ratio | | | whole | -
Average Packet Size | Pkt Size Avg | | double | octets
Avg Fwd Segment Size | Fwd Seg Size Avg | Fwd Segment Size Avg | double | octets
Avg Bwd Segment Size | Bwd Seg Size Avg | Bwd Segment Size Avg | double | octets
Fwd Avg Bytes/Bulk | Fwd Byts/b Avg | Fwd Bytes/Bulk Avg | whole | octets
Fwd Avg Packets/Bulk | Fwd Pkts/b Avg | Fwd Packet/Bulk Avg | whole | packets
Fwd Avg Bulk Rate | Fwd Blk Rate Avg | Fwd Bulk Rate Avg | whole | octets/s
Bwd Avg Bytes/Bulk | Bwd Byts/b Avg | Bwd Bytes/Bulk Avg | whole | octets
Bwd Avg Packets/Bulk | Bwd Pkts/b Avg | Bwd Packet/Bulk Avg | whole | packets
Bwd Avg Bulk Rate | Bwd Blk Rate Avg | Bwd Bulk Rate Avg | whole | octets/s
Subflow Fwd Packets | Subflow Fwd Pkts | | whole | packets
Subflow Fwd Bytes | Subflow Fwd Byts | | whole | octets
Subflow Bwd Packets | Subflow Bwd Pkts | | whole | packets
Subflow Bwd Bytes | Subflow Bwd Byts | | whole | octets
Init_Win_bytes_forward | Init Fwd Win Byts | FWD Init Win Bytes | int | octets
Init_Win_bytes_backward | Init Bwd Win Byts | Bwd Init Win Bytes | int | octets
act_data_pkt_fwd | Fwd Act Data Pkts | Fwd Act Data Pkts | int | packets
min_seg_size_forward | Fwd Seg Size Min | Fwd Seg Size Min | int | octets
Active Mean | | | double | µs
Active Std | | | double | µs
Active Max | | | whole | µs
Active Min | | | whole | µs
Idle Mean | | | double | µs
Idle Std | | | double | µs
Idle Max | | | whole | µs
Idle Min | | | whole | µs
Label | | | label | -
Fwd RST Flags | | | int | packets
Bwd RST Flags | | | int | packets
Bwd Act Data Pkts | | | int | packets
Bwd Seg Size Min | | | int | octets
ICMP Code | | | int | -
ICMP Type | | | int | -
Fwd TCP Retrans. Count | | | int | packets
Bwd TCP Retrans. Count | | | int | packets
Total TCP Retrans. Count | | | int | packets
Total Connection Flow Time | | | int | µs
"""

_IDENTITY = ("Flow ID", "Source IP", "Source Port", "Destination IP", "Protocol", "Timestamp")


def _columns() -> dict[str, FlowColumn]:
    columns = {}
    for line in _TABLE.strip().splitlines():
        name, v4, y2021, kind, unit = (cell.strip() for cell in line.split("|"))
        columns[name] = FlowColumn(name, v4 or name, y2021 or name, kind, "" if unit == "-" else unit)
    return columns


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
