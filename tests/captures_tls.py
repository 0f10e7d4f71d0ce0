"""Builders of TLS records and hellos and of QUIC long headers, and hypothesis strategies that make odd ones of them.

record(client_hello([sni((0, b"example.org")), alpn(b"h2")]))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

HANDSHAKE, CHANGE, ALERT, DATA = 22, 20, 21, 23


def listed(octets: bytes, width: int, lie: int = 0) -> bytes:
    """A list behind its length; with a lie the length says so many octets more."""
    return max(0, min(len(octets) + lie, 256**width - 1)).to_bytes(width, "big") + octets


def numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def record(content: bytes, kind: int = HANDSHAKE, version: int = 0x0301, length: int | None = None) -> bytes:
    size = len(content) if length is None else length
    return bytes([kind]) + numbers(version, size) + content


def message(kind: int, body: bytes, lie: int = 0) -> bytes:
    return bytes([kind]) + listed(body, 3, lie)


def client_hello(
    extensions: Iterable[bytes] | None = (),
    ciphers: Sequence[int] = (0x0A0A, 0x1301, 0xC02B, 0x00FF),
    version: int = 0x0303,
    session_id: bytes = bytes(32),
    methods: bytes = b"\0",
    lies: Sequence[int] = (0, 0, 0, 0, 0),  # of session identifier, ciphers, methods, extensions, all
    behind: bytes = b"",
) -> bytes:
    body = numbers(version) + bytes(range(32)) + listed(session_id, 1, lies[0])
    body += listed(numbers(*ciphers), 2, lies[1]) + listed(methods, 1, lies[2])
    if extensions is not None:
        body += listed(b"".join(extensions), 2, lies[3])
    return message(1, body + behind, lies[4])


def server_hello(
    extensions: Iterable[bytes] | None = (),
    cipher: int = 0x1301,
    version: int = 0x0303,
    session_id: bytes = bytes(32),
    lies: Sequence[int] = (0, 0, 0),  # of session identifier, extensions, all
    behind: bytes = b"",
) -> bytes:
    body = numbers(version) + bytes(range(32)) + listed(session_id, 1, lies[0]) + numbers(cipher) + b"\0"
    if extensions is not None:
        body += listed(b"".join(extensions), 2, lies[1])
    return message(2, body + behind, lies[2])


def extension(kind: int, content: bytes = b"", lie: int = 0) -> bytes:
    return numbers(kind) + listed(content, 2, lie)


def sni(*names: tuple[int, bytes], lie: int = 0) -> bytes:
    return extension(0, listed(b"".join(bytes([kind]) + listed(name, 2) for kind, name in names), 2, lie))


def alpn(*protocols: bytes, lie: int = 0) -> bytes:
    return extension(16, listed(b"".join(listed(protocol, 1) for protocol in protocols), 2, lie))


def groups(*values: int, lie: int = 0) -> bytes:
    return extension(10, listed(numbers(*values), 2, lie))


def point_formats(*values: int, lie: int = 0) -> bytes:
    return extension(11, listed(bytes(values), 1, lie))


def signature_algorithms(*values: int, lie: int = 0) -> bytes:
    return extension(13, listed(numbers(*values), 2, lie))


def versions(*values: int, lie: int = 0) -> bytes:
    return extension(43, listed(numbers(*values), 1, lie))


PLAIN = (
    sni((0, b"www.example.org")), extension(23), groups(0x2A2A, 29, 23), point_formats(0),
    signature_algorithms(0x1A1A, 0x0403, 0x0804), alpn(b"h2", b"http/1.1"), versions(0x3A3A, 0x0304, 0x0303),
    extension(0x4A4A),
)  # fmt: skip


def long_header(
    version: int = 1, first: int = 0xC0, destination: bytes = bytes(8), source: bytes = b"", rest: bytes = bytes(32)
) -> bytes:
    return bytes([first]) + version.to_bytes(4, "big") + listed(destination, 1) + listed(source, 1) + rest


# --- strategies ------------------------------------------------------------------------------------------------------

GREASE = [0x0A0A + 0x1010 * n for n in range(16)]
numbers_of_two = st.lists(st.one_of(st.sampled_from(GREASE), st.integers(0, 0xFFFF)), max_size=6)
names = st.one_of(st.just(b"example.org"), st.just(b"a\0b.\xc3\xa9\\\xff"), st.binary(max_size=12))
lies = st.one_of(*[st.just(0)] * 6, st.integers(-4, 4), st.just(60_000))


@st.composite
def any_extension(draw: st.DrawFn) -> bytes:
    lie = draw(lies)
    match draw(st.integers(0, 8)):
        case 0:
            return sni(*draw(st.lists(st.tuples(st.sampled_from([0, 0, 0, 1]), names), max_size=2)), lie=lie)
        case 1:
            return alpn(*draw(st.lists(st.one_of(st.sampled_from([b"h2", b"x", b""]), names), max_size=3)), lie=lie)
        case 2:
            return groups(*draw(numbers_of_two), lie=lie)
        case 3:
            return point_formats(*draw(st.binary(max_size=3)), lie=lie)
        case 4:
            return signature_algorithms(*draw(numbers_of_two), lie=lie)
        case 5:
            some = st.sampled_from([0x0304, 0x0303, 0x0301, 0x0300, 2, 0xFEFD, 0x7F1C, 0x2A2A])
            return versions(*draw(st.lists(some, max_size=4)), lie=lie)
        case 6:
            return extension(43, draw(st.binary(max_size=5)))  # as a server says it
        case 7:
            return extension(draw(st.sampled_from(GREASE)), b"\0" * draw(st.integers(0, 1)), lie)
    return extension(draw(st.integers(0, 0xFFFF)), draw(st.binary(max_size=6)), lie)


@st.composite
def any_hello(draw: st.DrawFn) -> bytes:
    extensions = draw(st.one_of(st.none(), st.lists(any_extension(), max_size=8)))
    version = draw(st.sampled_from([0x0303, 0x0303, 0x0301, 0x0300, 0x0304, 0x0305, 0x0002]))
    session_id, behind = bytes(draw(st.sampled_from([0, 32, 33]))), draw(st.sampled_from([b"", b"", b"", b"z"]))
    told = [draw(lies) for _ in range(5)]
    if draw(st.booleans()):
        ciphers = draw(numbers_of_two)
        methods = draw(st.sampled_from([b"\0", b"", b"\1\0"]))
        return client_hello(extensions, ciphers, version, session_id, methods, told, behind)
    return server_hello(extensions, draw(st.integers(0, 0xFFFF)), version, session_id, told[:3], behind)


@st.composite
def any_records(draw: st.DrawFn) -> bytes:
    """Records, one or more of which may share a hello; now and then cut, or with an octet changed."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        match draw(st.integers(0, 5)):
            case 0 | 1 | 2:
                content = draw(any_hello())
            case 3:
                kind = draw(st.sampled_from([0, 4, 11, 12, 14, 16, 20, 23, 24]))
                content = message(kind, draw(st.sampled_from([b"", b"", bytes(8)])), draw(lies))
            case _:
                content = draw(st.binary(max_size=8))
                kind = draw(st.sampled_from([CHANGE, ALERT, HANDSHAKE, DATA, 24, 25]))
                parts.append(record(content, kind, draw(st.sampled_from([0x0301, 0x0303, 0x0305]))))
                continue
        if draw(st.integers(0, 3)) == 0:
            at = draw(st.integers(0, len(content)))
            parts += [record(content[:at]), record(content[at:])]
        else:
            parts.append(record(content, length=max(0, len(content) + draw(lies))))
    whole = bytearray(b"".join(parts))
    if draw(st.integers(0, 3)) == 0:
        whole[draw(st.integers(0, len(whole) - 1))] = draw(st.integers(0, 255))
    return bytes(whole[: len(whole) - draw(st.sampled_from([0, 0, 0, 1, 5, 40]))])


QUIC_VERSIONS = [0, 1, 0x6B3343CF, 0xFF00001D, 0xFF000016, 0xFF000023, 0xFACEB00E, 0x51303530, 0x1A2A3A4A, 2]


@st.composite
def any_datagram(draw: st.DrawFn) -> bytes:
    version = draw(st.sampled_from(QUIC_VERSIONS))
    offered = b"".join(v.to_bytes(4, "big") for v in draw(st.lists(st.sampled_from(QUIC_VERSIONS), max_size=20)))
    rest = offered if version == 0 else draw(st.sampled_from([b"", bytes(15), bytes(16), bytes(40)]))
    ids = [bytes(range(draw(st.sampled_from([0, 5, 8, 20, 21])))) for _ in range(2)]
    first = draw(st.sampled_from([0x80, 0xC0, 0xD3, 0xEF, 0xF0, 0x40]))
    whole = long_header(version, first, *ids, rest)
    return whole[: len(whole) - draw(st.sampled_from([0, 0, 0, 1, 9]))]
