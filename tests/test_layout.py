"""The architecture as tests: which room may know which, where the system is asked, sizes and names."""

import importlib.util
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CSRC = ROOT / "csrc"

# Bottom-up: a room may include itself and what stands before it. The sinks share a step and never see each other.
ORDER = ["base", "capture", "packet", "payload", "field", "stream", "pass"]
SINKS = ["tally", "table", "flow", "match", "detect"]
MAY_SEE = {room: set(ORDER[: i + 1]) for i, room in enumerate(ORDER)}
MAY_SEE |= {sink: {*ORDER, sink} for sink in SINKS}
MAY_SEE["libpcap"] = {"libpcap", "base"}  # and the one header below
MAY_SEE["binding"] = {*ORDER, *SINKS, "libpcap", "binding"}
SINGLE_HEADERS = {"libpcap": {"capture/source.h"}}

# Whatever asks the operating system stands in base/os_*.
SYSTEM_HEADERS = re.compile(
    r"(aio|dirent|dlfcn|fcntl|glob|io|netdb|poll|process|pthread|pwd|sched|semaphore|signal|spawn|termios|threads|time"
    r"|unistd|windows)\.h|(linux|mach|net|netinet|sys)/.+"  # arpa/inet.h only converts addresses
)

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 80


def sources(pattern: str = "*/*.[ch]") -> list[Path]:
    return sorted(CSRC.glob(pattern))


def name(path: Path) -> str:
    return path.relative_to(CSRC).as_posix()


def without_comments(text: str) -> str:
    """C text whose comments and string contents are gone, line by line as before."""

    def blank(match: re.Match[str]) -> str:
        found = match.group()
        return "".join(c for c in found if c == "\n") if found.startswith("/") else found[0] * 2

    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text, flags=re.DOTALL)


def includes(path: Path) -> list[tuple[str, str]]:
    """The (bracket, file) pairs that a C file includes."""
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def functions(path: Path) -> list[tuple[str, int]]:
    """The functions of a C file and their lengths. Relies on clang-format: braces of functions stand in column 0."""
    found, start = [], None
    lines = without_comments(path.read_text()).splitlines()
    for number, line in enumerate(lines):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            head = " ".join(lines[max(0, start - 8) : start])
            names = re.findall(r"(\w+)\s*\(", head.rpartition(";")[2].rpartition("}")[2])
            found.append((names[0] if names else "?", number - start + 1))
            start = None
    return found


def test_rooms_are_known():
    strangers = {path.parent.name for path in sources()} - set(MAY_SEE)
    assert not strangers, f"no place in ORDER or SINKS for csrc/{strangers}"
    assert not list(CSRC.glob("*.[ch]")), "C files stand in rooms"
    assert not list(CSRC.glob("*/*/**/*.[ch]")), "the builds look at csrc/*/*.c only"


def test_includes_go_down_only():
    wrong = []
    for path in sources():
        room = path.parent.name
        for bracket, file in includes(path):
            if bracket == "<":
                continue
            if "/" not in file or not (CSRC / file).exists():
                wrong.append(f'{name(path)}: "{file}" is no "room/file.h"')
            elif file.split("/")[0] not in MAY_SEE[room] and file not in SINGLE_HEADERS.get(room, ()):
                wrong.append(f"{name(path)}: {room} must not know {file}")
    assert not wrong, "\n".join(wrong)


def test_foreign_headers_stay_in_their_rooms():
    wrong = []
    for path in sources():
        room = path.parent.name
        for _, file in includes(path):
            if re.match(r"(Python|structmember|datetime|frameobject)\.h$|numpy/", file):
                allowed = room == "binding"
            elif re.match(r"pcap(\.h$|/|-)", file) and not (CSRC / file).exists():
                allowed = name(path) in ("libpcap/libpcap.c", "libpcap/live.c")
            elif SYSTEM_HEADERS.fullmatch(file):
                allowed = re.match(r"base/os_\w+\.[ch]$", name(path)) is not None
            else:
                allowed = True
            if not allowed:
                wrong.append(f"{name(path)} includes {file}")
    assert not wrong, "\n".join(wrong)


