"""Packets to scapy and back, for what only scapy does: building, changing and sending them."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import _given

if TYPE_CHECKING:
    from ._frame import Frame
    from ._reader import Capture

_NEEDED = ["frame_number", "frame_time", "frame_len", "frame_link_type", "frame_raw"]
_SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
_MOST_OCTETS = 262_144  # of a packet: what every reader of captures takes


def _scapy(caller: str) -> Any:
    try:
        importlib.import_module("scapy.layers.all")  # what is not imported stays undecoded
        return importlib.import_module("scapy.all")
    except ImportError as error:
        raise ImportError(f"{caller} needs scapy: pip install scapy") from error


def to_scapy(frame: Frame) -> list[Any]:
    """Return scapy packets for the rows of a frame with ``frame_number``, in the order of the rows."""
    scapy = _scapy("Frame.to_scapy")
    if "frame_number" not in frame.columns or frame._capture is None:
        raise ValueError("only a Frame of packets with the column frame_number can be turned into scapy packets")
    numbers = frame["frame_number"].tolist()
    table = frame._capture.filter(frame_number=set(numbers)).packets(_NEEDED)
    made = {number: _packet(scapy, *values) for number, *values in table.rows(*_NEEDED)}
    return [made[number] for number in numbers]


def _packet(scapy: Any, time: int | None, length: int, link_type: int, octets: bytes) -> Any:
    try:
        layer = scapy.conf.l2types[link_type]
    except KeyError:
        layer = scapy.conf.raw_layer
    try:
        packet = layer(octets)
    except Exception:  # as scapy's own readers do where a dissector of it fails
        if scapy.conf.debug_dissector:
            raise
        packet = scapy.conf.raw_layer(octets)
    if time is not None:
        packet.time = scapy.EDecimal(time) / 1_000_000_000
    packet.wirelen = length
    return packet


def from_scapy(packets: Iterable[Any]) -> Capture:
    """Open scapy packets as a capture, in their order.

    Parameters
    ----------
    packets : iterable of scapy packets
        Such as a `scapy.plist.PacketList`, or packets that were built. They are built to octets here; their ``time``
        and ``wirelen`` are kept, where they have them.

    Returns
    -------
    Capture
        In memory; it can be asked as often as you like.

    Raises
    ------
    TypeError
        Something that is no scapy packet, or one whose outermost layer is none that captures hold.
    """
    scapy = _scapy("from_scapy")
    blocks = [_SECTION]
    interfaces: dict[int, int] = {}
    for number, packet in enumerate(_given.iterable("packets", packets, "scapy packets")):
        if not isinstance(packet, scapy.Packet):
            raise TypeError(f"from_scapy takes scapy packets; item {number} is {type(packet).__name__}")
        try:
            link_type = int(scapy.conf.l2types[type(packet)])
        except KeyError:
            raise TypeError(
                f"from_scapy: item {number} begins with {type(packet).__name__}, which no capture does: "
                f"put it into an Ether() or IP()"
            ) from None
        if link_type not in interfaces:
            interfaces[link_type] = len(interfaces)
            blocks.append(_interface(link_type))
        blocks.append(_enhanced(interfaces[link_type], packet, bytes(packet), number))
    if not interfaces:
        blocks.append(_interface(1))
    from ._opening import open

    return open(b"".join(blocks))


def _block(kind: int, body: bytes) -> bytes:
    size = 12 + len(body)
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _interface(link_type: int) -> bytes:
    """An interface whose times are nanoseconds: option 9, if_tsresol."""
    return _block(1, struct.pack("<HHI", link_type, 0, 0) + struct.pack("<HHBxxxI", 9, 1, 9, 0))


def _enhanced(interface: int, packet: Any, octets: bytes, number: int) -> bytes:
    if len(octets) > _MOST_OCTETS:
        raise ValueError(f"from_scapy: item {number} is {len(octets)} octets long, and a capture holds {_MOST_OCTETS}")
    time = max(0, int(packet.time * 1_000_000_000)) if packet.time is not None else 0
    length = max(int(getattr(packet, "wirelen", None) or 0), len(octets))
    head = struct.pack("<IIIII", interface, time >> 32, time & 0xFFFFFFFF, len(octets), length)
    return _block(6, head + octets + bytes(-len(octets) % 4))
