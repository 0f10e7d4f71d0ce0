"""The report: what a capture is and what stands out in it, as one HTML page that needs nothing else."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NamedTuple

from . import _export, _given
from ._display import duration, size, when
from ._frame import Frame
from ._group import ASKS, Question, check_question
from ._hosts import table_of
from ._hosts_seen import COLUMNS, Seen
from ._indicators import Indicators
from ._info import full_info
from ._match import Hits, hits_of
from ._reader import Capture
from ._report_map import Ways, world_map
from ._report_table import ROWS, safe, table
from ._report_time import Bins, timeline
from ._text import legible
from .detectors import Search

KEYS = 1000
"""Keys that a count keeps: what is above a thousandth of all packets is among them, and memory is bounded."""
PACKETS = 1 << 17
"""Packets of a batch: some 50 MB, while the next ones are read."""


class Section(NamedTuple):
    """A part of the page."""

    key: str
    title: str
    body: str


def _rows(frame: Any, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(frame[name].tolist() for name in names), strict=True))


# ------------------------------------------------------------------------------------------------------- sections


class _Asked(NamedTuple):
    """What a report is made from."""

    cap: Capture
    info: Any
    findings: Frame
    hits: Hits | None
    counts: dict[str, Frame]
    bins: Bins
    ways: Ways
    hosts: Seen
    verdicts: Any

    def cut(self, key: str) -> bool:
        """Whether a count may have had more keys than were kept."""
        return len(self.counts[key]) >= 2 * KEYS


def _overview(asked: _Asked) -> Iterator[str]:
    info = asked.info
    rows: list[tuple[str, str]] = [("Files", ", ".join(map(legible, asked.cap.files)))]
    rows.append(("Packets", f"{info.packets:,}"))
    if info.octets is not None:
        rows.append(("Size", size(info.octets)))
    if info.first_time is not None:
        rows += [("First packet", when(info.first_time)), ("Last packet", when(info.last_time))]
        rows.append(("Duration", duration(info.last_time - info.first_time)))
    rows += [("Format", info.format), ("Link types", ", ".join(info.link_types))]
    rows += [("Interface", ", ".join(filter(None, (each.name, each.description)))) for each in info.interfaces]
    rows += [("Recorded by", text) for text in info.recorded_by or ()]
    rows += [("Comment", text) for text in info.comments or ()]
    yield "<dl>" + "".join(f"<dt>{name}</dt><dd>{safe(value)}</dd>" for name, value in rows if value) + "</dl>"


def _timeline(asked: _Asked) -> Iterator[str]:
    yield timeline(asked.bins)


def _findings(asked: _Asked) -> Iterator[str]:
    names = ("severity", "kind", "source", "target", "port", "first_time", "last_time", "evidence", "technique")
    order = {"high": 0, "medium": 1, "low": 2}
    found = sorted(_rows(asked.findings, *names), key=lambda row: (order.get(row[0], 3), row[5]))
    rows = [(*row[:6], row[6] - row[5], row[7], row[8] or None) for row in found]
    shape = {"Severity": "grade", "Kind": "", "Source": "whole", "Target": "whole", "Port": "", "First": "when",
             "Lasted": "lasted", "Evidence": "", "ATT&CK": ""}  # fmt: skip
    yield _without_empty("findings-table", "What detectors found", shape, rows)


def _hits(asked: _Asked) -> Iterator[str]:
    if asked.hits is None:
        return
    rows = _rows(asked.hits.summary(), "indicator", "kind", "hits", "first_time", "last_time", "feed")
    shape = {"Indicator": "", "Kind": "", "Hits": "n", "First": "when", "Last": "when", "Feed": ""}
    yield table("hits-table", "Indicators that were seen", shape, rows)


def _verdicts(asked: _Asked) -> Iterator[str]:
    verdicts = asked.verdicts
    if verdicts is None:
        return
    if verdicts.error is not None:
        yield f"<p>{safe(verdicts.error)}</p>"
        return
    rows: list[tuple[Any, ...]] = sorted(verdicts.classes.items(), key=lambda item: (-item[1], item[0]))
    yield table("classes-table", "Flows by what the model takes them for", {"Class": "", "Flows": "n"}, rows)
    shape = {"Start": "when", "Source": "", "Destination": "", "Port": "", "Class": "", "Reasons": ""}
    total = verdicts.flagged_in_all
    yield table("flagged-table", "Flows that are not benign to it", shape, verdicts.flagged, total)


def _hosts(asked: _Asked) -> Iterator[str]:
    found = table_of(asked.hosts, asked.cap, asked.findings, asked.hits)
    names = ("address", "names", "users", "systems", "roles", "services", "packets_sent", "packets_received", "peers",
             "first_seen", "findings", "hits")  # fmt: skip
    shape = {"Address": "whole", "Names": "", "Users": "", "Systems": "", "Roles": "whole", "Services": "", "Sent": "n",
             "Received": "n", "Peers": "n", "First seen": "when", "Findings": "", "Hits": ""}  # fmt: skip
    yield _without_empty("hosts-table", "Hosts by packets", shape, _rows(found, *names))


def _without_empty(key: str, caption: str, columns: dict[str, str], rows: list[tuple[Any, ...]]) -> str:
    """A table without the columns in which no row has anything."""
    kept = [at for at in range(len(columns)) if any(row[at] is not None for row in rows[:ROWS])]
    shape = {name: kind for at, (name, kind) in enumerate(columns.items()) if at in kept}
    return table(key, caption, shape, [tuple(row[at] for at in kept) for row in rows])


_NAME = "tls_handshake_extensions_server_name"
# What is counted, in one pass: fields, then how `Capture.count` is asked.
_COUNTS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "talkers": (("ip_src",), {"sum": "frame_len", "distinct": "ip_dst"}),
    "conversations": (("ip_src", "ip_dst"), {"sum": "frame_len", "min": "frame_time"}),
    "protocols": (("protocol",), {"sum": "frame_len"}),
    "ports": (("tcp_flags_syn", "tcp_flags_ack", "tcp_dstport"), {"distinct": ["ip_src", "ip_dst"]}),
    "dns": (("dns_flags_response", "dns_qry_name"), {"distinct": "ip_src"}),
    "rcodes": (("dns_flags_response", "dns_flags_rcode"), {"distinct": "dns_qry_name"}),
    "tls": ((_NAME,), {"distinct": ["ip_src", "ip_dst"]}),
    "ja4": (("tls_handshake_ja4",), {"distinct": ["ip_src", _NAME]}),
    "hosts": (("http_host",), {"distinct": ["ip_src", "http_request_uri"]}),
    "agents": (("http_user_agent",), {"distinct": "ip_src"}),
}


def _question(fields: tuple[str, ...], asked: dict[str, Any]) -> Question:
    whole: dict[str, Any] = {**dict.fromkeys(ASKS), **asked}
    approx = "distinct" in asked
    return check_question(fields, None, whole, gaps=False, fill=False, top=2 * KEYS, approx=approx, dropna=True)


def _talkers(asked: _Asked) -> Iterator[str]:
    rows = _rows(asked.counts["talkers"], "ip_src", "count", "sum_frame_len", "distinct_ip_dst")
    shape = {"Source": "", "Packets": "n", "Octets": "octets", "Destinations": "n"}
    yield table("talkers-table", "Sources by packets", shape, rows, least=asked.cut("talkers"))


def _conversations(asked: _Asked) -> Iterator[str]:
    pairs: dict[tuple[str, str], list[int]] = {}
    begun: dict[tuple[str, str], int] = {}  # of those whose packets have times
    names = ("ip_src", "ip_dst", "count", "sum_frame_len", "min_frame_time")
    for source, destination, packets, octets, first in _rows(asked.counts["conversations"], *names):
        key = (source, destination) if (destination, source) not in pairs else (destination, source)
        both = pairs.setdefault(key, [0, 0, 0, 0])
        away = key[0] != source
        both[away] += packets
        both[2 + away] += octets
        if first is not None:
            begun[key] = min(first, begun.get(key, first))
    rows: list[tuple[Any, ...]] = [(*pair, *both, begun.get(pair)) for pair, both in pairs.items()]
    rows.sort(key=lambda row: -(row[4] + row[5]))
    shape = {"A": "", "B": "", "Packets A to B": "n", "Packets back": "n", "Octets A to B": "octets",
             "Octets back": "octets", "First": "when"}  # fmt: skip
    yield table("conversations-table", "Pairs of addresses by octets", shape, rows, least=asked.cut("conversations"))


def _protocols(asked: _Asked) -> Iterator[str]:
    rows = _rows(asked.counts["protocols"], "protocol", "count", "sum_frame_len")
    shape = {"Protocol": "", "Packets": "n", "Octets": "octets"}
    yield table("protocols-table", "Highest protocol of a packet", shape, rows)
    names = ("tcp_flags_syn", "tcp_flags_ack", "tcp_dstport", "count", "distinct_ip_src", "distinct_ip_dst")
    rows = [row[2:] for row in _rows(asked.counts["ports"], *names) if row[:2] == (1, 0)]
    shape = {"Port": "port", "SYNs": "n", "Clients": "n", "Servers": "n"}
    yield table("ports-table", "TCP ports that were asked for", shape, rows, least=asked.cut("ports"))


def _dns(asked: _Asked) -> Iterator[str]:
    names = ("dns_flags_response", "dns_qry_name", "count", "distinct_ip_src")
    rows = [row[1:] for row in _rows(asked.counts["dns"], *names) if row[0] == 0]
    yield table(
        "dns-table", "Names asked for", {"Name": "", "Queries": "n", "Clients": "n"}, rows, least=asked.cut("dns")
    )
    names = ("dns_flags_response", "dns_flags_rcode", "count", "distinct_dns_qry_name")
    rows = [(_RCODES.get(row[1], row[1]), *row[2:]) for row in _rows(asked.counts["rcodes"], *names) if row[0] == 1]
    yield table("rcode-table", "Answers by response code", {"Response": "", "Answers": "n", "Names": "n"}, rows)


_RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}  # RFC 1035, RFC 2136


def _tls(asked: _Asked) -> Iterator[str]:
    rows = _rows(asked.counts["tls"], _NAME, "count", "distinct_ip_src", "distinct_ip_dst")
    shape = {"Server name": "", "Hellos": "n", "Clients": "n", "Servers": "n"}
    yield table("tls-table", "TLS server names", shape, rows, least=asked.cut("tls"))
    rows = _rows(asked.counts["ja4"], "tls_handshake_ja4", "count", "distinct_ip_src", f"distinct_{_NAME}")
    shape = {"JA4": "", "Hellos": "n", "Clients": "n", "Names": "n"}
    yield table("ja4-table", "TLS clients by fingerprint", shape, rows, least=asked.cut("ja4"))


def _http(asked: _Asked) -> Iterator[str]:
    rows = _rows(asked.counts["hosts"], "http_host", "count", "distinct_ip_src", "distinct_http_request_uri")
    yield table(
        "http-table",
        "HTTP hosts",
        {"Host": "", "Requests": "n", "Clients": "n", "URIs": "n"},
        rows,
        least=asked.cut("hosts"),
    )
    rows = _rows(asked.counts["agents"], "http_user_agent", "count", "distinct_ip_src")
    yield table(
        "agents-table",
        "HTTP user agents",
        {"User-Agent": "", "Requests": "n", "Clients": "n"},
        rows,
        least=asked.cut("agents"),
    )


def _map(asked: _Asked) -> Iterator[str]:
    drawing, routes = world_map(asked.ways)
    yield drawing
    rows = [(route.start.name, route.end.name, route.packets, route.octets) for route in routes]
    if rows:
        yield table(
            "routes-table", "Between countries", {"From": "", "To": "", "Packets": "n", "Octets": "octets"}, rows
        )


def _faults(asked: _Asked) -> Iterator[str]:
    info = asked.info
    yield table("faults-table", "Damage of the capture", {"What": ""}, [(fault.message,) for fault in info.faults])
    rows: list[tuple[Any, ...]] = sorted(info.packet_faults.items(), key=lambda item: -item[1])
    rows += [(name.replace("_", " "), count) for name, count in (info.oddities or {}).items() if count]
    yield table("packet-faults-table", "Packets that are less than whole, or odd", {"What": "", "Packets": "n"}, rows)


def _provenance(asked: _Asked) -> Iterator[str]:
    made = asked.counts["protocols"].provenance
    made = {**made, "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z"}
    yield f"<pre>{_text_block(json.dumps(made, indent=2, default=str, ensure_ascii=False))}</pre>"


def _text_block(text: str) -> str:
    return "\n".join(map(safe, text.splitlines()))


_SECTIONS: tuple[tuple[str, str, Callable[[_Asked], Iterator[str]]], ...] = (
    ("overview", "What it is", _overview),
    ("timeline", "Traffic over time", _timeline),
    ("findings", "Findings", _findings),
    ("hits", "Indicators", _hits),
    ("verdicts", "The model's verdicts", _verdicts),
    ("hosts", "Hosts", _hosts),
    ("talkers", "Who sends most", _talkers),
    ("conversations", "Conversations", _conversations),
    ("protocols", "Protocols and ports", _protocols),
    ("dns", "DNS", _dns),
    ("tls", "TLS", _tls),
    ("http", "HTTP", _http),
    ("map", "Where it goes", _map),
    ("faults", "What is wrong with it", _faults),
    ("provenance", "How this was made", _provenance),
)


_ALWAYS = ("overview", "timeline", "findings", "faults")  # that these have nothing to tell is worth a line of its own


def write(
    cap: Capture,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    indicators: Indicators | None = None,
    model: Any = None,
    database: Any = None,
    home: tuple[float, float] | None = None,
) -> None:
    """Write the report of a capture; what `Capture.report` does, which describes the arguments."""
    if not isinstance(cap, Capture):
        raise _given.wrong("report", "a Capture, as open() returns it", cap)
    text = _given.path("path", path)
    if title is not None:
        _given.text("title", title, "What happened on Friday")
    if not text.lower().endswith((".html", ".htm")):
        raise ValueError(f"{text}: a report is HTML: a name that ends in .html is needed")
    if indicators is not None and not isinstance(indicators, Indicators):
        raise _given.wrong("indicators", "Indicators, such as Indicators.read('feed.csv')", indicators)
    cap._refuse_own(text)
    if isinstance(model, (str, os.PathLike)):
        from ._models_save import load

        model = load(model)
    asked = _ask(cap, indicators, model, Ways(database, home))
    sections, nothing = list[Section](), list[str]()
    for key, name, make in _SECTIONS:
        body = "\n".join(make(asked))
        absent = re.findall(r'<p class="none">.*?</p>', body)
        if key in _ALWAYS or len(body) > len("\n".join(absent)):
            sections.append(Section(key, name, body))
        else:
            nothing += absent
    if nothing:
        sections.insert(-2, Section("nothing", "What is not in it", f'<div class="absent">{"".join(nothing)}</div>'))
    name = title or f"Capture report: {', '.join(os.path.basename(file) for file in cap.files[:3])}"
    with _export.atomically(text) as file:
        file.write(_page(name, sections))


def _ask(cap: Capture, indicators: Indicators | None, model: Any, ways: Ways) -> _Asked:
    """Ask all questions in one pass; packets come in batches to those that are answered here."""
    seen, bins = Seen(), Bins()
    verdicts = None
    if model is not None:
        from ._report_model import Verdicts  # which needs what trains models

        verdicts = Verdicts(cap, model, ROWS)
    search = Search()

    def take(native: Any) -> None:
        frame = Frame(native)
        for each in (seen, bins, ways):
            each.add(frame)

    questions: list[tuple[str, tuple[Any, ...]]] = [
        ("census", ()),
        search.question,
        ("batches", ((*COLUMNS, "protocol"), PACKETS, take)),
        *(("group", _question(*each)) for each in _COUNTS.values()),
    ]
    if indicators is not None:
        questions.append(("match", (indicators._native(),)))
    if verdicts is not None:
        questions += verdicts.questions
    (census, found, _, *answers), faults = cap._together(questions, stacklevel=6)
    counts = {name: Frame(native, cap, faults) for name, native in zip(_COUNTS, answers, strict=False)}
    hits = None if indicators is None else hits_of(answers[len(_COUNTS)], cap, faults)
    findings = search.findings(cap, found, faults, stacklevel=5)
    info = full_info(census, cap._formats(), cap._octets(), faults)
    return _Asked(cap, info, findings, hits, counts, bins, ways, seen, verdicts)


def _page(title: str, sections: list[Section]) -> str:
    data = files("pcapframe") / "data"
    style, script = ((data / name).read_text("utf-8") for name in ("report.css", "report.js"))
    links = "".join(f'<li><a href="#{each.key}">{html.escape(each.title)}</a></li>' for each in sections)
    body = "\n".join(
        f'<section id="{each.key}" aria-labelledby="{each.key}-h">\n'
        f'<h2 id="{each.key}-h">{html.escape(each.title)}</h2>\n'
        f"{each.body}\n</section>"
        for each in sections
    )
    # The policy holds although the file is opened from a disk: no request can leave, whatever a capture has in it.
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<header><h1>{safe(title)}</h1><nav aria-label="Sections"><ul>{links}</ul></nav></header>\n'
        f"<main>\n{body}\n</main>\n"
        "<footer>Times are UTC. How many there are of clients, servers, destinations, names and URIs is estimated, "
        "to about 1 %. Made by pcapframe.</footer>\n"
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )
