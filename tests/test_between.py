"""Captures narrowed to a period, against a loop; the ways to say when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import captures
import naive
from test_filter import CHUNKS, THREADS, a_capture, check_questions, opened, with_libpcap

NOW = 1_500_000_000 * 10**9
SECOND = 10**9


@settings(max_examples=100, deadline=None)
@given(
    times=st.lists(st.integers(NOW, NOW + 40) | st.integers(0, 2**32 * SECOND - 1), max_size=40),
    start=st.none() | st.integers(NOW - 2, NOW + 42) | st.integers(0, 2**62),
    length=st.none() | st.integers(0, 45) | st.integers(0, 2**62),
    threads=st.sampled_from(THREADS),
    chunk=st.sampled_from(CHUNKS),
)
@example(times=[NOW, NOW + 1, NOW + 2], start=NOW + 1, length=1, threads=1, chunk=0)
def test_between_as_a_loop(times, start, length, threads: int, chunk: int) -> None:
    end = None if length is None else (start or 0) + length
    packets = [captures.Packet(b"", 0, *divmod(time, SECOND)) for time in times]
    capture = opened(captures.pcap_bytes(packets, magic="nano"), threads, chunk)
    expected = [
        number
        for number, time in enumerate(times, 1)
        if (start is None or start <= time) and (end is None or time < end)
    ]
    assert capture.between(start, end).packets(["frame_number"]).to_dict()["frame_number"] == expected
    assert capture.between(start).between(end=end).info(full=True).packets == len(expected)


def test_between_every_question(tmp_path: Path) -> None:
    data = a_capture(1, magic="nano", packets=300)
    times = {record.frame_number: record.time_ns for record in naive.read_pcap(data)[1]}
    start, end = sorted(times.values())[80], sorted(times.values())[200]
    numbers = [number for number, time in times.items() if start <= time < end]
    for threads in THREADS:
        check_questions(data, numbers, opened(data, threads, 300).between(start, end), tmp_path)


@with_libpcap
def test_between_and_filter() -> None:
    capture = opened(a_capture(1, magic="nano", packets=300))
    middle = int(np.median(capture.packets(["frame_time"])["frame_time"].values))
    one, two = capture.filter("tcp").between(middle), capture.between(middle).filter("tcp")
    number = one.packets(["frame_number"]).to_dict()["frame_number"]
    assert number == two.packets(["frame_number"]).to_dict()["frame_number"]
    assert len(number) + capture.filter("tcp").between(None, middle).info(full=True).packets == (
        capture.filter("tcp").info(full=True).packets
    )


AT = 1_499_248_020 * SECOND  # 2017-07-05T09:47:00Z


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2017-07-05T09:47Z", AT),
        ("2017-07-05T09:47", AT),
        ("2017-07-05 09:47:00", AT),
        ("2017-07-05T09:47:00z", AT),
        ("20170705T094700Z", AT),
        ("2017-07-05T06:47-03:00", AT),
        ("2017-07-05T15:17+0530", AT),
        (" 2017-07-05T09:47Z ", AT),
        ("2017-07-05", AT - (9 * 60 + 47) * 60 * SECOND),
        ("2017-07-05T09:47:00.25", AT + SECOND // 4),
        ("2017-07-05T09:47:00,25+00:00", AT + SECOND // 4),
        ("2017-07-05T09:47:00.123456789Z", AT + 123_456_789),
        ("2017-07-05T09:47:00.1234567890000", AT + 123_456_789),
        ("20170705T064700.000000001-03", AT + 1),
        ("1969-12-31T23:59:59.999999999Z", -1),
        (datetime(2017, 7, 5, 9, 47), AT),
        (datetime(2017, 7, 5, 9, 47, 0, 1, tzinfo=UTC), AT + 1000),
        (datetime(2017, 7, 5, 4, 47, tzinfo=timezone(timedelta(hours=-5))), AT),
        (datetime(2017, 7, 5).date(), AT - (9 * 60 + 47) * 60 * SECOND),
        (np.datetime64("2017-07-05T09:47"), AT),
        (np.datetime64("2017-07-05T09:47:00.123456789"), AT + 123_456_789),
        (np.datetime64("2017-07"), 1_498_867_200 * SECOND),
        (np.datetime64("2017"), 1_483_228_800 * SECOND),
        (np.datetime64(5 * 10**12 + 1, "ps"), 5 * SECOND + 1),
        (np.datetime64(5 * 10**12, "ps"), 5 * SECOND),
        (pd.Timestamp("2017-07-05T09:47:00.123456789"), AT + 123_456_789),
        (pd.Timestamp("2017-07-05T11:47:00.123456789", tz="Europe/Berlin"), AT + 123_456_789),
        (pd.Timestamp(2017, 7, 5, 9, 47), AT),
        (AT, AT),
        (np.int64(AT), AT),
        (0, 0),
    ],
)
def test_ways_to_say_when(time: object, expected: int) -> None:
    packets = [captures.Packet(b"", 0, *divmod(ns, SECOND)) for ns in (expected - 1, expected, expected + 1) if ns >= 0]
    capture = opened(captures.pcap_bytes(packets, magic="nano"))
    frame = capture.between(time)
    assert list(frame.packets(["frame_time"])["frame_time"].values) == [
        ns for ns in (expected, expected + 1) if ns >= 0
    ]
    assert capture.between(None, time).info(full=True).packets == (1 if expected > 0 else 0)


@pytest.mark.parametrize(
    ("time", "error", "message"),
    [
        ("yesterday", ValueError, "start: 'yesterday' is no time such as"),
        ("", ValueError, "is no time"),
        ("2017-07-05T09:47:61Z", ValueError, "second"),
        ("2017-02-29", ValueError, "is no time"),
        ("2017-07-05T09:47.5Z", ValueError, "only seconds have a fraction"),
        ("2017-07-05T09:47:00.1234567891Z", ValueError, "finer than a nanosecond"),
        ("2017-07-05T09:47:00.Z", ValueError, "is no time"),
        (np.datetime64("NaT", "ns"), ValueError, "NaT"),
        (pd.NaT, ValueError, "NaT"),
        (1.5e18, TypeError, r"start: ISO 8601 text, .*not 1\.5e\+18"),
        (True, TypeError, "not True"),
        (timedelta(1), TypeError, "not a timedelta"),
        (np.timedelta64(1, "s"), TypeError, "not a timedelta64"),
        (datetime(2017, 7, 5).time(), ValueError, "is no time"),
    ],
)
def test_no_times(time: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        opened(a_capture(1)).between(time)


def test_odd_periods() -> None:
    capture = opened(a_capture(1))
    count = capture.info(full=True).packets
    with pytest.raises(ValueError, match="the end, 2017-07-05, lies before the start, 2017-07-06"):
        capture.between("2017-07-06", "2017-07-05")
    assert capture.between().info(full=True).packets == count
    assert capture.between(datetime.min, datetime.max).info(full=True).packets == count
    assert capture.between(-(10**30), 10**30).info(full=True).packets == count
    assert capture.between(2**63).info(full=True).packets == 0
    assert capture.between(None, -(2**63)).info(full=True).packets == 0
    assert capture.between("2017-07-06", "2017-07-06").info(full=True).packets == 0
    assert capture.between(10, 20).between(30, 40).info(full=True).packets == 0
