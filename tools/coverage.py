"""The rooms of csrc/ and how much of each was reached: ``python tools/coverage.py SUMMARY.json``, from gcovr.

Ends with 1 when a room below is under its goals: they are what stands between hostile octets and everything else.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

GOALS = {"line": 95.0, "branch": 85.0}  # in percent
NAMES = {"line": "lines", "branch": "branches"}
HELD = ("capture", "packet", "payload", "flow")


def rooms(summary: Path) -> dict[str, Counter[str]]:
    """Lines and branches, all and reached, by room."""
    found: dict[str, Counter[str]] = {}
    for file in json.loads(summary.read_text())["files"]:
        counts = found.setdefault(Path(file["filename"]).parent.name, Counter())
        for kind in GOALS:
            for what in ("total", "covered"):
                counts[f"{kind}_{what}"] += file[f"{kind}_{what}"]
    return found


def percent(counts: Counter[str], kind: str) -> float:
    return 100 * counts[f"{kind}_covered"] / max(1, counts[f"{kind}_total"])


def main(summary: Path) -> int:
    missed = []
    print(f"{'room':<10}{'lines':>18}{'branches':>20}")
    found = rooms(summary)
    for room in (*HELD, *sorted(set(found) - set(HELD))):
        counts = found.get(room, Counter())
        cells = [
            f"{counts[f'{kind}_covered']:>7,} of {counts[f'{kind}_total']:,}".ljust(width)
            + f"{percent(counts, kind):6.1f} %"
            for kind, width in (("line", 16), ("branch", 17))
        ]
        print(f"{room:<10}", *cells)
        missed += [
            f"{room}: {percent(counts, kind):.1f} % of {NAMES[kind]}, the goal is {goal:g} %"
            for kind, goal in GOALS.items()
            if room in HELD and percent(counts, kind) < goal
        ]
    print(*missed, sep="\n", file=sys.stderr, end="\n" if missed else "")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
