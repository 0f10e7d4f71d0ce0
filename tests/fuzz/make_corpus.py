"""Writes the seeds of the fuzz targets into tests/fuzz/corpus: `python tests/fuzz/make_corpus.py`.

The same seeds every time; what fuzzing found lies beside them under other names and is left alone.
"""

import random
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import captures
import captures_flows
import captures_names as names
import captures_ng
import captures_stream
import captures_tls as tls
import captures_tunnels
import hostile_dns
from captures import LINK_TYPES, MAGICS, Tape, any_packet, cut, impossible, pcap_bytes, record_starts

CORPUS = Path(__file__).parent / "corpus"


def packets(draw: random.Random, link_type: int, count: int, wild: bool) -> list[captures.Packet]:
    return [any_packet(Tape(draw.randbytes(64), wild), link_type) for _ in range(count)]


def dns_messages(_: random.Random | None = None) -> dict[str, bytes]:
    """Messages that lie; and one record of every type whose data are in a form of its own."""
    messages = {name.replace(" ", "-"): message for name, message in hostile_dns.FIXED.items()}
    messages |= {name: made(600) for name, made in hostile_dns.GROWING.items()}
    messages["forms"] = hostile_dns.every_form()
    return messages


def dns_seeds() -> dict[str, bytes]:
    """The same in raw IPv4 and UDP."""
    seeds = {}
    for number, (name, message) in enumerate(dns_messages().items()):
        ports = ((53, 9), (9, 5353), (9, 5355))[number % 3]
        octets = captures.ipv4(captures.udp(message, *ports)).octets
        seeds[f"dns-{name}"] = struct.pack("!HB", 101, 0) + octets
    return seeds


def packet_seeds(draw: random.Random) -> dict[str, bytes]:
    seeds = dns_seeds()
    for link_type in LINK_TYPES:
        for number, packet in enumerate(packets(draw, link_type, 3, False) + packets(draw, link_type, 5, True)):
            more = min(max(packet.length - len(packet.octets), 0), 255)
            seeds[f"link{link_type}-{number}"] = struct.pack("!HB", link_type, more) + packet.octets
    return seeds | tls_seeds() | application_seeds()


def tls_talk(_: random.Random | None = None) -> dict[str, bytes]:
    """What one side says with TLS."""
    client, server = tls.client_hello(tls.PLAIN), tls.server_hello([tls.extension(43, b"\3\4"), tls.alpn(b"h2")])
    return {
        "client": tls.record(client),
        "client-old": tls.record(tls.client_hello(None, version=0x0301)),
        "client-split": tls.record(client[:50]) + tls.record(client[50:]),
        "client-cut": tls.record(client)[:120],
        "server": tls.record(server) + tls.record(tls.message(11, bytes(20))) + tls.record(tls.message(14, b"")),
        "finished": tls.record(b"\1", tls.CHANGE) + tls.record(bytes(40)) + tls.record(bytes(20), tls.DATA),
    }


def tls_seeds() -> dict[str, bytes]:
    """TLS hellos and QUIC long headers, which no tape makes."""
    datagrams = {
        "initial": tls.long_header(source=bytes(5)),
        "version2": tls.long_header(0x6B3343CF, 0xD0),
        "negotiation": tls.long_header(0, 0x80, rest=b"\0\0\0\1\x1a\x2a\x3a\x4a"),
    }
    layers = {f"tls-{name}": captures.tcp(octets, destination=443) for name, octets in tls_talk().items()}
    layers |= {f"quic-{name}": captures.udp(octets, destination=443) for name, octets in datagrams.items()}
    return {name: struct.pack("!HB", 101, 0) + captures.ipv4(layer).octets for name, layer in layers.items()}


