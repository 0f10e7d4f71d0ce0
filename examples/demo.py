"""Find the suspicious packets of a capture: `make demo`, or `python examples/demo.py your.pcap`."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import pcapframe as pf

KINDS = {
    "dns": "DNS replies without an answer, per client",
    "ip": "packets per source address",
    "seq": "packets per TCP sequence number",
}
SHOWN = 5


def listed(pairs: list[tuple[object, int]], indent: str = "    ") -> str:
    """One line per key with its count."""
    width = max((len(str(key)) for key, _ in pairs), default=0)
    return "\n".join(f"{indent}{key!s:{width}}  {count:>9,}" for key, count in pairs) or f"{indent}none"


def main(path: str) -> None:
    capture = pf.open(path)
    print(f"{path}\n{capture.info()}\n")

    begin = time.perf_counter()
    counts = capture.ioc_counts()
    print(f"First pass, counting: {time.perf_counter() - begin:.3f} s")
    suspicious = {}
    for kind, title in KINDS.items():
        of_kind = getattr(counts, kind)
        threshold = pf.set_threshold(of_kind, sigma_value=3)
        suspicious[kind] = pf.eval_packets(threshold, of_kind)
        print(f"\n{title}: {len(of_kind):,} keys; most:\n{listed(of_kind.top(SHOWN))}")
        print(f"  suspicious, from {threshold:,.1f} on (mean + 3 standard deviations):")
        print(listed(sorted(((key, of_kind[key]) for key in suspicious[kind]), key=lambda pair: -pair[1])[:SHOWN]))

    begin = time.perf_counter()
    packets = capture.select(**suspicious)
    print(f"\nSecond pass, collecting: {len(packets):,} suspicious packets, {time.perf_counter() - begin:.3f} s")
    for column in ("ip_src", "ip_dst", "protocol"):
        values = Counter(value for value in packets[column].tolist() if value is not None)
        print(f"\n  {column}\n{listed(values.most_common(SHOWN))}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(Path(__file__).parent / "lab.pcap"))
