"""pcapng files made to order: a builder for each block, and a hypothesis strategy on top of them.

    section() + interface(1) + enhanced(frame, time=1_500_000_000_000_000)

A builder returns the octets of one block. Lengths are right unless they are given.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple

from hypothesis import strategies as st

import captures
from captures import Tape

SECTION, INTERFACE, OBSOLETE, SIMPLE, NAMES, STATISTICS, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6
JOURNAL, SECRETS, CUSTOM, CUSTOM_NO_COPY = 9, 10, 0x0BAD, 0x40000BAD
COMMENT, IF_NAME, IF_DESCRIPTION, IF_TSRESOL, IF_TSOFFSET = 1, 2, 3, 9, 14
ENTERPRISE = 32473  # for examples (RFC 5612)

Options = Iterable[tuple[int, bytes]]


def padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


def block(kind: int, body: bytes, order: str = "<", length: int | None = None, behind: int | None = None) -> bytes:
    """length, behind: the two lengths, where they are to be wrong."""
    true = 12 + len(padded(body))
    length = true if length is None else length
    behind = length if behind is None else behind
    return struct.pack(order + "II", kind, length) + padded(body) + struct.pack(order + "I", behind)


def options(chosen: Options, order: str = "<", end: bool = True) -> bytes:
    octets = b"".join(struct.pack(order + "HH", code, len(value)) + padded(value) for code, value in chosen)
    return octets + bytes(4) if octets and end else octets


def section(
    order: str = "<", chosen: Options = (), version: tuple[int, int] = (1, 0), magic: int = 0x1A2B3C4D, size: int = -1
) -> bytes:
    """size: what it says of the octets of the section's other blocks; -1: nothing."""
    return block(SECTION, struct.pack(order + "IHHq", magic, *version, size) + options(chosen, order), order)


def interface(
    link_type: int = 1,
    snap_len: int = 262_144,
    order: str = "<",
    tsresol: int | None = None,  # the octet
    tsoffset: int | None = None,
    name: bytes | None = None,
    description: bytes | None = None,
    more: Options = (),
    end: bool = True,
) -> bytes:
    chosen = []
    if name is not None:
        chosen.append((IF_NAME, name))
    if description is not None:
        chosen.append((IF_DESCRIPTION, description))
    if tsresol is not None:
        chosen.append((IF_TSRESOL, bytes([tsresol])))
    if tsoffset is not None:
        chosen.append((IF_TSOFFSET, struct.pack(order + "q", tsoffset)))
    return block(
        INTERFACE, struct.pack(order + "HHI", link_type, 0, snap_len) + options([*chosen, *more], order, end), order
    )


def enhanced(
    octets: bytes,
    time: int = 1_500_000_000_000_000,  # in units of the interface's clock
    number: int = 0,  # of the interface
    length: int | None = None,  # on the wire
    cap_len: int | None = None,
    order: str = "<",
    chosen: Options = (),
) -> bytes:
    length = len(octets) if length is None else length
    cap_len = len(octets) if cap_len is None else cap_len
    head = struct.pack(order + "IIIII", number, time >> 32, time & 0xFFFFFFFF, cap_len, length)
    return block(ENHANCED, head + padded(octets) + options(chosen, order), order)


def simple(octets: bytes, length: int | None = None, order: str = "<") -> bytes:
    return block(SIMPLE, struct.pack(order + "I", len(octets) if length is None else length) + octets, order)


def obsolete(
    octets: bytes,
    time: int = 1_500_000_000_000_000,
    number: int = 0,
    length: int | None = None,
    cap_len: int | None = None,
    order: str = "<",
    chosen: Options = (),
    drops: int = 0xFFFF,
) -> bytes:
    length = len(octets) if length is None else length
    cap_len = len(octets) if cap_len is None else cap_len
    head = struct.pack(order + "HHIIII", number, drops, time >> 32, time & 0xFFFFFFFF, cap_len, length)
    return block(OBSOLETE, head + padded(octets) + options(chosen, order), order)


def custom(data: bytes = b"data", order: str = "<", copy: bool = True) -> bytes:
    return block(CUSTOM if copy else CUSTOM_NO_COPY, struct.pack(order + "I", ENTERPRISE) + data, order)


def name_resolution(names: Iterable[tuple[bytes, bytes]] = (), order: str = "<") -> bytes:
    """names: (address of 4 or 16 octets, name)."""
    records = [(1 if len(address) == 4 else 2, address + name + b"\0") for address, name in names]
    return block(NAMES, options(records, order, end=False) + bytes(4), order)


def statistics(number: int = 0, received: int = 7, dropped: int = 1, time: int = 0, order: str = "<") -> bytes:
    counts = [(4, struct.pack(order + "Q", received)), (5, struct.pack(order + "Q", dropped))]
    return block(
        STATISTICS, struct.pack(order + "III", number, time >> 32, time & 0xFFFFFFFF) + options(counts, order), order
    )


