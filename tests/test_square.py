"""What is given by others costs no more than what there is of it: four times as much takes no sixteen times as long."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pcapframe as pf
import traffic
from costs import least
from pcapframe import _detect_claims, _feeds_stix, detectors
from pcapframe._frame import Frame
from pcapframe._made import frame_of

_Row = tuple[Any, ...]


def _blanks(count: int) -> Callable[[], object]:
    line = b"a" + b" " * count + b"b\n"
    return lambda: pf.Indicators.read(line)


def _brackets(count: int) -> Callable[[], object]:
    pattern = "[" + "(" * count + "]"
    with pytest.raises(_feeds_stix.Misread):
        _feeds_stix.alternatives(pattern)

    def ask() -> None:
        with pytest.raises(_feeds_stix.Misread):
            _feeds_stix.alternatives(pattern)

    return ask


def _claims(count: int) -> Callable[[], object]:
    rows = [(f"00:00:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}", "10.0.0.1", n, n + 5, 4, 0, 4, 0)
            for n in range(count)]  # fmt: skip
    return lambda: _found(rows)


def _windows(count: int) -> Callable[[], object]:
    """As many windows as rows."""
    kinds = {"talks": 100, "sightings": 1, "seconds": 1}
    frames = {name: _table({"window": np.repeat(np.arange(count), each)}) for name, each in kinds.items()}
    return lambda: [len(tables["talks"]) for tables in detectors._windows(frames)]


def _table(columns: dict[str, Any]) -> Frame:
    return frame_of({name: ("time", values) for name, values in columns.items()}, None, {})


@pytest.mark.parametrize(
    ("make", "count"),
    [(_blanks, 12_000), (_brackets, 4_500), (_claims, 2_500), (_windows, 1000)],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_four_times_as_much(make: Callable[[int], Callable[[], object]], count: int) -> None:
    assert least(make(4 * count), 3) < 9 * least(make(count), 3) + 0.02


# ------------------------------------------------------------------------- what was made quick, against what it was


def _found(rows: list[_Row]) -> list[tuple[str, str]]:
    """Forgers and owners that the rule finds in claims."""
    names = ("who", "what", "first_time", "last_time", "seen", "numbered", "unasked", "in_second")
    columns: dict[str, Any] = {"kind": ("text", ["claim"] * len(rows))}
    for at, name in enumerate(names):
        values = [row[at] for row in rows]
        columns[name] = ("text", values) if at < 2 else ("int64", np.array(values, dtype=np.int64))
    found = []
    for each in _detect_claims.arp_spoof({"sightings": frame_of(columns, None, {})}):
        facts = dict(fact.split("=") for fact in each.evidence.split(", "))
        if "owner" in facts:
            found.append((facts["forger"], facts["owner"]))
    return found


def _by_the_rule(rows: list[_Row]) -> list[tuple[str, str]]:
    """The same, as the rule says it: each claim is compared with all others."""
    found = []
    for who, _, first, last, seen, _, unasked, _ in rows:
        others = [row for row in rows if row[0] != who]
        if not others or unasked < 3:
            continue
        rival = max(others, key=lambda row: row[4] - row[6])
        if any(row[2] <= last and row[3] >= first for row in others) and seen - unasked <= rival[4] - rival[6]:
            found.append((who, rival[0]))
    return found


def test_claims_are_judged_as_the_rule_says() -> None:
    drawn = random.Random(5)
    met = 0
    for _ in range(300):
        rows: list[_Row] = []
        for _ in range(drawn.randint(1, 6)):
            first, seen = drawn.randint(0, 20), drawn.randint(1, 12)
            unasked = drawn.randint(0, seen)
            who = f"00:00:00:00:00:{drawn.randint(0, 4):02x}"
            rows.append((who, "10.0.0.1", first, first + drawn.randint(0, 8), seen, seen - unasked, unasked, 0))
        assert _found(rows) == _by_the_rule(rows)
        met += len(_by_the_rule(rows))
    assert met > 30


def test_windows_hold_their_rows_in_order() -> None:
    sent = [
        (traffic.START + n * 10**8, traffic.udp(f"10.0.0.{n % 7}", "10.0.0.99", 1000 + n % 3, 9)) for n in range(90)
    ]
    sent.append((traffic.START - 5 * 10**9, sent[3][1]))  # late, and of an earlier window
    inputs, options, end = pf.open(traffic.file_of(sent))._begin()
    (natives, _, _), _ = pf._core.detect(inputs, options, (10**9, 0, 0), None, False)
    end()
    frames = {name: Frame(native) for name, native in natives.items()}
    names = {name: frames[name].columns for name in ("talks", "sightings", "seconds")}
    starts = sorted({row[0] for name in names for row in frames[name].rows("window")})
    assert len(starts) > 8
    found = list(detectors._windows(frames))
    for start, tables in zip(starts, found, strict=True):
        for name, columns in names.items():
            every = frames[name].rows(*columns)
            place = columns.index("window")
            assert list(tables[name].rows(*columns)) == [row for row in every if row[place] == start]


def test_feeds_of_a_bundle_still_read() -> None:
    pattern = "[(ipv4-addr:value = '192.0.2.1') OR (ipv4-addr:value = '192.0.2.2')]"
    assert [each[1] for each in _feeds_stix.alternatives(pattern)] == ["192.0.2.1", "192.0.2.2"]
    for text in ("192.0.2.1   # bad", "192.0.2.1 ; bad", "192.0.2.1  //bad"):
        (each,) = pf.Indicators.read(text.encode())
        assert (each.value, each.description) == ("192.0.2.1", "bad")
