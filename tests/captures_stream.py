"""TCP connections as captures: with loss, disorder and repetition; wild ones; payloads cut into segments."""

from __future__ import annotations

import itertools
import random
import struct

from naive_stream import ACK, FIN, RST, SYN

EPOCH = 10**18  # ns
RAW = 101
Row = tuple[int, bytes]  # time, octets
GAPS = [1_000, 100_000, 1_000_000, 2_500_000, 5_000_000, 25_000_000, 300_000_000]  # ns


def packet(
    way: int,
    seq: int,
    ack: int,
    flags: int,
    payload: bytes = b"",
    window: int = 1000,
    ports: tuple[int, int] = (4000, 9999),
) -> bytes:
    """A segment from one of two ends (way 0: from the client)."""
    ends = [(bytes([10, 0, 0, 1]), ports[0]), (bytes([10, 0, 0, 2]), ports[1])]
    (source, sport), (destination, dport) = ends[way], ends[1 - way]
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32, 0x50, flags, window, 0, 0) + payload
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + source + destination + tcp


def file_of(rows: list[Row]) -> bytes:
    head = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, RAW)
    return head + b"".join(
        struct.pack("<IIII", time // 10**9, time % 10**9, len(octets), len(octets)) + octets for time, octets in rows
    )


def wild(chance: random.Random, count: int = 60, ports: int = 2) -> list[Row]:
    """Anything at all, close enough together that it matters."""
    time, rows = EPOCH, []
    base = [chance.choice([1000, 0xFFFFFFF0]), chance.choice([5000, 0xFFFFFF00])]
    for _ in range(count):
        time += chance.choice(GAPS)
        way = chance.randrange(2)
        flags = chance.choice([ACK] * 9 + [SYN, SYN | ACK, FIN | ACK, RST, RST | ACK, 0])
        payload = bytes(chance.choice([0, 0, 0, 1, 2, 3, 10]))
        seq, ack = base[way] + chance.randrange(12), base[1 - way] + chance.randrange(12) if flags & ACK else 0
        window = chance.choice([100] * 6 + [0, 200])
        where = (4000 + chance.randrange(ports), 9999)
        rows.append((time, packet(way, seq, ack, flags, payload, window, where)))
    return rows


class _Talk:
    """One connection as it is captured between its ends."""

    def __init__(self, chance: random.Random, port: int):
        self.chance, self.ports = chance, (port, 9999)
        self.time = EPOCH + chance.randrange(10**8)
        self.next = [chance.randrange(2**32), chance.randrange(2**32)]
        self.acknowledged = list(self.next)
        self.window = [chance.choice([1000, 65535]), chance.choice([1000, 65535])]
        self.sent: list[list[tuple[int, int]]] = [[], []]
        self.rows: list[Row] = []

    def send(self, way: int, seq: int, flags: int, payload: bytes = b"") -> None:
        ack = self.acknowledged[1 - way] if flags & ACK else 0
        self.rows.append((self.time, packet(way, seq, ack, flags, payload, self.window[way], self.ports)))

    def shake_hands(self) -> None:
        self.send(0, self.next[0], SYN)
        if self.chance.random() < 0.2:
            self.time += 10**6
            self.send(0, self.next[0], SYN)
        self.time += self.chance.choice([10**5, 10**6, 10**7])
        self.next[0] += 1
        self.acknowledged[0] += 1
        self.send(1, self.next[1], SYN | ACK)
        self.time += self.chance.choice([10**5, 10**6, 10**7])
        self.next[1] += 1
        self.acknowledged[1] += 1
        self.send(0, self.next[0], ACK)

    def step(self) -> None:
        chance, way, what = self.chance, self.chance.randrange(2), self.chance.random()
        self.time += chance.choice(GAPS)
        if what < 0.4:
            size = chance.choice([1, 5, 100, 500])
            self.sent[way].append((self.next[way], size))
            self.send(way, self.next[way], ACK, bytes(size))
            self.next[way] += size
        elif what < 0.65:
            if self.sent[1 - way]:
                seq, size = chance.choice(self.sent[1 - way])
                self.acknowledged[1 - way] = max(self.acknowledged[1 - way], seq + size)
            self.send(way, self.next[way], ACK)
        elif what < 0.75:
            self.send(way, self.next[way], ACK)
        elif what < 0.84 and self.sent[way]:
            seq, size = chance.choice(self.sent[way])
            self.send(way, seq, ACK, bytes(size))
        elif what < 0.88:
            self.send(way, self.next[way] - 1, ACK, bytes(chance.randrange(2)))
        elif what < 0.91:
            self.next[way] += 100  # what was not captured
        elif what < 0.95:
            self.window[way] = chance.choice([0, 500, 1000])
            self.send(way, self.next[way], ACK)
        elif what < 0.97:
            self.send(way, self.next[way], chance.choice([FIN, RST]) | ACK)
        elif self.rows:
            self.rows.append((self.time, self.rows[-1][1]))


def troubled(chance: random.Random, count: int = 60, ports: int = 3) -> list[Row]:
    """Connections with loss, disorder, probes and repetition."""
    rows: list[Row] = []
    for port in range(ports):
        talk = _Talk(chance, 4000 + port)
        if chance.random() < 0.8:
            talk.shake_hands()
        for _ in range(count):
            talk.step()
        octets = [row[1] for row in talk.rows]
        for at in range(len(octets) - 1):
            if chance.random() < 0.08:
                octets[at], octets[at + 1] = octets[at + 1], octets[at]
        rows += [(row[0], one) for row, one in zip(talk.rows, octets, strict=True) if chance.random() > 0.04]
    return sorted(rows, key=lambda row: row[0])


def segments(chance: random.Random, payload: bytes, ports: tuple[int, int], most: int = 8) -> list[bytes]:
    """A payload in pieces of any size, after a SYN."""
    start = chance.randrange(2**32)
    cuts = sorted({0, len(payload), *(chance.randrange(len(payload) + 1) for _ in range(chance.randrange(most)))})
    pieces = [(a, payload[a:b]) for a, b in itertools.pairwise(cuts)]
    syn = packet(0, start - 1, 0, SYN, ports=ports)
    return [syn] + [packet(0, start + at, 1, ACK, piece, ports=ports) for at, piece in pieces]


def numbered(size: int, content: bytes) -> bytes:
    return len(content).to_bytes(size, "big") + content


def extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2, "big") + numbered(2, content)


