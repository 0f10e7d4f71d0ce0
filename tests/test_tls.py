"""TLS, QUIC and Community ID: the core beside its twin on hellos made to order, and each rule of docs/decoding.md."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures as make
import captures_tls as tls
import naive
import naive_tls
import pcapframe as pf
from captures import Packet

EXAMPLES = settings(deadline=None)


def tcp(payload: bytes, source: int = 50_000, destination: int = 443) -> bytes:
    return make.ethernet(make.ipv4(make.tcp(payload, source, destination))).octets


def udp(payload: bytes, source: int = 50_000, destination: int = 443) -> bytes:
    return make.ethernet(make.ipv4(make.udp(payload, source, destination))).octets


def read(packets: Iterable[bytes | Packet], link_type: int = 1) -> dict[str, list[object]]:
    """What each packet says by itself: of what goes through several test_stream.py knows."""
    columns: dict[str, list[object]] = {name: [] for name in [*naive_tls.COLUMNS, "protocol", "frame_fault"]}
    for packet in packets:
        file = make.pcap_bytes([packet], link_type)
        for name, values in pf.open(file, progress=False).packets(columns=list(columns)).to_dict().items():
            columns[name] += values
    return columns


def row(packet: bytes) -> dict[str, object]:
    return {name: values[0] for name, values in read([packet]).items()}


def check(packets: list[bytes | Packet], link_type: int = 1) -> None:
    """The core says of each packet what the twin says."""
    ours = read(packets, link_type)
    for number, record in enumerate(naive.read_pcap(make.pcap_bytes(packets, link_type))[1]):
        expected = naive_tls.columns(record) | {n: naive.decode(record)[n] for n in ("protocol", "frame_fault")}
        assert {name: values[number] for name, values in ours.items()} == expected, record.octets.hex()


# --- the core beside its twin ----------------------------------------------------------------------------------------

ports = st.sampled_from([(50_000, 443), (443, 50_000), (50_000, 4433), (8883, 1), (50_000, 80)])


@EXAMPLES
@given(st.lists(st.tuples(tls.any_records(), ports), min_size=1, max_size=12))
def test_records_made_to_order(segments: list[tuple[bytes, tuple[int, int]]]) -> None:
    check([tcp(octets, *ends) for octets, ends in segments])


@EXAMPLES
@given(st.lists(st.tuples(tls.any_datagram(), ports), min_size=1, max_size=12))
def test_datagrams_made_to_order(datagrams: list[tuple[bytes, tuple[int, int]]]) -> None:
    check([udp(octets, *ends) for octets, ends in datagrams])


@EXAMPLES
@given(st.lists(make.st_packet(1), min_size=1, max_size=20))
def test_community_id_of_packets_made_to_order(packets: list[Packet]) -> None:
    check(list(packets))


@pytest.mark.parametrize("link_type", [101, 113, 0, 127])
def test_community_id_on_other_links(link_type: int) -> None:
    draw = random.Random(link_type)
    check([make.any_packet(make.Tape(draw.randbytes(64), True), link_type) for _ in range(300)], link_type)


def test_every_type_of_icmp() -> None:
    ipv4, ipv6 = (bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])), (bytes(15) + b"\1", bytes(15) + b"\2")
    packets = []
    for kind in range(256):
        for code in (0, 3):
            for way in (1, -1):
                packets.append(make.ethernet(make.ipv4(make.icmp(kind, code), *ipv4[::way])).octets)
                packets.append(make.ethernet(make.ipv6(make.icmpv6(kind, code), *ipv6[::way])).octets)
    check(packets)


def test_versions_of_quic() -> None:
    near = {version + step for version in naive_tls.VERSIONS for step in (-1, 0, 1)}
    packets = [udp(tls.long_header(version)) for version in sorted(near)]
    for place in (14, 15, 16, 17):
        offered = [2] * place + [1]
        packets.append(udp(tls.long_header(0, rest=b"".join(each.to_bytes(4, "big") for each in offered))))
    check(packets)


def test_random_octets() -> None:
    draw = random.Random(3)
    heads = [b"", b"\x16\3\1", b"\x16\3\1\0\x60\1\0\0\x5c\3\3", b"\x16\3\3\0\x60\2\0\0\x5c\3\3" + bytes(32) + b"\0"]
    segments = [tcp(draw.choice(heads) + draw.randbytes(draw.randint(0, 120))) for _ in range(2000)]
    heads = [b"", b"\xc0\0\0\0\1\4", b"\xc0\0\0\0\0\4", b"\x80\0\0\0\0\0\0\0\0\0\1"]
    check(segments + [udp(draw.choice(heads) + draw.randbytes(draw.randint(0, 60))) for _ in range(2000)])


@pytest.mark.parametrize("port", [443, 4433])
def test_every_truncation(port: int) -> None:
    """By the segment's end, and by the snap length."""
    whole = tls.client_hello(tls.PLAIN)
    split, old = tls.record(whole[:60]) + tls.record(whole[60:]), tls.client_hello(None, methods=b"\1\2\0")
    for octets in (tls.record(whole), split, tls.record(old), tls.record(tls.server_hello())):
        check([tcp(octets[:size], destination=port) for size in range(len(octets))])
        packet = tcp(octets, destination=port)
        check([Packet(packet[:size], len(packet)) for size in range(len(packet))])
    packet = udp(tls.long_header(source=bytes(5)))
    check([Packet(packet[:size], len(packet)) for size in range(len(packet))])


