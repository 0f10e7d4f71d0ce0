"""Write a second small capture of the network in `lab.pcap`, made up: `python examples/next_day.py [OUTPUT]`.

No packet of it was ever sent. Clients look up names and fetch pages; others scan, flood and ask for made-up names, but
not as in `lab.pcap`: from other hosts, with other tools, at another speed. One uploads much, which nobody did there,
and two do what looks like an attack and is none. `TRUTH` says who did what. The same octets come out every time.
"""

from __future__ import annotations

import random
import socket
import struct
import sys
from collections.abc import Iterator

START = 1_767_348_000  # 2026-01-02T10:00:00Z
NAMES, SHELL, PAGES, FILES = "192.0.2.53", "192.0.2.22", "192.0.2.80", "192.0.2.81"
CLIENTS = [f"198.51.100.{n}" for n in range(11, 43)]
SCANNER, PATIENT, FLOODERS = "203.0.113.40", "203.0.113.41", [f"203.0.113.{n}" for n in range(100, 130)]
HUNTER, UPLOADER, LOST, MONITOR = "198.51.100.70", "198.51.100.71", "198.51.100.72", "198.51.100.73"

# Who did what, by source; everybody else is benign, and so are `LOST` and `MONITOR`.
TRUTH = {
    SCANNER: "scan",
    PATIENT: "scan",
    **dict.fromkeys(FLOODERS, "flood"),
    HUNTER: "made-up names",
    UPLOADER: "upload",
}

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_MAC = bytes.fromhex("00005e005301 00005e005302 0800")
_STAMPS = b"\x01\x01\x08\x0a" + bytes(8)
_OFFERS = {24: b"\x02\x04\x05\xb4", 40: b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + bytes(8) + b"\x01\x03\x03\x07", 20: b""}
Packet = tuple[float, bytes]


def _ip(source: str, target: str, protocol: int, body: bytes) -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    return _MAC + struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, 64, protocol, 0) + ends + body


class Talk:
    """One TCP connection: both ends' numbers, and the clock."""

    def __init__(self, dice: random.Random, start: float, ends: tuple[str, int, str, int], head: int = 40) -> None:
        self.dice, self.now, self.ends, self.head = dice, start, ends, head
        self.sequence = [dice.getrandbits(32), dice.getrandbits(32)]
        self.packets: list[Packet] = []

    def say(self, back: bool, flags: int, size: int = 0, wait: float = 1e-4, window: int = 502) -> None:
        source, sport, target, dport = self.ends[2:] + self.ends[:2] if back else self.ends
        options = _OFFERS[40 if back else self.head] if flags & SYN else _STAMPS if self.head == 40 else b""
        if flags & RST:
            options = b""
        ours, theirs = self.sequence[back], self.sequence[not back] if flags & ACK else 0
        length = 5 + len(options) // 4
        tcp = struct.pack("!HHIIBBHHH", sport, dport, ours, theirs, length << 4, flags, window, 0, 0)
        self.now += self.dice.uniform(0.5, 1.5) * wait
        self.packets.append((self.now, _ip(source, target, 6, tcp + options + bytes(size))))
        self.sequence[back] = (ours + size + bool(flags & (SYN | FIN))) % 2**32

    def open(self) -> None:
        self.say(False, SYN, window=64240)
        self.say(True, SYN | ACK, window=65160)
        self.say(False, ACK)

    def close(self) -> None:
        self.say(False, FIN | ACK, wait=0.002)
        self.say(True, FIN | ACK)
        self.say(False, ACK)


def fetch(dice: random.Random, start: float, client: str, server: str) -> list[Packet]:
    talk = Talk(dice, start, (client, dice.randrange(32768, 61000), server, 80))
    talk.open()
    talk.say(False, PSH | ACK, dice.randrange(80, 120), 5e-4)
    talk.say(True, ACK)
    talk.say(True, PSH | ACK, 204, dice.uniform(0.001, 0.04))
    talk.say(False, ACK)
    left = dice.choice((700, 1200, 2600, 400))
    while left > 0:
        talk.say(True, PSH | ACK, min(left, 1448), 2e-4)
        talk.say(False, ACK)
        left -= 1448
    talk.close()
    return talk.packets


