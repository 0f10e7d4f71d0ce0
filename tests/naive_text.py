"""The twin of csrc/detect/text*: tables of names and what a request holds, from docs/detectors-text.md."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from naive_http import escaped

DATA_TYPES = {10, 5, 15, 16, 25, 33}
REGISTRIES = {
    "ac", "co", "com", "ed", "edu", "gob", "go", "gov", "gv", "ltd", "me", "mil", "ne", "net", "nom", "or", "org",
    "plc", "re", "sch", "tm",
}  # fmt: skip
MINUTE = 60 * 10**9


class Message(NamedTuple):
    """A DNS message with one question."""

    client: str
    server: str
    labels: tuple[bytes, ...]
    kind: int
    response: bool
    rcode: int
    answer: bytes  # what stands behind the question, counted as one answer when there is any
    time: int


def registered(labels: tuple[bytes, ...]) -> int:
    """How many labels stand before the registered domain."""
    lower = [escaped(label).lower() for label in labels]
    country = len(labels) > 2 and re.fullmatch("[a-z]{2}", lower[-1])
    kept = 3 if country and lower[-2] in REGISTRIES else 2
    return max(len(labels) - kept, 0)


def name_of(labels: tuple[bytes, ...]) -> str:
    shown = (escaped(label).replace(".", "\\046") for label in labels)
    return lowered(".".join(shown)) or "."


def lowered(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def entropy(octets: bytes) -> int:
    """Thousandths of a bit for each octet."""
    count = len(octets)
    bits = -sum(n / count * math.log2(n / count) for n in Counter(octets).values()) if count else 0
    return round(1000 * bits)


def names(messages: Iterable[Message]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of dns_clients and dns_domains."""
    clients: dict[str, dict[str, Any]] = {}
    domains: dict[tuple[str, str], dict[str, Any]] = {}
    minutes: dict[str, tuple[int, int, int]] = {}
    for number, message in enumerate(messages, 1):
        failed = message.response and message.rcode == 3
        name = name_of(message.labels)
        client = clients.setdefault(
            message.client,
            {"client": message.client, "queries": 0, "responses": 0, "nxdomain": 0, "nxdomain_names": set(),
             "minute": None, "minute_responses": 0, "minute_nxdomain": 0},
        )  # fmt: skip
        client["responses" if message.response else "queries"] += 1
        if message.response:
            minute = message.time // MINUTE
            was, responses, nxdomain = minutes.get(message.client, (minute, 0, 0))
            if was != minute:
                responses = nxdomain = 0
            minutes[message.client] = minute, responses + 1, nxdomain + failed
            so_far = client["minute_nxdomain"]
            goes_on = client["minute"] == minute * MINUTE and nxdomain + failed == so_far
            if nxdomain + failed > so_far or goes_on:
                client |= {"minute": minute * MINUTE, "minute_responses": responses + 1,
                           "minute_nxdomain": nxdomain + failed}  # fmt: skip
        if failed:
            client["nxdomain"] += 1
            client["nxdomain_names"].add(name)
            seen_at(client, message.time, number)
        before = registered(message.labels)
        domain = name_of(message.labels[before:])
        row = domains.setdefault(
            (message.client, domain),
            {"client": message.client, "server": message.server, "domain": domain, "queries": 0, "responses": 0,
             "answered": 0, "nxdomain": 0, "names": {}, "data_messages": 0, "answer_octets": 0},
        )  # fmt: skip
        row["responses" if message.response else "queries"] += 1
        row["nxdomain"] += failed
        row["names"].setdefault(name, b"".join(message.labels[:before]).lower())
        row["data_messages"] += message.kind in DATA_TYPES or 65280 <= message.kind < 65535
        if message.response:
            row["answered"] += message.rcode == 0 and message.answer != b""
            row["answer_octets"] += len(message.answer)
        seen_at(row, message.time, number)
    for client in clients.values():
        client["nxdomain_names"] = len(client["nxdomain_names"])
        seen_at(client, None, 0)
    for row in domains.values():
        subs = row["names"].values()
        row |= {"names": len(subs), "name_octets": sum(map(len, subs)), "longest": max(map(len, subs)),
                "entropy": sum(map(entropy, subs))}  # fmt: skip
    return list(clients.values()), [domains[key] for key in domains]


def seen_at(row: dict[str, Any], time: int | None, number: int) -> None:
    row.setdefault("frame_number", number)
    first, last = row.setdefault("first_time", time), row.setdefault("last_time", time)
    if time is not None:
        row["first_time"] = time if first is None else min(first, time)
        row["last_time"] = time if last is None else max(last, time)


# --- requests --------------------------------------------------------------------------------------------------------


def decoded(text: bytes) -> bytes:
    return re.sub(rb"%(?:u00)?([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), text, flags=re.IGNORECASE)


def form_decoded(text: bytes) -> bytes:
    path, mark, query = text.partition(b"?")
    return decoded(path + mark + query.replace(b"+", b"%20"))


def folded(text: bytes) -> bytes:
    """Comments, white space and controls are one space, letters small."""
    text = re.sub(rb"\*/|/\*![0-9]*|/\*(?!!).*?\*/", b" ", text, flags=re.DOTALL)
    text = text.replace(b"\xc0\xae", b".").replace(b"\xc0\xaf", b"/")
    return re.sub(rb"[\0-\x20\x7f]+", b" ", text).lower()


@cache
def expression(pattern: str) -> re.Pattern[bytes]:
    meaning = {"#": "[0-9]+", "~": " ?", "*": ".{0,40}?", "!": "(?![a-z0-9_])"}
    return re.compile("".join(meaning.get(c) or re.escape(c) for c in pattern).encode(), re.DOTALL)


def held(target: bytes, patterns: list[tuple[str, bool, str]]) -> dict[str, tuple[bool, str]]:
    """attack -> (weak, pattern): the first that is not weak, else the first."""
    once = form_decoded(target[:8192])
    texts = [folded(once)] + ([folded(decoded(once))] if b"%" in once else [])
    found: dict[str, tuple[bool, str]] = {}
    for attack, weak, pattern in sorted(patterns, key=lambda each: each[1]):
        if attack not in found and any(expression(pattern).search(text) for text in texts):
            found[attack] = weak, pattern
    return found
