"""Who claims to be whom: ARP and neighbour advertisements, wireless networks and goodbyes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from ._detect_tables import evidence
from ._finding import Finding
from ._frame import Frame

_MOST = 1000  # findings of one rule: a capture of made-up addresses has no end of them


def _sightings(tables: Mapping[str, Frame], kind: str) -> list[tuple[Any, ...]]:
    frame = tables["sightings"]
    chosen = frame[frame["kind"] == kind]
    return list(chosen.rows("who", "what", "first_time", "last_time", "seen", "numbered", "unasked", "in_second"))


def arp_spoof(tables: Mapping[str, Frame], *, claims_unasked: int = 3) -> Iterator[Finding]:
    """One address claimed by two (``arp_spoof``).

    A hardware address that says at least `claims_unasked` times without being asked that it has an address, while
    another says so as well before and after or at the same time, or one that has an address of its own besides. High
    where both hold. A standby that takes over says so once or twice, for an address that the first no longer claims
    (VRRP has a hardware address of its own); DHCP gives an address anew when its holder is gone.
    """
    by_address: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    own: dict[str, set[str]] = defaultdict(set)
    for row in _sightings(tables, "claim"):
        by_address[row[1]].append(row)
    for address, rows in by_address.items():
        if len(rows) == 1:
            own[rows[0][0]].add(address)
    count = 0
    for address, rows in by_address.items():
        claims: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: row[6] - row[4]):
            claims[row[0]].append(row)
        if len(claims) == 1:
            continue
        # The owner is known by questions of its own, which a forger has no reason to ask in another's name.
        owners = [mine[0] for mine in islice(claims.values(), 2)]
        firsts, lasts = sorted(row[2] for row in rows), sorted(row[3] for row in rows)
        for who, _, first, last, seen, answers, unasked, _ in rows:
            if unasked < claims_unasked or count == _MOST:
                continue
            # Of all claims those are at the same time that neither begin later nor end before: by others, too?
            mine = sum(row[2] <= last and row[3] >= first for row in claims[who])
            disputed = bisect_right(firsts, last) - bisect_left(lasts, first) > mine
            rival = owners[owners[0][0] == who]
            if not disputed or seen - unasked > rival[4] - rival[6]:
                continue
            names = sorted(name for name in own[who] if (":" in name) == (":" in address))
            count += 1
            yield Finding(
                "arp_spoof", "high" if names or unasked >= 10 else "medium", first, last, names[0] if names else who,
                address, None,
                evidence(forger=who, owner=rival[0], claims=seen, unasked=unasked, answers=answers,
                         owner_claims=rival[4]),
                "T1557.002",
            )  # fmt: skip
    yield from _pushers(by_address, claims_unasked)


def _pushers(by_address: Mapping[str, list[tuple[Any, ...]]], unasked_least: int) -> Iterator[Finding]:
    """Who tells others unasked that several addresses are its own, and never asks in their names: the owners are not in
    the capture, and nobody but a forger goes on telling them.
    """
    pushed: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for rows in by_address.values():
        if len(rows) == 1 and rows[0][6] >= 3 * unasked_least and rows[0][6] == rows[0][4]:
            pushed[rows[0][0]].append(rows[0])
    for who, rows in list(pushed.items())[:_MOST]:
        if len({":" in row[1] for row in rows}) == 1 and len(rows) > 1:
            for _, address, first, last, seen, answers, unasked, _ in rows:
                facts = evidence(forger=who, claims=seen, unasked=unasked, answers=answers, addresses=len(rows))
                yield Finding("arp_spoof", "medium", first, last, who, address, None, facts, "T1557.002")


def deauth_flood(tables: Mapping[str, Frame], *, deauth_total: int = 30, deauth_per_s: int = 10) -> Iterator[Finding]:
    """Wireless goodbyes by the dozen (``deauth_flood``).

    `deauth_total` from one station to one (or all), `deauth_per_s` in one second: who leaves says so once, repeated by
    the radio at most seven times (IEEE 802.11 dot11ShortRetryLimit); tools send 64 and more at a time.
    """
    for who, what, first, last, seen, disassociations, _, most in _sightings(tables, "goodbye")[:_MOST]:
        if seen >= deauth_total and most >= deauth_per_s:
            yield Finding(
                "deauth_flood", "high", first, last, who, what, None,
                evidence(frames=seen, disassociations=disassociations, peak_per_s=most), "T1499.002",
            )  # fmt: skip


def many_access_points(
    tables: Mapping[str, Frame], *, ssid_makers: int = 3, ssid_points: int = 8, point_names: int = 8
) -> Iterator[Finding]:
    """One wireless name at many stations (``ssid_many_bssids``), or one station with many names (``bssid_many_ssids``).

    A house or company buys its radios from one maker: medium from `ssid_makers` first halves of hardware addresses (of
    those that are given out by IEEE) on with `ssid_points` stations, else low. `point_names`: a radio has four to eight
    names; one that answers to every name asked for has more.
    """
    names: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    points: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in _sightings(tables, "network"):
        names[row[1]].append(row)
        points[row[0]].append(row)
    for name, rows in sorted(names.items())[:_MOST]:
        if len(rows) < ssid_points:
            continue
        makers = {row[0][:8] for row in rows if not int(row[0][:2], 16) & 2}
        yield Finding(
            "ssid_many_bssids", "medium" if len(makers) >= ssid_makers else "low", min(row[2] for row in rows),
            max(row[3] for row in rows), None, None, None,
            evidence(bssids=len(rows), makers=len(makers), frames=sum(row[4] for row in rows), ssid=name), "T1557.004",
        )  # fmt: skip
    for point, rows in sorted(points.items())[:_MOST]:
        if len(rows) > point_names:
            yield Finding(
                "bssid_many_ssids", "medium", min(row[2] for row in rows), max(row[3] for row in rows),
                point, None, None, evidence(ssids=len(rows), frames=sum(row[4] for row in rows)), "T1557.004",
            )  # fmt: skip
