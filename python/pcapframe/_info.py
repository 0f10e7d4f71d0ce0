"""What a capture is, and what is wrong with it."""

from __future__ import annotations

import html
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ._text import display
from .errors import CaptureWarning

# Names of link types (tcpdump.org/linktypes), for people.
_LINK_TYPES = {
    0: "NULL", 1: "ETHERNET", 9: "PPP", 12: "RAW", 14: "RAW", 50: "PPP_HDLC", 51: "PPP_ETHER", 101: "RAW",
    104: "C_HDLC", 105: "IEEE802_11", 108: "LOOP",
    113: "LINUX_SLL", 127: "IEEE802_11_RADIOTAP", 192: "PPI", 228: "IPV4", 229: "IPV6", 276: "LINUX_SLL2",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CaptureFault:
    """Something wrong with a capture."""

    kind: str
    """``cut_short``, ``impossible_length``, ``bad_block``, ``no_interface``, ``zero_run``, ``shrank``, ``unusable``,
    ``overlap``, ``unfiltered``, ``forgotten`` (more connections than are kept in mind); of compressed captures
    ``compressed_cut_short``, ``compressed_damaged``, ``trailing_garbage``, ``bomb``."""
    file: str
    """The file it is in."""
    frame_number: int | None
    """The packet that could not be read, numbered over all files; None where it is about a whole file."""
    offset: int | None
    """Where in the file (in what it holds, if it is compressed) its record begins, in octets."""
    lost: int
    """Octets from there to the end of the file (of what could be decompressed), which were not read."""
    message: str
    """All of it in one line."""


@dataclass(frozen=True, slots=True)
class Interface:
    """What a capture says of an interface it was recorded on."""

    link_type: str
    """The link type, by name (``ETHERNET``) or number."""
    name: str | None = None
    """Its name, where the format tells."""
    description: str | None = None
    """Its description, where the format tells."""
    snap_len: int = 0
    """Octets of a packet that were captured at most; 0 means all."""
    resolution: float = 1e-6
    """Seconds that one unit of the recorded times stands for."""
    received: int | None = None
    """Packets it received, as its last statistics say."""
    dropped: int | None = None
    """Packets it dropped, as its last statistics say."""


@dataclass(frozen=True, slots=True)
class CaptureInfo:
    """What a capture is. The fields from `packets` on are None unless all of it was read (``full=True``)."""

    format: str
    """``pcap`` or ``pcapng``; joined with a comma where files differ."""
    link_types: tuple[str, ...]
    """The link types of the interfaces."""
    interfaces: tuple[Interface, ...]
    """Those described before the first packet of each file; with ``full=True`` all."""
    octets: int | None
    """The size of all files; None where one is a stream."""
    first_time: int | None
    """Time of the first packet (with ``full=True``, the earliest), ns since the epoch, UTC."""
    packets: int | None = None
    """How many there are."""
    last_time: int | None = None
    """The latest time of a packet, ns since the epoch, UTC."""
    faults: tuple[CaptureFault, ...] | None = None
    """What is wrong with the capture."""
    packet_faults: dict[str, int] | None = field(default=None, hash=False)
    """How many packets have which fault, such as ``truncated tcp``."""
    oddities: dict[str, int] | None = field(default=None, hash=False)
    """How many packets are odd without a fault: ``time_backwards`` (earlier than one before), ``no_time``,
    ``beyond_snap_len``, ``longer_than_on_wire`` (more captured than there was)."""
    comments: tuple[str, ...] | None = None
    """Comments of sections, interfaces and packets, the latter as ``packet 3: text``."""
    recorded_by: tuple[str, ...] | None = None
    """Hardware, operating system and application, as sections name them."""
    names: tuple[tuple[str, str], ...] | None = None
    """Pairs of address and name from name resolution blocks."""
    other_blocks: dict[int, int] | None = field(default=None, hash=False)
    """How many blocks of other types were stepped over, by type; of 64 types at most."""
    more_notes: bool | None = None
    """Whether there were more comments, names and the like than the 64 KiB of text that are kept."""

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("format", self.format),
            ("link types", ", ".join(self.link_types)),
            ("interfaces", str(len(self.interfaces))),
            ("octets", "unknown" if self.octets is None else f"{self.octets:,}"),
            ("first packet", _when(self.first_time)),
        ]
        if self.packets is not None:
            rows += [("last packet", _when(self.last_time)), ("packets", f"{self.packets:,}")]
            rows += [("fault", fault.message) for fault in self.faults or ()]
            rows += [(f"packets {text}", f"{count:,}") for text, count in (self.packet_faults or {}).items()]
            odd = {name: count for name, count in (self.oddities or {}).items() if count}
            rows += [(f"packets {name.replace('_', ' ')}", f"{count:,}") for name, count in odd.items()]
            rows += [("comment", display(comment)) for comment in self.comments or ()]
            rows += [("recorded by", display(text)) for text in self.recorded_by or ()]
            rows += [("comments", "there are more than are kept")] if self.more_notes else []
        return rows

    def __str__(self) -> str:
        rows = self._rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:{width}}  {value}" for name, value in rows)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in self._rows()
        )
        return f"<table><tbody>{rows}</tbody></table>"


