"""The DNS columns beside tshark's fields, value by value, on captures from $PCAPFRAME_CORPUS/captures.

A seeded sample of the files that hold DNS; all of them with `-m soak`. Every class of differences has a name below, and
what it says of both sides is asserted where it is met. The share of equal cells per column is printed.
"""

from __future__ import annotations

import functools
import os
import random
import re
import subprocess
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

import captures as make
import pcapframe as pf
from hostile_dns import header, question
from naive_dns import COLUMNS, TYPES
from naive_packet import Row
from pcapframe._tshark import KINDS, PREFERENCES, TSHARK

pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")

CORPUS = os.environ.get("PCAPFRAME_CORPUS", "")
SAMPLE = 8  # files
MOST_OCTETS = 300_000  # of a file of the sample
FIELDS = {column.name: column.wireshark for column in pf.columns() if column.name in COLUMNS and column.wireshark}
NAMES = {"dns_qry_name", "dns_resp_name", "dns_cname"}
LEAST = dict.fromkeys((*NAMES, "dns_a", "dns_aaaa"), 0.97)  # of cells equal; 0.995 in the others
TEXTS = {*NAMES, "dns_a", "dns_aaaa"}
OTHERS = {
    "layers": "frame.protocols",
    "packet": "frame.encap_type",
    "udp_length": "udp.length",
    "malformed": "_ws.malformed",
}
OURS = (
    *COLUMNS,
    "tcp_reassembled_length",
    "frame_fault",
    "protocol",
    "tcp_flags",
    "udp_srcport",
    "udp_dstport",
    "tcp_srcport",
    "tcp_dstport",
)


# --- both readings ----------------------------------------------------------------------------------------------------


def by_tshark(path: Path, fields: dict[str, str]) -> Iterator[dict[str, str]]:
    """The first of each field per packet, as text."""
    command = [TSHARK or "tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=f"]
    for name, value in PREFERENCES.items():
        command += ["-o", f"{name}:{value}"]
    for field in fields.values():
        command += ["-e", field]
    said = subprocess.run(command, capture_output=True, env=os.environ | {"LC_ALL": "C"})
    for line in said.stdout.decode(errors="replace").removesuffix("\n").split("\n"):
        if line:
            yield dict(zip(fields, line.split("\t"), strict=True))


def tshark_row(cells: dict[str, str]) -> Row:
    row: Row = {}
    for column in FIELDS:
        text = cells[column]
        row[column] = None if text == "" else text if column in TEXTS else int(text, 0)
    row["layers"] = cells["layers"].split(":")
    row["udp_length"] = cells["udp_length"] not in ("", "0")
    row["malformed"] = cells["malformed"] != ""
    row["opcode"] = row["dns_flags_opcode"] not in (None, 0)
    return row


def our_rows(source: object) -> list[Row]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = pf.open(source, progress=False).packets(columns=list(OURS)).to_dict()  # type: ignore[arg-type]
    return [dict(zip(frame, values, strict=True)) for values in zip(*frame.values(), strict=True)]


@functools.cache
def as_tshark_shows(name: str) -> str:
    """Our name in tshark's way: dots and backslashes of a label as they are, control characters as in C, octal."""
    octets = re.sub(rb"\\(\d\d\d)", lambda escape: bytes([int(escape[1])]), name.encode())
    special = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
    shown = ""
    for character in octets.decode(errors="replace"):
        code = ord(character)
        if code in special:
            shown += special[code]
        elif code < 32 or code == 127:
            shown += f"\\{code:03o}"
        elif 128 <= code < 160:
            shown += f"\\u{code:04x}"
        else:
            shown += character
    return shown


# --- classes of differences -------------------------------------------------------------------------------------------

UNKNOWN_LABEL = "<Unknown extended label>"
BODY = ("dns_qry_", "dns_resp_", "dns_a", "dns_cname")  # what is behind the header

Fits = Callable[[Row, Row, str], bool]

CLASSES: dict[str, Fits] = {
    "tshark writes <Root> for a name without labels": lambda ours, theirs, column: (
        column in NAMES and ours[column] == "." and theirs[column] == "<Root>"
    ),
    "tshark escapes otherwise": lambda ours, theirs, column: (
        column in NAMES and "\\" in (ours[column] or "") and as_tshark_shows(ours[column]) == theirs[column]
    ),
    "tshark says in the place of a name why there is none": lambda ours, theirs, column: (
        column in NAMES and ours[column] is None and str(theirs[column]).startswith("<")
    ),
    "tshark has other fields for the owner of SRV": lambda ours, theirs, column: (
        column == "dns_resp_name" and ours["dns_resp_type"] == 33
    ),
    "tshark shows no AD in queries unless it is set": lambda ours, theirs, column: (
        column == "dns_flags_authenticated" and ours[column] == 0 and ours["dns_flags_response"] == 0
    ),
    "tshark names the counts of updates otherwise": lambda ours, theirs, column: (
        column.startswith("dns_count_") and theirs[column] is None and ours["dns_flags_opcode"] == 5
    ),
    "tshark stops where it finds the message malformed or cut": lambda ours, theirs, column: (
        column.startswith(BODY) and theirs[column] is None and (theirs["malformed"] or ours["dns_qry_class"] is None)
    ),
    "tshark goes on behind a label of a kind that is not known": lambda ours, theirs, column: (
        column.startswith(BODY)
        and ours[column] is None
        and UNKNOWN_LABEL in (theirs["dns_qry_name"], theirs["dns_resp_name"])
    ),
    "tshark goes on to a second message in the segment": lambda ours, theirs, column: (
        column.startswith(BODY) and ours[column] is None and 53 in (ours["tcp_srcport"], ours["tcp_dstport"])
    ),
}


