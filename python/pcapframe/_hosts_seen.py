"""What one pass sees of hosts: who sent what to whom, from which hardware address, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ._frame import Frame
    from ._frame_column import Column

_Array = np.ndarray[Any, Any]

MOST_HOSTS = 1 << 20  # addresses, as many as flows are kept open; three of a host's numbers fit 64 bits with a port
MOST_MACS = 1 << 16  # a large site has some thousands in one broadcast domain; who makes them up has more
MOST_PAIRS = 1 << 22  # conversations, 8 octets each, and half as many requests to a port and answers from one
MOST_FACTS = 1 << 20  # names and the like, of all hosts,
MOST_OF_ONE = 256  # of one kind of one host,
MOST_TEXT = 256  # and characters of each: 253 is the longest name in DNS

NEVER = np.iinfo(np.int64)  # its max is the first time, its min the last, of what has no time

_KERBEROS_CLIENTS = {10}  # messages that a client sends: the others come to it
_KERBEROS_ANSWERS = {11, 13, 30}
_DHCP_REQUEST, _DHCP_ACKNOWLEDGMENT = 3, 5
_REGISTRATIONS = {5, 8, 9}  # operations of NetBIOS names
_MULTICAST_DNS = (5353, 5355)

_WHO = [
    "frame_time", "frame_len", "eth_src", "eth_dst", "ip_src", "ip_dst", "ip_proto", "srcport", "dstport", "tcp_flags",
]  # fmt: skip
_ARP = ["arp_src_hw_mac", "arp_src_proto_ipv4"]
_DHCP = [
    "dhcp_type", "dhcp_hw_mac_addr", "dhcp_ip_client", "dhcp_ip_your", "dhcp_option_dhcp", "dhcp_option_hostname",
    "dhcp_fqdn_name", "dhcp_option_vendor_class_id", "dhcp_option_requested_ip_address", "dhcp_option_router",
    "dhcp_option_domain_name",
]  # fmt: skip
_NBNS = ["nbns_flags_response", "nbns_flags_opcode", "nbns_name", "nbns_addr", "nbns_nb_flags_group"]
_KERBEROS = ["kerberos_msg_type", "kerberos_cnamestring", "kerberos_crealm", "kerberos_realm"]
_LOGIN = {"ntlmssp_auth_username": "users", "ntlmssp_auth_domain": "domains", "ntlmssp_auth_hostname": "names"}
_SERVER = ("nb_computer_name", "dns_computer_name", "nb_domain_name", "dns_domain_name")
_SERVERS = [f"ntlmssp_challenge_target_info_{name}" for name in _SERVER]
COLUMNS = [
    *_WHO, *_ARP, *_DHCP, *_NBNS, *_KERBEROS, *_LOGIN, *_SERVERS, "dns_answers", "http_user_agent", "http_host",
    "tls_handshake_extensions_server_name",
]  # fmt: skip


def is_host(address: str) -> bool:
    """Whether an address can be one host's: none of multicast or broadcast, nor the unspecified one."""
    head = address.partition(":")[0]
    if "." in head:
        return address != "0.0.0.0" and int(head.partition(".")[0]) < 224
    return address != "::" and not (len(head) == 4 and head.startswith("ff"))


def is_group(mac: str) -> bool:
    """Whether a hardware address is that of a group (its lowest bit in the first octet), or none."""
    return int(mac[1], 16) & 1 == 1 or mac == "00:00:00:00:00:00"


class Numbers:
    """Texts numbered in order of first appearance, so many at most. -1 stands for those that are not wanted, -2 for
    those there was no room for.
    """

    def __init__(self, most: int, wanted: Any) -> None:
        self.places: dict[str, int] = {}
        self._most, self._wanted = most, wanted

    def __len__(self) -> int:
        return len(self.places)

    def of(self, text: str | None) -> int:
        if text is None:
            return -1
        place = self.places.get(text)
        if place is None:
            if not self._wanted(text):
                return -1
            if len(self.places) == self._most:
                return -2
            place = self.places[text] = len(self.places)
        return place

    def of_column(self, column: Column) -> _Array:
        """The number of each row's text, -1 where it is null."""
        table = np.array([*map(self.of, column.categories), -1], dtype=np.int64)
        return table[column.codes if column.valid is None else np.where(column.valid, column.codes, -1)]


