"""The tables behind the detectors in plain Python, packet by packet, written from docs/detectors.md: slow and obvious.

Ethernet, IPv4 and IPv6 without options and tunnels, TCP, UDP, ICMP, ICMPv6 echo and neighbours, ARP.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import Any

RESOLVE = 256
SECOND = 10**9
PAUSE = 1_500_000_000
PATIENCE = 5_000_000_000
BUSY = 30
NUMBERS = [
    "packets",
    "answers",
    "octets",
    "answer_octets",
    "data",
    "answer_data",
    "least",
    "most",
    "answer_least",
    "answer_most",
    "syns",
    "syn_acks",
    "acks",
    "resets",
    "answer_resets",
    "fins",
    "answer_fins",
    "requests",
    "posts",
    "denials",
    "overclaims",
    "banners",
    "unreachable",
    "shut_windows",
    "bursts",
    "gap_sum",
    "gap_squares",
    "flags",
    "header",
]


def records(octets: bytes) -> Iterator[tuple[int, bytes]]:
    place = 24
    while place < len(octets):
        seconds, fraction, captured, _ = struct.unpack_from("<IIII", octets, place)
        yield seconds * 10**9 + fraction, octets[place + 16 : place + 16 + captured]
        place += 16 + captured


def address(octets: bytes) -> str:
    return str(ipaddress.ip_address(octets))


def marks_of(data: bytes) -> set[str]:
    word = data[:4]
    if word == b"POST":
        return {"requests", "posts"}
    if word in (b"GET ", b"HEAD", b"PUT ", b"OPTI", b"DELE", b"PATC", b"CONN"):
        return {"requests"}
    if word in (b"530 ", b"535 ") or (word == b"HTTP" and data[9:12] in (b"401", b"403")):
        return {"denials"}
    if word == b"SSH-":
        return {"banners"}
    if len(data) >= 8 and data[0] == 24 and data[1] == 3 and data[2] <= 4 and data[5] == 1:
        record, claimed = struct.unpack_from("!H", data, 3)[0], struct.unpack_from("!H", data, 6)[0]
        return {"overclaims"} if claimed + 3 > record else set()
    return set()


def event(protocol: int, source: Any, target: Any, **more: Any) -> dict[str, Any]:
    plain = {"marks": set(), "flags": 0, "window": 0, "header": 0, "answer": False, "payload": 0}
    return {"protocol": protocol, "source": source, "target": target, **plain, **more}


def icmp_of(version: int, ends: tuple[bytes, bytes], rest: bytes) -> dict[str, Any] | None:
    protocol = 1 if version == 4 else 58
    answers, questions = ((0, 14, 18), (8, 13, 17)) if version == 4 else ((129,), (128,))
    if rest[0] in answers + questions:
        ident = struct.unpack_from("!H", rest, 4)[0]
        return event(protocol, (ends[0], ident), (ends[1], ident), payload=len(rest) - 8, answer=rest[0] in answers)
    quoted = rest[8:]
    if version == 4 and rest[0] == 3 and len(quoted) >= 24 and quoted[9] in (6, 17):
        sport, dport = struct.unpack_from("!HH", quoted, (quoted[0] & 15) * 4)
        return event(quoted[9], (quoted[12:16], sport), (quoted[16:20], dport), unreachable=True)
    return None


def event_of(frame: bytes) -> dict[str, Any] | None:
    """Who says what to whom: protocol, two ends (address, port), the payload's length, and what of it matters."""
    version = {0x800: 4, 0x86DD: 6}.get(struct.unpack_from("!H", frame, 12)[0])
    packet = frame[14:]
    if version == 4:
        protocol, ends = packet[9], (packet[12:16], packet[16:20])
        rest = packet[20 : struct.unpack_from("!H", packet, 2)[0]]
    elif version == 6:
        protocol, ends = packet[6], (packet[8:24], packet[24:40])
        rest = packet[40 : 40 + struct.unpack_from("!H", packet, 4)[0]]
    else:
        return None
    if protocol == 6:
        sport, dport, _, _, words, flags, window = struct.unpack_from("!HHIIBBH", rest)
        data = rest[(words >> 4) * 4 :]
        answer = bool(flags & 16) and (bool(flags & 2) or sport < 1024 <= dport)
        return event(
            6, (ends[0], sport), (ends[1], dport), flags=flags, window=window, header=(words >> 4) * 4,
            payload=len(data), marks=marks_of(data), answer=answer,
        )  # fmt: skip
    if protocol == 17:
        sport, dport, length = struct.unpack_from("!HHH", rest)
        return event(17, (ends[0], sport), (ends[1], dport), payload=min(length, len(rest)) - 8)
    if protocol == (1 if version == 4 else 58):
        return icmp_of(version, ends, rest)
    return event(protocol, (ends[0], 0), (ends[1], 0), payload=len(rest) + (20 if version == 4 else 40))