def test_every_octet_changed() -> None:
    for hello in (tls.client_hello(tls.PLAIN), tls.server_hello([tls.extension(43, b"\3\4")]), tls.client_hello(None)):
        check_changed(tls.record(hello))


def check_changed(octets: bytes) -> None:
    changed = []
    for place in range(len(octets)):
        for value in (0, 1, 0xFF, octets[place] ^ 0x80, octets[place] + 1, octets[place] + 2, octets[place] - 1):
            changed.append(tcp(octets[:place] + bytes([value & 0xFF]) + octets[place + 1 :]))
    check(changed)


def test_many_and_large() -> None:
    """Records without end, a hello as large as a record and as a segment, more numbers than fingerprints count."""
    hello = tls.client_hello(tls.PLAIN)
    crowd = [hello, tls.client_hello([tls.extension(number) for number in range(3, 200)], range(0x1300, 0x1400))]
    large = tls.client_hello([tls.groups(*range(8_000, 0, -1))], range(1_000, 0, -1), lies=(0, 0, 0, 0, 0))
    pieces = b"".join(tls.record(large[at : at + 2_000]) for at in range(0, len(large), 2_000))
    beyond = tls.client_hello([tls.extension(9, bytes(20_000)), *tls.PLAIN])
    spread = b"".join(tls.record(beyond[at : at + 9_000]) for at in range(0, len(beyond), 9_000))
    tail = b"".join(tls.record(bytes([octet])) for octet in hello[-12:])
    single = b"".join(tls.record(octet.to_bytes(1, "big")) for octet in hello)
    check(
        [tcp(tls.record(each)) for each in crowd]
        + [tcp(tls.record(b"", tls.DATA) * count + tls.record(hello)) for count in (30, 31, 32)]
        + [tcp(tls.record(hello[:6]) + b"".join(tls.record(bytes([o])) for o in hello[6:count])) for count in (30, 60)]
        + [tcp(tls.record(b"", tls.DATA) * late + tls.record(hello[:-12]) + tail) for late in (19, 20, 21)]
        + [tcp(each) for each in (tls.record(large), pieces, spread, single)]
    )


def test_random_fields_of_one_packet_do_not_depend_on_others() -> None:
    packets = [tcp(tls.record(tls.client_hello(tls.PLAIN))), tcp(b""), udp(tls.long_header())]
    together = read(packets)
    for number, packet in enumerate(packets):
        assert row(packet) == {name: values[number] for name, values in together.items()}


# --- rules, one by one -----------------------------------------------------------------------------------------------


def test_a_plain_client() -> None:
    found = row(tcp(tls.record(tls.client_hello(tls.PLAIN))))
    full = "771,4865-49195-255,0-23-10-11-13-16-43,29-23,0"
    b = hashlib.sha256(b"00ff,1301,c02b").hexdigest()[:12]
    c = hashlib.sha256(b"000a,000b,000d,0017,002b_0403,0804").hexdigest()[:12]
    assert {name: value for name, value in found.items() if value is not None and name != "community_id"} == {
        "protocol": "TLS",
        "tls_record_content_type": 22,
        "tls_record_version": 0x0301,
        "tls_handshake_type": 1,
        "tls_handshake_version": 0x0303,
        "tls_handshake_session_id_length": 32,
        "tls_handshake_ciphersuite": 0x0A0A,
        "tls_handshake_ciphersuites": "2570,4865,49195,255",
        "tls_handshake_extension_types": "0,23,10,11,13,16,43,19018",
        "tls_handshake_extensions_server_name": "www.example.org",
        "tls_handshake_extensions_alpn_str": "h2",
        "tls_handshake_extensions_supported_groups": "10794,29,23",
        "tls_handshake_extensions_supported_version": 0x0304,
        "tls_handshake_ja3": hashlib.md5(full.encode(), usedforsecurity=False).hexdigest(),
        "tls_handshake_ja3_full": full,
        "tls_handshake_ja4": f"t13d0307h2_{b}_{c}",
    }


@pytest.mark.parametrize(
    ("protocol", "ends"),
    [
        (b"h2", "h2"), (b"http/1.1", "h1"), (b"x", "xx"), (b"", "00"), (b"\xab", "ab"), (b"\xab\xcd", "ad"),
        (b"\x30\xab", "3b"), (b"\x30\x31\xab\xcd", "3d"), (b"\x30\xab\xcd\x31", "01"), (b"h-", "6d"),
    ],
)  # fmt: skip
def test_alpn_in_ja4(protocol: bytes, ends: str) -> None:
    """The examples of the specification, and some between."""
    found = row(tcp(tls.record(tls.client_hello([tls.alpn(protocol, b"h2")]))))["tls_handshake_ja4"]
    assert str(found)[8:10] == ends


