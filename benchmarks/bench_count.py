"""What grouped counts cost, against `ioc_counts` on the same capture in the same rounds.

python benchmarks/bench_count.py --packets 3000000 --rounds 5
"""

import argparse
import json
import statistics
from functools import partial
from typing import Any

import _run as r

QUESTIONS: list[tuple[str, list[str], dict[str, Any]]] = [
    ("packets by source", ["ip_src"], {}),
    ("packets by (source, destination, port)", ["ip_src", "ip_dst", "tcp_dstport"], {}),
    ("packets by (source, sequence number)", ["ip_src", "tcp_seq_raw"], {}),
    ("packets by protocol", ["protocol"], {}),
    ("octets per second by protocol", ["protocol"], {"every": "1s", "sum": "frame_len"}),
    ("packets and octets per minute", [], {"every": "1min", "sum": "frame_len", "fill": True}),
    ("distinct ports per source", ["ip_src"], {"distinct": "tcp_dstport"}),
    ("distinct ports per source, about", ["ip_src"], {"distinct": "tcp_dstport", "approx": True}),
    ("mean and deviation per source", ["ip_src"], {"mean": "frame_len", "std": "frame_len"}),
    ("gaps per source", ["ip_src"], {"gaps": True}),
    ("the 100 largest (source, destination, port)", ["ip_src", "ip_dst", "tcp_dstport"], {"top": 100}),
]
GOAL, MOST = "packets by (source, destination, port)", 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--packets", type=int, default=3_000_000)
    parser.add_argument("--distinct", type=float, default=0.2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    path = r.capture(str(args.packets), args.distinct)
    ioc = r.Line("ioc_counts", partial(r.contender, "ioc_counts", path, threads=args.threads))
    lines = [
        r.Line(name, partial(r.contender, "count", path, threads=args.threads, question=json.dumps([fields, asked])))
        for name, fields, asked in QUESTIONS
    ]
    r.rounds([ioc, *lines], args.rounds, path)
    rows = []
    for line in [ioc, *lines]:
        if line.missing:
            rows.append([line.name, "–", "–", "–", line.missing])
            continue
        times = 1 / (r.times_as_fast(line, ioc) or 1)
        note = f"at most {MOST}: {'reached' if times <= MOST else 'NOT reached'}" if line.name == GOAL else ""
        groups = line.results[0].get("groups")
        seconds = statistics.median(line.seconds)
        rows.append([line.name, f"{seconds:.3f}", f"{times:.2f}", "" if groups is None else f"{groups:,}", note])
    head = ["question", "seconds", "times `ioc_counts`", "rows", "goal"]
    print("\n".join([*r.machine(), "", *r.table(head, rows)]))


if __name__ == "__main__":
    main()
