"""Octets, scapy packets and plain rows, out of a capture and back."""

from __future__ import annotations

from pathlib import Path

import pytest

import pcapframe as pf
from captures import Packet, pcap_bytes

scapy = pytest.importorskip("scapy.all", reason="scapy, which packets are handed to, is not installed")

LAB = Path(__file__).parents[1] / "examples" / "lab.pcap"


@pytest.fixture(scope="module")
def lab() -> pf.Capture:
    return pf.open(LAB)


def test_to_scapy_is_what_scapy_reads(lab: pf.Capture) -> None:
    frame = lab.packets("frame_number")[40:20:-3]
    with scapy.PcapReader(str(LAB)) as reader:
        expected = list(reader)
    for number, packet in zip(frame["frame_number"].tolist(), frame.to_scapy(), strict=True):
        assert packet == expected[number - 1]
        assert (packet.time, packet.wirelen) == (expected[number - 1].time, expected[number - 1].wirelen)


def test_there_and_back(lab: pf.Capture) -> None:
    frame = lab.filter(protocol={"DNS", "ARP"}).packets(["frame_number", "frame_time", "frame_len", "frame_raw"])
    again = pf.from_scapy(frame.to_scapy()).packets(["frame_time", "frame_len", "frame_raw"])
    assert again.to_dict() == frame[["frame_time", "frame_len", "frame_raw"]].to_dict()


def test_packets_that_were_built() -> None:
    built = [
        scapy.Ether(dst="02:00:00:00:00:01") / scapy.IP(dst="192.0.2.1") / scapy.UDP(dport=53) / scapy.DNS(),
        scapy.IPv6(dst="2001:db8::1") / scapy.TCP(dport=443),
    ]
    capture = pf.from_scapy(iter(built))
    assert capture.packets("ip_dst")["ip_dst"].tolist() == ["192.0.2.1", "2001:db8::1"]
    assert capture.octets([2, 1]) == [bytes(built[1]), bytes(built[0])]
    assert len(pf.from_scapy([]).packets()) == 0


def test_octets_that_scapy_cannot_read() -> None:
    capture = pf.open(pcap_bytes([Packet(b"\1\2\3", 9)], link_type=147))
    (packet,) = capture.packets().to_scapy()
    assert (type(packet), bytes(packet), packet.wirelen) == (scapy.Raw, b"\1\2\3", 9)


def test_what_cannot_be(lab: pf.Capture) -> None:
    with pytest.raises(TypeError, match="item 1 is int"):
        pf.from_scapy([scapy.Ether(), 3])
    with pytest.raises(TypeError, match="begins with TCP"):
        pf.from_scapy([scapy.TCP()])
    with pytest.raises(ValueError, match="frame_number"):
        lab.packets("ip_src").to_scapy()
    with pytest.raises(IndexError, match="no packet 99999"):
        lab.octets(99_999)
    with pytest.raises(TypeError):
        lab.octets("1")  # type: ignore[call-overload]
    with pytest.raises(IndexError, match="no packet 1 in"):
        lab.filter("ip").octets(1)


def test_octets(lab: pf.Capture) -> None:
    raw = lab.packets("frame_raw")["frame_raw"].tolist()
    assert lab.octets(7) == raw[6]
    assert lab.octets([9, 1, 9]) == [raw[8], raw[0], raw[8]]
    assert lab.octets([]) == []


def test_rows(lab: pf.Capture) -> None:
    frame = lab.packets(["ip_src", "tcp_dstport", "frame_number"])
    rows = list(frame.rows("frame_number", "ip_src"))
    assert rows == list(zip(*(frame[name].tolist() for name in ("frame_number", "ip_src")), strict=True))
    assert next(iter(frame.rows())) == tuple(frame[name].tolist()[0] for name in frame.columns)
    with pytest.raises(KeyError, match="did you mean"):
        list(frame.rows("tcp_dstpor"))


def test_matrix(lab: pf.Capture) -> None:
    column = lab.packets("tcp_payload")["tcp_payload"]
    rows = [octets or b"" for octets in column.tolist()]
    for width in (1, 4, 1500):
        assert column.matrix(width).tobytes() == b"".join(octets[:width].ljust(width, b"\0") for octets in rows)
        assert column.matrix(width).shape == (len(rows), width)
    with pytest.raises(ValueError, match="n: a whole number, 1 or more"):
        column.matrix(0)
    with pytest.raises(TypeError, match="no binary column"):
        lab.packets("ip_src")["ip_src"].matrix(4)
    assert pf.open(pcap_bytes([])).packets("tcp_payload")["tcp_payload"].matrix(8).shape == (0, 8)