def test_the_specification_s_example_of_ja4() -> None:
    ciphers = "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"
    kinds = "001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015"
    algorithms = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
    special = {0: tls.sni((0, b"a")), 16: tls.alpn(b"h2"), 43: tls.versions(0x0304)}
    special[13] = tls.signature_algorithms(*algorithms)
    extensions = [special.get(kind, tls.extension(kind)) for kind in (int(text, 16) for text in kinds.split(","))]
    hello = tls.client_hello(extensions, [int(text, 16) for text in ciphers.split(",")])
    assert row(tcp(tls.record(hello)))["tls_handshake_ja4"] == "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_names_that_are_no_text() -> None:
    odd = row(tcp(tls.record(tls.client_hello([tls.sni((0, b"a\0,\xff\\\n<b>\xc3\xa9"))]))))
    assert odd["tls_handshake_extensions_server_name"] == "a\\000,\\255\\092\\010<b>é"


def test_what_is_encrypted_is_not_taken_for_a_message() -> None:
    def kind(*records: bytes) -> object:
        return row(tcp(b"".join(records)))["tls_handshake_type"]

    change, finished = tls.record(b"\1", tls.CHANGE), tls.record(bytes(40))
    assert kind(finished) is None
    assert kind(change, tls.record(tls.message(16, bytes(8)))) is None
    assert kind(change, tls.record(tls.client_hello())) == 1
    assert kind(tls.record(bytes(4))) == 0
    assert kind(tls.record(tls.message(14, b""))) == 14


def test_tls_elsewhere() -> None:
    hello, data = tls.record(tls.client_hello()), tls.record(b"abc", tls.DATA)
    assert row(tcp(hello, destination=12_345))["protocol"] == "TLS"
    assert row(tcp(data, destination=12_345))["protocol"] == "TCP"
    assert row(tcp(data, source=993))["protocol"] == "TLS"
    assert row(udp(hello))["protocol"] == "UDP"
    assert row(tcp(b"x" + hello))["protocol"] == "TCP"


@pytest.mark.parametrize(("tags", "protocol"), [(12, "TLS"), (13, "TCP")])
def test_no_seventeenth_layer(tags: int, protocol: str) -> None:
    inner = make.ipv4(make.tcp(tls.record(tls.client_hello()), destination=443))
    for _ in range(tags):
        inner = make.vlan(inner)
    packet = make.ethernet(inner).octets
    check([packet])
    assert (row(packet)["protocol"], row(packet)["frame_fault"]) == (protocol, None)


def test_quic_long_headers() -> None:
    found = row(udp(tls.long_header(1, 0xE3, bytes(range(8)), b"\xab\xcd")))
    assert (found["protocol"], found["quic_version"], found["quic_long_packet_type"]) == ("QUIC", 1, 2)
    assert (found["quic_dcid"], found["quic_scid"]) == ("0001020304050607", "abcd")
    assert row(udp(tls.long_header(0x6B3343CF, 0xD0)))["quic_long_packet_type"] == 1
    negotiation = row(udp(tls.long_header(0, 0x80, rest=b"\0\0\0\1")))
    assert (negotiation["quic_version"], negotiation["quic_long_packet_type"]) == (0, None)
    for stranger in (tls.long_header(2), tls.long_header(1, 0x80), tls.long_header(1, rest=bytes(15)), b"\x40" * 40):
        assert row(udp(stranger))["protocol"] == "UDP"


def test_community_id_of_both_directions_and_of_fragments() -> None:
    one, other = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
    there = udp(b"abc", 1000, 2000)
    back = make.ethernet(make.ipv4(make.udp(b"", 2000, 1000), other, one)).octets
    assert row(there)["community_id"] == row(back)["community_id"] is not None
    first = make.ethernet(make.ipv4(make.udp(b"abcde", 1000, 2000), more_fragments=True)).octets
    later = make.ethernet(make.ipv4(make.udp(b"abcde", 1000, 2000), fragment=8)).octets
    assert row(first)["community_id"] == row(there)["community_id"]
    assert row(later)["community_id"] is None
    assert row(make.ethernet(make.arp()).octets)["community_id"] is None


def test_all_is_written_within_bounds() -> None:
    """At most four octets of one, and three of a number's two."""
    hello = tls.client_hello([tls.sni((0, b"\xff" * 2_000)), tls.groups(*[65_535] * 2_000)], [65_535] * 2_000)
    found = row(tcp(tls.record(hello)))
    assert len(str(found["tls_handshake_extensions_server_name"])) == 4 * 2_000
    assert all(len(str(value)) <= 3 * len(hello) for value in found.values())
