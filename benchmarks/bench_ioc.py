"""Measure the indicator counts against the floors and the peers, in one run on made captures.

    python benchmarks/bench_ioc.py --packets 3000000 --write

Prints the tables; with `--write` they replace those of docs/performance.md, where the text between the marks
`<!-- by hand -->` and `<!-- end -->` stays. The first run makes captures of some 10 GB in `benchmarks/.data` and
installs the peers in `benchmarks/.peers`.
"""

import argparse
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import _run as r
from _run import Line, figure, times_as_fast

PAGE = r.HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- by hand -->", "<!-- end -->"
FEW = 100_000  # packets that the slow peers get
MIB = 1 << 20

HOW = """\
Every contender runs in a process of its own, and only its work is timed, from opening the capture to the last
count, without imports or the start of an interpreter. There are {rounds} rounds; in each, the file is read
once, so that it is warm, then every contender runs once: the fast ones in another order each time, then scapy,
dpkt and tshark. A time is the median of the rounds, with the least and the greatest beside it. "Times as fast"
is the median of the ratios within a round, so that noise which falls on a whole round cancels out. "libpcap
loop" is `pcap_next_ex` with nothing done to the packets, "plain read" one sequential `read` of the file, 1 MiB
at a time: both are the C programs in `benchmarks/floor/`. scapy, dpkt and tshark got the first {few:,} packets,
and their times are scaled to all of them. tshark prints fields and counts nothing; its own start is measured on
a capture without packets and taken off. The captures come from `benchmarks/make_capture.py`: as in a day of
CICIDS2017, about 900 octets a packet, 27 packets a flow, tens of thousands of sources, 4 % DNS. "Distinct" is
the share of distinct sequence numbers among the TCP packets."""

TSHARK = "-T fields -e ip.src -e ip.dst -e tcp.seq_raw -e dns.flags.response -e dns.count.answers"

Goal = tuple[str, str, str, bool | None]


def tshark(path: Path, nothing: Path) -> dict[str, Any]:
    """Fields of every packet, less what tshark takes for none."""

    def once(capture: Path) -> float:
        start = time.perf_counter()
        r.run("tshark", "-r", capture, *TSHARK.split())
        return time.perf_counter() - start

    idle = once(nothing)
    return {"seconds": once(path) - idle, "idle": idle}


def peer(name: str, path: Path) -> dict[str, Any]:
    r.peers()
    return r.contender(f"{name}_loop", path, r.PEERS_PYTHON)


def counting_lines(path: Path, with_peers: bool) -> dict[str, Line]:
    few, nothing = r.first_packets(path, FEW), r.first_packets(path, 0)
    counts = partial(r.contender, "ioc_counts", path)
    lines = {
        "read": Line("plain read", partial(r.time_floor, "plain_read", path)),
        "loop": Line("libpcap loop", partial(r.time_floor, "pcap_loop", path)),
        "one": Line("`ioc_counts`, 1 thread", partial(counts, threads=1)),
        "two": Line("`ioc_counts`, 2 threads", partial(counts, threads=2)),
        "scapy one": Line('`compat="scapy"`, 1 thread', partial(counts, threads=1, compat="scapy")),
        "scapy two": Line('`compat="scapy"`, 2 threads', partial(counts, threads=2, compat="scapy")),
        "dicts": Line("`notebook.get_ioc_counts`, 2 threads", partial(r.contender, "plain_dicts", path, threads=2)),
    }
    if with_peers:
        lines["tshark"] = Line("`tshark -T fields`", partial(tshark, few, nothing), slow=True)
        lines["dpkt"] = Line("the loop in dpkt", partial(peer, "dpkt", few), slow=True)
        lines["scapy"] = Line("the loop in scapy", partial(peer, "scapy", few), slow=True)
    return lines


def agreement(path: Path, lines: dict[str, Line]) -> None:
    """Note, beside each peer, whether `ioc_counts` says the same of the packets that it got."""
    for name in ("scapy", "dpkt"):
        line = lines.get(name)
        if line is None or line.missing or not line.results:
            continue
        try:
            ours = r.contender("ioc_counts", r.first_packets(path, FEW), threads=2, compat="scapy", check=1)["check"]
        except r.Missing:
            continue
        theirs = line.results[0]["check"]
        line.note += "; same counts" if ours == theirs else f"; COUNTS DIFFER: {theirs}, ours {ours}"


