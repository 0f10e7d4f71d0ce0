"""The five helpers of existing notebooks, under their old names: ``from pcapframe.notebook import *``.

A notebook that loops over packets with scapy to count its indicators keeps its cells; only the loop behind
`get_ioc_counts` is another. Sources may be moved over one at a time, because every helper still takes scapy's packets
too. Neither scapy nor pandas is imported before a helper needs it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ._thresholds import eval_packets, set_threshold
from .errors import CaptureError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["eval_packets", "fixing_col_names", "get_ioc_counts", "packets_to_dataframe", "set_threshold"]

_Counts = tuple[dict[str, int], dict[str, int], dict[int, int]]

_MILLION = 1_000_000


# --------------------------------------------------------------------------------------------------------- counts


def get_ioc_counts(source: Any, progress: bool = True) -> _Counts:
    """Count the indicators of compromise: DNS responses without an answer, source addresses, sequence numbers.

    Parameters
    ----------
    source : path, Capture, scapy PcapReader or list of scapy packets
        A path (also a list of paths, octets or a binary file, as `pcapframe.open` takes them) and a `Capture` are
        counted natively. So is a ``PcapReader`` from which nothing has been read: its file is opened anew by its name,
        and the reader itself stays where it is. A reader that has begun is read to its end and packets are taken as
        they are, both by the loop over scapy's packets.
    progress : bool
        Print one line per million packets.

    Returns
    -------
    dns, ip, seq : dict
        How often each key occurred, as plain dicts: ``dns`` and ``ip`` by IPv4 address (str), ``seq`` by TCP sequence
        number (int). The keys are in no particular order.

    Raises
    ------
    TypeError
        `source` is none of these, or not all of its items are scapy packets.
    CaptureError
        A path that is no capture.

    Notes
    -----
    The meaning is that of this loop, with tunnels and ports as scapy reads them. `Capture.ioc_counts` without
    ``compat`` counts IPv6 as well. ::

        if IP in p:
            if DNS in p and p[DNS].qr == 1 and p[DNS].ancount == 0:
                dns[p[IP].dst] += 1
            ip[p[IP].src] += 1
        if TCP in p:
            seq[p[TCP].seq] += 1

    A last record that is cut short is a packet for scapy and a `CaptureWarning` for the native count.
    """
    import pcapframe

    report = _Million() if progress else None
    if _is_scapy(source, "RawPcapReader"):
        path = _unread(source)
        if path is None:
            return _loop(source, report)
        try:
            source = pcapframe.open(path, progress=False)
        except CaptureError:  # a format that the reader knows and we do not
            return _loop(source, report)
    elif _is_input(source):
        source = pcapframe.open(source, progress=False)
    if hasattr(source, "_ioc_counts"):
        dns, ip, seq = source._ioc_counts(compat="scapy", on_packets=report)
        return _plain(dns), _plain(ip), _plain(seq)
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise TypeError(
            "get_ioc_counts takes a path, a Capture, a scapy PcapReader or a list of scapy packets, "
            f"not {type(source).__name__}"
        )
    return _loop(source, report)


def _is_input(source: object) -> bool:
    """Tell whether `source` is something to open: a path, several paths, octets or a binary file."""
    if isinstance(source, list | tuple):
        return bool(source) and all(isinstance(item, str | os.PathLike) for item in source)
    return isinstance(source, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(source, "read")


class _Million:
    """Print a line for each million of packets that has been passed, however large the steps."""

    def __init__(self) -> None:
        self._next = _MILLION

    def __call__(self, packets: int) -> None:
        while packets >= self._next:
            print(f"{self._next} packets", flush=True)
            self._next += _MILLION


def _plain(counts: Mapping[Any, int]) -> dict[Any, int]:
    native = getattr(counts, "_dict", None)
    plain: dict[Any, int] = dict(counts) if native is None else native()
    return plain


def _loop(packets: Iterable[Any], report: Callable[[int], None] | None) -> _Counts:
    """Count scapy packets by the loop that the native count stands for."""
    dns: dict[str, int] = {}
    ip: dict[str, int] = {}
    seq: dict[int, int] = {}
    if _is_scapy(packets, "RawPcapReader"):
        _layers()  # before the reader decodes: what is not imported, scapy leaves undecoded
    for number, packet in enumerate(_scapy_packets(packets, "get_ioc_counts"), 1):
        IP, TCP, DNS = _layers()
        if IP in packet:
            if DNS in packet and packet[DNS].qr == 1 and packet[DNS].ancount == 0:
                dns[packet[IP].dst] = dns.get(packet[IP].dst, 0) + 1
            ip[packet[IP].src] = ip.get(packet[IP].src, 0) + 1
        if TCP in packet:
            seq[packet[TCP].seq] = seq.get(packet[TCP].seq, 0) + 1
        if report is not None:
            report(number)
    return dns, ip, seq


# ---------------------------------------------------------------------------------------------------------- scapy


def _is_scapy(value: object, name: str) -> bool:
    """Tell whether `value` is an instance of scapy's class `name`, without importing scapy."""
    return any(cls.__name__ == name and cls.__module__.split(".")[0] == "scapy" for cls in type(value).__mro__)


