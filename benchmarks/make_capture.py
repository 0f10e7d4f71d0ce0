"""Write a capture of any size, the same for the same seed, whose mix resembles a day of CICIDS2017.

    python benchmarks/make_capture.py OUT.pcap --packets 3000000 --distinct 0.2 --seed 1
    python benchmarks/make_capture.py OUT.pcap --size 5GB

Classic pcap, Ethernet, microseconds. About 900 octets a packet and 25 packets a flow, a heavy tail of sources, 4 % DNS
(replies without an answer among them), TCP with handshakes, bulk transfers and scans, some UDP, ICMP, ARP and IPv6.
Lengths, sequence and acknowledgement numbers are consistent; checksums are left at zero and payloads are filler text.

`--distinct` is the share of distinct sequence numbers among the TCP packets. A low share means many bare ACKs of one
transfer; so that a packet still has 900 octets on average, its data then travels in frames of several segments merged
by receive offload, as they do in CICIDS2017 (its longest "packet" has 24,820 octets).

Packets are made in blocks of a fixed number, each from its own random stream, so that nothing depends on how much is
written, and a short capture is the beginning of a long one. Memory is bounded: a few hundred MiB for a block's arrays,
and 512 MiB of bitmap, touched only where used, to count the distinct sequence numbers exactly.
"""

import argparse
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Octets = NDArray[np.uint8]

BLOCK = 1 << 16  # packets made at a time
BLOCK_US = 160_000_000  # what they span, in microseconds
START_US = 1_499_169_600_000_000  # 2017-07-04, 12:00 UTC
MEAN_FRAME = 900

INSIDE = 1_000  # hosts 0 to 999 are ours,
OUTSIDE = 60_000  # the others are the world
HOSTS = INSIDE + OUTSIDE
RESOLVER = 3

SHARES = {"dns": 0.04, "udp": 0.03, "icmp": 0.006, "arp": 0.008, "neighbour": 0.003}  # the rest is TCP
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SERVER_PORTS = np.array([443, 443, 443, 443, 80, 80, 8080, 8443])


@dataclass
class Part:
    """Packets of one kind: when, how long on the wire, their first octets (16 left free for the record header)."""

    time: Ints
    size: Ints
    rows: Octets
    filled: Ints | None = None  # how much of each row is meant, where that differs
    host: Ints | None = None  # who sent it, where it is an IP packet
    v6: bool = False
    seq: Ints | None = None


def put(rows: Octets, column: int, values: Ints, dtype: str) -> None:
    """Write one integer field of every row, in the octet order that dtype names."""
    octets = values.astype(dtype).view(np.uint8).reshape(len(values), -1)
    rows[:, column : column + octets.shape[1]] = octets


def rows_of(count: int, template: str) -> Octets:
    """As many rows as asked: room for a record header, then these octets."""
    return np.tile(np.frombuffer(bytes(16) + bytes.fromhex(template), np.uint8), (count, 1))


# Who talks to whom.


def address(host: Ints) -> Ints:
    """10.9.x.y for ours; the others spread over 128.0.0.0/2, each its own (every step can be undone)."""
    x = (host * 0x2545F491) & 0x3FFFFFFF
    x ^= x >> 15
    x = (x * 0x1C69B3F5) & 0x3FFFFFFF
    x ^= x >> 14
    return np.where(host < INSIDE, 0x0A090001 + host, 0x80000000 + x)


def heavy(u: NDArray[np.float64], count: int) -> Ints:
    """Ranks 0 to count - 1, a few of them very often."""
    return np.minimum((np.exp(u * np.log(count + 1.0)) - 1).astype(np.int64), count - 1)


def insiders(rng: np.random.Generator, count: int) -> Ints:
    return heavy(rng.random(count), INSIDE)


def outsiders(rng: np.random.Generator, count: int) -> Ints:
    """Two thirds to the popular ones, the rest anywhere."""
    u, anywhere = rng.random(count), rng.random(count) < 0.35
    return INSIDE + np.where(anywhere, (u * OUTSIDE).astype(np.int64), heavy(u, OUTSIDE))


def put_ethernet(rows: Octets, source: Ints, target: Ints) -> None:
    for column, host in ((18, target), (24, source)):
        put(rows, column, np.where(host < INSIDE, host + 2, 1), ">u4")  # all the world is behind the gateway