def secrets(data: bytes = b"CLIENT_RANDOM 00 00\n", order: str = "<") -> bytes:
    return block(SECRETS, struct.pack(order + "II", 0x544C534B, len(data)) + data, order)


def other(kind: int = 0x80000001, body: bytes = b"", order: str = "<") -> bytes:
    """Of a type nobody knows; those with the highest bit set are for local use."""
    return block(kind, body, order)


# --- decisions, read off a tape --------------------------------------------------------------------------------------

# Units of a clock's second are powers of ten or, with the highest bit, of two.
RESOLUTIONS = (None, 9, 6, 3, 0, 0x80, 0x8A, 0xA0, 12, 7, 1, 8)
WILD_RESOLUTIONS = (18, 19, 0xBF, 0x94, 20, 127, 0xC0, 0xFF)
OFFSETS = (None, None, 0, 1, -1, 3600, -1_500_000_000)
WILD_OFFSETS = (1 << 33, 9_223_372_036, -9_223_372_036, (1 << 63) - 1, -(1 << 63))
TIMES = (0, 1, (1 << 64) - 1, 1 << 63, (1 << 63) - 1, 1 << 62, 0xFFFFFFFF, 1 << 32)
SNAP_LENGTHS = (262_144, 0, 65_535, 96, 40)


class Known(NamedTuple):
    """What the packets of an interface must know of it."""

    link_type: int
    snap_len: int
    units: int


def units_of(tsresol: int | None) -> int:
    if tsresol is None:
        return 1_000_000
    return 2 ** (tsresol & 0x7F) if tsresol & 0x80 else 10**tsresol


class Writer:
    """Writes blocks as a tape says, and knows what the section has."""

    def __init__(self, link_types: tuple[int, ...], wild: bool):
        self.link_types = link_types
        self.wild = wild
        self.order = "<"
        self.known: list[Known] = []
        self.blocks: list[tuple[bytes, str]] = []  # and their order

    def add(self, octets: bytes) -> None:
        self.blocks.append((octets, self.order))

    def comments(self, tape: Tape) -> list[tuple[int, bytes]]:
        if tape.octet() % 8 < 6:
            return []
        return [(COMMENT, b"a comment"), (2988, b"\0\0\x7e\xd9text"), (0x8001, b"?")][: 1 + tape.octet() % 3]

    def section(self, tape: Tape) -> None:
        self.order = tape.pick("<>")
        self.known = []
        version = tape.pick([(1, 2), (1, 65_535), (2, 0), (0, 0)]) if tape.wrongly(40) else (1, 0)
        self.add(section(self.order, self.comments(tape), version, size=tape.pick([-1, -1, 0, 400])))

    def interface(self, tape: Tape) -> None:
        link_type = tape.pick(self.link_types)
        snap_len = tape.pick(SNAP_LENGTHS)
        tsresol = tape.pick(WILD_RESOLUTIONS) if tape.wrongly(12) else tape.pick(RESOLUTIONS)
        tsoffset = tape.pick(WILD_OFFSETS) if tape.wrongly(12) else tape.pick(OFFSETS)
        name = tape.pick([None, b"eth0", b"lo", b"", "é\u200b".encode()] if self.wild else [None, b"eth0"])
        self.known.append(Known(link_type, snap_len, units_of(tsresol)))
        self.add(
            interface(
                link_type, snap_len, self.order, tsresol, tsoffset, name, tape.pick([None, b"a card"]),
                self.comments(tape), end=tape.octet() % 4 != 3,
            )
        )  # fmt: skip

    def other(self, tape: Tape) -> None:
        order = self.order
        body = bytes(range(tape.octet() % 40))
        self.add(
            [
                lambda: name_resolution([(bytes([10, 0, 0, 1]), b"a.example"), (bytes(15) + b"\1", b"b")], order),
                lambda: statistics(tape.octet() % 3, order=order),
                lambda: secrets(order=order),
                lambda: custom(order=order, copy=tape.octet() % 2 == 0),
                lambda: other(tape.pick([0x80000001, JOURNAL, 0, 7, 0xFFFFFFFF]), body, order),
                lambda: block(NAMES, body, order),
                lambda: block(STATISTICS, body, order),
            ][tape.octet() % (7 if self.wild else 4)]()
        )

    def packet(self, tape: Tape, make: Callable[..., bytes]) -> None:
        number = 0 if make is simple or not self.known else tape.octet() % len(self.known)
        known = self.known[number] if self.known else Known(1, 0, 1_000_000)
        chosen = self.comments(tape) if make is not simple else []
        odd = tape.octet() if self.wild else 0
        packet = captures.any_packet(tape, known.link_type)
        octets, length = packet.octets, packet.length
        if known.snap_len and (make is simple or odd % 8 != 7):  # a few have more than the snap length
            octets = octets[: known.snap_len]
        if make is simple:
            if odd < 230:
                length = max(length, len(octets))
                if len(octets) < known.snap_len or not known.snap_len:
                    length = len(octets)
            self.add(simple(octets, length, self.order))
            return
        time = packet.seconds * known.units + packet.fraction * known.units // 1_000_000
        if odd >= 248:
            time = TIMES[odd & 7]
        elif odd in (240, 241):
            number = len(self.known) + (odd & 1)
        cap_len = {242: len(octets) + 1, 243: 0xFFFFFFFF, 244: 262_145, 245: len(octets) + 4}.get(odd)
        if odd == 246:
            chosen = [*chosen, (COMMENT, b"")]
        made = make(octets, time & (1 << 64) - 1, number, length, cap_len, self.order, chosen)
        if odd == 247:  # options that run over
            head = made[:8] + made[8:-4] + struct.pack(self.order + "HH", 1, 60_000)
            made = head[:4] + struct.pack(self.order + "I", len(head) + 4) + head[8:]
            made += struct.pack(self.order + "I", len(made) + 4)
        self.add(made)

    def entry(self, tape: Tape) -> None:
        kind = tape.octet() % 32
        if kind < 20:
            self.packet(tape, enhanced)
        elif kind < 23:
            self.packet(tape, simple)
        elif kind < 25:
            self.packet(tape, obsolete)
        elif kind < 27:
            self.interface(tape)
        elif kind < 31:
            self.other(tape)
        else:
            self.section(tape)
            if not tape.wrongly(8):
                self.interface(tape)


