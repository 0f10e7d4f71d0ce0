"""Write small flow tables that look like CICIDS2017: its eight files, its columns, its labels and its defects.

    python examples/flow_tables.py FOLDER [--rows 4000] [--seed 2017] [--shape 85|79]

Made up, not recorded: packets are drawn per kind of traffic, and the features are computed of them as the tool of 2017
computed them. Addresses and times follow the schedule of the data set, so that labelling can be tried as well; what is
not the test bed's comes from the documentation ranges. The same seed gives the same octets.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import math
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Packets = list[tuple[int, bool, int]]  # µs since the start, forward, payload

TAIL = ".pcap_ISCX.csv"
ATTACKER, WEB, UBUNTU, OUTSIDE = "172.16.0.1", "192.168.10.50", "192.168.10.51", "205.174.165.73"
CLIENTS = [f"192.168.10.{n}" for n in (5, 8, 9, 12, 14, 15, 16, 17, 19, 25)]
SERVERS = [f"198.51.100.{n}" for n in range(10, 60)]
HALIFAX = datetime.timedelta(hours=-3)

HEADER = """\
Flow ID, Source IP, Source Port, Destination IP, Destination Port, Protocol, Timestamp, Flow Duration,\
 Total Fwd Packets, Total Backward Packets,Total Length of Fwd Packets, Total Length of Bwd Packets,\
 Fwd Packet Length Max, Fwd Packet Length Min, Fwd Packet Length Mean, Fwd Packet Length Std,Bwd Packet Length Max,\
 Bwd Packet Length Min, Bwd Packet Length Mean, Bwd Packet Length Std,Flow Bytes/s, Flow Packets/s, Flow IAT Mean,\
 Flow IAT Std, Flow IAT Max, Flow IAT Min,Fwd IAT Total, Fwd IAT Mean, Fwd IAT Std, Fwd IAT Max, Fwd IAT Min,\
Bwd IAT Total, Bwd IAT Mean, Bwd IAT Std, Bwd IAT Max, Bwd IAT Min,Fwd PSH Flags, Bwd PSH Flags, Fwd URG Flags,\
 Bwd URG Flags, Fwd Header Length, Bwd Header Length,Fwd Packets/s, Bwd Packets/s, Min Packet Length,\
 Max Packet Length, Packet Length Mean, Packet Length Std, Packet Length Variance,FIN Flag Count, SYN Flag Count,\
 RST Flag Count, PSH Flag Count, ACK Flag Count, URG Flag Count, CWE Flag Count, ECE Flag Count, Down/Up Ratio,\
 Average Packet Size, Avg Fwd Segment Size, Avg Bwd Segment Size, Fwd Header Length,Fwd Avg Bytes/Bulk,\
 Fwd Avg Packets/Bulk, Fwd Avg Bulk Rate, Bwd Avg Bytes/Bulk, Bwd Avg Packets/Bulk,Bwd Avg Bulk Rate,\
Subflow Fwd Packets, Subflow Fwd Bytes, Subflow Bwd Packets, Subflow Bwd Bytes,Init_Win_bytes_forward,\
 Init_Win_bytes_backward, act_data_pkt_fwd, min_seg_size_forward,Active Mean, Active Std, Active Max, Active Min,\
