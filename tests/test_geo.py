"""Places of addresses, the map and the KML."""

from __future__ import annotations

import ipaddress
import os
import re
import runpy
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import pcapframe as pf
from captures import Packet, ethernet, ipv4, pcap_bytes, udp

pytest.importorskip("iptocc", reason="countries come from iptocc: pip install 'pcapframe[geo]'")
pytest.importorskip("pandas", reason="geo.locate returns a DataFrame: pip install pandas")
matplotlib = pytest.importorskip("matplotlib", reason="the map needs matplotlib: pip install 'pcapframe[plot]'")
matplotlib.use("Agg")

ROOT = Path(__file__).parent.parent
CORPUS = os.environ.get("PCAPFRAME_CORPUS")
MAXMIND = Path(CORPUS or "/nowhere") / "geo" / "maxmind+MaxMind-DB"
corpus = pytest.mark.skipif(not MAXMIND.is_dir(), reason="MaxMind's test databases: set PCAPFRAME_CORPUS")
KML = {"k": "http://www.opengis.net/kml/2.2"}
HOME = (48.2, 16.4)


@pytest.fixture(autouse=True)
def _close() -> Any:
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def cap() -> pf.Capture:
    return pf.open(runpy.run_path(str(ROOT / "examples" / "world.py"))["capture"]())


def between(*pairs: tuple[str, str]) -> pf.Capture:
    packets = []
    for number, (source, destination) in enumerate(pairs):
        ends = {"source": ipaddress.ip_address(source).packed, "destination": ipaddress.ip_address(destination).packed}
        octets = ethernet(ipv4(udp(b"x", 1000, 2000), **ends)).octets
        packets.append(Packet(octets, len(octets), 1_500_000_000 + number))
    return pf.open(pcap_bytes(packets))


# --- locate ----------------------------------------------------------------------------------------------------------

SCOPES = {
    "10.1.2.3": "private", "172.31.255.255": "private", "172.32.0.1": "public", "192.168.0.1": "private",
    "100.64.0.1": "private", "127.0.0.1": "private", "169.254.1.1": "private", "::1": "private", "fe80::1": "private",
    "fe80::1%eth0": "private", "fd00::1": "private", "::ffff:10.0.0.1": "private", "::ffff:8.8.8.8": "public",
    "192.0.2.1": "reserved", "198.51.100.7": "reserved", "203.0.113.9": "reserved", "2001:db8::1": "reserved",
    "224.0.0.251": "reserved", "ff02::1": "reserved", "255.255.255.255": "reserved", "240.0.0.1": "reserved",
    "0.0.0.0": "reserved", "::": "reserved", "198.18.0.1": "reserved",
    "8.8.8.8": "public", "2001:4860:4860::8888": "public", "193.0.6.139": "public",
    "no address": "unknown", "": "unknown", "1.2.3.4.5": "unknown",
}  # fmt: skip


def test_private_reserved_and_unknown_are_told_apart() -> None:
    table = pf.geo.locate([*SCOPES, None])
    assert dict(zip(table["address"], table["scope"], strict=True)) == {**SCOPES, None: "unknown"}
    placed = table["scope"] == "public"
    assert table.loc[placed, "country"].notna().all()
    assert table.loc[~placed].drop(columns=["address", "scope"]).isna().all().all()


def test_countries_of_registration() -> None:
    table = pf.geo.locate(["193.0.6.139", "133.11.0.1", "193.0.6.139", "2001:67c:2e8::1"])
    assert table["country"].tolist() == ["NL", "JP", "NL", "NL"]  # RIPE NCC, the University of Tokyo, RIPE NCC
    assert table["country_name"].tolist()[:2] == ["Netherlands", "Japan"]
    assert table["precision"].tolist() == ["country"] * 4
    assert abs(table["latitude"][0] - 52.3) < 1
    assert abs(table["longitude"][0] - 5.5) < 1
    assert table["asn"].isna().all()


def test_public_space_that_nobody_has_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    import iptocc

    monkeypatch.setattr(iptocc, "country_code", lambda addresses: [None] * len(addresses))
    assert pf.geo.locate(["8.8.8.8"])["scope"].tolist() == ["unknown"]


def test_each_address_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import iptocc

    asked: list[str] = []
    plain = iptocc.country_code
    monkeypatch.setattr(iptocc, "country_code", lambda addresses: asked.extend(addresses) or plain(addresses))
    pf.geo.locate(["8.8.8.8", "10.0.0.1", "8.8.8.8", "192.0.2.1"])
    assert asked == ["8.8.8.8"]


def test_locate_takes_a_list() -> None:
    with pytest.raises(TypeError, match="addresses: a list or set of addresses"):
        pf.geo.locate("8.8.8.8")
    assert len(pf.geo.locate([])) == 0


