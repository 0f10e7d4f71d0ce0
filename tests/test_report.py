"""The report: what it says, that it is safe, and how it behaves in a real browser."""

from __future__ import annotations

import html.parser
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pcapframe as pf
from captures import Packet, arp, ethernet, ipv4, pcap_bytes, tcp, udp
from pcapframe._made import frame_of
from pcapframe._report_time import _MOST, _NARROW, _WIDTHS, BINS, Bins, bin_width, timeline

ROOT = Path(__file__).parent.parent
LAB = ROOT / "examples" / "lab.pcap"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to open the page with")
SCRIPT = b"<script>alert(1)</script>"


def query(name: bytes) -> bytes:
    labels = b"".join(bytes([len(label)]) + label for label in name.split(b"."))
    return b"\0\1\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


def packet(octets: bytes, seconds: float) -> Packet:
    return Packet(octets, len(octets), int(seconds), round(seconds % 1 * 1e6))


def hostile() -> pf.Capture:
    """Names, hosts and agents that would be markup if they were not escaped."""
    request = (
        b"GET /" + SCRIPT + b" HTTP/1.1\r\nHost: " + SCRIPT + b'\r\nUser-Agent: "><img src=x onerror=alert(2)>\r\n\r\n'
    )
    name = b"</table>" + SCRIPT + b".\xe2\x80\xaeexample"
    return pf.open(
        pcap_bytes(
            [
                packet(ethernet(ipv4(udp(query(name), 4000, 53))).octets, 1e9),
                packet(ethernet(ipv4(tcp(request, destination=80))).octets, 1e9 + 2),
            ]
        )
    )


