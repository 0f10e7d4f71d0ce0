"""Text off the wire, out of a capture's comments and out of feeds, wherever it is shown: never raw.

Every string of naughty.py stands in a DNS name, a TLS server name, an HTTP host, a comment and an interface's name. The
oracle for pages is Python's HTML parser: what it finds may be our own tags and nothing else.
"""

from __future__ import annotations

import csv
import html.parser
import io
import json
import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import captures
import captures_ng as ng
import captures_tls as tls
import pcapframe as pf
from naughty import FORMULA, STRINGS, octets, steers
from pcapframe import cli

OURS = {"table", "caption", "thead", "tbody", "tr", "th", "td"}
COLUMNS = ["frame_number", "dns_qry_name", "tls_handshake_extensions_server_name", "http_host", "frame_fault"]


def packet(number: int, text: bytes) -> bytes:
    question = b"\0\1\1\0\0\1" + bytes(6) + bytes([len(text)]) + text + b"\0\0\1\0\1"
    http = b"GET / HTTP/1.1\r\nHost: " + text.replace(b"\n", b"?") + b"\r\nUser-Agent: " + text + b"\r\n\r\n"
    carried = (
        captures.udp(question, 9999, 53),
        captures.tcp(tls.record(tls.client_hello([tls.sni((0, text))])), 50_000, 443),
        captures.tcp(http, 50_000, 80),
    )[number % 3]
    return captures.ethernet(captures.ipv4(carried)).octets


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    blocks = [ng.section(chosen=[(ng.COMMENT, octets(STRINGS[0])), (4, octets(STRINGS[80]))])]
    for number, text in enumerate(STRINGS):
        sent = octets(text)
        blocks.append(ng.interface(name=sent, description=sent, more=[(ng.COMMENT, sent)]))
        comment = ng.options([(ng.COMMENT, sent)])
        for kind in range(3):
            frame = packet(kind, sent)
            body = struct.pack("<IIIII", number, 0x60000, number * 3 + kind, len(frame), len(frame)) + ng.padded(frame)
            blocks.append(ng.block(ng.ENHANCED, body + comment))
    file = tmp_path_factory.mktemp("naughty") / "strings.pcapng"
    file.write_bytes(b"".join(blocks))
    return file


@pytest.fixture(scope="module")
def capture(path: Path) -> pf.Capture:
    return pf.open(path, progress=False)


class Tags(html.parser.HTMLParser):
    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, list[Any]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
        self.found.append((tag, attrs))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", [data]))

    handle_decl = handle_pi = unknown_decl = handle_comment

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def sound(page: str) -> None:
    tags = Tags(page)
    assert {tag for tag, _ in tags.found} <= OURS
    assert not [attributes for _, attributes in tags.found if attributes]
    assert not steers(page, lines=True)
    assert not [text for text in tags.texts if steers(text, lines=True)]


def test_every_string_reaches_a_column(capture: pf.Capture) -> None:
    table = capture.packets(COLUMNS)
    assert len(table) == 3 * len(STRINGS)
    for name in COLUMNS[1:3]:
        assert sum(cell is not None for cell in table[name].tolist()) >= len(STRINGS) - 2, name


def test_cells_are_printable(capture: pf.Capture) -> None:
    table = capture.packets("*")
    for name in table.columns:
        for cell in table[name].tolist():
            assert not isinstance(cell, str) or not steers(cell), (name, cell)


def test_what_is_shown_in_a_notebook(capture: pf.Capture) -> None:
    table = capture.packets([*COLUMNS, "http_user_agent"])
    for row in range(0, len(table), 10):
        sound(table[row : row + 10]._repr_html_())
    for name in COLUMNS[1:4]:
        counts = capture.count(name)
        sound(counts._repr_html_())
        assert not steers(repr(counts))
        for row in range(0, len(table), 10):
            assert not steers(repr(table[row : row + 10][name]))
    grouped = capture.count("dns_qry_name", "http_host", every="1s")
    assert isinstance(grouped, pf.Frame)
    sound(grouped._repr_html_())
    info = capture.info(full=True)
    sound(info._repr_html_())
    assert not steers(str(info), lines=True)


