"""Guessing of passwords, by the rhythm of connections and by what is answered in clear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ._detect_tables import MINUTE, SECOND, TCP, Array, Rows, densest, evidence, heavy_groups, large_groups, rows_of
from ._finding import Finding
from ._frame import Frame

_TECHNIQUE = "T1110.001"
_SSH, _FTP, _RDP, _MAIL = (22, 2222), (21, 990), (3389,), (25, 465, 587)
_HTTP = (80, 443, 8000, 8008, 8080, 8081, 8443, 8888)
_TRIES = 6  # of one connection: OpenSSH's MaxAuthTries, and more than what others allow
_GRACE = 150 * SECOND  # a login takes no longer: OpenSSH's LoginGraceTime and some


def _login_like(talks: Rows, service: Array, most: int) -> Array:
    """Connections to a service that were opened, said something both ways, moved little and were closed soon."""
    small = (talks.octets <= most) & (talks.answer_octets <= most)
    used = (talks.data > 0) & (talks.answer_data > 0) & (talks.syns > 0)
    soon = talks.last_time - talks.first_time <= _GRACE
    closed = talks.fins + talks.answer_fins + talks.resets + talks.answer_resets > 0
    return np.flatnonzero((talks.protocol == TCP) & service & small & used & soon & closed)


def _guesses(talks: Rows, rows: Array) -> Array:
    """Of each connection how often its client went on after the server had let it wait, as for a wrong password."""
    tries: Array = np.clip(np.maximum(talks.bursts[rows] - 1, talks.denials[rows]), 1, _TRIES)
    return tries


def _finding(kind: str, severity: str, talks: Rows, near: Array, facts: Mapping[str, object]) -> Finding:
    return Finding(
        kind, severity, int(talks.first_time[near].min()), int(talks.last_time[near].max()),
        talks.hosts[talks.source[near[0]]], talks.hosts[talks.target[near[0]]], int(talks.port[near[0]]),
        evidence(**facts), _TECHNIQUE,
    )  # fmt: skip


def _brute(
    kind: str, talks: Rows, which: Array, waits: Array, guesses: int, quick: int, minutes: float
) -> Iterator[Finding]:
    """Waiting guesses are told at `guesses`; connections that never waited, which may be a script, at `quick`."""
    for rows in large_groups(2, which, talks.source, talks.target, talks.port):
        tried = _guesses(talks, rows)
        waited = waits[rows]
        ordered = rows[np.argsort(talks.first_time[rows], kind="stable")]
        span = int(minutes * MINUTE)
        most, begin, end = densest(talks.first_time[rows], np.where(waited, tried, 0), span)
        severity = "high" if most >= 2 * guesses else "medium"
        if most < guesses or np.count_nonzero(waited) < 2:
            most, begin, end = densest(talks.first_time[rows], np.ones(len(rows), np.int64), span)
            severity = "medium"
            if most < quick:
                continue
        near = ordered[begin : end + 1]
        starts = np.diff(np.sort(talks.first_time[near])) / SECOND
        yield _finding(kind, severity, talks, near, {
            "guesses": most, "connections": len(near), "refused": int(talks.denials[near].sum()),
            "median_s": float(np.median(talks.last_time[near] - talks.first_time[near]) / SECOND),
            "median_pause_s": float(np.median(starts)) if len(starts) else 0.0,
            "median_octets": int(np.median(talks.answer_octets[near])), "all_connections": len(rows),
        })  # fmt: skip


def ssh_brute(
    tables: Mapping[str, Frame], *, ssh_guesses: int = 10, ssh_quick: int = 60, login_minutes: float = 10
) -> Iterator[Finding]:
    """Many short SSH connections of one source to one server (``ssh_brute``).

    `ssh_guesses` within `login_minutes`: twice what fail2ban (five in ten minutes) allows a person. A guess is a
    pause of 1.5 s and more that the server makes (PAM waits two seconds after a wrong password). Servers that do not
    wait look like a script that logs in: `ssh_quick` connections, one every ten seconds, are told, at most as medium.
    A login moves under 6,000 octets either way, key exchange included; a session that does anything more.
    """
    talks = rows_of(tables).talks
    ssh = np.isin(talks.port, _SSH) | (talks.banners > 0)
    which = _login_like(talks, ssh & (talks.data <= 8 + 3 * talks.bursts), 6000)
    waits = (talks.bursts > 1) | (talks.last_time - talks.first_time >= 1.5 * SECOND)
    yield from _brute("ssh_brute", talks, which, waits, ssh_guesses, ssh_quick, login_minutes)


def ftp_brute(
    tables: Mapping[str, Frame], *, ftp_guesses: int = 10, ftp_quick: int = 60, login_minutes: float = 10
) -> Iterator[Finding]:
    """Refused logins (530) of one source at one FTP server, or pauses as of SSH behind TLS (``ftp_brute``)."""
    talks = rows_of(tables).talks
    service = np.isin(talks.port, _FTP) | ((talks.denials > 0) & (talks.requests == 0) & ~np.isin(talks.port, _MAIL))
    waits = (talks.bursts > 1) | (talks.denials > 0)
    which = _login_like(talks, service, 8000)
    yield from _brute("ftp_brute", talks, which, waits, ftp_guesses, ftp_quick, login_minutes)


def rdp_brute(
    tables: Mapping[str, Frame], *, rdp_guesses: int = 20, rdp_quick: int = 20, login_minutes: float = 10
) -> Iterator[Finding]:
    """Many short RDP connections of one source to one server (``rdp_brute``).

    Every guess is a connection of its own, of a few thousand octets (TLS, CredSSP); people connect now and then:
    `rdp_quick` within `login_minutes` is two a minute.
    """
    talks = rows_of(tables).talks
    waits = (talks.bursts > 1) | (talks.denials > 0)
    which = _login_like(talks, np.isin(talks.port, _RDP), 16000)
    yield from _brute("rdp_brute", talks, which, waits, rdp_guesses, rdp_quick, login_minutes)


def http_brute(
    tables: Mapping[str, Frame], *, http_denials: int = 20, http_posts: int = 60, http_minutes: float = 1
) -> Iterator[Finding]:
    """Refused requests (401, 403), or forms sent again and again, of one source to one web server (``http_brute``).

    `http_denials` within `http_minutes`: a person gives up before, and a browser with a ticket is refused once or
    twice per connection. `http_posts`: a form sent every second for a minute with small answers; programs do so as
    well, so it is low where nothing was refused.
    """
    talks = rows_of(tables).talks
    span = int(http_minutes * MINUTE)
    used = (talks.protocol == TCP) & (talks.requests > 0)
    either = np.maximum(talks.denials / max(1, http_denials), talks.posts / max(1, http_posts))
    for rows in heavy_groups(1, either, np.flatnonzero(used), talks.source, talks.target, talks.port):
        denials, posts = talks.denials[rows], talks.posts[rows]
        denied, begin, end = densest(talks.first_time[rows], denials, span)
        severity = "high" if denied >= 2 * http_denials else "medium"
        if denied < http_denials or 2 * denials.sum() < talks.requests[rows].sum():
            small = np.where(talks.answer_octets[rows] < 4000 * np.maximum(talks.requests[rows], 1), posts, 0)
            sent, begin, end = densest(talks.first_time[rows], small, span)
            severity = "low"
            if sent < http_posts:
                continue
        near = rows[np.argsort(talks.first_time[rows], kind="stable")][begin : end + 1]
        yield _finding("http_brute", severity, talks, near, {
            "refused": int(talks.denials[near].sum()), "posts": int(talks.posts[near].sum()),
            "requests": int(talks.requests[near].sum()), "connections": len(near),
        })  # fmt: skip
