"""tshark as an oracle: its rows under our names, and the kinds of difference that are no error."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TSHARK = shutil.which("tshark")

Row = dict[str, Any]

PREFERENCES = {  # one packet at a time, numbers as they are on the wire
    "ip.defragment": "FALSE",
    "ipv6.defragment": "FALSE",
    "ip.check_checksum": "FALSE",
    "ip.tso_support": "TRUE",
    "ipv6.tso_support": "TRUE",
    "tcp.check_checksum": "FALSE",
    "udp.check_checksum": "FALSE",
    "tcp.desegment_tcp_streams": "FALSE",
    "tcp.analyze_sequence_numbers": "FALSE",
    "tcp.relative_sequence_numbers": "FALSE",
    "wlan.defragment": "FALSE",
}
NUMBERS = {  # column: tshark's field
    "frame_number": "frame.number",
    "frame_len": "frame.len",
    "frame_cap_len": "frame.cap_len",
    "tcp_srcport": "tcp.srcport",
    "tcp_dstport": "tcp.dstport",
    "udp_srcport": "udp.srcport",
    "udp_dstport": "udp.dstport",
    "sctp_srcport": "sctp.srcport",
    "sctp_dstport": "sctp.dstport",
    "tcp_seq_raw": "tcp.seq_raw",
    "tcp_ack_raw": "tcp.ack_raw",
    "tcp_flags": "tcp.flags",
    "tcp_len": "tcp.len",
    "dns_flags_response": "dns.flags.response",
    "dns_flags_rcode": "dns.flags.rcode",
    "dns_count_answers": "dns.count.answers",
}
TEXTS = {"eth_src": "eth.src", "eth_dst": "eth.dst", "layers": "frame.protocols"}
REASONS = {  # not compared; they tell kinds of difference apart
    "opcode": "dns.flags.opcode",
    "source_route": "ip.cur_rt",
    "fragment": "ip.flags.mf",
    "fragment6": "ipv6.fraghdr.more",
    "udp_length": "udp.length",
}
OF_FAMILY = {
    "ip": {
        "ip_version": "ip.version",
        "ip_src": "ip.src",
        "ip_dst": "ip.dst",
        "ip_ttl": "ip.ttl",
        "ip_proto": "ip.proto",
    },
    "ipv6": {"ip_version": "ipv6.version", "ip_src": "ipv6.src", "ip_dst": "ipv6.dst", "ip_ttl": "ipv6.hlim"},
}
NEXT_HEADERS = {  # tshark's name of a layer: the field with its next header
    "ipv6": "ipv6.nxt",
    "ipv6.hopopts": "ipv6.hopopts.nxt",
    "ipv6.dstopts": "ipv6.dstopts.nxt",
    "ipv6.routing": "ipv6.routing.nxt",
    "ipv6.fraghdr": "ipv6.fraghdr.nxt",
    "ah": "ah.next_header",
    "mipv6": "mip6.proto",
    "hip": "hip.proto",
    "shim6": "shim6.nxt",
}
FIELDS = [
    *NUMBERS.values(),
    *TEXTS.values(),
    *REASONS.values(),
    "frame.time_epoch",
    "frame.encap_type",
    *OF_FAMILY["ip"].values(),
    *OF_FAMILY["ipv6"].values(),
]
FIELDS += NEXT_HEADERS.values()
EXTENSIONS = {0, 43, 44, 51, 60, 135, 139, 140}
COMPARED = [  # all but frame_fault and protocol, which are ours alone
    *("frame_number", "frame_time", "frame_len", "frame_cap_len", "eth_src", "eth_dst"),
    *("ip_version", "ip_src", "ip_dst", "ip_ttl", "ip_proto"),
    *("tcp_srcport", "tcp_dstport", "udp_srcport", "udp_dstport", "tcp_seq_raw", "tcp_ack_raw", "tcp_flags", "tcp_len"),
    *("dns_flags_response", "dns_flags_rcode", "dns_count_answers"),
]


def number(text: str | None) -> int | None:
    return int(text, 0) if text else None


def nanoseconds(text: str | None) -> int | None:
    if not text:
        return None
    seconds, _, fraction = text.removeprefix("-").partition(".")
    size = int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))
    return -size if text.startswith("-") else size


def split_cells(line: str) -> dict[str, list[str]]:
    cells = zip(FIELDS, line.split("\t"), strict=True)
    return {field: cell.split(",") if cell else [] for field, cell in cells}


def end_of_chain(layers: list[str], cells: dict[str, list[str]]) -> int | None:
    """The next header of the last of the outermost IPv6 header and the extension headers right behind it."""
    layers = layers[layers.index("ipv6") :]
    behind = next((n for n, layer in enumerate(layers) if n and (layer == "ipv6" or layer not in NEXT_HEADERS)), None)
    chain = layers[:behind]
    values = cells[NEXT_HEADERS[chain[-1]]]
    place = chain.count(chain[-1]) - 1
    value = number(values[place]) if place < len(values) else None
    return None if value in EXTENSIONS else value  # a header that is announced and not there


def tshark_row(cells: dict[str, list[str]]) -> Row:
    """The first occurrence of each field, under our names; ip_* from the outermost header of either family."""
    first = {field: values[0] if values else None for field, values in cells.items()}
    row: Row = {column: number(first[field]) for column, field in NUMBERS.items()}
    row |= {column: first[field] for column, field in TEXTS.items()}
    row["frame_time"] = nanoseconds(first["frame.time_epoch"])
    row |= {reason: any(value not in ("0", "False") for value in cells[field]) for reason, field in REASONS.items()}
    layers = row["layers"] = (row["layers"] or "").split(":")
    outer = next((layer for layer in layers if layer in ("ip", "ipv6")), "ip")
    for column, field in OF_FAMILY[outer].items():
        row[column] = first[field] if column in ("ip_src", "ip_dst") else number(first[field])
    if outer == "ipv6":
        row["ip_proto"] = end_of_chain(layers, cells)
    return row


def tshark_rows(path: Path) -> Iterator[Row]:
    """What tshark says of each packet of a file, in file order; a `RuntimeError` where it cannot read it."""
    command = [TSHARK or "tshark", "-n", "-r", os.fspath(path), "-T", "fields", "-E", "occurrence=a"]
    command += ["-E", "separator=/t"]
    for name, value in PREFERENCES.items():
        command += ["-o", f"{name}:{value}"]
    for field in FIELDS:
        command += ["-e", field]
    with tempfile.TemporaryDirectory() as settings, tempfile.TemporaryFile() as said:
        surroundings = os.environ | {"WIRESHARK_CONFIG_DIR": settings, "LC_ALL": "C"}  # not the user's own preferences
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=said, stdin=subprocess.DEVNULL, text=True, env=surroundings
        ) as process:
            assert process.stdout is not None
            skipped = 0
            for line in process.stdout:
                cells = split_cells(line.rstrip("\n"))
                if cells["frame.encap_type"]:
                    yield tshark_row(cells) | {"skipped": skipped}
                else:  # a block of a pcapng file that is no packet has a row and a number too
                    skipped += 1
        if process.returncode not in (0, 2):  # 2: the file is cut short
            said.seek(0)
            raise RuntimeError(said.read().decode(errors="replace").strip())


# --- kinds of difference that are no error ---------------------------------------------------------------------------


def has_layer_behind(layers: list[str], first: set[str], second: set[str]) -> bool:
    places = [n for n, layer in enumerate(layers) if layer in first]
    return bool(places) and not second.isdisjoint(layers[places[0] + 1 :])


HEADERS = {"eth", "ip", "ipv6", "tcp", "udp"}
DNS_LAYERS = {"dns", "mdns", "llmnr"}
Kind = Callable[[Row, Row, str, int], bool]  # (ours, theirs, column, link type)

# The first that fits is the one. All but the last seven need our cell or theirs to be null: what both give must agree.
KINDS: dict[str, Kind] = {
    "ours is of a message that several segments make up": lambda ours, theirs, column, link: (
        column.startswith("dns_") and ours.get("tcp_reassembled_length") is not None
    ),
    "tshark walks on where we say unknown": lambda ours, theirs, column, link: (
        ours[column] is None and (ours["frame_fault"] or "").startswith("unknown ")
    ),
    "tshark reads headers quoted in an ICMP error": lambda ours, theirs, column, link: (
        ours[column] is None and has_layer_behind(theirs["layers"], {"icmp", "icmpv6"}, HEADERS)
    ),
    "tshark walks a tunnel over UDP or TCP": lambda ours, theirs, column, link: (
        ours[column] is None and has_layer_behind(theirs["layers"], {"udp", "tcp"}, HEADERS)
    ),
    "tshark reads IPv6 where IPv4 was announced": lambda ours, theirs, column, link: (
        ours[column] is None and ours["frame_fault"] == "malformed ipv4" and "ip:ipv6" in ":".join(theirs["layers"])
    ),
    "tshark goes on behind a PPI header shorter than itself": lambda ours, theirs, column, link: (
        ours[column] is None and ours["frame_fault"] == "malformed ppi"
    ),
    "tshark takes discovery for a session on PPPoE links": lambda ours, theirs, column, link: (
        ours[column] is None and ours["protocol"] == "PPPOE" and "pppoes" in theirs["layers"]
    ),
    "tshark takes no IPv4 header of 60 octets for what a G-PDU carries": lambda ours, theirs, column, link: (
        theirs[column] is None and theirs["layers"][-1] == "gtp"
    ),
    "tshark forgets that an outer datagram is a fragment": lambda ours, theirs, column, link: (
        ours[column] is None and column == "tcp_len" and (theirs["fragment"] or theirs["fragment6"])
    ),
    "tshark stops at a UDP length of zero": lambda ours, theirs, column, link: (
        theirs[column] is None and theirs["layers"][-1] == "udp" and not theirs["udp_length"]
    ),
    "tshark names the counts of other DNS operations otherwise": lambda ours, theirs, column, link: (
        theirs[column] is None and column == "dns_count_answers" and theirs["opcode"]
    ),
    "tshark takes what a reset carries for its cause": lambda ours, theirs, column, link: (
        theirs[column] is None and column.startswith("dns_") and (ours["tcp_flags"] or 0) & 4 != 0
    ),
    "tshark takes the segment for another protocol": lambda ours, theirs, column, link: (
        theirs[column] is None and column.startswith("dns_") and DNS_LAYERS.isdisjoint(theirs["layers"])
    ),
    "tshark finds DNS by what was said before, or within HTTP": lambda ours, theirs, column, link: (
        ours[column] is None
        and column.startswith("dns_")
        and (ours["udp_srcport"] is None or not {ours["udp_srcport"], ours["udp_dstport"]} & {53, 5353, 5355})
    ),
    "tshark shows less of a header that is cut or wrong": lambda ours, theirs, column, link: (
        theirs[column] is None and (ours["frame_fault"] or "").startswith(("truncated ", "malformed "))
    ),
    "tshark stops at an IP option it does not like": lambda ours, theirs, column, link: (
        theirs[column] is None and theirs["layers"][-1] in ("ip", "ipv6.hopopts")
    ),
    "tshark stops at mobility, HIP and Shim6 headers": lambda ours, theirs, column, link: (
        theirs[column] is None and theirs["layers"][-1] in ("mipv6", "hip", "shim6")
    ),
    "tshark knows no family 10 on NULL links": lambda ours, theirs, column, link: (
        theirs[column] is None and theirs["layers"] == ["null", "data"]
    ),
    "tshark takes an 802.3 length of zero for an EtherType": lambda ours, theirs, column, link: (
        theirs[column] is None and theirs["layers"][-2:] == ["ethertype", "data"]
    ),
    "tshark walks on beyond 16 layers or extension headers": lambda ours, theirs, column, link: (
        ours[column] is None and (ours["frame_fault"] == "malformed depth" or len(theirs["layers"]) > 17)
    ),
    "tshark gives an IP version that is wrong": lambda ours, theirs, column, link: (
        ours[column] is None and column == "ip_version" and ours["frame_fault"] is not None
    ),
    "tshark subtracts a header length below 20": lambda ours, theirs, column, link: (
        ours[column] is None and column == "tcp_len" and ours["frame_fault"] is not None
    ),
    "tshark judges by vendors whether a pseudowire has a control word": lambda ours, theirs, column, link: (
        "pwethheuristic" in theirs["layers"]
    ),
    "tshark gives lengths within the first fragment of an outer datagram": lambda ours, theirs, column, link: (
        ours[column] is None and column == "tcp_len" and (theirs["fragment"] or theirs["fragment6"])
    ),
    "tshark's ip.dst is the end of a source route": lambda ours, theirs, column, link: (
        column == "ip_dst" and theirs["source_route"]
    ),
    "tshark's eth.src under FabricPath is the inner one": lambda ours, theirs, column, link: (
        column in ("eth_src", "eth_dst") and "cfp" in theirs["layers"]
    ),
    "tshark walks Mobile IPv6's old protocol number": lambda ours, theirs, column, link: (
        column == "ip_proto" and ours[column] == 62
    ),
    "tshark numbers blocks that are no packets": lambda ours, theirs, column, link: (
        column == "frame_number" and theirs["skipped"] > 0 and ours[column] + theirs["skipped"] == theirs[column]
    ),
    "tshark gives times that do not fit 63 bits of ns": lambda ours, theirs, column, link: (
        column == "frame_time" and ours[column] is None and abs(theirs[column]) >= 1 << 63
    ),
    "tshark misprints times of units finer than ns": lambda ours, theirs, column, link: (
        column == "frame_time" and theirs.get("fine", False)
    ),
    "tshark's frame.len ends at 2^31 - 1": lambda ours, theirs, column, link: (
        column in ("frame_len", "tcp_len") and theirs["frame_len"] == (1 << 31) - 1 < ours["frame_len"]
    ),
}


class Comparison:
    """Cells in which either side says something, per column: equal, different for a known reason, different."""

    def __init__(self) -> None:
        self.equal: Counter[str] = Counter()
        self.known: Counter[tuple[str, str]] = Counter()
        self.different: dict[str, list[str]] = {column: [] for column in COMPARED}

    def add(self, ours: Row, theirs: Row, link_type: int, octets: bytes = b"") -> list[str]:
        """Compare the two readings of a packet; the columns that differ without a known reason are returned."""
        unexplained = []
        for column in COMPARED:
            if ours[column] == theirs[column]:
                self.equal[column] += ours[column] is not None
                continue
            kind = next((name for name, fits in KINDS.items() if fits(ours, theirs, column, link_type)), None)
            if kind is not None:
                self.known[column, kind] += 1
            else:
                unexplained.append(column)
                self.different[column].append(
                    f"{column} ours {ours[column]} theirs {theirs[column]} fault {ours['frame_fault']}"
                    f" {':'.join(theirs['layers'])} link {link_type} {octets[:120].hex()}"
                )
        return unexplained

    def share(self, column: str) -> float:
        """Of the cells that no known reason covers."""
        total = self.equal[column] + len(self.different[column])
        return self.equal[column] / total if total else 1.0

    def report(self) -> str:
        lines = []
        for column in COMPARED:
            known = sum(count for (name, _), count in self.known.items() if name == column)
            raw = self.equal[column] / max(1, self.equal[column] + known + len(self.different[column]))
            lines.append(
                f"{column:20} {self.share(column):8.3%} equal; {self.equal[column]:7} equal, {known:5} known,"
                f" {len(self.different[column]):4} different; {raw:8.3%} with the known"
            )
        lines += [f"{count:6} {column}: {kind}" for (column, kind), count in sorted(self.known.items())]
        return "\n".join(lines + [text for texts in self.different.values() for text in texts[:5]])