def handshake(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + numbered(3, bytes([3, 3]) + bytes(32) + body)


def client_message() -> bytes:
    name = extension(0, numbered(2, b"\0" + numbered(2, b"www.example.org")))
    others = (
        extension(10, numbered(2, b"\0\x1d\0\x17")) + extension(13, numbered(2, b"\4\3")) + extension(21, bytes(300))
    )
    return handshake(1, numbered(1, bytes(32)) + numbered(2, b"\x13\1\xc0\x2b") + b"\1\0" + numbered(2, name + others))


def record(content: bytes) -> bytes:
    return b"\x16\3\1" + numbered(2, content)


def client_hello() -> bytes:
    return record(client_message())


def server_hello() -> bytes:
    return record(handshake(2, b"\0\xc0\x2b\0" + numbered(2, extension(65281, b"\0") + extension(11, b"\1\0"))))


def hello_in_records() -> bytes:
    """After a change of cipher, as the second hello of a client."""
    message = client_message()
    return b"\x14\3\3\0\1\1" + record(message[:100]) + record(message[100:300]) + record(message[300:])


def dns_message() -> bytes:
    question = b"\3www\7example\3org\0\0\1\0\1"
    answer = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
    return numbered(2, b"\x12\x34\x81\x80\0\1\0\3\0\0\0\0" + question + answer * 3)


__all__ = [
    "EPOCH",
    "client_hello",
    "dns_message",
    "file_of",
    "hello_in_records",
    "packet",
    "segments",
    "server_hello",
    "troubled",
    "wild",
]
