"""Every column of headers is what its twin in naive_fields.py says, on whatever the builders make."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import captures
import captures_ng
import captures_tunnels as tunnels
import naive
import naive_stream
import pcapframe as pf
from naive_fields import header_rows

# Interfaces are the file's (test_naive_pcapng.py), connections test_stream.py's; what applications say beyond their
# first lines has twins of its own.
ELSEWHERE = ("frame_interface_id", "frame_interface_name", "tcp_reassembled_length", *naive_stream.COLUMNS)
OTHERS = ("dns", "tls", "quic", "flow")


def compared() -> list[str]:
    known = next(header_rows(naive.read(captures.pcap_bytes([b""])).records))
    ours = [field for field in pf.columns() if field.group not in OTHERS]
    missing = [field.name for field in ours if field.name not in known and field.name not in ELSEWHERE]
    assert not missing, f"columns without a twin: {missing}"
    return [field.name for field in ours if field.name in known]


COLUMNS = compared()


def check(data: bytes) -> None:
    records = [record._replace(file="<bytes>") for record in naive.read(data).records]
    ours = pf.open(data, threads=1, progress=False).packets(columns=COLUMNS).to_dict()
    ours.pop("frame_file")
    rows = list(header_rows(records))
    for name, values in ours.items():
        assert values == [row[name] for row in rows], name


def in_a_tunnel(inner: captures.Layer) -> bytes:
    outer = captures.ipv4(captures.udp(tunnels.gtp(inner), destination=2152))
    return captures.pcap_bytes([captures.ethernet(outer).octets])


# Fragments other than the first, with more to come: what is around them is whole.
@pytest.mark.filterwarnings("ignore::pcapframe.CaptureWarning")
@settings(max_examples=50, deadline=None)
@given(captures.st_capture(damage=False) | captures_ng.st_pcapng(damage=False))
@example(in_a_tunnel(captures.ipv4(captures.udp(b"inside"), fragment=1, more_fragments=True)))
@example(in_a_tunnel(captures.ipv6(captures.fragment_header(captures.udp(b"inside"), 1, True))))
def test_core_equals_twin(data: bytes) -> None:
    check(data)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=60), st.booleans()).map(
            lambda drawn: bytes(drawn[:2]) + bytes(20 if drawn[3] else 22) + drawn[2]
        ),
        max_size=20,
    )
)
def test_any_80211_frame(frames: list[bytes]) -> None:
    check(captures.pcap_bytes(frames, link_type=105))


some_elements = st.lists(st.tuples(st.sampled_from([0, 1, 3]), st.binary(max_size=4)), max_size=4).map(
    lambda drawn: b"".join(bytes([number, len(octets)]) + octets for number, octets in drawn)
)


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from([0, 1, 2, 3, 4, 5, 8, 10, 12]), st.sampled_from([0, 0x40, 0x80]), some_elements, st.integers(0, 40)
)
def test_management_frames(subtype: int, flags: int, octets: bytes, cut: int) -> None:
    frame = bytes([subtype << 4, flags]) + bytes(range(22)) + bytes(12) + octets
    check(captures.pcap_bytes([frame, frame[: len(frame) - cut]], link_type=105))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.binary(min_size=0, max_size=40), st.integers(0, 60))
def test_any_radiotap_header(present: int, fields: bytes, length: int) -> None:
    frame = bytes(2) + length.to_bytes(2, "little") + present.to_bytes(4, "little") + fields
    check(captures.pcap_bytes([frame], link_type=127))


OPTIONS = [b"\0", b"\1", b"\2\4\5\xb4", b"\3\3\7", b"\4\2", b"\x08\x0a12345678", b"\2\3\1", b"\5\1", b"\x94\4\0\0"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([*OPTIONS, b"\x08\x0a", b"\xfe"]), max_size=6), st.integers(0, 40))
def test_any_options(drawn: list[bytes], cut: int) -> None:
    options = b"".join(drawn)[:40]
    packets = [
        captures.ipv4(captures.tcp(b"x", options=options)).octets,
        captures.ipv4(captures.udp(b"x"), options=options).octets,
    ]
    check(captures.pcap_bytes([*packets, *(packet[: len(packet) - cut] for packet in packets)], link_type=228))


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([6, 6, 0, 8]), st.sampled_from([4, 4, 0, 16]), st.integers(0, 30))
def test_any_arp(hardware: int, protocol: int, cut: int) -> None:
    frame = captures.ethernet(captures.arp(hardware, protocol)).octets
    check(captures.pcap_bytes([frame, frame[: len(frame) - cut]]))


@pytest.mark.parametrize("kind", range(64))
def test_every_icmp_type(kind: int) -> None:
    body = bytes(range(1, 9))
    packets = [
        captures.ipv4(captures.icmp(kind, 0, body)).octets,
        captures.ipv6(captures.icmpv6(96 + kind, 0, body)).octets,
    ]
    check(captures.pcap_bytes(packets, link_type=101))


def test_identifiers_of_tunnels() -> None:
    inner = captures.ethernet(captures.ipv4(captures.udp(b"x")))
    packets = [
        captures.ipv4(captures.udp(tunnels.vxlan(inner), 9, 4789)).octets,
        captures.ipv4(captures.udp(tunnels.geneve(inner), 9, 6081)).octets,
        *(captures.ipv4(tunnels.gre(inner, flags)).octets for flags in (0, 0x2000, 0xA000, 0xB000)),
    ]
    check(
        captures.pcap_bytes([captures.Packet(p[:n], len(p)) for p in packets for n in range(len(p) + 1)], link_type=228)
    )


def test_spans_that_no_int64_holds() -> None:
    early = captures_ng.interface(tsresol=9, tsoffset=-9_000_000_000)
    late = captures_ng.interface(tsresol=9, tsoffset=9_000_000_000)
    numbers = [0, 1, 1, 0, 0, 1]
    file = captures_ng.section() + early + late
    file += b"".join(captures_ng.enhanced(b"x", i, number) for i, number in enumerate(numbers))
    check(file)
    rows = pf.open(file).packets(["frame_time_delta", "frame_time_relative"]).to_dict()
    assert rows == {
        "frame_time_delta": [0, None, 1, None, 1, None],
        "frame_time_relative": [0, None, None, 3, 4, None],
    }


def test_the_page_of_columns_is_up_to_date() -> None:
    root = Path(__file__).parent.parent
    spec = importlib.util.spec_from_file_location("columns_page", root / "tools" / "columns.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    made = (root / "docs" / "columns.md").read_text("utf-8")
    assert made == tool.page(), "python tools/columns.py >docs/columns.md"
    assert {field.group for field in pf.columns()} <= tool.GROUPS.keys()