def test_what_is_shown_of_files_with_such_names(tmp_path: Path) -> None:
    """And in the warnings and errors about them."""
    data = captures.pcap_bytes([packet(0, b"x")])
    for text in STRINGS:
        name = (
            text.encode("utf-8", "surrogatepass")
            .replace(b"/", b"?")
            .replace(b"\0", b"?")
            .decode("utf-8", "surrogateescape")
        )
        for sign in "*?[":  # a path that is a pattern is looked up
            name = name.replace(sign, "_")
        if name in ("", ".", "..", "-"):
            continue
        file = tmp_path / name
        file.write_bytes(data[:-1])
        with pytest.warns(pf.CaptureWarning) as caught:
            info = pf.open(file, progress=False).info(full=True)
        assert not steers(str(caught[0].message))
        sound(info._repr_html_())
        assert not steers(str(info), lines=True)
        assert not steers(repr(pf.open(file)))
        file.write_bytes(b"no capture at all, not even a damaged one")
        with pytest.raises(pf.CaptureError) as raised:
            pf.open(file)
        assert not steers(str(raised.value))
        file.unlink()


def test_csv_and_json(capture: pf.Capture, tmp_path: Path) -> None:
    table = capture.packets([*COLUMNS, "http_user_agent"])
    table.write(tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text("utf-8")
    assert not steers(text, lines=True)
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == len(table) + 1
    assert not [cell for row in rows for cell in row if cell.startswith(tuple(FORMULA))]
    capture.batches(COLUMNS).write(tmp_path / "b.csv")
    text = (tmp_path / "b.csv").read_text("utf-8")
    assert not steers(text, lines=True)
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(tuple(FORMULA))]
    table.write(tmp_path / "t.json")
    lines = (tmp_path / "t.json").read_text("utf-8").splitlines()
    assert [json.loads(line)["dns_qry_name"] for line in lines] == table["dns_qry_name"].tolist()


def test_the_terminal(path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    feed = tmp_path / "feed.txt"
    feed.write_text("\n".join(text for text in STRINGS if text.isprintable()) + "\nexample.org\n", "utf-8")
    for line in (
        ["info", "--full"],
        ["info", "--json"],
        ["packets", "--columns", ",".join(COLUMNS), "--rows", "1500"],
        ["counts", "--by", "dns_qry_name,http_host"],
        ["counts", "--by", "tls_handshake_extensions_server_name"],
        ["counts"],
    ):
        verb, *options = line
        cli.main([verb, *options, str(path)])
        shown = capsys.readouterr()
        assert shown.out
        assert not steers(shown.out, lines=True), line
        assert not steers(shown.err, lines=True), line


def test_kml(tmp_path: Path) -> None:
    pytest.importorskip("iptocc", reason="iptocc is not installed")
    capture = pf.open(
        captures.pcap_bytes(
            [captures.ethernet(captures.ipv4(captures.udp(), bytes([8, 8, 8, 8]), bytes([10, 0, 0, 1]))).octets]
        )
    )
    for number, text in enumerate(STRINGS):
        file = tmp_path / f"{number}.kml"
        pf.geo.kml(capture, file, home=(0.0, 0.0), names={"8.8.8.8": text})
        written = file.read_text("utf-8")
        assert not steers(written, lines=True)
        for element in ElementTree.fromstring(written.encode()).iter():
            if element.tag.endswith("description"):  # which viewers take for HTML
                assert not Tags(element.text or "").found, text
        file.unlink()


def test_feeds_and_hits(capture: pf.Capture, tmp_path: Path) -> None:
    found, refusals = [], []
    for text in STRINGS:
        try:
            found.append(pf.Indicators.from_values([text, "10.0.0.0/8"], feed=text) if text.strip() else None)
        except (TypeError, ValueError) as error:
            refusals.append(str(error))
    assert not [line for line in refusals if steers(line)]
    for indicators in filter(None, found[::10]):
        hits = capture.match(indicators)
        sound(hits._repr_html_())
        sound(hits.summary()._repr_html_())