def rows_of(lines: dict[str, Line]) -> list[list[str]]:
    rows = []
    for line in lines.values():
        if line.missing or not line.results:
            rows.append([line.name, *["–"] * 5, f"not measured: {line.missing}"])
            continue
        middle = statistics.median(line.seconds)
        spread = f"{figure(min(line.seconds))} to {figure(max(line.seconds))}"
        ratios = [figure(times_as_fast(line, lines[other])) for other in ("loop", "read")]
        rows.append([line.name, figure(middle), spread, f"{line.packets / middle:,.0f}", *ratios, line.note])
    return rows


HEAD = ["what", "seconds", "least to greatest", "packets/s", "times the libpcap loop", "times the plain read", "note"]


def counting(packets: int, distinct: float, count: int, with_peers: bool) -> tuple[list[str], list[Goal]]:
    path = r.capture(str(packets), distinct)
    lines = counting_lines(path, with_peers)
    for name, line in lines.items():
        line.packets = packets
        if name in ("tshark", "dpkt", "scapy") and packets > FEW:
            line.scale = packets / FEW
            line.note = f"first {FEW:,} packets, scaled"
    r.rounds(list(lines.values()), count, path)
    agreement(path, lines)
    both = list(zip(lines["dicts"].seconds, lines["scapy two"].seconds, strict=False))
    if both:
        lines["dicts"].note = f"of it {figure(statistics.median(a - b for a, b in both))} s for plain dicts"
    keys = next((x["keys"] for x in lines["one"].results), None)
    text = [f"### {packets:,} packets, {path.stat().st_size / 1e9:.2f} GB, {distinct:.0%} distinct", ""]
    if keys:
        text += ["{:,} DNS keys, {:,} addresses, {:,} sequence numbers.".format(*keys), ""]
    text += r.table(HEAD, rows_of(lines))

    def goal(ours: str, other: str, least: float) -> Goal:
        what = f"{distinct:.0%} distinct: {lines[ours].name} against {lines[other].name}"
        ratio = times_as_fast(lines[ours], lines[other])
        return what, f"at least {least:,} times", figure(ratio), None if ratio is None else ratio >= least

    goals = [goal("one", "loop", 1.0), goal("two", "loop", 1.8)]
    if with_peers:
        goals += [goal("two", "scapy", 1000), goal("two", "dpkt", 100), goal("two", "tshark", 100)]
    return text, goals


def selecting(packets: int, distinct: float, count: int) -> tuple[list[str], list[Goal]]:
    path, keys, out = r.capture(str(packets), distinct), r.DATA / "keys.npy", r.DATA / "selected.pcap"
    text = ["### The second pass: `select(seq=keys)`, 2 threads", ""]
    try:
        r.contender("make_keys", path, out=keys)
    except r.Missing as error:
        return [*text, f"Not measured: {error}"], []
    choose = partial(r.contender, "select", path, threads=2, keys=keys)
    lines = {
        "read": Line("plain read", partial(r.time_floor, "plain_read", path)),
        "loop": Line("libpcap loop", partial(r.time_floor, "pcap_loop", path)),
        "ten": Line("ten keys, a set", partial(choose, count=10)),
        "million": Line("a million keys, a set", partial(choose, count=1_000_000)),
        "array": Line("a million keys, an array", partial(choose, count=1_000_000, form="array")),
        "write": Line("`.write` of what ten keys gave", partial(choose, count=10, out=out)),
    }
    for line in lines.values():
        line.packets = packets
    r.rounds(list(lines.values()), count, path)
    for line in lines.values():
        if line.results and "rows" in line.results[0]:
            line.note = f"{line.results[0]['rows']:,} packets"
    text += [f"On the capture with {distinct:.0%}. The million are the ten and others that it does not have.", ""]
    text += r.table(HEAD, rows_of(lines))
    goals: list[Goal] = []
    for name in ("million", "array"):
        cost = times_as_fast(lines["ten"], lines[name])
        what = f"`select`: {lines[name].name}, against ten"
        goals.append((what, "at most 1.2 times", figure(cost), None if cost is None else cost <= 1.2))
    return text, goals


def table_octets(keys: list[int]) -> int:
    """What tables of so many keys take, where a Counts does not say: 64 parts, doubled when three quarters full."""
    slots = [24, 24, 8]  # octets a slot: an address and its count twice, a sequence number and its count
    total = 0
    for count, slot in zip(keys, slots, strict=True):
        size = 4096
        while count / 64 > 0.75 * (size / slot):
            size *= 2
        total += 64 * size
    return total