class Page(html.parser.HTMLParser):
    """The elements, and the text of the cells of each table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.captions: list[str] = []
        self._cell: list[str] | None = None
        self._table: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        self.tags.append((tag, told))
        if tag == "table":
            self._table = self.tables.setdefault(told.get("id") or "", [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self._table[-1].append("".join(self._cell).strip())
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def written(cap: pf.Capture, folder: Path, **options: Any) -> str:
    cap.report(folder / "report.html", **options)
    return (folder / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(written(pf.open(LAB), tmp_path_factory.mktemp("report")))


def test_tables_hold_what_was_counted(lab: Page) -> None:
    cap = pf.open(LAB)
    talkers = lab.tables["talkers-table"][1:]
    counts = dict(cap.ioc_counts().ip)
    for row in talkers:
        assert int(row[1].replace(",", "")) == cap.filter(ip_src=row[0]).info(full=True).packets
    assert talkers[0][0] == max(counts, key=lambda key: counts[key])
    names = {row[0]: int(row[1]) for row in lab.tables["dns-table"][1:]}
    asked = dict(cap.filter(dns_flags_response=0).count("dns_qry_name"))
    assert names.items() <= asked.items()
    assert max(asked.values()) in names.values()


def test_pairs_have_both_directions(lab: Page) -> None:
    cap = pf.open(LAB)
    for one, other, there, back, *_ in lab.tables["conversations-table"][1:20]:
        assert int(there.replace(",", "")) == len(cap.filter(ip_src=one, ip_dst=other).packets(["frame_number"]))
        assert int(back.replace(",", "")) == len(cap.filter(ip_src=other, ip_dst=one).packets(["frame_number"]))


def test_the_timeline_has_every_packet() -> None:
    cap = pf.open(LAB)
    bins = Bins()
    for frame in cap.batches(["frame_time", "frame_len", "protocol"], rows=100):
        bins.add(frame)
    data = json.loads(re.search(r'json">(.*?)</script>', timeline(bins))[1])  # type: ignore[index]
    assert sum(sum(each["packets"]) for each in data["series"]) == cap.info(full=True).packets
    assert sum(sum(each["octets"]) for each in data["series"]) == sum(cap.packets(["frame_len"])["frame_len"].tolist())
    assert all(len(each["octets"]) == len(data["labels"]) - 1 <= BINS for each in data["series"])


@given(
    times=st.lists(st.integers(-(2**62), 2**62) | st.integers(0, 10**12), min_size=1, max_size=40),
    rows=st.integers(1, 9),
)
def test_bins_that_grow_are_those_of_one_who_knew_the_end(times: list[int], rows: int) -> None:
    """Equal to counting once the first and last time are known, whatever came when."""
    sizes = range(1, len(times) + 1)
    protocols = [("TCP", "UDP")[time % 2] for time in times]
    columns = {"frame_time": ("time", times), "frame_len": ("uint32", list(sizes)), "protocol": ("text", protocols)}
    frame = frame_of(columns, pf.open(LAB), {})
    bins = Bins()
    for at in range(0, len(times), rows):
        bins.add(frame[at : at + rows])
    width = bin_width(max(times) - min(times))
    expected: dict[tuple[int, str], list[int]] = {}
    for time, protocol, octets in zip(times, protocols, sizes, strict=True):
        each = expected.setdefault((time // width * width, protocol), [0, 0])
        each[0] += 1
        each[1] += octets
    assert {(start, name): [count, octets] for start, name, count, octets in bins.rows(width)} == expected


def test_every_width_can_be_made_of_narrow_bins() -> None:
    """What `Bins` rests on: each divides the next, and none is coarser than the width that is wanted in the end."""
    for one, other in itertools.pairwise(_NARROW):
        assert other % one == 0
        assert other // one <= _MOST // BINS
    for width in _WIDTHS:
        assert any(width % narrow == 0 for narrow in _NARROW)
        assert width % max(narrow for narrow in _NARROW if narrow <= width) == 0


@pytest.mark.parametrize("span", [0, 1, 999, 10**6, 10**9, 86_400 * 10**9, 400 * 86_400 * 10**9, 2**63 - 1, 2**64 - 1])
def test_bins_are_few_enough(span: int) -> None:
    assert span // bin_width(span) + 2 <= BINS


def test_it_is_one_reading(tmp_path: Path) -> None:
    """All of the page, indicators included, for the octets of the file read once; so a pipe gives the same page."""
    feed = pf.Indicators.from_values(["192.168.10.0/24"])
    read: list[int] = []
    pf.open(LAB, progress=lambda done, total: read.append(done)).report(tmp_path / "a.html", indicators=feed, title="x")
    assert read[-1] == LAB.stat().st_size
    assert read == sorted(read)  # a second pass would begin at 0

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

    cap = pf.open(Pipe(LAB.read_bytes()))
    assert not cap.reusable
    cap.report(tmp_path / "b.html", indicators=feed, title="x")
    pages = [Page((tmp_path / name).read_text("utf-8")).tables for name in ("a.html", "b.html")]
    assert pages[0] == pages[1]


def test_nothing_is_asked_of_a_network(lab: Page) -> None:
    for tag, told in lab.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "action", "data"):
            assert (told.get(name) or "#").startswith("#")
    policy = next(told["content"] for tag, told in lab.tags if told.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_text_off_the_wire_stays_text(tmp_path: Path) -> None:
    text = written(hostile(), tmp_path)
    page = Page(text)
    assert [tag for tag, _ in page.tags].count("script") == 2  # the timeline's numbers, and ours
    assert "\u202e" not in text
    assert any("<script>alert(1)</script>" in cell for row in page.tables["dns-table"] for cell in row)
    assert any("onerror=alert(2)" in cell for row in page.tables["agents-table"] for cell in row)
    assert not any(name.startswith("on") for _, told in page.tags for name in told)


def test_names_of_files_and_titles_are_text(tmp_path: Path) -> None:
    path = tmp_path / "<b>x\u202e.pcap"
    path.write_bytes(LAB.read_bytes()[:10_000])
    with pytest.warns(pf.CaptureWarning):
        page = Page(written(pf.open(path), tmp_path))
    assert "b" not in [tag for tag, _ in page.tags]
    with pytest.warns(pf.CaptureWarning):
        page = Page(written(pf.open(path), tmp_path, title="</title><i>"))
    assert "i" not in [tag for tag, _ in page.tags]


def test_captures_without_much(tmp_path: Path) -> None:
    empty = Page(written(pf.open(pcap_bytes([])), tmp_path))
    assert "talkers-table" not in empty.tables
    one = Page(written(pf.open(pcap_bytes([packet(ethernet(arp()).octets, 1e9)])), tmp_path))
    assert one.tables["protocols-table"][1][:2] == ["ARP", "1"]


def test_hits_and_verdicts(tmp_path: Path) -> None:
    page = Page(written(pf.open(LAB), tmp_path, indicators=pf.Indicators.from_values(["203.0.113.66"])))
    assert page.tables["hits-table"][1][:2] == ["203.0.113.66", "ip"]
    assert "classes-table" not in page.tables


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"path": "x.pdf"}, ValueError, "ends in .html"),
        ({"indicators": ["1.2.3.4"]}, TypeError, "Indicators.read"),
        ({"path": "nowhere/x.html"}, FileNotFoundError, "nowhere"),
    ],
)
def test_what_cannot_be(options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path) -> None:
    path = tmp_path / options.pop("path", "x.html")
    with pytest.raises(error, match=message):
        pf.open(LAB).report(path, **options)
    assert not list(tmp_path.iterdir())


def test_standard_input_will_do(tmp_path: Path) -> None:
    code = "import sys, pcapframe as pf; pf.open('-').report(sys.argv[1], title='x')"
    run = [sys.executable, "-c", code, str(tmp_path / "x.html")]
    subprocess.run(run, input=LAB.read_bytes(), check=True)
    pf.open(LAB).report(tmp_path / "y.html", title="x")
    pages = [Page((tmp_path / name).read_text("utf-8")).tables for name in ("x.html", "y.html")]
    assert pages[0] == pages[1]


def test_the_verb(tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    run = [sys.executable, "-m", "pcapframe", "report", str(LAB), "-o", str(out)]
    done = subprocess.run([*run, "--json", "--title", "Mine"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["octets"] == out.stat().st_size < 5_000_000
    assert "<title>Mine</title>" in out.read_text("utf-8")
    done = subprocess.run([*run, "--home", "north"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "latitude and longitude" in done.stderr


# --- in a browser ----------------------------------------------------------------------------------------------------

TRIED = """
<script>
const shown = (id) => [...document.getElementById(id).tBodies[0].rows].filter((row) => !row.hidden);
const cells = (id, at) => shown(id).map((row) => row.cells[at].textContent);
const click = (id, at) => document.getElementById(id).tHead.rows[0].cells[at].querySelector("button").click();
const told = {title: document.title, requests: performance.getEntriesByType("resource").length};
click("talkers-table", 1); told.down = cells("talkers-table", 1);
click("talkers-table", 1); told.up = cells("talkers-table", 1);
click("talkers-table", 0); told.names = cells("talkers-table", 0);
const field = document.querySelector('[data-for="talkers-table"]');
field.value = "2001:DB8"; field.dispatchEvent(new Event("input"));
told.filtered = cells("talkers-table", 0);
told.all = document.querySelector("#time output").textContent;
const to = document.querySelectorAll("#time input")[1];
to.value = 1; to.dispatchEvent(new Event("input"));
told.part = document.querySelector("#time output").textContent;
told.width = [document.documentElement.scrollWidth, document.documentElement.clientWidth];
document.body.innerHTML = "";
document.body.append(Object.assign(document.createElement("pre"), {id: "told", textContent: JSON.stringify(told)}));
</script>
"""


def opened(page: str, folder: Path, *arguments: str) -> tuple[str, str]:
    """The page as a browser without a network has it when its scripts have run, and what went to the console."""
    path = folder / "tried.html"
    path.write_text(page, "utf-8")
    alone = ["unshare", "-n"] if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("unshare") else []
    run = [*alone, str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
           f"--user-data-dir={folder / 'profile'}", *arguments, "--dump-dom", path.as_uri()]  # fmt: skip
    done = subprocess.run(run, capture_output=True, text=True, timeout=300, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@browser
def test_tables_sort_and_the_timeline_counts_in_a_browser(tmp_path: Path) -> None:
    page = written(pf.open(LAB), tmp_path).replace("</body>", TRIED + "</body>")
    dom, console = opened(page, tmp_path, "--window-size=1000,800")
    assert console == ""
    told = json.loads(html.unescape(re.search(r'<pre id="told">(.*?)</pre>', dom, re.DOTALL)[1]))  # type: ignore[index]
    assert told["title"] == "Capture report: lab.pcap"
    assert told["requests"] == 0
    numbers = [int(text.replace(",", "")) for text in told["down"]]
    assert numbers == sorted(numbers, reverse=True)
    assert [int(text.replace(",", "")) for text in told["up"]] == sorted(numbers)
    assert len(told["names"]) == len(numbers)
    assert told["filtered"]
    assert all(name.startswith("2001:db8") for name in told["filtered"])
    assert "15,753 packets" in told["all"]
    assert told["part"] != told["all"]
    assert told["width"][0] <= told["width"][1]  # nothing sticks out


@browser
def test_a_script_in_a_name_does_not_run(tmp_path: Path) -> None:
    page = written(hostile(), tmp_path)
    guard = "<script>window.alert = () => document.body.setAttribute('data-broken', '1');</script>"
    dom, console = opened(page.replace("<body>", "<body>" + guard), tmp_path)
    assert console == ""
    assert 'data-broken="1"' not in dom
