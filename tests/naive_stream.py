"""The slow twin of csrc/stream: what is told of TCP segments by those before them, as docs/decoding.md says it.

`analyse` gives a row a packet: the four columns `tcp_stream`, `tcp_analysis_*`, or None where it is no TCP segment.
`joined` gives the messages that segments complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

FIN, SYN, RST, ACK = 1, 2, 4, 16
ROUND = 1 << 32
MILLISECOND = 1_000_000
COLUMNS = ["tcp_stream", "tcp_analysis_retransmission", "tcp_analysis_duplicate_ack", "tcp_analysis_ack_rtt"]


class Segment(NamedTuple):
    """A TCP segment over IPv4: an end is (address, port)."""

    time: int
    source: tuple[bytes, int]
    destination: tuple[bytes, int]
    seq: int
    ack: int
    flags: int
    window: int
    payload: bytes


def segment_of(time: int, octets: bytes) -> Segment:
    """Read a packet of link type 101: IPv4 without options, TCP."""
    offset = octets[32] >> 4
    number = lambda at, size: int.from_bytes(octets[at : at + size], "big")  # noqa: E731
    return Segment(
        time, (octets[12:16], number(20, 2)), (octets[16:20], number(22, 2)), number(24, 4), number(28, 4), octets[33],
        number(34, 2), octets[20 + 4 * offset :],
    )  # fmt: skip


def after(a: int, b: int) -> bool:
    return 0 < (a - b) % ROUND < ROUND // 2


@dataclass
class Sender:
    begin: int | None = None  # the number before its first octet
    next: int | None = None  # expected next, since:
    next_time: int = 0
    acknowledged: int | None = None  # last, at:
    ack_time: int = 0
    window: int | None = None
    repeated: int = 0  # acknowledgments in a row that do nothing else
    kept_alive: bool = False
    waiting: list[tuple[int, int]] = field(default_factory=list)  # (end, time) of segments not acknowledged yet


@dataclass
class Connection:
    number: int
    senders: dict[tuple[bytes, int], Sender]
    asked: int | None = None
    trip: int = 0


def analyse(segments: Iterable[Segment]) -> list[dict[str, int | None]]:
    connections: dict[frozenset[tuple[bytes, int]], Connection] = {}
    rows: list[dict[str, int | None]] = []
    count = 0
    for segment in segments:
        key = frozenset((segment.source, segment.destination))
        connection = connections.get(key)
        if connection is not None and segment.flags & (SYN | ACK) == SYN:
            begin = connection.senders[segment.source].begin
            if begin is not None and begin != segment.seq:
                connection = None
        if connection is None:
            connection = Connection(count, {end: Sender() for end in key})
            connections[key] = connection
            count += 1
        rows.append({"tcp_stream": connection.number} | judged(connection, segment))
    return rows


def judged(connection: Connection, segment: Segment) -> dict[str, int | None]:
    mine, other = connection.senders[segment.source], connection.senders[segment.destination]
    length, flags = len(segment.payload), segment.flags
    end = (segment.seq + length + bool(flags & (SYN | FIN))) % ROUND
    quiet = not flags & (SYN | FIN | RST)
    if mine.begin is None or flags & SYN:
        mine.begin = segment.seq if flags & SYN else (segment.seq - 1) % ROUND
    if other.begin is None and flags & ACK:
        other.begin = (segment.ack - 1) % ROUND
    if flags & (SYN | ACK) == SYN and not connection.trip:
        connection.asked = segment.time

    probe = length == 1 and segment.seq == mine.next and other.window == 0
    before_next = mine.next is not None and segment.seq == (mine.next - 1) % ROUND
    alive = not probe and length <= 1 and quiet and before_next
    duplicate = (
        not probe and length == 0 and quiet and segment.window == mine.window != 0 and segment.seq == mine.next
        and segment.ack == mine.acknowledged and not other.kept_alive
    )  # fmt: skip
    mine.repeated = mine.repeated + duplicate if segment.ack == mine.acknowledged else 0

    again = False
    if not alive:
        counts = length > 0 or flags & (SYN | FIN)
        whole = (segment.seq + length) % ROUND
        if length and other.acknowledged is not None and not after(whole, other.acknowledged):
            again = True
        elif counts and mine.next is not None and after(mine.next, segment.seq) and not (length > 1 and before_next):
            lost = other.repeated >= 2 and segment.seq == other.acknowledged
            lost = lost and segment.time - other.ack_time < 20 * MILLISECOND
            limit = connection.trip or 3 * MILLISECOND
            again = lost or segment.time - mine.next_time >= limit or end == mine.next

    if not connection.trip and connection.asked is not None and flags & (SYN | ACK) == ACK:
        connection.trip = segment.time - connection.asked
    if mine.next is None or (after(end, mine.next) and not probe):
        mine.next, mine.next_time = end, segment.time
    if length or flags & (SYN | FIN):
        mine.waiting.append((end, segment.time))
    trips = [segment.time - time for other_end, time in other.waiting if other_end == segment.ack]
    other.waiting = [one for one in other.waiting if after(one[0], segment.ack)]
    mine.kept_alive, mine.window = alive, segment.window
    mine.acknowledged, mine.ack_time = segment.ack if flags & ACK else None, segment.time
    return {
        "tcp_analysis_retransmission": int(again),
        "tcp_analysis_duplicate_ack": int(duplicate),
        "tcp_analysis_ack_rtt": (trips[0] or None) if trips else None,
    }