def remembering(sizes: list[str], distinct: float) -> tuple[list[str], list[Goal]]:
    text = ["### Memory: peak RSS above `import numpy`, a fresh process, 2 threads", ""]
    rows: list[list[str]] = []
    goals: list[Goal] = []
    for size in sizes:
        try:
            got = r.contender("memory", r.capture(size, distinct), threads=2)
        except r.Missing as error:
            rows.append([size, *["–"] * 4, f"not measured: {error}"])
            continue
        tables = got["held"] or table_octets(got["keys"])
        how = "as `nbytes` says" if got["held"] else "tables estimated from the number of keys"
        rest = (got["above"] - tables) / MIB
        keys = f"{sum(got['keys']):,}"
        rows.append([size, keys, f"{got['above'] / MIB:.1f}", f"{tables / MIB:.1f}", f"{rest:.1f}", how])
        goals.append((f"peak RSS less tables, {size}", "at most 64 MiB", f"{rest:.1f} MiB", rest <= 64))
    return text + r.table(["file", "keys", "MiB above NumPy", "MiB of tables", "MiB of the rest", "note"], rows), goals


def importing(count: int) -> tuple[list[str], list[Goal]]:
    title = ["### `import pcapframe`, beyond `import numpy`", ""]
    try:
        got = [r.contender("import_time", Path("-")) for _ in range(count)]
    except r.Missing as error:
        return [*title, f"Not measured: {error}"], []
    ours, numpy = ([1000 * one[name] for one in got] for name in ("seconds", "numpy"))
    middle = statistics.median(ours)
    spread = f"{min(ours):.1f} to {max(ours):.1f}"
    text = f"{middle:.1f} ms (median of {count}; {spread}); NumPy itself takes {statistics.median(numpy):.0f} ms."
    return [*title, text], [("`import pcapframe`", "at most 60 ms", f"{middle:.1f} ms", middle <= 60)]


def goal_table(goals: list[Goal]) -> list[str]:
    words = {True: "reached", False: "NOT reached", None: "not measured"}
    return r.table(["goal", "wanted", "measured", ""], [[*goal[:3], words[goal[3]]] for goal in goals])


def write_page(command: str, machine: list[str], how: str, body: list[str]) -> None:
    kept = "\n\n"
    if PAGE.exists():
        old = PAGE.read_text(encoding="utf-8")
        if BEGIN in old and END in old.split(BEGIN, 1)[1]:
            kept = old.split(BEGIN, 1)[1].split(END, 1)[0]
    page = "\n".join(
        [
            f"# Performance\n\nMade by `{command}`; only what stands between the marks is written by hand.\n",
            *(f"- {fact}" for fact in machine),
            f"\n## How it is measured\n\n{how}",
            f"\n## Where the time goes\n\n{BEGIN}{kept}{END}\n",
            *body,
        ]
    )
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page.rstrip("\n") + "\n", encoding="utf-8")
    print("wrote", PAGE.relative_to(r.HERE.parent))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--packets", type=int, default=3_000_000)
    parser.add_argument("--distinct", type=float, nargs="+", default=[0.2, 0.9])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", nargs="*", default=["100MB", "5GB"], help="files for peak memory")
    parser.add_argument("--no-peers", action="store_true", help="leave out scapy, dpkt and tshark")
    parser.add_argument("--write", action="store_true", help="rewrite docs/performance.md")
    args = parser.parse_args()
    command = " ".join(["python benchmarks/bench_ioc.py", *sys.argv[1:]])

    try:
        if not args.no_peers:
            r.peers()
    except r.Missing as error:
        print(f"no peers: {error}")
    machine = r.machine()
    body: list[str] = []
    goals: list[Goal] = []
    parts = [partial(counting, args.packets, x, args.rounds, not args.no_peers) for x in args.distinct]
    parts += [partial(selecting, args.packets, args.distinct[0], args.rounds)]
    parts += [partial(remembering, args.sizes, args.distinct[0]), partial(importing, 21)]
    for part in parts:
        text, reached = part()
        body += [*text, ""]
        goals += reached
    body = ["## Goals", "", *goal_table(goals), "", "## Figures", "", *body]
    how = HOW.format(rounds=args.rounds, few=FEW)
    print("\n".join([*machine, "", *body]))
    if args.write:
        write_page(command, machine, how, body)


if __name__ == "__main__":
    main()