class Tally:
    """How often each of at most `most` keys (int64, from 0 on) was there; of those beyond none is counted."""

    def __init__(self, most: int) -> None:
        self.keys = np.zeros(0, dtype=np.int64)
        self.counts = np.zeros(0, dtype=np.int64)
        self.left_out = 0
        self._most = most

    def add(self, keys: _Array) -> None:
        if len(keys):
            self._merge(*np.unique(keys, return_counts=True))

    def _merge(self, keys: _Array, counts: _Array) -> None:
        places = np.searchsorted(self.keys, keys)
        known = np.zeros(len(keys), dtype=bool)
        inside = places < len(self.keys)
        known[inside] = self.keys[places[inside]] == keys[inside]
        self.counts[places[known]] += counts[known]
        fresh, more = keys[~known], counts[~known]
        room = self._most - len(self.keys)
        self.left_out += int(more[room:].sum())
        if room and len(fresh):
            at = np.searchsorted(self.keys, fresh[:room])
            self.keys = np.insert(self.keys, at, fresh[:room])
            self.counts = np.insert(self.counts, at, more[:room])


class Facts:
    """What hosts are called and the like: texts by kind and by whom, a number of an address or a hardware address."""

    def __init__(self) -> None:
        self.of: dict[str, dict[int | str, dict[str, None]]] = {}
        self.left_out = 0
        self._count = 0

    def add(self, kind: str, who: int | str, text: str | None) -> None:
        if not text or (isinstance(who, int) and who < 0):
            return
        found = self.of.setdefault(kind, {}).setdefault(who, {})
        text = text[:MOST_TEXT]
        if text in found:
            return
        if len(found) == MOST_OF_ONE or self._count == MOST_FACTS:
            self.left_out += 1
            return
        found[text] = None
        self._count += 1


class Times(NamedTuple):
    """First and last time (ns) of each of some numbers; NEVER where none was told."""

    first: _Array = np.zeros(0, np.int64)
    last: _Array = np.zeros(0, np.int64)

    def grown(self, size: int) -> Times:
        return Times(_grown(self.first, size, NEVER.max), _grown(self.last, size, NEVER.min))

    def add(self, who: _Array, column: Column) -> None:
        there = (who >= 0) & _valid(column)
        mine, times = who[there], column.values[there]
        np.minimum.at(self.first, mine, times)
        np.maximum.at(self.last, mine, times)


def _grown(values: _Array, size: int, fill: int) -> _Array:
    return np.concatenate([values, np.full(size - len(values), fill, dtype=values.dtype)])


def _sums(who: _Array, weights: _Array, size: int) -> _Array:
    """Octets per host: exact, for a batch has far fewer than 2^53."""
    return np.bincount(who, weights=weights, minlength=size).astype(np.uint64)


