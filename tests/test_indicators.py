"""Feeds of indicators: formats, defanged writing, reasons for what is skipped, hostile files, what write() makes."""

from __future__ import annotations

import io
import ipaddress
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pcapframe as pf
from pcapframe import Indicator, Indicators, _feeds, _feeds_json, _feeds_text


def read(text: str | bytes, **options: Any) -> Indicators:
    return Indicators.read(text if isinstance(text, bytes) else text.encode(), **options)


def texts(found: Indicators) -> list[str]:
    return [each.text for each in found]


def only(found: Indicators) -> Indicator:
    (each,) = found
    return each


# --- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "value", "port"),
    [
        ("1[.]2[.]3[.]4", "ip", "1.2.3.4", None),
        ("1.2.3(.)4:80", "ip", "1.2.3.4", 80),
        ("1.2.3.4/24", "ip", "1.2.3.0/24", None),
        ("2001:DB8::0/32", "ip", "2001:db8::/32", None),
        ("[2001:db8::1]:443", "ip", "2001:db8::1", 443),
        ("2001:db8[:]:1", "ip", "2001:db8::1", None),
        ("EVIL[.]example", "domain", "evil.example", None),
        ("evil(dot)example", "domain", "evil.example", None),
        ("evil[dot]example.", "domain", "evil.example", None),
        ("evil\\.example", "domain", "evil.example", None),
        ("bücher.example", "domain", "xn--bcher-kva.example", None),
        ("hxxp://evil[.]example/a?b#c", "url", "http://evil.example/a?b", None),
        ("hXXps[:]//evil[.]example:8443/", "url", "https://evil.example:8443/", 8443),
        ("h**p[://]evil.example", "url", "http://evil.example", None),
        ("hxxp[:]//1[.]2[.]3[.]4/x", "url", "http://1.2.3.4/x", None),
        ("http://user@Evil.example/", "url", "http://evil.example/", None),
        ("evil.example/a/B", "url", "http://evil.example/a/B", None),
        ("/gate.php", "url", "/gate.php", None),
        ("t13d1516h2_8daaf6152771_02713d6af862", "ja4", "t13d1516h2_8daaf6152771_02713d6af862", None),
    ],
)
def test_text_is_recognised(text: str, kind: str, value: str, port: int | None):
    found = _feeds_text.recognise(text)
    assert (found.kind, found.value, found.port) == (kind, value, port)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("d41d8cd98f00b204e9800998ecf8427e", "an MD5 hash"),
        ("0" * 64, "a SHA-256 hash"),
        ("someone@evil.example", "an e-mail address"),
        ("invoice.exe", "the name of a file"),
        ("kukutrus", "a single word"),
        ("0.0.0.0/0", "a network of all addresses"),
        ("ftp://evil.example/", "a URL of ftp"),
        ("http://evil.example:70000/", "a port above 65535"),
        ("two words", "no indicator that can be recognised"),
        ("1.2.3.4.5", "no indicator that can be recognised"),
        ("fe80::1%eth0", "an IP address with a zone"),
        ("x" * 9000, "longer than 8,192 characters"),
    ],
)
def test_text_is_refused_with_its_reason(text: str, reason: str):
    with pytest.raises(_feeds_text.Refused) as refused:
        _feeds_text.recognise(text)
    assert str(refused.value) == reason


@given(st.text(max_size=60))
def test_what_is_recognised_is_in_its_one_form(text: str):
    try:
        found = _feeds_text.recognise(text)
    except _feeds_text.Refused:
        return
    again = _feeds_text.exactly(found.kind, found.value)
    assert (again.kind, again.value) == (found.kind, found.value)


@given(st.one_of(st.ip_addresses(), st.ip_addresses(v=6)), st.integers(1, 128))
def test_networks_are_those_of_ipaddress(address: Any, length: int):
    length = min(length, address.max_prefixlen)
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    found = _feeds_text.recognise(f"{address}/{length}")
    assert ipaddress.ip_network(found.value) == network


# --- formats ---------------------------------------------------------------------------------------------------------


