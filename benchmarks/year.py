"""A year of a 10 Gbit/s link: what docs/scaling.md says on paper, and a small simulation that checks it.

    python benchmarks/year.py

The sketches, the counts and the flow table are pcapframe's own, over made captures; what no capture here can be as
large as is drawn from the distribution of HyperLogLog's registers, with the estimator written anew. Seeded: it prints
the same each time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import pcapframe as pf

_Array = np.ndarray[Any, Any]

LINK = 10e9 / 8  # octets per second
PACKET = 900  # octets, the mean of a mix of transfers and acknowledgments
FLOW = 20  # packets of a mean flow
YEAR = 365 * 86_400

_RECORD = np.dtype([
    ("seconds", "<u4"), ("fraction", "<u4"), ("captured", "<u4"), ("length", "<u4"),
    ("macs", "V12"), ("ethertype", ">u2"),
    ("version", "u1"), ("service", "u1"), ("total", ">u2"), ("id", ">u2"), ("offset", ">u2"), ("ttl", "u1"),
    ("protocol", "u1"), ("sum", ">u2"), ("source", ">u4"), ("target", ">u4"),
    ("sport", ">u2"), ("dport", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("header", "u1"), ("flags", "u1"),
    ("window", ">u2"), ("tcp_sum", ">u2"), ("urgent", ">u2"),
])  # fmt: skip


def capture(
    source: _Array, seq: _Array | int = 1, time: _Array | None = None, sport: _Array | int = 1024
) -> pf.Capture:
    """A capture of TCP segments from these addresses."""
    packets = np.zeros(len(source), _RECORD)
    packets["captured"] = packets["length"] = 54
    packets["ethertype"], packets["version"], packets["total"], packets["ttl"] = 0x0800, 0x45, 40, 64
    packets["protocol"], packets["header"], packets["flags"], packets["dport"] = 6, 0x50, 0x10, 443
    packets["source"], packets["target"], packets["seq"], packets["sport"] = source, 0x0A000001, seq, sport
    if time is not None:
        packets["seconds"], packets["fraction"] = time.astype(np.uint32), (time % 1 * 1e9).astype(np.uint32)
    head = np.array([(0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)], dtype="<u4,<u2,<u2,<i4,<u4,<u4,<u4")
    return pf.open(head.tobytes() + packets.tobytes(), progress=False)


# --------------------------------------------------------------------------------------------------------- distinct


def _sigma(x: float) -> float:
    total, power = x, 1.0
    while True:
        x *= x
        before = total
        total += x * power
        power += power
        if total == before:
            return total


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    total, power = 1 - x, 1.0
    while True:
        x = math.sqrt(x)
        before = total
        power /= 2
        total -= (1 - x) ** 2 * power
        if total == before:
            return total / 3


def estimate(registers: _Array, bits: int = 50) -> float:
    """Ertl's estimator for registers that hold 0 to bits + 1."""
    m = len(registers)
    counts = np.bincount(registers, minlength=bits + 2).tolist()
    z = m * _tau(1 - counts[bits + 1] / m)
    for count in reversed(counts[1 : bits + 1]):
        z = (z + count) / 2
    z += m * _sigma(counts[0] / m) if counts[0] < m else math.inf
    return m * m / (2 * math.log(2)) / z


def drawn(rng: np.random.Generator, n: float, m: int = 1 << 14, bits: int = 50) -> _Array:
    """Registers after n different keys: each got Poisson(n / m) hashes, and keeps the largest place of a first 1."""
    places = np.arange(bits + 1)
    at_most = np.exp(-n / m * 2.0**-places)  # P(register <= place)
    return np.searchsorted(at_most, rng.random(m)).astype(np.int64)


