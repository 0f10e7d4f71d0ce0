"""What a host does again and again, and what it gives away: beacons, uploads, tunnels in ICMP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ._detect_tables import ICMP, SECOND, TCP, UDP, Array, Rows, evidence, is_group, is_local, large_groups, rows_of
from ._finding import Finding
from ._frame import Frame

_LOOKUPS = (53, 67, 68, 123, 137, 138, 161, 514, 1900, 5353, 5355)  # services that are asked by the clock by themselves


def _middle(values: Array) -> float:
    """The median; numpy.median takes ten times as long for a few dozen values, and there are thousands of them."""
    ordered, half = np.sort(values), len(values) // 2
    return float(ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def rhythm(starts: Array, merge: int = SECOND) -> tuple[float, float, float, int] | None:
    """Period (s), jitter, share of pauses that fit, and beats of start times (ns); None where there is no rhythm to
    see.

    What starts within `merge` of a start is of the same beat. The period is the median pause, made anew from what
    fits it; a pause of several periods is one with beats missed. Jitter is the median distance from a whole number of
    periods, in periods: 0.25 of what has no rhythm.
    """
    ordered = np.sort(starts)
    beats = ordered[np.concatenate(([True], np.diff(ordered) > merge))]
    pauses = np.diff(beats) / SECOND
    if len(pauses) < 2:
        return None
    period = _middle(pauses)
    for _ in range(2):
        whole = np.maximum(1, np.round(pauses / period))
        period = _middle(pauses / whole)
    whole = np.maximum(1, np.round(pauses / period))
    off = np.abs(pauses - whole * period) / period
    fits = float(np.mean((off <= 0.3) & (whole <= 4)))
    return period, _middle(off), fits, len(beats)


def beacon(
    tables: Mapping[str, Frame],
    *,
    beacon_beats: int = 6,
    beacon_fits: float = 0.75,
    beacon_jitter: float = 0.2,
    beacon_period: float = 2.0,
) -> Iterator[Finding]:
    """Connections of one source to one service at even pauses (``beacon``).

    `beacon_fits` and `beacon_jitter`: three quarters of the pauses within 30 % of a whole number of periods, and
    their median within 20 %. Of random (Poisson) callers 1 in 120 does so with twelve beats, of those that draw their
    sleep from within 30 % of the period 9 in 10 (both simulated). Fewer beats must be more even: from eight on 0.8
    and 0.15 (1 in 50), from `beacon_beats` on all pauses and 0.05. `beacon_period`, seconds: what comes faster is one
    piece of work. Updates, monitors and mail do the same: medium to addresses outside, low inside and for services
    that are asked by the clock anyway.
    """
    talks = rows_of(tables).talks
    which = np.flatnonzero(np.isin(talks.protocol, (TCP, UDP)) & (talks.data > 0) & (talks.answers > 0))
    for rows in large_groups(beacon_beats, which, talks.source, talks.target, talks.port, talks.protocol):
        found = rhythm(talks.first_time[rows])
        if found is None:
            continue
        period, jitter, fits, beats = found
        share, spread = (0.0, 1.0) if beats >= 12 else (0.8, 0.15) if beats >= 8 else (1.0, 0.05)
        even = fits >= max(beacon_fits, share) and jitter <= min(beacon_jitter, spread)
        if beats >= beacon_beats and period >= beacon_period and even:
            yield _beacon(talks, rows, period, jitter, fits, beats, "connections")
    yield from _within(talks, max(8, beacon_beats), beacon_period)


def _within(talks: Rows, least: int, shortest: float) -> Iterator[Finding]:
    """The same within one long connection: its client speaks up at even pauses."""
    count = np.maximum(talks.bursts - 1, 1)
    mean = talks.gap_sum / count / 1000
    spread = np.sqrt(np.maximum(talks.gap_squares.astype(np.float64) / count / 1e6 - mean**2, 0))
    even = (talks.bursts >= 2 * least) & (mean >= shortest) & (spread <= 0.25 * mean)
    even &= np.isin(talks.protocol, (TCP, UDP)) & (talks.answers > 0)
    for row in np.flatnonzero(even):
        jitter = float(spread[row] / mean[row])
        yield _beacon(talks, np.array([row]), float(mean[row]), jitter, 1.0, int(talks.bursts[row]), "one connection")


def _beacon(talks: Rows, rows: Array, period: float, jitter: float, fits: float, beats: int, shape: str) -> Finding:
    source, target = talks.hosts[talks.source[rows[0]]], talks.hosts[talks.target[rows[0]]]
    port = int(talks.port[rows[0]])
    usual = is_local(target) or is_group(target) or port in _LOOKUPS
    return Finding(
        "beacon", "low" if usual else "medium", int(talks.first_time[rows].min()), int(talks.last_time[rows].max()),
        source, target, port,
        evidence(period_s=period, jitter=jitter, fits=fits, beats=beats, shape=shape,
                 octets=int(talks.octets[rows].sum()), answer_octets=int(talks.answer_octets[rows].sum())),
        "T1071.001" if port in (80, 443, 8080, 8443) else "T1095" if usual else "T1571",
    )  # fmt: skip


def upload(
    tables: Mapping[str, Frame],
    *,
    upload_octets: int = 1_000_000,
    upload_ratio: float = 10,
    upload_huge: int = 1_000_000_000,
) -> Iterator[Finding]:
    """More sent than got (``exfil``).

    `upload_octets` of one source to one address: more than forms, mail without attachments and telemetry.
    `upload_ratio`: browsing gets ten times what it sends; ten times the other way is a file that leaves. `upload_huge`:
    from a gigabyte to an address outside on severity is high; a backup is no different, but worth to know of.
    """
    talks = rows_of(tables).talks
    which = np.flatnonzero(np.isin(talks.protocol, (TCP, UDP)) & (talks.octets > 0))
    # Sums by pair first: captures have many pairs, and few are large.
    if not len(which):
        return
    pair = talks.source[which] * len(talks.hosts) + talks.target[which]
    _, place = np.unique(pair, return_inverse=True)
    sent = np.bincount(place, weights=talks.octets[which])
    got = np.bincount(place, weights=talks.answer_octets[which])
    large = np.flatnonzero((sent >= upload_octets) & (sent >= upload_ratio * got))
    for rows in large_groups(1, which[np.isin(place, large)], talks.source, talks.target):
        source, target = talks.hosts[talks.source[rows[0]]], talks.hosts[talks.target[rows[0]]]
        if is_group(target):
            continue
        octets, back = int(talks.octets[rows].sum()), int(talks.answer_octets[rows].sum())
        heavy = rows[np.argmax(talks.octets[rows])]
        seconds = max(1.0, float(talks.last_time[rows].max() - talks.first_time[rows].min()) / SECOND)
        severity = "low" if is_local(target) else "high" if octets >= upload_huge else "medium"
        yield Finding(
            "exfil", severity, int(talks.first_time[rows].min()), int(talks.last_time[rows].max()), source, target,
            int(talks.port[heavy]),
            evidence(octets=octets, answer_octets=back, ratio=octets / max(1, back), connections=len(rows),
                     per_s=octets / seconds),
            "T1048",
        )  # fmt: skip


def icmp_tunnel(
    tables: Mapping[str, Frame], *, echo_packets: int = 20, echo_octets: int = 2000, echo_unlike: float = 0.1
) -> Iterator[Finding]:
    """Echo requests that carry more than echoes (``icmp_tunnel``).

    An answer carries what the question did (RFC 792), so where octets both ways differ by more than `echo_unlike`,
    while nearly all was answered, somebody else answers: high. Questions of many sizes, each answered in kind, are
    medium: a search for the path's largest packet asks some ten times. `echo_packets` and `echo_octets`: less is no
    use.
    """
    talks = rows_of(tables).talks
    least = (talks.data >= echo_packets) & (talks.answer_data > 0)
    echo = np.isin(talks.protocol, ICMP) & least & (talks.octets + talks.answer_octets >= echo_octets)
    for row in np.flatnonzero(echo):
        sent, got = int(talks.octets[row]), int(talks.answer_octets[row])
        answered = talks.answer_data[row] >= 0.5 * talks.data[row]
        # Per packet, so that an answer that was lost does not matter.
        unlike = abs(sent / talks.data[row] - got / talks.answer_data[row]) / max(1.0, sent / talks.data[row])
        # An answer larger than any question, or smaller than all, is the echo of none.
        beyond = talks.answer_most[row] > talks.most[row] or talks.answer_least[row] < talks.least[row]
        other = beyond or (talks.most[row] != talks.answer_most[row] and unlike > echo_unlike)
        range_ = int(talks.most[row] - talks.least[row])
        if not (answered and other) and range_ < 64:
            continue
        yield Finding(
            "icmp_tunnel", "high" if answered and other else "medium", int(talks.first_time[row]),
            int(talks.last_time[row]), talks.hosts[talks.source[row]], talks.hosts[talks.target[row]], None,
            evidence(questions=int(talks.data[row]), answers=int(talks.answer_data[row]), octets=sent,
                     answer_octets=got, least=int(talks.least[row]), most=int(talks.most[row]),
                     answer_most=int(talks.answer_most[row]), unlike=float(unlike)),
            "T1095",
        )  # fmt: skip


def heartbleed(tables: Mapping[str, Frame], *, heartbeats: int = 1) -> Iterator[Finding]:
    """TLS heartbeats that claim more than they carry (``heartbleed``): RFC 6520 lets nobody answer them,
    CVE-2014-0160 did.

    `heartbeats`: one is enough; no program sends it by accident. Low where nothing of size came back.
    """
    talks = rows_of(tables).talks
    for rows in large_groups(
        1, np.flatnonzero(talks.overclaims >= max(1, heartbeats)), talks.source, talks.target, talks.port
    ):
        got = int(talks.answer_octets[rows].sum())
        yield Finding(
            "heartbleed", "high", int(talks.first_time[rows].min()), int(talks.last_time[rows].max()),
            talks.hosts[talks.source[rows[0]]], talks.hosts[talks.target[rows[0]]], int(talks.port[rows[0]]),
            evidence(heartbeats=int(talks.overclaims[rows].sum()), connections=len(rows),
                     octets=int(talks.octets[rows].sum()), answer_octets=got),
            "T1190",
        )  # fmt: skip