def test_plain_list():
    found = read("# comment\n; another\n\n1.2.3.4 # seen\nevil.example\n0.0.0.0 ads.example\n*.sub.example\nnonsense\n")
    assert [(each.kind, each.text, each.line) for each in found] == [
        ("ip", "1.2.3.4", 4),
        ("domain", "evil.example", 5),
        ("domain", "ads.example", 6),
        ("domain", "sub.example", 7),
    ]
    assert all(each.subdomains for each in found if each.kind == "domain")
    assert next(iter(found)).description == "seen"
    assert dict(found.skipped) == {"a single word": 1}
    assert found.skipped.listed[0][1:] == (8, "nonsense", "a single word")
    assert not any(each.subdomains for each in read("evil.example", subdomains=False))


def test_abuse_ch_names_in_a_comment():
    text = "####\n# abuse.ch URLhaus  #\n####\n# id,dateadded,url,url_status,threat,tags,urlhaus_link\n"
    text += '"7","2024-01-01","http://evil.example/x.sh","online","malware_download","elf,mirai","https://urlhaus.example/7"\n'
    each = only(read(text))
    assert (each.kind, each.text, each.line) == ("url", "http://evil.example/x.sh", 5)
    assert each.description == "malware_download; elf,mirai"


def test_abuse_ch_names_in_the_first_row():
    text = "# Feodo\n"
    text += '"first_seen_utc","dst_ip","dst_port","c2_status","malware"\n"2024","192.0.2.9","1194","on","Pikabot"\n'
    assert texts(read(text)) == ["192.0.2.9:1194"]
    assert texts(read(text, ports=False)) == ["192.0.2.9"]
    assert only(read(text)).description == "Pikabot"


def test_threatfox_types():
    text = "# first_seen_utc,ioc_id,ioc_value,ioc_type,malware_printable,confidence_level\n"
    text += "2024,1,192.0.2.9:443,ip:port,Cobalt,75\n2024,2,evil.example,domain,Cobalt,100\n"
    text += "2024,3,d41d8cd98f00b204e9800998ecf8427e,md5_hash,Cobalt,50\n"
    found = read(text)
    assert texts(found) == ["192.0.2.9:443", "evil.example"]
    assert [each.confidence for each in found] == [75, 100]
    assert dict(found.skipped) == {"type md5_hash": 1}


def test_table_without_names():
    found = read("2017-08-02,api.evil.example\n2017-08-03,b.evil.example\n")
    assert texts(found) == ["api.evil.example", "b.evil.example"]
    assert next(iter(found)).description == "2017-08-02"


def test_fingerprints_are_told_by_name():
    digest = "e7d705a3286e19ea42f587b344ee6865"
    assert only(read(f"ja3_md5,Listingreason\n{digest},Tor\n")).kind == "ja3"
    assert only(read(f"# JA3 hash, Threat level\n{digest}\n")).kind == "ja3"
    assert not read(f"{digest}\n")


def test_user_agents_are_word_for_word():
    found = read('user_agent,note\n"Evil/1.0 (x; y)",bad\n')
    assert only(found) == Indicator("user_agent", "Evil/1.0 (x; y)", feed="<bytes>", line=2, description="bad")


def test_zeek():
    rows = [("192.0.2.1", "ADDR"), ("192.0.2.0/24", "SUBNET"), ("Evil.Example", "DOMAIN"), ("evil.example/x", "URL"),
            ("Evil/1.0", "SOFTWARE"), ("a@b.example", "EMAIL"), ("192.0.2.0/xx", "SUBNET")]  # fmt: skip
    text = "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\n"
    text += "".join(f"{value}\tIntel::{kind}\tsource\t-\n" for value, kind in rows)
    found = read(text)
    assert texts(found) == ["192.0.2.1", "192.0.2.0/24", "evil.example", "http://evil.example/x", "Evil/1.0"]
    assert not any(each.subdomains for each in found)
    assert dict(found.skipped) == {"Zeek type EMAIL": 1, "no IP address": 1}


def misp(*attributes: dict[str, Any]) -> str:
    return json.dumps({"response": [{"Event": {"info": "the event", "Attribute": list(attributes)}}]}, indent=1)


