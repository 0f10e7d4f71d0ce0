"""Capture.match() against the same question asked of every row in Python, and prefix sets against other libraries."""

from __future__ import annotations

import importlib
import ipaddress
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pcapframe as pf
from captures import dns, ethernet, ipv4, ipv6, pcap_bytes, tcp, udp
from captures_stream import EPOCH, client_hello, dns_message, file_of, packet
from naive_stream import ACK
from pcapframe import Hits, Indicator, Indicators, _core, cli
from pcapframe._columns import FIELDS
from pcapframe._feeds_text import url_key
from pcapframe._text import display

LAB = Path(__file__).parents[1] / "examples" / "lab.pcap"
PLACES = {kind: [name for name in names if name in FIELDS] for kind, names in _core.match_places().items()}
PORTS = {"ip_src": "srcport", "ip_dst": "dstport", "inner_ip_src": "inner_srcport", "inner_ip_dst": "inner_dstport",
         "http_request_uri": "dstport"}  # fmt: skip
OWN = ["frame_number", "frame_time", "ip_src", "srcport", "ip_dst", "dstport", "inner_srcport", "inner_dstport"]

Hit = tuple[Any, ...]


def needs(kind: str) -> Any:
    return pytest.mark.skipif(not PLACES[kind], reason=f"no column that a {kind} could be seen in")


# --- the twin --------------------------------------------------------------------------------------------------------


def name_of(text: str, host: bool = False) -> str:
    """A name as indicators have it."""
    if host:
        head, mark, port = text.rpartition(":")
        if mark and not port.strip("0123456789") and (":" not in head or head.endswith("]")):
            text = head
    return "".join(c.lower() if c.isascii() else c for c in text.removesuffix("."))


def is_name(each: Indicator, name: str) -> bool:
    return name == each.value or (each.subdomains and name.endswith("." + each.value))