def _layers() -> tuple[Any, Any, Any]:
    """Return scapy's IP, TCP and DNS."""
    inet, dns = importlib.import_module("scapy.layers.inet"), importlib.import_module("scapy.layers.dns")
    return inet.IP, inet.TCP, dns.DNS


def _scapy_packets(packets: Iterable[Any], called: str) -> Iterator[Any]:
    """Hand on the items of `packets`, each of which must be a scapy packet."""
    for number, packet in enumerate(packets):
        if not _is_scapy(packet, "Packet"):
            raise TypeError(f"{called} takes scapy packets; item {number} is {type(packet).__name__}")
        yield packet


def _unread(reader: Any) -> str | None:
    """Return the path of the file that a `PcapReader` has opened and not begun; None if there is no such path."""
    try:
        path = os.fspath(reader.filename)
        if not os.path.isfile(path) or not os.path.samestat(os.stat(path), os.fstat(reader.f.fileno())):
            return None
        fresh = type(reader)(path)  # what a reader has consumed once it is open depends on the format: ask another
        try:
            return os.fsdecode(path) if reader.f.tell() == fresh.f.tell() else None
        finally:
            fresh.close()
    except (AttributeError, OSError, TypeError, ValueError):  # closed, not a file, no place to tell
        return None


# ------------------------------------------------------------------------------------------------------ DataFrame

_TCP_FLAGS = "FSRPAUECN"  # scapy's letters, from the lowest bit of tcp.flags
_FLAG_TEXT = np.array(
    ["".join(letter for bit, letter in enumerate(_TCP_FLAGS) if bits >> bit & 1) for bits in range(512)], dtype=object
)

_NEEDED = (
    "frame_time", "eth_src", "eth_dst", "ip_src", "ip_dst", "protocol", "tcp_srcport", "tcp_dstport", "udp_srcport",
    "udp_dstport", "tcp_seq_raw", "tcp_ack_raw", "tcp_flags", "frame_len",
)  # fmt: skip

# The layers of scapy that `Protocol` speaks of, by class. What is not here (payload, padding, options) is passed over.
_PROTOCOLS = {
    "Ether": "ETH", "Dot3": "ETH", "LLC": "LLC", "Dot1Q": "VLAN", "Dot1AD": "VLAN", "Loopback": "NULL",
    "CookedLinux": "SLL", "CookedLinuxV2": "SLL2", "ARP": "ARP", "IP": "IPV4", "IPv6": "IPV6", "GRE": "GRE",
    "ICMP": "ICMP", "TCP": "TCP", "UDP": "UDP", "DNS": "DNS", "LLMNRQuery": "DNS", "LLMNRResponse": "DNS",
}  # fmt: skip


def packets_to_dataframe(packets: Any) -> pd.DataFrame:
    """Return packets as a DataFrame with the columns the notebooks know.

    Parameters
    ----------
    packets : Frame or iterable of scapy packets
        What `Capture.select` or `Capture.packets` returned, or scapy's packets: a list, a ``PacketList``, a reader.

    Returns
    -------
    pandas.DataFrame
        One row per packet, in their order, index 0 to n - 1:

        ====================== ===================== ==============================================================
        column                 dtype                 value
        ====================== ===================== ==============================================================
        ``Time``               datetime64[ns, UTC]   when it was captured, exact
        ``Src_MAC Dst_MAC``    object: str or None   Ethernet addresses
        ``Src_IP Dst_IP``      object: str or None   addresses of the outermost IP header, IPv4 or IPv6
        ``Protocol``           object: str or None   the highest protocol decoded, in capitals
        ``Src_Port Dst_Port``  UInt16                of the first TCP header, else of the first UDP header
        ``Seq Ack``            UInt32                of the first TCP header, as sent (not relative)
        ``Flags``              object: str or None   of the first TCP header, scapy's letters (FSRPAUECN): ``PA``
        ``Length``             int64                 octets on the wire, also where fewer were captured
        ====================== ===================== ==============================================================

        What a packet does not have is None in the text columns and ``pd.NA`` in the others, so that ``value_counts()``
        shows only what is there. A TCP header without any flag has the empty text.

    Raises
    ------
    TypeError
        `packets` is neither, or not all of its items are scapy packets.
    ValueError
        A Frame without the columns that this needs.

    Notes
    -----
    ``Protocol`` of a Frame is its column ``protocol``. For scapy's packets it is the last of these layers, up to an
    ICMP message (the headers it quotes are not the packet's): Ethernet ``ETH``, 802.2 ``LLC``, 802.1Q and 802.1ad
    ``VLAN``, Linux cooked ``SLL SLL2``, loopback ``NULL``, ``ARP``, ``IPV4``, ``IPV6``, ``GRE``, ``ICMP``, ``ICMPV6``,
    ``TCP``, ``UDP``, and DNS with mDNS and LLMNR ``DNS``. The two agree for ordinary packets; a Frame may know
    protocols beyond these.
    """
    if _is_scapy(packets, "Packet"):
        raise TypeError("packets_to_dataframe takes a list of packets: give [packet]")
    if hasattr(packets, "columns") and not hasattr(packets, "iloc"):
        return _data_frame(*_from_frame(packets))
    if isinstance(packets, Mapping | str | bytes) or hasattr(packets, "iloc") or not isinstance(packets, Iterable):
        raise TypeError(f"packets_to_dataframe takes a Frame or a list of scapy packets, not {type(packets).__name__}")
    return _data_frame(*_from_scapy(packets))


