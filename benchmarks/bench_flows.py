"""Flows: both variants against counting, nfstream, wa1kpcap and cicflowmeter, and the memory of a million open ones.

    python benchmarks/bench_flows.py --packets 3000000 --write

Every contender runs in a process of its own, in turns; what is slow gets the first packets and is scaled.
"""

import argparse
import statistics
import struct
import sys
from functools import partial
from pathlib import Path
from typing import Any

import _run as r
import numpy as np
from _run import Line, figure

FEW = 20_000  # packets that cicflowmeter gets
SOME = 100_000  # packets that wa1kpcap gets
OPEN = 1_000_000
CICFLOWMETER = "0.5.0"
CIC_PEERS = r.HERE / ".peers-cicflowmeter"
PAGE = r.HERE.parent / "docs" / "performance-flows.md"
Goal = tuple[str, str, str, str]

HOW = """Medians of {rounds} rounds; a ratio is the median of the ratios of each round. Each contender is a process that
times its own work, without imports, from opening the capture to the last row. nfstream has its statistics on and looks
into no payload (`n_dissections=0`), wa1kpcap neither (`app_layer_parsing="none"`). wa1kpcap gets the first {some:,}
packets, cicflowmeter the first {few:,}, and their seconds are scaled. Memory is peak RSS above NumPy, for a capture of
{open:,} SYNs of as many connections."""


def open_flows() -> Path:
    """A capture of so many connections, none of which ends."""
    path = r.DATA / f"open-{OPEN}.pcap"
    if path.exists():
        return path
    ip = bytes.fromhex("020000000001020000000002 0800 45000028 00000000 40060000 00000000 c0a80001")
    tcp = struct.pack("!HHIIBBHHH", 5000, 80, 1, 0, 0x50, 2, 8192, 0, 0)
    records = np.zeros((OPEN, 16 + len(ip) + len(tcp)), np.uint8)
    number = np.arange(OPEN)

    def put(column: int, values: Any, dtype: str) -> None:
        records[:, column : column + 4] = np.asarray(values, dtype=dtype).view(np.uint8).reshape(OPEN, 4)

    put(0, 1_499_170_000 + number // 20_000, "<u4")
    put(4, number % 20_000 * 50, "<u4")
    put(8, np.full(OPEN, len(ip) + len(tcp)), "<u4")
    put(12, np.full(OPEN, len(ip) + len(tcp)), "<u4")
    records[:, 16:] = np.frombuffer(ip + tcp, np.uint8)
    put(16 + 26, 0x0A000000 + number, ">u4")
    r.DATA.mkdir(exist_ok=True)
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + records.tobytes())
    return path


def cicflowmeter_python() -> Path:
    """It needs Python 3.12, in an environment of its own."""
    python = CIC_PEERS / "bin" / "python"
    if (CIC_PEERS / "bin" / "cicflowmeter").exists():
        return python
    for name in ("python3.12", "python3.13", "python3.14"):
        try:
            r.run(name, "-m", "venv", "--clear", CIC_PEERS)
            break
        except r.Missing:
            continue
    else:
        raise r.Missing("cicflowmeter needs Python 3.12 or later, and there is none")
    r.run(python, *r.PIP, f"cicflowmeter=={CICFLOWMETER}")
    return python


def cicflowmeter(path: Path) -> dict[str, Any]:
    out = r.DATA / "cicflowmeter.csv"
    try:
        return r.contender("cicflowmeter_flows", path, cicflowmeter_python(), out=out)
    finally:
        out.unlink(missing_ok=True)


def peer(name: str, path: Path) -> dict[str, Any]:
    r.peers()
    return r.contender(name, path, r.PEERS_PYTHON)