def put_ipv4(rows: Octets, source: Ints, target: Ints, size: Ints, ident: Ints) -> None:
    """An IPv4 header and what is before it; size is the frame's without padding."""
    put_ethernet(rows, source, target)
    put(rows, 32, size - 14, ">u2")
    put(rows, 34, ident & 0xFFFF, ">u2")
    put(rows, 42, address(source), ">u4")
    put(rows, 46, address(target), ">u4")


def put_ipv6(rows: Octets, source: Ints, target: Ints, size: Ints) -> None:
    put_ethernet(rows, source, target)
    put(rows, 34, size - 54, ">u2")
    put(rows, 50, source, ">u4")
    put(rows, 66, target, ">u4")


ETHERNET = "0200 00000000 0200 00000000 "
IPV4 = ETHERNET + "0800 4500 0000 0000 4000 40{:02x} 0000 00000000 00000000 "
IPV6 = ETHERNET + "86dd 60000000 0000 {:02x}40 20010db8000000000000000000000000 20010db8000000000000000000000000 "


# TCP: whole connections side by side in flat arrays, one connection after the other.


@dataclass
class Connections:
    """Of each packet: connection, side (1 is the server), flags, whether it has data, and in the main direction."""

    flow: Ints
    side: Ints
    flags: Ints
    data: NDArray[np.bool_]
    bulk: NDArray[np.bool_]
    where: NDArray[np.float64]  # 0 to 1: how far into its connection
    first: Ints  # each connection's first packet
    probe: NDArray[np.bool_]  # a connection that is only a SYN, and perhaps a RST


def connections(rng: np.random.Generator, count: int, density: float) -> Connections:
    """As many packets of TCP as asked; density is the share of data packets between handshake and close."""
    most = count  # far more than are needed
    u, v = rng.random(most), rng.random(most)
    probe = v < 0.22
    tail = np.minimum(25.0 * ((1.0 - u) ** (-1 / 1.3) - 1.0), 6_000.0).astype(np.int64)
    length = np.where(probe, 1 + (u < 0.7), 7 + tail)
    flows = int(np.searchsorted(np.cumsum(length), count)) + 1
    length, probe = length[:flows], probe[:flows]
    first = np.cumsum(length) - length

    flow = np.repeat(np.arange(flows), length)[:count]
    at = np.arange(count) - first[flow]
    left = length[flow] - 1 - at
    full = ~probe[flow]
    main = (rng.random(flows) < 0.8).astype(np.int64)[flow]  # the side that sends most: mostly the server

    middle = full & (at >= 3) & (left >= 3)
    data = middle & (rng.random(count) < density)
    bulk = data & (rng.random(count) < 0.92)
    side = np.where(middle, np.where(bulk, main, 1 - main), at == 1)
    side[full & (left == 1)] = 1
    flags = np.full(count, ACK)
    flags[at == 0] = SYN
    flags[(at == 1) & full] = SYN | ACK
    flags[(at == 1) & ~full] = RST | ACK
    flags[full & ((left == 2) | (left == 1))] = FIN | ACK
    return Connections(flow, side, flags, data, bulk, (at + rng.random(count)) / length[flow], first, probe)


def sent_before(c: Connections, advance: Ints, side: int) -> Ints:
    """For each packet, how far that side of its connection has moved on before it."""
    own = np.where(c.side == side, advance, 0)
    total = np.cumsum(own) - own
    return total - total[c.first][c.flow]


def advances(c: Connections, payload: Ints) -> Ints:
    return payload + ((c.flags & (SYN | FIN)) != 0)


def distinct_share(c: Connections) -> float:
    moved = advances(c, c.data.astype(np.int64))
    place = np.where(c.side == 1, sent_before(c, moved, 1), sent_before(c, moved, 0))
    reset = (c.flags & RST) != 0  # these all have sequence number 0
    return len(np.unique(((c.flow * 2 + c.side) * BLOCK + place)[~reset])) / len(place)


@dataclass
class Shape:
    """What makes the wanted share of sequence numbers and the wanted mean length."""

    density: float
    short: float  # share of short segments in the main direction
    merged: float  # how many further segments a frame holds, on average