# --- damage ----------------------------------------------------------------------------------------------------------

DAMAGES = ("cut", "length", "trailer", "zeros", "huge", "magic", "flip", "none")
LENGTHS = (0, 8, 13, 17, 11, 0xFFFFFFFC, 0x7FFFFFFC, 0xFFFFFFFF)
HUGE = ((1 << 20) + 4, (17 << 20) + 4, 1 << 20, 17 << 20)


def damaged(blocks: list[tuple[bytes, str]], tape: Tape) -> bytes:
    """The file, with one thing wrong in it, or cut."""
    octets = [block for block, _ in blocks]
    kind = tape.pick(DAMAGES)
    place = tape.number(2)
    n = place % len(octets)
    made, order = blocks[n]
    if kind == "length":
        length = tape.pick(LENGTHS) if tape.octet() % 2 else len(made) + tape.pick([4, -4, 1, 8])
        octets[n] = made[:4] + struct.pack(order + "I", length & 0xFFFFFFFF) + made[8:]
    elif kind == "trailer":
        octets[n] = made[:-4] + struct.pack(order + "I", (len(made) + tape.pick([4, -4, 1, 1 << 24])) & 0xFFFFFFFF)
    elif kind == "zeros":
        octets.insert(n + 1, bytes(tape.pick([64, 63, 12, 4, 60, 68, 128, 1000])))
    elif kind == "huge":
        octets[n] = made[:4] + struct.pack(order + "I", tape.pick(HUGE)) + made[8:]
    elif kind == "magic":
        octets[n] = made[:8] + tape.octets(4) + made[12:]
    elif kind == "flip":
        wrong = bytearray(made)
        wrong[tape.octet() % len(wrong)] ^= tape.octet() or 1
        octets[n] = bytes(wrong)
    file = b"".join(octets)
    return file[: place * len(file) // 0xFFFF] if kind == "cut" else file


# --- strategies ------------------------------------------------------------------------------------------------------

LINK_TYPES = captures.LINK_TYPES[:1] * 3 + captures.LINK_TYPES + captures.UNKNOWN_LINK_TYPES + (249,)
ENTRIES = st.binary(min_size=40, max_size=80)


def written(entries: Iterable[bytes], wild: bool = True, link_types: tuple[int, ...] = LINK_TYPES) -> Writer:
    """The first entry is a section and an interface, the others as they say."""
    writer = Writer(link_types, wild)
    first, *rest = entries
    tape = Tape(first, wild)
    writer.section(tape)
    for _ in range((1, 1, 2, 1, 2, 3, 1, 0 if wild else 5)[tape.octet() % 8]):
        writer.interface(tape)
    for entry in rest:
        writer.entry(Tape(entry, wild))
    return writer


@st.composite
def st_pcapng(draw: Callable, most: int = 60, wild: bool = True, damage: bool = True) -> bytes:
    """A whole pcapng file: sections of either order, interfaces of many kinds, and where damage is allowed some."""
    few = st.lists(ENTRIES, min_size=1, max_size=min(8, most))
    entries = draw(few | st.lists(ENTRIES, min_size=most // 3, max_size=most))
    harm = draw(st.just(b"") | st.binary(min_size=8, max_size=8)) if damage else b""
    blocks = written(entries, wild).blocks
    return damaged(blocks, Tape(harm)) if harm else b"".join(block for block, _ in blocks)
