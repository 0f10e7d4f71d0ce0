"""split(): one pass into many files, against rows put together in Python."""

from __future__ import annotations

import os
import string
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import captures_ng as ng
import pcapframe as pf
from captures import Packet, pcap_bytes
from pcapframe import _times

LAB = Path(__file__).parents[1] / "examples" / "lab.pcap"
PLAIN = string.ascii_letters + string.digits + "._-"
WHOLE = ["frame_time", "frame_len", "frame_raw"]


@pytest.fixture(scope="module")
def lab() -> pf.Capture:
    return pf.open(LAB)


def safe(value: Any) -> str:
    """The part of a name that a value makes."""
    if value is None:
        return "null"
    text = str(value)
    octets = text.encode()
    plain = [
        chr(octet) if (chr(octet).isalnum() and octet < 128) or chr(octet) in "._-" else f"%{octet:02X}"
        for octet in octets
    ]
    if text == "null" or text.startswith("."):
        plain[0] = f"%{octets[0]:02x}"
    return "".join(plain) or "%00"


def packets_by(capture: pf.Capture, *names: str) -> dict[tuple[Any, ...], list[tuple[Any, ...]]]:
    found: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for row in capture.packets([*names, *(name for name in WHOLE if name not in names)]).rows(*names, *WHOLE):
        found.setdefault(row[: len(names)], []).append(row[len(names) :])
    return found


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("suffix", ["pcap", "pcapng"])
def test_a_file_per_value(tmp_path: Path, threads: int, suffix: str) -> None:
    capture = pf.open(LAB, threads=threads)
    frame = capture.split(tmp_path / ("a-{protocol}-{ip_ttl}." + suffix))
    expected = packets_by(capture, "protocol", "ip_ttl")
    paths = [str(tmp_path / f"a-{safe(protocol)}-{safe(ttl)}.{suffix}") for protocol, ttl in expected]
    assert frame.columns == ["path", "packets", "octets"]
    assert frame["path"].tolist() == paths, "in the order of first packets"
    assert frame["packets"].tolist() == [len(rows) for rows in expected.values()]
    assert frame["octets"].tolist() == [sum(len(row[2]) for row in rows) for rows in expected.values()]
    for path, rows in list(zip(paths, expected.values(), strict=True))[:40]:
        assert list(pf.open(path).packets(WHOLE).rows()) == rows
        assert os.stat(path).st_mode & 0o777 == 0o600
    assert sorted(os.listdir(tmp_path)) == sorted(os.path.basename(path) for path in paths)


