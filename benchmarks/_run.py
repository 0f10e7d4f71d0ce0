"""What the benches share: captures, floors and peers made on first use, contenders run in turns, results in figures."""

import json
import os
import platform
import random
import shutil
import statistics
import struct
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DATA = HERE / ".data"
PEERS = HERE / ".peers"
PEERS_PYTHON = PEERS / "bin" / "python"
PINNED = {"scapy": "2.8.0", "dpkt": "1.9.8", "pyarrow": "26.0.1", "nfstream": "6.6.0", "wa1kpcap": "0.2.0"}
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


class Missing(Exception):
    """A contender that cannot run, and why."""


def run(*command: str | Path) -> str:
    """Standard output of a command, or Missing with the last thing it said."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    except OSError as error:
        raise Missing(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"ended with {done.returncode}"]
        raise Missing(said[-1])
    return done.stdout


def contender(name: str, path: Path, python: str | Path = sys.executable, **options: object) -> dict[str, Any]:
    """Run one of `_contender.py` in a process of its own."""
    given = [f"{key}={value}" for key, value in options.items()]
    lines = run(python, HERE / "_contender.py", name, path, *given).splitlines()
    return dict(json.loads(lines[-1]))


# Made on first use.


def capture(amount: str, distinct: float) -> Path:
    """A made capture of so many packets ("3000000") or octets ("5GB"), kept in `.data`."""
    DATA.mkdir(exist_ok=True)
    path = DATA / f"mix-{amount}-{distinct}.pcap"
    if not path.exists():
        part = path.with_suffix(".part")
        how = ("--packets", amount) if amount.isdigit() else ("--size", amount)
        try:
            print(run(sys.executable, HERE / "make_capture.py", part, *how, "--distinct", str(distinct)), end="")
        except Missing as error:
            raise SystemExit(f"cannot make {path.name}: {error}") from None
        part.rename(path)
    return path


def first_packets(path: Path, count: int) -> Path:
    """The first packets of a capture as one of its own; none of them makes the header alone."""
    out = path.with_name(f"{path.stem}-first-{count}.pcap")
    if out.exists() and out.stat().st_mtime >= path.stat().st_mtime:
        return out
    with open(path, "rb") as source, open(out, "wb") as target:
        target.write(source.read(24))
        for _ in range(count):
            header = source.read(16)
            if len(header) < 16:
                break
            target.write(header + source.read(struct.unpack_from("<I", header, 8)[0]))
    return out


def floor(name: str) -> Path:
    """One of the small C programs in `floor/`, compiled where it is newer than its program."""
    source, program = HERE / "floor" / f"{name}.c", DATA / name
    DATA.mkdir(exist_ok=True)
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        libraries = ["-lpcap"] if name == "pcap_loop" else []
        run(os.environ.get("CC", "cc"), "-O2", "-o", program, source, *libraries)
    return program


def time_floor(name: str, path: Path) -> dict[str, Any]:
    amount, seconds = run(floor(name), path).split()
    return {"seconds": float(seconds), "amount": int(amount)}


def peers() -> None:
    """scapy and dpkt in an environment of their own, so that neither is among what pcapframe needs."""
    if PEERS_PYTHON.exists() and all(peer_version(name) == version for name, version in PINNED.items()):
        return
    print("installing the peers in", os.path.relpath(PEERS))
    try:
        venv.create(PEERS, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"no environment for the peers: {error}") from None
    run(PEERS_PYTHON, *PIP, *(f"{name}=={version}" for name, version in PINNED.items()))


def peer_version(name: str) -> str:
    try:
        return run(PEERS_PYTHON, "-c", f"from importlib.metadata import version; print(version('{name}'))").strip()
    except Missing:
        return "not installed"


# Figures.


@dataclass
class Line:
    """One contender: how to run it once, and what came of each round."""

    name: str
    once: Callable[[], dict[str, Any]]
    packets: int = 0
    slow: bool = False
    scale: float = 1.0  # where it saw only a part of the packets
    note: str = ""
    missing: str = ""
    results: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seconds(self) -> list[float]:
        return [result["seconds"] * self.scale for result in self.results]


def rounds(lines: list[Line], count: int, path: Path) -> None:
    """Every contender once a round: the file read once, the fast ones in another order each time, then the slow ones.

    So noise falls on all alike, and none of the fast ones always follows a minute in which the file was not touched.
    """
    for number in range(count):
        time_floor("plain_read", path)
        order = random.Random(number).sample(lines, len(lines))
        for line in sorted(order, key=lambda line: line.slow):
            if line.missing:
                continue
            try:
                line.results.append(line.once())
            except Missing as error:
                line.missing = str(error)
            else:
                print(f"  round {number + 1}: {line.name}: {line.results[-1]['seconds']:.3f} s", file=sys.stderr)


def times_as_fast(line: Line, other: Line) -> float | None:
    """Median, over the rounds, of how many times as fast as the other it was in the same round."""
    pairs = list(zip(line.seconds, other.seconds, strict=False))
    return statistics.median(b / a for a, b in pairs) if pairs else None


def figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Markdown that also reads well in a terminal: all but the first and the last column to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    first, *middle, last = widths

    def line(cells: list[str]) -> str:
        right = [cell.rjust(width) for cell, width in zip(cells[1:-1], middle, strict=True)]
        return "| " + " | ".join([cells[0].ljust(first), *right, cells[-1].ljust(last)]) + " |"

    rule = ["-" * first, *("-" * (width - 1) + ":" for width in middle), "-" * last]
    return [line(head), line(rule), *(line(row) for row in rows)]


def first_line(*command: str | Path) -> str:
    try:
        return run(*command).splitlines()[0].strip()
    except (Missing, IndexError):
        return "not installed"


def machine() -> list[str]:
    model = platform.processor() or platform.machine()
    try:
        named = [x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")]
        model = named[0].split(":", 1)[1].strip() if named else model
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        libpcap = first_line(floor("pcap_loop"))
    except Missing:
        libpcap = "libpcap not installed"
    tshark = first_line("tshark", "--version") if shutil.which("tshark") else "TShark not installed"
    numpy = first_line(sys.executable, "-c", "import numpy; print(numpy.__version__)")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    python = f"Python {platform.python_version()}, NumPy {numpy}"
    peers = f"{libpcap.split(' (')[0]}, scapy {peer_version('scapy')}, dpkt {peer_version('dpkt')}"
    return [
        f"{model}, {cores} cores, {platform.system()} {platform.release()}; load average when it began: {load}",
        f"{python}, {peers}, {tshark.split(' (Git')[0]}",
        time.strftime("%Y-%m-%d"),
    ]