def find_shape(distinct: float) -> Shape:
    """Try densities on a sample: the share of distinct numbers grows with the share of data packets."""

    def sample(density: float) -> tuple[float, float]:
        made = [connections(np.random.default_rng([99, i]), BLOCK, density) for i in range(8)]
        return float(np.mean([distinct_share(c) for c in made])), float(np.mean([c.data.mean() for c in made]))

    low, high = 0.0, 1.0
    least, most = sample(low)[0], sample(high)[0]
    if not least <= distinct <= most:
        raise SystemExit(f"--distinct {distinct}: this mix can have from {least:.2f} to {most:.2f}")
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (middle, high) if sample(middle)[0] < distinct else (low, middle)
    data = sample(low)[1]
    others = 0.04 * 96 + 0.03 * 740 + 0.006 * 98 + 0.008 * 60 + 0.003 * 86
    per_tcp = (MEAN_FRAME - others) / (1 - sum(SHARES.values()))
    wanted = ((per_tcp - 61) / data - 0.08 * 370) / 0.92  # mean payload in the main direction
    segment, mean_short, few = 1454, 727, 0.12
    short = min(max((segment - wanted) / (segment - mean_short), few), 1.0)
    merged = max((wanted - few * mean_short) / ((1 - few) * segment) - 1, 0.0)
    return Shape(low, short, min(merged, 20.0))


