"""Print docs/columns.md: the catalogue of columns, group by group.

python tools/columns.py >docs/columns.md
"""

from __future__ import annotations

import pcapframe as pf

GROUPS = {
    "frame": "The packet as it was captured",
    "eth": "Ethernet",
    "vlan": "VLAN tags",
    "mpls": "MPLS",
    "wlan": "802.11 and radiotap",
    "arp": "ARP",
    "ip": "IP",
    "icmp": "ICMP",
    "tcp": "TCP",
    "udp": "UDP",
    "sctp": "SCTP",
    "transport": "TCP, UDP or SCTP, whichever comes first",
    "tunnel": "Tunnels",
    "dns": "DNS",
    "tls": "TLS",
    "quic": "QUIC",
    "http": "HTTP and SSDP",
    "modbus": "Modbus/TCP",
    "ftp": "FTP",
    "dhcp": "DHCP",
    "nbns": "NetBIOS names",
    "kerberos": "Kerberos",
    "ntlmssp": "NTLM",
    "flow": "Flows",
}

HEAD = """# The columns

<!-- Made by tools/columns.py from the catalogue; do not edit. -->

What `packets()`, `select()` and `batches()` can be asked for; `pcapframe.columns()` gives the same list. Columns in
**bold** are in every table where `columns=` is not given. A group's name stands for its columns
(`columns=["ip", "tcp"]`), a pattern for those it fits (`"tcp_options_*"`); those marked † hold octets and are there
under their whole name alone.

A column equals the Wireshark field named beside it (of several the one of the outermost header that has one), and
[decoding](decoding.md) says exactly what each is. Where tshark shows something else,
[differences](differences.md) says why. There is a null where a packet has no such value; columns with * hold none.
"""


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def row(field: pf.Field) -> str:
    name = f"`{field.name}`"
    name = f"**{name}**" if field.asked == "never" else f"{name} †" if field.asked == "by name" else name
    names = ", ".join(f"`{name}`" for name in field.wireshark.split("|")) if field.wireshark else ""
    return f"| {name} | {field.kind}{'' if field.nullable else ' *'} | {names} | {cell(field.doc)} |"


def page() -> str:
    text = HEAD
    fields = pf.columns()
    for group in dict.fromkeys(field.group for field in fields):
        text += f"\n## {GROUPS.get(group, group)}\n\nGroup `{group}`.\n\n"
        text += "| column | type | Wireshark | meaning |\n|---|---|---|---|\n"
        text += "".join(row(field) + "\n" for field in fields if field.group == group)
    return text


if __name__ == "__main__":
    print(page(), end="")
