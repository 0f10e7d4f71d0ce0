"""The slow, obvious twin of the C core, written from docs/decoding.md and from nothing else.

naive_pcap.py and naive_pcapng.py read the file, naive_packet.py, naive_tunnels.py, naive_tls.py, naive_http.py and
naive_names.py walk down a packet, this file counts. Every step says one sentence of that page. Nothing here is fast,
and nothing may be clever: where twin and core differ, the twin is the one to read.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any, NamedTuple

import naive_http  # noqa: F401 adds its steps
import naive_names  # noqa: F401 adds its steps
import naive_tls  # noqa: F401 adds its steps
from naive_packet import COLUMNS, Row, decode
from naive_pcap import MAGICS, Fault, Header, Record, read_header, read_pcap
from naive_pcapng import Capture, Interface, read_pcapng
from naive_tunnels import STEPS

__all__ = [
    "COLUMNS", "STEPS", "Capture", "Fault", "Header", "Interface", "Keys", "Record", "Row",
    "decode", "eval_packets", "indicator_keys", "ioc_counts", "read", "read_header", "read_pcap", "read_pcapng",
    "select", "set_threshold",
]  # fmt: skip

FIN, SYN = 0x001, 0x002


def read(data: bytes) -> Capture:
    """A capture of either format. ValueError: it is neither."""
    if data[:4] == b"\n\r\r\n":
        return read_pcapng(data)
    header, records, fault = read_pcap(data)
    units = 1_000_000_000 // MAGICS[header.magic][0]
    return Capture([Interface(0, header.link_type, header.snap_len, units=units)], records, fault, {})


class Keys(NamedTuple):
    """What one packet is counted under; None: not at all."""

    dns: str | None
    ip: str | None
    seq: int | None


def indicator_keys(row: Row, dns_rule: str = "empty", seq_rule: str = "all") -> Keys:
    counted_as_dns = {
        "empty": row["dns_count_answers"] == 0,
        "nxdomain": row["dns_flags_rcode"] == 3,
    }[dns_rule]
    counted_as_seq = {
        "all": True,
        "data": (row["tcp_len"] or 0) > 0 or (row["tcp_flags"] or 0) & (SYN | FIN) != 0,
    }[seq_rule]
    return Keys(
        dns=row["ip_dst"] if row["dns_flags_response"] == 1 and counted_as_dns else None,
        ip=row["ip_src"],
        seq=row["tcp_seq_raw"] if counted_as_seq else None,
    )


def ioc_counts(
    records: Iterable[Record], dns_rule: str = "empty", seq_rule: str = "all"
) -> tuple[dict[str, int], dict[str, int], dict[int, int]]:
    """How many packets there are under each key, of each kind."""
    counts = Keys(Counter(), Counter(), Counter())
    for record in records:
        for count, key in zip(counts, indicator_keys(decode(record), dns_rule, seq_rule), strict=True):
            if key is not None:
                count[key] += 1
    return dict(counts.dns), dict(counts.ip), dict(counts.seq)


def select(
    records: Iterable[Record],
    dns: Collection[str] = (),
    ip: Collection[str] = (),
    seq: Collection[int] = (),
    dns_rule: str = "empty",
    seq_rule: str = "all",
) -> list[Row]:
    """The packets that are counted under any of these keys, in file order."""
    wanted = (dns, ip, seq)
    rows = []
    for record in records:
        row = decode(record)
        keys = indicator_keys(row, dns_rule, seq_rule)
        if any(key is not None and key in keys_wanted for key, keys_wanted in zip(keys, wanted, strict=True)):
            rows.append(row)
    return rows


def set_threshold(counts: Mapping[Hashable, int], sigma_value: float = 3) -> float:
    if len(counts) < 2:
        return 25
    return statistics.mean(counts.values()) + sigma_value * statistics.stdev(counts.values())


def eval_packets(threshold: float, counts: Mapping[Any, int]) -> set[Any]:
    return {key for key, count in counts.items() if count >= threshold}