def speed(packets: int, rounds: int, with_peers: bool) -> tuple[list[str], list[Goal]]:
    path = r.capture(str(packets), 0.2)
    ours = partial(r.contender, "flows", path)
    lines = {
        "ioc": Line("`ioc_counts`, 2 threads", partial(r.contender, "ioc_counts", path, threads=2)),
        "one": Line("`flows`, 1 thread", partial(ours, threads=1)),
        "two": Line("`flows`, 2 threads", partial(ours, threads=2)),
        "old": Line('`flows("cic2017")`, 2 threads', partial(ours, threads=2, variant="cic2017")),
    }
    if with_peers:
        few, some = r.first_packets(path, FEW), r.first_packets(path, SOME)
        lines["nfstream"] = Line("nfstream 6.6.0", partial(peer, "nfstream_flows", path), slow=True)
        lines["wa1kpcap"] = Line(
            f"wa1kpcap {r.PINNED['wa1kpcap']}", partial(peer, "wa1kpcap_flows", some), slow=True,
            scale=packets / SOME, note=f"first {SOME:,} packets, scaled",
        )  # fmt: skip
        lines["cicflowmeter"] = Line(
            f"cicflowmeter {CICFLOWMETER}", partial(cicflowmeter, few), slow=True,
            scale=packets / FEW, note=f"first {FEW:,} packets, scaled",
        )  # fmt: skip
    for line in lines.values():
        line.packets = packets
    r.rounds(list(lines.values()), rounds, path)
    rows = []
    for line in lines.values():
        if line.missing or not line.results:
            rows.append([line.name, "–", "–", "–", "–", f"not measured: {line.missing}"])
            continue
        middle = statistics.median(line.seconds)
        count = line.results[0].get("rows")
        ratio = r.times_as_fast(lines["ioc"], line)
        rows.append([
            line.name, figure(middle), f"{packets / middle:,.0f}", figure(ratio),
            "–" if count is None else f"{count:,}", line.note,
        ])  # fmt: skip
    text = [f"### {packets:,} packets, {path.stat().st_size / 1e9:.2f} GB", ""]
    text += r.table(["what", "seconds", "packets/s", "times the time of counting", "flows", "note"], rows)

    def verdict(value: float | None, good: bool) -> str:
        return "not measured" if value is None else "reached" if good else "NOT reached"

    goals = []
    cost = r.times_as_fast(lines["ioc"], lines["two"])
    goals.append(("`flows` against `ioc_counts`", "at most 4 times", figure(cost), verdict(cost, (cost or 9) <= 4)))
    for name, least in (("nfstream", 10), ("wa1kpcap", 10), ("cicflowmeter", 400)):
        ratio = r.times_as_fast(lines["two"], lines[name]) if name in lines else None
        good = verdict(ratio, (ratio or 0) >= least)
        goals.append((f"`flows` against {name}", f"at least {least} times", figure(ratio), good))
    return text, goals


def memory() -> tuple[list[str], list[Goal]]:
    path = open_flows()
    alone = r.contender("flow_memory", path, threads=2)["above"]
    whole = r.contender("flow_memory", path, threads=2, rows=1)["above"]
    rows = [[f"{OPEN:,} open flows", f"{alone / 1e6:,.0f} MB"], ["with their rows, in order", f"{whole / 1e6:,.0f} MB"]]
    text = ["### Memory above Python with NumPy", "", *r.table(["what", "peak"], rows)]
    verdict = "reached" if alone <= 1e9 else "NOT reached"
    return text, [(f"{OPEN:,} open flows", "at most 1 GB", f"{alone / 1e9:.2f} GB", verdict)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--packets", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true", help="leave out the peers")
    parser.add_argument("--write", action="store_true", help=f"rewrite {PAGE.name}")
    args = parser.parse_args()
    machine = r.machine()
    text, goals = speed(args.packets, args.rounds, not args.no_peers)
    remembered, more = memory()
    body = ["## Goals", "", *r.table(["goal", "wanted", "measured", ""], [[*goal] for goal in goals + more]), ""]
    body += ["## Figures", "", *text, "", *remembered]
    how = HOW.format(rounds=args.rounds, few=FEW, some=SOME, open=OPEN)
    print("\n".join([*machine, "", *body]))
    if args.write:
        command = " ".join(["python benchmarks/bench_flows.py", *sys.argv[1:]])
        head = [f"# Performance of flows\n\nMade by `{command}`.\n", *(f"- {fact}" for fact in machine)]
        PAGE.write_text("\n".join([*head, f"\n## How it is measured\n\n{how}\n", *body]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
