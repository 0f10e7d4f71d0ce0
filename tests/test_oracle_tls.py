"""TLS, QUIC and Community ID beside what others say: tshark, FoxIO's JA4 vectors, the baseline of Community ID.

Captures and golden files come from $PCAPFRAME_CORPUS; a seeded sample of them, or all under soak. A cell in which
tshark says something else must be of a kind below, which looks at both readings and the octets.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
import subprocess
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import naive_tls
import pcapframe as pf
from pcapframe import _tshark

CORPUS = Path(os.environ.get("PCAPFRAME_CORPUS", ""))
NO_CORPUS = "PCAPFRAME_CORPUS names no folder with captures and golden files"

NUMBERS = {
    "tls_record_content_type": "tls.record.content_type",
    "tls_record_version": "tls.record.version",
    "tls_handshake_type": "tls.handshake.type",
    "tls_handshake_version": "tls.handshake.version",
    "tls_handshake_session_id_length": "tls.handshake.session_id_length",
    "tls_handshake_ciphersuite": "tls.handshake.ciphersuite",
    "tls_handshake_extensions_supported_version": "tls.handshake.extensions.supported_version",
    "quic_version": "quic.version",
    "quic_long_packet_type": "quic.long.packet_type",
}
LISTS = {  # all occurrences, joined by commas
    "tls_handshake_ciphersuites": "tls.handshake.ciphersuite",
    "tls_handshake_extension_types": "tls.handshake.extension.type",
    "tls_handshake_extensions_supported_groups": "tls.handshake.extensions_supported_group",
}
TEXTS = {
    "tls_handshake_extensions_server_name": "tls.handshake.extensions_server_name",
    "tls_handshake_extensions_alpn_str": "tls.handshake.extensions_alpn_str",
    "tls_handshake_ja3": "tls.handshake.ja3",
    "tls_handshake_ja3_full": "tls.handshake.ja3_full",
    "tls_handshake_ja3s": "tls.handshake.ja3s",
    "quic_dcid": "quic.dcid",
    "quic_scid": "quic.scid",
    "community_id": "communityid",
}
COMPARED = [*NUMBERS, *LISTS, *TEXTS]
OTHERS = {"opaque": "tls.record.opaque_type", "type_v2": "quic.long.packet_type_v2", "malformed": "_ws.malformed"}
OTHERS |= {"layers": "frame.protocols", "encapsulation": "frame.encap_type", "fragment": "ip.frag_offset"}
OTHERS |= {"fragment6": "ipv6.fraghdr.offset", "handshakes": "tls.handshake.type", "hellos": "tls.handshake.version"}
FIELDS = list(dict.fromkeys([*NUMBERS.values(), *LISTS.values(), *TEXTS.values(), *OTHERS.values()]))
PREFERENCES = _tshark.PREFERENCES | {
    "tls.desegment_ssl_records": "FALSE",
    "tls.desegment_ssl_application_data": "FALSE",
}
BETWEEN = "\x1f"

Row = dict[str, Any]


def by_tshark(path: Path, settings: Path) -> Iterator[Row]:
    assert _tshark.TSHARK is not None
    command = [_tshark.TSHARK, "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]
    command += ["-E", f"aggregator={BETWEEN}", "--enable-protocol", "communityid"]
    for name, value in PREFERENCES.items():
        command += ["-o", f"{name}:{value}"]
    for field in FIELDS:
        command += ["-e", field]
    surroundings = os.environ | {"WIRESHARK_CONFIG_DIR": str(settings), "LC_ALL": "C.UTF-8"}
    said = subprocess.run(command, capture_output=True, env=surroundings, stdin=subprocess.DEVNULL)
    assert said.returncode in (0, 2), said.stderr
    for line in said.stdout.decode(errors="replace").splitlines():
        cells = dict(zip(FIELDS, line.split("\t"), strict=True))
        if cells["frame.encap_type"]:  # a block that is no packet has a row too
            yield tshark_row({field: cell.split(BETWEEN) if cell else [] for field, cell in cells.items()})


def tshark_row(cells: dict[str, list[str]]) -> Row:
    first = {field: values[0] if values else None for field, values in cells.items()}
    row: Row = {name: None if first[field] is None else int(first[field], 0) for name, field in NUMBERS.items()}
    row |= {name: first[field] for name, field in TEXTS.items()}
    row |= {name: ",".join(str(int(value, 0)) for value in cells[field]) or None for name, field in LISTS.items()}
    row |= {name: cells[field] for name, field in OTHERS.items()}
    row["layers"] = (first["frame.protocols"] or "").split(":")
    if row["tls_record_content_type"] is None and row["opaque"]:
        row["tls_record_content_type"] = int(row["opaque"][0])
    if row["quic_long_packet_type"] is None and row["type_v2"]:
        row["quic_long_packet_type"] = int(row["type_v2"][0])
    return row


# --- kinds of difference that are no error ---------------------------------------------------------------------------

GREASE = {0x0A0A + 0x1010 * n for n in range(16)}
HELLOS = {"1", "2"}
ADDRESSED = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}


def goes_on(payload: bytes) -> bool:
    """Whether one of the records in a segment goes on behind its end."""
    while len(payload) >= 5 and 20 <= payload[0] <= 24:
        size = int.from_bytes(payload[3:5], "big")
        if size > len(payload) - 5:
            return True
        payload = payload[5 + size :]
    return 0 < len(payload) < 5


def whole(payload: bytes) -> bool:
    hello = naive_tls.first_hello(naive_tls.records(payload))
    return hello is not None and hello.whole


def is_registered(ours: Row) -> bool:
    return bool({ours["srcport"], ours["dstport"]} & naive_tls.TLS_PORTS)


def is_ip(layer: str) -> bool:
    return layer in ("ip", "ipv6")


def is_tls(column: str) -> bool:
    return column.startswith("tls_")


Kind = Callable[[Row, Row, str], bool]

KINDS: dict[str, Kind] = {  # the first that fits is the one
    "tshark decrypts the hello that QUIC carries": lambda ours, theirs, column: (
        is_tls(column) and ours[column] is None and "quic" in theirs["layers"]
    ),
    "tshark knows from before that a port speaks TLS": lambda ours, theirs, column: (
        is_tls(column)
        and ours["tls_record_content_type"] is None
        and not is_registered(ours)
        and (not HELLOS & set(theirs["handshakes"]) or theirs["tls_record_content_type"] != 22)
    ),
    "tshark reads TLS within OpenVPN": lambda ours, theirs, column: is_tls(column) and "openvpn" in theirs["layers"],
    "tshark reads ServerHellos of drafts": lambda ours, theirs, column: (
        is_tls(column) and ours[column] is None and theirs["tls_handshake_version"] in range(0x7F00, 0x7F16)
    ),
    "tshark takes any version for a hello's": lambda ours, theirs, column: (
        is_tls(column) and ours[column] is None and (theirs["tls_handshake_version"] or 0x0300) >> 8 != 3
    ),
    "tshark decrypts with keys that the capture holds": lambda ours, theirs, column: (
        is_tls(column) and ours[column] is None and bool({"8", "20"} & set(theirs["handshakes"]))
    ),
    "a hello whose first six octets are in several records": lambda ours, theirs, column: (
        is_tls(column) and ours["payload"][0] == 22 and int.from_bytes(ours["payload"][3:5], "big") < 6
    ),
    "tshark takes what is sent once more, behind a change of ciphers, for encrypted": lambda ours, theirs, column: (
        column == "tls_handshake_type" and ours[column] in (4, 16) and not theirs["handshakes"]
    ),
    "tshark reads on in what is malformed": lambda ours, theirs, column: (
        is_tls(column) and ours[column] is None and bool(theirs["malformed"])
    ),
    "a hello whose lengths do not add up": lambda ours, theirs, column: (
        is_tls(column) and ours[column] is None and not whole(ours["payload"])
    ),
    "tshark waits for the rest of a record": lambda ours, theirs, column: (
        is_tls(column) and theirs[column] is None and goes_on(ours["payload"])
    ),
    "tshark takes the segment for another protocol": lambda ours, theirs, column: (
        is_tls(column) and theirs[column] is None and "tls" not in theirs["layers"]
    ),
    "tshark reads SSL 2": lambda ours, theirs, column: (
        is_tls(column) and ours["tls_record_content_type"] is None and theirs["tls_record_version"] in (None, 2)
    ),
    "tshark gives GREASE": lambda ours, theirs, column: (
        column == "tls_handshake_extensions_supported_version" and theirs[column] in GREASE
    ),
    "tshark joins several hellos": lambda ours, theirs, column: is_tls(column) and len(theirs["hellos"]) > 1,
    "tshark knows connections by their short headers": lambda ours, theirs, column: (
        column == "quic_dcid" and ours["quic_version"] is None and theirs["quic_version"] is None
    ),
    "a QUIC version that is none": lambda ours, theirs, column: (
        column.startswith("quic_")
        and ours["quic_version"] is None
        and theirs["quic_version"] not in naive_tls.VERSIONS | {0}
    ),
    "a QUIC header without the fixed bit": lambda ours, theirs, column: (
        column.startswith("quic_") and ours["quic_version"] is None and ours["payload"][0] & 0x40 == 0
    ),
    "tshark takes ports from within a tunnel or behind AH": lambda ours, theirs, column: (
        column == "community_id"
        and (sum(each in ("ip", "ipv6") for each in theirs["layers"]) > 1 or "ah" in theirs["layers"])
    ),
    "tshark walks on where we say unknown": lambda ours, theirs, column: (
        ours[column] is None and (ours["frame_fault"] or "").startswith("unknown ")
    ),
    "tshark has no ports of a datagram that is malformed": lambda ours, theirs, column: (
        column == "community_id" and bool(theirs["malformed"])
    ),
    "tshark gives later fragments another name": lambda ours, theirs, column: (
        column == "community_id"
        and ours[column] is None
        and ours["ip_proto"] in ADDRESSED
        and any(int(offset) for offset in theirs["fragment"] + theirs["fragment6"])
    ),
}


class Comparison:
    def __init__(self) -> None:
        self.equal: Counter[str] = Counter()
        self.known: Counter[tuple[str, str]] = Counter()
        self.different: dict[str, list[str]] = {column: [] for column in COMPARED}
        self.skipped: list[str] = []

    def add_file(self, path: Path, settings: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pf.CaptureWarning)
            columns = [
                *COMPARED,
                "tcp_reassembled_length",
                "tcp_payload",
                "payload",
                "srcport",
                "dstport",
                "ip_proto",
                "protocol",
                "frame_fault",
            ]
            ours = pf.open(path, progress=False).packets(columns=columns).to_dict()
        theirs = list(by_tshark(path, settings))
        rows = [dict(zip(ours, values, strict=True)) for values in zip(*ours.values(), strict=True)]
        if len(rows) != len(theirs):  # readers end a damaged file at different places
            self.skipped.append(f"{path.name}: {len(rows)} packets, tshark {len(theirs)}")
        for number, (one, other) in enumerate(zip(rows, theirs, strict=False), 1):
            if one["tcp_reassembled_length"] is not None:
                continue  # compared in test_stream.py
            one["payload"] = one["tcp_payload"] or one["payload"] or b"\0"  # of TCP, however deep
            for column in COMPARED:
                self.add(one, other, column, f"{path} {number}")

    def add(self, ours: Row, theirs: Row, column: str, place: str) -> None:
        one, other = ours[column], theirs[column]
        if column == "quic_scid" or column == "quic_dcid":
            one = one or None  # tshark shows an empty one as nothing
        if one == other or (isinstance(one, str) and same_text(one, other)):
            self.equal[column] += one is not None
            return
        kind = next((name for name, fits in KINDS.items() if fits(ours, theirs, column)), None)
        if kind is not None:
            self.known[column, kind] += 1
        else:
            self.different[column].append(
                f"{place} {column} ours {one} theirs {other} {ours['protocol']} {ours['srcport']} {ours['dstport']}"
                f" {':'.join(theirs['layers'])} {theirs['malformed']} fault {ours['frame_fault']}"
            )

    def report(self) -> str:
        lines = []
        for column in COMPARED:
            known = sum(count for (name, _), count in self.known.items() if name == column)
            total = self.equal[column] + len(self.different[column])
            lines.append(
                f"{column:45} {self.equal[column] / max(1, total):8.3%} equal; {self.equal[column]:7} equal,"
                f" {known:6} known, {len(self.different[column]):4} different"
            )
        lines += [f"{count:6} {column}: {kind}" for (column, kind), count in sorted(self.known.items())]
        lines += [f"{len(self.skipped)} files with other packets: {self.skipped[:5]}"]
        return "\n".join(lines + [text[:400] for texts in self.different.values() for text in texts[:8]])


def same_text(ours: str, theirs: str | None) -> bool:
    """Ours escapes what is no text; theirs ends at a zero octet and shows an empty text as nothing."""
    plain = re.split(r"\\000", ours)[0]
    return plain == (theirs or "")


def chosen(files: int | None, most_octets: int) -> list[Path]:
    manifest = CORPUS / "captures" / "manifest.tsv"
    if not manifest.is_file():
        pytest.skip(NO_CORPUS)
    with manifest.open(newline="") as lines:
        entries = list(csv.DictReader(lines, delimiter="\t"))
    tags = next(name for name in entries[0] if name.startswith("tags"))
    paths = [
        CORPUS / "captures" / entry["path"]
        for entry in entries
        if re.search(r"\b(tls|quic)\b", entry[tags]) and entry["status"] == "ok" and int(entry["bytes"]) <= most_octets
    ]
    assert paths, "the manifest marks no capture with TLS or QUIC"
    return paths if files is None else random.Random(11).sample(paths, min(files, len(paths)))


def compare(paths: list[Path], settings: Path) -> None:
    if _tshark.TSHARK is None:
        pytest.skip("tshark is not installed")
    comparison = Comparison()
    for path in paths:
        comparison.add_file(path, settings)
    print(comparison.report())
    assert not any(comparison.different.values()), comparison.report()
    for column in ("tls_handshake_ja3", "community_id"):
        assert comparison.equal[column], comparison.report()


def test_a_sample_is_as_tshark_reads_it(tmp_path: Path) -> None:
    compare(chosen(files=5, most_octets=200_000), tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(6))
def test_the_corpus_is_as_tshark_reads_it(part: int, tmp_path: Path) -> None:
    compare(chosen(files=None, most_octets=50_000_000)[part::6], tmp_path)


# --- golden files ----------------------------------------------------------------------------------------------------


def test_ja4_is_what_its_authors_say() -> None:
    """By the source port and address of each connection, from both of their programs."""
    golden, captures = CORPUS / "golden" / "FoxIO-LLC+ja4", CORPUS / "captures" / "FoxIO-LLC+ja4" / "pcap"
    if not golden.is_dir() or not captures.is_dir():
        pytest.skip(NO_CORPUS)
    expected: dict[str, set[tuple[str, int, str]]] = {}
    for path in golden.glob("python/test/testdata/*.json"):
        for stream in json.loads(path.read_text()):
            if "JA4.1" in stream:
                place = stream["src"], int(stream["srcport"]), stream["JA4.1"]
                expected.setdefault(path.name.removesuffix(".json"), set()).add(place)
    for path in golden.glob("rust/ja4/src/snapshots/*.snap"):
        for stream in path.read_text().split("\n- ")[1:]:
            said = dict(re.findall(r"^ *(\w+): (.+)$", stream, re.MULTILINE))
            if said.get("ja4", "").startswith("t"):
                place = said["src"], int(said["src_port"]), said["ja4"]
                expected.setdefault(path.name.partition("@")[2].removesuffix(".snap"), set()).add(place)
    there = {name: places for name, places in expected.items() if (captures / name).is_file()}
    assert len(there) >= 3, f"captures to only {sorted(there)} of {sorted(expected)}"
    for name, places in there.items():
        found = pf.open(captures / name, progress=False).packets(columns=["ip_src", "srcport", "tls_handshake_ja4"])
        ours = {row for row in zip(*found.to_dict().values(), strict=True) if row[2] is not None}
        assert ours == places, name


def test_community_id_is_the_baseline() -> None:
    golden = CORPUS / "golden" / "corelight+community-id-spec" / "baseline" / "baseline_deflt.json"
    captures = CORPUS / "captures" / "corelight+community-id-spec" / "pcaps"
    if not golden.is_file() or not captures.is_dir():
        pytest.skip(NO_CORPUS)
    flows = json.loads(golden.read_text())
    expected = {(flow["saddr"], flow["daddr"], flow["proto"], flow["communityid"]) for flow in flows}
    found = pf.open(captures / "combined.pcap.gz", progress=False).packets(
        columns=["ip_src", "ip_dst", "ip_proto", "community_id"]
    )
    ours = {row for row in zip(*found.to_dict().values(), strict=True) if row[0] is not None}
    assert ours == expected