def is_message(row: Row) -> bool:
    return any(row[column] is not None for column in COLUMNS)


class Shares:
    """Cells in which either side says something, per column."""

    def __init__(self) -> None:
        self.equal: Counter[str] = Counter()
        self.known: Counter[tuple[str, str]] = Counter()
        self.different: dict[str, list[str]] = {column: [] for column in FIELDS}
        self.files = 0

    def add_file(self, path: Path, ours: list[Row]) -> None:
        self.files += 1
        cells = [cells for cells in by_tshark(path, FIELDS | OTHERS) if cells["packet"]]
        for number, (our, their) in enumerate(zip(ours, map(tshark_row, cells), strict=False)):
            if our["tcp_reassembled_length"] is not None:
                continue  # compared in test_stream.py
            for column in FIELDS:
                self.add(our, their, column, f"{path.parent.name}/{path.name} {number + 1}")

    def add(self, ours: Row, theirs: Row, column: str, where: str) -> None:
        one, other = ours[column], theirs[column]
        if column == "dns_aaaa" and one and other and ip_address(one) == ip_address(other):
            other = one
        if one == other:
            self.equal[column] += one is not None
            return
        known = next((name for name, fits in CLASSES.items() if fits(ours, theirs, column)), None)
        if known is None and (theirs["dns_id"] is None or ours["dns_id"] is None):
            known = next((name for name, fits in KINDS.items() if fits(ours, theirs, column, 1)), None)
        if known is not None:
            self.known[column, known] += 1
        else:
            self.different[column].append(f"{where} {column} ours {one!r} theirs {other!r} {ours['frame_fault']}")

    def share(self, column: str, of_all: bool = False) -> float:
        """Equal cells, of those that no known reason covers, or of all in which either side says something."""
        total = self.equal[column] + len(self.different[column])
        if of_all:
            total += sum(count for (name, _), count in self.known.items() if name == column)
        return self.equal[column] / total if total else 1.0

    def report(self) -> str:
        lines = [f"{self.files} files"]
        for column in FIELDS:
            known = sum(count for (name, _), count in self.known.items() if name == column)
            lines.append(
                f"{column:24} {self.share(column):8.3%} equal; {self.equal[column]:7} equal, {known:5} known,"
                f" {len(self.different[column]):4} different; {self.share(column, True):8.3%} with the known"
            )
        lines += [f"{count:6} {column}: {name}" for (column, name), count in sorted(self.known.items())]
        return "\n".join(lines + [text for texts in self.different.values() for text in texts[:4]])

    def check(self, of_all: bool = False) -> None:
        print(self.report())
        for column in FIELDS:
            if column != "dns_flags_authenticated" or not of_all:  # which has one known difference in all queries
                assert self.share(column, of_all) >= LEAST.get(column, 0.995), self.report()


def files_with_dns() -> Iterator[tuple[Path, list[Row]]]:
    """In a random order that is always the same."""
    if not Path(CORPUS, "captures").is_dir():
        pytest.skip("PCAPFRAME_CORPUS names no folder with captures to compare with tshark")
    paths = sorted(path for path in Path(CORPUS, "captures").rglob("*") if path.is_file())
    random.Random(2026).shuffle(paths)
    for path in paths:
        try:
            rows = our_rows(path)
        except pf.CaptureError:
            continue
        if any(map(is_message, rows)):
            yield path, rows


def test_a_sample_is_as_tshark_reads_it() -> None:
    shares = Shares()
    for path, rows in files_with_dns():
        if path.stat().st_size <= MOST_OCTETS:
            shares.add_file(path, rows)
        if shares.files == SAMPLE:
            break
    shares.check()


@pytest.mark.soak
def test_all_captures_are_as_tshark_reads_them() -> None:
    shares = Shares()
    for path, rows in files_with_dns():
        shares.add_file(path, rows)
    shares.check(of_all=True)


# --- without captures -------------------------------------------------------------------------------------------------


def test_types_have_the_names_that_tshark_gives_them(tmp_path: Path) -> None:
    """All that both know; what tshark calls otherwise is asserted."""
    kinds = [*range(1, 270), 32768, 32769]
    packets = [
        make.ethernet(make.ipv4(make.udp(header(1, flags=0) + question(b"\1a\0", kind), 40_000, 53))).octets
        for kind in kinds
    ]
    path = tmp_path / "types.pcap"
    path.write_bytes(make.pcap_bytes(packets))
    told = [cells["info"].split() for cells in by_tshark(path, {"info": "_ws.col.Info"})]
    theirs = {kind: words[3] for kind, words in zip(kinds, told, strict=True) if words[3] != "Unknown"}
    different = {kind: (TYPES.get(kind), name) for kind, name in theirs.items() if TYPES.get(kind) != name}
    assert different == {253: ("MAILB", "MAILA"), 254: ("MAILA", "MAILB")}  # RFC 1035, 3.2.3 says MAILB is 253