def test_misp():
    def attribute(kind: str, value: str, **more: Any) -> dict[str, Any]:
        return {"type": kind, "value": value, "category": "Network activity", "to_ids": True, **more}

    text = misp(
        attribute("ip-dst", "192.0.2.1", comment="C2"),
        attribute("ip-dst|port", "192.0.2.2|8080"),
        attribute("domain|ip", "evil.example|192.0.2.3"),
        attribute("hostname", "host.evil.example"),
        attribute("url", "http://evil.example/x"),
        attribute("user-agent", "Evil/1.0"),
        attribute("sha1", "0" * 40),
        attribute("ip-src", "192.0.2.9", to_ids=False),
        attribute("ip-src", "192.0.2.8", deleted=True),
    )
    found = read(text)
    assert texts(found) == [
        "192.0.2.1", "192.0.2.2:8080", "evil.example", "192.0.2.3", "host.evil.example", "http://evil.example/x",
        "Evil/1.0",
    ]  # fmt: skip
    assert [each.subdomains for each in found if each.kind == "domain"] == [True, False]
    assert next(iter(found)).description == "the event; C2"
    assert text.splitlines()[(next(iter(found)).line or 0) - 1].strip() == '"value": "192.0.2.1",'
    assert found.skipped["MISP type sha1"] == found.skipped["MISP: deleted"] == 1
    assert "192.0.2.9" in texts(read(text, context=True))


def stix(*patterns: str, **more: Any) -> str:
    objects = [
        {"type": "indicator", "id": f"indicator--{number:036d}", "pattern": pattern, "pattern_type": "stix", **more}
        for number, pattern in enumerate(patterns)
    ]
    return json.dumps({"type": "bundle", "id": f"bundle--{0:036d}", "objects": objects})


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("[ipv4-addr:value = '192.0.2.1']", ["192.0.2.1"]),
        ("[ ipv4-addr:value='192.0.2.0/24' ]", ["192.0.2.0/24"]),
        ("[ipv6-addr:value = '2001:db8::1' OR domain-name:value = 'evil.example']", ["2001:db8::1", "evil.example"]),
        ("[url:value = 'http://evil.example/it\\'s']", ["http://evil.example/it's"]),
        ("[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')]", ["192.0.2.1", "192.0.2.2"]),
        ("[ipv4-addr:value ISSUBSET '192.0.2.0/24']", ["192.0.2.0/24"]),
        ("[domain-name:value = 'a.example'] OR [domain-name:value = 'b.example']", ["a.example", "b.example"]),
        (
            "[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_port = 443]",
            ["192.0.2.1:443"],
        ),
        (
            "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'Evil/1.0']",
            ["Evil/1.0"],
        ),
    ],
)
def test_stix_patterns(pattern: str, wanted: list[str]):
    found = read(stix(pattern, confidence=85))
    assert texts(found) == wanted
    assert {each.confidence for each in found} == {85}
    assert not found.skipped


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[file:hashes.MD5 = '0']", "STIX pattern with file:hashes.MD5"),
        ("[domain-name:value = 'a.example' AND ipv4-addr:value = '192.0.2.1']", "STIX pattern with AND"),
        ("[url:value MATCHES '^x']", "STIX pattern with MATCHES"),
        ("[ipv4-addr:value != '192.0.2.1']", "STIX pattern with !="),
        ("[ipv4-addr:value = '192.0.2.1'] FOLLOWEDBY [ipv4-addr:value = '192.0.2.2']", "STIX pattern with FOLLOWEDBY"),
        ("[url:value = 'x'] AND [url:value = 'y']", "STIX pattern with AND between observations"),
        ("[ipv4-addr:value = '192.0.2.1'] WITHIN 5 SECONDS", "STIX pattern with WITHIN"),
        ("[NOT ipv4-addr:value = '192.0.2.1']", "STIX pattern with NOT"),
        ("[domain-name:value LIKE '%evil%']", "STIX pattern with LIKE"),
        ("[ipv4-addr:value", "STIX pattern with a path alone"),
        ("", "STIX pattern with brackets that do not match"),
        ("[" * 5000, "STIX pattern with brackets that do not match"),
        ("\x00", "STIX pattern with what is no pattern"),
    ],
)  # fmt: skip
def test_stix_patterns_that_are_not_understood(pattern: str, reason: str):
    found = read(stix(pattern))
    assert not found
    assert dict(found.skipped) == {reason: 1}


