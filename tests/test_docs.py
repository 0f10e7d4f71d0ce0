"""The pages: their Python blocks run, their commands parse, and their tables name columns that there are."""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import re
import shlex
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import pcapframe as pf
from pcapframe import cli
from pcapframe._commands import Usage

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
if not DOCS.is_dir():
    pytest.skip("the pages are not beside the tests", allow_module_level=True)
PAGES = [ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if "notebooks" not in path.parts)]

FENCE = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = {"python", "{code-cell} python"}
# Why a block is not run is written before it. These pages have such blocks, and so many: a new one is noticed.
NOT_RUN = {
    "README.md": 0,
    "docs/cicids2017.md": 1,
    "docs/differences.md": 1,
    "docs/howto/cicids2017.md": 3,
    "docs/howto/remote.md": 2,
    "docs/howto/scoring.md": 2,
    "docs/indicators.md": 1,
    "docs/live.md": 1,
    "docs/scaling.md": 1,
}


@dataclass
class Block:
    """A fenced block of a page."""

    kind: str
    text: str
    line: int
    reason: str  # why it is not run


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        before = text[: found.start()].rstrip().rsplit("\n", 1)[-1]
        marked = re.fullmatch(r"<!-- not run: (.+) -->", before)
        reason = marked[1] if marked else ""
        yield Block(found[1].strip(), found[2], text.count("\n", 0, found.start()) + 1, reason)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def python_of(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.kind in PYTHON]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the captures that the pages speak of, below one that has the examples, as docs/ is."""
    here = tmp_path / "docs"
    here.mkdir()
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    lab = ROOT / "examples" / "lab.pcap"
    for name in ("capture.pcap", "Friday-WorkingHours.pcap", "Friday.pcap", "office.pcap"):
        (here / name).symlink_to(lab)
    cap = pf.open(lab, progress=False)
    middle = "2026-11-24T04:22:00"
    cap.between(end=middle).write(here / "day-1.pcap")
    cap.between(start=middle).write(here / "day-2.pcap")
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize("page", [page for page in PAGES if python_of(page)], ids=name_of)
def test_python_blocks_run(page: Path, folder: Path) -> None:
    plt = pytest.importorskip("matplotlib.pyplot", reason="pages draw")
    for needed in ("pandas", "duckdb", "fsspec", "sklearn"):
        pytest.importorskip(needed, reason=f"pages use {needed}")
    plt.switch_backend("agg")
    # What a page may take for granted.
    space: dict[str, object] = {"pf": pf, "cap": pf.open("capture.pcap"), "f": "capture.pcap"}
    space["flows"] = space["cap"].flows()  # type: ignore[attr-defined]
    space["ip"] = space["cap"].ioc_counts().ip  # type: ignore[attr-defined]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore", pf.ThresholdWarning)
        for block in python_of(page):
            if block.reason:
                continue
            text = block.text
            if text.startswith(">>> "):  # with what it gives, which is there for the eye
                text = "".join(example.source for example in doctest.DocTestParser().get_examples(text))
            code = "\n" * block.line + text  # so that a traceback names the line of the page
            exec(compile(code, name_of(page), "exec"), space)
    plt.close("all")


def test_each_page_is_in_the_table_of_contents() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    entries = {
        entry for tree in re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL) for entry in tree.splitlines()
    }
    entries = {re.sub(r".*<(.+)>", r"\1", entry) for entry in entries}
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in PAGES[1:]} - {"index"}
    assert not pages - entries, "docs/index.md lists all pages"


def test_the_reference_has_all_names() -> None:
    page = (DOCS / "reference.md").read_text(encoding="utf-8")
    errors = set(vars(pf.errors))  # by automodule
    named = set(re.findall(r":: (\w+)$", page, re.MULTILINE))
    assert set(pf.__all__) - errors <= named


def test_blocks_that_are_not_run_are_known() -> None:
    found = {name_of(page): sum(bool(block.reason) for block in python_of(page)) for page in PAGES}
    assert {name: n for name, n in found.items() if n} == {name: n for name, n in NOT_RUN.items() if n}


def commands(text: str) -> Iterator[list[str]]:
    for line in text.replace("\\\n", " ").splitlines():
        line = line.removeprefix("$ ").split(" | ")[-1 if " | pcapframe" in line else 0]
        if line.startswith("pcapframe "):
            yield shlex.split(line.split("  #")[0])[1:]


def parse(arguments: list[str]) -> None:
    try:
        given = cli._parser().parse_args(arguments)
    except Usage as error:
        pytest.fail(f"pcapframe {shlex.join(arguments)}: {error}")
    assert hasattr(given, "run") or arguments[:1] == ["--help"]


def test_commands_of_pages_parse() -> None:
    found = [
        arguments
        for page in PAGES
        for block in blocks(page)
        if block.kind == "console"
        for arguments in commands("\n".join(line for line in block.text.splitlines() if line.startswith("$ ")))
    ]
    assert len(found) > 10
    for arguments in found:
        parse(arguments)


def verbs() -> dict[str, str]:
    """The help of each verb, and of the parts of verbs."""
    helps: dict[str, str] = {}

    def walk(parser: cli._Parser, name: str) -> None:
        for action in parser._actions:
            for verb, below in (getattr(action, "choices", None) or {}).items() if action.nargs == "A..." else ():
                helps[f"{name}{verb}"] = below.format_help()
                walk(below, f"{name}{verb} ")

    walk(cli._parser(), "")
    return helps


def test_each_verb_has_an_example_that_parses() -> None:
    helps = verbs()
    assert {"info", "counts", "packets", "flows", "cicids load"} <= set(helps)
    for verb, text in helps.items():
        _, mark, example = text.partition("example:\n")
        assert mark, f"pcapframe {verb} --help has no example"
        found = [command for line in example.splitlines() for command in commands(line.strip())]
        assert found, verb
        for command in found:
            parse(command)


def test_each_verb_is_on_the_page() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    for verb in verbs():
        assert f"`{verb}`" in page or f"`{verb.split()[-1]} " in page, verb


def test_attributes_become_columns_that_there_are() -> None:
    page = (DOCS / "coming-from.md").read_text(encoding="utf-8")
    table = page.split("## Attribute to column")[1].split("\n## ")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ") and "`" in line]
    names = {column.name: column for column in pf.columns()}
    assert len(rows) > 20
    for row in rows:
        columns = re.findall(r"`(\w+)`", row[4])
        assert columns
        assert set(columns) <= set(names), columns
        wireshark = re.findall(r"`([\w.]+)`", row[3])
        assert set(wireshark) <= set(names[columns[0]].wireshark.split("|")), columns


def test_attributes_of_scapy_are_what_the_page_says() -> None:
    """scapy's own attribute, as the table writes it, equals the column beside it in packets that have it."""
    scapy = pytest.importorskip("scapy.all", reason="the table is about scapy's attributes")
    page = (DOCS / "coming-from.md").read_text(encoding="utf-8")
    table = page.split("## Attribute to column")[1].split("\n## ")[0]
    groups = ["frame", "eth", "vlan", "ip", "tcp", "udp", "icmp", "dns"]
    frame = pf.open(ROOT / "examples" / "lab.pcap", progress=False).packets(groups)
    packets = scapy.rdpcap(str(ROOT / "examples" / "lab.pcap"), 1500)
    compared = 0
    for line in table.splitlines():
        cells = line.split("|")
        if len(cells) < 5 or "padding" in cells[1]:
            continue
        for attribute in re.findall(r"`(p[\[.][^`]*|len\(p\))`", cells[1]):
            column = frame[re.findall(r"`(\w+)`", cells[4])[0]].tolist()
            layer = re.match(r"p\[(\w+)\]", attribute)
            for number, p in enumerate(packets):
                if layer and getattr(scapy, layer[1]) not in p:
                    continue
                if "of replies" in cells[4] and p[scapy.DNS].qr == 0:
                    assert column[number] is None
                    continue
                theirs = eval(attribute, vars(scapy), {"p": p})
                ours = column[number]
                if attribute == "p.time":
                    theirs, ours = int(theirs * 10**9), frame["frame_time"].values[number].astype("int64")
                elif isinstance(theirs, bytes):  # the dot at the end
                    theirs = theirs.decode().removesuffix(".")
                elif attribute == "p[TCP].flags":
                    theirs = int(theirs)
                assert ours == theirs, (attribute, number + 1)
                compared += 1
    assert compared > 10_000