def lookup(dice: random.Random, start: float, client: str, answered: bool, name: int) -> list[Packet]:
    port, ident = dice.randrange(32768, 61000), dice.getrandbits(16)
    label = bytes(dice.choice(b"abcdefghijklmnopqrstuvwxyz") for _ in range(name))
    question = bytes([name]) + label + b"\x07example\0" + struct.pack("!HH", 1, 1)
    answer = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 60, 4, socket.inet_aton(PAGES)) if answered else b""

    def datagram(ends: tuple[str, int, str, int], flags: int, more: bytes) -> bytes:
        body = struct.pack("!HHHHHH", ident, flags, 1, bool(more), 0, 0) + question + more
        return _ip(ends[0], ends[2], 17, struct.pack("!HHHH", ends[1], ends[3], 8 + len(body), 0) + body)

    reply = datagram((NAMES, 53, client, port), 0x8580 if answered else 0x8583, answer)
    later = start + dice.uniform(2e-5, 2e-4)
    return [(start, datagram((client, port, NAMES, 53), 0x0100, b"")), (later, reply)]


def refused(dice: random.Random, start: float, ends: tuple[str, int, str, int], head: int = 40) -> list[Packet]:
    talk = Talk(dice, start, ends, head)
    talk.say(False, SYN, window=64240 if head == 40 else 1024)
    talk.say(True, RST | ACK, wait=2e-5, window=0)
    return talk.packets


def half_open(dice: random.Random, start: float, source: str) -> list[Packet]:
    talk = Talk(dice, start, (source, dice.randrange(1024, 65000), FILES, 80), 20)
    talk.say(False, SYN, window=dice.choice((1024, 2048, 4096, 8192)))
    talk.say(True, SYN | ACK, wait=2e-5, window=64240)
    if dice.random() < 0.7:  # the others' resets are lost
        talk.say(False, RST, wait=2e-4, window=0)
    return talk.packets


def upload(dice: random.Random, start: float) -> list[Packet]:
    talk = Talk(dice, start, (UPLOADER, 45_000, FILES, 80))
    talk.open()
    for number in range(1200):
        talk.say(False, ACK, 1448, 0.002)
        if number % 2:
            talk.say(True, ACK)
    talk.close()
    return talk.packets


def _all(dice: random.Random) -> Iterator[list[Packet]]:
    for _ in range(400):
        client, moment = dice.choice(CLIENTS), dice.uniform(0, 120)
        yield lookup(dice, moment, client, dice.random() < 0.9, dice.randrange(3, 12))
        yield fetch(dice, moment + 0.05, client, dice.choice((PAGES, FILES)))
    for number in range(60):
        yield lookup(dice, dice.uniform(20, 50), HUNTER, False, dice.randrange(20, 40))
        yield fetch(dice, 2.0 * number, MONITOR, PAGES)  # asks whether the server is there
    for number, port in enumerate(dice.sample(range(1, 1024), 300)):
        yield refused(dice, 30 + 0.05 * number, (SCANNER, dice.randrange(32768, 61000), SHELL, port))
        if number % 5 == 0:
            yield refused(dice, 0.4 * number, (PATIENT, 51_000, PAGES, port + 2000), 24)
    for number in range(25):  # its server is gone, and it tries again
        yield refused(dice, 4.0 * number, (LOST, 40_000 + number, PAGES, 8080))
    for number in range(1500):
        yield half_open(dice, 60 + 0.005 * number, dice.choice(FLOODERS))
    yield upload(dice, 90)


def capture() -> bytes:
    """The octets of the capture: classic pcap, Ethernet, microseconds."""
    packets = sorted(packet for group in _all(random.Random(11)) for packet in group)
    file = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
    for moment, octets in packets:
        micro = int(moment * 1e6)
        file += struct.pack("<IIII", START + micro // 10**6, micro % 10**6, len(octets), len(octets)) + octets
    return bytes(file)


def main() -> None:
    output = sys.argv[1] if len(sys.argv) > 1 else "next_day.pcap"
    with open(output, "wb") as file:
        file.write(capture())
    print(output)


if __name__ == "__main__":
    main()
