"""The DNS columns: equal to the twin for whatever octets, text that can be read back, bounded in time and length."""

from __future__ import annotations

import io
import random
import re
import struct
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import captures as make
import hostile_dns as hostile
import naive_dns
import pcapframe as pf
from costs import least
from hostile_dns import NAME, header, pointer, question, record
from naive_dns import COLUMNS, Message

Row = dict[str, object]
PORTS = {"dns": (53, 40_000), "mdns": (5353, 5353), "llmnr": (40_000, 5355)}
MOST_NAME = 4 * 255


def packet(message: bytes, kind: str = "dns", captured: int | None = None) -> make.Packet:
    """A message in a datagram, of which so many octets were captured; kind may also be tcp."""
    if kind == "tcp":
        layer = make.tcp(make.dns_tcp(message), 40_000, 53)
    else:
        layer = make.udp(message, *PORTS[kind])
    octets = make.ethernet(make.ipv4(layer)).octets
    cut = len(octets) if captured is None else len(octets) - len(message) + captured
    return make.Packet(octets[:cut], len(octets))


def core(packets: Iterable[make.Packet], columns: Iterable[str] = COLUMNS) -> list[Row]:
    frame = pf.open(make.pcap_bytes(packets), threads=1, progress=False).packets(columns=list(columns)).to_dict()
    return [dict(zip(frame, values, strict=True)) for values in zip(*frame.values(), strict=True)]


def one(message: bytes, kind: str = "dns") -> Row:
    return core([packet(message, kind)])[0]


def twin(message: bytes, kind: str = "dns") -> Row:
    return naive_dns.columns(message, "dns" if kind == "tcp" else kind)


def check(message: bytes, kind: str, lengths: Iterable[int]) -> None:
    lengths = list(lengths)
    rows = core(packet(message, kind, length) for length in lengths)
    for length, row in zip(lengths, rows, strict=True):
        expected = twin(message[:length], kind)
        assert row == expected, f"{message[:length].hex()} as {kind}"
        assert len(str(row["dns_answers"] or "").encode()) <= 16 * length
        assert all(len(str(row[name] or "").encode()) <= MOST_NAME for name in COLUMNS if name.endswith("_name"))


# --- examples ---------------------------------------------------------------------------------------------------------


def test_an_ordinary_response() -> None:
    row = one(
        header(1, 2, 0, 1)
        + question(b"\3www" + NAME)
        + record(pointer(12), 5, pointer(16), ttl=300)
        + record(pointer(16))
        + record(b"\0", 41, b"", of_class=1232)
    )
    assert {column: value for column, value in row.items() if value is not None} == {
        "dns_id": 0x1234, "dns_flags_response": 1, "dns_flags_opcode": 0, "dns_flags_authoritative": 0,
        "dns_flags_truncated": 0, "dns_flags_recdesired": 1, "dns_flags_recavail": 1, "dns_flags_authenticated": 0,
        "dns_flags_checkdisable": 0, "dns_flags_rcode": 0, "dns_count_queries": 1, "dns_count_answers": 2,
        "dns_count_auth_rr": 0, "dns_count_add_rr": 1, "dns_qry_name": "www.example.org", "dns_qry_type": 1,
        "dns_qry_class": 1, "dns_resp_name": "www.example.org", "dns_resp_type": 5, "dns_resp_ttl": 300,
        "dns_a": "192.0.2.1", "dns_cname": "example.org",
        "dns_answers": "www.example.org CNAME 300 example.org; example.org A 60 192.0.2.1",
    }  # fmt: skip


