"""Which addresses are one host's: those that its network card says are its own."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from typing import NamedTuple

from ._hosts_seen import Seen

_PRIVATE = ("10.", "192.168.", "169.254.", *(f"172.{n}." for n in range(16, 32)))
_LINK_LOCAL = ("169.254.", "fe8", "fe9", "fea", "feb")


class Host(NamedTuple):
    """One row: numbers of its addresses, its hardware addresses, and whether it passes on what others send."""

    addresses: list[int]
    macs: list[str]
    is_router: bool


def packed(address: str) -> bytes:
    """The octets: 4 or 16."""
    return ipaddress.ip_address(address).packed


def order(address: str) -> tuple[int, bytes]:
    """IPv4 before IPv6, each by octets."""
    octets = packed(address)
    return len(octets), octets


def _from_card(address: str, mac: str) -> bool:
    """Whether the last 8 octets of an IPv6 address are made of the hardware address (RFC 4291, appendix A)."""
    if ":" not in address:
        return False
    card = bytes.fromhex(mac.replace(":", ""))
    made = bytes([card[0] ^ 2]) + card[1:3] + b"\xff\xfe" + card[3:]
    return packed(address)[8:] == made


def _routes(foreign: list[str]) -> bool:
    """Whether it sends for others, by the addresses it sent from that nothing says are its own: from a public one of
    IPv4, from two private ones, or from two networks of IPv6.
    """
    four = [address for address in foreign if ":" not in address]
    networks = {packed(address)[:8] for address in foreign if ":" in address}
    return len(four) > 1 or any(not address.startswith(_PRIVATE) for address in four) or len(networks) > 1


def hosts_of(seen: Seen) -> list[Host]:
    """All hosts: by hardware address, those without one each by its address."""
    texts, macs = list(seen.hosts.places), list(seen.macs.places)
    sent: dict[str, dict[int, int]] = defaultdict(dict)
    for key, count in zip(seen.from_mac.keys.tolist(), seen.from_mac.counts.tolist(), strict=True):
        sent[macs[key >> 32]][key & 0xFFFFFFFF] = count
    own: dict[str, set[int]] = defaultdict(set)
    for mac, who in seen.bound:
        own[mac].add(who)
    for mac, who in seen.wished:
        if who in sent.get(mac, ()):
            own[mac].add(who)
    routers = set()
    for mac, found in sent.items():
        own[mac].update(who for who in found if texts[who].startswith(_LINK_LOCAL) or _from_card(texts[who], mac))
        foreign = [who for who in found if who not in own[mac]]
        if not _routes([texts[who] for who in foreign]):
            own[mac].update(foreign)
        elif len(foreign) > 1:
            routers.add(mac)
    return _rows(seen, sent, own, routers)


def _rows(seen: Seen, sent: dict[str, dict[int, int]], own: dict[str, set[int]], routers: set[str]) -> list[Host]:
    """An address that several hardware addresses call their own is with the one that sent most packets from it."""
    claims: dict[int, list[str]] = defaultdict(list)
    for mac, addresses in own.items():
        for who in addresses:
            claims[who].append(mac)
    grouped: dict[str, list[int]] = defaultdict(list)
    rows = []
    for who in range(len(seen.hosts)):
        if who in claims:
            best = min(claims[who], key=lambda mac: (-sent.get(mac, {}).get(who, 0), mac))
            grouped[best].append(who)
        else:
            rows.append(Host([who], [], False))
    named = {who for of_kind in seen.facts.of.values() for who in of_kind if isinstance(who, str)}
    for mac in dict.fromkeys([*grouped, *sorted(named | routers)]):
        mine = grouped.get(mac, [])
        cards = {mac, *(other for who in mine for other in claims[who])}
        if mine or not own.get(mac):
            rows.append(Host(mine, [mac, *sorted(cards - {mac})], bool(cards & routers)))
    return rows
