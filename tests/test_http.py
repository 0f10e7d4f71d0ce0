"""HTTP, SSDP, Modbus/TCP and FTP: the core gives the columns that the twin gives, whatever the octets are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import captures as make
import carried
import naive
import pcapframe as pf
from carried import packet
from costs import least
from naive_http import COLUMNS, FIELDS, METHODS, application_row, is_ftp, is_http, is_modbus
from naive_packet import walked

ASKED = ["protocol", *COLUMNS]

WORDS = [
    *(b"GET", b"POST", b"M-SEARCH", b"get", b"FOO", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2", b"HTTP/1.x", b"SIP/2.0"),
    *(b"/", b"/a?b=%20\\", b"*", b"200", b"404", b"20", b"2000", b"OK", b"sip:a@b", b"\xc3\xa9\xff\0"),
    *(b" ", b"  ", b"\t", b"\r\n", b"\n", b"\r", b":", b": ", b" :", b"\r\n\r\n", b"\n\n", b"\r\n "),
    *(b"Host: a.example", b"hOST:b", b"Host", b"Content-Length: 12", b"Content-Length: 1x", b"Content-Length:"),
    *(b"Content-Length: 18446744073709551615", b"content-length: 18446744073709551616", b"Server: \0\xff\\ "),
    *(b"USER bob", b"RETR  a b ", b"220 ready", b"220-ready", b"220", b"22 ", b"2200", b"quit", b"ABCDEFGHI"),
    *(name.title() + b":" for name in FIELDS.values()),
]
PORTS = [(50_000, 80), (8080, 50_000), (50_000, 21), (21, 50_000), (21, 21), (50_000, 502), (502, 9), (1900, 9)]

some_text = st.lists(st.sampled_from(WORDS), max_size=14).map(b"".join)
some_modbus = st.tuples(
    st.binary(min_size=2, max_size=2),
    st.sampled_from([b"\0\0", b"\0\0", b"\0\1"]),
    st.sampled_from([1, 2, 6, 254, 255, 65_535]).map(lambda n: n.to_bytes(2, "big")),
    st.binary(max_size=6),
).map(b"".join)
some_payload = some_text | some_modbus | st.binary(max_size=60)


def rows(packets: Sequence[bytes | make.Packet]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return carried.rows(packets, COLUMNS, application_row)


def first(payload: bytes, ports: tuple[int, int] = (50_000, 80), over: str = "tcp") -> dict[str, Any]:
    """What is not null of one packet."""
    ours, theirs = rows([packet(payload, ports, over)])
    assert ours == theirs
    return {name: value for name, value in ours[0].items() if value is not None}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(some_payload, st.sampled_from(PORTS), st.sampled_from(["tcp", "udp"])), max_size=12))
@example([(b"GET /a  HTTP/1.1  \r\nHost:x", (9, 80), "tcp"), (b"GET /  \n", (9, 80), "tcp")])
@example([(b"HTTP/1.1 200\r\n\nServer: a", (80, 9), "tcp"), (b"HTTP/", (80, 9), "tcp"), (b"HTTP/\n", (80, 9), "tcp")])
def test_core_equals_twin(drawn: list[tuple[bytes, tuple[int, int], str]]) -> None:
    ours, theirs = rows([packet(*each) for each in drawn])
    assert ours == theirs


REQUEST = (
    b"POST /a%20b?c=d HTTP/1.1\r\nHost: example.org\r\nUser-Agent:\t curl/8 \r\nReferer: http://e/\r\nnonsense\r\n"
    b"Cookie: a=b; c=\\d\r\nAuthorization: Basic YTpi\r\nContent-Type: text/plain\r\nContent-Length: 0007\r\n"
    b"Host: second\r\n\r\nServer: no"
)
RESPONSE = b"HTTP/1.0 302 Found\nServer: \xc3\xbc\nLocation: /x\nSERVER: second\nContent-Length: 7, 7\n\nHost: no"


def test_a_request_and_a_response() -> None:
    assert first(REQUEST) == {
        "protocol": "HTTP",
        "http_request_method": "POST",
        "http_request_uri": "/a%20b?c=d",
        "http_request_version": "HTTP/1.1",
        "http_host": "example.org",
        "http_user_agent": "curl/8",
        "http_referer": "http://e/",
        "http_cookie": "a=b; c=\\092d",
        "http_authorization": "Basic YTpi",
        "http_content_type": "text/plain",
        "http_content_length": 7,
    }
    assert first(RESPONSE) == {
        "protocol": "HTTP",
        "http_response_version": "HTTP/1.0",
        "http_response_code": 302,
        "http_server": "ü",
        "http_location": "/x",
    }
    search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n"
    assert first(search, (9, 1900), "udp")["protocol"] == "SSDP"
    assert first(search, (9, 1901), "udp")["protocol"] == "UDP"


def test_modbus_and_ftp() -> None:
    asked = {"protocol": "MODBUS", "mbtcp_trans_id": 1, "mbtcp_unit_id": 7, "modbus_func_code": 3}
    assert first(bytes.fromhex("000100000006070300000002"), (9, 502)) == asked
    assert first(bytes.fromhex("000100000003078302"), (502, 9)) == {**asked, "modbus_exception_code": 2}
    assert first(b"retr  a b \r\nnext\r\n", (9, 21)) == {
        "protocol": "FTP",
        "ftp_request_command": "retr",
        "ftp_request_arg": "a b ",
    }
    assert first(b"230-Hello\r\n230 End\r\n", (21, 9)) == {
        "protocol": "FTP",
        "ftp_response_code": 230,
        "ftp_response_arg": "Hello",
    }


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method(method: bytes) -> None:
    assert first(method + b" * HTTP/1.1\r\n\r\n")["http_request_method"] == method.decode()


@pytest.mark.parametrize(
    "payload",
    [
        *(b"get / HTTP/1.1\r\n", b"GET  / HTTP/1.1\r\n", b"GETS / HTTP/1.1\r\n", b"GET", b"GET ", b"GET \r\n"),
        *(b"OPTIONS sip:a SIP/2.0\r\n", b"UPDATE a SET b\n", b"GET a\n", b"\r\nGET / HTTP/1.1\r\n", b"Host: a\r\n\r\n"),
        *(b"HTTP/1.1 20", b"HTTP/1.1 2000 x", b"HTTP/1.1", b"HTTP/1. 200 OK", b"HTTP/10 200 OK", b"http/1.1 200 OK"),
    ],
)
def test_what_is_no_http(payload: bytes) -> None:
    assert first(payload) == {"protocol": "TCP"}


@pytest.mark.parametrize(
    ("payload", "ports"),
    [
        (REQUEST, (9, 80)),
        (RESPONSE, (80, 9)),
        (bytes.fromhex("000100000003078302"), (502, 9)),
        (b"STOR a\r\n", (9, 21)),
        (b"220-a\r\n", (21, 9)),
    ],
)
def test_every_truncation(payload: bytes, ports: tuple[int, int]) -> None:
    whole = packet(payload, ports)
    head = len(whole) - len(payload)
    cut = [make.Packet(whole[:n], len(whole)) for n in range(head, len(whole) + 1)]
    ours, theirs = rows(cut)
    assert ours == theirs
    told = [sum(value is not None for value in row.values()) for row in ours]
    assert told == sorted(told)  # what is shown stays
    recognised = [is_http(payload[:n]) or is_ftp(payload[:n], ports) or is_modbus(payload[:n], ports)
                  for n in range(len(payload) + 1)]  # fmt: skip
    assert [row["protocol"] != "TCP" for row in ours] == recognised


BIG = 260_000
LONG = {
    "one line": b"GET /" + b"a" * BIG,
    "a long name": b"GET / HTTP/1.1\r\n" + b"a" * BIG + b": b",
    "a long value": b"GET / HTTP/1.1\r\nHost: " + b"\xff" * BIG,
    "many fields": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (BIG // 6),
    "many colons": b"GET / HTTP/1.1\r\n" + b":" * BIG,
    "many spaces": b"GET /" + b" " * BIG,
    "many line feeds": b"GET / HTTP/1.1\r\n" + b"\r" * BIG + b"\n",
    "zeros": b"GET / HTTP/1.1\r\nHost: " + b"\0" * BIG,
    "a late field": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"Host: a\r\n\r\n",
}


@pytest.mark.parametrize("name", LONG)
def test_long_headers(name: str) -> None:
    """Nothing is longer than four times what it comes from, all columns together."""
    data = make.pcap_bytes([packet(LONG[name], (9, 80))], link_type=101)
    ours = pf.open(data, progress=False).packets(columns=ASKED).to_dict()
    written = sum(len(values[0].encode()) for values in ours.values() if isinstance(values[0], str))
    assert written <= 4 * len(LONG[name])
    walk = walked(naive.read(data).records[0])
    for column, value in application_row(walk).items():
        if isinstance(value, str):
            assert value.startswith(ours[column][0])  # a cell has room for 64 KiB
            assert len(ours[column][0]) >= min(len(value), 65_532)
        else:
            assert ours[column] == [value]


@pytest.mark.parametrize("name", [name for name in LONG if name != "a late field"])
def test_time_is_linear(name: str) -> None:
    """Headers of 64 KiB take no longer than the same octets in pieces of 4 KiB, give or take a lot."""

    def seconds(size: int, count: int) -> float:
        data = make.pcap_bytes([packet(LONG[name][:size], (9, 80))] * count, link_type=101)
        capture = pf.open(data, threads=1, progress=False)
        return least(lambda: capture.packets(columns=COLUMNS))

    assert seconds(64_000, 16) < 5 * seconds(4_000, 256) + 0.02