def test_more_files_than_may_be_open(tmp_path: Path) -> None:
    octets = [bytes([number % 251, number // 251]) + bytes(12) for number in range(700)]
    capture = pf.open(pcap_bytes(octets * 3))
    frame = capture.split(tmp_path / "{eth_dst}.pcap")
    assert frame["packets"].tolist() == [3] * 700
    assert len(list(tmp_path.iterdir())) == 700
    assert (
        pf.open(tmp_path / "01-02-00-00-00-00.pcap").packets("frame_raw")["frame_raw"].tolist()
        == [octets[1 + 2 * 251]] * 3
    )


@pytest.mark.parametrize("every", ["1s", "7ms", "1h"])
def test_periods(tmp_path: Path, every: str) -> None:
    times = [0, 999_999_999, 1_000_000_000, 951_868_799_999_999_999, 951_868_800_000_000_000, 4_102_444_800_000_000_000]
    packets = [Packet(bytes(20), 20, time // 10**9, time % 10**9) for time in times]
    frame = pf.open(pcap_bytes(packets, magic="nano")).split(tmp_path / "{time}.pcap", every=every)
    length = {"1s": 10**9, "7ms": 7 * 10**6, "1h": 3600 * 10**9}[every]
    names = []
    for time in times:
        seconds, fraction = divmod(time // length * length, 10**9)
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        names.append(f"{moment:%Y%m%dT%H%M%S}" + (f".{fraction:09d}" if length % 10**9 else "") + "Z.pcap")
    assert [os.path.basename(path) for path in frame["path"].tolist()] == list(dict.fromkeys(names))
    assert frame["packets"].tolist() == list(Counter(names).values())


def test_numbers_below_zero_and_flows(tmp_path: Path) -> None:
    packets = [Packet(bytes(20), 20, second) for second in (9, 5, 7)]
    frame = pf.open(pcap_bytes(packets)).split(tmp_path / "{frame_time_delta}.pcap")
    assert [os.path.basename(path) for path in frame["path"].tolist()] == [
        "0.pcap",
        "-4000000000.pcap",
        "2000000000.pcap",
    ]
    few = pf.open(LAB).filter(tcp_dstport=22)
    frame = few.split(tmp_path / "flow-{flow_id}.pcap")
    ids = few.packets(["flow_id"])["flow_id"].tolist()
    assert frame["packets"].tolist() == list(Counter(ids).values())


def test_what_a_file_cannot_hold_is_said_of_that_file(tmp_path: Path) -> None:
    path = tmp_path / "in.pcapng"
    path.write_bytes(ng.section() + ng.interface() + ng.simple(bytes(20)))
    capture = pf.open(path)
    with pytest.raises(ValueError, match=r"none-null\.pcap: packet 1 has no time"):
        capture.split(tmp_path / "none-{ip_src}.pcap")


def test_names_of_ones_own(lab: pf.Capture, tmp_path: Path) -> None:
    frame = lab.filter(tcp_dstport=[80, 22, 21, None]).split(
        tmp_path / "{tcp_dstport}.pcap", names={80: "web", "22": "ssh"}
    )
    names = {os.path.basename(path) for path in frame["path"].tolist()}
    assert {"web.pcap", "ssh.pcap", "null.pcap"} <= names
    assert not {"80.pcap", "22.pcap"} & names


def test_values_that_are_no_names(tmp_path: Path) -> None:
    ssids = [b"", b"..", b"null", b"a/b", b"\0", b"caf\xc3\xa9", b"x" * 32]
    beacons = [b"\x80\0" + bytes(34) + bytes([0, len(ssid)]) + ssid for ssid in ssids]
    frame = pf.open(pcap_bytes(beacons, link_type=105)).split(tmp_path / "{wlan_ssid}.pcap")
    shown = pf.open(pcap_bytes(beacons, link_type=105)).packets("wlan_ssid")["wlan_ssid"].tolist()
    assert [os.path.basename(path) for path in frame["path"].tolist()] == [f"{safe(text)}.pcap" for text in shown]


def test_long_values_keep_apart(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 150)
    folder.mkdir()
    for name in ("a" * 100, "a" * 99 + "b"):
        (folder / f"{name}.pcap").write_bytes(pcap_bytes([bytes(20)]))
    frame = pf.open(sorted(folder.iterdir())).split(tmp_path / "{frame_file}.pcap")
    names = [os.path.basename(path) for path in frame["path"].tolist()]
    assert len(set(names)) == 2
    assert max(map(len, names)) < 255


@pytest.mark.parametrize(
    ("template", "keywords", "error", "message"),
    [
        ("{}.pcap", {}, ValueError, "braces need the name of a column"),
        ("{0}.pcap", {}, ValueError, "braces need the name of a column"),
        ("{ip_src.pcap", {}, ValueError, "a brace stands alone"),
        ("x.pcap", {}, ValueError, "needs a column in braces"),
        ("{eth_src}/x.pcap", {}, ValueError, "not in that of its folder"),
        ("{eth_sr}.pcap", {}, KeyError, "did you mean eth_src"),
        ("{frame_raw}.pcap", {}, TypeError, "octets make no name"),
        ("{eth_src!r}.pcap", {}, ValueError, "by itself"),
        ("{time}.pcap", {}, ValueError, "needs every="),
        ("{eth_src}.txt", {}, ValueError, "by the name's suffix"),
        ("{eth_src}.pcap", {"every": "1h"}, ValueError, "needs a {time}"),
        ("{time}.pcap", {"every": "1 fortnight"}, ValueError, "no length of time"),
        ("{time}.pcap", {"every": 0}, ValueError, "from 1 ns"),
        ("{time}.pcap", {"every": 1.5}, TypeError, r"every: .*, not 1\.5"),
        ("{eth_src}{eth_dst}.pcap", {"names": {"a": "b"}}, ValueError, "one column"),
        ("{eth_src}.pcap", {"names": {"a": "../b"}}, ValueError, "no name of a file"),
    ],
)
def test_what_cannot_be(
    lab: pf.Capture, template: str, keywords: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        lab.split(template, **keywords)


def test_nothing_is_left_where_it_fails(tmp_path: Path) -> None:
    (tmp_path / "02-00-00-00-00-00.pcap").mkdir()
    capture = pf.open(pcap_bytes([bytes([number]) + bytes(13) for number in range(4)]))
    with pytest.raises(OSError, match=r"02-00-00-00-00-00\.pcap"):
        capture.split(tmp_path / "{eth_dst}.pcap")
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".pcap"]


def test_the_capture_itself_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x-00-00-00-00-00-00.pcap"
    path.write_bytes(pcap_bytes([bytes(14)]))
    with pytest.raises(ValueError, match="is the capture that is read"):
        pf.open(path).split(tmp_path / "x-{eth_src}.pcap")


def test_no_packets(tmp_path: Path) -> None:
    assert pf.open(pcap_bytes([])).split(tmp_path / "{eth_src}.pcap").shape == (0, 3)


def test_durations() -> None:
    hour = 3600 * 10**9
    for same in (
        "1h",
        "60min",
        " 3600 s",
        "3600000ms",
        timedelta(hours=1),
        np.timedelta64(1, "h"),
        hour,
        np.int64(hour),
    ):
        assert _times.duration("every", same) == hour
