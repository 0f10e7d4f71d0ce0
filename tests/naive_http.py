"""The twin of what is read of HTTP, SSDP, Modbus/TCP and FTP, from docs/decoding.md."""

from __future__ import annotations

import re
import unicodedata

from naive_packet import OVER_TCP, OVER_UDP, QUIET, STEPS, Row, Walk, end

METHODS = set(
    b"GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH LINK UNLINK"
    b" PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK VERSION-CONTROL REPORT CHECKOUT CHECKIN UNCHECKOUT MKWORKSPACE"
    b" UPDATE LABEL MERGE BASELINE-CONTROL MKACTIVITY ORDERPATCH ACL MKCALENDAR SEARCH BIND UNBIND REBIND"
    b" BCOPY BDELETE BMOVE BPROPFIND BPROPPATCH POLL RPC_IN_DATA RPC_OUT_DATA"
    b" NOTIFY SUBSCRIBE UNSUBSCRIBE M-SEARCH".split()
)
REQUEST = re.compile(rb"([A-Z_-]+) [\x21-\x7e]")
STATUS = re.compile(rb"HTTP/[0-9](\.[0-9])? [0-9]{3}( |$)")
COMMAND = re.compile(rb"([A-Za-z][A-Za-z0-9]{2,7})(?: +(.*)|$)", re.DOTALL)
REPLY = re.compile(rb"([0-9]{3})(?:[ -](.*)|$)", re.DOTALL)
FIELDS = {
    "http_host": b"host",
    "http_user_agent": b"user-agent",
    "http_referer": b"referer",
    "http_authorization": b"authorization",
    "http_cookie": b"cookie",
    "http_server": b"server",
    "http_content_type": b"content-type",
    "http_content_length": b"content-length",
    "http_location": b"location",
}
COLUMNS = [
    "http_request_method", "http_request_uri", "http_request_version", "http_response_version", "http_response_code",
    *FIELDS,
    "mbtcp_trans_id", "mbtcp_unit_id", "modbus_func_code", "modbus_exception_code",
    "ftp_request_command", "ftp_request_arg", "ftp_response_code", "ftp_response_arg",
]  # fmt: skip


def escaped(octets: bytes) -> str:
    """Printable characters as they are, every other octet and the backslash as its decimal number."""
    text = ""
    for character in octets.decode("utf-8", "surrogateescape"):
        shown = unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        if shown and character != "\\":
            text += character
        else:
            text += "".join(f"\\{octet:03}" for octet in character.encode("utf-8", "surrogateescape"))
    return text


def lines_of(octets: bytes) -> list[bytes]:
    return [line.removesuffix(b"\r") for line in octets.split(b"\n")]


def is_request(octets: bytes) -> bool:
    found = REQUEST.match(octets)
    if found is None or found[1] not in METHODS:
        return False
    if b"\n" not in octets:
        return True
    target, *more = lines_of(octets)[0].split(b" ")[1:]
    while more and not more[-1]:  # a space that ends the line parts no words
        more.pop()
    return more[-1].startswith(b"HTTP/") if more else target.startswith((b"/", b"HTTP/"))


def is_http(octets: bytes, ports: tuple[int, int] = (0, 0)) -> bool:
    octets = octets[:65536]
    return is_request(octets) or STATUS.match(lines_of(octets)[0]) is not None


def is_modbus(octets: bytes, ports: tuple[int, int]) -> bool:
    return 502 in ports and len(octets) >= 8 and octets[2:4] == b"\0\0" and 2 <= octets[4] << 8 | octets[5] <= 254


def is_ftp(octets: bytes, ports: tuple[int, int]) -> bool:
    shape = COMMAND if ports[1] == 21 else REPLY
    return 21 in ports and shape.match(lines_of(octets)[0]) is not None


OVER_TCP.update(modbus=is_modbus, ftp=is_ftp, http=is_http)
OVER_UDP.update(ssdp=lambda octets, ports: 1900 in ports and is_http(octets))
QUIET |= {"http", "ssdp", "modbus", "ftp"}
STEPS.update(dict.fromkeys(("http", "ssdp", "modbus", "ftp"), end))


def http_row(octets: bytes) -> Row:
    first, *lines = lines_of(octets[:65536])
    words = [*first.split(b" ", 2), b"", b""]
    if first.startswith(b"HTTP/"):
        row: Row = {"http_response_version": escaped(words[0]), "http_response_code": int(words[1])}
    else:
        row = {
            "http_request_method": escaped(words[0]),
            "http_request_uri": escaped(words[1]),
            "http_request_version": escaped(words[2].strip(b" \t")) or None,
        }
    *whole, cut = lines or [b""]
    for line in [*whole, cut]:
        if not line:
            break
        name, colon, value = line.partition(b":")
        for column, wanted in FIELDS.items():
            if colon and name.lower() == wanted:
                unsure = line is cut and column == "http_content_length"
                row.setdefault(column, b"" if unsure else value.strip(b" \t"))
    for column in row.keys() & FIELDS.keys():
        if column == "http_content_length":
            row[column] = int(row[column]) if re.fullmatch(rb"[0-9]+", row[column]) else None
            row[column] = row[column] if (row[column] or 0) < 1 << 64 else None
        else:
            row[column] = escaped(row[column])
    return row


def modbus_row(octets: bytes) -> Row:
    refused = octets[7] >= 128 and len(octets) > 8 and octets[4:6] != b"\0\2"
    return {
        "mbtcp_trans_id": int.from_bytes(octets[:2], "big"),
        "mbtcp_unit_id": octets[6],
        "modbus_func_code": octets[7] % 128,
        "modbus_exception_code": octets[8] if refused else None,
    }


def ftp_row(octets: bytes, ports: tuple[int, int]) -> Row:
    line = lines_of(octets)[0]
    if ports[1] == 21:
        command, argument = COMMAND.match(line).groups()
        return {"ftp_request_command": escaped(command), "ftp_request_arg": escaped(argument or b"") or None}
    code, argument = REPLY.match(line).groups()
    return {"ftp_response_code": int(code), "ftp_response_arg": escaped(argument or b"") or None}


def application_row(walk: Walk) -> Row:
    """The columns above."""
    row: Row = dict.fromkeys(COLUMNS)
    for step, at, captured_end, _ in walk.layers:
        octets = walk.octets[at:captured_end]
        if step in ("http", "ssdp"):
            row |= http_row(octets)
        elif step == "modbus":
            row |= modbus_row(octets)
        elif step == "ftp":
            row |= ftp_row(octets, walk.ports)
    return row