_Masked = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]  # values, and where they are valid


def _data_frame(
    times: _Masked,
    texts: Mapping[str, np.ndarray[Any, Any]],
    integers: Mapping[str, _Masked],
    length: np.ndarray[Any, Any],
) -> pd.DataFrame:
    from ._frame_column import import_pandas

    pandas = import_pandas("packets_to_dataframe")
    at, known = times
    stamps = np.where(known, at.astype("int64"), np.iinfo(np.int64).min).view("datetime64[ns]")  # the least is NaT
    columns: dict[str, Any] = {"Time": pandas.Series(stamps).dt.tz_localize("UTC")}
    for name, text in texts.items():
        columns[name] = pandas.Series(text, dtype=object)
    for name, (values, valid) in integers.items():
        columns[name] = pandas.Series(pandas.arrays.IntegerArray(values.copy(), ~valid))
    columns["Length"] = pandas.Series(length.astype(np.int64))
    order = [
        "Time",
        "Src_MAC",
        "Dst_MAC",
        "Src_IP",
        "Dst_IP",
        "Protocol",
        "Src_Port",
        "Dst_Port",
        "Seq",
        "Ack",
        "Flags",
    ]
    frame: pd.DataFrame = pandas.DataFrame({name: columns[name] for name in [*order, "Length"]})
    return frame


def _from_frame(frame: Any) -> tuple[_Masked, dict[str, Any], dict[str, _Masked], np.ndarray[Any, Any]]:
    missing = [name for name in _NEEDED if name not in frame.columns]
    if missing:
        raise ValueError(
            f"packets_to_dataframe needs the columns {', '.join(missing)}: leave out columns= where the Frame is made"
        )

    def masked(name: str) -> _Masked:
        values, valid = frame[name].values, frame[name].valid
        return values, np.ones(len(values), dtype=bool) if valid is None else valid

    def either(first: str, second: str) -> _Masked:
        (one, has_one), (two, has_two) = masked(first), masked(second)
        return np.where(has_one, one, two), has_one | has_two

    flags, has_flags = masked("tcp_flags")
    texts = {
        "Src_MAC": _text(frame["eth_src"]),
        "Dst_MAC": _text(frame["eth_dst"]),
        "Src_IP": _text(frame["ip_src"]),
        "Dst_IP": _text(frame["ip_dst"]),
        "Protocol": _text(frame["protocol"]),
        "Flags": np.where(has_flags, _FLAG_TEXT[flags & 511], None),
    }
    integers = {
        "Src_Port": either("tcp_srcport", "udp_srcport"),
        "Dst_Port": either("tcp_dstport", "udp_dstport"),
        "Seq": masked("tcp_seq_raw"),
        "Ack": masked("tcp_ack_raw"),
    }
    return masked("frame_time"), texts, integers, masked("frame_len")[0]


def _text(column: Any) -> np.ndarray[Any, Any]:
    """Return a text column as an array of str, one object per distinct text, with None in null places."""
    table = np.array([*map(str, column.categories), None], dtype=object)
    codes, valid = np.asarray(column.codes), column.valid
    texts: np.ndarray[Any, Any] = table[codes if valid is None else np.where(valid, codes, len(table) - 1)]
    return texts