Idle Mean, Idle Std, Idle Max, Idle Min, Label"""
IDENTITY = (0, 1, 2, 3, 5, 6)  # what the files with 79 columns leave out


@dataclass
class Flow:
    """A conversation: who, when (µs since the epoch), and its packets."""

    src: str
    sport: int
    dst: str
    dport: int
    proto: int
    start: int
    label: str
    packets: Packets = field(default_factory=list)
    window: tuple[int, int] = (8192, 29200)
    header: int = 20


# --------------------------------------------------------------------------------------------------------- features


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def deviation(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    middle = mean(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1))


def spread(values: Sequence[float]) -> list[float]:
    """Mean, deviation, greatest and least."""
    return [mean(values), deviation(values), max(values, default=0), min(values, default=0)]


def gaps(times: Sequence[int]) -> list[int]:
    return [b - a for a, b in itertools.pairwise(times)]


def rate(amount: float, microseconds: int) -> float:
    if microseconds:
        return amount * 1e6 / microseconds
    return math.nan if amount == 0 else math.inf


def activity(times: Sequence[int]) -> tuple[list[int], list[int]]:
    """Lengths of activity and of the pauses of more than 5 s between."""
    active, idle, begun, last = [], [], times[0], times[0]
    for time in times[1:]:
        if time - last > 5_000_000:
            if last > begun:
                active.append(last - begun)
            idle.append(time - last)
            begun = time
        last = time
    return active, idle


def features(flow: Flow) -> list[float]:
    """The numbers between Timestamp and Label, as the tool of 2017 computed them."""
    times = [time for time, _, _ in flow.packets]
    forward = [payload for _, out, payload in flow.packets if out]
    backward = [payload for _, out, payload in flow.packets if not out]
    payloads = [payload for _, _, payload in flow.packets]
    doubled = [*payloads, payloads[0]]
    duration = times[-1] - times[0]
    tcp = flow.proto == 6
    header = flow.header if tcp else 8
    there = [time for time, out, _ in flow.packets if out]
    back = [time for time, out, _ in flow.packets if not out]
    sent, got = len(forward), len(backward)
    values: list[float] = [duration, sent, got, sum(forward), sum(backward)]
    for side in (forward, backward):
        values += [max(side, default=0), min(side, default=0), mean(side), deviation(side)]
    values += [rate(sum(payloads), duration), rate(len(payloads), duration) if duration else math.inf]
    values += spread(gaps(times))
    for side in (there, back):
        values += [sum(gaps(side)), *spread(gaps(side))]
    values += [0, 0, 0, 0, sent * header, got * header]
    values += [rate(sent, duration) if duration else 0, rate(got, duration) if duration else 0]
    values += [min(doubled), max(doubled), mean(doubled), deviation(doubled), deviation(doubled) ** 2]
    values += [0, 0, 0, 1 if tcp and payloads[0] <= 6 else 0, 0, 0, 0, 0]  # SYN of the first packet, under PSH
    values += [got // sent, sum(doubled) / len(payloads), mean(forward), mean(backward), sent * header]
    values += [0, 0, 0, 0, 0, 0, sent, sum(forward), got, sum(backward)]
    values += [flow.window[0] if tcp else -1, flow.window[1] if tcp and got else -1]
    values += [sum(1 for payload in forward[1:] if payload), header]
    active, idle = activity(times)
    return [*values, *spread(active), *spread(idle)]


# ------------------------------------------------------------------------------------------------------------ traffic


def exchange(r: random.Random, turns: int, ask: tuple[int, int], reply: tuple[int, int], pause: float) -> Packets:
    """Handshake, then questions and answers."""
    time, packets = 0, [(0, True, 0)]
    for out, payload in ((False, 0), (True, 0)):
        time += r.randint(20, 400)
        packets.append((time, out, payload))
    for _ in range(turns):
        time += round(r.expovariate(1 / pause)) + 1
        packets.append((time, True, r.randint(*ask)))
        left = r.randint(*reply)
        while left > 0:
            time += r.randint(10, 900)
            packets.append((time, False, min(left, 1460)))
            left -= 1460
    return packets


def pair(r: random.Random, ask: int, reply: int, wait: tuple[int, int]) -> Packets:
    return [(0, True, ask), (r.randint(*wait), False, reply)]


def benign(r: random.Random, day: int) -> Flow:
    client, server = r.choice(CLIENTS), r.choice(SERVERS)
    kind, start = r.random(), local(day, r.uniform(9, 16.9))
    if kind < 0.4:
        name = r.randint(25, 60)
        packets = [*pair(r, name, name + r.randint(16, 200), (150, 60_000))]
        packets = sorted([*packets, (r.randint(1, 9), True, name)])
        return Flow(client, r.randint(49152, 65535), "192.168.10.3", 53, 17, start, "BENIGN", packets)
    if kind < 0.47:
        packets = [(0, True, 6), (r.choice([0, 3, 48, 61]), True, 6)]
        return Flow(server, 443, client, r.randint(49152, 65535), 6, start, "BENIGN", packets, (r.randint(30, 340), -1))
    if kind < 0.5:
        return Flow(client, 0, server, 0, 0, start, "BENIGN", pair(r, 0, 0, (900, 90_000)))
    port = 443 if kind < 0.85 else 80
    packets = exchange(r, r.randint(1, 9), (60, 700), (40, 22_000), r.choice([4e4, 6e5, 9e6]))
    window = (r.choice([8192, 29200, 65535]), r.choice([946, 14480, 28960, 64240]))
    return Flow(client, r.randint(49152, 65535), server, port, 6, start, "BENIGN", packets, window, r.choice([20, 32]))


def to_web(r: random.Random, start: int, label: str, port: int, packets: Packets, window: int) -> Flow:
    return Flow(ATTACKER, r.randint(38000, 65000), WEB, port, 6, start, label, packets, (window, 28960), 32)


ATTACKS: dict[str, tuple[int, str, str, Callable[[random.Random, int], Flow]]] = {
    "FTP-Patator": (1, "09:18", "10:20", lambda r, s: to_web(
        r, s, "FTP-Patator", 21, exchange(r, r.randint(2, 5), (9, 21), (20, 40), 9e5), 29200)),
    "SSH-Patator": (1, "14:10", "16:04", lambda r, s: to_web(
        r, s, "SSH-Patator", 22, exchange(r, r.randint(7, 11), (48, 640), (48, 980), 4e5), 29200)),
    "DoS slowloris": (2, "09:49", "10:11", lambda r, s: to_web(
        r, s, "DoS slowloris", 80, exchange(r, r.randint(4, 8), (8, 240), (0, 0), 1.2e7), 29200)),
    "DoS Slowhttptest": (2, "10:16", "10:37", lambda r, s: to_web(
        r, s, "DoS Slowhttptest", 80, exchange(r, r.randint(3, 6), (60, 330), (0, 1), 8e6), 29200)),
    "DoS Hulk": (2, "10:46", "11:07", lambda r, s: to_web(
        r, s, "DoS Hulk", 80, exchange(r, 1, (330, 420), (11595, 11595), 9e5), 29200)),
    "DoS GoldenEye": (2, "11:11", "11:20", lambda r, s: to_web(
        r, s, "DoS GoldenEye", 80, exchange(r, r.randint(1, 3), (360, 560), (3525, 3525), 4e6), 29200)),
    "Heartbleed": (2, "15:13", "15:32", lambda r, s: Flow(
        ATTACKER, 45022, UBUNTU, 444, 6, s, "Heartbleed",
        exchange(r, 12, (60, 80), (15000, 17000), 4e6), (29200, 235))),
    "Web Attack – Brute Force": (3, "09:20", "10:00", lambda r, s: to_web(
        r, s, "Web Attack – Brute Force", 80, exchange(r, r.randint(25, 40), (480, 640), (900, 2900), 2e5), 29200)),
    "Web Attack – XSS": (3, "10:16", "10:35", lambda r, s: to_web(
        r, s, "Web Attack – XSS", 80, exchange(r, r.randint(155, 170), (460, 620), (900, 1900), 1e5), 29200)),
    "Web Attack – Sql Injection": (3, "10:36", "10:42", lambda r, s: to_web(
        r, s, "Web Attack – Sql Injection", 80, exchange(r, 2, (447, 640), (530, 4200), 4e6), 29200)),
    "Infiltration": (3, "14:20", "15:45", lambda r, s: Flow(
        CLIENTS[1], r.randint(49152, 65535), OUTSIDE, 444, 6, s, "Infiltration",
        exchange(r, r.randint(30, 60), (600, 1460), (60, 200), 1e6), (8192, 29200))),
    "Bot": (4, "10:05", "11:01", lambda r, s: Flow(
        r.choice([CLIENTS[n] for n in (0, 1, 2, 4, 5)]), r.randint(49152, 65535), OUTSIDE, 8080, 6, s, "Bot",
        exchange(r, 1, (190, 220), (120, 130), 5e4), (8192, 237))),
    "PortScan": (4, "13:56", "14:18", lambda r, s: Flow(
        ATTACKER, r.randint(35000, 64000), WEB, r.randint(1, 9999), 6, s, "PortScan",
        pair(r, 0, 6, (20, 90)), (1024, 0), 24)),
    "DDoS": (4, "15:57", "16:16", lambda r, s: to_web(
        r, s, "DDoS", 80, exchange(r, 1, (20, 20), (11595, 11607), 1.5e6), 8192)),
}  # fmt: skip

# The eight files: the day, hours, and which attacks are in them with their share of the rows.
FILES: tuple[tuple[str, int, dict[str, float]], ...] = (
    ("Monday-WorkingHours", 0, {}),
    ("Tuesday-WorkingHours", 1, {"FTP-Patator": 0.1, "SSH-Patator": 0.08}),
    ("Wednesday-workingHours", 2, {
        "DoS Hulk": 0.3, "DoS GoldenEye": 0.05, "DoS slowloris": 0.04, "DoS Slowhttptest": 0.04, "Heartbleed": 0.008}),
    ("Thursday-WorkingHours-Morning-WebAttacks", 3, {
        "Web Attack – Brute Force": 0.04, "Web Attack – XSS": 0.02, "Web Attack – Sql Injection": 0.015}),
    ("Thursday-WorkingHours-Afternoon-Infilteration", 3, {"Infiltration": 0.015}),
    ("Friday-WorkingHours-Morning", 4, {"Bot": 0.04}),
    ("Friday-WorkingHours-Afternoon-PortScan", 4, {"PortScan": 0.5}),
    ("Friday-WorkingHours-Afternoon-DDos", 4, {"DDoS": 0.5}),
)  # fmt: skip


def local(day: int, hour: float) -> int:
    """A local time of the week, in µs since the epoch."""
    midnight = datetime.datetime(2017, 7, 3 + day, tzinfo=datetime.UTC)
    return round((midnight.timestamp() + hour * 3600) * 1e6) - round(HALIFAX.total_seconds() * 1e6)


def hour(text: str) -> float:
    hours, minutes = text.split(":")
    return int(hours) + int(minutes) / 60


def attack(r: random.Random, label: str) -> Flow:
    day, first, last, make = ATTACKS[label]
    return make(r, local(day, r.uniform(hour(first), hour(last))))


# ------------------------------------------------------------------------------------------------------------ writing


def number(value: float, exact: bool) -> str:
    """A number as it was published: whole ones without a point, large doubles to three digits unless `exact`."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else "Infinity"
    if not exact and abs(value) >= 1e7:
        value = float(f"{value:.3g}")
    text = str(int(value)) if value == int(value) else repr(value)
    return (
        text if exact or len(text) <= 11 else f"{value:.{max(0, 10 - len(str(int(value))))}f}".rstrip("0").rstrip(".")
    )


