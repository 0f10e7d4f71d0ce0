"""What the detectors find, miss and invent on labelled recordings.

    python tools/lab.py FOLDER [-o docs/detectors.md] [--rows]

FOLDER holds captures and a `truth.csv` with a row per labelled step: capture, label, attacker_ip, victim_ip,
start_utc, end_utc; without attacker_ip it is benign. Printed is a Markdown table with a line per kind of finding:
steps with that label that were found (a finding of that kind whose time and source fit), those that were missed, and
findings that fit no step, by severity. With -o it goes between the marks <!-- lab --> and <!-- /lab --> of that page.
"""

from __future__ import annotations

import argparse
import csv
import ipaddress
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import pcapframe as pf

SLACK = 5_000_000_000  # ns: between processes' starts and ends and their packets'

# Labels whose findings have other names: what sees the same step.
ALSO = {
    "scan_syn": {"scan_syn"},
    "scan_sweep": {"scan_sweep", "scan_block"},
    "beacon": {"beacon"},
    "exfil": {"exfil"},
    "heartbleed_like": {"heartbleed"},
    "web_attack_sqli": {"web_sqli", "web_attack_sqli"},
    "web_attack_xss": {"web_xss", "web_attack_xss"},
    "dns_tunnel": {"dns_tunnel"},
}
# Kinds that are true and follow from a step without being its right name.
FOLLOWS = {
    "scan_sweep": {"arp_sweep", "scan_block"},
    "icmp_sweep": {"arp_sweep"},
    "web_attack_sqli": {"http_flood"},
    "web_attack_xss": {"http_flood"},
}


@dataclass(frozen=True)
class Step:
    capture: str
    label: str
    sources: str
    first: int
    last: int

    @property
    def kinds(self) -> set[str]:
        return ALSO.get(self.label, set()) | {self.label}

    def by(self, source: str | None) -> bool:
        """Whether a finding of this source may be about it; one of many sources has none."""
        if source is None:
            return True
        low, _, high = self.sources.partition("-")
        try:
            address, first = ipaddress.ip_address(source), ipaddress.ip_address(low)
        except ValueError:  # a hardware address
            return True
        if not high:
            return address == first
        return address.version == first.version and int(first) <= int(address) <= (int(first) & ~255) + int(high)


_SHOWN = ("severity", "kind", "source", "target", "port")


def nanoseconds(text: str) -> int:
    return int(np.datetime64(text.rstrip("Z"), "ns").astype(np.int64))


def steps_of(folder: Path) -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = defaultdict(list)
    with open(folder / "truth.csv", newline="") as file:
        for row in csv.DictReader(file):
            found[row["capture"]]
            if row["attacker_ip"]:
                times = nanoseconds(row["start_utc"]) - SLACK, nanoseconds(row["end_utc"]) + SLACK
                found[row["capture"]].append(Step(row["capture"], row["label"], row["attacker_ip"], *times))
    return found


def fits(step: Step, finding: dict[str, Any], kinds: set[str]) -> bool:
    overlaps = finding["first_time"] <= step.last and finding["last_time"] >= step.first
    return finding["kind"] in kinds and overlaps and step.by(finding["source"])


def findings_of(path: Path) -> Iterator[dict[str, Any]]:
    found = pf.detect(pf.open(str(path)))
    names = found.columns
    for row in found.rows(*names):
        yield dict(zip(names, row, strict=True))


def table(folder: Path, rows: bool) -> Iterator[str]:
    found: dict[str, list[str]] = defaultdict(list)
    missed: dict[str, list[str]] = defaultdict(list)
    false: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, steps in sorted(steps_of(folder).items()):
        findings = list(findings_of(folder / name))
        for step in steps:
            hits = [finding for finding in findings if fits(step, finding, step.kinds)]
            (found if hits else missed)[step.label].append(name)
        for finding in findings:
            true = any(fits(step, finding, step.kinds | FOLLOWS.get(step.label, set())) for step in steps)
            if not true:
                false[finding["kind"]][finding["severity"]].append(name)
            if rows:
                print("   " if true else "???", name, *(finding[key] for key in _SHOWN),
                      finding["evidence"], file=sys.stderr)  # fmt: skip
    yield "| label or kind | steps found | steps missed | findings beside: high | medium | low |"
    yield "|---|---|---|---|---|---|"
    aliases = {kind: label for label, kinds in ALSO.items() for kind in kinds}
    for name in sorted({*found, *missed, *(aliases.get(kind, kind) for kind in false)}):
        by_severity: dict[str, list[str]] = defaultdict(list)
        for kind, each in false.items():
            if aliases.get(kind, kind) == name:
                for severity, where in each.items():
                    by_severity[severity] += where
        counts = " | ".join(str(len(by_severity[severity])) for severity in ("high", "medium", "low"))
        yield f"| {name} | {len(found[name])} | {', '.join(missed[name]) or 0} | {counts} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", dest="output", type=Path)
    parser.add_argument("--rows", action="store_true", help="list every finding on standard error; ??? fits no step")
    given = parser.parse_args()
    lines = "\n".join(table(given.folder, given.rows))
    if given.output is None:
        print(lines)
    else:
        before, mark, rest = given.output.read_text().partition("<!-- lab -->\n")
        _, end, after = rest.partition("<!-- /lab -->")
        if not mark or not end:
            parser.error(f"{given.output}: the marks <!-- lab --> and <!-- /lab --> are needed")
        given.output.write_text(f"{before}{mark}{lines}\n{end}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