def test_missing_parts_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "iptocc", None)
    with pytest.raises(ImportError, match=r"pip install 'pcapframe\[geo\]'"):
        pf.geo.locate(["8.8.8.8"])


@corpus
def test_cities_and_systems_from_a_database() -> None:
    pytest.importorskip("maxminddb", reason="databases are read by maxminddb: pip install 'pcapframe[geo]'")
    data = MAXMIND / "test-data"
    addresses = ["81.2.69.142", "89.160.20.112", "1.128.0.1", "2001:218::1", "10.0.0.1", "192.0.2.1"]
    table = pf.geo.locate(addresses, [data / "GeoLite2-City-Test.mmdb", data / "GeoLite2-ASN-Test.mmdb"])
    assert table["city"].tolist()[:2] == ["London", "Linköping"]
    assert table["country"].tolist()[:4] == ["GB", "SE", "AU", "JP"]
    assert table["asn"].tolist()[1:3] == [29518, 1221]
    assert table["organisation"][2] == "Telstra Pty Ltd"
    assert (table["latitude"][0], table["longitude"][0]) == (51.5142, -0.0931)
    assert table["precision"].tolist()[:3] == ["database", "database", "country"]
    assert table["scope"].tolist() == [*["public"] * 4, "private", "reserved"]


@corpus
def test_databases_of_ipv4_only_are_not_asked_for_ipv6() -> None:
    pytest.importorskip("maxminddb", reason="databases are read by maxminddb: pip install 'pcapframe[geo]'")
    table = pf.geo.locate(["2001:218::1", "1.1.1.1"], MAXMIND / "test-data" / "MaxMind-DB-test-ipv4-24.mmdb")
    assert table["city"].isna().all()


@corpus
def test_broken_databases_are_one_line_or_say_nothing() -> None:
    pytest.importorskip("maxminddb", reason="databases are read by maxminddb: pip install 'pcapframe[geo]'")
    addresses = ["1.1.1.1", "2.125.160.216", "81.2.69.142", "2001:218::1", "216.160.83.56", "1.0.0.1"]
    files = [*sorted((MAXMIND / "bad-data").rglob("*.mmdb")), *sorted((MAXMIND / "test-data").glob("*.mmdb"))]
    refused = {}
    for file in files:
        try:
            table = pf.geo.locate(addresses, file)
        except ValueError as error:
            refused[file.name] = str(error)
        else:
            assert len(table) == len(addresses)
            assert table["latitude"].dropna().abs().max() <= 90 or table["latitude"].isna().all()
    assert all(name in message and message.isprintable() for name, message in refused.items())
    assert "GeoIP2-City-Test-Broken-Double-Format.mmdb" in refused
    assert "GeoIP2-City-Test.mmdb" not in refused


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("maxminddb", reason="databases are read by maxminddb: pip install 'pcapframe[geo]'")
    (tmp_path / "no\n.mmdb").write_bytes(b"not a database")
    with pytest.raises(ValueError, match="no usable MaxMind") as told:
        pf.geo.locate(["8.8.8.8"], tmp_path / "no\n.mmdb")
    assert str(told.value).isprintable()
    with pytest.raises(FileNotFoundError):
        pf.geo.locate(["8.8.8.8"], tmp_path / "none.mmdb")


@pytest.mark.parametrize(
    "record",
    [
        None, 3, "text", [], {}, {"country": 3}, {"country": {"iso_code": 7}}, {"city": {"names": ["x"]}},
        {"location": {"latitude": float("nan"), "longitude": 1.0}}, {"location": {"latitude": 91.0, "longitude": 1.0}},
        {"location": {"latitude": True, "longitude": 1.0}}, {"autonomous_system_number": -1},
        {"autonomous_system_number": 2**40}, {"location": {"latitude": 5.0}},
    ],
)  # fmt: skip
def test_records_of_any_shape_say_nothing(record: object) -> None:
    from pcapframe._geo_locate import Found, _read

    assert _read(record) == Found()


# --- the map ---------------------------------------------------------------------------------------------------------


def test_outline_is_small_and_whole() -> None:
    from pcapframe._geo_locate import world

    file = ROOT / "python" / "pcapframe" / "data" / "world.json"
    assert file.stat().st_size < 200_000
    assert "public domain" in world()["source"]
    for line in world()["outline"]:
        points = np.reshape(line, (-1, 2))
        assert (points[0] == points[-1]).all()
        assert (np.abs(points) <= (1800, 900)).all()
    assert len(world()["places"]) > 230
    for code, (name, latitude, longitude) in world()["places"].items():
        assert re.fullmatch("[A-Z]{2}", code)
        assert name
        assert abs(latitude) <= 90
        assert abs(longitude) <= 180