def stamp(start: int, seconds: bool) -> str:
    """Local time on a clock of twelve hours that does not say which half of the day it is."""
    moment = datetime.datetime.fromtimestamp(start // 1_000_000, datetime.UTC) + HALIFAX
    clock = (moment.hour - 1) % 12 + 1
    if seconds:
        return f"{moment:%d/%m/%Y} {clock:02}:{moment:%M:%S}"
    return f"{moment.day}/{moment.month}/{moment.year} {clock}:{moment:%M}"


def row(flow: Flow, monday: bool, defect: str = "") -> list[str]:
    a, b = (flow.src, flow.sport), (flow.dst, flow.dport)
    key = f"{flow.src}-{flow.dst}-{a[1]}-{b[1]}-{flow.proto}"
    values = features(flow)
    if defect == "header":  # a stale pointer of the tool's
        values[33] = values[54] = values[68] = -536870661
    cells = [number(value, monday) for value in values]
    return [key, *map(str, (*a, *b, flow.proto)), stamp(flow.start, monday), *cells, flow.label]


def rows_of(r: random.Random, day: int, shares: dict[str, float], count: int) -> list[list[str]]:
    flows = [attack(r, label) for label, share in shares.items() for _ in range(max(4, round(count * share)))]
    flows += [benign(r, day) for _ in range(max(20, count - len(flows)))]
    flows.sort(key=lambda flow: flow.start)
    rows = [row(flow, day == 0, "header" if flow.proto == 17 and r.random() < 0.004 else "") for flow in flows]
    for _ in range(max(1, count // 60)):  # rows that stand twice
        rows.insert(r.randrange(len(rows)), list(r.choice(rows)))
    return rows


def write(folder: str, rows: int = 4000, seed: int = 2017, shape: int = 85) -> list[str]:
    """Write the eight files, of about so many rows in all, and return their paths."""
    os.makedirs(folder, exist_ok=True)
    names = HEADER.split(",")
    kept = [n for n in range(len(names)) if shape == 85 or n not in IDENTITY]
    paths = []
    for place, (name, day, shares) in enumerate(FILES):
        table = rows_of(random.Random(seed * 100 + place), day, shares, rows // len(FILES))
        if shape == 85 and "WebAttacks" in name:  # the empty lines at the end of one published file
            table += [[""] * len(names)] * 25
        lines = [",".join(line[n] for n in kept) for line in [names, *table]]
        paths.append(os.path.join(folder, name + TAIL))
        with open(paths[-1], "w", encoding="cp1252", newline="") as file:
            file.write("\r\n".join(lines) + "\r\n")
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--rows", type=int, default=4000, help="in all eight files together (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=2017)
    parser.add_argument("--shape", type=int, choices=(85, 79), default=85, help="columns (default: %(default)s)")
    given = parser.parse_args()
    for path in write(given.folder, given.rows, given.seed, given.shape):
        print(path)


if __name__ == "__main__":
    main()
