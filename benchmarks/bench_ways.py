"""The same question of every kind of file: 0.1 to 5 GB, pcap, pcapng and gzip, 20 % and 90 % distinct, 1 and 2 threads;
and packets filtered and selected into a new file, against tcpdump.

    python benchmarks/bench_ways.py --write

Every contender runs in a process of its own, in turns. The first run makes captures of some 20 GB in `.data`.
"""

import argparse
import gzip
import shutil
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import _run as r
from _run import Line, figure

PAGE = r.HERE.parent / "docs" / "performance-files.md"
FILTER = "udp port 53"
KEYS = 1000
Goal = tuple[str, str, str, str]

HOW = """Medians of {rounds} rounds; a ratio is the median of the ratios of each round, in which the file was read once
before, so that it is warm. Each contender is a process that times its own work, without imports. "Plain read" is one
sequential read of the file as it lies on the disk, "memory copied" a copy of as many octets within memory: the C
programs in `benchmarks/floor/`. tcpdump is timed whole, less the time it takes for a capture without packets."""


def as_pcapng(path: Path) -> Path:
    out = path.with_suffix(".pcapng")
    if not out.exists():
        import pcapframe as pf

        pf.open(path, progress=False).write(out)
    return out


def as_gzip(path: Path) -> Path:
    """As gzip makes it by default."""
    out = path.with_suffix(".pcap.gz")
    if not out.exists():
        part = out.with_suffix(".part")
        with open(path, "rb") as source, gzip.open(part, "wb", 6) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        part.rename(out)
    return out


def counting(path: Path, rounds: int) -> dict[str, Line]:
    counts = partial(r.contender, "ioc_counts", path)
    lines = {
        "copy": Line("memory copied", partial(r.time_floor, "copy_memory", path)),
        "read": Line("plain read", partial(r.time_floor, "plain_read", path)),
        "one": Line("1 thread", partial(counts, threads=1)),
        "two": Line("2 threads", partial(counts, threads=2)),
    }
    r.rounds(list(lines.values()), rounds, path)
    return lines


def grid(sizes: list[str], distinct: list[float], rounds: int, zipped: set[str]) -> tuple[list[str], list[Goal]]:
    rows, goals = [], []
    for size in sizes:
        for share in distinct:
            path = r.capture(size, share)
            kinds = {"pcap": path, "pcapng": as_pcapng(path)}
            if size in zipped:
                kinds["pcap.gz"] = as_gzip(path)
            for kind, file in kinds.items():
                lines = counting(file, rounds)
                seconds = [figure(statistics.median(line.seconds)) for line in lines.values()]
                ratio = 1 / (r.times_as_fast(lines["two"], lines["read"]) or 1)
                gain = r.times_as_fast(lines["two"], lines["one"])
                rows.append(
                    [f"{kind}, {file.stat().st_size / 1e9:.2f} GB, {share:.0%}", *seconds, figure(gain), figure(ratio)]
                )
                if kind == "pcap" and size == sizes[-1]:
                    most = 1.0 if share < 0.5 else 1.25
                    verdict = "reached" if ratio <= most else "NOT reached"
                    what = f"`ioc_counts`, 2 threads, {size}, {share:.0%} distinct, of a plain read's time"
                    goals.append((what, f"at most {most:g} times", figure(ratio), verdict))
    head = ["file", "memory copied", "plain read", "1 thread", "2 threads", "2 threads gain", "times a plain read"]
    return ["### `ioc_counts`, in seconds", "", *r.table(head, rows)], goals


def tcpdump(path: Path, nothing: Path, out: Path) -> dict[str, Any]:
    def once(capture: Path) -> float:
        start = time.perf_counter()
        r.run("tcpdump", "-r", capture, "-w", out, FILTER)
        return time.perf_counter() - start

    return {"seconds": once(path) - once(nothing)}


def writing(size: str, rounds: int) -> tuple[list[str], list[Goal]]:
    path, out, keys = r.capture(size, 0.2), r.DATA / "written.pcap", r.DATA / "keys.npy"
    if not keys.exists():
        r.contender("make_keys", path, out=keys)
    nothing = r.first_packets(path, 0)
    lines = {
        "read": Line("plain read", partial(r.time_floor, "plain_read", path)),
        "count": Line(
            f"packets of `{FILTER}` counted", partial(r.contender, "filtered", path, threads=2, expression=FILTER)
        ),
        "write": Line(
            "the same, written", partial(r.contender, "filtered", path, threads=2, expression=FILTER, out=out)
        ),
        "tcpdump": Line("tcpdump -w", partial(tcpdump, path, nothing, out)),
        "select": Line(
            f"`select` of {KEYS:,} sequence numbers, written",
            partial(r.contender, "select_write", path, threads=2, keys=keys, count=KEYS, out=out),
        ),
    }
    r.rounds(list(lines.values()), rounds, path)
    out.unlink(missing_ok=True)
    rows = []
    for line in lines.values():
        if line.missing:
            rows.append([line.name, "–", "–", f"not measured: {line.missing}"])
            continue
        count = line.results[0].get("rows")
        note = "" if count is None else f"{count:,} packets"
        rows.append(
            [line.name, figure(statistics.median(line.seconds)), figure(r.times_as_fast(lines["read"], line)), note]
        )
    text = [f"### To a new file, {path.stat().st_size / 1e9:.2f} GB, 2 threads", ""]
    text += r.table(["what", "seconds", "times a plain read", "note"], rows)
    ratio = r.times_as_fast(lines["write"], lines["tcpdump"])
    verdict = "not measured" if ratio is None else "reached" if ratio >= 1 else "NOT reached"
    return text, [("filter to a new file, against tcpdump -w", "at least 1 times", figure(ratio), verdict)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", nargs="+", default=["100MB", "1GB", "5GB"])
    parser.add_argument("--distinct", type=float, nargs="+", default=[0.2, 0.9])
    parser.add_argument("--zipped", nargs="*", default=["100MB", "1GB"], help="the sizes to gzip too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"rewrite {PAGE.name}")
    args = parser.parse_args()
    machine = r.machine()
    text, goals = grid(args.sizes, args.distinct, args.rounds, set(args.zipped))
    written, more = writing(args.sizes[-1], args.rounds)
    body = ["## Goals", "", *r.table(["goal", "wanted", "measured", ""], [[*goal] for goal in goals + more]), ""]
    body += ["## Figures", "", *text, "", *written]
    how = HOW.format(rounds=args.rounds)
    print("\n".join([*machine, "", *body]))
    if args.write:
        command = " ".join(["python benchmarks/bench_ways.py", *sys.argv[1:]])
        head = [f"# Performance by kind of file\n\nMade by `{command}`.\n", *(f"- {fact}" for fact in machine)]
        PAGE.write_text("\n".join([*head, f"\n## How it is measured\n\n{how}\n", *body]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