def _from_scapy(packets: Iterable[Any]) -> tuple[_Masked, dict[str, Any], dict[str, _Masked], np.ndarray[Any, Any]]:
    texts: dict[str, list[str | None]] = {
        name: [] for name in ("Src_MAC", "Dst_MAC", "Src_IP", "Dst_IP", "Protocol", "Flags")
    }
    numbers: dict[str, list[int | None]] = {name: [] for name in ("Src_Port", "Dst_Port", "Seq", "Ack")}
    times: list[int] = []
    lengths: list[int] = []
    for packet in _scapy_packets(packets, "packets_to_dataframe"):
        link = network = tcp = udp = protocol = None
        for layer in _walk(packet):
            name = type(layer).__name__
            protocol = "ICMPV6" if name.startswith("ICMPv6") else _PROTOCOLS.get(name, protocol)
            link = layer if link is None and name in ("Ether", "Dot3") else link
            network = layer if network is None and name in ("IP", "IPv6") else network
            tcp = layer if tcp is None and name == "TCP" else tcp
            udp = layer if udp is None and name == "UDP" else udp
        ports = tcp if tcp is not None else udp
        times.append(_nanoseconds(packet.time))
        lengths.append(getattr(packet, "wirelen", None) or len(packet))
        for name, layer, field in (
            ("Src_MAC", link, "src"), ("Dst_MAC", link, "dst"), ("Src_IP", network, "src"), ("Dst_IP", network, "dst"),
        ):  # fmt: skip
            texts[name].append(None if layer is None else str(getattr(layer, field)))
        texts["Protocol"].append(protocol)
        texts["Flags"].append(None if tcp is None else _FLAG_TEXT[int(tcp.flags) & 511])
        for name, layer, field in (
            ("Src_Port", ports, "sport"), ("Dst_Port", ports, "dport"), ("Seq", tcp, "seq"), ("Ack", tcp, "ack"),
        ):  # fmt: skip
            numbers[name].append(None if layer is None else int(getattr(layer, field)))
    integers = {name: _masked(values, np.uint16 if "Port" in name else np.uint32) for name, values in numbers.items()}
    objects = {name: np.array(values, dtype=object) for name, values in texts.items()}
    stamps = np.array(times, dtype=np.int64)
    return (stamps, np.ones(len(stamps), dtype=bool)), objects, integers, np.array(lengths, dtype=np.int64)


def _walk(packet: Any) -> Iterator[Any]:
    """Hand on the layers of a scapy packet, up to an ICMP message: what follows is quoted by it."""
    layer = packet
    while type(layer).__name__ != "NoPayload":
        yield layer
        if type(layer).__name__.startswith("ICMP"):
            return
        layer = layer.payload


def _nanoseconds(time: Any) -> int:
    """Return scapy's seconds since the epoch (a decimal, or a float for a packet made by hand) as exact nanoseconds."""
    return round(Fraction(Decimal(time)) * 1_000_000_000)


def _masked(values: list[int | None], dtype: type[np.unsignedinteger[Any]]) -> _Masked:
    valid = np.array([value is not None for value in values], dtype=bool)
    return np.array([value or 0 for value in values], dtype=dtype), valid


def fixing_col_names(df: pd.DataFrame) -> pd.DataFrame:
    """Return a DataFrame of a CICIDS2017 CSV with its column names put right.

    Parameters
    ----------
    df : pandas.DataFrame
        As ``pandas.read_csv`` returns it: most headers begin with a space, and ``Fwd Header Length`` stands there twice
        (the second is called ``Fwd Header Length.1`` by pandas).

    Returns
    -------
    pandas.DataFrame
        A new frame: headers without surrounding white space, and without the second ``Fwd Header Length`` where it
        equals the first, value by value (one that differs stays). Rows, dtypes and all other columns are as they were.

    Raises
    ------
    TypeError
        `df` is no DataFrame.
    """
    from ._frame_column import import_pandas

    pandas = import_pandas("fixing_col_names")
    if not isinstance(df, pandas.DataFrame):
        raise TypeError(f"fixing_col_names takes a pandas DataFrame, not {type(df).__name__}")
    fixed: pd.DataFrame = df.rename(columns=lambda name: name.strip() if isinstance(name, str) else name)
    first, *others = [
        place for place, name in enumerate(fixed.columns) if name in ("Fwd Header Length", "Fwd Header Length.1")
    ] or [-1]
    if others and _equal(fixed.iloc[:, first], fixed.iloc[:, others[0]]):
        fixed = fixed.iloc[:, [place for place in range(fixed.shape[1]) if place != others[0]]].copy()
    return fixed


def _equal(one: Any, two: Any) -> bool:
    """Tell whether two columns of a DataFrame hold the same values, missing ones included, whatever their dtypes."""
    if one.equals(two):
        return True
    missing = one.isna().to_numpy()
    if (missing != two.isna().to_numpy()).any():
        return False
    return bool((one.to_numpy(dtype=object)[~missing] == two.to_numpy(dtype=object)[~missing]).all())