def distinct(rng: np.random.Generator) -> None:
    print("HyperLogLog, 16 KiB; root of the mean square of the relative error")
    for n in (1_000, 30_000, 300_000):
        errors = []
        for _ in range(20):
            sources = rng.choice(2**32, size=n, replace=False, shuffle=False) if n < 2**16 else _unique(rng, n)
            found = capture(sources).count(distinct="ip_src", approx=True)["distinct_ip_src"].values[0]
            errors.append(int(found) / n - 1)
        print(f"  {n:>25,} keys, pcapframe, 20 captures  {_rms(errors):.2%}")
    for n in (3e5, 1e9, 1e12, YEAR * LINK / PACKET):
        errors = [estimate(drawn(rng, n)) / n - 1 for _ in range(400)]
        print(f"  {n:>25,.0f} keys, drawn, 400 times         {_rms(errors):.2%}")


def _unique(rng: np.random.Generator, n: int) -> _Array:
    found = np.unique(rng.integers(0, 2**32, size=n + n // 100 + 100, dtype=np.uint32))
    return rng.permutation(found)[:n]


def _rms(errors: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


# -------------------------------------------------------------------------------------------------------------- top


def top(rng: np.random.Generator) -> None:
    print(
        "space-saving, 65,536 counters, 2,000,000 packets of sources by Zipf's law; the first 100 all the time, or late"
    )
    for power in (0.8, 1.0, 1.2):
        weights = 1.0 / np.arange(1, 1_000_001) ** power
        ranks = np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(2_000_000)).astype(np.uint32)
        for when, order in (("all", slice(None)), ("late", np.argsort(ranks < 100, kind="stable"))):
            cap = capture(ranks[order] + 0x0B000000)
            exact, found = cap.count("ip_src"), cap.count("ip_src", top=100)
            names, errors = found["ip_src"].tolist(), found["error"].values.astype(np.int64)
            over = [int(count) - exact[name] for name, count in zip(names, found["count"].values, strict=True)]
            right = len(set(names) & {name for name, _ in exact.top(100)})
            assert all(0 <= more <= error <= len(ranks) / 65_536 for more, error in zip(over, errors, strict=True))
            print(
                f"  s = {power}, {when:<4}: {len(exact):>7,} sources, {right} of the first 100 right, counts too large "
                f"by {max(over)} at most, told {errors.max()}, bound {len(ranks) // 65_536}"
            )


# ------------------------------------------------------------------------------------------------------ full tables


def sequence(rng: np.random.Generator) -> None:
    print("sequence numbers, a space of 2^16 for 2^32: share of the space that is a key of the counts")
    for share in (0.1, 1.0, 3.0, 10.0):
        n = int(share * 2**16)
        seen = len(capture(np.full(n, 0x0B000001, np.uint32), rng.integers(0, 2**16, n)).ioc_counts().seq) / 2**16
        print(f"  {share:>4} packets per number: {seen:.3f}, on paper {1 - math.exp(-share):.3f}")


def flow_table(rng: np.random.Generator) -> None:
    rate, most = LINK / PACKET / FLOW / 1000, 1000
    times = np.sort(rng.uniform(0, 30, int(rate * 30)))
    number = np.arange(len(times))
    cap = capture(0x0B000000 + number, time=times + 1.5e9, sport=1024 + number % 60_000)
    flows = cap.flows(max_flows=most)
    evicted = flows[np.array([reason == "evicted" for reason in flows["flow_end_reason"]])]
    first = times[most]
    print(f"flow table, both scaled by 1,000: {rate:.0f} flows/s that stay open, max_flows={most}")
    print(f"  full after {first:.1f} s, on paper {most / rate:.1f} s; evicted in 30 s: {len(evicted)} of {len(flows)}")


def main() -> None:
    rng = np.random.default_rng(20261124)
    rate = LINK / PACKET
    print(f"10 Gbit/s: {LINK / 1e9:.2f} GB and {rate / 1e6:.2f} million packets a second; ", end="")
    print(f"a year {LINK * YEAR / 1e15:.1f} PB, {rate * YEAR:.1e} packets, {rate * YEAR / FLOW:.1e} flows")
    distinct(rng)
    top(rng)
    sequence(rng)
    flow_table(rng)


if __name__ == "__main__":
    main()
