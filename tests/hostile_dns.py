"""DNS messages made to hurt: RFC 9267's list, and a few of our own. Each is made in the size that is asked for."""

from __future__ import annotations

import struct
from collections.abc import Callable

MOST_TARGET = 0x3FFF  # the farthest place a pointer can lead to
LONGEST = b"".join(b"\x3f" + bytes([letter]) * 63 for letter in b"abc") + b"\x3d" + b"\\" * 61 + b"\0"  # 255 octets


def header(questions: int = 0, answers: int = 0, authority: int = 0, additional: int = 0, flags: int = 0x8180) -> bytes:
    return struct.pack("!6H", 0x1234, flags, questions, answers, authority, additional)


def question(name: bytes, kind: int = 1, of_class: int = 1) -> bytes:
    return name + struct.pack("!HH", kind, of_class)


def record(
    name: bytes, kind: int = 1, data: bytes = b"\xc0\0\2\1", ttl: int = 60, size: int | None = None, of_class: int = 1
) -> bytes:
    return name + struct.pack("!HHIH", kind, of_class, ttl, len(data) if size is None else size) + data


def pointer(target: int) -> bytes:
    return struct.pack("!H", 0xC000 | target)


def padded(message: bytes, piece: bytes, size: int) -> bytes:
    return message + piece * ((size - len(message)) // len(piece))


def amplified(size: int) -> bytes:
    """Every record a pointer to one long name, and so is its value."""
    start = header(1, 0xFFFF) + question(LONGEST)
    return padded(start, record(pointer(12), 2, pointer(12)), size)


def amplified_authority(size: int) -> bytes:
    """The same where it is no answer: whoever looks for one walks over all of it."""
    start = header(1, 0, 0xFFFF, 0xFFFF) + question(LONGEST)
    return padded(start, record(pointer(12), 2, pointer(12)), size)


def chained(size: int) -> bytes:
    """Every record's name is at the end of as long a chain of pointers as is followed, and short at that."""
    start = header(1, 0xFFFF) + question(b"\0")
    at = len(start) + 11
    chain = pointer(12) + b"".join(pointer(at + 2 * i) for i in range(125))
    return padded(start + record(b"\0", 10, chain), record(pointer(at + 2 * 125), 10, b""), size)


def ladder(size: int) -> bytes:
    """As many pointers as there is room for, each to the one before it, and records at the end of them all."""
    start = header(0, 0xFFFF)
    at = len(start) + 11
    count = min(size // 2, (MOST_TARGET - at) // 2) - 1
    chain = b"\0\0" + b"".join(pointer(at + 2 * i) for i in range(count))
    return padded(start + record(b"\0", 10, chain), record(pointer(at + 2 * count), 10, b""), size)


def many_labels(size: int) -> bytes:
    """Names of 127 labels in every record."""
    return padded(header(0, 0xFFFF), record(b"\1x" * 127 + b"\0", 5, b"\1y" * 127 + b"\0"), size)


def lying_counts(size: int) -> bytes:
    """Counts of 65,535, and questions as short as they come."""
    return padded(header(0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF), question(b"\0"), size)


def empty_records(size: int) -> bytes:
    """Records as short as they come."""
    return padded(header(0, 0xFFFF, 0xFFFF, 0xFFFF), record(b"\0", 0xFFFF, b""), size)


def unending_name(size: int) -> bytes:
    """A name that is the whole message and does not end."""
    return padded(header(1), b"\x3f" + b"z" * 63, size)


def one_text(size: int) -> bytes:
    """One TXT record whose every octet takes four to be shown."""
    size = min(size, 65_000)
    data = padded(b"", b"\xff" + b"\0" * 255, size - 24)
    return header(0, 1) + record(b"\0", 16, data)


GROWING: dict[str, Callable[[int], bytes]] = {
    made.__name__: made
    for made in (
        amplified, amplified_authority, chained, ladder, many_labels, lying_counts, empty_records,
        unending_name, one_text,
    )
}  # fmt: skip

NAME = b"\7example\3org\0"


def pointers(count: int) -> bytes:
    """A name that is reached through so many pointers."""
    start = header(1, 2) + question(b"\1z\0")
    at = len(start) + 11
    chain = pointer(12) + b"".join(pointer(at + 2 * i) for i in range(count - 2))
    return start + record(b"\0", 10, chain) + record(pointer(at + 2 * (count - 2)))


FIXED = {
    "pointer to itself": header(1) + question(pointer(12)),
    "two pointers at each other": header(2) + question(pointer(18)) + question(pointer(12)),
    "labels and a pointer to them": header(1) + question(b"\1a" + pointer(12)),
    "pointer forward": header(2) + question(pointer(18)) + question(NAME),
    "pointer into the header": header(1) + question(pointer(4)),
    "pointer behind the end": header(1) + question(pointer(MOST_TARGET)),
    "pointer into a label": header(1, 1) + question(NAME) + record(pointer(14)),
    "half a pointer": header(1) + b"\xc0",
    "pointer through the same labels twice": header(1, 1) + question(b"\1a\1b\0") + record(b"\1c" + pointer(14)),
    "127 pointers": pointers(127),
    "128 pointers": pointers(128),
    "127 labels": header(1) + question(b"\1x" * 127 + b"\0"),
    "128 labels": header(1) + question(b"\1x" * 128 + b"\0"),
    "128 labels by a pointer": header(2) + question(b"\1x" * 127 + b"\0") + question(b"\1y" + pointer(12)),
    "255 octets": header(1) + question(LONGEST),
    "256 octets by a pointer": header(2, 1) + question(LONGEST) + question(NAME) + record(b"\0" + pointer(12)),
    "name too long by a pointer": header(1, 1) + question(LONGEST) + record(b"\1a" + pointer(12)),
    "a label of 64": header(1) + question(b"\x40" + b"x" * 64 + b"\0"),
    "an extended label": header(1) + question(b"\x41\0"),
    "a label of 128": header(1) + question(b"\x80" + b"x" * 128 + b"\0"),
    "no end of the name": header(1) + b"\3abc",
    "length beyond the message": header(0, 1) + record(NAME, 1, b"\xc0\0\2\1", size=5),
    "length of the greatest": header(0, 1) + record(NAME, 16, b"\3abc", size=0xFFFF),
    "a name beyond the data": header(0, 2) + record(NAME, 5, NAME, size=3) + record(NAME),
    "strings beyond the data": header(0, 2) + record(NAME, 16, b"\4abcd", size=4) + record(NAME),
    "counts of the greatest": header(0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF) + question(NAME),
    "nothing but a header": header(1, 1, 1, 1),
    "names like our marks": header(1, 1) + question(b"\3...\0") + record(b"\4; .;\0", 5, b"\3\\# \0"),
}


def every_form() -> bytes:
    """A sound message: one record of every type whose data have a form of their own, and one of another."""
    at = pointer(12)
    values = {
        1: b"\xc0\0\2\1",
        28: bytes(15) + b"\1",
        5: b"\1x" + at,
        2: at,
        12: at,
        15: b"\0\n" + at,
        16: b"\3a;b\0",
        33: b"\0\1\0\2\1\xbb" + at,
        6: at + b"\0" + bytes(20),
        65: b"\0\1\0",
    }
    records = b"".join(record(at, kind, data) for kind, data in values.items())
    return header(1, len(values)) + question(NAME) + records
