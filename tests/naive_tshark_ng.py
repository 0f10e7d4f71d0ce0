"""tshark as an oracle of what a pcapng file holds: times, lengths, link types and interfaces of its packets."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import naive
from naive_tshark import TSHARK

ENCAPSULATIONS = {  # link type: tshark's own number for it
    0: 15, 1: 1, 12: 7, 14: 7, 101: 7, 105: 20, 108: 174, 113: 25, 127: 23, 147: 45, 228: 129, 229: 130, 231: 146,
    249: 152, 276: 210,
}  # fmt: skip


class Seen(NamedTuple):
    """A packet as either side sees it."""

    time: str  # "" where there is none
    len: int
    cap_len: int
    encapsulation: int | None  # None: no number is known for the link type
    interface: int  # within its section
    name: str
    section: int  # from 1


FIELDS = ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.encap_type", "frame.interface_id"]
FIELDS += ["frame.interface_name", "frame.section_number"]


def theirs(file: bytes, folder: Path) -> tuple[list[Seen], str]:
    """Its packets, and what it says at the end: "" when nothing is wrong."""
    path = folder / "for-tshark.pcapng"
    path.write_bytes(file)
    command = [str(TSHARK), "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode in (0, 2), done.stderr  # 2: it found a fault
    rows = [line.split("\t") for line in done.stdout.decode("utf-8", "replace").splitlines()]
    seen = [
        Seen(time, int(size), int(cap_len), int(encap), int(interface), name, int(section))
        for time, size, cap_len, encap, interface, name, section in rows
        if encap  # custom blocks and journal entries have a row too
    ]
    said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if "Running as user" not in line]
    return seen, " ".join(said) if done.returncode else ""


def in_seconds(time_ns: int | None) -> str:
    """As tshark writes it, with a positive fraction before 1970 too."""
    return "" if time_ns is None else f"{time_ns // 1_000_000_000}.{time_ns % 1_000_000_000:09}"


def name_of(interface: naive.Interface) -> str:
    """tshark falls back on the description, and ends a name at a zero."""
    name = interface.description if interface.name is None else interface.name
    if name is None:
        return "unknown"
    return name.split(b"\0")[0].decode("utf-8", "replace").translate({9: "\\t", 10: "\\n", 13: "\\r"})


def ours(capture: naive.Capture) -> list[Seen]:
    first: dict[int, int] = {}
    for number, interface in enumerate(capture.interfaces):
        first.setdefault(interface.section, number)
    seen = []
    for record in capture.records:
        interface = capture.interfaces[record.interface]
        seen.append(
            Seen(
                in_seconds(record.time_ns),
                record.len,
                record.cap_len,
                ENCAPSULATIONS.get(record.link_type),
                record.interface - first[interface.section],
                name_of(interface),
                interface.section + 1,
            )
        )
    return seen


# --- kinds of difference that are no error ---------------------------------------------------------------------------

Kind = Callable[[str, Seen, Seen, naive.Interface, list[str]], bool]

KINDS: dict[str, Kind] = {  # which value, ours, theirs, the interface, all interfaces
    "tshark misprints decimal resolutions above ns": lambda value, ours, theirs, interface, names: (
        value == "time" and interface.units > 1_000_000_000 and interface.units % 10 == 0
    ),
    "tshark misprints binary resolutions above 2^-32": lambda value, ours, theirs, interface, names: (
        value == "time" and interface.units > 1 << 32
    ),
    "tshark gives times that do not fit 63 bits of ns": lambda value, ours, theirs, interface, names: (
        value == "time" and ours.time == ""
    ),
    "tshark takes the name from the section before": lambda value, ours, theirs, interface, names: (
        value == "name" and ours.section > 1 and theirs.name == names[ours.interface]
    ),
    "tshark knows no number for the link type": lambda value, ours, theirs, interface, names: (
        value == "encapsulation" and ours.encapsulation is None
    ),
}


# --- how far either goes ---------------------------------------------------------------------------------------------

STOPS = {  # where tshark has fewer packets: what it says, and why that is no error of ours
    r"unknown SHB version 1\.": "tshark knows the minor versions 0 and 2 alone",
    r"of an? (ISB|NRB|CB|DSB|systemd journal export block)\b.* (small|minimum)": "tshark uses blocks we step over",
    r"left in the block < NRB record length": "tshark uses blocks we step over",
    r"Not enough data to handle option": "tshark minds options that run over in any block",
}


def reason(file: bytes, capture: naive.Capture, rows: list[Seen], said: str) -> str | None:
    """Why the two end at different packets, or only one finds a fault; "" where they agree, None: nobody knows."""
    _, records, fault, _ = capture
    if len(rows) < len(records):
        stop = records[len(rows)]
        if file[stop.offset : stop.offset + 4] in (b"\3\0\0\0", b"\0\0\0\3") and "don't match" in said:
            return "tshark wants the end of a simple block right behind its packet"
        return next((why for pattern, why in STOPS.items() if re.search(pattern, said)), None)
    if fault is not None and (len(rows) > len(records) or not said):
        failing = file[fault.offset : fault.offset + 4]
        if fault.kind == "bad_block" and failing in (b"\1\0\0\0", b"\0\0\0\1"):
            return "tshark takes resolutions that no clock has"
        if fault.kind == "cut_short" and fault.lost < 12:
            return "tshark minds no few octets at the end"
        if fault.kind == "impossible_length":
            return "tshark has higher limits"
        return None
    if said and fault is None:
        return next((why for pattern, why in STOPS.items() if re.search(pattern, said)), None)
    return ""


class Comparison:
    def __init__(self) -> None:
        self.equal: Counter[str] = Counter()
        self.known: Counter[tuple[str, str]] = Counter()
        self.different: list[str] = []

    def add(self, capture: naive.Capture, rows: list[Seen], what: str = "") -> None:
        """Packet by packet, as far as both go; how far that is is for the caller to judge."""
        names = [name_of(interface) for interface in capture.interfaces]
        for record, mine, tshark in zip(capture.records, ours(capture), rows, strict=False):
            interface = capture.interfaces[record.interface]
            for value in Seen._fields:
                if getattr(mine, value) == getattr(tshark, value):
                    self.equal[value] += 1
                    continue
                kind = next((kind for kind, fits in KINDS.items() if fits(value, mine, tshark, interface, names)), None)
                if kind is not None:
                    self.known[value, kind] += 1
                else:
                    self.different.append(f"{what} packet {record.frame_number} {value}: {mine} {tshark} {interface}")

    def report(self) -> str:
        lines = [f"{count:7} equal {value}" for value, count in self.equal.items()]
        lines += [f"{count:7} {value}: {kind}" for (value, kind), count in sorted(self.known.items())]
        return "\n".join([*lines, *self.different[:20]])
