"""The twin of `Capture.hosts`, from docs/hosts.md: plain loops over rows of packets, each a dict of columns."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]

PRIVATE = [ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")]
LINK_LOCAL = [ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10")]
ROLES = ["gateway", "domain controller", "dhcp server", "dns server", "server", "client"]
LISTS = ["names", "users", "domains", "agents", "tls_names", "asked_as"]
FOLDED = {"names", "users", "domains"}


def within(address: str, networks: Iterable[Any]) -> bool:
    return any(ipaddress.ip_address(address) in network for network in networks)


def is_host(address: str | None) -> bool:
    if address is None or address in ("0.0.0.0", "::"):
        return False
    found = ipaddress.ip_address(address)
    return not (found.is_multicast or (found.version == 4 and int(found) >> 24 >= 224))


def is_card(mac: str | None) -> bool:
    return mac is not None and mac != "00:00:00:00:00:00" and not int(mac[:2], 16) & 1


def order(address: str) -> tuple[int, int]:
    found = ipaddress.ip_address(address)
    return found.version, int(found)


def listed(items: Iterable[str]) -> str | None:
    every = [item.replace("|", "\\124") for item in items]
    return " | ".join(every[:32] + ([f"+{len(every) - 32}"] if len(every) > 32 else [])) or None


class Hosts:
    def __init__(self, rows: Iterable[Row]) -> None:
        self.packets: Counter[str] = Counter()
        self.sums: dict[str, Counter[str]] = defaultdict(Counter)
        self.times: dict[str, list[int]] = defaultdict(list)  # by address and hardware address
        self.peers: dict[str, set[str]] = defaultdict(set)
        self.sent_from: dict[str, Counter[str]] = defaultdict(Counter)
        self.told: dict[str, set[str]] = defaultdict(set)  # hardware address: addresses that are its own by 1 and 2
        self.wished: dict[str, set[str]] = defaultdict(set)
        self.facts: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.services: dict[str, set[tuple[int, str]]] = defaultdict(set)
        self.asked: set[tuple[str, str, int]] = set()
        self.answered: set[tuple[str, str, int]] = set()
        self.clients: set[str] = set()
        self.bound: set[str] = set()
        for row in rows:
            self.add(row)
        for client, server, port in self.asked & self.answered:
            self.services[server].add((port, "udp"))
            self.clients.add(client)

    def say(self, kind: str, who: str | None, text: str | None, is_mac: bool = False) -> None:
        if text and (is_card(who) if is_mac else is_host(who)):
            assert who is not None
            self.facts[kind][who].add(text[:256])

    def bind(self, mac: str | None, address: str | None) -> None:
        if is_card(mac) and is_host(address):
            self.told[mac or ""].add(address or "")
            self.bound.add(address or "")

    def add(self, row: Row) -> None:
        source, target = row["ip_src"], row["ip_dst"]
        target = None if row["eth_dst"] is not None and not is_card(row["eth_dst"]) else target
        mac = row["eth_src"]
        for who, what in ((source, "sent"), (target, "received")):
            if is_host(who):
                self.packets[who] += 1
                self.sums[f"packets_{what}"][who] += 1
                self.sums[f"octets_{what}"][who] += row["frame_len"]
                self.times[who] += [] if row["frame_time"] is None else [row["frame_time"]]
        if is_host(source) and is_host(target):
            self.peers[source].add(target)
            self.peers[target].add(source)
        if is_card(mac) and is_host(source):
            self.sent_from[mac][source] += 1
        elif is_card(mac) and row["frame_time"] is not None:
            self.times[mac].append(row["frame_time"])
        self.ports(row, source, target)
        self.names(row, source, target)

    def ports(self, row: Row, source: str | None, target: str | None) -> None:
        flags = (row["tcp_flags"] or 0) & 0x17
        if row["ip_proto"] == 6 and is_host(source):
            if flags == 0x12:
                self.services[source or ""].add((row["srcport"] or 0, "tcp"))
            if flags == 0x02:
                self.clients.add(source or "")
        if (
            row["ip_proto"] == 17
            and is_host(source)
            and is_host(target)
            and None not in (row["srcport"], row["dstport"])
        ):
            if row["dstport"] < row["srcport"]:
                self.asked.add((source or "", target or "", row["dstport"]))
            if row["srcport"] < row["dstport"]:
                self.answered.add((target or "", source or "", row["srcport"]))

    def names(self, row: Row, source: str | None, target: str | None) -> None:
        if row["arp_src_hw_mac"] is not None:
            self.bind(row["arp_src_hw_mac"], row["arp_src_proto_ipv4"])
        self.say("agents", source, row["http_user_agent"])
        self.say("asked_as", target, row["http_host"])
        self.say("tls_names", source, row["tls_handshake_extensions_server_name"])
        self.say("asked_as", target, row["tls_handshake_extensions_server_name"])
        self.say("users", source, row["ntlmssp_auth_username"])
        self.say("domains", source, row["ntlmssp_auth_domain"])
        self.say("names", source, row["ntlmssp_auth_hostname"])
        info = "ntlmssp_challenge_target_info_"
        if row[f"{info}nb_computer_name"] is not None:
            self.say("names", source, row[f"{info}nb_computer_name"])
            self.say("names", source, row[f"{info}dns_computer_name"])
            if row[f"{info}nb_domain_name"] != row[f"{info}nb_computer_name"]:
                self.say("domains", source, row[f"{info}nb_domain_name"])
                self.say("domains", source, row[f"{info}dns_domain_name"])
        self.dhcp(row, source)
        self.nbns(row)
        self.kerberos(row, source, target)
        if row["srcport"] in (5353, 5355) and row["dns_answers"] is not None:
            for answer in row["dns_answers"].split("; "):
                found = re.fullmatch(r"(\S+) (?:A|AAAA) \d+ (\S+)", answer)
                if found is not None:
                    self.say("names", found[2], found[1])

    def dhcp(self, row: Row, source: str | None) -> None:
        if row["dhcp_type"] is None:
            return
        card = row["dhcp_hw_mac_addr"]
        self.say("names", card, row["dhcp_option_hostname"], is_mac=True)
        self.say("names", card, (row["dhcp_fqdn_name"] or "").rstrip("."), is_mac=True)
        self.say("domains", card, row["dhcp_option_domain_name"], is_mac=True)
        if row["dhcp_type"] == 1:
            self.say("vendors", card, row["dhcp_option_vendor_class_id"], is_mac=True)
            self.bind(card, row["dhcp_ip_client"])
            if row["dhcp_option_dhcp"] == 3 and is_card(card) and is_host(row["dhcp_option_requested_ip_address"]):
                self.wished[card].add(row["dhcp_option_requested_ip_address"])
        else:
            self.say("roles", source, "dhcp server")
            self.say("roles", row["dhcp_option_router"], "gateway")
            if row["dhcp_option_dhcp"] == 5:
                self.bind(card, row["dhcp_ip_your"])

    def nbns(self, row: Row) -> None:
        if row["nbns_name"] is None or row["nbns_flags_response"] is None:
            return
        wanted = {0} if row["nbns_flags_response"] else {5, 8, 9}
        if row["nbns_flags_opcode"] not in wanted:
            return
        name, suffix, address = row["nbns_name"][:-4], row["nbns_name"][-4:], row["nbns_addr"]
        if not row["nbns_nb_flags_group"] and suffix in ("<00>", "<20>"):
            self.say("names", address, name)
        if row["nbns_nb_flags_group"] and suffix in ("<00>", "<1c>", "<1e>"):
            self.say("domains", address, name)
        if row["nbns_nb_flags_group"] and suffix == "<1c>":
            self.say("roles", address, "domain controller")

    def kerberos(self, row: Row, source: str | None, target: str | None) -> None:
        kind, client = row["kerberos_msg_type"], row["kerberos_cnamestring"]
        if kind in (11, 13, 30):
            self.say("roles", source, "domain controller")
            self.say("domains", source, row["kerberos_realm"])
        if kind in (10, 11, 13, 30) and client is not None:
            who = source if kind == 10 else target
            self.say("names" if client.endswith("$") else "users", who, client.removesuffix("$"))
            self.say("domains", who, row["kerberos_crealm"] or row["kerberos_realm"])

    # --- which addresses are one host --------------------------------------------------------------------------------

    def own(self) -> tuple[dict[str, set[str]], set[str]]:
        """By hardware address, and which of these are gateways."""
        found: dict[str, set[str]] = defaultdict(set)
        gateways = set()
        for mac in {*self.told, *self.sent_from, *self.wished}:
            sent = set(self.sent_from[mac])
            found[mac] = self.told[mac] | (self.wished[mac] & sent)
            octets = bytes.fromhex(mac.replace(":", ""))
            tail = bytes([octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]])
            for address in sent:
                made = ":" in address and ipaddress.ip_address(address).packed[8:] == tail
                if within(address, LINK_LOCAL) or made:
                    found[mac].add(address)
            others = sent - found[mac]
            four = [address for address in others if ":" not in address]
            networks = {ipaddress.ip_address(address).packed[:8] for address in others if ":" in address}
            public = [address for address in four if not within(address, PRIVATE)]
            if public or len(four) > 1 or len(networks) > 1:
                gateways |= {mac} if len(others) > 1 else set()
            else:
                found[mac] |= others
        return found, gateways

    def rows(self) -> list[Row]:
        own, gateways = self.own()
        every = {*self.packets, *self.bound, *(who for kind in self.facts.values() for who in kind if is_address(who))}
        claims = {address: [mac for mac in own if address in own[mac]] for address in every}
        grouped: dict[str, list[str]] = defaultdict(list)
        rows = []
        for address, macs in claims.items():
            if macs:
                grouped[min(macs, key=lambda mac: (-self.sent_from[mac][address], mac))].append(address)
            else:
                rows.append(self.row([address], [], gateways))
        named = {who for kind in self.facts.values() for who in kind if not is_address(who)}
        for mac in {*grouped, *(mac for mac in named | gateways if not own.get(mac))}:
            cards = {card for address in grouped[mac] for card in claims[address]} - {mac}
            rows.append(self.row(grouped[mac], [mac, *sorted(cards)], gateways))
        return sorted(rows, key=self.place)

    def place(self, row: Row) -> tuple[Any, ...]:
        first = row["addresses"].split(" | ")[0] if row["addresses"] else None
        macs = row["macs"].split(" | ") if row["macs"] else []
        return -row["packets_sent"] - row["packets_received"], order(first) if first else (9, 0), macs

    def row(self, addresses: list[str], macs: list[str], gateways: set[str]) -> Row:
        addresses = sorted(addresses, key=order)
        row: Row = {
            "address": max(addresses, key=self.packets.__getitem__) if addresses else None,
            "addresses": listed(addresses),
            "macs": listed(macs),
        }
        for kind in LISTS:
            row[kind] = listed(sorted(self.called(kind, [*addresses, *macs])))
        services = {service for address in addresses for service in self.services[address]}
        row["services"] = listed(f"{kind}/{port}" for port, kind in sorted(services))
        roles = self.called("roles", addresses)
        roles |= {"gateway"} if gateways & set(macs) else set()
        roles |= {"dns server"} if {port for port, _ in services} & {53} else set()
        roles |= {"server"} if services else set()
        roles |= {"client"} if self.clients & set(addresses) else set()
        row["roles"] = listed(role for role in ROLES if role in roles)
        times = [time for who in [*addresses, *macs] for time in self.times[who]]
        row["first_seen"], row["last_seen"] = min(times, default=None), max(times, default=None)
        for what in ("packets_sent", "packets_received", "octets_sent", "octets_received"):
            row[what] = sum(self.sums[what][address] for address in addresses)
        row["peers"] = len({peer for address in addresses for peer in self.peers[address]} - set(addresses))
        return row

    def called(self, kind: str, who: list[str]) -> set[str]:
        every = sorted(text for each in who for text in self.facts[kind].get(each, ()))
        if kind not in FOLDED:
            return set(every)
        return set({text.lower(): text for text in reversed(every)}.values())


def is_address(text: str) -> bool:
    return text.count(":") != 5 or "::" in text or len(text) != 17
