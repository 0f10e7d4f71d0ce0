"""The command as people type it: examples of the help, lengths and sizes in words, narrow and endless lines, order."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import runpy
import select
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pcapframe as pf
from pcapframe import _arguments, _display, _recording, _times, cli

ROOT = Path(__file__).parents[1]
LAB = str(ROOT / "examples" / "lab.pcap")
NEEDS = {"train": "skops", "score": "skops", "cicids load": "pandas", "cicids clean": "pandas", "check": "scapy"}
# Examples with what a reader has, and the tests have not.
ELSEWHERE = {"cicids verify": "the published files", "cicids rebuild": "the captures of the data set"}


def verbs() -> Iterator[tuple[str, list[str]]]:
    """Each verb, and the commands of its example."""

    def walk(parser: _arguments.Parser, name: str) -> Iterator[tuple[str, list[str]]]:
        for action in parser._actions:
            for verb, below in (getattr(action, "choices", None) or {}).items() if action.nargs == "A..." else ():
                example = below.format_help().partition("example:\n")[2]
                yield f"{name}{verb}", [line.strip() for line in example.splitlines()]
                yield from walk(below, f"{name}{verb} ")

    return walk(cli._parser(), "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples of all verbs are run, one after the other, as a reader does."""
    path = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "examples", path / "examples")
    return path


def _marks(verb: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.soak] if verb in ("train", "score") else []  # half a minute: a model is tested and trained


@pytest.mark.parametrize(
    ("verb", "lines"), [pytest.param(*each, id=each[0], marks=_marks(each[0])) for each in verbs()]
)
def test_the_example_of_each_verb_runs_as_it_is_written(
    verb: str, lines: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    if verb in ELSEWHERE or verb == "cicids":
        pytest.skip(f"the example is of {ELSEWHERE.get(verb, 'a part of it')}")
    if verb in NEEDS:
        pytest.importorskip(NEEDS[verb], reason=f"pcapframe {verb} needs it")
    run = 0
    for line in lines:
        words = shlex.split(line, comments=True)
        if "day-*.pcap" in words or "--live" in words:
            continue
        if words[0] == "python":
            if not os.path.exists(words[-1]):
                monkeypatch.setattr(sys, "argv", words[1:])
                runpy.run_path(words[1], run_name="__main__")
            continue
        if words[1] == "capture":
            if run:
                continue
            if not _may_capture():
                pytest.skip("this user may not capture, or there is no interface 'any'")
            words[words.index("60")] = "100ms"
        if "tshark" in words and shutil.which("tshark") is None:
            pytest.skip("tshark is not installed")
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = cli.main(words[1:])
        assert (code, bool(out.getvalue())) == (3 if "--fail-on" in words else 0, True), line
        for output in words[words.index("-o") + 1 : words.index("-o") + 2] if "-o" in words else ():
            assert os.path.getsize(output)
        run += 1
    assert run


def _may_capture() -> bool:
    try:
        pf.capture("any", seconds=0.01, progress=False)
    except (OSError, ImportError, ValueError):
        return False
    return True


# ------------------------------------------------------------------------------------------------ lengths and sizes


@pytest.mark.parametrize(
    ("typed", "nanoseconds"),
    [
        ("90s", 90 * 10**9),
        ("2h", 7200 * 10**9),
        ("2 h", 7200 * 10**9),
        ("1.5h", 5400 * 10**9),
        ("1h30m", 5400 * 10**9),
        ("1h 30min", 5400 * 10**9),
        ("0.1us", 100),
        ("2 hours", 7200 * 10**9),
        ("1 Day", 86400 * 10**9),
        ("1 week", 7 * 86400 * 10**9),
        ("15 secs", 15 * 10**9),
    ],
)
def test_lengths_of_time(typed: str, nanoseconds: int) -> None:
    assert _times.duration("every", typed) == nanoseconds


@pytest.mark.parametrize("typed", ["", "s", "1x", "1.h", "1h x", "1h,5m", "-1s", "1.2.3s", "0.5ns", "90", "1e3s", "0s"])
def test_what_is_no_length_of_time(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^every: ") as caught:
        _times.duration("every", typed)
    assert repr(typed) in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "octets"),
    [
        ("100MB", 10**8),
        ("1.5GB", 15 * 10**8),
        ("1.5 GiB", 3 << 29),
        ("2G", 2 * 10**9),
        ("100kb", 10**5),
        ("4096", 4096),
        (4096, 4096),
        ("4.35GB", 4_350_000_000),
    ],
)
def test_sizes(typed: str | int, octets: int) -> None:
    assert _recording.octets_of("octets", typed) == octets


def test_a_size_is_told_from_a_length_of_time() -> None:
    assert _recording.size_of("rotate", "100M") == 10**8
    assert _recording.size_of("rotate", "5m") is None  # minutes, as everywhere
    assert _recording.size_of("rotate", "4096") is None