@given(st.text(alphabet="[]()'\\=,: ANDORLIKEvalueipv4-addr:value%.x0", max_size=60))
def test_no_pattern_breaks_the_reader(pattern: str):
    read(stix(pattern))


def test_stix_subdomains_and_other_objects():
    found = read(stix("[domain-name:value = 'evil.example' OR domain-name:value LIKE '%.evil.example']"))
    assert only(found).subdomains
    assert not only(read(stix("[domain-name:value = 'evil.example']"))).subdomains
    assert dict(read(stix("[domain-name:value = 'evil.example']", revoked=True)).skipped) == {"STIX: revoked": 1}
    campaign = json.dumps({"type": "campaign", "id": "campaign--0c7b5b88-8ff7-4a4d-aa9d-feb398cd0061"})
    assert dict(read(campaign).skipped) == {"STIX campaign: no indicator": 1}


def test_other_json():
    found = read('[{"ip": ["2001:db8::1", "192.0.2.1"], "malware": "x"}, {"ip": "192.0.2.2,192.0.2.3", "md5": "0"}]')
    assert texts(found) == ["2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert next(iter(found)).description == "x"
    assert texts(read('["192.0.2.1", "evil.example"]')) == ["192.0.2.1", "evil.example"]
    assert texts(read('{"ip": "192.0.2.1"}\n{"ip": "192.0.2.2"}\n')) == ["192.0.2.1", "192.0.2.2"]
    assert list(read('{"a": 1}').skipped) == ["JSON without a member that is known to hold indicators"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<stix:STIX_Package xmlns:stix='x'>", "STIX 1 XML, which is not read"),
        ("<?xml version='1.0'?><OpenIOC/>", "OpenIOC XML, which is not read"),
        ("<?xml version='1.0'?><a/>", "XML, which is not read"),
        ("<!DOCTYPE html><html>", "an HTML page"),
        (b"\x7fELF\0\0", "a file that is no text"),
        ("{" * 10, "JSON that cannot be read"),
    ],
)
def test_files_of_other_formats_are_named(text: str | bytes, reason: str):
    assert dict(read(text).skipped) == {reason: 1}


# --- sources ---------------------------------------------------------------------------------------------------------


def test_sources(tmp_path: Path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a.txt").write_text("192.0.2.1\n")
    (tmp_path / "b" / "c.txt").write_bytes("192.0.2.2\n".encode("utf-16"))
    assert [(each.value, each.feed) for each in Indicators.read(tmp_path)] == [
        ("192.0.2.1", "a.txt"), ("192.0.2.2", "b/c.txt"),
    ]  # fmt: skip
    assert texts(Indicators.read(str(tmp_path / "*.txt"))) == ["192.0.2.1"]
    assert texts(Indicators.read([tmp_path / "a.txt"], io.BytesIO(b"192.0.2.9"))) == ["192.0.2.1", "192.0.2.9"]
    with pytest.raises(FileNotFoundError):
        Indicators.read(tmp_path / "none.txt")
    with pytest.raises(FileNotFoundError):
        Indicators.read(str(tmp_path / "*.none"))
    with pytest.raises(TypeError):
        Indicators.read(7)


def test_one_indicator_of_several_feeds(tmp_path: Path):
    for name in "ab":
        (tmp_path / name).write_text("192.0.2.1\n192.0.2.1\n")
    found = Indicators.read(tmp_path)
    assert [each.feed for each in found] == ["a", "b"]
    assert dict(found.skipped) == {"there already": 2}


# --- hostile files ---------------------------------------------------------------------------------------------------


def test_nesting_ends():
    assert dict(read("[" * 200_000).skipped) in (
        {"JSON that is nested too deeply": 1}, {"JSON that cannot be read": 1},
    )  # fmt: skip
    text = '{"a":' * 100 + '{"ip": "192.0.2.1"}' + "}" * 100
    assert "JSON that is nested more than 64 deep" in read(text).skipped
    assert not read(text)


def test_long_lines_and_many_ports():
    found = read("192.0.2.1\n" + "x" * 100_000 + "\n192.0.2.2\n")
    assert texts(found) == ["192.0.2.1", "192.0.2.2"]
    assert dict(found.skipped) == {"a line of more than 65,536 characters": 1}
    found = read("\n".join(f"192.0.2.1:{port}" for port in range(1, 2000)))
    assert len(found) == 1024
    assert found.skipped["more than 1,024 ports of one indicator"] == 1999 - 1024


def test_limits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_feeds, "MOST_INDICATORS", 3)
    monkeypatch.setattr(_feeds_json, "MOST_OCTETS", 20)
    found = read("\n".join(f"192.0.2.{number}" for number in range(5)))
    assert len(found) == 3
    assert dict(found.skipped) == {"more than 3 indicators": 2}
    assert list(read('{"ip": "192.0.2.100"}').skipped) == ["JSON of more than 0 MiB"]
    monkeypatch.setattr(_feeds, "MOST_OCTETS", 20)
    assert list(read("192.0.2.1\n" * 3).skipped) == ["a feed of more than 0 MiB"]