def tcp(rng: np.random.Generator, count: int, begin: int, shape: Shape) -> Iterator[Part]:
    c = connections(rng, count, shape.density)
    flows = len(c.first)
    inside, outside = insiders(rng, flows), outsiders(rng, flows)
    inbound = rng.random(flows) < 0.3
    client, server = np.where(inbound, outside, inside), np.where(inbound, inside, outside)
    client_port = 32_768 + rng.integers(0, 28_000, flows)
    server_port = np.where(c.probe, rng.integers(1, 1024, flows), SERVER_PORTS[rng.integers(0, 8, flows)])
    stamped = rng.random(flows) < 0.5  # half of them use the timestamp option
    v6 = rng.random(flows) < 0.015
    isn = rng.integers(0, 1 << 32, (2, flows))
    start = rng.random(flows) * 0.9 * BLOCK_US
    span = np.minimum(-np.log(1.0 - rng.random(flows)) * 8e6, BLOCK_US - 1 - start)
    time = begin + (start[c.flow] + span[c.flow] * c.where).astype(np.int64)

    mss = (1460 - 12 * stamped - 20 * v6)[c.flow]
    u = rng.random(count)
    more = np.floor(rng.random(count) * 2 * shape.merged + rng.random(count)).astype(np.int64)
    full = np.where(u < shape.short, 1 + (rng.random(count) * (mss - 1)).astype(np.int64), mss * (1 + more))
    payload = np.where(c.bulk, full, np.where(c.data, 40 + (u * 660).astype(np.int64), 0))
    moved = advances(c, payload)
    sent = np.stack([sent_before(c, moved, 0), sent_before(c, moved, 1)]) + isn[:, c.flow]
    seq = np.where(c.flags & RST, 0, np.where(c.side == 1, sent[1], sent[0])) & 0xFFFFFFFF
    ack = np.where(c.flags & ACK, np.where(c.side == 1, sent[0], sent[1]), 0) & 0xFFFFFFFF
    flags = c.flags | np.where(c.data & (payload % mss != 0), PSH, 0)

    opening = (c.flags & SYN) != 0
    wide = (opening | stamped[c.flow]) & ((c.flags & RST) == 0)
    for is6 in (False, True):
        for options in (False, True):
            pick = np.flatnonzero((v6[c.flow] == is6) & (wide == options))
            f, side = c.flow[pick], c.side[pick]
            source, target = np.where(side == 1, server[f], client[f]), np.where(side == 1, client[f], server[f])
            ip = (IPV6 if is6 else IPV4).format(6)
            tail = "0101080a0000000000000000" if options else "" if is6 else "000000000000"  # options or padding
            rows = rows_of(len(pick), ip + "0000 0000 00000000 00000000 0000 0000 0000 0000" + tail)
            at = 70 if is6 else 50
            size = at - 16 + 20 + 12 * options + payload[pick]
            if is6:
                put_ipv6(rows, source, target, size)
            else:
                put_ipv4(rows, source, target, size, seq[pick] >> 3)
            put(rows, at, np.where(side == 1, server_port[f], client_port[f]), ">u2")
            put(rows, at + 2, np.where(side == 1, client_port[f], server_port[f]), ">u2")
            put(rows, at + 4, seq[pick], ">u4")
            put(rows, at + 8, ack[pick], ">u4")
            put(rows, at + 12, (0x8000 if options else 0x5000) + flags[pick], ">u2")
            put(rows, at + 14, 501 + f % 64_000, ">u2")
            if options:
                put(rows, at + 24, time[pick] // 1000 & 0xFFFFFFFF, ">u4")
                put(rows, at + 28, time[pick] // 1000 - 40 & 0xFFFFFFFF, ">u4")
                syn = np.frombuffer(bytes.fromhex("020405b40103030801010402"), np.uint8)
                rows[:, at + 20 : at + 32][opening[pick]] = syn
            yield Part(time[pick], np.maximum(size, 60), rows, host=source, v6=is6, seq=seq[pick])


# The others.


def some_time(rng: np.random.Generator, count: int, begin: int) -> Ints:
    return begin + (rng.random(count) * (BLOCK_US - 200_000)).astype(np.int64)


def dns_names() -> tuple[Octets, Ints]:
    """Two thousand names as they are on the wire, one a row, and their lengths."""
    rng = np.random.default_rng(53)
    parts = re.findall("..", "anbecodielfagohiinkalomaneorparasitaurve")
    names = []
    for top in ("com", "net", "org", "example", "test") * 400:
        labels = ["".join(parts[i] for i in rng.integers(0, 20, rng.integers(1, 7))) for _ in range(rng.integers(1, 4))]
        names.append(b"".join(bytes([len(x)]) + x.encode() for x in [*labels, top]) + b"\0")
    length = np.array([len(name) for name in names])
    table = np.zeros((len(names), int(length.max())), np.uint8)
    for row, name in zip(table, names, strict=True):
        row[: len(name)] = np.frombuffer(name, np.uint8)
    return table, length


def dns(rng: np.random.Generator, count: int, begin: int, names: tuple[Octets, Ints]) -> Part:
    """Questions and, 20 ms or so later, replies: one to four addresses, no such name, or nothing of that type."""
    table, lengths = names
    pairs = (count + 1) // 2
    pick = heavy(rng.random(pairs), len(table))
    client, ident, port = insiders(rng, pairs), rng.integers(0, 65536, pairs), 32_768 + rng.integers(0, 28_000, pairs)
    asked, delay = some_time(rng, pairs, begin), (rng.random(pairs) * 40_000).astype(np.int64)
    aaaa, nothing = rng.random(pairs) < 0.25, rng.random(pairs) < 0.15
    answers = np.where(aaaa | nothing, 0, 1 + rng.integers(0, 4, pairs))
    client = np.where(client == RESOLVER, RESOLVER + 1, client)

    def both(a: Ints, b: Ints) -> Ints:
        return np.concatenate([a, b])[:count]

    reply = both(np.zeros(pairs, np.int64), np.ones(pairs, np.int64))
    server = np.full(pairs, RESOLVER)
    found = both(np.zeros(pairs, np.int64), answers)
    length = both(lengths[pick], lengths[pick])
    name = table[np.concatenate([pick, pick])[:count]]
    size = 42 + 12 + length + 4 + 16 * found

    head = rows_of(count, IPV4.format(17) + "0000 0000 0000 0000 0000 0100 0001 0000 0000 0000")
    put_ipv4(head, both(client, server), both(server, client), size, both(ident, ident + 1))
    put(head, 50, both(port, np.full(pairs, 53)), ">u2")
    put(head, 52, both(np.full(pairs, 53), port), ">u2")
    put(head, 54, size - 34, ">u2")
    put(head, 58, both(ident, ident), ">u2")
    put(head, 60, np.where(reply, 0x8180 + 3 * both(nothing, nothing), 0x0100), ">u2")
    put(head, 64, found, ">u2")

    tail = rows_of(count, "0001 0001" + "c00c 0001 0001 00000e10 0004 00000000" * 4)[:, 16:]
    tail[:, 1] = np.where(both(aaaa, aaaa), 28, 1)
    for i in range(4):
        put(tail, 16 + 16 * i, address(INSIDE + (both(pick, pick) * 4 + i) % OUTSIDE), ">u4")

    rows = np.zeros((count, 70 + name.shape[1] + tail.shape[1]), np.uint8)
    rows[:, :70] = head
    rows[:, 70 : 70 + name.shape[1]] = name
    rows[np.arange(count)[:, None], 70 + length[:, None] + np.arange(tail.shape[1])] = tail
    return Part(both(asked, asked + delay), size, rows, filled=16 + size, host=both(client, server))


def udp(rng: np.random.Generator, count: int, begin: int) -> Part:
    """Streams of sixteen datagrams."""
    streams = count // 16 + 1
    stream = np.arange(count) // 16
    source, target = outsiders(rng, streams)[stream], insiders(rng, streams)[stream]
    size = 42 + 60 + rng.integers(0, 1200, count)
    rows = rows_of(count, IPV4.format(17) + "0000 0000 0000 0000")
    put_ipv4(rows, source, target, size, np.arange(count))
    put(rows, 50, (40_000 + rng.integers(0, 9_000, streams))[stream], ">u2")
    put(rows, 52, (50_000 + rng.integers(0, 9_000, streams))[stream], ">u2")
    put(rows, 54, size - 34, ">u2")
    return Part(some_time(rng, count, begin), size, rows, host=source)


def icmp(rng: np.random.Generator, count: int, begin: int) -> Part:
    """Echo requests and replies of 56 octets."""
    reply = np.arange(count) % 2
    pair = np.arange(count) // 2
    inside, outside = insiders(rng, count)[pair], outsiders(rng, count)[pair]
    source, target = np.where(reply, outside, inside), np.where(reply, inside, outside)
    time = some_time(rng, count, begin)[pair] + reply * 30_000
    size = np.full(count, 98)
    rows = rows_of(count, IPV4.format(1) + "0000 0000 0000 0000")
    put_ipv4(rows, source, target, size, pair)
    rows[:, 50] = np.where(reply, 0, 8)
    put(rows, 54, inside, ">u2")
    put(rows, 56, pair, ">u2")
    return Part(time, size, rows, host=source)


def arp(rng: np.random.Generator, count: int, begin: int) -> Part:
    source, target, reply = insiders(rng, count), insiders(rng, count), rng.random(count) < 0.5
    hardware = "0200 00000000 00000000 "
    rows = rows_of(count, ETHERNET + "0806 0001 0800 06 04 0001" + hardware * 2 + "00" * 18)
    put_ethernet(rows, source, np.where(reply, target, 0xFFFFFFFE))
    rows[~reply, 16:22] = 0xFF
    rows[:, 37] = np.where(reply, 2, 1)
    put(rows, 40, source + 2, ">u4")
    put(rows, 44, address(source), ">u4")
    put(rows, 50, np.where(reply, target + 2, 0), ">u4")
    put(rows, 54, address(target), ">u4")
    return Part(some_time(rng, count, begin), np.full(count, 60), rows)


def neighbour(rng: np.random.Generator, count: int, begin: int) -> Part:
    """IPv6 neighbour solicitations with their source's link-layer address."""
    source, target = insiders(rng, count), insiders(rng, count)
    size = np.full(count, 86)
    rows = rows_of(count, IPV6.format(58) + "87000000 00000000 20010db8000000000000000000000000 0101 0200 00000000")
    put_ipv6(rows, source, target, size)
    rows[:, 37] = 255
    put(rows, 90, target, ">u4")
    put(rows, 98, source + 2, ">u4")
    return Part(some_time(rng, count, begin), size, rows, host=source, v6=True)


# Putting them together.


def make_block(seed: int, number: int, shape: Shape, names: tuple[Octets, Ints]) -> list[Part]:
    rng = np.random.default_rng([seed, number])
    begin = START_US + number * BLOCK_US
    counts = {kind: round(share * BLOCK) for kind, share in SHARES.items()}
    parts = [
        dns(rng, counts["dns"], begin, names),
        udp(rng, counts["udp"], begin),
        icmp(rng, counts["icmp"], begin),
        arp(rng, counts["arp"], begin),
        neighbour(rng, counts["neighbour"], begin),
    ]
    return parts + list(tcp(rng, BLOCK - sum(counts.values()), begin, shape))


class Distinct:
    """How many different numbers there were, exactly: a bit for each of 2**32, in memory touched only where used."""

    def __init__(self) -> None:
        self.bits = np.zeros(1 << 29, np.uint8)
        self.count = 0

    def add(self, values: Ints) -> None:
        values = np.unique(values)
        if not len(values):
            return
        where = values >> 3
        starts = np.flatnonzero(np.diff(where, prepend=-1))
        new = np.bitwise_or.reduceat((1 << (values & 7)).astype(np.uint8), starts)
        where = where[starts]
        old = self.bits[where]
        self.count += int(np.bitwise_count(new & ~old).sum())
        self.bits[where] = old | new


def make_capture(path: Path, packets: int | None, size: int | None, distinct: float, seed: int) -> str:
    """Write it and say in one line what was made; size, in octets, is the most the file may have."""
    shape, names = find_shape(distinct), dns_names()
    text = np.frombuffer(b"The quick brown fox jumps over the lazy dog while packets go by, one by one. ", np.uint8)
    buffer = filler = np.empty(0, np.uint8)
    seen = np.zeros((2, HOSTS), bool)
    numbers, tcp_packets, made, octets, number = Distinct(), 0, 0, 24, 0
    with open(path, "wb", buffering=0) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        more = True
        while more:
            parts = make_block(seed, number, shape, names)
            time = np.concatenate([part.time for part in parts])
            lengths = np.concatenate([part.size for part in parts])
            order = np.argsort(time, kind="stable")
            ends = np.cumsum(16 + lengths[order])
            keep = len(time) if packets is None else min(len(time), packets - made)
            if size is not None:
                keep = min(keep, int(np.searchsorted(ends, size - octets, side="right")))
            offsets = np.empty_like(ends)
            offsets[order] = ends - lengths[order] - 16
            rank = np.empty_like(order)
            rank[order] = np.arange(len(order))
            if len(buffer) < ends[-1]:
                filler = np.resize(text, int(ends[-1] * 1.2))
                buffer = np.empty_like(filler)
            np.copyto(buffer, filler)
            base = 0
            for part in parts:
                count = len(part.time)
                put(part.rows, 0, part.time // 1_000_000, "<u4")
                put(part.rows, 4, part.time % 1_000_000, "<u4")
                put(part.rows, 8, part.size, "<u4")
                put(part.rows, 12, part.size, "<u4")
                columns = np.arange(part.rows.shape[1])
                index = offsets[base : base + count, None] + columns
                if part.filled is None:
                    buffer[index] = part.rows
                else:
                    meant = columns < part.filled[:, None]
                    buffer[index[meant]] = part.rows[meant]
                kept = rank[base : base + count] < keep
                if part.host is not None:
                    seen[int(part.v6), part.host[kept]] = True
                if part.seq is not None:
                    numbers.add(part.seq[kept])
                    tcp_packets += int(kept.sum())
                base += count
            written = int(ends[keep - 1]) if keep else 0
            view = memoryview(buffer)[:written]
            while view:
                view = view[file.write(view) :]
            made, octets, number = made + keep, octets + written, number + 1
            more = keep == len(time) and made != packets
    share = numbers.count / max(tcp_packets, 1)
    return (
        f"{path.name}: {made:,} packets, {octets:,} octets, {int(seen[0].sum()):,} IPv4 sources, "
        f"{int(seen[1].sum()):,} IPv6 sources, {tcp_packets:,} of TCP with {numbers.count:,} distinct sequence numbers "
        f"({share:.1%})"
    )


def octets_of(text: str) -> int:
    """5GB, 100MB, 64MiB or a plain number."""
    units = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "GB": 10**9, "MB": 10**6, "kB": 10**3}
    for unit, factor in units.items():
        if text.endswith(unit):
            return int(float(text.removesuffix(unit)) * factor)
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--packets", type=int, help="how many packets (3,000,000 where no size is given)")
    parser.add_argument("--size", type=octets_of, help="at most so many octets, such as 5GB")
    parser.add_argument("--distinct", type=float, default=0.2, help="distinct sequence numbers per TCP packet")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    packets = args.packets if args.packets or args.size else 3_000_000
    print(make_capture(args.out, packets, args.size, args.distinct, args.seed))


if __name__ == "__main__":
    main()