def arp_of(frame: bytes) -> tuple[dict[str, Any] | None, tuple[str, str, bool] | None]:
    """A question or an answer, and the claim in it."""
    body = frame[14:42]
    operation = struct.unpack_from("!H", body, 6)[0]
    sender, asked = body[14:18], body[24:28]
    if operation not in (1, 2) or not any(sender):
        return None, None
    answer = operation == 2
    claim = (body[8:14].hex(":"), address(sender), answer)
    if sender == asked:
        return None, claim
    return event(RESOLVE, (sender, int(answer)), (asked, int(not answer)), answer=answer), claim


def add(talk: dict[str, Any], event: dict[str, Any], time: int) -> bool:
    """Adds a packet; whether it is the client's first with data."""
    mine = event["source"] == talk["client"]
    talk["first_time"], talk["last_time"] = min(talk["first_time"], time), max(talk["last_time"], time)
    flags = event["flags"]
    if talk["protocol"] == 6:
        if mine and not talk["packets"]:
            talk["flags"] = flags
        if flags & 2:
            if mine and not talk["syns"]:
                talk["header"] = event["header"]
            talk["syns"] += mine and not flags & 16
            talk["syn_acks"] += not mine and bool(flags & 16)
        elif mine and flags & 20 == 16:
            talk["acks"] += 1
            talk["shut_windows"] += event["window"] == 0
        talk["resets" if mine else "answer_resets"] += bool(flags & 4)
        talk["fins" if mine else "answer_fins"] += bool(flags & 1)
    talk["packets" if mine else "answers"] += 1
    for mark in event["marks"]:
        talk[mark] += mark in ("overclaims", "banners") or mine == (mark in ("requests", "posts"))
    size = event["payload"]
    if not size and talk["protocol"] == 6:
        return False
    before = "" if mine else "answer_"
    first = not talk[before + "data"]
    talk[before + "octets"] += size
    talk[before + "least"] = size if first else min(talk[before + "least"], size)
    talk[before + "most"] = max(talk[before + "most"], size)
    talk[before + "data"] += 1
    if mine:
        if talk["asked"] is None:
            talk["bursts"] = 1
        elif time - talk["asked"] >= PAUSE:
            talk["bursts"] += 1
            gap = (time - talk["asked"]) // 10**6
            talk["gap_sum"] += gap
            talk["gap_squares"] += gap * gap
        talk["asked"] = time if talk["asked"] is None else max(time, talk["asked"])
    return mine and first