def interface_of(found: tuple[Any, ...]) -> Interface:
    link_type, name, description, snap_len, binary, exponent, _offset, received, dropped = found
    return Interface(
        _LINK_TYPES.get(link_type, str(link_type)),
        name,
        description,
        snap_len,
        (2.0 if binary else 10.0) ** -exponent,
        received,
        dropped,
    )


def full_info(census: Any, form: str, octets: int | None, faults: tuple[CaptureFault, ...]) -> CaptureInfo:
    """`CaptureInfo` with all that a pass has found."""
    packets, first, last, packet_faults, oddities, found, notes, blocks, more_notes, *_ = census
    interfaces = tuple(map(interface_of, found))
    return CaptureInfo(
        form,
        tuple(dict.fromkeys(interface.link_type for interface in interfaces)),
        interfaces,
        octets,
        first,
        packets,
        last,
        faults,
        dict(sorted(packet_faults.items(), key=lambda item: (-item[1], item[0]))),
        oddities,
        **told(notes),
        other_blocks=dict(sorted(blocks.items())),
        more_notes=more_notes,
    )


def told(notes: list[tuple[str, int, bytes]]) -> dict[str, Any]:
    """What sections, interfaces and packets say in words."""
    import ipaddress

    comments, recorded_by, names = [], [], []
    for kind, number, text in notes:
        if kind == "comment":
            words = text.decode("utf-8", "replace")
            comments.append(f"packet {number}: {words}" if number else words)
        elif kind == "name":  # the number is the address's size; names follow, each ended by a zero octet
            address = str(ipaddress.ip_address(text[:number]))
            names += [(address, name.decode("utf-8", "replace")) for name in text[number:].split(b"\0") if name]
        else:
            recorded_by.append(text.decode("utf-8", "replace"))
    return {"comments": tuple(comments), "recorded_by": tuple(recorded_by), "names": tuple(names)}


def _when(time: int | None) -> str:
    if time is None:
        return "unknown"
    seconds, nanoseconds = divmod(time, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


_PACKAGE = os.path.join(os.path.dirname(__file__), "")


def _outside(stacklevel: int) -> int:
    """The stack level, as the caller counts, of the first line from `stacklevel` on that is not this package's."""
    frame = sys._getframe(1)
    for _ in range(stacklevel - 1):
        if frame.f_back is None:
            return stacklevel
        frame = frame.f_back
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        stacklevel, frame = stacklevel + 1, frame.f_back
    return stacklevel


def warn(faults: Sequence[CaptureFault], stacklevel: int) -> None:
    """Warn of them at the line that asked: `stacklevel` or, where that is still this package's, the first behind."""
    if faults:
        more = f" (and {len(faults) - 1} more: info(full=True).faults)" if len(faults) > 1 else ""
        warning = CaptureWarning(faults[0].message + more)
        warning.faults = tuple(faults)
        warnings.warn(warning, stacklevel=_outside(stacklevel))
