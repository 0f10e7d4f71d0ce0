"""Events saved by those who read pieces of a capture and replayed by those who answer: as one pass over it all."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import struct
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures_flows
import pcapframe as pf
import test_detect_text
from captures import ethernet, ipv4, pcap_bytes, tcp
from captures_ng import enhanced, interface, section
from pcapframe import _core, _shuffle
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
    return [(octets[:24] + b"".join(run[a:b]), a) for a, b in itertools.pairwise(ends)]


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
    if pf_flows.apart_is_whole(counted, options):
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
    options = (*options[:14], data.draw(st.sampled_from((0, 64, 256))), *options[15:])  # octets of fingerprints
    check(octets, options, places, parts)


CORPUS = os.environ.get("PCAPFRAME_CORPUS")
MOST_OCTETS = 300_000  # of a capture: many small ones, quick


def corpus() -> list[Path]:
    if CORPUS is None:
        pytest.skip("PCAPFRAME_CORPUS is unset: no real captures")
    found = [path for room in ("captures", "lab", "flows") for path in sorted(Path(CORPUS, room).rglob("*.pcap"))]
    classic = [path for path in found if path.is_file() and 24 < path.stat().st_size < MOST_OCTETS]
    return [path for path in classic if path.read_bytes()[:4] == b"\xd4\xc3\xb2\xa1"]


def readable(octets: bytes, options: tuple[Any, ...]) -> bool:
    with contextlib.suppress(ValueError):  # a link type that flows cannot take
        _core.flows(memory(octets), RUN, options)
        return True
    return False


@pytest.mark.parametrize("variant", ["corrected", "cic2017"])
def test_real_captures(variant: str) -> None:
    options = options_of(variant)
    checked = 0
    for number, path in enumerate(corpus()[:: 8 if variant == "corrected" else 12]):
        octets = path.read_bytes()
        if not readable(octets, options):
            continue
        count = len(records(octets))
        check(octets[:24] + b"".join(records(octets)), options, (count // 3, count // 2), 1 + number % 4)
        checked += 1
    assert checked > 10


@pytest.mark.parametrize("group", pf_flows.GROUPS)
def test_what_packets_say(group: str) -> None:
    """What packets say travels with them; of pieces that are whole captures it is that of one pass."""
    options = options_of("corrected", extra=(group,))
    names = {each.name for each in pf_flows.EXTRA if each.group == group}
    said = 0
    for path in corpus()[::40]:
        octets = path.read_bytes()
        if not readable(octets, options):
            continue
        check(octets[:24] + b"".join(records(octets)), options, (), 3)
        columns = table(_core.flows(memory(octets), RUN, options)[0][0])
        said += sum(cell is not None for name in names for cell in columns[name])
    assert said > 10


def detected(octets: bytes, bounds: tuple[int, int, int], places: Iterable[int]) -> None:
    (frames, counters, _), _ = _core.detect(memory(octets), RUN, bounds, None, True)
    found = [(_core.detect_events(memory(piece), RUN, None, True)[0], before) for piece, before in cut(octets, places)]
    again, counted, nothing = _core.detect_from(tuple((each[0], each[1], at) for each, at in found), bounds, True)
    assert nothing is None
    assert counted == counters
    assert {name: table(frame) for name, frame in again.items()} == {
        name: table(frame) for name, frame in frames.items()
    }


BOUNDS = st.tuples(st.sampled_from((0, 10**9, 60 * 10**9)), st.sampled_from((0, 3)), st.sampled_from((0, 5)))


@settings(max_examples=80)
@given(captures_flows.st_flow_capture(), BOUNDS, st.lists(st.integers(0, 64), max_size=4))
def test_detectors(octets: bytes, bounds: tuple[int, int, int], places: list[int]) -> None:
    detected(octets, bounds, places)


def test_detectors_of_real_captures() -> None:
    for path in corpus()[::10]:
        octets = path.read_bytes()
        count = len(records(octets))
        detected(octets[:24] + b"".join(records(octets)), (10**9, 20, 0), (count // 3, count // 2))


# ----------------------------------------------------------------------------------------------------- hostile octets


def some() -> bytes:
    return captures_flows.capture(b"\x3f" + random.Random(11).randbytes(1200))


def talkative() -> bytes:
    """Names, an attack, logins, one in a header: every kind of event."""
    target = b"/?id=1%27%20union%20select%20password%20from%20users--"
    basic = b"Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"
    captures_of = (
        test_detect_text.requests(target, target, headers=basic),
        test_detect_text.lookups(("a.b.example", "gone.example"), rcode=3),
        test_detect_text.tunnelled(16, 40, 90, 4),
        pcap_bytes(test_detect_text.segments((True, b"USER a\r\n"), (True, b"PASS b\r\n"), (False, b"230 in\r\n")), 1),
        some(),
    )
    return captures_of[0][:24] + b"".join(octets[24:] for octets in captures_of)


def test_every_kind_of_text_travels() -> None:
    octets = talkative()
    frames = _core.detect(memory(octets), RUN, (0, 0, 0), None, True)[0][0]
    for name in ("dns_clients", "dns_domains", "web_requests", "logins"):
        assert len(table(frames[name])["frame_number"]) > 0, name
    for place in range(0, len(records(octets)), 3):
        detected(octets, (10**9, 20, 0), (place,))


def test_every_length_is_refused() -> None:
    options = options_of("corrected", extra=("rtt",))
    (parts, _), _ = _core.flow_events(memory(some()), RUN, options, None, 1)
    octets, text, _ = _core.detect_events(memory(talkative()), RUN, None, True)[0]
    assert text is not None
    assert len(parts[0]) > 500
    for length in range(len(parts[0])):
        with pytest.raises(ValueError, match="saved events"):
            _core.flows_from(((parts[0][:length], 0),), options)
    for length in range(len(octets)):
        with pytest.raises(ValueError, match="saved events"):
            _core.detect_from(((octets[:length], None, 0),), (0, 0, 0), False)
    for length in range(len(text)):
        with pytest.raises(ValueError, match="saved events"):
            _core.detect_from(((octets, text[:length], 0),), (0, 0, 0), True)
    with pytest.raises(ValueError, match="cut or damaged"):
        _core.flows_from(((parts[0] + b"\0", 0),), options)


def refused(answer: Callable[[], Iterable[_core.Frame]]) -> str | None:
    try:
        for frame in answer():
            table(frame)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("extra", [(), ("tls", "dns", "http")])
def test_changed_octets(extra: tuple[str, ...]) -> None:
    """Whatever is in them: rows, or one clear error."""
    rng = np.random.default_rng(7)
    options = options_of("corrected", extra=extra)
    (parts, _), _ = _core.flow_events(memory(some()), RUN, options, None, 2)
    told, text, _ = _core.detect_events(memory(talkative()), RUN, None, True)[0]
    assert text is not None
    errors = 0
    for _ in range(2000):
        octets, other, words = bytearray(parts[0]), bytearray(told), bytearray(text)
        for changed in (octets, other, words):
            for _ in range(rng.integers(1, 5)):
                changed[rng.integers(40, len(changed))] = rng.integers(256)
        for answer in (
            lambda octets=octets: [_core.flows_from(((bytes(octets), 0),), options)[0]],
            lambda other=other: _core.detect_from(((bytes(other), None, 0),), (0, 0, 0), False)[0].values(),
            lambda words=words: _core.detect_from(((told, bytes(words), 0),), (0, 0, 0), True)[0].values(),
        ):
            told_of = refused(answer)
            if told_of is None or " has link type " not in told_of:  # which a record may say
                assert told_of in (None, "saved events: cut or damaged")
            errors += told_of is not None
    assert 0 < errors < 6000


def test_errors_name_what_is_wrong() -> None:
    options, others = options_of("corrected"), options_of("cic2017")
    (parts, _), _ = _core.flow_events(memory(some()), RUN, options, SECRET, 2)
    (strange, _), _ = _core.flow_events(memory(some()), RUN, options, None, 2)
    told = _core.detect_events(memory(some()), RUN, None, False)[0][0]
    newer = parts[0][:8] + b"\x02" + parts[0][9:]
    for pieces, asked, message in (
        (((parts[0], 0),), others, "other options"),
        (((parts[0], 0), (strange[0], 9)), options, "another job"),
        (((parts[0], 0), (parts[1], 9)), options, "same part"),
        ((((parts[1], parts[0]), 0),), options, "same part"),
        (((told, 0),), options, "another question"),
        (((newer, 0),), options, "version 2"),
        (((b"nothing", 0),), options, "these octets are none"),
    ):
        with pytest.raises(ValueError, match=message):
            _core.flows_from(pieces, asked)
    for given_options, name in (({"sort": True}, "sort"), ({"dedup_us": 9}, "dedup_us")):
        with pytest.raises(ValueError, match=f"^{name} looks at all packets"):
            _core.flow_events(memory(some()), RUN, options_of("corrected", **given_options), None, 2)
    with pytest.raises(ValueError, match="secret: 40 octets"):
        _core.flow_events(memory(some()), RUN, options, b"short", 2)
    with pytest.raises(ValueError, match="1 to 4096 parts, not 0"):
        _core.flow_events(memory(some()), RUN, options, None, 0)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("variant", ["corrected", "cic2017"])
def test_a_packet_that_cannot_be_taken(variant: str, parts: int) -> None:
    """It is the error of who replays, with its number in the whole capture: of the first such packet."""
    frame = ethernet(ipv4(tcp())).octets
    head = [section(), interface(1), interface(105)]
    packets = [enhanced(frame, 1_500_000_000_000_000 + n, number=int(n in (7, 9))) for n in range(12)]
    options = options_of(variant)
    with pytest.raises(ValueError, match=f"^packet 8 has link type 105, which {variant} flows cannot take") as error:
        _core.flows(memory(b"".join(head + packets)), RUN, options)
    for place in range(12):
        pieces = [b"".join(head + packets[:place]), b"".join(head + packets[place:])]
        found = [(_core.flow_events(memory(each), RUN, options, SECRET, parts)[0][0], at)
                 for each, at in zip(pieces, (0, place), strict=True)]  # fmt: skip
        for asked in (tuple((tuple(dealt), at) for dealt, at in found), tuple((dealt[0], at) for dealt, at in found)):
            with pytest.raises(ValueError, match="has link type") as again:
                _core.flows_from(asked, options)
            assert str(again.value) == str(error.value)


# --- step by step ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "compat", "more"),
    [("corrected", None, {}), ("corrected", "fork", {}), ("cic2017", None, {}), ("corrected", None, {"dedup_us": 1000}),
     ("corrected", None, {"max_flows": 3}), ("corrected", None, {"min_packets": 3})],
)  # fmt: skip
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_each_step_has_the_flows_so_far(variant: str, compat: str | None, more: dict[str, Any], data: Any) -> None:
    """What ended up to a step, and what is open after it, are the flows of the packets up to there."""
    octets = data.draw(captures_flows.st_flow_capture((1,)))
    places = data.draw(st.lists(st.integers(0, 60), max_size=5))
    options = options_of(variant, compat, **more)
    so_far = _core.FlowsSoFar(options)
    ended: list[tuple[Any, ...]] = []
    packets = octets[:24]
    for piece, before in cut(octets, places):
        packets += piece[24:]
        ((events,), _), _ = _core.flow_events(memory(piece), RUN, options, SECRET, 1)
        new, there = so_far.take(events, before)
        ended += rows([table(new)])
        (whole, _), _ = _core.flows(memory(packets), RUN, options)
        assert sorted(ended + rows([table(there)]), key=lambda pair: pair[0]) == rows([table(whole)])
        for each in (new, there):
            starts = [(row["flow_start"], row["flow_id"]) for row in _dicts(each)]
            assert starts == sorted(starts)


def _dicts(native: _core.Frame) -> list[dict[str, Any]]:
    columns = table(native)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_a_step_that_cannot_be_taken() -> None:
    options = options_of("corrected")
    ((events,), _), _ = _core.flow_events(memory(some()), RUN, options, None, 1)
    for asked in ({"sort": True}, {"extra": ("rtt",)}):
        with pytest.raises(ValueError, match="sort and extra"):
            _core.FlowsSoFar(options_of("corrected", **asked))
    so_far = _core.FlowsSoFar(options)
    with pytest.raises(ValueError, match="cut or damaged"):
        so_far.take(events[:-1], 0)
    with pytest.raises(ValueError, match="was interrupted"):
        so_far.take(events, 0)
    with pytest.raises(ValueError, match="other options"):
        _core.FlowsSoFar(options_of("cic2017")).take(events, 0)
    with pytest.raises(TypeError):
        _core.FlowsSoFar(options).take("events", 0)


def test_two_threads_that_read_whole_captures_leave_warnings_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may have several; what is warned of in its process later is told by nobody else."""
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap_bytes([]))
    plan = pf.open(path, progress=False).partitions(None)[0].plan
    turns, second, first_ended = itertools.count(), threading.Event(), threading.Event()

    def count(capture: Any) -> int:
        if next(turns) == 0:
            second.wait(0.3)
        else:
            second.set()
            first_ended.wait(10)
        return 0

    def ask() -> None:
        _shuffle.alone(plan, "count", (), {})
        first_ended.set()

    monkeypatch.setattr(pf.Capture, "count", count)
    with warnings.catch_warnings():  # which puts right what is left wrong, for the tests behind this one
        before = warnings.filters, list(warnings.filters), warnings.showwarning
        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = warnings.filters, list(warnings.filters), warnings.showwarning
    assert after == before