VALUES = {
    "192.0.2.1": (1, b"\xc0\0\2\1"),
    "2001:db8::1": (28, bytes.fromhex("20010db8000000000000000000000001")),
    "ns.example.org": (2, b"\2ns" + pointer(12)),
    "10 example.org": (15, b"\0\n" + pointer(12)),
    "1 2 443 example.org": (33, b"\0\1\0\2\1\xbb" + pointer(12)),
    "example.org . 1 2 3 4 5": (6, pointer(12) + b"\0" + struct.pack("!5I", 1, 2, 3, 4, 5)),
    r'"v=x\059 p=\034\092" "" "grün\255"': (16, b'\x09v=x; p="\\\0\6' + "grün".encode() + b"\xff"),
    r"My\032Printer\059\046.local": (12, b"\x0cMy Printer;.\5local\0"),
    ".": (5, b"\0"),
    r"\# 0": (16, b""),
    r"\# 5 c000020100": (1, b"\xc0\0\2\1\0"),
    r"\# 3 c00c00": (5, pointer(12) + b"\0"),
    r"\# 2 ffff": (5, b"\xff\xff"),
    r"\# 2 abcd": (65, b"\xab\xcd"),
}


@pytest.mark.parametrize("value", VALUES)
def test_values(value: str) -> None:
    kind, data = VALUES[value]
    row = one(header(1, 1) + question(NAME) + record(pointer(12), kind, data))
    assert row["dns_answers"] == f"example.org {naive_dns.TYPES[kind]} 60 {value}"


def test_types() -> None:
    """The IANA name, or TYPE and the number."""
    some = [0, 1, 52, 54, 65, 65535, 32769, *range(200, 300)]
    rows = core(packet(header(0, 1) + record(b"\0", kind, b"")) for kind in some)
    shown = [str(row["dns_answers"]).split()[1] for row in rows]
    assert shown[:7] == ["TYPE0", "A", "TLSA", "TYPE54", "HTTPS", "TYPE65535", "DLV"]
    assert shown == [naive_dns.TYPES.get(kind, f"TYPE{kind}") for kind in some]


def test_kinds() -> None:
    """The lowest port of the three decides; over TCP it is DNS."""
    message = header(1, flags=0x85B0) + question(NAME, 255, 0x8001)
    conflict = {"dns_flags_authoritative": None, "dns_flags_recdesired": None, "dns_flags_checkdisable": None}
    plain = {"dns_flags_authoritative": 1, "dns_flags_recdesired": 1, "dns_flags_checkdisable": 1}
    for ports, flags, of_class in (
        ((53, 5353), plain, 0x8001),
        ((5355, 53), plain, 0x8001),
        ((5355, 5353), plain, 1),
        ((40_000, 5353), plain, 1),
        ((5355, 40_000), conflict, 0x8001),
    ):
        packets = [make.Packet(make.ethernet(make.ipv6(make.udp(message, *ports))).octets, 2000)]
        row = core(packets)[0]
        assert {name: row[name] for name in flags} == flags, ports
        assert row["dns_qry_class"] == of_class, ports
    assert one(message, "tcp")["dns_qry_class"] == 0x8001


@pytest.mark.parametrize("name", hostile.FIXED)
def test_hostile_messages_are_as_the_twin_reads_them(name: str) -> None:
    message = hostile.FIXED[name]
    for kind in ("dns", "tcp"):
        check(message, kind, range(12 if kind == "tcp" else 0, len(message) + 1))


def test_what_hostile_messages_give() -> None:
    """A few of them by hand."""
    row = {name: one(message) for name, message in hostile.FIXED.items()}
    for name in ("pointer to itself", "labels and a pointer to them", "pointer forward", "128 labels", "a label of 64"):
        assert row[name]["dns_qry_name"] is None, name
    assert row["pointer forward"]["dns_qry_type"] == 1
    assert row["a label of 64"]["dns_qry_type"] is None
    assert str(row["127 pointers"]["dns_answers"]).endswith("; z A 60 192.0.2.1")
    assert str(row["128 pointers"]["dns_answers"]).endswith("; ...")
    assert row["127 labels"]["dns_qry_name"] == ".".join("x" * 127)
    assert str(row["255 octets"]["dns_qry_name"]).endswith("." + r"\092" * 61)
    assert row["name too long by a pointer"]["dns_answers"] == "..."
    assert row["a name beyond the data"]["dns_cname"] is None
    assert row["names like our marks"]["dns_qry_name"] == r"\046\046\046"
    assert row["names like our marks"]["dns_answers"] == r"\059\032\046\059 CNAME 60 \092#\032"


