"""Zeek's intelligence files: columns with tabs between, named in a line ``#fields``."""

from __future__ import annotations

from ._feeds import MOST_LINE, Collector
from ._text import display

_KINDS = {
    "ADDR": "ip", "SUBNET": "ip", "DOMAIN": "domain", "URL": "url", "SOFTWARE": "user_agent", "JA3": "ja3",
    "JA4": "ja4",
}  # fmt: skip


def is_zeek(head: str) -> bool:
    """Whether text that begins so is one."""
    return "#fields\t" in head and "indicator_type" in head


def read(collector: Collector, text: str) -> None:
    """Take a domain as it is, without what lies below it, as Zeek does."""
    names: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#fields"):
            names = line.split("\t")[1:]
        elif line.strip() and not line.startswith("#"):
            if len(line) > MOST_LINE:
                collector.skip(f"a line of more than {MOST_LINE:,} characters", number, line)
            else:
                _take(collector, dict(zip(names, line.split("\t"), strict=False)), number, line)


def _take(collector: Collector, row: dict[str, str], number: int, line: str) -> None:
    row = {name: value.strip() for name, value in row.items() if value.strip() not in ("", "-")}
    value, kind = row.get("indicator", ""), row.get("indicator_type", "").rpartition("::")[2]
    if not value or not kind:
        collector.skip("a line without indicator and type", number, line)
        return
    if kind not in _KINDS:
        collector.skip(f"Zeek type {display(kind[:40])}", number, value)
        return
    told = [row[name] for name in ("meta.desc", "meta.source", "meta.url") if name in row]
    collector.take(value, _KINDS[kind], number, "; ".join(told[:2]) or None)