@pytest.mark.parametrize("width", [60, 80, 120])
def test_what_the_command_prints_fits_the_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = "lab.pcap"
    monkeypatch.chdir(ROOT / "examples")
    monkeypatch.setenv("COLUMNS", str(width))
    for arguments in (
        ["info", "--full", lab],
        ["counts", lab],
        ["counts", "--by", "ip_src,ip_dst,tcp_dstport", "--sum", "frame_len", "--gaps", lab],
        ["packets", lab],
        ["packets", "--list"],
        ["select", "--auto", "3", lab],
        ["flows", lab],
        ["--help"],
        ["packets", "--help"],
    ):
        assert cli.main(arguments) == 0
        printed = capsys.readouterr().out
        # An option's own name may be longer than its place; what is never cut is a column's name.
        long = [line for line in printed.splitlines() if len(line) > width and "--" not in line]
        long = [line for line in long if arguments != ["packets", "--list"] or width >= 80]
        example = printed.partition("example:")[2]  # a command is one line, so that it can be pasted
        assert not [line for line in long if line not in example], (arguments, long)


def keys_of(told: object, data: set[str]) -> Iterator[str]:
    """The keys of a document, those within objects and lists too, but for objects whose keys are data."""
    if isinstance(told, list):
        for each in told[:1]:
            yield from keys_of(each, data)
    elif isinstance(told, dict):
        for key, value in told.items():
            yield key
            if key not in data:
                yield from keys_of(value, data)


