"""The slow twin of flows: both variants, packet by packet and list by list, for records of `naive_pcap.Record`.

Nothing is streamed: a flow keeps its packets, and every feature is computed from the list at the end, variances from
exact integer sums. Names are the published ones without their leading blank; what 2017 had not has its 2021 name.
"""

from __future__ import annotations

import base64
import hashlib
import math
import socket
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from naive_flow_packets import ACK, CWR, EARLY, ECE, FIN, MOST_FINGERPRINTS, PSH, RST, SYN, URG, Options, Seen, accept

# ------------------------------------------------------------------------------------------------------------- flows


class Orientation(NamedTuple):
    src: bytes
    dst: bytes
    sport: int
    dport: int

    def turned(self) -> Orientation:
        return Orientation(self.dst, self.src, self.dport, self.sport)


@dataclass
class Past:
    """What a flow leaves to the next one under its key."""

    orientation: Orientation
    last: int
    connection: int
    closed: bool
    named: Orientation
    fingerprints: set[tuple] = field(default_factory=set)
    exact: bool = True


@dataclass
class Flow:
    protocol: int
    orientation: Orientation
    first: Seen
    named: Orientation  # the order in its Flow ID: compat="fork" keeps that of the first flow under a key
    before: int = 0  # connection time of the parts before
    packets: list[Seen] = field(default_factory=list)
    forward: list[bool] = field(default_factory=list)
    last: int = 0
    last_ns: int = 0
    state: str = "open"
    by_rst: bool = False
    fins: set[bool] = field(default_factory=set)
    fingerprints: set[tuple] = field(default_factory=set)
    exact: bool = True
    retrans: list[bool] = field(default_factory=list)  # directions
    quiet_end: bool = False  # cic: the last packet is the FIN that ended it
    reason: str = "end"

    @property
    def start(self) -> int:
        return self.first.us

    def past(self, split: bool) -> Past:
        connection = self.before + self.last - self.start
        past = Past(self.orientation, self.last, connection, self.state == "closed", self.named)
        if split:
            past.fingerprints, past.exact = self.fingerprints, self.exact
        return past


