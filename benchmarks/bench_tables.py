"""Packet tables: columns to Arrow, against tshark, and a loop over dpkt that does the same by hand.

    python benchmarks/bench_tables.py --packets 3000000 --write

Every contender runs in a process of its own, in turns; what is slow gets the first packets and is scaled.
"""

import argparse
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import _run as r
from _run import Line, figure

FEW = 100_000
PAGE = r.HERE.parent / "docs" / "performance-tables.md"

HEADERS = (
    "frame_number", "frame_time", "frame_len", "eth_src", "eth_dst", "ip_version", "ip_src", "ip_dst", "ip_ttl",
    "ip_proto", "ip_id", "ip_len", "tcp_srcport", "tcp_dstport", "tcp_seq_raw", "tcp_ack_raw", "tcp_flags", "tcp_len",
    "udp_srcport", "udp_dstport",
)  # fmt: skip
PAYLOADS = (
    "dns_id", "dns_flags_rcode", "dns_qry_name", "dns_qry_type", "tls_handshake_type",
    "tls_handshake_extensions_server_name", "tls_handshake_ja3", "http_request_method", "http_host",
    "http_request_uri", "http_user_agent", "http_response_code",
)  # fmt: skip
PARTIAL = ("frame_number", "frame_time", "ip_src", "ip_dst", "tcp_dstport")
# tshark reads each packet by itself, as we do.
ALONE = ("-o", "tcp.desegment_tcp_streams:FALSE", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE")

HOW = """Medians of {rounds} rounds; a ratio is the median of the ratios of each round. Each contender is a process that
times its own work, without imports; tshark is timed whole, less the time it takes for a capture without packets. tshark
and dpkt get the first {few:,} packets, and their seconds are scaled. A table ends as a `pyarrow.Table` in memory (ours,
dpkt's) or as text in a file (tshark's `-T fields`, to which nothing is added)."""


def wireshark(names: tuple[str, ...]) -> list[str]:
    import pcapframe as pf

    fields = {field.name: field.wireshark.split("|") for field in pf.columns()}
    return [part for name in names for part in fields[name] if part]


def tshark(path: Path, nothing: Path, names: tuple[str, ...]) -> dict[str, Any]:
    options = [option for field in wireshark(names) for option in ("-e", field)]

    def once(capture: Path) -> float:
        start = time.perf_counter()
        r.run("tshark", "-n", "-r", capture, *ALONE, "-T", "fields", "-E", "occurrence=f", *options)
        return time.perf_counter() - start

    return {"seconds": once(path) - once(nothing)}


def peer(path: Path) -> dict[str, Any]:
    r.peers()
    return r.contender("dpkt_table", path, r.PEERS_PYTHON)


def lines_of(path: Path, packets: int) -> dict[str, Line]:
    few, nothing = r.first_packets(path, FEW), r.first_packets(path, 0)
    ours = partial(r.contender, "columns", path)
    lines = {
        "ioc": Line("`ioc_counts`, 2 threads", partial(r.contender, "ioc_counts", path, threads=2)),
        "five": Line(f"{len(PARTIAL)} columns, 2 threads", partial(ours, threads=2, names=",".join(PARTIAL))),
        "one": Line(f"{len(HEADERS)} header columns, 1 thread", partial(ours, threads=1, names=",".join(HEADERS))),
        "two": Line(f"{len(HEADERS)} header columns, 2 threads", partial(ours, threads=2, names=",".join(HEADERS))),
        "all": Line(
            f"{len(PAYLOADS)} DNS, TLS and HTTP columns too, 2 threads",
            partial(ours, threads=2, names=",".join(HEADERS + PAYLOADS)),
        ),
        "dpkt": Line("the header columns by hand in dpkt", partial(peer, few), slow=True),
        "tshark": Line("the header columns in tshark", partial(tshark, few, nothing, HEADERS), slow=True),
        "tshark all": Line("all of them in tshark", partial(tshark, few, nothing, HEADERS + PAYLOADS), slow=True),
    }
    for name, line in lines.items():
        line.packets = packets
        if name in ("dpkt", "tshark", "tshark all"):
            line.scale = packets / FEW
            line.note = f"first {FEW:,} packets, scaled"
    return lines


def speed(packets: int, rounds: int) -> tuple[list[str], list[tuple[str, str, str, str]]]:
    path = r.capture(str(packets), 0.2)
    lines = lines_of(path, packets)
    r.rounds(list(lines.values()), rounds, path)
    rows = []
    for line in lines.values():
        if line.missing or not line.results:
            rows.append([line.name, "–", "–", "–", f"not measured: {line.missing}"])
            continue
        middle = statistics.median(line.seconds)
        ratio = figure(r.times_as_fast(line, lines["tshark"]))
        rows.append([line.name, figure(middle), f"{line.packets / middle:,.0f}", ratio, line.note])
    text = [f"### {packets:,} packets, {path.stat().st_size / 1e9:.2f} GB", ""]
    text += r.table(["what", "seconds", "packets/s", "times tshark's header columns", "note"], rows)

    def goal(ours: str, other: str, least: float) -> tuple[str, str, str, str]:
        ratio = r.times_as_fast(lines[ours], lines[other])
        verdict = "not measured" if ratio is None else "reached" if ratio >= least else "NOT reached"
        return f"{lines[ours].name} against {lines[other].name}", f"at least {least:g} times", figure(ratio), verdict

    return text, [goal("two", "tshark", 150), goal("two", "dpkt", 8), goal("all", "tshark all", 100)]


def memory(sizes: list[str]) -> tuple[list[str], list[tuple[str, str, str, str]]]:
    """Peak memory of going through batches of one capture, however large."""
    found, rows = [], []
    for size in sizes:
        path = r.capture(size, 0.2)
        above = r.contender("batches", path, threads=2, names=",".join(PARTIAL))["above"]
        found.append(above)
        rows.append([size, f"{above / 2**20:,.1f} MiB", ""])
    text = ["### Memory of `batches`, above Python with NumPy", "", *r.table(["capture", "peak", ""], rows)]
    if len(found) < 2:
        return text, []
    growth = found[-1] / found[0]
    verdict = "reached" if growth <= 1.1 else "NOT reached"
    return text, [(f"memory of batches, {sizes[-1]} against {sizes[0]}", "at most 1.1 times", figure(growth), verdict)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--packets", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", nargs="*", default=["100MB", "1GB"], help="captures for peak memory")
    parser.add_argument("--write", action="store_true", help=f"rewrite {PAGE.name}")
    args = parser.parse_args()
    machine = r.machine()
    text, goals = speed(args.packets, args.rounds)
    remembered, more = memory(args.sizes)
    body = ["## Goals", "", *r.table(["goal", "wanted", "measured", ""], [[*goal] for goal in goals + more]), ""]
    body += ["## Figures", "", *text, "", *remembered]
    how = HOW.format(rounds=args.rounds, few=FEW)
    print("\n".join([*machine, "", *body]))
    if args.write:
        command = " ".join(["python benchmarks/bench_tables.py", *sys.argv[1:]])
        head = [f"# Performance of packet tables\n\nMade by `{command}`.\n", *(f"- {fact}" for fact in machine)]
        PAGE.write_text("\n".join([*head, f"\n## How it is measured\n\n{how}\n", *body]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
