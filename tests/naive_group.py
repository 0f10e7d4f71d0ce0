"""The slow twin of `Capture.count`: dicts, `statistics` and integers, over the columns of packets as lists."""

from __future__ import annotations

import heapq
import ipaddress
import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]


def rows_of(columns: dict[str, list[Any]]) -> list[Row]:
    """Packets as dicts, from ``cap.packets(...).to_dict()``."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


ADDRESSES = (
    "ip_src", "ip_dst", "inner_ip_src", "inner_ip_dst", "arp_src_proto_ipv4", "arp_dst_proto_ipv4", "dns_a", "dns_aaaa",
)  # fmt: skip


def order_of(name: str, value: Any) -> tuple[Any, ...]:
    """What a key is ordered by: numbers by value, IPv4 before IPv6, each by octets, text by its octets, null last."""
    if value is None:
        return (1,)
    if isinstance(value, int):
        return (0, value)
    if name in ADDRESSES:
        address = ipaddress.ip_address(value)
        return (0, address.version, address.packed)
    return (0, value.encode())


def values_of(rows: list[Row], name: str) -> list[Any]:
    return [row[name] for row in rows if row[name] is not None]


AGGREGATES: dict[str, Callable[[list[Any]], Any]] = {
    "sum": sum,
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
    "mean": lambda values: float(statistics.mean(values)) if values else None,
    "std": lambda values: statistics.stdev(values) if len(values) > 1 else None,
    "distinct": lambda values: len(set(values)),
}


def gaps_of(rows: list[Row]) -> Row:
    times = values_of(rows, "frame_time")
    gaps = [after - before for before, after in itertools.pairwise(times)]
    found = {f"gap_{ask}": AGGREGATES[ask](gaps) for ask in ("mean", "std", "min", "max")}
    for ask in ("gap_min", "gap_max"):  # of more than 292 years: the end of what an int64 holds
        if found[ask] is not None:
            found[ask] = max(-(2**63), min(2**63 - 1, found[ask]))
    return found


def count(
    rows: list[Row],
    *fields: str,
    every: int = 0,
    aggregates: Iterable[tuple[str, str]] = (),
    gaps: bool = False,
    fill: bool = False,
    top: int = 0,
    dropna: bool = True,
) -> list[Row]:
    """The rows of the frame, in order. `top` exactly: every `error` is 0."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        key = tuple(row[name] for name in fields)
        if (every and row["frame_time"] is None) or (dropna and None in key):
            continue
        bin_ = row["frame_time"] // every if every else 0
        groups[(bin_, *key)].append(row)
    if fill and groups:
        bins = [key[0] for key in groups]
        for key in {key[1:] for key in groups}:
            for bin_ in range(min(bins), max(bins) + 1):
                groups.setdefault((bin_, *key), [])
    if not fields and not every:
        groups.setdefault((0,), [])
    found = []
    ordered = sorted(groups, key=lambda key: (key[0], -len(groups[key]), [*map(order_of, fields, key[1:])]))
    for key in ordered:
        inside = groups[key]
        made = {"time": key[0] * every} if every else {}
        made |= dict(zip(fields, key[1:], strict=True))
        made["count"] = len(inside)
        if top:
            made["error"] = 0
        made |= {f"{ask}_{name}": AGGREGATES[ask](values_of(inside, name)) for ask, name in aggregates}
        if gaps:
            made |= gaps_of(inside)
        found.append(made)
    if not top:
        return found
    of_bin: Counter[int] = Counter()
    kept = []
    for row in found:
        of_bin[row.get("time", 0)] += 1
        if of_bin[row.get("time", 0)] <= top:
            kept.append(row)
    return kept


def space_saving(keys: Iterable[Any], most: int) -> dict[Any, tuple[int, int]]:
    """{key: (count, error)}: a key that finds no counter free takes that of the smallest count, taken longest ago."""
    counters: dict[Any, tuple[int, int, int]] = {}  # count, when it was taken, error
    order: list[tuple[int, int, Any]] = []  # a heap of (count, taken, key), with what has changed since still in it
    for number, key in enumerate(keys):
        if key in counters:
            count, taken, error = counters[key]
            counters[key] = count + 1, taken, error
        elif len(counters) < most:
            counters[key] = 1, number, 0
        else:
            while counters.get(order[0][2], ())[:2] != order[0][:2]:
                heapq.heappop(order)
            least, _, victim = heapq.heappop(order)
            del counters[victim]
            counters[key] = least + 1, number, least
        heapq.heappush(order, (*counters[key][:2], key))
    return {key: (count, error) for key, (count, _, error) in counters.items()}