def test_great_circles() -> None:
    from pcapframe._geo_map import great_circle
    from pcapframe._geo_routes import Place

    tokyo, california, peer = Place("a", 35.7, 139.7), Place("b", 36.8, -119.4), Place("c", 0.0, 0.0)
    pieces = great_circle(tokyo, california)
    assert len(pieces) == 2  # over the Pacific
    whole = np.concatenate(pieces)
    np.testing.assert_allclose(whole[[0, -1]], [(139.7, 35.7), (-119.4, 36.8)], atol=1e-9)
    assert whole[:, 1].max() > 45  # bent to the north
    for piece in pieces:
        assert np.abs(np.diff(piece[:, 0])).max() < 180
    assert all(np.isfinite(np.concatenate(great_circle(peer, Place("d", 0.0, 180.0)))).ravel())
    assert all(np.isfinite(np.concatenate(great_circle(peer, peer))).ravel())


def test_map_is_as_wide_as_octets(cap: pf.Capture) -> None:
    ax = pf.geo.map(cap, home=HOME, marked={"200.160.2.3"})
    ax.figure.canvas.draw()
    widest = max((line for line in ax.lines if len(line.get_xdata()) > 2), key=lambda line: line.get_linewidth())
    assert widest.get_linestyle() == "--" or widest.is_dashed()  # what was sent away is the most, and marked
    np.testing.assert_allclose(widest.get_xdata()[0], HOME[1], atol=1e-6)
    assert any("home" in text.get_text() for text in ax.texts)


def test_without_home_private_ends_are_counted_apart(cap: pf.Capture) -> None:
    ax = pf.geo.map(cap)
    assert not [line for line in ax.lines if len(line.get_xdata()) > 2]
    packets = cap.info(full=True).packets
    assert any(f"{packets:,} packets have an end without a known place" in text.get_text() for text in ax.texts)


def test_lines_are_bounded(cap: pf.Capture) -> None:
    ax = pf.geo.map(cap, home=HOME, n=3)
    assert any(text.get_text().startswith("3 of 20 lines") for text in ax.texts)
    with pytest.raises(ValueError, match="n: a whole number from 1 to 2,000"):
        pf.geo.map(cap, n=3000)


