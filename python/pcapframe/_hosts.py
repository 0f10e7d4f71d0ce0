"""Who is in a capture: a row per host."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _info
from ._batches import Batches
from ._frame import Frame
from ._hosts_merge import Host, hosts_of, order
from ._hosts_seen import COLUMNS, NEVER, Seen
from ._made import MadeFrame, frame_of
from .errors import CaptureWarning

if TYPE_CHECKING:
    from ._info import CaptureFault
    from ._reader import Capture

_Array = np.ndarray[Any, Any]

ROWS = 1 << 19  # packets of a batch: a few hundred MB, and what a batch costs in all is spread over many
SHOWN = 32  # items of a list; what more there are is counted

BETWEEN = " | "
_ROLES = ("gateway", "domain controller", "dhcp server", "dns server", "server", "client")
_SYSTEMS = [  # pattern of an agent or a DHCP vendor class, and what it says; the first counts
    (r"Windows NT 10\.0", "Windows 10 or later"), (r"Windows NT 6\.3", "Windows 8.1"),
    (r"Windows NT 6\.2", "Windows 8"), (r"Windows NT 6\.1", "Windows 7"), (r"Windows NT 6\.0", "Windows Vista"),
    (r"Windows NT 5\.[12]", "Windows XP"), (r"Windows Phone", "Windows Phone"), (r"Windows|^MSFT ", "Windows"),
    (r"[Aa]ndroid[ -]*(?:dhcp-)?([0-9]+)", "Android {}"), (r"[Aa]ndroid", "Android"),
    (r"iPhone OS ([0-9]+)", "iOS {}"), (r"iPad.* OS ([0-9]+)", "iPadOS {}"),
    (r"Mac OS X ([0-9]+)[_.]([0-9]+)", "macOS {}.{}"), (r"Mac OS X|Darwin/", "macOS"), (r"CrOS", "ChromeOS"),
    (r"Linux|^dhcpcd|^udhcp|^Debian|^Ubuntu", "Linux"),
]  # fmt: skip
_SIDES = (  # columns of findings and hits that name hosts, in the ways in which tables here name them
    "source", "target", "address", "host", "ip_src", "ip_dst", "src", "dst", "source_address", "destination_address",
    "src_ip", "dst_ip", "Source IP", "Destination IP",
)  # fmt: skip
_LABELS = {"findings": ("detector", "finding", "kind", "name"), "hits": ("indicator", "name", "kind")}


def hosts(capture: Capture, findings: Frame | None = None, hits: Frame | None = None) -> MadeFrame:
    """What `Capture.hosts` does."""
    for name, table in (("findings", findings), ("hits", hits)):
        if table is not None:
            _check(name, table)
    seen = Seen()
    faults: list[CaptureFault] = []
    for frame in Batches(capture, tuple(COLUMNS), ROWS)._frames(faults):
        seen.add(frame)
    _info.warn(faults, 4)
    return table_of(seen, capture, findings, hits, stacklevel=4)


def table_of(
    seen: Seen, capture: Capture, findings: Frame | None, hits: Frame | None, stacklevel: int = 3
) -> MadeFrame:
    """The hosts of what was seen of a capture."""
    if seen.left_out:
        what = ", ".join(f"{count:,} {name}" for name, count in seen.left_out.items())
        warnings.warn(f"hosts: {what} were beyond what is kept and left out", CaptureWarning, stacklevel=stacklevel)
    return _Table(seen, hosts_of(seen)).frame(capture, {"findings": findings, "hits": hits})


def _check(name: str, table: object) -> None:
    if not isinstance(table, Frame):
        raise TypeError(f"hosts: {name}= is a Frame, not {type(table).__name__}")
    if not _sides(table):
        raise ValueError(f"hosts: {name}= has no column that names hosts, such as source and target")


def _sides(table: Frame) -> list[str]:
    kinds = {name: kind for name, kind, _ in table.schema}
    return [name for name in _SIDES if kinds.get(name) in ("text", "string")]


def _joined(items: Iterable[str]) -> str | None:
    """A list as text: the bar between items is escaped in them as other octets are."""
    found = [item.replace("|", "\\124") for item in items]
    more = [f"+{len(found) - SHOWN}"] if len(found) > SHOWN else []
    return BETWEEN.join(found[:SHOWN] + more) or None


def _systems(said: Iterable[str]) -> list[str]:
    systems = set()
    for text in said:
        for pattern, name in _SYSTEMS:
            found = re.search(pattern, text)
            if found is not None:
                systems.add(name.format(*found.groups()))
                break
    exact = {name for name in systems if any(other.startswith(f"{name} ") for other in systems)}
    return sorted(systems - exact)


class _Table:
    """Rows of hosts, and where each address is."""

    def __init__(self, seen: Seen, found: list[Host]) -> None:
        self._seen = seen
        self._texts = list(seen.hosts.places)
        self._packets = (seen.sent + seen.received).tolist()
        there = np.array(self._packets, dtype=bool)
        there[[who for _, who in seen.bound]] = True
        named = [who for of_kind in seen.facts.of.values() for who in of_kind if isinstance(who, int)]
        there[named] = True
        there = there.tolist()
        self._rows = []
        for host in found:
            mine = [who for who in host.addresses if there[who]]
            if mine or not host.addresses:
                mine.sort(key=lambda who: order(self._texts[who]))
                self._rows.append(Host(mine, host.macs, host.is_router))
        self._rows.sort(key=self._place)
        self._row_of = np.full(len(self._texts), -1, dtype=np.int64)
        self._rows_of_mac: dict[str, list[int]] = {}
        for number, host in enumerate(self._rows):
            self._row_of[host.addresses] = number
            for mac in host.macs:
                self._rows_of_mac.setdefault(mac, []).append(number)

    def _place(self, host: Host) -> tuple[Any, ...]:
        """Those with most packets first."""
        packets = sum(self._packets[who] for who in host.addresses)
        return -packets, order(self._texts[host.addresses[0]]) if host.addresses else (99, b""), host.macs

    def frame(self, capture: Capture, given: dict[str, Frame | None]) -> MadeFrame:
        seen, rows = self._seen, self._rows
        columns: dict[str, tuple[str, Any]] = {
            "address": ("text", [self._main(host) for host in rows]),
            "addresses": ("text", [_joined(self._texts[who] for who in host.addresses) for host in rows]),
            "macs": ("text", [_joined(host.macs) for host in rows]),
        }
        for name in ("names", "users", "domains"):
            columns[name] = ("text", self._lists(self._facts(name, folded=True)))
        said = self._facts("agents", "vendors")
        columns["systems"] = ("text", self._lists({number: _systems(texts) for number, texts in said.items()}))
        for name in ("agents", "tls_names", "asked_as"):
            columns[name] = ("text", self._lists(self._facts(name)))
        services, clients = self._services()
        columns["services"] = ("text", [_joined(f"{kind}/{port}" for port, kind in sorted(each)) for each in services])
        columns["roles"] = ("text", [_joined(each) for each in self._roles(services, clients)])
        columns |= self._times()
        for name, values in (
            ("packets_sent", seen.sent), ("packets_received", seen.received),
            ("octets_sent", seen.sent_octets), ("octets_received", seen.received_octets),
        ):  # fmt: skip
            columns[name] = ("uint64", self._per_row(values))
        columns["peers"] = ("uint64", self._peers())
        for name, table in given.items():
            columns[name] = ("text", [None] * len(rows) if table is None else self._named_in(table, _LABELS[name]))
        return frame_of(columns, capture, {"hosts": {"left_out": seen.left_out}})

    def _main(self, host: Host) -> str | None:
        """The address with most packets, of those the first."""
        if not host.addresses:
            return None
        return self._texts[max(host.addresses, key=self._packets.__getitem__)]

    def _facts(self, *kinds: str, folded: bool = False) -> dict[int, set[str]]:
        """What the addresses and hardware addresses of each row are called; folded: twice in another case is once."""
        found: dict[int, dict[str, str]] = {}
        for kind in kinds:
            for who, texts in self._seen.facts.of.get(kind, {}).items():
                numbers = self._rows_of_mac.get(who, []) if isinstance(who, str) else [int(self._row_of[who])]
                for number in numbers:
                    mine = found.setdefault(number, {})
                    for text in texts:
                        key = text.lower() if folded else text
                        mine[key] = min(text, mine.get(key, text))
        return {number: set(mine.values()) for number, mine in found.items()}

    def _lists(self, found: dict[int, Any]) -> list[str | None]:
        lists: list[str | None] = [None] * len(self._rows)
        for number, texts in found.items():
            lists[number] = _joined(sorted(texts))
        return lists

    def _per_row(self, values: _Array) -> _Array:
        """Sums of an address's numbers."""
        sums = np.zeros(len(self._rows), dtype=np.uint64)
        there = self._row_of >= 0
        np.add.at(sums, self._row_of[there], values[there])
        return sums

    def _times(self) -> dict[str, tuple[str, Any]]:
        there = self._row_of >= 0
        first, last = np.full(len(self._rows), NEVER.max), np.full(len(self._rows), NEVER.min)
        np.minimum.at(first, self._row_of[there], self._seen.times.first[there])
        np.maximum.at(last, self._row_of[there], self._seen.times.last[there])
        for place, mac in enumerate(self._seen.macs.places):
            for number in self._rows_of_mac.get(mac, ()):
                first[number] = min(first[number], self._seen.mac_times.first[place])
                last[number] = max(last[number], self._seen.mac_times.last[place])
        never = last == NEVER.min
        masked = [np.ma.array(np.where(never, 0, values), mask=never) for values in (first, last)]
        return {"first_seen": ("time", masked[0]), "last_seen": ("time", masked[1])}

    def _peers(self) -> _Array:
        """Addresses that are not its own and that it sent to or got from."""
        one, other = self._seen.pairs.keys >> 32, self._seen.pairs.keys & 0xFFFFFFFF
        mine, theirs = np.concatenate([one, other]), np.concatenate([other, one])
        row = self._row_of[mine]
        foreign = (row >= 0) & (row != self._row_of[theirs])
        keys = np.unique(row[foreign] << 32 | theirs[foreign])
        return np.bincount(keys >> 32, minlength=len(self._rows)).astype(np.uint64)

    def _services(self) -> tuple[list[set[tuple[int, str]]], set[int]]:
        """Per row the ports that answered, and the rows that asked: began a connection, or were answered."""
        services: list[set[tuple[int, str]]] = [set() for _ in self._rows]
        rows = self._row_of
        exchanges = np.intersect1d(self._seen.asked.keys, self._seen.answered.keys)
        for kind, keys in (("tcp", self._seen.accepted.keys), ("udp", np.unique(exchanges & ((1 << 36) - 1)))):
            for who, port in zip(rows[keys >> 16].tolist(), (keys & 0xFFFF).tolist(), strict=True):
                services[who].add((port, kind))
        asked = np.concatenate([np.flatnonzero(self._seen.opened), exchanges >> 36])
        return services, set(rows[asked].tolist())

    def _roles(self, services: list[set[tuple[int, str]]], clients: set[int]) -> list[list[str]]:
        told = self._facts("roles")
        every = []
        for number, (host, offered) in enumerate(zip(self._rows, services, strict=True)):
            roles = told.get(number, set())
            roles |= {"gateway"} if host.is_router else set()
            roles |= {"dns server"} if offered & {(53, "udp"), (53, "tcp")} else set()
            roles |= {"server"} if offered else set()
            roles |= {"client"} if number in clients else set()
            every.append([role for role in _ROLES if role in roles])
        return every

    def _named_in(self, table: Frame, labels: tuple[str, ...]) -> list[str | None]:
        """What the rows of a table say that name a host, with how often."""
        kinds = {name: kind for name, kind, _ in table.schema}
        label = next((name for name in labels if kinds.get(name) in ("text", "string")), None)
        said: list[Counter[str]] = [Counter() for _ in self._rows]
        names = _sides(table) + ([label] if label is not None else [])
        places = self._seen.hosts.places
        for row in table.rows(*names):
            sides = row[:-1] if label is not None else row
            hosts = {self._row_of[places[side]] for side in sides if side in places}
            for number in hosts - {-1}:
                said[number][(row[-1] or "") if label is not None else ""] += 1
        return [
            _joined(
                f"{text} ({count:,})" if text else f"{count:,}"
                for text, count in sorted(each.items(), key=lambda item: (-item[1], item[0]))
            )
            for each in said
        ]
