"""Floods: more than a service can take, by rate; and the slow kind, by how long so many are held open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ._detect_tables import (
    ICMP,
    SECOND,
    TCP,
    UDP,
    Array,
    Rows,
    Tables,
    densest,
    evidence,
    heavy_groups,
    is_group,
    large_groups,
    rows_of,
    runs,
)  # fmt: skip
from ._finding import Finding
from ._frame import Frame

_HARD, _SERVICE = "T1498.001", "T1499.001"
_HTTP = (80, 443, 8000, 8008, 8080, 8081, 8443, 8888)
_TLS = (443, 8443)
_LATEST = 2**63 - 1  # ns: no time is later


def _bursts(tables: Tables, protocols: tuple[int, ...], busy: Array) -> Iterator[Array]:
    """Rows of busy seconds by target and port, cut where it was quiet for three."""
    seconds = tables.seconds
    which = np.flatnonzero(np.isin(seconds.protocol, protocols) & busy)
    for rows in large_groups(1, which, seconds.target, seconds.port, seconds.protocol):
        rows = rows[np.argsort(seconds.time[rows], kind="stable")]
        for part in runs(seconds.time[rows], 4 * SECOND):
            yield rows[part]


def _who(talks: Rows, rows: Array) -> tuple[str | None, int]:
    """The source that sent at least four fifths of the packets, or None; how many sources there were."""
    if not len(rows):
        return None, 0
    sources, place = np.unique(talks.source[rows], return_inverse=True)
    packets = np.bincount(place, weights=talks.packets[rows])
    top = int(np.argmax(packets))
    return (talks.hosts[sources[top]] if packets[top] >= 0.8 * packets.sum() else None), len(sources)


def _talks_in(tables: Tables, rows: Array, protocols: tuple[int, ...], port: int | None) -> tuple[Array, int, int]:
    """The talks to the target of some busy seconds meanwhile, and when that was."""
    talks, seconds = tables.talks, tables.seconds
    begin, end = int(seconds.time[rows[0]]), min(int(seconds.time[rows[-1]]) + SECOND, _LATEST)
    found = tables.near(int(seconds.target[rows[0]]), begin, end)
    meant = np.isin(talks.protocol[found], protocols) & (talks.last_time[found] >= begin)
    if port is not None:
        meant &= talks.port[found] == port
    found = found[meant]
    if not len(found):
        return found, begin, end
    return found, max(begin, int(talks.first_time[found].min())), min(end, int(talks.last_time[found].max()))


def syn_flood(
    tables: Mapping[str, Frame], *, syn_rate: int = 100, syn_total: int = 300, syn_used: float = 0.1
) -> Iterator[Finding]:
    """Connections to one port begun and not used (``syn_flood``), from one source or many.

    `syn_rate` a second, `syn_total` in all: a backlog of 128 to 1,024 half-open connections, each held
    for a minute (RFC 4987), is full after seconds. `syn_used`: of a crowd that means it most go on to send something.
    """
    every = rows_of(tables)
    talks, seconds = every.talks, every.seconds
    busy = (seconds.syns >= syn_rate) & (seconds.carried < syn_used * seconds.syns)
    for rows in _bursts(every, (TCP,), busy):
        syns = int(seconds.syns[rows].sum())
        if syns < syn_total:
            continue
        port = int(seconds.port[rows[0]])
        near, first, last = _talks_in(every, rows, (TCP,), port)
        near = near[(talks.syns[near] > 0) & (talks.octets[near] == 0)]
        source, sources = _who(talks, near)
        yield Finding(
            "syn_flood", "high", first, last, source, talks.hosts[seconds.target[rows[0]]], port,
            evidence(syns=syns, peak_per_s=int(seconds.syns[rows].max()), seconds=len(rows), sources=sources,
                     answered=int(np.count_nonzero(talks.syn_acks[near])), used=int(seconds.carried[rows].sum())),
            _SERVICE,
        )  # fmt: skip


# Services that answer more than they are asked, to whoever is said to ask; 0 are the later fragments of such answers.
_AMPLIFIERS = (0, 17, 19, 53, 69, 111, 123, 137, 161, 389, 427, 500, 1194, 1900, 3283, 3389, 3478, 3702, 4500, 5353,
               5683, 10001, 11211, 27015, 27960, 30120, 33848, 37810, 47808)  # fmt: skip


def udp_flood(
    tables: Mapping[str, Frame],
    *,
    udp_rate: int = 500,
    udp_total: int = 1000,
    udp_answered: float = 0.05,
    udp_reflected: int = 100,
    udp_reflectors: int = 10,
) -> Iterator[Finding]:
    """Datagrams at one host that it does not answer (``udp_flood``).

    `udp_rate` a second, `udp_total` in all: ten voices, or a film, and more than a log server gets from its hosts.
    `udp_answered`: QUIC, games and DNS answer at least every tenth. Groups are streams and left out. Of answers that
    nobody asked for, most of them from ports of amplifiers and from `udp_reflectors` hosts, `udp_reflected` a second
    and three times as many in all do: a reflection.
    """
    every = rows_of(tables)
    talks, seconds = every.talks, every.seconds
    least = min(udp_rate, udp_reflected)
    busy = (seconds.packets >= least) & (seconds.answers < udp_answered * seconds.packets)
    for rows in _bursts(every, (UDP,), busy):
        packets, peak = int(seconds.packets[rows].sum()), int(seconds.packets[rows].max())
        target = talks.hosts[seconds.target[rows[0]]]
        if packets < min(udp_total, 3 * udp_reflected) or is_group(target):
            continue
        near, first, last = _talks_in(every, rows, (UDP,), None)
        source, sources = _who(talks, near)
        weights = talks.packets[near]
        reflected = int(weights[np.isin(talks.source_port[near], _AMPLIFIERS)].sum()) / max(1, int(weights.sum()))
        reflection = reflected > 0.5 and sources >= udp_reflectors
        fast = seconds.packets[rows][seconds.packets[rows] >= udp_rate]
        if not reflection and fast.sum() < udp_total:
            continue
        ports, place = np.unique(talks.port[near], return_inverse=True)
        by_port = np.bincount(place, weights=weights)
        main = int(ports[np.argmax(by_port)]) if len(ports) and by_port.max() >= 0.8 * by_port.sum() else None
        yield Finding(
            "udp_flood", "high" if reflection or peak >= 2 * udp_rate or len(rows) >= 3 else "medium", first, last,
            source, target, main,
            evidence(packets=packets, peak_per_s=peak, seconds=len(rows), sources=sources,
                     octets=int(seconds.octets[rows].sum()), unreachable=int(talks.unreachable[near].sum()),
                     reflected=reflected),
            "T1498.002" if reflection else _HARD,
        )  # fmt: skip


def icmp_flood(tables: Mapping[str, Frame], *, icmp_rate: int = 100, icmp_total: int = 300) -> Iterator[Finding]:
    """ICMP questions at one host (``icmp_flood``).

    `icmp_rate` a second, `icmp_total` in all: ping asks once a second, and 100 times is what ``ping -f`` does at least.
    """
    every = rows_of(tables)
    talks, seconds = every.talks, every.seconds
    for rows in _bursts(every, ICMP, seconds.packets >= icmp_rate):
        packets = int(seconds.packets[rows].sum())
        if packets < icmp_total:
            continue
        near, first, last = _talks_in(every, rows, ICMP, None)
        source, sources = _who(talks, near)
        yield Finding(
            "icmp_flood", "high", first, last, source, talks.hosts[seconds.target[rows[0]]], None,
            evidence(packets=packets, peak_per_s=int(seconds.packets[rows].max()), seconds=len(rows), sources=sources,
                     answers=int(seconds.answers[rows].sum()), octets=int(seconds.octets[rows].sum())),
            _HARD,
        )  # fmt: skip


def http_flood(tables: Mapping[str, Frame], *, http_rate: float = 20, http_seconds: float = 10) -> Iterator[Finding]:
    """HTTP requests of one source to one server (``http_flood``).

    `http_rate` a second over `http_seconds`: a page has some seventy parts (HTTP Archive) and is read for seconds, so a
    person makes a third of that, once. Of TLS connections are counted. A crowd is many sources with few requests each.
    """
    talks = rows_of(tables).talks
    span = int(http_seconds * SECOND)
    lasts = np.maximum(talks.last_time - talks.first_time, 1)
    # Of a connection that stays open no more than what falls into the span on average.
    weights = np.where(lasts > span, talks.requests * (span / lasts), talks.requests).astype(np.int64)
    tls = np.isin(talks.port, _TLS) & (talks.data > 0)
    weights = np.where(tls & (weights == 0), 1, weights)
    which = np.flatnonzero((talks.protocol == TCP) & (weights > 0))
    for rows in heavy_groups(http_rate * http_seconds, weights, which, talks.source, talks.target, talks.port):
        most, _, _ = densest(talks.first_time[rows], weights[rows], span)
        if most < http_rate * http_seconds:
            continue
        first, last = int(talks.first_time[rows].min()), int(talks.last_time[rows].max())
        yield Finding(
            "http_flood", "high" if most >= 2 * http_rate * http_seconds else "medium", first, last,
            talks.hosts[talks.source[rows[0]]], talks.hosts[talks.target[rows[0]]], int(talks.port[rows[0]]),
            evidence(requests=int(talks.requests[rows].sum()), connections=len(rows), densest=most,
                     per_s=most / http_seconds),
            "T1499.002",
        )  # fmt: skip


def _at_once(first: Array, last: Array) -> int:
    """How many of these spans overlap at most."""
    times = np.concatenate((first, last))
    steps = np.concatenate((np.ones(len(first), np.int64), -np.ones(len(last), np.int64)))
    return int(np.cumsum(steps[np.lexsort((-steps, times))]).max())


def slow_http(
    tables: Mapping[str, Frame], *, slow_open: int = 30, slow_seconds: float = 10, slow_octets: float = 200
) -> Iterator[Finding]:
    """Connections to a web server held open by a trickle (``slow_http``).

    `slow_open` at once from one source, each for at least `slow_seconds` with less than `slow_octets` a second and no
    whole answer: a browser opens six to a server and asks at once; Apache has 256 workers. Headers that never end and
    bodies that never do show as no answer, slow reading as closed windows.
    """
    talks = rows_of(tables).talks
    lasts = (talks.last_time - talks.first_time) / SECOND
    lone = (talks.answer_data == 0) | (talks.shut_windows > 2)
    web = np.isin(talks.port, _HTTP) | (talks.requests > 0)
    held = (talks.protocol == TCP) & web & (talks.acks > 0) & (talks.data > 0) & lone
    held &= (lasts >= slow_seconds) & (talks.octets < slow_octets * np.maximum(lasts, 1))
    for rows in large_groups(slow_open, np.flatnonzero(held), talks.source, talks.target, talks.port):
        open_ = _at_once(talks.first_time[rows], talks.last_time[rows])
        if open_ < slow_open:
            continue
        yield Finding(
            "slow_http", "high", int(talks.first_time[rows].min()), int(talks.last_time[rows].max()),
            talks.hosts[talks.source[rows[0]]], talks.hosts[talks.target[rows[0]]], int(talks.port[rows[0]]),
            evidence(open_at_once=open_, connections=len(rows), median_s=float(np.median(lasts[rows])),
                     octets_per_s=float(np.median(talks.octets[rows] / lasts[rows]))),
            "T1499.002",
        )  # fmt: skip
