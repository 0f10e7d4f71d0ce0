"""tshark's reading of the columns beside ours, cell by cell, and the kinds of difference that are no error of ours.

A column equals the Wireshark field that the catalogue names; of several the one whose layer is the first that is there.
Reassembly and checking are off, so that tshark too says what one packet says.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pcapframe as pf
from pcapframe._tshark import PREFERENCES, TSHARK, nanoseconds

ELSEWHERE = re.compile(
    r"dns_|tls_|quic_|community_id|flow_|tcp_stream|tcp_analysis_|tcp_reassembled_"
)  # other oracle tests compare these

COMPARED = [field for field in pf.columns() if field.wireshark and not ELSEWHERE.match(field.name)]
ALSO = [
    "kerberos_msg_type",
    "frame_protocols",
    "frame_fault",
    "frame_link_type",
    "ip_version",
    "protocol",
]  # tell kinds of difference apart
NAMES = {field.name: field.wireshark.split("|") for field in COMPARED}
REASONS = ["frame.encap_type", "ip.cur_rt", "ipv6.fraghdr.more"]
THEIRS = list(dict.fromkeys([*(name for names in NAMES.values() for name in names), *REASONS]))

# Their name of a layer: ours. What is "" belongs to the layer before it; a layer that is not here is walked by none.
LAYERS = {
    "ethertype": "", "wlan_radio": "", "raw": "", "data": "", "pwethheuristic": "", "pwethcw": "", "pwethnocw": "",
    "ipv6.hopopts": "", "ipv6.dstopts": "", "ipv6.routing": "", "ipv6.fraghdr": "", "mipv6": "", "hip": "",
    "shim6": "", "mbtcp": "",
    "eth": "eth", "llc": "llc", "vlan": "vlan", "ieee8021ad": "vlan", "ieee8021ah": "pbb", "sll": "sll",
    "null": "null", "ppp": "ppp", "chdlc": "chdlc", "fddi": "fddi", "pppoes": "pppoe", "pppoed": "pppoe",
    "mpls": "mpls",
    "wlan": "wlan", "wlan_aggregate": "", "radiotap": "radiotap", "ppi": "ppi", "arp": "arp",
    "ip": "ip", "ipv6": "ipv6", "gre": "gre", "erspan": "erspan", "etherip": "etherip", "ah": "ah", "esp": "esp",
    "icmp": "icmp", "icmpv6": "icmpv6", "tcp": "tcp", "udp": "udp", "sctp": "sctp", "vxlan": "vxlan",
    "geneve": "geneve", "gtp": "gtp", "teredo": "teredo", "dns": "dns", "mdns": "dns", "llmnr": "dns", "tls": "tls",
    "quic": "quic", "http": "http", "ssdp": "ssdp", "modbus": "modbus", "ftp": "ftp",
    "dhcp": "dhcp", "nbns": "nbns", "kerberos": "kerberos", "ntlmssp": "ntlmssp",
}  # fmt: skip
APPLICATIONS = {
    "dns",
    "tls",
    "quic",
    "http",
    "ssdp",
    "modbus",
    "ftp",
    "dhcp",
    "nbns",
    "kerberos",
    "ntlmssp",
}  # ours end here


class Cell(NamedTuple):
    """A cell that differs, and what is known of its packet on either side."""

    column: str
    ours: Any
    theirs: Any
    row: dict[str, Any]
    cells: dict[str, str]
    layers: list[str]  # theirs
    place: int | None  # of the column's layer in theirs

    @property
    def fault(self) -> str:
        return self.row["frame_fault"] or ""

    @property
    def walked(self) -> list[str]:
        return (self.row["frame_protocols"] or "").split(":")

    def before(self, *layers: str) -> bool:
        """Whether tshark met one of these before the layer the cell is from."""
        return self.place is not None and any(layer in layers for layer in self.layers[: self.place])


# --- what tshark says ------------------------------------------------------------------------------------------------


def tshark_cells(path: Path) -> list[dict[str, str]]:
    """A dict per packet: the first occurrence of each field."""
    command = [TSHARK or "tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t", "-E", "occurrence=f"]
    for name, value in PREFERENCES.items():
        command += ["-o", f"{name}:{value}"]
    for field in THEIRS:
        command += ["-e", field]
    with tempfile.TemporaryDirectory() as settings:
        surroundings = os.environ | {"WIRESHARK_CONFIG_DIR": settings, "LC_ALL": "C"}
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, env=surroundings)
    return cells_of(done.stdout)


def cells_of(said: bytes) -> list[dict[str, str]]:
    rows = [line.split("\t") for line in said.decode("utf-8", "replace").split("\n")[:-1]]
    every = [dict(zip(THEIRS, row, strict=True)) for row in rows]
    return [cells for cells in every if cells["frame.encap_type"]]  # the others are blocks that are no packets


def place_of(name: str, layers: list[str]) -> int | None:
    layer = name.split(".")[0]
    return layers.index(layer) if layer in layers else None


def chosen(field: pf.Field, cells: dict[str, str], layers: list[str]) -> str:
    """The name of the field that counts: of those that are there the one of the first layer."""
    names = NAMES[field.name]
    if len(names) == 1:
        return names[0]
    there = [name for name in names if cells[name]] or [name for name in names if place_of(name, layers) is not None]
    places = {name: place_of(name, layers) for name in there}
    return min(there or names, key=lambda name: len(layers) if places.get(name) is None else places[name])


def value_of(field: pf.Field, text: str) -> Any:
    if not text:
        return None
    if field.name.startswith("frame_time"):
        return nanoseconds(text)
    if field.name == "frame_protocols":
        return reduced(text.split(":"))
    if field.name == "wlan_ssid":
        return None if text == "<MISSING>" else as_text(bytes.fromhex(text))
    if field.kind == "binary":
        return bytes.fromhex(text)
    if field.kind.startswith(("uint", "int")):
        return int(text == "True") if text in ("True", "False") else int(text, 0)
    return text


def reduced(layers: list[str]) -> str | None:
    """Their layers in our names as far as ours go: a label stack is several of ours, and applications are left out."""
    names: list[str] = []
    for layer in layers:
        name = LAYERS.get(layer, "?")
        if name == "?":
            break
        if name in APPLICATIONS:
            break
        if name and [*names[-1:], name] not in (["mpls", "mpls"], ["ipv6", "ah"]):  # one is an extension header
            names.append(name)
    return ":".join(names) or None


def octets_of(text: str) -> bytes:
    r"""What was escaped as \DDD is turned back."""
    pieces = re.split(r"\\(\d{3})", text)
    return b"".join(bytes([int(piece)]) if n % 2 else piece.encode() for n, piece in enumerate(pieces))


def as_text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace").translate({9: "\\t", 10: "\\n", 13: "\\r"})


PLAIN = re.compile(r"[ -\[\]-~]*")


def our_value(field: pf.Field, value: Any) -> Any:
    if field.name == "frame_protocols" and value is not None:
        layers = re.sub(r"mpls(:mpls)+", "mpls", value).split(":")
        return ":".join(layer.replace("sll2", "sll") for layer in layers if layer not in APPLICATIONS) or None
    if field.kind in ("text", "string") and value is not None:
        if PLAIN.fullmatch(value):
            return value or None
        return as_text(octets_of(value)) or None  # tshark says nothing of what is empty
    return None if value == b"" else value


# --- kinds of difference that are no error ---------------------------------------------------------------------------


def in_unknown_layer(cell: Cell) -> bool:
    return cell.place is not None and any(layer not in LAYERS for layer in cell.layers[: cell.place])


def outermost_is_other(cell: Cell) -> bool:
    version = {"ip": 6, "ipv6": 4}.get(cell.layers[cell.place] if cell.place is not None else "")
    return cell.ours is None and version is not None and cell.row["ip_version"] == version


def odd_fraction(cell: Cell) -> bool:
    """They keep the fraction of a second in a smaller number than fits it."""
    whole = abs(cell.theirs) // 10**9
    return cell.ours == -cell.theirs or cell.ours - whole * 10**9 >= 10**9


def is_text(cell: Cell) -> bool:
    return isinstance(cell.ours, str) and isinstance(cell.theirs, str)


def loosely(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]+", "", text)


def payload(cell: Cell) -> bytes:
    return cell.row["tcp_payload"] or cell.row["udp_payload"] or b""


def header(cell: Cell) -> bytes:
    """Of the HTTP message that a packet begins with."""
    return re.split(rb"\r?\n\r?\n", payload(cell), maxsplit=1)[0].removesuffix(b"\r")


def odd_line(cell: Cell) -> bool:
    """A line of the header is no field: it has no colon, or begins with a space, or with no name."""
    return any(re.match(rb"[ \t:]|[^:]*$", line) for line in header(cell).split(b"\n")[1:])


ATM = 123  # its packets have four octets before them that tshark takes off
HTTP = ("HTTP", "SSDP")
FRAMED = {"http": {"http", "ssdp"}, "ftp": {"ftp"}, "mbtcp": {"mbtcp"}, "modbus": {"modbus"}}  # column: their layers

KRB, NTLM = "kerberos_", "ntlmssp_"


def netbios(text: str) -> str:
    """A NetBIOS name with the octets that are told by number, without what its last octet stands for."""

    def octet(found: re.Match[str]) -> str:
        return as_text(bytes.fromhex(found[1]))

    return re.sub(r"<([0-9a-f]{2})>", octet, re.sub(r"(<..>) \(.*\)$", r"\1", text))


Kind = Callable[[Cell], bool]

# The first that fits is the one. What they all but the last few have in common is that one side says nothing.
KINDS: dict[str, Kind] = {
    # Names of hosts and users.
    "tshark writes NULL for an empty text": lambda cell: (
        cell.column.startswith(NTLM) and cell.ours is None and cell.theirs == "NULL"
    ),
    "tshark writes octets that are no text in hexadecimal, and says what a suffix stands for": lambda cell: (
        cell.column == "nbns_name" and is_text(cell) and netbios(cell.ours) == netbios(cell.theirs)
    ),
    "tshark reads NetBIOS names whose letters are wrong, or says that they are": lambda cell: (
        cell.column == "nbns_name" and cell.ours is None
    ),
    "tshark shows less of a NetBIOS message that is cut or wrong": lambda cell: (
        cell.column.startswith("nbns_") and cell.theirs is None and "nbns" in cell.layers
    ),
    "ours is all components of a name, and of the service that is asked for": lambda cell: (
        cell.column in ("kerberos_snamestring", "kerberos_cnamestring")
        and is_text(cell)
        and (cell.ours.split("/")[0] == cell.theirs or cell.row["kerberos_msg_type"] == 12)
    ),
    "tshark reads Kerberos within other protocols, and where its length is wrong": lambda cell: (
        cell.column.startswith(KRB) and cell.ours is None and cell.row["protocol"] != "KERBEROS"
    ),
    "tshark shows less of a Kerberos message that is cut or lacks what it must have": lambda cell: (
        cell.column.startswith(KRB) and cell.theirs is None and "kerberos" in cell.layers
    ),
    "tshark shows less of an NTLM message that is cut or wrong": lambda cell: (
        cell.column.startswith(NTLM) and cell.theirs is None
    ),
    "tshark reads what an NTLM server says of itself beyond the length that it tells": lambda cell: (
        cell.column.startswith("ntlmssp_challenge_target_info_") and cell.ours is None
    ),
    # The file and the frame.
    "tshark takes the file for another variant of pcap": lambda cell: cell.row["other_variant"],
    "tshark numbers the interfaces of pcapng alone": lambda cell: (
        cell.column == "frame_interface_id" and cell.theirs is None and cell.ours == 0
    ),
    "ours counts interfaces on over sections": lambda cell: (
        cell.column == "frame_interface_id" and cell.ours is not None and cell.theirs is not None
    ),
    "tshark calls an interface without a name unknown, or by its description": lambda cell: (
        cell.column == "frame_interface_name" and cell.ours is None
    ),
    "tshark takes the name from the section before": lambda cell: (
        cell.column == "frame_interface_name" and cell.row["frame_interface_id"] > 0
    ),
    "tshark numbers blocks that are no packets": lambda cell: (
        cell.column == "frame_number" and cell.ours < cell.theirs and cell.row["skipped"]
    ),
    "tshark gives times that do not fit 63 bits of ns": lambda cell: (
        cell.column.startswith("frame_time") and cell.ours is None and abs(cell.theirs) >= 1 << 63
    ),
    "tshark gives fractions of a second or more wrongly": lambda cell: (
        cell.column == "frame_time" and odd_fraction(cell)
    ),
    "ours is between packets that have a time, and exact": lambda cell: (
        cell.column in ("frame_time_delta", "frame_time_relative") and (cell.row["odd_times"] or cell.row["skipped"])
    ),
    "tshark's frame.len ends at 2^31 - 1": lambda cell: (
        cell.column in ("frame_len", "tcp_len") and cell.row["frame_len"] >= 1 << 31
    ),
    "tshark leaves out the pseudo-header of ATM": lambda cell: (
        cell.column in ("frame_len", "frame_cap_len") and cell.row["frame_link_type"] == ATM
    ),
    # How far either walks.
    "tshark walks on: what ICMP errors quote, tunnels told otherwise, protocols that nothing here walks": lambda cell: (
        cell.column == "frame_protocols" and (cell.theirs or "").startswith(cell.ours or "")
    ),
    "ours walks on, where tshark reads less of what is cut, wrong or rare": lambda cell: (
        cell.column == "frame_protocols" and (cell.ours or "").startswith(cell.theirs or "")
    ),
    "tshark names 802.1ah otherwise, ERSPAN of type I, which has no header, or another tunnel": lambda cell: (
        cell.column == "frame_protocols" and bool({"pbb", "gre", "udp"} & set(cell.walked))
    ),
    "tshark walks protocols that nothing here does": lambda cell: cell.ours is None and in_unknown_layer(cell),
    "tshark walks on where ours is unknown": lambda cell: cell.ours is None and cell.fault.startswith("unknown "),
    "tshark reads headers quoted in an ICMP error": lambda cell: (
        cell.ours is None
        and (
            cell.before("icmp", "icmpv6")
            or (cell.column.startswith("icmp") and cell.layers.count(cell.column.split("_")[0]) > 1)
        )
    ),
    "ours is of the outermost IP header, which is of the other family": outermost_is_other,
    "tshark reads IPv6 where IPv4 was announced": lambda cell: (
        cell.ours is None and cell.fault == "malformed ipv4" and "ip:ipv6" in ":".join(cell.layers)
    ),
    "tshark walks on beyond 16 layers or extension headers": lambda cell: cell.ours is None and len(cell.layers) > 16,
    "tshark judges by vendors whether a pseudowire has a control word": lambda cell: "pwethheuristic" in cell.layers,
    "tshark reads fewer protocols over Cisco HDLC": lambda cell: (
        cell.theirs is None and cell.layers == ["chdlc", "data"]
    ),
    "tshark gives an IP version that is wrong": lambda cell: (
        cell.ours is None and cell.column == "ip_version" and cell.fault != ""
    ),
    "tshark stops at a UDP length of zero": lambda cell: (
        cell.theirs is None and cell.layers[-1] == "udp" and not cell.row["udp_length"]
    ),
    "tshark stops at an IP option it does not like": lambda cell: (
        cell.theirs is None and cell.layers[-1] in ("ip", "ipv6.hopopts")
    ),
    "tshark shows less of a header that is cut or wrong": lambda cell: (
        cell.theirs is None and cell.fault.startswith(("truncated ", "malformed "))
    ),
    "tshark shows more of a header that is wrong": lambda cell: (
        cell.ours is None and cell.fault.startswith("malformed ") and not cell.column.startswith("frame_")
    ),
    "tshark takes for a tunnel what does not begin like one, or control messages": lambda cell: (
        (cell.ours is None and cell.walked[-1] == "udp" and cell.before("udp")) or cell.column == "tunnel_id"
    ),
    "tshark's Ethernet columns under FabricPath are of the inner header": lambda cell: (
        cell.column.startswith("eth_") and "cfp" in cell.layers
    ),
    # Single columns.
    "tshark shows nothing of a radiotap header of another version": lambda cell: (
        cell.theirs is None and cell.column == "radiotap_dbm_antsignal"
    ),
    "tshark shows less of an 802.11 header that is cut": lambda cell: (
        cell.theirs is None and cell.column.startswith("wlan_") and cell.row["frame_cap_len"] < cell.row["frame_len"]
    ),
    "tshark gives reasons of block acknowledgment too": lambda cell: (
        cell.column == "wlan_fixed_reason_code" and cell.row["wlan_fc_type_subtype"] == 13
    ),
    "tshark shows hardware addresses of Ethernet alone": lambda cell: (
        cell.theirs is None and cell.column.endswith("_hw_mac") and cell.row["arp_hw_type"] != 1
    ),
    "tshark shows nothing of an ICMP message that is short or of a type it does not know": lambda cell: (
        cell.theirs is None and cell.column.startswith("icmp_") and cell.layers[-1] == "icmp"
    ),
    "tshark shows no type of a chunk whose header is cut": lambda cell: (
        cell.theirs is None and cell.column == "sctp_chunk_type"
    ),
    "tshark takes the type from an 802.1Q tag alone": lambda cell: (
        cell.column == "vlan_etype" and "ieee8021ad" in cell.layers
    ),
    "tshark names an address of a reserved 802.11 frame": lambda cell: (
        cell.column.startswith("wlan_")
        and ((cell.row["wlan_fc_type_subtype"] or 0) >= 48 or cell.row["wlan_fc_type_subtype"] == 22)
    ),
    "ours is the length as on the wire, 0 for a segment not yet cut up": lambda cell: (
        cell.column in ("ip_len", "ipv6_plen") and cell.ours == 0
    ),
    "tshark's ip.dst is the end of a source route": lambda cell: (
        cell.column == "ip_dst" and cell.cells["ip.cur_rt"] != ""
    ),
    "ours is what follows the extension headers": lambda cell: (
        cell.column == "ip_proto" and cell.cells["ipv6.nxt"] != "" and cell.row["ip_version"] == 6
    ),
    "tshark gives lengths within the first fragment of a datagram": lambda cell: (
        cell.ours is None
        and cell.column == "tcp_len"
        and "True"
        in (cell.cells["ip.flags.mf"].replace("1", "True"), cell.cells["ipv6.fraghdr.more"].replace("1", "True"))
    ),
    "tshark shows octets behind what the UDP length says": lambda cell: (
        cell.column == "udp_payload" and cell.ours is not None and (cell.theirs or b"").startswith(cell.ours)
    ),
    "tshark takes what a reset carries for its cause": lambda cell: (
        cell.theirs is None and ((cell.row["tcp_flags"] or 0) & 4 != 0)
    ),
    # Protocols and layers told by other means.
    "tshark takes the payload for another protocol, by its port or by what was said before": lambda cell: (
        cell.theirs is None
        and cell.column.split("_")[0] in FRAMED
        and FRAMED[cell.column.split("_")[0]].isdisjoint(cell.layers)
    ),
    "tshark reads HTTP where no message begins, over SCTP and in fragments": lambda cell: (
        cell.ours is None and cell.column.startswith("http_") and cell.row["protocol"] not in HTTP
    ),
    "tshark ends lines at a lone carriage return": lambda cell: (
        cell.column.startswith("http_") and re.search(rb"\r(?!\n)", header(cell)) is not None
    ),
    "tshark ends text at a zero octet": lambda cell: is_text(cell) and cell.ours.split("\0")[0] == cell.theirs,
    "tshark ends text at a zero octet, which is the first": lambda cell: (
        isinstance(cell.ours, str) and cell.theirs is None and cell.ours.startswith("\0")
    ),
    "tshark keeps space at the end of a value": lambda cell: (
        is_text(cell) and cell.ours == re.sub(r"( |\\t)+$", "", cell.theirs)
    ),
    "tshark shows octets that are no UTF-8 as other characters": lambda cell: (
        is_text(cell) and "\ufffd" in cell.ours + cell.theirs and loosely(cell.ours) == loosely(cell.theirs)
    ),
    "tshark ends the header at a line that is no field": lambda cell: (
        cell.theirs is None and cell.column.startswith("http_") and odd_line(cell)
    ),
    "tshark shows nothing of an answer where CONNECT may have opened a tunnel": lambda cell: (
        cell.theirs is None
        and cell.row["http_response_version"] is not None
        and not cell.cells["http.response.version"]
        and "http" in cell.layers
    ),
    "tshark reads the number that a value begins with, or that is cut": lambda cell: (
        cell.ours is None and cell.column == "http_content_length" and header(cell) != b""
    ),
    "tshark shows the lines in the middle of a reply": lambda cell: (
        cell.column == "ftp_response_arg" and cell.ours is None and not cell.cells["ftp.response.code"]
    ),
    "tshark takes any line for a command or reply": lambda cell: (
        cell.column.startswith("ftp_") and cell.ours is None and cell.row["protocol"] != "FTP"
    ),
    "tshark takes a Modbus message of more than 254 octets": lambda cell: (
        cell.column.startswith(("mbtcp_", "modbus_")) and cell.ours is None and cell.row["protocol"] == "TCP"
    ),
    "tshark leaves out a Modbus message without what a refusal must have": lambda cell: (
        cell.column.startswith(("mbtcp_", "modbus_")) and payload(cell)[4:6] == b"\0\2" and payload(cell)[7] >= 128
    ),
}


class Comparison:
    """Cells in which either side says something: equal, different for a known reason, different."""

    def __init__(self) -> None:
        self.files = self.packets = 0
        self.equal: Counter[str] = Counter()
        self.known: Counter[tuple[str, str]] = Counter()
        self.different: dict[str, list[str]] = {field.name: [] for field in COMPARED}

    def add_file(self, path: Path, every: list[dict[str, str]] | None = None) -> None:
        every = tshark_cells(path) if every is None else every
        names = list(dict.fromkeys([*(field.name for field in COMPARED), *ALSO]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pf.CaptureWarning)  # what is damaged is compared as far as both go
            try:
                capture = pf.open(path, threads=1, progress=False)
                columns = capture.packets(columns=names).to_dict()
            except pf.CaptureError:
                return
        self.files += 1
        sizes = zip(every, columns["frame_cap_len"], columns["frame_link_type"], strict=False)
        other_variant = any(int(cells["frame.cap_len"]) != size and link != ATM for cells, size, link in sizes)
        odd_times = False
        for number, (cells, *values) in enumerate(zip(every, *columns.values(), strict=False), 1):
            row = dict(zip(names, values, strict=True))
            odd_times |= row["frame_time"] is None or nanoseconds(cells["frame.time_epoch"]) != row["frame_time"]
            skipped = int(cells["frame.number"]) > number
            self.packets += 1
            row |= {"odd_times": odd_times, "skipped": skipped, "other_variant": other_variant}
            self.add(row, cells, f"{path} {number}")

    def add(self, row: dict[str, Any], cells: dict[str, str], what: str) -> None:
        layers = cells["frame.protocols"].split(":")
        for field in COMPARED:
            name = chosen(field, cells, layers)
            ours, theirs = our_value(field, row[field.name]), value_of(field, cells[name])
            if ours == theirs:
                self.equal[field.name] += ours is not None
                continue
            cell = Cell(field.name, ours, theirs, row, cells, layers, place_of(name, layers))
            known = next((name for name, fits in KINDS.items() if fits(cell)), None)
            if known is not None:
                self.known[field.name, known] += 1
            else:
                self.different[field.name].append(
                    f"{what} {field.name}: {ours!r:.90} {theirs!r:.90} {':'.join(cell.walked)} {':'.join(layers)}"
                    f" {cell.fault}"
                )

    def lines(self) -> list[tuple[str, int, int, Counter[str]]]:
        """Per column that was met: cells compared, equal ones, and the kinds of those that differ."""
        found = []
        for field in COMPARED:
            kinds = Counter({name: count for (column, name), count in self.known.items() if column == field.name})
            total = self.equal[field.name] + kinds.total() + len(self.different[field.name])
            if total:
                found.append((field.name, total, self.equal[field.name], kinds))
        return found

    def table(self) -> str:
        """For docs/differences.md: the kinds that occurred, numbered, and which of them a column has."""
        met = [kind for kind in KINDS if any(kind == known for _, known in self.known)]
        lines = [f"{number}. {kind}" for number, kind in enumerate(met, 1)]
        lines += ["", "| column | cells compared | equal | what differs: kind (cells) |", "|---|---|---|---|"]
        for column, total, equal, kinds in self.lines():
            sorted_kinds = sorted(kinds.items(), key=lambda item: (-item[1], met.index(item[0])))
            said = ", ".join(f"{met.index(kind) + 1} ({count:,})" for kind, count in sorted_kinds)
            share = 10_000 * equal // total / 100  # rounded down: 100 is all of them
            lines.append(f"| `{column}` | {total:,} | {share:.2f} % | {said} |")
        return "\n".join(lines)