def is_address(each: Indicator, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(each.value)


def in_answers(text: str) -> Iterator[tuple[str, str]]:
    """(type, last word) of each record."""
    for record in text.split("; "):
        if record != "...":
            _, kind, _, data = record.split(" ", 3)
            yield kind, data.split(" ")[-1]


def seen_at(row: dict[str, Any], kind: str, place: str) -> Iterator[tuple[str, str]]:
    """(as it is shown, as it is compared) of what stands at a place."""
    text = row[place]
    if text is None:
        return
    if place == "dns_answers":
        for record, word in in_answers(text):
            if kind == "ip" and record in ("A", "AAAA"):
                yield word, word
            if kind == "domain" and record in ("CNAME", "NS", "PTR", "MX", "SRV"):
                yield word, name_of(word)
    elif kind == "domain":
        yield text, name_of(text, place == "http_host")
    elif kind != "url":
        yield text, text
    else:
        host = name_of(row["http_host"] or "", True)
        if text[:7].lower() == "http://" and "/" in text[7:]:
            host, _, path = text[7:].partition("/")
            host, text = name_of(host, True), "/" + path
        if text.startswith("/"):
            yield host + text, host


def is_url(each: Indicator, url: str, host: str) -> bool:
    target = url[len(host) :]
    wanted = {host, target, target.partition("?")[0], url, url.partition("?")[0]}
    return url_key(each.value) in wanted


def twin(capture: pf.Capture, indicators: Indicators) -> list[Hit]:
    kinds = {each.kind for each in indicators}
    places = [(kind, place) for kind in PLACES if kind in kinds for place in PLACES[kind]]
    more = ["http_host"] if "url" in kinds else []
    columns = list(dict.fromkeys([*OWN, *(place for _, place in places), *more]))
    table = capture.packets(columns).to_dict()
    feeds: dict[tuple[Any, ...], list[str]] = {}
    for each in indicators:
        feeds.setdefault((each.kind, each.value, each.subdomains, each.port), []).append(each.feed)
    sought = {(e.kind, e.value, e.subdomains, e.port): e for e in reversed(list(indicators))}
    hits: list[Hit] = []
    for values in zip(*table.values(), strict=True):
        row = dict(zip(table, values, strict=True))
        for kind, place in places:
            reported = set()
            for shown, compared in seen_at(row, kind, place):
                if any(
                    (each.kind == "ip" and kind == "ip" and is_address(each, compared))
                    or (each.kind == "domain" and kind in ("domain", "url") and is_name(each, compared))
                    for each in indicators.allowed
                ):
                    continue
                for key, each in sought.items():
                    if each.kind != kind or (each.port is not None and row.get(PORTS.get(place, "")) != each.port):
                        continue
                    fits = {"ip": is_address, "domain": is_name}.get(kind, lambda one, text: one.value == text)
                    if key not in reported and (
                        is_url(each, shown, compared) if kind == "url" else fits(each, compared)
                    ):
                        reported.add(key)
                        hits.append((row["frame_number"], each.text, kind, place, shown, ", ".join(feeds[key])))
    return hits


def rows(hits: pf.Frame) -> list[Hit]:
    names = ("frame_number", "indicator", "kind", "where", "seen", "feed")
    return list(zip(*(hits[name].tolist() for name in names), strict=True))


def check(capture: pf.Capture, indicators: Indicators) -> Hits:
    """The same hits as the twin's, in the order of packets."""
    hits = capture.match(indicators)
    numbers = hits["frame_number"].tolist()
    assert numbers == sorted(numbers)
    assert sorted(rows(hits)) == sorted(twin(capture, indicators))
    return hits


# --- addresses -------------------------------------------------------------------------------------------------------


def packets() -> list[bytes]:
    made = []
    for number in range(300):
        source, target = bytes([10, 0, number % 7, number % 50]), bytes([192, 0, 2, number % 256])
        if number % 3 == 0:
            made.append(ethernet(ipv4(udp(dns(), 5000 + number % 3, 53), source, target)).octets)
        elif number % 3 == 1:
            wide = bytes.fromhex("20010db8") + bytes(11) + bytes([number % 256])
            made.append(ethernet(ipv6(tcp(b"", 4000, 443), wide, wide)).octets)
        else:
            made.append(ethernet(ipv4(ipv4(udp(b"x", 7, 9), target, source), source, target)).octets)
    return made


@pytest.fixture(scope="module")
def made() -> bytes:
    return pcap_bytes(packets())


def test_addresses_networks_ports(made: bytes):
    feed = (
        b"10.0.3.0/24\n10.0.0.0/8\n192.0.2.9\n192.0.2.12:53\n192.0.2.12:54\n2001:db8::/120\n2001:db8::7\n10.0.1.8:7\n"
    )
    hits = check(pf.open(made), Indicators.read(feed))
    assert len(hits) > 300
    assert hits.columns == ["frame_time", "frame_number", "indicator", "kind", "where", "seen", "ip_src", "srcport",
                            "ip_dst", "dstport", "feed", "community_id"]  # fmt: skip
    assert {"192.0.2.12:53", "2001:db8::7"} <= set(hits["indicator"].tolist())
    assert "192.0.2.12:54" not in hits["indicator"].tolist()


def test_allowed_addresses_are_no_hits(made: bytes):
    found = Indicators.read(b"10.0.0.0/8\n", allow=b"10.0.3.0/24\n10.0.1.8\n")
    hits = check(pf.open(made), found)
    assert not {address for address in hits["seen"].tolist() if address.startswith("10.0.3.")}
    assert len(hits) < len(pf.open(made).match(Indicators.read(b"10.0.0.0/8\n")))


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_same_answer_for_any_threads_and_chunks(made: bytes, threads: int):
    found = Indicators.read(b"10.0.3.0/24\n10.0.0.0/8\n192.0.2.0/24\n")
    capture = pf.open(made, threads=threads)
    capture._options = pf._reader.replace(capture._options, chunk=300)
    assert capture.match(found).to_dict() == pf.open(made).match(found).to_dict()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_prefixes_are_those_of_ipaddress(data: st.DataObject):
    """Addresses and networks that are near one another, so that many contain many."""
    version = data.draw(st.sampled_from([4, 6]))
    bits = 32 if version == 4 else 128
    base = data.draw(st.integers(0, (1 << bits) - 1))
    near = st.integers(0, bits).flatmap(lambda low: st.integers(0, (1 << low) - 1)).map(lambda other: base ^ other)
    make = ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network
    networks = data.draw(st.lists(st.tuples(near, st.integers(1, bits)), min_size=1, max_size=30))
    addresses = data.draw(st.lists(near, min_size=1, max_size=20))
    size = bits // 8
    frames = []
    for address in addresses:
        octets = address.to_bytes(size, "big")
        layer = ipv4(udp(b""), octets, octets) if version == 4 else ipv6(udp(b""), octets, octets)
        frames.append(ethernet(layer).octets)
    values = [str(make(network, strict=False)) for network in networks]
    check(pf.open(pcap_bytes(frames)), Indicators.from_values(values, "ip"))


@pytest.mark.parametrize("library", ["pytricia", "radix"])
def test_prefixes_are_those_of_another_library(library: str):
    module = importlib.import_module(library) if importlib.util.find_spec(library) else None
    if module is None:
        pytest.skip(f"{library} is not installed")
    dice = random.Random(7)
    networks = [
        ipaddress.ip_network((dice.getrandbits(32) & 0xFFFF00FF, dice.randint(8, 32)), strict=False)
        for _ in range(5000)
    ]
    addresses = [dice.choice(networks)[0] if n % 2 else ipaddress.ip_address(dice.getrandbits(32)) for n in range(2000)]
    frames = [ethernet(ipv4(udp(b""), bytes(4), address.packed)).octets for address in addresses]
    hits = pf.open(pcap_bytes(frames)).match(Indicators.from_values(map(str, networks), "ip"))
    ours: dict[str, str] = {}  # the longest prefix comes first
    for seen, indicator in zip(hits["seen"].tolist(), hits["indicator"].tolist(), strict=True):
        ours.setdefault(seen, indicator if "/" in indicator else f"{indicator}/32")
    tree = module.PyTricia(32) if library == "pytricia" else module.Radix()
    for network in networks:
        if library == "pytricia":
            tree.insert(str(network), 1)
        else:
            tree.add(str(network))
    theirs = {}
    for address in map(str, addresses):
        if library == "pytricia":
            found = tree.get_key(address)
        else:
            node = tree.search_best(address)
            found = node.prefix if node is not None else None
        if found is not None:
            theirs[address] = found
    ours.pop("0.0.0.0", None)
    assert ours == theirs


# --- names and texts -------------------------------------------------------------------------------------------------


def labelled(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in name.encode().split(b".") if label) + b"\0"


def question(name: str, answer: bytes = b"") -> bytes:
    header = (
        (7).to_bytes(2, "big") + (b"\x81\x80" if answer else b"\1\0") + b"\0\1\0" + bytes([bool(answer)]) + bytes(4)
    )
    return header + labelled(name) + b"\0\1\0\1" + answer


def lookup(name: str, answer: bytes = b"") -> bytes:
    return ethernet(ipv4(udp(question(name, answer), 5000, 53))).octets


@needs("domain")
def test_names():
    names = ["evil.example", "www.EVIL.example", "notevil.example", "evil.example.org", "x.y.sub.example",
             "sub.example", "com", "a" * 60 + "." + "b" * 60 + "." + "c" * 60 + ".evil.example", "good.evil.example",
             "x.good.evil.example", "-\\..evil.example"]  # fmt: skip
    feed = Indicators(
        [
            Indicator("domain", "evil.example", True, feed="a"),
            Indicator("domain", "evil.example", True, feed="b"),
            Indicator("domain", "evil.example", False, feed="c"),
            Indicator("domain", "sub.example", False, feed="a"),
            Indicator("domain", "com", True, feed="a"),
        ],
        allow=Indicators([Indicator("domain", "good.evil.example", True)]),
    )
    hits = check(pf.open(pcap_bytes(map(lookup, names))), feed)
    assert hits["feed"].tolist().count("a, b") == 4
    assert "good.evil.example" not in hits["seen"].tolist()


@pytest.mark.skipif("dns_answers" not in FIELDS, reason="no column dns_answers")
def test_answers():
    address = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x07"
    alias = b"\xc0\x0c\0\5\0\1\0\0\0\x3c" + (len(labelled("cdn.evil.example"))).to_bytes(2, "big")
    frames = [lookup("a.example", address), lookup("b.example", alias + labelled("cdn.evil.example"))]
    found = Indicators.read(b"192.0.2.7\n192.0.2.0/28\nevil.example\n", allow=b"192.0.2.8\n")
    hits = check(pf.open(pcap_bytes(frames)), found)
    assert hits["where"].tolist() == ["dns_answers"] * 3
    assert hits["seen"].tolist() == ["192.0.2.7", "192.0.2.7", "cdn.evil.example"]


def request(target: str, *fields: str, port: int = 80) -> bytes:
    text = "\r\n".join([f"GET {target} HTTP/1.1", *fields, "", ""])
    return ethernet(ipv4(tcp(text.encode(), 40000, port))).octets


@needs("url")
def test_urls_hosts_and_agents():
    frames = [
        request("/gate.php?id=7", "Host: Evil.example:8080", "User-Agent: Evil/1.0 \\x", port=8080),
        request("/gate.php", "Host: evil.example."),
        request("/other", "Host: evil.example"),
        request("http://evil.example/gate.php", "Host: proxy.example"),
        request("/gate.php", "Host: good.example"),
        request("/GATE.php", "Host: [2001:db8::1]:80"),
        request("*", "Host: evil.example"),
        request("/x?y", "User-Agent: Evil/1.0"),
    ]
    feed = """http://evil.example/gate.php
http://evil.example/gate.php?id=7
http://evil.example:8080/gate.php
http://evil.example
/gate.php
/x?y
/x
http://[2001:db8::1]/GATE.php
evil.example
"""
    found = Indicators.read(feed.encode(), allow=b"good.example\n")
    found += Indicators.from_values(["Evil/1.0 \\092x"], "user_agent")
    hits = check(pf.open(pcap_bytes(frames)), found)
    assert {"http_request_uri", "http_host", "http_user_agent"} == set(hits["where"].tolist())
    assert hits["kind"].tolist().count("url") > 12
    assert hits["indicator"].tolist().count("http://evil.example:8080/gate.php") == 1


def test_kinds_without_a_column_are_an_error():
    for kind, value in [("domain", "evil.example"), ("ja3", "0" * 32), ("user_agent", "x"), ("url", "/xyz")]:
        found = Indicators.from_values([value], kind)
        if PLACES[kind]:
            assert len(pf.open(LAB).match(found)) == 0
        else:
            with pytest.raises(ValueError, match=kind):
                pf.open(LAB).match(found)


# --- captures --------------------------------------------------------------------------------------------------------


def drawn_from(capture: pf.Capture, dice: random.Random) -> Indicators:
    """Indicators of what is in a capture, and others near them."""
    found: list[Indicator] = []
    for kind, places in PLACES.items():
        table = capture.packets(places).to_dict() if places and "dns_answers" not in places[:1] else {}
        values = sorted(
            {value for place, column in table.items() if place != "dns_answers" for value in column} - {None}
        )
        for value in dice.sample(values, min(len(values), 12)):
            more = (
                [value, str(ipaddress.ip_network((value, dice.randint(8, 32)), strict=False))]
                if kind == "ip"
                else [value]
            )
            more += [value.partition(".")[2]] if kind == "domain" else []
            for text in more:
                made = Indicators.from_values([text], kind, feed=dice.choice("abc"), subdomains=dice.random() < 0.5)
                found += [each for each in made if dice.random() < 0.9]
    return Indicators(found, allow=Indicators([each for each in found if dice.random() < 0.05]))


@pytest.mark.parametrize("seed", range(3))
def test_example_capture(seed: int):
    capture = pf.open(LAB)
    found = drawn_from(capture, random.Random(seed))
    assert len(check(capture.filter(frame_number=set(range(1, 2000))), found)) > 0


def test_summary_and_rows(made: bytes):
    hits = pf.open(made).match(Indicators.read(b"10.0.3.0/24\n10.0.0.0/8\n192.0.2.9\n"))
    counts: dict[str, int] = {}
    for indicator in hits["indicator"].tolist():
        counts[indicator] = counts.get(indicator, 0) + 1
    summary = hits.summary().to_dict()
    assert dict(zip(summary["indicator"], summary["hits"], strict=True)) == counts
    assert summary["hits"] == sorted(counts.values(), reverse=True)
    assert set(summary["feed"]) == {"<bytes>"}
    first = hits["frame_time"].values.min()
    assert min(summary["first_time"]) == first or summary["first_time"]
    some = hits[hits["indicator"] == "192.0.2.9"]
    assert isinstance(some, Hits)
    assert len(some.summary()) == 1
    assert not isinstance(hits[["seen"]], Hits)
    assert len(pf.open(made).match(Indicators()).summary()) == 0


def test_narrowed_captures(made: bytes):
    found = Indicators.read(b"10.0.0.0/8\n")
    assert set(pf.open(made).filter(udp_dstport=53).match(found)["dstport"].tolist()) == {53}


def test_match_wants_indicators(made: bytes):
    with pytest.raises(TypeError, match="Indicators"):
        pf.open(made).match(["10.0.0.1"])  # type: ignore[arg-type]


def test_core_refuses_what_is_no_indicator():
    for wrong in [("ip", b"123", 8, False, 0, "x", "f"), ("ip", b"1234", 33, False, 0, "x", "f"),
                  ("what", b"x", 0, False, 0, "x", "f"), ("domain", b"", 0, False, 0, "x", "f")]:  # fmt: skip
        with pytest.raises(ValueError, match="no indicator"):
            _core.Indicators([wrong], [])


def test_agents_are_compared_as_they_are_shown():
    assert display("a\\b\xff\x07") == "a\\092b\xff\\007"


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "feed.txt").write_text("198.51.100.66\nnonsense\n")
    (tmp_path / "own.txt").write_text("198.51.100.0/24\n")
    command = ["match", str(LAB), "--indicators", str(tmp_path / "feed.txt"), "--rows", "3"]
    assert cli.main([*command, "--skipped"]) == 0
    said = capsys.readouterr().out
    assert "1 indicator, 1 skipped" in said
    assert "a single word" in said
    assert "198.51.100.66" in said
    assert cli.main([*command, "-o", str(tmp_path / "hits.csv"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    lines = (tmp_path / "hits.csv").read_text().splitlines()
    assert document["hits"] == len(lines) - 1 == document["summary"][0]["hits"] > 0
    assert cli.main([*command, "--allow", str(tmp_path / "own.txt")]) == 2
    assert "nothing to look for" in capsys.readouterr().err


# --- what goes through several segments ------------------------------------------------------------------------------


def test_names_in_messages_of_several_segments():
    """Hellos with keys that quantum computers do not find have more octets than a segment."""
    for message, ports in ((client_hello(), (4000, 443)), (dns_message(), (4000, 53))):
        half = len(message) // 2
        data = [packet(0, 1 + at, 1, ACK, message[at : at + half], ports=ports) for at in range(0, len(message), half)]
        capture = pf.open(file_of([(EPOCH + at, one) for at, one in enumerate(data)]))
        names = capture.packets(["tls_handshake_extensions_server_name", "dns_qry_name"]).to_dict()
        sought = {name for column in names.values() for name in column if name is not None}
        hits = check(capture, Indicators([Indicator("domain", name, False) for name in sought]))
        assert len(data) in hits["frame_number"].tolist()


def test_hits_know_their_flow(made: bytes):
    """As the packets' own columns say; and the way back to the packets needs no column."""
    capture = pf.open(made)
    found = Indicators.read(b"192.0.2.9\n2001:db8::7\n")
    hits = capture.match(found, flows=True)
    packets = capture.packets(["frame_number", "flow_id", "community_id"])
    known = {number: rest for number, *rest in packets.rows()}
    assert len(hits) > 0
    assert [list(rest) for _, *rest in hits.rows("frame_number", "flow_id", "community_id")] == [
        known[number] for number in hits["frame_number"].tolist()
    ]
    plain = capture.match(found)
    assert "flow_id" not in plain.columns
    assert plain["community_id"].tolist() == hits["community_id"].tolist()
    ids = {flow for flow in hits["flow_id"].tolist() if flow is not None}
    expected = [number for number, (flow, _) in known.items() if flow in ids]
    for way in (hits, plain, hits["flow_id"]):
        assert capture.packets_of(way)["frame_number"].tolist() == expected
    assert hits.summary().to_dict() == plain.summary().to_dict()
    old = capture.match(found, flows={"variant": "cic2017"})
    assert old.provenance["options"]["flows"]["variant"] == "cic2017"