def test_reasons_of_the_feeds_own_words_are_bounded():
    attributes = [{"type": f"t{n}", "value": "x", "category": "c"} for n in range(2000)]
    found = read(misp(*attributes))
    assert len(found.skipped) <= _feeds.MOST_REASONS + 1
    assert found.skipped.total == 2000
    assert len(found.skipped.listed) <= _feeds.MOST_REASONS + _feeds.MOST_LISTED


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_no_octets_break_the_reader(octets: bytes):
    found = read(octets)
    assert "\x1b" not in str(found.skipped)


def test_what_is_shown_is_escaped():
    found = read(b"\x1b[31mred text\n1.2.3.4 # \x1b[0m\n")
    assert "\x1b" not in str(found.skipped)
    assert "\x1b" not in (only(found).description or "")


# --- allow lists -----------------------------------------------------------------------------------------------------


def test_allow_list_takes_precedence():
    feed = "192.0.2.1\n192.0.2.0/25\n198.51.100.0/24\nwww.good.example\nevil.example\nhttp://good.example/x\n"
    found = read(feed, allow=b"192.0.2.0/24\ngood.example\n")
    assert texts(found) == ["198.51.100.0/24", "evil.example"]
    assert dict(found.skipped) == {"allowed": 4}
    assert [each.value for each in found.allowed] == ["192.0.2.0/24", "good.example"]


def test_warning_lists_are_for_allowing():
    def warning(how: str, *values: str) -> bytes:
        return json.dumps({"list": values, "type": how, "name": "n", "matching_attributes": ["domain"]}).encode()

    assert dict(read(warning("string", "good.example")).skipped) == {"a MISP warning list, which is for allow=": 1}
    feed = "good.example\nwww.good.example\n"
    exact = read(feed, subdomains=False, allow=warning("string", "good.example"))
    assert texts(exact) == ["www.good.example"]
    assert texts(read(feed, subdomains=False, allow=warning("hostname", "good.example"))) == []
    assert "allow list: a MISP warning list by regex" in read(feed, allow=warning("regex", "x")).skipped


# --- making and writing ----------------------------------------------------------------------------------------------


def test_from_values_and_sums():
    found = Indicators.from_values({"192.0.2.1"}, description="scanner", confidence=90)
    assert only(found) == Indicator("ip", "192.0.2.1", feed="analysis", description="scanner", confidence=90)
    both = found + Indicators.from_values(["Evil/1.0"], "user_agent")
    assert [each.kind for each in both] == ["ip", "user_agent"]
    assert len(both + both) == 2
    assert only(found) in both
    with pytest.raises(ValueError, match="no_such"):
        Indicators.from_values([], "no_such")
    with pytest.raises(TypeError):
        Indicators.from_values("192.0.2.1")


def examples() -> Indicators:
    return Indicators(
        [
            Indicator("ip", "192.0.2.1", port=443, feed="a", line=3, description="=cmd()", confidence=7),
            Indicator("ip", "2001:db8::/32", feed="b"),
            Indicator("ip", "2001:db8::1", port=8, feed="b"),
            Indicator("domain", "evil.example", True, feed="a", line=1),
            Indicator("domain", "evil.example", False, feed="a"),
            Indicator("domain", "-odd.example", False, feed="a"),
            Indicator("url", "http://evil.example:8080/it's?a,b", port=8080, feed='with "quotes"'),
            Indicator("url", "/gate\\092\\255.php", feed="a"),
            Indicator("ja3", "e7d705a3286e19ea42f587b344ee6865", feed="a"),
            Indicator("ja4", "t13d1516h2_8daaf6152771_02713d6af862", feed="a"),
            Indicator("user_agent", "=Evil/1.0 \\255 'x' \\092", feed="a"),
        ]
    )