def test_headers_have_guards_of_their_own():
    """That each also includes what it needs is seen by compiling it alone (make lint)."""
    guards: dict[str, str] = {}
    for path in sources("*/*.h"):
        guard = re.search(r"^#ifndef (\w+)\n#define \1$", path.read_text(), re.MULTILINE)
        assert guard or "#pragma once" in path.read_text(), f"{name(path)} has no include guard"
        if guard:
            assert guard[1] not in guards, f"{name(path)} and {guards[guard[1]]} share the guard {guard[1]}"
            guards[guard[1]] = name(path)


def test_public_c_names_begin_with_pf():
    """All functions that other files can see: prototypes in headers, and what is not static in a .c file."""
    wrong = []
    for path in sources():
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", without_comments(path.read_text()), flags=re.MULTILINE)
        outer = text
        while (inner := re.sub(r"\{[^{}]*\}", ";", outer)) != outer:
            outer = inner
        for statement in re.split(r";", outer):
            words = " ".join(statement.split())
            call = re.match(r"(?!static |typedef |extern \"|struct \w+$)[\w\s*]*?[\s*](\w+) ?\((?!\*)", words)
            if call and not re.match(r"(pf_|PyInit_|_Static_assert|PyMODINIT_FUNC|__attribute__)", call[1]):
                wrong.append(f"{name(path)}: {call[1]}")
    assert not wrong, "\n".join(wrong)


def test_files_and_functions_are_short():
    long = []
    for path in sources():
        lines = len(path.read_text().splitlines())
        if lines > MAX_FILE_LINES:
            long.append(f"{name(path)} has {lines} lines (at most {MAX_FILE_LINES}): two concepts in one file?")
        for function, length in functions(path):
            if length > MAX_FUNCTION_LINES:
                long.append(f"{name(path)}: {function} has {length} lines (at most {MAX_FUNCTION_LINES})")
    assert not long, "\n".join(long)


def test_no_public_name_hides_a_submodule():
    if importlib.util.find_spec("pcapframe") is None or importlib.util.find_spec("pcapframe._core") is None:
        pytest.skip("pcapframe is not built")
    import pcapframe

    package = Path(pcapframe.__file__).parent
    modules = {path.stem for path in package.glob("*.py")}
    for public in sorted(set(pcapframe.__all__) & modules):
        value = getattr(pcapframe, public)
        assert type(value).__name__ == "module", f"pcapframe.{public} is both a public name and a submodule"


def test_tree_holds_no_foreign_words():
    """Nothing that is true on one machine only, and no leftovers."""
    foreign = re.compile(
        r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/|\b(?:X{3}|FIXME|HACK)\b|^(?:<{7}|>{7}) ", re.MULTILINE
    )
    ask = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True) if shutil.which("git") else None
    if listed is None or listed.returncode != 0:
        pytest.skip("needs git and a clone, to tell the tree from what was built in it")
    suffixes = {".c", ".h", ".py", ".pyi", ".md", ".toml", ".mk", ".sh", ".yaml", ".yml", ".ipynb", ".rst", ".txt", ""}
    wrong = []
    for path in sorted(ROOT / file for file in listed.stdout.split("\0") if file):
        if path.suffix not in suffixes or not path.is_file() or path == Path(__file__) or "corpus" in path.parts:
            continue
        text = path.read_bytes().decode(errors="replace")
        for match in foreign.finditer(text):
            wrong.append(f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()!r}")
    assert not wrong, "\n".join(wrong)


def test_pinned_tools_agree():
    """pre-commit cannot read pyproject.toml, so the versions of the linters stand in two places."""
    pinned = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["lint"]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert set(re.findall(r'"([\w-]+==[\d.]+)"', hooks)) == set(pinned)