class Naive:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.table: OrderedDict[tuple, Flow] = OrderedDict()  # the one touched longest ago first
        self.tombs: OrderedDict[tuple, Past] = OrderedDict()
        self.done: list[Flow] = []
        self.last_tcp = -1
        self.greatest: int | None = None
        self.evicted = self.forgotten = 0
        self.copies: dict[bytes, int] = {}
        self.flow_of: dict[int, tuple[int, int]] = {}  # frame number: flow_id, direction

    def key(self, p: Seen) -> tuple:
        here, there = (p.src, p.sport), (p.dst, p.dport)
        if self.options.cic and p.src == p.dst:
            return (here, there, p.protocol)
        return (*sorted((here, there)), p.protocol)

    def close(self, key: tuple, reason: str, tomb: bool) -> Flow:
        flow = self.table.pop(key)
        flow.reason = reason
        if flow.state == "closed" and reason != "evicted":
            flow.reason = "rst" if flow.by_rst else "fin"
        if len(flow.packets) >= self.options.min_packets:
            self.done.append(flow)
        if tomb:
            if len(self.tombs) == self.options.max_flows:
                self.tombs.popitem(last=False)
                self.forgotten += 1
            self.tombs[key] = flow.past(split=False)
        return flow

    def stale(self, flow: Flow) -> bool:
        since = flow.start if self.options.cic else flow.last
        return not self.options.fork and self.greatest - since > self.options.flow_timeout_us + EARLY

    def packet(self, p: Seen) -> None:
        if p.protocol == 6:
            self.last_tcp = p.header
        if not p.wanted:
            return
        if p.header is None:
            p = p._replace(header=self.last_tcp)
        self.greatest = p.us if self.greatest is None else max(self.greatest, p.us)
        while self.table:
            key, oldest = next(iter(self.table.items()))
            if not self.stale(oldest):
                break
            self.close(key, "timeout", tomb=True)
        key = self.key(p)
        flow = self.table.get(key)
        if flow is not None and self.stale(flow):
            self.close(key, "timeout", tomb=True)
            flow = None
        past = None
        if flow is not None:
            past = self.split(key, flow, p)
            if past is None:
                self.table.move_to_end(key)
                self.add(flow, p)
                if self.options.cic and p.flags & FIN:
                    flow.quiet_end = True
                    self.close(key, "fin", tomb=False)
                return
        else:
            past = self.tombs.pop(key, None)
        if len(self.table) == self.options.max_flows:
            self.close(next(iter(self.table)), "evicted", tomb=True)
            self.evicted += 1
        self.table[key] = self.opened(p, past)

    def split(self, key: tuple, flow: Flow, p: Seen) -> Past | None:
        """The past that a flow leaves when this packet does not belong to it any more."""
        late = p.us - flow.start > self.options.flow_timeout_us
        if self.options.cic:
            if not late:
                return None
            return self.close(key, "timeout", tomb=False).past(split=True)
        if p.protocol in (1, 58):
            code, kind = p.icmp_code != flow.first.icmp_code, p.icmp_type != flow.first.icmp_type
            if (code and kind) if self.options.fork else (code or kind):
                return self.close(key, "timeout" if late else "end", tomb=False).past(split=True)
        if late or (p.protocol == 6 and flow.state == "closed" and p.flags & SYN):
            return self.close(key, "timeout", tomb=False).past(split=True)
        return None

    def continues(self, past: Past, p: Seen) -> bool:
        """Whether the flow that this packet opens goes on where the one before it ended."""
        if p.protocol == 6:
            return not (past.closed and p.flags & SYN)
        return p.protocol == 17 and p.us - past.last <= self.options.flow_timeout_us

    def opened(self, p: Seen, past: Past | None) -> Flow:
        own = Orientation(p.src, p.dst, p.sport, p.dport)
        flow = Flow(p.protocol, own, p, own)
        if self.options.cic:
            if past is not None:
                flow.orientation = past.orientation
            self.add(flow, p)
            return flow
        if past is None or not self.continues(past, p):
            if p.protocol == 6 and p.flags & SYN and p.flags & ACK:
                flow.orientation = own.turned()
            flow.named = past.named if past is not None and self.options.fork else flow.orientation
        else:
            flow.orientation, flow.named = past.orientation, past.named
            gap = p.us - past.last
            flow.before = past.connection + (gap if self.options.fork else max(0, gap))
            flow.fingerprints, flow.exact = past.fingerprints, past.exact
        self.add(flow, p)
        return flow

    def add(self, flow: Flow, p: Seen) -> None:
        opening = not flow.packets
        forward = p.src == flow.orientation.src
        flow_direction = 0 if (p.src, p.sport) == (flow.first.src, flow.first.sport) or p.src == p.dst else 1
        self.flow_of[p.number] = (flow.first.number, flow_direction)
        if self.options.cic and opening:
            forward = True
        flow.packets.append(p)
        flow.forward.append(forward)
        if opening or self.options.cic or self.options.fork or p.us >= flow.last:
            flow.last = p.us
        if opening or self.options.cic or self.options.fork or p.ns >= flow.last_ns:
            flow.last_ns = p.ns
        if self.options.cic or p.protocol != 6:
            return
        if self.options.fork or p.payload or p.flags & (SYN | FIN):
            print_of = (p.src == min(p.src, p.dst), p.seq, p.ack, p.payload, p.window)
            if print_of in flow.fingerprints:
                flow.retrans.append(forward)
            elif len(flow.fingerprints) < MOST_FINGERPRINTS:
                flow.fingerprints.add(print_of)
            else:
                flow.exact = False
        if p.flags & FIN:
            flow.fins.add(forward)
            if not opening:
                if flow.state == "open":
                    flow.state = "fin1"
                elif flow.state == "fin1" and len(flow.fins) == 2:
                    flow.state = "fin2"
        elif opening:
            pass
        elif p.flags & RST:
            flow.by_rst |= flow.state != "closed"
            flow.state = "closed"
        elif p.flags & ACK and flow.state == "fin2":
            flow.state = "closed"

    def finish(self) -> list[Flow]:
        for key in list(self.table):
            self.close(key, "end" if not self.greatest or not self.stale(self.table[key]) else "timeout", tomb=False)
        return sorted(self.done, key=lambda flow: (flow.first.ns, flow.first.number))


# ---------------------------------------------------------------------------------------------------------- features


def variance(values: list[int]) -> float:
    n = len(values)
    if n < 2:
        return 0.0
    total = sum(values)
    return (n * sum(value * value for value in values) - total * total) / (n * (n - 1))