class Twin:
    def __init__(self, window: int) -> None:
        self.length, self.window, self.second = window, 0, None
        self.talks: dict[Any, dict[str, Any]] = {}
        self.claims: dict[Any, dict[str, Any]] = {}
        self.busy: dict[Any, dict[str, Any]] = {}
        self.out: dict[str, list[dict[str, Any]]] = {"talks": [], "sightings": [], "seconds": []}

    def close_second(self) -> None:
        for row in self.busy.values():
            if row["packets"] >= BUSY:
                self.out["seconds"].append({"window": self.window, "time": self.second * SECOND, **row})
        self.busy.clear()

    def close_window(self) -> None:
        self.close_second()
        for talk in self.talks.values():
            (source, sport), (target, port) = talk.pop("client"), talk.pop("server")
            ends = {"source": address(source), "target": address(target), "source_port": sport, "port": port}
            del talk["asked"]
            self.out["talks"].append({"window": self.window, **talk, **ends})
        for claim in self.claims.values():
            del claim["second"], claim["count"]
            self.out["sightings"].append({"window": self.window, **claim})
        self.talks.clear()
        self.claims.clear()

    def go_on(self, time: int) -> None:
        second, start = time // SECOND, (time // self.length * self.length if self.length else 0)
        if self.second is None:
            self.second, self.window = second, start
        if start > self.window:
            self.close_window()
            self.window = start
        if second > self.second:
            self.close_second()
            self.second = second

    def talk(self, event: dict[str, Any], time: int) -> bool:
        """Whether somebody had asked for what is said."""
        key = (event["protocol"], frozenset((event["source"], event["target"])))
        talk = self.talks.get(key)
        asked = talk is not None and talk["asked"] is not None and time - talk["asked"] <= PATIENCE
        if event.get("unreachable"):
            if talk is not None:
                talk["unreachable"] += 1
            return asked
        begins = talk is None
        if talk is None:
            client, server = ("target", "source") if event["answer"] else ("source", "target")
            talk = self.talks[key] = {
                "protocol": event["protocol"], "client": event[client], "server": event[server], "first_time": time,
                "last_time": time, "asked": None, **dict.fromkeys(NUMBERS, 0),
            }  # fmt: skip
        mine = event["source"] == talk["client"]
        first_data = add(talk, event, time)
        is_tcp = talk["protocol"] == 6
        target, port = talk["server"][0], talk["server"][1] if is_tcp else 0
        numbers = dict.fromkeys(("packets", "answers", "octets", "syns", "begun", "carried", "requests"), 0)
        new = {"protocol": talk["protocol"], "target": address(target), "port": port, **numbers}
        row = self.busy.setdefault((talk["protocol"], target, port), new)
        row["packets" if mine else "answers"] += 1
        row["octets"] += event["payload"] if mine else 0
        row["syns"] += mine and is_tcp and event["flags"] & 18 == 2
        row["begun"] += begins
        row["carried"] += first_data
        row["requests"] += mine and "requests" in event["marks"]
        return asked

    def claim(self, claim: tuple[str, str, bool], time: int, unasked: bool) -> None:
        who, what, answer = claim
        new = {"kind": "claim", "who": who, "what": what, "first_time": time, "last_time": time, "seen": 0}
        new |= {"numbered": 0, "unasked": 0, "in_second": 0, "second": self.second, "count": 0}
        seen = self.claims.setdefault((who, what), new)
        seen["first_time"], seen["last_time"] = min(seen["first_time"], time), max(seen["last_time"], time)
        seen["seen"] += 1
        seen["numbered"] += answer
        seen["unasked"] += answer and unasked
        seen["count"] = 1 if seen["second"] != self.second else seen["count"] + 1
        seen["second"] = self.second
        seen["in_second"] = max(seen["in_second"], seen["count"])


def tables(octets: bytes, window: int = 0) -> dict[str, list[dict[str, Any]]]:
    """The rows of talks, sightings and seconds, in no order."""
    twin = Twin(window)
    for time, frame in records(octets):
        said, claim = arp_of(frame) if frame[12:14] == b"\x08\x06" else (event_of(frame), None)
        if said is None and claim is None:
            continue
        twin.go_on(time)
        asked = said is not None and twin.talk(said, time)
        if claim is not None:
            twin.claim(claim, time, said is not None and not asked)
    if twin.second is not None:
        twin.close_window()
    return twin.out