# --- whatever octets --------------------------------------------------------------------------------------------------

octet = st.one_of(st.sampled_from(b'az;. "\\\0\xff'), st.integers(0, 255))
label = st.one_of(st.lists(octet, min_size=1, max_size=6).map(bytes), st.just(b"x" * 63), st.just("grün".encode()))
labels = st.lists(label.map(lambda text: bytes([len(text)]) + text), max_size=4).map(b"".join)
kinds = st.sampled_from((1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 65, 54, 999))


@st.composite
def names(draw: st.DrawFn, places: list[int]) -> bytes:
    """Labels, and behind them an end, a pointer to another name, one to anywhere, or what is no name."""
    head = draw(labels)
    match draw(st.integers(0, 11)):
        case 0 | 1 | 2 | 3:
            return head + b"\0"
        case 4:
            return head + pointer(draw(st.integers(0, 300)))
        case 5:
            return head + bytes([draw(st.integers(64, 255))])
        case _:
            return head + pointer(draw(st.sampled_from(places)))


@st.composite
def values(draw: st.DrawFn, kind: int, places: list[int]) -> bytes:
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=40))
    name = names(places)
    match naive_dns.TYPES.get(kind):
        case "A":
            return draw(st.binary(min_size=4, max_size=4))
        case "AAAA":
            return draw(st.sampled_from((bytes(12) + b"\1\2\3\4", bytes(10) + b"\xff\xff\1\2\3\4", bytes(range(16)))))
        case "NS" | "CNAME" | "PTR":
            return draw(name)
        case "MX":
            return draw(st.binary(min_size=2, max_size=2)) + draw(name)
        case "SRV":
            return draw(st.binary(min_size=6, max_size=6)) + draw(name)
        case "SOA":
            return draw(name) + draw(name) + draw(st.binary(min_size=20, max_size=20))
        case "TXT":
            texts = draw(st.lists(st.lists(octet, max_size=9).map(bytes), min_size=1, max_size=3))
            return b"".join(bytes([len(text)]) + text for text in texts)
    return draw(st.binary(max_size=12))


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Questions and records whose names point at each other, with counts that may lie."""
    body, places = b"", [12]
    counts = [draw(st.integers(0, most)) for most in (2, 3, 1, 2)]
    for section, count in enumerate(counts):
        for _ in range(count):
            at = 12 + len(body)
            name = draw(names(places))
            if section == 0:
                body += question(name, draw(kinds), draw(st.sampled_from((1, 3, 0x8001))))
            else:
                kind = draw(kinds)
                data = draw(values(kind, [*places, at]))
                size = draw(st.integers(0, 60)) if draw(st.integers(0, 11)) == 0 else len(data)
                body += record(name, kind, data, draw(st.integers(0, 2**32 - 1)), size)
                places.append(12 + len(body) - len(data))
            places.append(at)
    if draw(st.integers(0, 4)) == 0:
        counts[draw(st.integers(0, 3))] = draw(st.sampled_from((0, 1, 5, 65_535)))
    return header(*counts, flags=draw(st.integers(0, 0xFFFF))) + body


@settings(max_examples=80, deadline=None)
@given(messages(), st.sampled_from(("dns", "dns", "mdns", "llmnr", "tcp")))
def test_made_messages_at_every_length(message: bytes, kind: str) -> None:
    check(message, kind, range(12 if kind == "tcp" else 0, len(message) + 1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=120), min_size=1, max_size=60), st.sampled_from(("dns", "mdns")))
def test_random_octets(some: list[bytes], kind: str) -> None:
    rows = core(packet(message, kind) for message in some)
    assert rows == [twin(message, kind) for message in some]


@pytest.mark.parametrize("seed", range(3))
def test_random_octets_behind_a_sound_header(seed: int) -> None:
    """Octets that are often lengths, pointers or ends."""
    draw = random.Random(seed)
    some = [
        header(draw.randrange(3), draw.randrange(4), draw.randrange(2), 1)
        + bytes(draw.choice((0, 0, 1, 2, 3, 5, 12, 0xC0, draw.randrange(256))) for _ in range(draw.randrange(120)))
        for _ in range(2000)
    ]
    rows = core(packet(message) for message in some)
    assert rows == [twin(message) for message in some]


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None)
@given(messages(), st.sampled_from(("dns", "mdns", "llmnr", "tcp")))
def test_many_made_messages(message: bytes, kind: str) -> None:
    check(message, kind, [len(message) - len(message) % 5, len(message)])


# --- the text can be read back ----------------------------------------------------------------------------------------


def unescaped(text: str) -> bytes:
    octets = b""
    for escape, plain in re.findall(r"\\(\d\d\d)|([^\\]+)", text):
        octets += bytes([int(escape)]) if escape else plain.encode()
    return octets


def labels_of(name: str) -> list[bytes]:
    return [] if name == "." else [unescaped(text) for text in name.split(".")]


@settings(max_examples=120, deadline=None)
@given(messages())
@example(header(0, 1) + record(b"\3a.b\0", 16, b'\5";\\ x'))
@example(header(1, 2) + question(NAME) + record(pointer(12), 12, b"\3a b" + pointer(12)) + record(pointer(12), 999))
def test_answers_can_be_read_back(message: bytes) -> None:
    """Names, types, TTLs and strings of the records come back out of the text, octet by octet."""
    row = one(message)
    if row["dns_answers"] is None:
        return
    pieces = str(row["dns_answers"]).split("; ")
    read = Message(message)
    found = read.records(read.number(6, 2))
    if pieces[-1] == "...":
        pieces.pop()
    for piece, expected in zip(pieces, found, strict=False):
        name, kind, ttl, value = piece.split(" ", 3)
        assert labels_of(name) == read.labels(expected.name)
        assert naive_dns.TYPES.get(expected.type, f"TYPE{expected.type}") == kind
        assert int(ttl) == expected.ttl
        data = message[expected.data : expected.data + expected.size]
        if value.startswith("\\# "):
            assert bytes.fromhex(value.split(" ")[2] if len(data) else "") == data
        elif kind in ("CNAME", "NS", "PTR"):
            assert labels_of(value) == read.labels(expected.data)
        elif kind == "TXT":
            texts = [unescaped(text) for text in re.findall(r'"([^"]*)"', value)]
            assert b"".join(bytes([len(text)]) + text for text in texts) == data


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", hostile.GROWING)
def test_hostile_messages_that_grow(name: str) -> None:
    """As the twin reads them, and never longer than 16 times the message, nor 65,536 octets."""
    for size in (60, 500, 5000):
        message = hostile.GROWING[name](size)
        assert one(message) == twin(message), size
        assert len(str(one(message)["dns_answers"] or "").encode()) <= 16 * len(message)
    assert len(str(one(hostile.GROWING[name](65_000))["dns_answers"] or "").encode()) <= 65_536


def test_the_bound_is_reached() -> None:
    """Not a record less than fits: the text with one more would be too long."""
    for size in (1000, 3000):
        message = hostile.amplified(size)
        text = str(one(message)["dns_answers"])
        single = text.split("; ")[0]
        assert text.endswith("; ...")
        assert len(text) <= 16 * len(message) < len(text) + len(single) + len("; ")


def cost(message: bytes, octets: int, column: str) -> float:
    """Seconds of the processor that `octets` octets of such messages take; the least of some tries."""
    source = make.pcap_bytes([packet(message)] * (octets // len(message)))
    return least(lambda: pf.open(io.BytesIO(source), threads=1, progress=False).packets(columns=[column]))


@pytest.mark.parametrize("column", ["dns_answers", "dns_a"])
@pytest.mark.parametrize("name", hostile.GROWING)
def test_time_grows_as_the_message_does(name: str, column: str) -> None:
    """As many octets in messages 8 times as long take about as long; were it quadratic, 8 times as long."""
    small, large = hostile.GROWING[name](8000), hostile.GROWING[name](64_000)
    octets = 4_000_000
    assert cost(large, octets, column) < 3 * cost(small, octets, column) + 0.002
