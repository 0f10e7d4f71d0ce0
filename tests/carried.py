"""Packets that carry octets of applications, and what the core and the twin say of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import captures as make
import naive
import pcapframe as pf
from naive_packet import walked


def packet(payload: bytes, ports: tuple[int, int], over: str = "tcp") -> bytes:
    """Over IPv4 of no told length, so that it can be as long as a record."""
    inner = make.tcp(payload, *ports) if over == "tcp" else make.udp(payload, *ports, length=0)
    return make.ipv4(inner, total_length=0).octets


def rows(
    packets: Sequence[bytes | make.Packet], columns: Sequence[str], twin: Callable[[Any], dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Ours and the twin's: the protocol and these columns."""
    data = make.pcap_bytes(packets, link_type=101)
    ours = pf.open(data, threads=1, progress=False).packets(columns=["protocol", *columns]).to_dict()
    theirs = []
    for record in naive.read(data).records:
        walk = walked(record)
        theirs.append({"protocol": walk.row["protocol"], **twin(walk)})
    return [dict(zip(ours, values, strict=True)) for values in zip(*ours.values(), strict=True)], theirs