@pytest.mark.parametrize("name", ["x.csv", "x.stix.json"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str):
    before = examples()
    before.write(tmp_path / name)
    after = Indicators.read(tmp_path / name)
    assert not after.skipped, str(after.skipped)
    assert list(after) == list(before)
    assert os.listdir(tmp_path) == [name]


def test_stix_that_is_written_has_what_the_standard_asks_for(tmp_path: Path):
    examples().write(tmp_path / "x.stix.json")
    bundle = json.loads((tmp_path / "x.stix.json").read_text())
    needed = {"type", "spec_version", "id", "created", "modified", "pattern", "pattern_type", "valid_from"}
    assert bundle["type"] == "bundle"
    assert all(needed <= each.keys() for each in bundle["objects"])
    assert len({each["id"] for each in bundle["objects"]}) == len(examples())


def test_write_refuses_other_suffixes(tmp_path: Path):
    with pytest.raises(ValueError, match=r"x\.xml"):
        examples().write(tmp_path / "x.xml")


def test_pandas():
    pytest.importorskip("pandas", reason="to_pandas needs pandas")
    table = examples().to_pandas()
    assert list(table["port"].dropna()) == [443, 8, 8080]
    assert table["confidence"].isna().sum() == len(table) - 1
    assert Indicators().to_pandas().empty


def test_repr():
    assert repr(Indicators()) == "<Indicators: 0>"
    assert repr(read("192.0.2.1\nx\n")) == "<Indicators: 1 (ip 1), 1 skipped>"
    assert str(read("192.0.2.1").skipped) == "nothing was skipped"
    assert pf.Indicators is Indicators


# --- real feeds ------------------------------------------------------------------------------------------------------

CORPUS = os.environ.get("PCAPFRAME_CORPUS")


@pytest.mark.skipif(CORPUS is None, reason="PCAPFRAME_CORPUS names no folder with real feeds")
def test_every_real_feed_is_read(capsys: pytest.CaptureFixture[str]):
    """Every file gives indicators or a reason."""
    folder = Path(CORPUS or "") / "indicators"
    if not folder.is_dir():
        pytest.skip("the corpus has no indicators")
    kinds: dict[str, int] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found = Indicators.read(path)
            assert len(found) or found.skipped, f"{path}: nothing, and no reason"
            for each in found:
                kinds[each.kind] = kinds.get(each.kind, 0) + 1
    with capsys.disabled():
        print(f"\n  real feeds: {kinds}")
    assert {"ip", "domain", "url", "ja3", "user_agent"} <= kinds.keys()


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ({"type": "ip-dst|port", "category": "Network activity", "value": "192.0.2.1|" + "9" * 5000}, "192.0.2.1"),
        ({"ip": "192.0.2.1", "confidence": 10**400}, "192.0.2.1"),
        ({"ip": "192.0.2.1", "confidence": -(10**400)}, "192.0.2.1"),
    ],
)
def test_numbers_beyond_all_bounds_are_no_numbers(document: dict[str, Any], wanted: str) -> None:
    found = only(read(json.dumps(document)))
    assert (found.value, found.port, found.confidence) == (wanted, None, None)


@pytest.mark.parametrize("line", [-5, 0, 2**32, 10**30, "7", 1.5])
def test_a_line_that_no_file_has(line: Any, tmp_path: Path) -> None:
    """Of a bundle of ours that somebody changed: what it says of lines fits the columns of tables."""
    pytest.importorskip("pandas", reason="the table is pandas'")
    Indicators.from_values(["192.0.2.1"]).write(tmp_path / "a.json")
    bundle = json.loads((tmp_path / "a.json").read_text())
    bundle["objects"][0]["x_pcapframe_line"] = line
    found = read(json.dumps(bundle))
    assert only(found).line is None
    assert found.to_pandas()["line"].isna().all()
