"""Write a small capture with routable addresses, made up from beginning to end: `python examples/world.py [OUTPUT]`.

No packet of it was ever sent. The addresses are those of well-known public services (name servers, universities,
registries), because only addresses that somebody has can be shown on a map; what they do here they never did.
The same octets come out every time.
"""

from __future__ import annotations

import random
import socket
import struct
import sys

HOME = ("192.168.1.20", "192.168.1.21", "192.168.1.35")
START = 1_767_225_600  # 2026-01-01T00:00:00Z
MINUTES = 10

# Address, port, TCP or UDP, packets out, packets in, octets of a packet in.
PEERS = (
    ("8.8.8.8", 53, 17, 120, 120, 90),  # United States
    ("1.1.1.1", 443, 6, 200, 420, 1200),  # Australia, by registration
    ("9.9.9.9", 53, 17, 60, 60, 90),
    ("193.0.6.139", 443, 6, 90, 180, 1300),  # Netherlands, RIPE NCC
    ("202.12.29.175", 443, 6, 60, 130, 1100),  # Australia, APNIC
    ("200.3.14.10", 443, 6, 50, 90, 900),  # Uruguay, LACNIC
    ("196.216.2.6", 443, 6, 40, 60, 800),  # South Africa, by registration; AFRINIC
    ("133.11.0.1", 22, 6, 30, 25, 200),  # Japan, University of Tokyo
    ("129.132.19.216", 443, 6, 80, 260, 1400),  # Switzerland, ETH Zurich
    ("137.132.21.27", 443, 6, 30, 60, 700),  # Singapore, National University
    ("146.141.13.50", 80, 6, 25, 40, 600),  # South Africa, University of the Witwatersrand
    ("77.88.8.8", 53, 17, 40, 40, 120),  # Russia
)
SENT_AWAY = ("200.160.2.3", 443, 6, 900, 300, 66)  # Brazil: much more goes out than comes back


def _packet(source: str, destination: str, ports: tuple[int, int], protocol: int, size: int) -> bytes:
    """An Ethernet frame of `size` octets; checksums are left 0."""
    head = 8 if protocol == 17 else 20
    size = max(size, 14 + 20 + head)
    if protocol == 17:
        transport = struct.pack("!HHHH", *ports, size - 34, 0)
    else:
        transport = struct.pack("!HHIIBBHHH", *ports, 1, 1, 5 << 4, 0x10, 64240, 0, 0)
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    network = struct.pack("!BBHHHBBH", 0x45, 0, size - 14, 0, 0x4000, 64, protocol, 0) + addresses
    return (bytes(10) + b"\x02\x01\x08\x00" + network + transport).ljust(size, b"\0")


def capture() -> bytes:
    """The octets of the capture: classic pcap, Ethernet, microseconds."""
    dice = random.Random(7)
    packets: list[tuple[int, bytes]] = []
    for address, port, protocol, out, back, octets in (*PEERS, SENT_AWAY):
        begin = 0 if (address, port) != SENT_AWAY[:2] else 7 * 60
        host = HOME[2] if begin else dice.choice(HOME[:2])
        for number in range(out + back):
            moment = int(1e6 * dice.uniform(begin, 60 * (MINUTES if begin == 0 else 9)))
            mine = 40_000 + dice.randrange(20)
            if number < out:
                size = 1400 if begin else dice.randrange(60, 140)
                packets.append((moment, _packet(host, address, (mine, port), protocol, size)))
            else:
                packets.append((moment, _packet(address, host, (port, mine), protocol, octets)))
    file = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
    for moment, octets_of in sorted(packets):
        file += (
            struct.pack("<IIII", START + moment // 10**6, moment % 10**6, len(octets_of), len(octets_of)) + octets_of
        )
    return bytes(file)


if __name__ == "__main__":
    output = sys.argv[1] if len(sys.argv) > 1 else "world.pcap"
    with open(output, "wb") as written:
        written.write(capture())
    print(output)