class Seen:
    """All that is kept while a capture is read. Batches come in file order, so that what the bounds leave out is the
    same in every run.
    """

    def __init__(self) -> None:
        self.hosts = Numbers(MOST_HOSTS, is_host)
        self.macs = Numbers(MOST_MACS, lambda mac: not is_group(mac))
        self.sent, self.sent_octets, self.received, self.received_octets = (np.zeros(0, np.uint64) for _ in range(4))
        self.times = Times()  # of packets that a host sent or got,
        self.mac_times = Times()  # and of frames from a hardware address that come from no host's address
        self.opened = np.zeros(0, np.int64)  # connections that it began
        self.pairs = Tally(MOST_PAIRS)  # sender << 32 | receiver
        self.from_mac = Tally(MOST_PAIRS // 2)  # hardware address << 32 | sender
        self.accepted = Tally(MOST_PAIRS // 2)  # server << 16 | port: connections that it took
        self.asked = Tally(MOST_PAIRS // 2)  # client << 36 | server << 16 | port of datagrams to the lower port,
        self.answered = Tally(MOST_PAIRS // 2)  # and the same of those from it
        self.bound: dict[tuple[str, int], None] = {}  # hardware address and the address it says is its own
        self.wished: dict[tuple[str, int], None] = {}  # and the one that it asked DHCP for
        self.facts = Facts()
        self.packets_left_out = 0

    @property
    def left_out(self) -> dict[str, int]:
        """What the bounds left out; empty where that is nothing."""
        tallies = (self.pairs, self.from_mac, self.accepted, self.asked, self.answered)
        counts = {
            "packets": self.packets_left_out,
            "conversations": sum(tally.left_out for tally in tallies),
            "names": self.facts.left_out,
        }
        return {what: count for what, count in counts.items() if count}

    def add(self, frame: Frame) -> None:
        """Take in one batch with the columns above."""
        source, target = self.hosts.of_column(frame["ip_src"]), self.hosts.of_column(frame["ip_dst"])
        self.packets_left_out += int(np.count_nonzero((source == -2) | (target == -2)))
        to_group = frame["eth_dst"]._by_text(is_group) & _valid(frame["eth_dst"])
        target = np.where(to_group, -1, target)  # a broadcast address of a network is nobody's
        self._names(frame, source, target)
        for mac, address in _tuples(frame, _ARP):
            self._bind(self.bound, mac, address)
        mac = self.macs.of_column(frame["eth_src"])
        known = (source >= 0) & (mac >= 0)
        self.from_mac.add(mac[known] << 32 | source[known])
        size = len(self.hosts)
        for name in ("sent", "sent_octets", "received", "received_octets", "opened"):
            setattr(self, name, _grown(getattr(self, name), size, 0))
        self.times, self.mac_times = self.times.grown(size), self.mac_times.grown(len(self.macs))
        self._volumes(frame, source, target, size)
        for who in (source, target):
            self.times.add(who, frame["frame_time"])
        self.mac_times.add(np.where(source < 0, mac, -1), frame["frame_time"])
        self._ports(frame, source, target)

    def _volumes(self, frame: Frame, source: _Array, target: _Array, size: int) -> None:
        octets = frame["frame_len"].values
        for who, packets, sums in ((source, "sent", "sent_octets"), (target, "received", "received_octets")):
            there = who >= 0
            mine = who[there]
            setattr(self, packets, getattr(self, packets) + np.bincount(mine, minlength=size).astype(np.uint64))
            setattr(self, sums, getattr(self, sums) + _sums(mine, octets[there], size))
        both = (source >= 0) & (target >= 0)
        self.pairs.add(source[both] << 32 | target[both])

    def _ports(self, frame: Frame, source: _Array, target: _Array) -> None:
        protocol = np.where(_valid(frame["ip_proto"]), frame["ip_proto"].values, 0)
        flags = np.where(_valid(frame["tcp_flags"]), frame["tcp_flags"].values, 0) & 0x17  # FIN, SYN, RST, ACK
        tcp = (protocol == 6) & (source >= 0)
        port_from, port_to = frame["srcport"].values.astype(np.int64), frame["dstport"].values.astype(np.int64)
        taken = tcp & (flags == 0x12)
        self.accepted.add(source[taken] << 16 | port_from[taken])
        self.opened += np.bincount(source[tcp & (flags == 0x02)], minlength=len(self.opened))
        udp = (protocol == 17) & (source >= 0) & (target >= 0) & _valid(frame["srcport"]) & _valid(frame["dstport"])
        to, back = udp & (port_to < port_from), udp & (port_from < port_to)
        self.asked.add(source[to] << 36 | target[to] << 16 | port_to[to])
        self.answered.add(target[back] << 36 | source[back] << 16 | port_from[back])

    # --- names -------------------------------------------------------------------------------------------------------

    def _names(self, frame: Frame, source: _Array, target: _Array) -> None:
        facts = self.facts
        for who, text in _said(frame["http_user_agent"], source):
            facts.add("agents", who, text)
        for who, text in _said(frame["http_host"], target):
            facts.add("asked_as", who, text)
        for kind, side in (("tls_names", source), ("asked_as", target)):
            for who, text in _said(frame["tls_handshake_extensions_server_name"], side):
                facts.add(kind, who, text)
        for column, kind in _LOGIN.items():
            for who, text in _said(frame[column], source):
                facts.add(kind, who, text)
        for sender, *server in _tuples(frame, _SERVERS, source):
            self._ntlm_server(sender, *server)
        for sender, receiver, *message in _tuples(frame, _KERBEROS, source, target):
            self._kerberos(sender, receiver, *message)
        for sender, *message in _tuples(frame, _DHCP, source):
            self._dhcp(sender, *message)
        for name in _tuples(frame, _NBNS):
            self._nbns(*name)
        answers = frame["dns_answers"]
        told = np.isin(frame["srcport"].values, _MULTICAST_DNS) & _valid(answers) & _valid(frame["srcport"])
        for text in dict.fromkeys(_texts(answers, np.flatnonzero(told))):
            self._addresses(text)

    def _bind(self, to: dict[tuple[str, int], None], mac: str | None, address: str | None) -> None:
        who = self.hosts.of(address)
        if mac is not None and who >= 0 and self.macs.of(mac) >= 0:
            if len(to) < MOST_HOSTS:
                to[mac, who] = None
            elif (mac, who) not in to:
                self.facts.left_out += 1

    def _dhcp(
        self, sender: int, kind: int, mac: str | None, client: str | None, your: str | None, message: int | None,
        name: str | None, full: str | None, vendor: str | None, wish: str | None, router: str | None,
        domain: str | None,
    ) -> None:  # fmt: skip
        facts = self.facts
        if mac is not None and self.macs.of(mac) >= 0:
            facts.add("names", mac, name)
            facts.add("names", mac, None if full is None else full.rstrip("."))
            facts.add("vendors", mac, vendor if kind == 1 else None)
            facts.add("domains", mac, domain)
        if kind == 1:
            self._bind(self.bound, mac, client)
            self._bind(self.wished, mac, wish if message == _DHCP_REQUEST else None)
            return
        facts.add("roles", sender, "dhcp server")
        facts.add("roles", self.hosts.of(router), "gateway")
        self._bind(self.bound, mac, your if message == _DHCP_ACKNOWLEDGMENT else None)

    def _nbns(self, response: int, operation: int, name: str | None, address: str | None, group: int | None) -> None:
        who = self.hosts.of(address)
        if name is None or not (operation == 0 if response else operation in _REGISTRATIONS):
            return
        text, suffix = name[:-4], name[-3:-1]
        if not group and suffix in ("00", "20"):
            self.facts.add("names", who, text)
        if group and suffix in ("00", "1c", "1e"):
            self.facts.add("domains", who, text)
        if group and suffix == "1c":
            self.facts.add("roles", who, "domain controller")

    def _kerberos(
        self, sender: int, receiver: int, kind: int | None, client: str | None, of_client: str | None, realm: str | None
    ) -> None:
        if kind in _KERBEROS_ANSWERS:
            self.facts.add("roles", sender, "domain controller")
            self.facts.add("domains", sender, realm)
        who = sender if kind in _KERBEROS_CLIENTS else receiver
        if client is None or kind not in _KERBEROS_CLIENTS | _KERBEROS_ANSWERS:
            return
        if client.endswith("$"):  # the account of a machine
            self.facts.add("names", who, client[:-1])
        else:
            self.facts.add("users", who, client)
        self.facts.add("domains", who, of_client or realm)

    def _ntlm_server(
        self, sender: int, name: str | None, full: str | None, domain: str | None, full_domain: str | None
    ) -> None:
        self.facts.add("names", sender, name)
        self.facts.add("names", sender, full)
        if domain != name:  # what is in no domain names itself
            self.facts.add("domains", sender, domain)
            self.facts.add("domains", sender, full_domain)

    def _addresses(self, answers: str) -> None:
        """Names in answers of mDNS and LLMNR, which come from the host itself."""
        for answer in answers.split("; "):
            words = answer.split(" ")
            if len(words) == 4 and words[1] in ("A", "AAAA"):
                self.facts.add("names", self.hosts.of(words[3]), words[0])


# --- columns ---------------------------------------------------------------------------------------------------------


def _valid(column: Column) -> _Array:
    return np.ones(len(column), dtype=bool) if column.valid is None else column.valid


def _texts(column: Column, rows: _Array) -> Iterator[str]:
    """The texts of some rows, without making all of them."""
    if column.kind == "text":
        categories = column.categories
        yield from (categories[code] for code in column.codes[rows].tolist())
        return
    assert column._octets is not None
    for begin, end in zip(column._values[rows].tolist(), column._values[rows + 1].tolist(), strict=True):
        yield column._octets[begin:end].tobytes().decode()


def _said(column: Column, who: _Array) -> Iterator[tuple[int, str]]:
    """Each host and text that are together in a row, once."""
    rows = np.flatnonzero(_valid(column) & (who >= 0))
    if column.kind == "text":
        keys = np.unique(who[rows] << 32 | column.codes[rows]).tolist()
        categories = column.categories
        yield from ((key >> 32, categories[key & 0xFFFFFFFF]) for key in keys)
    else:
        yield from dict.fromkeys(zip(who[rows].tolist(), _texts(column, rows), strict=True))


def _tuples(frame: Frame, names: list[str], *who: _Array) -> Iterator[tuple[Any, ...]]:
    """The different rows in which the first column that is named is not null, with the hosts before them."""
    rows = np.flatnonzero(_valid(frame[names[0]]))
    if not len(rows):
        return
    some = frame[rows]
    parts: list[list[Any]] = [numbers[rows].tolist() for numbers in who]
    parts += [some[name].tolist() for name in names]
    yield from dict.fromkeys(zip(*parts, strict=True))
