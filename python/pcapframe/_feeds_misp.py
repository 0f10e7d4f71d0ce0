"""MISP's JSON: attributes of events and objects, and warning lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._feeds import Collector
from ._text import display

if TYPE_CHECKING:
    from ._feeds_json import Lines

# The kinds of what has bars between; None: another part that says nothing of a packet.
_KINDS: dict[str, tuple[str | None, ...]] = {
    "ip-src": ("ip",), "ip-dst": ("ip",), "ip": ("ip",), "ip-src|port": ("ip", "port"), "ip-dst|port": ("ip", "port"),
    "domain": ("domain",), "hostname": ("domain",), "domain|ip": ("domain", "ip"), "hostname|port": ("domain", None),
    "url": ("url",), "uri": ("url",), "user-agent": ("user_agent",), "ja3-fingerprint-md5": ("ja3",),
    "ja4-fingerprint": ("ja4",), "ja4": ("ja4",),
}  # fmt: skip

NOT_FOR_DETECTION = "MISP: not for detection (to_ids is false); context=True takes it"


def about(each: dict[str, Any]) -> str:
    """What an event is about."""
    event = each.get("Event")
    info = event.get("info") if isinstance(event, dict) else each.get("info") if "Attribute" in each else None
    return info if isinstance(info, str) else ""


def take(collector: Collector, each: dict[str, Any], event: str, lines: Lines) -> bool:
    """Take an attribute or a warning list; False where it is neither."""
    if isinstance(each.get("list"), list) and "matching_attributes" in each:
        _take_warnings(collector, each, lines)
        return True
    kind, value = each.get("type"), each.get("value")
    if not isinstance(kind, str) or not isinstance(value, str):
        return False
    if not {"category", "to_ids", "object_relation"} & each.keys():
        return False
    line = lines.of(value)
    if _true(each.get("deleted", False)):
        collector.skip("MISP: deleted", line, value)
    elif kind not in _KINDS:
        collector.skip(f"MISP type {display(kind[:40])}", line, value)
    elif not _true(each.get("to_ids", True)) and not collector.options.context:
        collector.skip(NOT_FOR_DETECTION, line, value)
    else:
        _take_parts(collector, kind, value, "; ".join(filter(None, (event, _text(each.get("comment"))))), line)
    return True


def _true(value: object) -> bool:
    return value not in (False, 0, "0", "false", "False", None)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _take_parts(collector: Collector, kind: str, value: str, told: str, line: int | None) -> None:
    kinds = _KINDS[kind]
    parts = value.split("|") if len(kinds) > 1 else [value]
    if len(kinds) > 1 and len(parts) == 1 and kinds[1] != "ip":  # some write a colon there
        parts = [*value.rsplit(":", 1)] if value.count(":") == 1 else [value]
    digits = parts[1].strip() if kinds[-1] == "port" and len(parts) > 1 else ""
    port = int(digits) if digits.isdecimal() and len(digits) < 6 else None
    for each, part in zip(kinds, parts, strict=False):
        if each is not None and each != "port":
            collector.take(
                part,
                each,
                line,
                told or None,
                subdomains=kind in ("domain", "domain|ip"),
                port=port if port is not None and 0 < port < 65536 else None,
            )


def _take_warnings(collector: Collector, each: dict[str, Any], lines: Lines) -> None:
    """A list of what is no indicator, however often it is taken for one."""
    how, name = each.get("type"), _text(each.get("name"))
    for value in each["list"]:
        if not isinstance(value, str):
            continue
        line = lines.of(value)
        if not collector.options.allowing:
            collector.skip("a MISP warning list, which is for allow=", line, value)
        elif how not in ("cidr", "hostname", "string"):
            collector.skip(f"a MISP warning list by {display(str(how)[:40])}", line, value)
        else:
            domains = {"domain", "hostname"} & set(map(str, _list(each.get("matching_attributes"))))
            kind = "ip" if how == "cidr" else "domain" if domains and "/" not in value else None
            collector.take(value, kind, line, name, subdomains=how == "hostname")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
