"""filter() and select() by columns, against the same conditions asked of every row in Python."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pcapframe as pf
from captures import pcap_bytes
from pcapframe import FilterError

LAB = Path(__file__).parents[1] / "examples" / "lab.pcap"
NAMES = [
    "frame_number", "frame_time", "frame_len", "frame_time_delta", "eth_src", "ip_src", "ip_ttl", "tcp_dstport",
    "tcp_flags", "tcp_option_kinds", "protocol", "frame_protocols", "udp_srcport", "dns_flags_response",
]  # fmt: skip
NETWORKS = ["198.51.100.0/24", "192.0.2.53/32", "2001:db8::/32", "0.0.0.0/0", "::/0"]


@pytest.fixture(scope="module")
def lab() -> pf.Capture:
    return pf.open(LAB)


@pytest.fixture(scope="module")
def rows(lab: pf.Capture) -> list[dict[str, Any]]:
    table = lab.packets(NAMES).to_dict()
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def is_one(value: Any, wanted: Any) -> bool:
    """Whether one value of a condition is met, said as plainly as can be."""
    if wanted is None or value is None:
        return value is wanted
    if isinstance(wanted, str) and "/" in wanted:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted)
    return bool(value == wanted)


def holds(row: dict[str, Any], conditions: dict[str, Any]) -> bool:
    for name, wanted in conditions.items():
        value = row[name]
        if isinstance(wanted, slice):
            if value is None or (wanted.start is not None and value < wanted.start):
                return False
            if wanted.stop is not None and value >= wanted.stop:
                return False
        elif not any(is_one(value, each) for each in (wanted if isinstance(wanted, set) else [wanted])):
            return False
    return True


def numbers(capture: pf.Capture, **keywords: Any) -> list[int]:
    return [int(number) for number in capture.filter(**keywords).packets("frame_number")["frame_number"].values]


@st.composite
def conditions(draw: st.DrawFn, rows: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)):
        values = st.sampled_from(rows).map(lambda row, name=name: row[name])
        if name == "ip_src":
            values |= st.sampled_from(NETWORKS)
        number = pf.columns(name)[0].kind not in ("text", "string")
        known = st.sampled_from([row[name] for row in rows if row[name] is not None])
        some = st.sets(values, max_size=4) | values
        found[name] = draw(
            some | st.builds(slice, known | st.none(), known | st.integers(-5, 2**70) | st.none()) if number else some
        )
    return found


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_conditions_on_columns(lab: pf.Capture, rows: list[dict[str, Any]], data: st.DataObject) -> None:
    few = rows[:: len(rows) // 97]
    wanted = data.draw(conditions(few))
    any_of = data.draw(st.none() | st.lists(conditions(few), min_size=1, max_size=3))
    expected = [
        row["frame_number"]
        for row in rows
        if holds(row, wanted) and (any_of is None or any(holds(row, each) for each in any_of))
    ]
    assert numbers(lab, any_of=any_of, **wanted) == expected


def test_kinds_of_values(lab: pf.Capture) -> None:
    http = numbers(lab, tcp_dstport=80)
    assert http
    for same in ([80], (80,), {80}, np.array([80]), np.uint16(80), slice(80, 81), range(80, 81), {80: "http"}):
        assert numbers(lab, tcp_dstport=same) == http
    address = numbers(lab, ip_src="192.0.2.53")
    assert address == numbers(lab, ip_src=ipaddress.ip_address("192.0.2.53"))
    assert address == numbers(lab, ip_src=ipaddress.ip_network("192.0.2.53/32"))
    frame = lab.packets(["ip_src", "frame_number"])
    mask = frame["ip_src"] == "192.0.2.53"
    assert address == numbers(lab, ip_src=frame[mask]["ip_src"])
    assert numbers(lab, eth_src="00-00-5E-00-53-25") == numbers(lab, eth_src="00:00:5e:00:53:25") != []
    assert numbers(lab, tcp_dstport=[]) == []
    assert numbers(lab, tcp_dstport={-1, 65536, 10**30}) == [], "what a column cannot hold no packet has"
    assert numbers(lab, frame_time=slice("2026-11-24", None)) == numbers(lab.between("2026-11-24"))


def test_filters_add_up(lab: pf.Capture) -> None:
    both = lab.filter("tcp", tcp_dstport=80).filter(ip_ttl=64)
    assert numbers(both) == numbers(lab, tcp_dstport=80, ip_ttl=64)
    assert "conditions on columns" in repr(both)


def test_select_joins_keys_and_conditions(lab: pf.Capture) -> None:
    source = lab.ioc_counts().ip.top(1)[0][0]
    frame = lab.select(ip=[source], tcp_dstport=80, columns="frame_number")
    assert frame["frame_number"].tolist() == numbers(lab, ip_src=source, tcp_dstport=80) != []
    assert lab.select(tcp_dstport=80).columns == lab.packets().columns
    with pytest.raises(TypeError, match="tcp_dstport=22"):
        lab.select()


def test_the_octets_are_kept(lab: pf.Capture, tmp_path: Path) -> None:
    lab.filter(tcp_dstport=80).write(tmp_path / "http.pcap")
    lab.select(tcp_dstport=80).write(tmp_path / "same.pcap")
    again = pf.open(tmp_path / "http.pcap").packets(["frame_time", "frame_raw"]).to_dict()
    assert again == lab.filter(tcp_dstport=80).packets(["frame_time", "frame_raw"]).to_dict()
    assert (tmp_path / "http.pcap").read_bytes() == (tmp_path / "same.pcap").read_bytes()


def test_any_file(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.pcap", "b.pcap")]
    for path in paths:
        path.write_bytes(pcap_bytes([bytes(60)]))
    assert numbers(pf.open(paths), frame_file=str(paths[1])) == [2]


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ({"tcp_dstpor": 22}, KeyError, "did you mean tcp_dstport"),
        ({"tcp": 22}, KeyError, "a condition is on one column"),
        ({"ip_src": "10.0.0"}, ValueError, "no IP address or network"),
        ({"ip_src": "10.0.0.0/99"}, ValueError, "no IP address or network"),
        ({"ip_src": 1}, TypeError, "holds text, not 1"),
        ({"tcp_dstport": "ssh"}, TypeError, "holds integers, not 'ssh'"),
        ({"tcp_dstport": 1.5}, TypeError, r"holds integers, not 1\.5"),
        ({"tcp_dstport": slice(1, 9, 2)}, ValueError, "step"),
        ({"protocol": slice("A", "B")}, TypeError, "a slice serves numbers"),
        ({"eth_src": "02:00"}, ValueError, "hardware address"),
        ({"protocol": b"TCP"}, TypeError, "not bytes"),
        ({"flow_id": 7}, ValueError, r"packets_of\(ids\) gives the packets"),
        ({"frame_raw": "x"}, TypeError, "octets cannot be asked for"),
        ({"any_of": []}, ValueError, "empty list of alternatives"),
        ({"any_of": [22]}, TypeError, "a list of dicts"),
        ({"frame_time": "soon"}, ValueError, "is no time"),
    ],
)
def test_what_cannot_be(lab: pf.Capture, wanted: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lab.filter(**wanted)


@pytest.mark.parametrize(
    ("display", "keywords"),
    [
        ("tcp.flags.syn == 1", "filter(tcp_flags_syn=1)"),
        ("ip.src==10.0.0.1 and tcp", "filter(ip_src='10.0.0.1')"),
        ('dns.flags.rcode eq "3"', "filter(dns_flags_rcode=3)"),
    ],
)
def test_a_display_filter_is_told_apart(lab: pf.Capture, display: str, keywords: str) -> None:
    with pytest.raises(FilterError) as caught:
        lab.filter(display)
    if "libpcap" not in str(caught.value):
        assert str(caught.value).endswith(keywords)