@pytest.mark.parametrize("typed", ["much", "1.5XB", "", "0", "-1MB", 1.5, True, [1]])
def test_what_is_no_size(typed: object) -> None:
    with pytest.raises((ValueError, TypeError), match=r"^octets: "):
        _recording.octets_of("octets", typed)


# ------------------------------------------------------------------------------------------------------------ lines


def test_into_a_pipe_all_columns_are_printed() -> None:
    """A file has no edge: nothing is left out or cut for want of room."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [sys.executable, "-m", "pcapframe", "detect", LAB]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "for want of room" not in done.stdout
    evidence = pf.detect(pf.open(LAB))["evidence"].tolist()
    assert any(len(text) > 100 for text in evidence)
    for text in evidence:
        assert text in done.stdout


def on_terminal(columns: int, *arguments: str, colour: bool = True) -> str:
    """What is on a terminal of so many columns after the command."""
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    environment |= {"TERM": "xterm-256color"} | ({} if colour else {"NO_COLOR": "1"})
    ours, theirs = pty.openpty()
    try:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "pcapframe", *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        said = b""
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.1)[0]:
                said += os.read(ours, 65536)
        assert process.returncode == 0
    finally:
        os.close(ours)
        os.close(theirs)
    return said.decode().replace("\r\n", "\n")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
def test_on_a_narrow_terminal() -> None:
    said = on_terminal(60, "detect", LAB)
    assert max(map(len, said.splitlines())) <= 60
    assert "times are of 2026-11-24, UTC" in said
    assert "203.0.113.66" in said  # who it was is seen
    assert "\x1b" not in said
    assert "\x1b" not in on_terminal(60, "info", LAB, colour=False)


def test_times_of_several_days_keep_them() -> None:
    rows = [["2026-11-24 04:21:47.9Z", "a"], ["2026-11-25 04:21:47.9Z", "b"]]
    assert _display.one_day(rows, [0]) == ("", [])
    assert _display.one_day(rows[:1], [0]) == ("2026-11-24", [["04:21:47.9", "a"]])
    assert _display.one_day([["", "a"]], [0]) == ("", [])
    assert _display.one_day([["unknown", "a"]], [0]) == ("", [])


def test_a_cut_cell_gets_the_room_that_is_left() -> None:
    lines, fit = _display.table(("a", "b"), [("1", "x" * 100)], {"a"}, 90)
    assert (fit, len(lines[1])) == (2, 90)
    lines, _ = _display.table(("a", "b"), [("1", "x" * 100)], {"a"}, None)
    assert lines[1].endswith("x" * 100)


# ------------------------------------------------------------------------------------------------------------ order


@pytest.mark.parametrize("order", ["file first", "feeds first"])
def test_captures_behind_feeds_are_captures(order: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    feed = tmp_path / "feed.txt"
    feed.write_text("203.0.113.9\n")
    feeds = ["--indicators", str(feed), str(feed)]
    assert cli.main(["match", LAB, *feeds] if order == "file first" else ["match", *feeds, LAB]) == 0
    assert "hits of 1 indicator" in capsys.readouterr().out


def test_help_is_a_verb_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["help"]) == 0
    alone = capsys.readouterr().out
    assert cli.main(["--help"]) == 0
    assert capsys.readouterr().out == alone
    assert cli.main(["help", "counts"]) == 0
    assert capsys.readouterr().out.startswith("usage: pcapframe counts ")


@pytest.mark.parametrize("columns", ["60", "200"])
def test_help_is_no_wider_than_is_read(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for verb, _ in verbs():
        assert cli.main([*verb.split(), "--help"]) == 0
        text = capsys.readouterr().out.partition("example:\n")[0]
        wide = [line for line in text.splitlines() if len(line) > min(int(columns), 100)]
        assert not [line for line in wide if not re.match(r" +(\[)?-", line)]  # an option's own choices are one word


def test_messages_of_python_name_options() -> None:
    names = {"every", "top", "dns_rule", "rotate", "filter", "variant", "compat"}
    for said, typed in {
        "every: 'x' is no length of time": "--every: 'x' is no length of time",
        "fill: the empty bins of which every=?": "fill: the empty bins of which --every?",
        "top=: of which fields?": "--top: of which fields?",
        "dns_rule: 'empty' or 'nxdomain'": "--dns-rule: 'empty' or 'nxdomain'",
        "compat='fork' is for variant='corrected'": "--compat fork is for --variant corrected",
        "/tmp/every=1.pcap: No such file": "/tmp/every=1.pcap: No such file",
        "that is written filter(tcp_dstport=80)": "that is written --where tcp_dstport=80",
        "that is written filter(ip_src='10.0.0.1')": "that is written --where ip_src=10.0.0.1",
    }.items():
        assert _arguments.as_options(said, names) == typed


def test_what_is_not_needed_at_once_is_not_imported() -> None:
    late = ["subprocess", "secrets", "concurrent.futures", "pandas", "matplotlib", "sklearn", "sqlite3", "xml.etree"]
    code = f"import sys, pcapframe.cli; print(*(name for name in {late} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "\n"