def test_keys_of_json_are_on_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    sections = {part.split("\n", 1)[0]: part for part in re.split(r"^##+ ", page, flags=re.MULTILINE)}
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    lab, feed = "examples/lab.pcap", "examples/indicators.txt"
    cut = tmp_path / "cut.pcap"
    cut.write_bytes((ROOT / "examples" / "lab.pcap").read_bytes()[:100_001])
    asked = {
        "info": [["info", lab], ["info", "--full", str(cut)]],
        "index": [["index", lab, "-o", "lab.pfx"]],
        "counts": [["counts", lab], ["counts", lab, "-o", "c.csv"]],
        "counts --by": [
            ["counts", "--by", "ip_src", "--every", "5s", lab],
            ["counts", "--by", "ip_src", "-o", "b.csv", lab],
        ],
        "packets": [
            ["packets", "--where", "udp_dstport=53", lab],
            ["packets", "-o", "p.csv", lab],
            ["packets", "--list"],
        ],
        "select": [["select", "--ip", "203.0.113.9", "--auto", "3", lab], ["select", "--seq", "1", "-o", "s.csv", lab]],
        "flows": [["flows", lab], ["flows", "-o", "f.csv", lab], ["flows", "--features"]],
        "match": [["match", lab, "--indicators", feed], ["match", lab, "--indicators", feed, "-o", "m.csv"]],
        "report": [["report", lab, "-o", "r.html"]],
        "hosts": [["hosts", lab], ["hosts", lab, "-o", "h.csv"]],
        "detect": [["detect", lab], ["detect", lab, "-o", "d.csv"], ["detect", "--rules"]],
    }
    if shutil.which("tshark"):
        asked["check"] = [["check", "--against", "tshark", "--sample", "50", lab]]
    # Their keys are data, or columns, which other pages have.
    data = {"packet_faults", "oddities", "other_blocks", "options", "packets", "end_reasons", "skipped", "counts"}
    data |= {"thresholds", "keys", "bounds", "severities"}
    columns = {"packets", "select", "flows", "match", "hosts", "detect", "counts --by"}
    for title, lines in asked.items():
        for arguments in lines:
            assert cli.main([*arguments, "--json"]) == (1 if str(cut) in arguments else 0)
            told = json.loads(capsys.readouterr().out)
            rows = told.pop("rows", [])
            listed = not {"--features", "--rules"}.isdisjoint(arguments)
            found = {*keys_of(told, data), *(keys_of(rows, {"thresholds"}) if listed or title not in columns else ())}
            assert [key for key in found if f"`{key}`" not in sections[title]] == [], arguments
            assert not rows or "`rows`" in sections[title]
    counted = json.loads(_said(["counts", lab, "--json"], capsys))["counts"]
    assert {*keys_of(list(counted.values()), set())} <= set(re.findall(r"`(\w+)`", sections["counts"]))


def _said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(arguments) == 0
    return capsys.readouterr().out


def test_figures_of_the_readme_are_those_that_were_measured() -> None:
    def rows(text: str) -> dict[str, list[str]]:
        cells = [
            [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")
        ]
        return {row[0]: row[1:] for row in reversed(cells)}  # of several tables the first counts

    ours = rows((ROOT / "README.md").read_text(encoding="utf-8"))
    measured = rows((DOCS / "performance.md").read_text(encoding="utf-8").split("## Figures")[1])
    for name, measured_name in {
        "`pf.open(...).ioc_counts()`": "`ioc_counts`, 2 threads",
        "libpcap's empty loop, one thread, counting nothing": "libpcap loop",
        "the loop in dpkt": "the loop in dpkt",
        "`tshark -T fields`": "`tshark -T fields`",
        "the loop in scapy": "the loop in scapy",
    }.items():
        seconds, _, packets, *_ = measured[measured_name]
        assert ours[name] == [seconds, packets], name
