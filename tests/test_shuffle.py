"""Events saved by those who read pieces of a capture and replayed by those who answer: as one pass over it all."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures_flows
import pcapframe as pf
from pcapframe import _core
from pcapframe import _flows as pf_flows

SECRET = bytes(range(40))
RUN = (1, 0, False, None, ((), -(2**63), 2**63 - 1, None))
SUMS = ("packets", "no_time", "not_ip", "damaged", "fragments", "other_protocols", "ghosts", "other_link_types")


def memory(octets: bytes) -> tuple[_core.Input, ...]:
    return (_core.Input("memory", "x", octets),)


def records(octets: bytes) -> list[bytes]:
    """The records of a little-endian pcap, headers and all."""
    found, at = [], 24
    while at + 16 <= len(octets):
        size = 16 + struct.unpack_from("<I", octets, at + 8)[0]
        found.append(octets[at : at + size])
        at += size
    return found


def cut(octets: bytes, places: Iterable[int]) -> list[tuple[bytes, int]]:
    """The capture in pieces, each with how many packets were before it."""
    run = records(octets)
    ends = [0, *sorted(min(place, len(run)) for place in places), len(run)]
    return [(octets[:24] + b"".join(run[a:b]), a) for a, b in zip(ends, ends[1:], strict=False)]


def options_of(variant: str, compat: str | None = None, **given: Any) -> tuple[Any, ...]:
    return pf_flows.native_options(pf_flows.resolved(variant, compat, given))


def table(frame: _core.Frame) -> dict[str, Any]:
    return pf.Frame(frame).to_dict()


def rows(tables: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows by flow_id, doubles as their bits."""
    found = []
    for columns in tables:
        cells = [
            [struct.pack("<d", cell) if isinstance(cell, float) else cell for cell in column]
            for column in columns.values()
        ]
        found += [(columns["flow_id"][i], row) for i, row in enumerate(zip(*cells, strict=True))]
    return sorted(found, key=lambda pair: pair[0])


Saved = tuple[list[tuple[list[bytes], int]], dict[str, int]]


def saved(pieces: Sequence[tuple[bytes, int]], options: tuple[Any, ...], parts: int) -> Saved:
    found: list[tuple[list[bytes], int]] = []
    counters: dict[str, int] = dict.fromkeys(SUMS, 0)
    for octets, before in pieces:
        (dealt, counted), _ = _core.flow_events(memory(octets), RUN, options, SECRET, parts)
        found.append((dealt, before))
        for name in SUMS:
            counters[name] += counted[name]
    return found, counters


def replayed(found: list[tuple[list[bytes], int]], options: tuple[Any, ...]) -> tuple[list[Any], list[dict[str, int]]]:
    parts = len(found[0][0])
    answers = [_core.flows_from(tuple((dealt[i], at) for dealt, at in found), options) for i in range(parts)]
    return [table(frame) for frame, _ in answers], [counters for _, counters in answers]


def check(octets: bytes, options: tuple[Any, ...], places: Iterable[int], parts: int) -> None:
    (frame, counters), _ = _core.flows(memory(octets), RUN, options)
    expected = rows([table(frame)])
    found, sums = saved(cut(octets, places), options, parts)
    tables, counted = replayed(found, options)
    max_flows = options[13]
    if parts == 1 or sum(each["known"] for each in counted) <= max_flows:
        assert rows(tables) == expected
        assert sum(each["flows"] for each in counted) == counters["flows"]
        assert sum(each["evicted"] for each in counted) == counters["evicted"]
    frame, whole = _core.flows_from(tuple((tuple(dealt), at) for dealt, at in found), options)
    assert rows([table(frame)]) == expected
    assert {name: whole[name] + sums.get(name, 0) for name in counters} == counters


VARIANTS = (
    ("corrected", None, {}),
    ("corrected", None, {"sort": True}),
    ("corrected", None, {"dedup_us": 1000}),
    ("corrected", None, {"extra": ("rtt", "state")}),
    ("corrected", None, {"protocols": ("tcp", "icmp"), "flow_timeout_us": 1_000_000, "min_packets": 2}),
    ("corrected", "fork", {}),
    ("cic2017", None, {}),
    ("cic2017", None, {"protocols": ("udp",)}),
    ("cic2017", None, {"sort": True, "dedup_us": 100_000}),
)


@settings(max_examples=120)
@given(data=st.data())
def test_pieces_and_parts(data: st.DataObject) -> None:
    variant, compat, given_options = data.draw(st.sampled_from(VARIANTS))
    link_types = (1,) if variant == "cic2017" else (1, 1, 113, 101)
    octets = data.draw(captures_flows.st_flow_capture(link_types))
    max_flows = data.draw(st.sampled_from((1, 2, 3, 5, 1_000_000)))
    alone = given_options.get("sort") or given_options.get("dedup_us")
    parts = 1 if alone else data.draw(st.sampled_from((1, 2, 3, 7)))
    places = data.draw(st.lists(st.integers(0, 64), max_size=4))
    options = options_of(variant, compat, **given_options, max_flows=max_flows)
    check(octets, options, places, parts)
