"""Builders of messages that name hosts and users: DHCP, NetBIOS names, Kerberos, NTLM.

udp(dhcp({53: b"\\3", 12: b"desk"}), 68, 67)
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping

MAC = bytes.fromhex("0002b3c0ffee")


# --- DHCP ------------------------------------------------------------------------------------------------------------


def dhcp(
    options: Mapping[int, bytes],
    kind: int = 1,
    client: bytes = bytes(4),
    your: bytes = bytes(4),
    mac: bytes = MAC,
    behind: bytes = b"\xff",
    cookie: bytes = b"\x63\x82\x53\x63",
) -> bytes:
    head = struct.pack("!BBBBIHH4s4s8x16s192x", kind, 1, len(mac), 0, 7, 0, 0, client, your, mac.ljust(16, b"\0"))
    return head + cookie + b"".join(bytes([code, len(value)]) + value for code, value in options.items()) + behind


# --- NetBIOS names ---------------------------------------------------------------------------------------------------


def netbios_name(name: bytes, suffix: int = 0x20) -> bytes:
    octets = name.ljust(15, b" ")[:15] + bytes([suffix])
    return b"\x20" + b"".join(bytes([65 + (octet >> 4), 65 + (octet & 15)]) for octet in octets) + b"\0"


def nbns(
    name: bytes,
    opcode: int = 0,
    address: bytes | None = None,
    response: bool = False,
    flags: int = 0,
    kind: int = 0x20,
) -> bytes:
    """A query; with an address a registration, or a response."""
    record = b"" if address is None else struct.pack("!HHIHH", kind, 1, 300, 6, flags) + address
    if response:
        return struct.pack("!6H", 7, 0x8000 | opcode << 11, 0, 1, 0, 0) + name + record
    head = struct.pack("!6H", 7, opcode << 11 | 0x0110, 1, 0, 0, int(address is not None))
    return head + name + struct.pack("!HH", kind, 1) + (b"\xc0\x0c" + record if record else b"")


# --- Kerberos --------------------------------------------------------------------------------------------------------


def der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def number(value: int) -> bytes:
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def principal(*components: bytes, kind: int = 1) -> bytes:
    return der(0x30, der(0xA0, number(kind)), der(0xA1, der(0x30, *(der(0x1B, part) for part in components))))


def request(cname: bytes | None, realm: bytes, *service: bytes, kind: int = 10, padata: bytes = b"") -> bytes:
    """AS-REQ, or TGS-REQ (12), which names no client."""
    client = b"" if cname is None else der(0xA1, principal(cname))
    body = der(0x30, der(0xA0, der(3, bytes(5))), client, der(0xA2, der(0x1B, realm)), der(0xA3, principal(*service)))
    before = der(0xA3, der(0x30, padata)) if padata else b""
    return der(0x60 + kind, der(0x30, der(0xA1, number(5)), der(0xA2, number(kind)), before, der(0xA4, body)))


def reply(cname: bytes, realm: bytes, *service: bytes, kind: int = 11) -> bytes:
    ticket = der(0x61, der(0x30, der(0xA0, number(5)), der(0xA1, der(0x1B, realm)), der(0xA2, principal(*service))))
    who = der(0xA3, der(0x1B, realm)) + der(0xA4, principal(cname))
    return der(0x60 + kind, der(0x30, der(0xA0, number(5)), der(0xA1, number(kind)), who, der(0xA5, ticket)))


def error(code: int, realm: bytes, *service: bytes, cname: bytes | None = None) -> bytes:
    client = b"" if cname is None else der(0xA7, der(0x1B, realm)) + der(0xA8, principal(cname))
    head = der(0xA0, number(5)) + der(0xA1, number(30)) + der(0xA5, number(0)) + der(0xA6, number(code))
    return der(0x7E, der(0x30, head, client, der(0xA9, der(0x1B, realm)), der(0xAA, principal(*service))))


def over_tcp(message: bytes, more: int = 0) -> bytes:
    return struct.pack("!I", len(message) + more) + message


# --- NTLM ------------------------------------------------------------------------------------------------------------


def authenticate(user: str, domain: str = "", host: str = "", unicode: bool = True) -> bytes:
    """Texts lie in the order that most programs have: domain, user, host."""
    code = "utf-16-le" if unicode else "latin-1"
    texts = [text.encode(code, "surrogatepass") for text in (domain, user, host)]
    entries, at = b"", 88
    for text in texts:
        entries += struct.pack("<HHI", len(text), len(text), at)
        at += len(text)
    head = b"NTLMSSP\0" + struct.pack("<I", 3) + struct.pack("<HHI", 0, 0, at) * 2 + entries
    return (head + struct.pack("<HHII", 0, 0, at, 1 if unicode else 2)).ljust(88, b"\0") + b"".join(texts)


def challenge(target: str, pairs: Mapping[int, str]) -> bytes:
    name = target.encode("utf-16-le")
    texts = [(number, text.encode("utf-16-le")) for number, text in pairs.items()]
    info = b"".join(struct.pack("<HH", number, len(text)) + text for number, text in texts) + bytes(4)
    head = b"NTLMSSP\0" + struct.pack("<IHHII8s8x", 2, len(name), len(name), 56, 1, b"12345678")
    return head + struct.pack("<HHI8x", len(info), len(info), 56 + len(name)) + name + info


def in_smb2(token: bytes) -> bytes:
    """A session setup, as short as the parts before the token allow."""
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQ4x4xQ16s", 64, 0, 0, 1, 31, 0, 0, 1, 0, bytes(16))
    setup = struct.pack("<HBBIIHHQ", 25, 0, 1, 1, 0, 88, len(token), 0)
    return struct.pack("!I", len(header) + len(setup) + len(token)) + header + setup + token


def in_http(token: bytes, name: bytes = b"Authorization", scheme: bytes = b"NTLM") -> bytes:
    return b"GET / HTTP/1.1\r\nHost: a\r\n" + name + b": " + scheme + b" " + base64.b64encode(token) + b"\r\n\r\n"