APPLICATIONS = {  # payload, ports
    "http-request": (b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nCookie: c=\xff\r\n\r\n", 50_000, 80),
    "http-response": (b"HTTP/1.0 302 Found\nServer: \xc3\xbc\nLocation:\t/x \n\n", 8080, 50_000),
    "ssdp": (b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n", 50_000, 1900),
    "modbus": (bytes.fromhex("000100000006070300000002"), 50_000, 502),
    "modbus-exception": (bytes.fromhex("000100000003078302"), 502, 50_000),
    "ftp-command": (b"RETR  a b\r\n", 50_000, 21),
    "ftp-reply": (b"230-Hello\r\n230 End\r\n", 21, 50_000),
}


def application_seeds() -> dict[str, bytes]:
    """Over raw IPv4."""
    seeds = {}
    for name, (payload, source, destination) in APPLICATIONS.items():
        transport = captures.udp if name == "ssdp" else captures.tcp
        packet = captures.ipv4(transport(payload, source, destination))
        seeds[f"application-{name}"] = struct.pack("!HB", 228, 0) + packet.octets
    return seeds


def name_seeds(draw: random.Random) -> dict[str, bytes]:
    """Which of fuzz_names.c's carriers, no octets more, a message."""
    request = names.request(b"ann", b"CORP.EXAMPLE", b"krbtgt", b"CORP.EXAMPLE")
    login = names.authenticate("ann", "CORP", "DESK-1")
    server = names.challenge("CORP", {2: "CORP", 1: "FILES", 3: "files.corp.example"})
    options = {53: b"\3", 12: b"desk-1", 50: bytes((10, 0, 0, 7)), 60: b"MSFT 5.0", 81: b"\4\0\0\6desk-1\4corp\0"}
    name = names.netbios_name(b"DESK-1")
    messages = {
        "dhcp": (0, names.dhcp(options)),
        "bootp": (0, names.dhcp({}, cookie=bytes(4))),
        "nbns": (1, names.nbns(name, 5, bytes((10, 0, 0, 7)))),
        "nbns-answer": (1, names.nbns(name, 0, bytes((10, 0, 0, 7)), response=True)),
        "kerberos": (2, request),
        "kerberos-error": (2, names.error(25, b"CORP.EXAMPLE", b"krbtgt", b"CORP.EXAMPLE", cname=b"desk-1$")),
        "kerberos-tcp": (3, names.over_tcp(request)),
        "kerberos-ticket": (3, names.over_tcp(names.reply(b"ann", b"CORP.EXAMPLE", b"krbtgt", b"CORP.EXAMPLE"))),
        "ntlm": (4, names.in_smb2(login)),
        "ntlm-challenge": (4, names.in_smb2(server)),
        "ntlm-http": (5, names.in_http(login)),
        "ntlm-negotiate": (5, names.in_http(b"SP" + server, b"WWW-Authenticate", b"Negotiate")),
    }
    return {name: bytes([carrier, 0]) + message for name, (carrier, message) in messages.items()}


def capture_seeds(draw: random.Random) -> dict[str, bytes]:
    seeds = {}
    for magic in MAGICS:
        for order in "<>":
            name = f"{magic}-{'little' if order == '<' else 'big'}"
            some = packets(draw, draw.choice(LINK_TYPES), draw.randint(1, 6), True)
            whole = pcap_bytes(some, draw.choice(LINK_TYPES), magic, order)
            seeds[name] = whole
            seeds[f"{name}-cut"] = cut(whole, draw.randint(24, len(whole)))
            seeds[f"{name}-impossible"] = impossible(whole, draw.choice(record_starts(some, magic)), order)
            seeds[f"{name}-old"] = pcap_bytes(some, 1, magic, order, version=(2, draw.randint(1, 3)))
    seeds["empty"] = pcap_bytes([])
    seeds["zeros"] = pcap_bytes(packets(draw, 1, 2, False)) + bytes(200)
    seeds["no-octets"] = pcap_bytes([b""] * 3)
    for number in range(24):
        entries = [draw.randbytes(48) for _ in range(draw.randint(1, 6))]
        blocks = captures_ng.written(entries, wild=number % 2 == 1).blocks
        harm = Tape(draw.randbytes(8))
        seeds[f"pcapng-{number}"] = (
            captures_ng.damaged(blocks, harm) if number % 4 == 3 else b"".join(b for b, _ in blocks)
        )
    return seeds


def flow_seeds(draw: random.Random) -> dict[str, bytes]:
    seeds = {}
    for link_type, count in ((1, 12), (101, 2), (113, 2)):
        for number in range(count):
            tape, magic = draw.randbytes(700), draw.choice(list(MAGICS)[:2])
            seeds[f"link{link_type}-{number}"] = captures_flows.capture(tape, link_type, magic)
    return seeds


def stream_seeds(draw: random.Random) -> dict[str, bytes]:
    """Messages cut into segments, as fuzz_stream reads them: places are told in single octets."""
    seeds = {}
    whole = {
        "client": (2, captures_stream.client_hello()),
        "server": (6, captures_stream.server_hello()),
        "records": (2, captures_stream.hello_in_records()),
        "dns": (0, captures_stream.dns_message() * 2),
    }
    for name, (which, message) in whole.items():
        for number in range(4):
            pieces = [(at, message[at : at + 64]) for at in range(0, len(message), 64)]
            if number > 1:
                draw.shuffle(pieces)
            head = bytes([0x40 | which, 2, 0, 0, 0, 0]) if number % 2 else b""
            seeds[f"{name}-{number}"] = head + b"".join(
                bytes([0x40 | which, 16, at // 64, number]) + struct.pack("!H", len(piece)) + piece
                for at, piece in pieces
            )
    return seeds


def text_seeds(_: random.Random) -> dict[str, bytes]:
    """What hosts say to each other, in the form of fuzz_text: ports 53, 80, 21, 23, 25, 110, 143, 9999 by number."""
    query = bytes.fromhex("000701000001000000000000") + b"\3www\7example\3org\0\0\1\0\1"
    talks = {
        "dns": [(8, query), (0, query[:2] + b"\x81\x83" + query[4:])],
        "http": [(9, b"GET /?q=%3Cscript%3E+1'+or+'1 HTTP/1.1\r\nUser-Agent: nikto\r\nX: ${jndi:x}\r\n\r\n"),
                 (9, b"GET / HTTP/1.1\r\nAuthorization: Basic Ym9iOnM=\r\n\r\n")],
        "ftp": [(2, b"220 hi\r\n"), (10, b"USER bob\r\n"), (2, b"331 x\r\n"), (10, b"PASS s\r\n"), (2, b"230 in\r\n")],
        "telnet": [(3, b"\xff\xfd\x18login: "), (11, b"bob\r\0"), (3, b"Password: "), (11, b"s\r"), (3, b"\n$ ")],
        "smtp": [(12, b"AUTH LOGIN\r\n"), (4, b"334 x\r\n"), (12, b"Ym9i\r\n"), (12, b"czNj\r\n"), (4, b"535 no\r\n"),
                 (12, b"AUTH PLAIN AGJvYgBzM2M=\r\n")],
        "pop3": [(15, b"USER bob\r\n"), (7, b"+OK\r\n"), (15, b"PASS s\r\n"), (7, b"-ERR\r\n")],
        "imap": [(14, b'a LOGIN "bob" "s"\r\n'), (6, b"a OK\r\n"), (14, b"b AUTHENTICATE PLAIN\r\n"),
                 (14, b"AGIAcw==\r\n")],
    }  # fmt: skip
    return {name: b"".join(bytes([way, len(said)]) + said for way, said in talk) for name, talk in talks.items()}


RUN = (1, 0, False, None, ((), -(2**63), 2**63 - 1, None))
FLOWS = (  # as in fuzz_saved.c
    ("corrected", None, {"extra": ("tls", "dns", "http", "rtt", "state", "retrans")}),
    ("cic2017", None, {}),
    ("corrected", None, {"sort": True, "dedup_us": 1000}),
    ("corrected", "fork", {}),
)


def saved_seeds(draw: random.Random) -> dict[str, bytes]:
    """Events as the core saves them, for fuzz_saved: what, how many, without their head."""
    import test_detect_text
    import test_shuffle
    from pcapframe import _core

    def of(octets: bytes) -> tuple[bytes, bytes]:
        """How many there are, and the events."""
        return struct.pack("<H", struct.unpack_from("<Q", octets, 32)[0]), octets[40:]

    seeds = {}
    talk = test_shuffle.records(test_shuffle.talkative())
    captures_of = [captures_flows.capture(draw.randbytes(240), 1) for _ in range(3)]
    captures_of += [test_shuffle.talkative()[:24] + b"".join(talk[at : at + 6]) for at in (0, 6, len(talk) - 12)]
    login = test_detect_text.segments((True, b"USER a\r\n"), (True, b"PASS b\r\n"), (False, b"230 in\r\n"))
    captures_of += [captures.pcap_bytes(login, 1), test_detect_text.lookups(("a.b.example", "gone.example"), rcode=3)]
    for number, octets in enumerate(captures_of):
        inputs = test_shuffle.memory(octets)
        for which, (variant, compat, given) in enumerate(FLOWS):
            options = test_shuffle.options_of(variant, compat, **given)
            (parts, _), _ = _core.flow_events(inputs, RUN, options, test_shuffle.SECRET, 1)
            count, events = of(parts[0])
            seeds[f"flows-{which}-{number}"] = bytes([4 * which]) + count + events
        options = test_shuffle.options_of(*FLOWS[0][:2], **FLOWS[0][2])
        (parts, _), _ = _core.flow_events(inputs, RUN, options, test_shuffle.SECRET, 2)
        (one, first), (other, second) = map(of, parts)
        seeds[f"parts-{number}"] = b"\1" + one + other + struct.pack("<H", len(first)) + first + second
        traffic, text, _ = _core.detect_events(inputs, RUN, None, True)[0]
        assert text is not None
        seeds[f"detect-{number}"] = b"\2" + b"".join(of(traffic))
        seeds[f"text-{number}"] = b"\3" + b"".join(of(text))
        seeds[f"head-{number}"] = b"\x83\0\0" + text
    return {name: octets for name, octets in seeds.items() if len(octets) > 8}


def detect_seeds(_: random.Random) -> dict[str, bytes]:
    """Packets as fuzz_detect reads them: kind, step and times, who, flags, size, octets."""
    there, back = 0b00010100, 0b00000001  # from the second host to the first, and back; ports by the high bits
    query = bytes.fromhex("000701000001000000000000") + b"\3www\7example\3org\0\0\1\0\1"
    attack = b"GET /?id=1%27%20union%20select%201-- HTTP/1.1\r\nHost: a\r\nAuthorization: Basic Ym9iOnM=\r\n\r\n"

    def packet(kind: int, step: int, times: int, who: int, flags: int = 0, octets: bytes = b"") -> bytes:
        return bytes([kind, step | times << 3, who, flags, len(octets)]) + octets

    def tcp(port: int, from_server: bool, flags: int, octets: bytes = b"", times: int = 0) -> bytes:
        return packet(0, 1, times, (back & 15 if from_server else there) | port << 5, flags, octets)

    def dialogue(port: int, *said: tuple[bool, bytes]) -> bytes:
        begun = tcp(port, False, 2) + tcp(port, True, 18) + tcp(port, False, 16)
        return begun + b"".join(tcp(port, who, 24, octets) for who, octets in said) + tcp(port, False, 17)

    beacon = bytes.fromhex("80000000ffffffffffff02000000000102000000000100000000000000000000640011000003") + b"lab"
    goodbye = bytes.fromhex("c0000000020000000002020000000001020000000001000007 00")
    seeds = {
        "syns": b"\0\0\x80" + tcp(2, False, 2, times=31) + tcp(2, True, 20, times=31),
        "http": b"\1\0\x80" + dialogue(2, (False, attack), (True, b"HTTP/1.1 401 No\r\n\r\n")),
        "ftp": b"\0\1\x60" + dialogue(3, (True, b"220 a\r\n"), (False, b"USER bob\r\n"), (True, b"331 b\r\n"),
                                     (False, b"PASS s\r\n"), (True, b"230 c\r\n")),
        "dns": b"\2\0\x80" + b"".join(packet(1, 3, 0, who, 0, octets) for who, octets in (
            (there | 1 << 5, query), (back & 15 | 1 << 5, query[:2] + b"\x81\x83" + query[4:]))),
        "unreachable": b"\0\4\x40" + packet(1, 1, 3, there | 2 << 5, 0, b"x") + packet(2, 1, 3, 0b0100, 3),
        "arp": b"\0\2\x80" + b"".join(packet(3, 3, 2, who, flags) for who, flags in ((4, 0), (1, 1), (0x21, 1))),
        "neighbour": b"\1\0\x80" + packet(4, 4, 2, 1, 0x40, bytes.fromhex("0201020000000009")),
        "wlan": b"\0\0\x80" + packet(6, 1, 3, 0, 0, beacon) + packet(6, 1, 9, 0, 0, goodbye),
        "late": b"\3\5\x80" + b"".join(packet(0, step, 1, there | 5 << 5, 24, b"x") for step in (6, 7, 5, 7, 4)),
    }  # fmt: skip
    return seeds


def match_seeds(_: random.Random) -> dict[str, bytes]:
    """What hosts say, as fuzz_match reads it: ports 53, 80, 443, 8080 by number; 7: an IP packet."""
    name = b"\3www\7example\3org\0"
    answers = b"".join(
        hostile_dns.record(name, kind, data)
        for kind, data in (
            (1, b"\xc0\0\2\1"),
            (5, b"\1a\7Example\3net\0"),
            (28, bytes(15) + b"\1"),
            (15, b"\0\1\2mx\0"),
        )
    )
    response = hostile_dns.header(1, 4) + hostile_dns.question(name) + answers
    get = b"GET /a/b?c=d HTTP/1.1\r\nHost: Bad.example.org:8080\r\nUser-Agent: curl/8\r\n\r\n"
    proxied = b"GET http://bad.example.org/a?b HTTP/1.1\r\nHost: other\r\nUser-Agent: x\r\n\r\n"
    hello = tls.record(tls.client_hello([tls.sni((0, b"www.Example.com")), tls.alpn(b"h2")]))
    inner = captures.ipv4(captures.udp(hostile_dns.header(1) + hostile_dns.question(name), 40_000, 53))
    tunnelled = captures.ipv4(captures_tunnels.gre(inner)).octets
    talks = {
        "dns": [(8, hostile_dns.header(1) + hostile_dns.question(name)), (0, response)],
        "http": [(9, get), (0x89, get), (11, proxied)],
        "tls": [(10, hello)],
        "tunnel": [(7, tunnelled), (7, captures.ipv6(captures.tcp(get, 40_000, 80)).octets)],
    }
    return {
        f"{name}-{seed}": bytes([seed]) + b"".join(bytes([way, len(said)]) + said for way, said in talk)
        for name, talk in talks.items()
        for seed in range(3)
    }


def main() -> None:
    for name, seeds in {
        "packet": packet_seeds,
        "dns": dns_messages,
        "tls": tls_talk,
        "capture": capture_seeds,
        "flows": flow_seeds,
        "names": name_seeds,
        "stream": stream_seeds,
        "text": text_seeds,
        "saved": saved_seeds,
        "detect": detect_seeds,
        "match": match_seeds,
    }.items():
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        for seed, octets in seeds(random.Random(20260101)).items():
            (folder / seed).write_bytes(octets)


if __name__ == "__main__":
    main()
