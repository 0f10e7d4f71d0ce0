"""DHCP, NetBIOS names, Kerberos and NTLM: the core gives the columns that the twin gives, whatever the octets are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import captures as make
import captures_names as names
import carried
import pcapframe as pf
from carried import packet
from costs import least
from naive_names import COLUMNS, names_row

UDP_PORTS = [(68, 67), (67, 68), (9, 4011), (137, 137), (50_000, 88), (88, 137), (1900, 137), (1900, 67), (9, 10)]
TCP_PORTS = [(50_000, 88), (88, 50_000), (50_000, 445), (9, 80), (137, 67)]

DHCP = names.dhcp(
    {53: b"\3", 12: b"desk-1\0", 50: bytes((10, 0, 0, 7)), 60: b"MSFT 5.0", 81: b"\0\0\0desk-1.corp.example",
     54: bytes((10, 0, 0, 1)), 3: bytes((10, 0, 0, 1, 10, 0, 0, 2)), 6: bytes((10, 0, 0, 3)), 15: b"corp.example"},
)  # fmt: skip
REGISTRATION = names.nbns(names.netbios_name(b"DESK-1"), 5, bytes((10, 0, 0, 7)))
AS_REQ = names.request(b"ann", b"CORP.EXAMPLE", b"krbtgt", b"CORP.EXAMPLE")
TGS_REQ = names.request(None, b"CORP.EXAMPLE", b"cifs", b"files/1", kind=12, padata=bytes(300))
AS_REP = names.reply(b"ann", b"CORP.EXAMPLE", b"krbtgt", b"CORP.EXAMPLE")
ERROR = names.error(25, b"CORP.EXAMPLE", b"krbtgt", b"CORP.EXAMPLE", cname=b"desk-1$")
LOGIN = names.authenticate("ann", "CORP", "DESK-1")
CHALLENGE = names.challenge("CORP", {2: "CORP", 1: "FILES", 4: "corp.example", 3: "files.corp.example"})
MESSAGES = [DHCP, REGISTRATION, AS_REQ, TGS_REQ, AS_REP, ERROR, LOGIN, CHALLENGE]

some_options = st.dictionaries(
    st.sampled_from([0, 3, 6, 12, 15, 50, 53, 54, 60, 81, 255]),
    st.binary(max_size=12)
    | st.sampled_from([b"\4\0\0\1a\2bc\0", b"\4\0\0\1a", b"\4\0\0\5a", b"\4\0\0\0", b"\0\0\0a\0"]),
)
some_dhcp = st.builds(
    names.dhcp, some_options, st.integers(0, 3), mac=st.binary(max_size=18).map(lambda mac: mac[:16]),
    behind=st.binary(max_size=5), cookie=st.sampled_from([b"\x63\x82\x53\x63", b"\0\0\0\0"]),
)  # fmt: skip
some_name = st.one_of(
    st.builds(names.netbios_name, st.binary(max_size=15), st.integers(0, 255)),
    st.sampled_from([b"\xc0\x0c", b"\xc0\x0d", b"\xff\xff", b"\x20" + b"Q" * 32 + b"\0", b"\x20AA", b"\0", b"\1a\0"]),
)
some_nbns = st.builds(
    names.nbns, some_name, st.integers(0, 15), st.none() | st.binary(min_size=4, max_size=4), st.booleans(),
    st.integers(0, 65_535), st.sampled_from([0x20, 0x21, 1]),
)  # fmt: skip


@st.composite
def some_values(draw: st.DrawFn, depth: int = 4) -> bytes:
    """Values in values, with lengths that lie now and then."""
    pieces = []
    tags = [0x1B, 2, 0x30, *range(0xA0, 0xAB), 0x61, 0x1F, 0x6A]
    for _ in range(draw(st.integers(0, 3))):
        content = draw(some_values(depth - 1)) if depth else draw(st.binary(max_size=9))
        value = bytearray(names.der(draw(st.sampled_from(tags)), content))
        value[1] = (value[1] + draw(st.sampled_from([0] * 9 + [1, 255, 128]))) % 256
        pieces.append(bytes(value))
    return b"".join(pieces)


some_kerberos = st.one_of(
    st.sampled_from([AS_REQ, TGS_REQ, AS_REP, ERROR, names.error(-1, b"", b"", b"\xff/")]),
    st.builds(lambda kind, body: names.der(0x60 + kind, names.der(0x30, body)), st.integers(9, 31), some_values()),
).flatmap(lambda message: st.sampled_from([message, names.over_tcp(message), names.over_tcp(message, 1)]))
some_text = st.text(st.characters(min_codepoint=0, max_codepoint=0x1FFFF, exclude_categories=[]), max_size=6)
some_latin = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=6)
some_ntlm = st.one_of(
    st.builds(names.authenticate, some_text, some_text, some_text),
    st.builds(names.authenticate, some_latin, some_latin, some_latin, st.just(False)),
    st.just(CHALLENGE),
    st.builds(lambda octets: b"NTLMSSP\0" + octets, st.binary(max_size=90)),
)
some_carried = st.builds(
    lambda token, carry: carry(token),
    some_ntlm,
    st.sampled_from(
        [
            names.in_smb2,
            names.in_http,
            lambda token: names.in_http(b"SP" + token, b"PROXY-Authorization", b"negotiate"),
            lambda token: names.in_http(token, scheme=b"Basic"),
            lambda token: b"NNTLMSSP" + bytes(480) + token,
        ]
    ),
)


@st.composite
def some_payload(draw: st.DrawFn) -> bytes:
    """A message, cut and with octets changed now and then."""
    message = draw(some_dhcp | some_nbns | some_kerberos | some_carried | st.binary(max_size=60))
    octets = bytearray(message[: draw(st.integers(0, len(message))) if draw(st.integers(0, 3)) == 3 else None])
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        if octets:
            octets[draw(st.integers(0, len(octets) - 1))] = draw(st.integers(0, 255))
    return bytes(octets)


def rows(packets: Sequence[bytes | make.Packet]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return carried.rows(packets, COLUMNS, names_row)


def first(payload: bytes, ports: tuple[int, int], over: str) -> dict[str, Any]:
    """What is not null of one packet."""
    ours, theirs = rows([packet(payload, ports, over)])
    assert ours == theirs
    return {name: value for name, value in ours[0].items() if value is not None}


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(some_payload(), st.sampled_from(TCP_PORTS), st.just("tcp")),
            st.tuples(some_payload(), st.sampled_from(UDP_PORTS), st.just("udp")),
        ),
        max_size=8,
    )
)
@example([(names.in_smb2(names.authenticate("\u00a0", "\u2028", "\u00ad")), (9, 445), "tcp")])
@example([(b"NTLMSSP\0" + bytes(range(3)), (9, 80), "tcp"), (b"N" * 600, (9, 80), "tcp")])
def test_core_equals_twin(drawn: list[tuple[bytes, tuple[int, int], str]]) -> None:
    ours, theirs = rows([packet(*each) for each in drawn])
    assert ours == theirs


def test_dhcp() -> None:
    assert first(DHCP, (68, 67), "udp") == {
        "protocol": "DHCP", "dhcp_type": 1, "dhcp_hw_mac_addr": names.MAC.hex(":"),
        "dhcp_ip_client": "0.0.0.0", "dhcp_ip_your": "0.0.0.0", "dhcp_ip_server": "0.0.0.0", "dhcp_ip_relay": "0.0.0.0",
        "dhcp_option_dhcp": 3, "dhcp_option_hostname": "desk-1", "dhcp_option_domain_name": "corp.example",
        "dhcp_option_vendor_class_id": "MSFT 5.0", "dhcp_option_requested_ip_address": "10.0.0.7",
        "dhcp_option_dhcp_server_id": "10.0.0.1", "dhcp_option_router": "10.0.0.1",
        "dhcp_option_domain_name_server": "10.0.0.3", "dhcp_fqdn_name": "desk-1.corp.example",
    }  # fmt: skip
    encoded = names.dhcp({81: b"\4\0\0\6desk-1\4co.p\0"})
    assert first(encoded, (68, 67), "udp")["dhcp_fqdn_name"] == "desk-1.co\\046p"
    assert first(DHCP, (68, 69), "udp")["protocol"] == "DHCP"
    assert first(DHCP, (69, 69), "udp") == {"protocol": "UDP"}


def test_netbios_names() -> None:
    assert first(REGISTRATION, (137, 137), "udp") == {
        "protocol": "NBNS", "nbns_flags_response": 0, "nbns_flags_opcode": 5, "nbns_name": "DESK-1<20>",
        "nbns_type": 32, "nbns_addr": "10.0.0.7", "nbns_nb_flags_group": 0,
    }  # fmt: skip
    answer = names.nbns(names.netbios_name(b"CORP", 0x1C), 0, bytes((10, 0, 0, 3)), response=True, flags=0x8000)
    assert first(answer, (137, 137), "udp") == {
        "protocol": "NBNS", "nbns_flags_response": 1, "nbns_flags_opcode": 0, "nbns_name": "CORP<1c>",
        "nbns_type": 32, "nbns_addr": "10.0.0.3", "nbns_nb_flags_group": 1,
    }  # fmt: skip
    odd = names.nbns(names.netbios_name(b"\1\2__MSBROWSE__\2", 1))
    assert first(odd, (9, 137), "udp")["nbns_name"] == "\\001\\002__MSBROWSE__\\002<01>"


def test_kerberos() -> None:
    asked = {"kerberos_realm": "CORP.EXAMPLE", "kerberos_snamestring": "krbtgt/CORP.EXAMPLE", "protocol": "KERBEROS"}
    assert first(AS_REQ, (9, 88), "udp") == asked | {"kerberos_msg_type": 10, "kerberos_cnamestring": "ann"}
    assert first(names.over_tcp(AS_REQ), (9, 88), "tcp") == first(AS_REQ, (9, 88), "udp")
    told = {"kerberos_cnamestring": "ann", "kerberos_crealm": "CORP.EXAMPLE"}
    assert first(names.over_tcp(AS_REP), (88, 9), "tcp") == asked | told | {"kerberos_msg_type": 11}
    service = {"kerberos_snamestring": "cifs/files\\0471", "kerberos_msg_type": 12}
    assert first(names.over_tcp(TGS_REQ), (9, 88), "tcp") == asked | service
    told = {"kerberos_msg_type": 30, "kerberos_error_code": 25, "kerberos_cnamestring": "desk-1$"}
    assert first(ERROR, (88, 9), "udp") == asked | told | {"kerberos_crealm": "CORP.EXAMPLE"}
    assert first(AS_REQ, (9, 89), "udp") == {"protocol": "UDP"}


@pytest.mark.parametrize("carry", [names.in_smb2, names.in_http])
def test_ntlm(carry: Any) -> None:
    told = {name: value for name, value in first(carry(LOGIN), (9, 80), "tcp").items() if name != "protocol"}
    assert told == {
        "ntlmssp_messagetype": 3, "ntlmssp_auth_username": "ann", "ntlmssp_auth_domain": "CORP",
        "ntlmssp_auth_hostname": "DESK-1",
    }  # fmt: skip
    told = {name: value for name, value in first(carry(CHALLENGE), (9, 80), "tcp").items() if name != "protocol"}
    assert told == {
        "ntlmssp_messagetype": 2, "ntlmssp_challenge_target_name": "CORP",
        "ntlmssp_challenge_target_info_nb_computer_name": "FILES",
        "ntlmssp_challenge_target_info_nb_domain_name": "CORP",
        "ntlmssp_challenge_target_info_dns_computer_name": "files.corp.example",
        "ntlmssp_challenge_target_info_dns_domain_name": "corp.example",
    }  # fmt: skip
    odd = names.authenticate("\ud800ü\U0001f600", "a\\b", "")
    assert first(carry(odd), (9, 80), "tcp")["ntlmssp_auth_username"] == "\\237\\160\\128ü\U0001f600"
    assert first(carry(odd), (9, 80), "tcp")["ntlmssp_auth_domain"] == "a\\092b"
    plain = names.authenticate("ann", "CORP", "DESK-1", unicode=False)
    assert first(carry(plain), (9, 80), "tcp")["ntlmssp_auth_hostname"] == "DESK-1"


CARRIED = [
    (DHCP, (68, 67), "udp"), (REGISTRATION, (137, 137), "udp"), (AS_REQ, (9, 88), "udp"),
    (names.over_tcp(AS_REP), (88, 9), "tcp"), (names.over_tcp(ERROR), (88, 9), "tcp"),
    (names.in_smb2(LOGIN), (9, 445), "tcp"), (names.in_http(CHALLENGE), (9, 80), "tcp"),
]  # fmt: skip


@pytest.mark.parametrize(("payload", "ports", "over"), CARRIED)
def test_every_truncation(payload: bytes, ports: tuple[int, int], over: str) -> None:
    whole = packet(payload, ports, over)
    head = len(whole) - len(payload)
    cut = [make.Packet(whole[:n], len(whole)) for n in range(head, len(whole) + 1)]
    ours, theirs = rows(cut)
    assert ours == theirs
    told = [sum(value is not None for value in row.values()) for row in ours]
    assert told == sorted(told)  # what is shown stays
    assert told[-1] > told[0]


BIG = 60_000
LONG = {
    "many options": (names.dhcp({}, behind=b"\x0d\0" * (BIG // 2)), (68, 67), "udp"),
    "padding": (names.dhcp({}, behind=bytes(BIG)), (68, 67), "udp"),
    "many records": (b"\0\1\0\0\0\0\xff\xff\xff\xff\xff\xff" + b"\xc0\x0c" * (BIG // 2), (137, 137), "udp"),
    "many values": (
        names.over_tcp(names.der(0x6A, names.der(0x30, b"\x02\0" * (BIG // 2)))), (9, 88), "tcp",
    ),
    "many components": (
        names.over_tcp(names.request(b"a", b"R", *[b"s"] * (BIG // 3))), (9, 88), "tcp",
    ),
    "nearly": (b"NTLMSSN" * (BIG // 7), (9, 445), "tcp"),
    "letters": (b"N" * BIG, (9, 445), "tcp"),
    "base64": (names.in_http(b"N" * (BIG * 3 // 4)), (9, 80), "tcp"),
    "pairs": (names.in_smb2(CHALLENGE[:-4] + b"\5\0\0\0" * 2000), (445, 9), "tcp"),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_long_messages(name: str) -> None:
    """They say what the twin says, and take no longer than the same octets in pieces, give or take a lot."""
    payload, ports, over = LONG[name]
    ours, theirs = rows([packet(payload, ports, over)])
    assert ours == theirs

    def seconds(size: int, count: int) -> float:
        data = make.pcap_bytes([packet(payload[:size], ports, over)] * count, link_type=101)
        capture = pf.open(data, threads=1, progress=False)
        return least(lambda: capture.packets(columns=COLUMNS))

    assert seconds(BIG, 16) < 5 * seconds(BIG // 16, 256) + 0.02