def test_memory_is_bounded_by_places_not_by_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heaviest routes are kept, and what was let go is told: nothing is lost without a word."""
    from pcapframe import _geo_routes
    from pcapframe._geo_locate import Location

    def located(addresses: Any, _: Any) -> dict[str, Location]:
        return {a: Location("public", latitude=int(a.split(".")[3]) / 3, longitude=1.0, country=a) for a in addresses}

    monkeypatch.setattr(_geo_routes, "located", located)
    dice = np.random.default_rng(4)
    pairs = [(f"8.8.8.{a % 200}", f"9.9.9.{a % 7}") for a in dice.zipf(1.3, 4000).tolist()]
    cap = between(*pairs)
    sums = _geo_routes.Sums(most=50)
    for frame in cap.batches(["ip_src", "ip_dst", "frame_len", "frame_time"], rows=250):
        sums.add(frame)
        assert len(sums._found) <= 100
    found = sums.routes()
    assert len(found.routes) == 50
    assert sum(route.packets for route in found.routes) + found.local + found.nowhere + found.dropped == len(pairs)
    assert found.dropped
    assert any(f"{found.dropped:,} packets go between places that are not among" in words for words in found.told)
    exact: dict[tuple[str, str], int] = {}
    for pair in pairs:
        exact[pair] = exact.get(pair, 0) + 1
    heaviest = sorted(exact, key=lambda pair: -exact[pair])[:5]
    names = {(route.start.name, route.end.name): route.packets for route in found.routes}
    assert {pair: names.get(pair) for pair in heaviest} == {pair: exact[pair] for pair in heaviest}


# --- KML -------------------------------------------------------------------------------------------------------------


def test_kml_equals_plain_sums(cap: pf.Capture, tmp_path: Path) -> None:
    path = tmp_path / "out.kml"
    written = pf.geo.kml(cap, path, home=HOME)
    names = ["ip_src", "ip_dst", "protocol", "frame_len", "frame_time"]
    frame = cap.packets(names)
    where = pf.geo.locate(sorted({*frame["ip_src"].tolist(), *frame["ip_dst"].tolist()}))
    place = {
        a: "home" if s == "private" else n
        for a, s, n in zip(where["address"], where["scope"], where["country_name"], strict=True)
    }
    expected: dict[tuple[str, str], list[int]] = {}
    for source, destination, protocol, length, _ in frame.rows(*names):
        found = expected.setdefault((protocol, f"{place[source]} → {place[destination]}"), [0, 0])
        found[0] += 1
        found[1] += length
    document = ElementTree.parse(path).getroot()
    got = {}
    for folder in document.iterfind(".//k:Folder", KML):
        for mark in folder.iterfind("k:Placemark[k:LineString]", KML):
            data = [int(value.text or "") for value in mark.iterfind(".//k:value", KML)]
            got[folder.findtext("k:name", "", KML), mark.findtext("k:name", "", KML)] = data
    assert got == expected
    assert written == len(expected)
    assert os.stat(path).st_mode & 0o111 == 0


def test_kml_has_times_widths_and_coordinates(tmp_path: Path) -> None:
    cap = between(("8.8.8.8", "10.0.0.1"), ("8.8.8.8", "10.0.0.2"))
    pf.geo.kml(cap, tmp_path / "out.kml", home=(-33.9, 18.4))
    root = ElementTree.parse(tmp_path / "out.kml").getroot()
    assert root.findtext(".//k:begin", None, KML) == "2017-07-14T02:40:00.000000Z"
    assert root.findtext(".//k:end", None, KML) == "2017-07-14T02:40:01.000000Z"
    line = root.findtext(".//k:LineString/k:coordinates", "", KML).split()
    assert line[1] == "18.4000,-33.9000,0"  # longitude first
    assert re.fullmatch("[0-9a-f]{8}", root.findtext(".//k:LineStyle/k:color", "", KML))
    assert 1 <= float(root.findtext(".//k:LineStyle/k:width", "", KML)) <= 8


def test_kml_escapes_text(tmp_path: Path) -> None:
    cap = between(("8.8.8.8", "10.0.0.1"))
    hostile = "</description><script>alert(1)</script>]]>\x00\x1b\ud800"
    pf.geo.kml(cap, tmp_path / "out.kml", home=HOME, names={"8.8.8.8": hostile})
    text = (tmp_path / "out.kml").read_text("utf-8")
    assert "<script" not in text
    description = ElementTree.fromstring(text.encode()).findtext(".//k:Placemark/k:description", "", KML)
    assert "&lt;script&gt;" in description  # viewers take it for HTML
    assert "<" not in description
    assert "\\000\\027" in description


def test_kml_stays_below_the_limits_of_viewers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pcapframe import _geo_kml
    from pcapframe._geo_routes import Place, Route, Routes

    places = [Place("X" * 60 + str(n), n % 90, n % 180) for n in range(50)]
    hosts = dict.fromkeys(f"2001:db8:1111:2222:3333:4444:5555:{n:x}" for n in range(8))
    routes = [
        Route(a, b, f"PROTOCOL{protocol}", False, 10**9, 10**12, 0, 10**18, hosts, hosts)
        for protocol in range(12)
        for a in places
        for b in places
        if a != b
    ]
    monkeypatch.setattr(_geo_kml, "routes_of", lambda *_, **__: Routes(routes, 0, 0))
    cap = between(("8.8.8.8", "10.0.0.1"))
    names = dict.fromkeys(hosts, "<" * 80)
    written = pf.geo.kml(cap, tmp_path / "out.kml", names=names)
    folders = ElementTree.parse(tmp_path / "out.kml").getroot().findall(".//k:Folder", KML)
    assert written == sum(len(folder.findall("k:Placemark[k:LineString]", KML)) for folder in folders) > 9 * 50
    assert len(folders) == 10
    assert all("the largest" in folder.findtext("k:name", "", KML) for folder in folders[:9])
    assert max(len(folder.findall("k:Placemark", KML)) for folder in folders) <= 2000
    assert (tmp_path / "out.kml").stat().st_size < 5_000_000


def test_kml_is_written_whole_or_not_at_all(cap: pf.Capture, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pf.geo.kml(cap, tmp_path / "none" / "out.kml")
    (tmp_path / "out.kml").write_text("before")
    with pytest.raises(AttributeError):
        pf.geo.kml(cap, tmp_path / "out.kml", home=HOME, names={"8.8.8.8": Unprintable()})  # type: ignore[dict-item]
    assert (tmp_path / "out.kml").read_text() == "before"
    assert os.listdir(tmp_path) == ["out.kml"]


class Unprintable:
    def __str__(self) -> str:
        raise AttributeError("no text")


@pytest.mark.parametrize(
    ("home", "error"), [((91, 0), ValueError), ((0, 181), ValueError), (3, TypeError), ("ab", TypeError)]
)
def test_home_is_a_place(cap: pf.Capture, home: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="home"):
        pf.geo.map(cap, home=home)
    with pytest.raises(TypeError, match="cap: a Capture"):
        pf.geo.kml([], "out.kml")


def test_the_synthetic_capture_is_always_the_same(cap: pf.Capture) -> None:
    made = runpy.run_path(str(ROOT / "examples" / "world.py"))["capture"]
    assert made() == made()
    info = cap.info(full=True)
    assert not info.faults
    assert not info.packet_faults
