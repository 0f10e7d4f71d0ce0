"""Scans: who asks many ports or many hosts and does nothing with the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ._detect_tables import (
    ICMP,
    MINUTE,
    RESOLVE,
    SECOND,
    TCP,
    UDP,
    Array,
    Rows,
    Tables,
    densest,
    distinct,
    evidence,
    is_group,
    large_groups,
    listed,
    rows_of,
)  # fmt: skip
from ._finding import Finding
from ._frame import Frame

_TECHNIQUE, _HOSTS = "T1046", "T1018"
_STYLES = {0x02: "syn", 0x00: "null", 0x01: "fin", 0x29: "xmas", 0x10: "ack"}
_IMPOSSIBLE = ("null", "fin", "xmas")
_TRACEROUTE = (33434, 33534)  # the ports of traceroute, one for each hop and try


_RETRIES = 20  # of one port by one scan: nmap's --max-retries is 10, and each may come twice
_TOGETHER = 15 * MINUTE  # what was not found on the link belongs to what was asked, where all of it took no longer


def _fruitless(talks: Rows) -> Array:
    quiet: Array = (talks.octets == 0) & (talks.answer_octets == 0)
    return quiet


def _styled(tables: Tables) -> dict[str, Array]:
    """Rows that may be probes, by how they probe."""
    if "styled" not in tables.shared:
        tables.shared["styled"] = _find_styled(tables.talks)
    found: dict[str, Array] = tables.shared["styled"]
    return found


def _find_styled(talks: Rows) -> dict[str, Array]:
    tcp = (talks.protocol == TCP) & _fruitless(talks)
    flags = talks.flags & 0x3F
    found = {name: np.flatnonzero(tcp & (flags == value)) for value, name in _STYLES.items()}
    for name in _IMPOSSIBLE:
        rows = found[name]
        found[name] = rows[talks.syns[rows] == 0]
    rows = found["ack"]
    alone = (talks.syns[rows] == 0) & (talks.syn_acks[rows] == 0) & (talks.packets[rows] <= 3)
    found["ack"] = rows[alone & (talks.answer_resets[rows] == talks.answers[rows])]
    udp = (talks.protocol == UDP) & (talks.answers == 0)
    udp &= (talks.port < _TRACEROUTE[0]) | (talks.port > _TRACEROUTE[1])
    udp &= (talks.source_port >= 1024) | (talks.port < 1024)  # else an answer whose question is not in the capture
    rows = np.flatnonzero(udp)
    targets, place = np.unique(talks.target[rows], return_inverse=True)
    groups = np.array([is_group(talks.hosts[target]) for target in targets], dtype=bool)
    found["udp"] = rows[~groups[place]] if len(rows) else rows
    return found


def _named(style: str, talks: Rows, rows: Array) -> str:
    """A SYN scan leaves the handshake half done and is written by hand; connect() finishes it and has all options."""
    if style != "syn":
        return style
    answered = rows[talks.syn_acks[rows] > 0]
    if len(answered):
        return "connect" if 2 * np.count_nonzero(talks.acks[answered]) >= len(answered) else "syn"
    return "connect" if np.median(talks.header[rows]) >= 32 else "syn"


def _times(talks: Rows, rows: Array) -> tuple[int, int]:
    return int(talks.first_time[rows].min()), int(talks.last_time[rows].max())


def _facts(talks: Rows, rows: Array) -> dict[str, int]:
    return {
        "probes": int(talks.packets[rows].sum()),
        "open": int(np.count_nonzero(talks.syn_acks[rows])),
        "refused": int(np.count_nonzero(talks.answer_resets[rows] + talks.unreachable[rows])),
        "silent": int(np.count_nonzero((talks.answers[rows] == 0) & (talks.unreachable[rows] == 0))),
    }


def _first_probes(talks: Rows, rows: Array) -> tuple[Array, Array] | None:
    """The rows without the ports that are asked again and again, which is something else (a flood, a service that is
    down), and when each port left was first asked, ascending.
    """
    _, place, counts = np.unique(talks.port[rows], return_inverse=True, return_counts=True)
    rows = rows[counts[place] <= _RETRIES]
    if len(rows) < 2:
        return None
    rows = rows[np.argsort(talks.first_time[rows], kind="stable")]
    _, firsts = np.unique(talks.port[rows], return_index=True)
    return rows, np.sort(talks.first_time[rows][firsts])


def vertical(
    tables: Mapping[str, Frame], *, scan_ports: int = 15, scan_many: int = 100, scan_slow_pause: float = 1.0
) -> Iterator[Finding]:
    """Many ports of one host (``scan_syn``, ``_connect``, ``_fin``, ``_null``, ``_xmas``, ``_ack``, ``_udp``,
    ``_slow``).

    `scan_ports`: 15 ports without a use of any, as Zeek's scan policy has it: no program tries so many of one host.
    `scan_many`: from 100 on it is no accident. `scan_slow_pause`: seconds between probes from which a scan with SYN or
    UDP is slow: below the default rates of scanners by orders of magnitude, so somebody meant it. It takes as long as
    the capture (or the window).
    """
    every = rows_of(tables)
    talks = every.talks
    for style, which in _styled(every).items():
        for rows in large_groups(scan_ports, which, talks.source, talks.target):
            found = _first_probes(talks, rows)
            if found is None or len(found[1]) < scan_ports:
                continue
            rows, starts = found
            ports, (first, last) = len(starts), _times(talks, rows)
            pause = np.median(np.diff(starts)) / SECOND
            name = _named(style, talks, rows)
            high = style in _IMPOSSIBLE or ports >= scan_many
            slow = pause >= scan_slow_pause and style in ("syn", "udp")
            yield Finding(
                "scan_slow" if slow else f"scan_{name}", "high" if high else "medium", first, last,
                talks.hosts[talks.source[rows[0]]], talks.hosts[talks.target[rows[0]]], None,
                evidence(ports=ports, shape="vertical", style=name, **_facts(talks, rows), pause_s=float(pause),
                         which=listed(talks.port[rows])),
                _TECHNIQUE,
            )  # fmt: skip


def _unresolved(talks: Rows) -> dict[int, Array]:
    """Rows of ARP and neighbour questions that nobody answered, by who asked."""
    rows = np.flatnonzero((talks.protocol == RESOLVE) & (talks.answers == 0))
    return {int(talks.source[part[0]]): part for part in large_groups(5, rows, talks.source)}


def _targets(talks: Rows, rows: Array, asked: Array | None) -> tuple[int, int]:
    """Distinct targets, and of them those that were not even found on the link while it went on."""
    there = np.unique(talks.target[rows])
    first, last = talks.first_time[rows].min() - MINUTE, talks.first_time[rows].max() + MINUTE
    if asked is None or last - first > _TOGETHER:
        return len(there), 0
    near = asked[(talks.first_time[asked] >= first) & (talks.first_time[asked] <= last)]
    missing = np.setdiff1d(talks.target[near], there)
    return len(there) + len(missing), len(missing)


def _served(talks: Rows) -> tuple[Array, Array]:
    """Source and port as one number, ascending, and how many targets served the source there."""
    rows = np.flatnonzero((talks.protocol == TCP) & ((talks.octets > 0) | (talks.answer_octets > 0)))
    hosts = max(1, len(talks.hosts))  # at most 2^22, so that all three fit 63 bits
    triples = np.unique((talks.source[rows] << 16 | talks.port[rows]) * hosts + talks.target[rows])
    return np.unique(triples // hosts, return_counts=True)


def _count_of(pairs: tuple[Array, Array], source: int, port: int) -> int:
    place = int(np.searchsorted(pairs[0], source << 16 | port))
    return int(pairs[1][place]) if place < len(pairs[0]) and pairs[0][place] == source << 16 | port else 0


def horizontal(
    tables: Mapping[str, Frame], *, scan_hosts: int = 25, scan_seen: int = 5, scan_many_hosts: int = 256
) -> Iterator[Finding]:
    """One port of many hosts (``scan_sweep``), or many of many (``scan_block``).

    `scan_hosts`: 25, as Zeek's scan policy has it. On the own link hosts that do not exist show as ARP or neighbour
    questions alone; they count where at least `scan_seen` hosts were asked for the port. More hosts must have failed
    than have served the source on that port: of what people ask for nearly all is there, of what scanners do nearly
    nothing (Jung, Paxson, Berger and Balakrishnan 2004). `scan_many_hosts`: a /24.
    """
    every = rows_of(tables)
    talks = every.talks
    asked = _unresolved(talks)
    served = _served(talks)
    for style, which in _styled(every).items():
        found: dict[int, list[tuple[Array, int, int]]] = {}
        for rows in large_groups(scan_seen, which, talks.source, talks.port):
            source = int(talks.source[rows[0]])
            if distinct(talks.target[rows]) < scan_seen:
                continue
            count, missing = _targets(talks, rows, asked.get(source))
            # A handshake that was finished and left is a failure of the race that browsers let addresses run.
            raced = distinct(talks.target[rows[(talks.syn_acks[rows] > 0) & (talks.acks[rows] > 0)]])
            good = 0 if style == "udp" else _count_of(served, source, int(talks.port[rows[0]]))
            if count >= scan_hosts and count - raced > max(good, raced):
                found.setdefault(source, []).append((rows, count, missing))
        for source, parts in found.items():
            rows = np.concatenate([rows for rows, _, _ in parts])
            first, last = _times(talks, rows)
            hosts, missing = max(count for _, count, _ in parts), max(count for _, _, count in parts)
            ports = np.unique(talks.port[rows])
            yield Finding(
                "scan_block" if len(ports) > 2 else "scan_sweep", "high" if hosts >= scan_many_hosts else "medium",
                first, last, talks.hosts[source], None, int(ports[0]) if len(ports) == 1 else None,
                evidence(hosts=hosts, shape="horizontal" if len(ports) <= 2 else "block",
                         style=_named(style, talks, rows), ports=listed(ports), unresolved=missing,
                         **_facts(talks, rows)),
                _TECHNIQUE,
            )  # fmt: skip


def block(tables: Mapping[str, Frame], *, block_side: int = 5, block_pairs: int = 60) -> Iterator[Finding]:
    """Several ports of several hosts, neither many (``scan_block``).

    `block_side`: at least five of each; `block_pairs`: and as many pairs as four full vertical scans have ports, at
    least half of all there could be: a list of hosts times a list of ports, which no program but a scanner goes
    through.
    """
    every = rows_of(tables)
    talks = every.talks
    for style, which in _styled(every).items():
        for rows in large_groups(block_pairs, which, talks.source):
            hosts, ports = distinct(talks.target[rows]), distinct(talks.port[rows])
            pairs = distinct(talks.target[rows] << 16 | talks.port[rows])
            full = hosts >= block_side and ports >= block_side and 2 * pairs >= hosts * ports
            if not full or pairs < block_pairs or hosts >= 25 or ports >= 15:
                continue
            first, last = _times(talks, rows)
            yield Finding(
                "scan_block", "medium", first, last, talks.hosts[talks.source[rows[0]]], None, None,
                evidence(hosts=hosts, ports=ports, pairs=pairs, shape="block", style=_named(style, talks, rows),
                         **_facts(talks, rows)),
                _TECHNIQUE,
            )  # fmt: skip


def ping_sweep(
    tables: Mapping[str, Frame], *, sweep_hosts: int = 25, sweep_silent: float = 0.5, sweep_seen: int = 5
) -> Iterator[Finding]:
    """ICMP questions to many hosts (``icmp_sweep``), most of which are not there.

    `sweep_hosts`: as for ports. `sweep_silent`: a monitor asks hosts that exist; who looks for some asks those that do
    not. On the own link they show as unanswered ARP alone, behind at least `sweep_seen` that were asked.
    """
    talks = rows_of(tables).talks
    asked = _unresolved(talks)
    which = np.flatnonzero(np.isin(talks.protocol, ICMP) & (talks.data > 0))
    for rows in large_groups(sweep_seen, which, talks.source):
        source = int(talks.source[rows[0]])
        if distinct(talks.target[rows]) < sweep_seen:
            continue
        count, missing = _targets(talks, rows, asked.get(source))
        answered = distinct(talks.target[rows[talks.answers[rows] > 0]])
        if count < sweep_hosts or count - answered < sweep_silent * count:
            continue
        first, last = _times(talks, rows)
        yield Finding(
            "icmp_sweep", "medium", first, last, talks.hosts[source], None, None,
            evidence(hosts=count, answered=answered, unresolved=missing, probes=int(talks.packets[rows].sum())), _HOSTS,
        )  # fmt: skip


def arp_sweep(tables: Mapping[str, Frame], *, arp_hosts: int = 25, arp_minutes: float = 5) -> Iterator[Finding]:
    """ARP or neighbour questions for many addresses that nobody has (``arp_sweep``).

    `arp_hosts` within `arp_minutes`: a host asks for those it talks to. A router does so for whoever scans through it:
    what it is, not who; severity is low below a hundred.
    """
    talks = rows_of(tables).talks
    for rows in _unresolved(talks).values():
        if len(rows) < arp_hosts:
            continue
        count, begin, end = densest(talks.first_time[rows], np.ones(len(rows), np.int64), int(arp_minutes * MINUTE))
        if count < arp_hosts:
            continue
        ordered = rows[np.argsort(talks.first_time[rows], kind="stable")][begin : end + 1]
        first, last = _times(talks, ordered)
        yield Finding(
            "arp_sweep", "medium" if count >= 100 else "low", first, last,
            talks.hosts[talks.source[rows[0]]], None, None,
            evidence(hosts=count, questions=int(talks.packets[ordered].sum())), _HOSTS,
        )  # fmt: skip


def version(
    tables: Mapping[str, Frame], *, version_ports: int = 2, version_bare: int = 3, version_minutes: float = 10
) -> Iterator[Finding]:
    """Services of one host asked what they are (``scan_version``).

    A scanner first looks whether a port is open and then comes back to talk to it. `version_ports` ports of one host
    that were left half open (a handshake that no client's stack breaks off like that) and used within
    `version_minutes`; or `version_bare` that were opened and closed without a word before, as a monitor does that
    checks one service twice.
    """
    talks = rows_of(tables).talks
    which = np.flatnonzero((talks.protocol == TCP) & (talks.syn_acks > 0))
    for rows in large_groups(2 * version_ports, which, talks.source, talks.target):
        quiet = (talks.octets[rows] == 0) & (talks.answer_octets[rows] == 0)
        half = quiet & (talks.acks[rows] == 0) & (talks.resets[rows] > 0)
        used = rows[talks.octets[rows] > 0]
        for looked, least, style in (
            (rows[half], version_ports, "syn"),
            (rows[quiet & ~half], version_bare, "connect"),
        ):
            ports = np.intersect1d(talks.port[looked], talks.port[used])
            if len(ports) < least:
                continue
            near = np.concatenate((looked, used))
            near = near[np.isin(talks.port[near], ports)]
            first, last = _times(talks, near)
            if talks.first_time[near].max() - first > version_minutes * MINUTE:
                continue
            yield Finding(
                "scan_version", "medium", first, last, talks.hosts[talks.source[rows[0]]],
                talks.hosts[talks.target[rows[0]]], None,
                evidence(ports=len(ports), connections=len(near), style=style, which=listed(ports)), _TECHNIQUE,
            )  # fmt: skip
            break