def mean(values: list[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def four(prefix: str, values: list[int], order: str = "Mean Std Max Min") -> dict[str, float]:
    made = {
        "Mean": mean(values),
        "Std": math.sqrt(variance(values)),
        "Max": float(max(values, default=0)),
        "Min": float(min(values, default=0)),
        "Total": float(sum(values)),
    }
    return {f"{prefix} {name}": made[name] for name in order.split()}


def ratio(a: float, b: float) -> float:
    """a / b as IEEE 754 has it."""
    if b:
        return a / b
    return math.nan if a == 0 else math.copysign(math.inf, a)


def differences(times: list[int], clamp: bool) -> list[int]:
    values = []
    last = None
    for time in times:
        if last is not None:
            values.append(max(0, time - last) if clamp else time - last)
        last = time if last is None or not clamp else max(last, time)
    return values


def active_idle(flow: Flow, times: list[int], options: Options) -> tuple[list[int], list[int]]:
    active: list[int] = []
    idle: list[int] = []
    a0 = a1 = times[0]
    for time in times[1:-1] if flow.quiet_end else times[1:]:
        if time - a1 > options.activity_timeout_us:
            if a1 - a0 > 0:
                active.append(a1 - a0)
            idle.append(time - a1)
            a0 = time
        a1 = time
    if options.flush_last_active and a1 - a0 > 0:
        active.append(a1 - a0)
    return active, idle


def bulks(flow: Flow, times: list[int]) -> dict[bool, tuple[float, float, float]]:
    start, last, count, size = ({True: 0, False: 0} for _ in range(4))
    totals = {True: [0, 0, 0, 0], False: [0, 0, 0, 0]}  # bulks, packets, bytes, duration
    for p, d, time in zip(flow.packets, flow.forward, times, strict=True):
        if last[not d] > start[d]:
            start[d] = 0
        if p.payload == 0:
            continue
        if start[d] == 0 or time - last[d] > 1_000_000:
            start[d] = last[d] = time
            count[d], size[d] = 1, p.payload
            continue
        count[d] += 1
        size[d] += p.payload
        if count[d] == 4:
            totals[d][0] += 1
            totals[d][1] += 4
            totals[d][2] += size[d]
            totals[d][3] += time - start[d]
        elif count[d] > 4:
            totals[d][1] += 1
            totals[d][2] += p.payload
            totals[d][3] += time - last[d]
        last[d] = time
    return {
        d: (
            octets / number if number else 0.0,
            packets / number if number else 0.0,
            octets / (duration / 1e6) if duration else 0.0,
        )
        for d, (number, packets, octets, duration) in totals.items()
    }


def flow_row(flow: Flow, options: Options) -> dict[str, object]:
    cic, fork, first = options.cic, options.fork, flow.first
    packets, clamp = flow.packets, not (cic or fork)
    ways = list(zip(packets, flow.forward, strict=True))
    ahead, back = [p for p, forward in ways if forward], [p for p, forward in ways if not forward]
    n, n_f, n_b = len(packets), len(ahead), len(back)
    duration = flow.last - flow.start
    seconds = duration / 1e6
    total_f, total_b = sum(p.payload for p in ahead), sum(p.payload for p in back)
    total = total_f + total_b
    o = flow.orientation
    src, dst = address(o.src), address(o.dst)
    row: dict[str, object] = {"Flow ID": flow_id(flow, options)}
    row |= {"Source IP": src, "Source Port": o.sport, "Destination IP": dst, "Destination Port": o.dport}
    row |= {"Protocol": flow.protocol, "Timestamp": first.ns, "Flow Duration": duration}
    row |= {"Total Fwd Packets": n_f, "Total Backward Packets": n_b}
    row |= {"Total Length of Fwd Packets": float(total_f), "Total Length of Bwd Packets": float(total_b)}
    for name, group in (("Fwd", ahead), ("Bwd", back)):
        row |= four(f"{name} Packet Length", [p.payload for p in group], "Max Min Mean Std")
    if cic:
        row |= {"Flow Bytes/s": ratio(total, seconds), "Flow Packets/s": ratio(n, seconds)}
    elif duration == 0 or (duration < 0 and not fork):
        row |= {"Flow Bytes/s": -1.0, "Flow Packets/s": -1.0}
    else:
        row |= {"Flow Bytes/s": total / seconds, "Flow Packets/s": n / seconds}
    row |= four("Flow IAT", differences([p.us for p in packets], clamp), "Mean Std Max Min")
    for name, group in (("Fwd", ahead), ("Bwd", back)):
        row |= four(f"{name} IAT", differences([p.us for p in group], clamp), "Total Mean Std Max Min")
    counted_f, counted_b = ([first], []) if cic else (ahead, back)
    for flag, bit in (("PSH", PSH), ("URG", URG)):
        row[f"Fwd {flag} Flags"] = sum(bool(p.flags & bit) for p in counted_f)
        row[f"Bwd {flag} Flags"] = sum(bool(p.flags & bit) for p in counted_b)
    row |= {"Fwd Header Length": sum(p.header for p in ahead), "Bwd Header Length": sum(p.header for p in back)}
    row["Fwd Packets/s"] = n_f / seconds if duration > 0 else 0.0
    row["Bwd Packets/s"] = n_b / seconds if duration > 0 else 0.0
    lengths = [p.payload for p in packets] + ([first.payload] if cic else [])
    row |= {"Min Packet Length": float(min(lengths)), "Max Packet Length": float(max(lengths))}
    row |= {"Packet Length Mean": mean(lengths), "Packet Length Std": math.sqrt(variance(lengths))}
    row["Packet Length Variance"] = variance(lengths)
    bits = {"FIN": FIN, "SYN": SYN, "RST": RST, "PSH": PSH, "ACK": ACK, "URG": URG, "CWE": CWR, "ECE": ECE}
    if cic:  # the columns hold others than they are named after
        bits = {"FIN": RST, "SYN": PSH, "RST": ECE, "PSH": SYN, "ACK": ACK, "URG": FIN, "CWE": URG, "ECE": CWR}
    for name, bit in bits.items():
        row[f"{name} Flag Count"] = sum(bool(p.flags & bit) for p in counted_f + counted_b)
    if cic:
        row["Down/Up Ratio"] = float(n_b // n_f)
    else:
        row["Down/Up Ratio"] = n_b / n_f if n_f else 0.0
    row["Average Packet Size"] = sum(lengths) / n
    row |= {
        "Avg Fwd Segment Size": total_f / n_f if n_f else 0.0,
        "Avg Bwd Segment Size": total_b / n_b if n_b else 0.0,
    }
    times = [p.us for p in packets]
    if clamp:  # nothing arrives before what arrived before it
        for i in range(1, n):
            times[i] = max(times[i], times[i - 1])
    made = {True: (0, 0, 0), False: (0, 0, 0)} if cic else bulks(flow, times)
    for name, forward in (("Fwd", True), ("Bwd", False)):
        for what, value in zip(("Bytes/Bulk", "Packets/Bulk", "Bulk Rate"), made[forward], strict=True):
            row[f"{name} Avg {what}"] = value
    gaps = sum(gap > 1_000_000 for gap in differences(times, False))
    sums = {"Fwd Packets": n_f, "Fwd Bytes": total_f, "Bwd Packets": n_b, "Bwd Bytes": total_b}
    for name, value in sums.items():
        if cic:
            row[f"Subflow {name}"] = value
        elif fork:
            row[f"Subflow {name}"] = value / gaps if gaps else 0.0
        else:
            row[f"Subflow {name}"] = value / (gaps + 1)
    row |= windows(flow, ahead, back, options)
    row["act_data_pkt_fwd"] = sum(p.payload >= 1 for p in (ahead[1:] if cic else ahead))
    row["min_seg_size_forward"] = least_header(ahead, flow.forward[0], options)
    for name, values in zip(("Active", "Idle"), active_idle(flow, times, options), strict=True):
        row |= four(name, values, "Mean Std Max Min")
    if not cic:
        row |= {"Fwd RST Flags": sum(bool(p.flags & RST) for p in ahead)}
        row |= {"Bwd RST Flags": sum(bool(p.flags & RST) for p in back)}
        row |= {"Bwd Act Data Pkts": sum(p.payload >= 1 for p in back)}
        row |= {"Bwd Seg Size Min": least_header(back, not flow.forward[0], options)}
        row |= {"ICMP Code": first.icmp_code, "ICMP Type": first.icmp_type}
        again = sum(flow.retrans)
        row |= {"Fwd TCP Retrans. Count": again, "Bwd TCP Retrans. Count": len(flow.retrans) - again}
        row |= {"Total TCP Retrans. Count": len(flow.retrans)}
        row |= {"Total Connection Flow Time": flow.before + duration if flow.protocol in (6, 17) else 0}
    row |= {
        "flow_id": first.number,
        "community_id": community_id(first),
        "flow_start": first.ns,
        "flow_end": flow.last_ns,
        "flow_packets": n,
    }
    row |= {"flow_end_reason": flow.reason, "retrans_exact": int(flow.exact)}
    return row


ANSWERED = {1: {8: 0, 10: 9, 13: 14, 15: 16, 17: 18}, 58: {128: 129, 130: 131, 133: 134, 135: 136, 139: 140, 144: 145}}


def community_id(p: Seen) -> str | None:
    """Of the first packet: the lesser end first, unless what stands for ports tells the direction."""
    if p.protocol == 0:
        return None
    ends = [(p.src, p.sport.to_bytes(2, "big")), (p.dst, p.dport.to_bytes(2, "big"))]
    one_way = False
    if p.protocol in ANSWERED:
        pairs = ANSWERED[p.protocol]
        counter = {**pairs, **{b: a for a, b in pairs.items()}}.get(p.icmp_type)
        one_way = counter is None
        codes = (p.icmp_type, p.icmp_code if counter is None else counter)
        ends = [(address, code.to_bytes(2, "big")) for address, code in zip((p.src, p.dst), codes, strict=True)]
    elif p.protocol not in (6, 17, 132):
        ends = [(address, b"") for address, _ in ends]
    if not one_way:
        ends.sort()
    (one, a), (other, b) = ends
    message = bytes(2) + one + other + bytes([p.protocol, 0]) + a + b
    return "1:" + base64.b64encode(hashlib.sha1(message).digest()).decode()


def least_header(group: list[Seen], opened: bool, options: Options) -> int:
    if not group or (options.fork and not opened):
        return 0
    return min(p.header for p in group)


def windows(flow: Flow, ahead: list[Seen], back: list[Seen], options: Options) -> dict[str, int]:
    if options.cic:
        forward, backward = flow.first.window, back[-1].window if back else -1
    elif options.fork:
        forward = max(0, flow.first.window) if flow.forward[0] else 0
        backward = next((p.window for p in back if p.window > 0), 0)
    else:
        forward = next((p.window for p in ahead if p.protocol == 6), -1)
        backward = next((p.window for p in back if p.protocol == 6), -1)
    return {"Init_Win_bytes_forward": forward, "Init_Win_bytes_backward": backward}


def address(octets: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(octets) == 4 else socket.AF_INET6, octets)


def signed(octets: bytes) -> list[int]:
    return [octet - 256 if octet > 127 else octet for octet in octets]


def flow_id(flow: Flow, options: Options) -> str:
    o = flow.orientation if options.cic else flow.named
    if options.cic and signed(o.dst) < signed(o.src):
        o = o.turned()
    return "-".join(
        (
            address(o.src),
            address(o.dst),
            str(o.sport),
            str(o.dport),
            str(flow.protocol),
        )
    )


def in_order(packets: Iterable[Seen], window: int) -> Iterable[Seen]:
    """Packets by time, those of one time as they came; none waits for more than `window` of time."""
    waiting: list[Seen] = []
    greatest = None
    for p in packets:
        waiting.append(p)
        greatest = p.us if greatest is None else max(greatest, p.us)
        waiting.sort(key=lambda q: (q.ns, q.number))
        while waiting and greatest - waiting[0].us > window:
            yield waiting.pop(0)
    yield from waiting


def flows_of(records, options: Options | None = None) -> list[dict[str, object]]:
    """A row per flow, by start time, then first packet."""
    options = options or Options()
    return [flow_row(flow, options) for flow in walk(records, options).finish()]


def walk(records, options: Options) -> Naive:
    naive = Naive(options)
    packets: Iterable[Seen] = (p for p in (accept(record, options) for record in records) if p is not None)
    if options.sort_us:
        packets = in_order(packets, options.sort_us)
    for p in packets:
        if options.dedup_us and p.wanted:
            before = naive.copies.get(p.octets)
            naive.copies[p.octets] = p.us
            if before is not None and 0 <= p.us - before <= options.dedup_us:
                continue
        naive.packet(p)
    return naive
