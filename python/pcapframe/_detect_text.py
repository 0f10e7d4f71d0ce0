"""Rules over what was read of text: DNS names, requests of HTTP and logins (docs/detectors-text.md).

A rule is given the tables of one pass, by name, and thresholds as keywords; it yields findings. What its thresholds are
argued with stands beside them here in a word, and in full, with sources, on the page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from ._finding import Finding
from ._frame import Frame

__all__ = ["RULES", "cleartext_credentials", "dns_dga", "dns_nxdomain", "dns_tunnel", "web_attack", "web_scanner"]

Rule = Callable[..., Iterator[Finding]]
_Row = dict[str, Any]


def dns_tunnel(
    tables: Mapping[str, Frame],
    *,
    names: int = 30,  # new names below one domain: what a site's hosts seldom are, and 6 kB in a tunnel
    fresh: float = 0.5,  # of the queries ask for a name not asked before: a cache must not answer a tunnel
    length: float = 48,  # octets a name before the domain: a SHA-1 in hexadecimal behind a short label is 45
    entropy: float = 3.5,  # bits a character: 11 characters used alike, more than a word has
    volume: int = 4096,  # octets in all names: what Paxson and others let pass per client and day
    types: float = 0.5,  # of the messages are of types that carry free data
    answer: float = 128,  # octets an answer: three addresses behind a name and an alias are fewer
    ignore: Collection[str] = (),  # domains whose names are known to carry data (look-ups of reputation)
) -> Iterator[Finding]:
    """Yield data carried in DNS names and answers: many new names below one domain, and signs that they are data."""
    found = {
        (row["client"], row["domain"]): row
        for row in _rows(tables["dns_domains"], names=names)
        if row["names"] >= fresh * max(row["queries"], 1)
        and "." in row["domain"]
        and not row["domain"].endswith(".arpa")
        and row["domain"] not in ignore
    }
    asked = {(row["server"], row["domain"]) for row in found.values()}
    for (client, domain), row in found.items():
        if (client, domain) in asked:  # a resolver that asks for others: they are reported
            continue
        long = row["name_octets"] >= length * row["names"]
        random = row["entropy"] >= 1000 * entropy * row["names"]
        much = row["name_octets"] >= volume
        typed = row["data_messages"] >= types * (row["queries"] + row["responses"])
        heavy = row["answer_octets"] >= answer * max(row["responses"], 1)
        signs = long + random + much + typed + heavy
        if signs < 2:
            continue
        severe = signs >= 3 or (typed and heavy)
        severity = "high" if severe and (long or typed) else "medium" if long or typed or heavy else "low"
        server = row["server"]
        for _ in range(3):  # resolvers behind each other
            server = found[server, domain]["server"] if (server, domain) in found else server
        yield _finding(
            row, "dns_tunnel", severity, client, server, 53, "T1071.004",
            domain=domain, names=row["names"], queries=row["queries"],
            mean_length=f"{row['name_octets'] / max(row['names'], 1):.1f}",
            entropy=f"{row['entropy'] / max(row['names'], 1) / 1000:.2f}",
            name_octets=row["name_octets"], answer_octets=row["answer_octets"],
            data_types=f"{row['data_messages'] / max(row['queries'] + row['responses'], 1):.2f}",
            asked=row["server"], example=row["example"],
        )  # fmt: skip


def dns_nxdomain(
    tables: Mapping[str, Frame],
    *,
    minute: int = 30,  # failures within a minute: one every two seconds is no person
    share: float = 0.5,  # of that minute's answers: 10 to 42 % were measured at whole sites
    names: int = 20,  # different ones; fewer are something misconfigured that asks again and again
) -> Iterator[Finding]:
    """Yield clients that are told again and again that a name does not exist."""
    worst: dict[str, _Row] = {}
    for row in _rows(tables["dns_domains"], nxdomain=1):
        if row["nxdomain"] > worst.get(row["client"], {"nxdomain": 0})["nxdomain"]:
            worst[row["client"]] = row
    for row in _rows(tables["dns_clients"], minute_nxdomain=minute):
        if row["minute_nxdomain"] < share * row["minute_responses"]:
            continue
        below = worst.get(row["client"])
        one = below is not None and 2 * below["nxdomain"] > row["nxdomain"]  # hosts of one domain are guessed
        yield _finding(
            row, "dns_nxdomain", "medium" if row["nxdomain_names"] >= names else "low", row["client"],
            below["server"] if below else None, 53, "T1590.002" if one else "T1568.002",
            nxdomain=row["nxdomain"], names=row["nxdomain_names"], worst_minute=row["minute_nxdomain"],
            answers_that_minute=row["minute_responses"], most_below=below["domain"] if below else "?",
        )  # fmt: skip


def dns_dga(
    tables: Mapping[str, Frame],
    *,
    random: int = 10,  # domains that fail and look drawn by lot: a person meets one now and then
    many: int = 40,  # domains that fail, whatever they look like
    certain: int = 25,  # as `random`, and high
) -> Iterator[Finding]:
    """Yield clients that try one registered domain after the other, and none is there."""
    clients = defaultdict(list)
    for row in _rows(tables["dns_domains"], nxdomain=1):
        if not row["answered"] and "." in row["domain"] and not row["domain"].endswith(".arpa"):
            clients[row["client"]].append(row)
    for client, rows in clients.items():
        drawn = [row["domain"] for row in rows if looks_random(row["domain"].partition(".")[0])]
        if len(drawn) < random and len(rows) < many:
            continue
        span = {
            "first_time": min(row["first_time"] for row in rows),
            "last_time": max(row["last_time"] for row in rows),
        }
        yield _finding(
            span, "dns_dga", "high" if len(drawn) >= certain else "medium", client, rows[0]["server"], 53, "T1568.002",
            failed_domains=len(rows), random_looking=len(drawn),
            examples=" ".join((drawn or [row["domain"] for row in rows])[:5]),
        )  # fmt: skip


def web_attack(
    tables: Mapping[str, Frame],
    *,
    requests: int = 1,  # with a string that links and forms do not make
    weak: int = 5,  # with one that they make now and then
    many: int = 5,  # as `requests`, and high: one may be a copied link, five are tried
) -> Iterator[Finding]:
    """Yield who sends strings of attacks to a web server: one finding for each kind of attack."""
    for row in _rows(tables["web_requests"]):
        if row["attack"] == "scanner" or (row["requests"] < requests and row["requests"] + row["weak"] < weak):
            continue
        yield _finding(
            row, f"web_attack_{row['attack']}", "high" if row["requests"] >= many else "medium", row["source"],
            row["target"], row["port"], "T1190",
            requests=row["requests"], weak=row["weak"], pattern=row["pattern"], example=row["example"],
        )  # fmt: skip


def web_scanner(
    tables: Mapping[str, Frame],
    *,
    requests: int = 1,  # browsers and programs do not call themselves so
) -> Iterator[Finding]:
    """Yield who says in User-Agent that it is a tool that looks for holes."""
    for row in _rows(tables["web_requests"]):
        if row["attack"] == "scanner" and row["requests"] >= requests:
            yield _finding(
                row, "web_scanner", "medium", row["source"], row["target"], row["port"], "T1595.002",
                requests=row["requests"], tool=row["pattern"], user_agent=row["example"],
            )  # fmt: skip


def cleartext_credentials(
    tables: Mapping[str, Frame],
    *,
    tries: int = 1,  # one is enough for who listens
    show: bool = False,  # the secret itself; else that there is one
) -> Iterator[Finding]:
    """Yield logins whose secret anybody on the way can read."""
    for row in _rows(tables["logins"]):
        if row["tries"] < tries:
            continue
        public = row["user"].lower() in ("anonymous", "ftp") and row["protocol"] == "ftp"  # RFC 1635
        yield _finding(
            row, "cleartext_credentials", "low" if public else "medium", row["client"], row["server"], row["port"],
            "T1040", protocol=row["protocol"], user=row["user"], secret=row["secret"] if show else "****",
            tries=row["tries"], accepted=row["accepted"], refused=row["refused"], secrets=row["secrets"],
        )  # fmt: skip


RULES: tuple[Rule, ...] = (dns_tunnel, dns_nxdomain, dns_dga, web_attack, web_scanner, cleartext_credentials)

# The pairs of letters that make up most of English text, the most frequent first.
_PAIRS = (
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic"
    " ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un"
    " lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev"
)
_COMMON = frozenset(_PAIRS.split())


def looks_random(label: str, share: float = 0.35, least: int = 8) -> bool:
    """Tell whether a label seems drawn by lot: too few of its pairs of neighbours are frequent ones.

    Of letters drawn by lot about a sixth of the pairs are in the list, of words about three quarters. Labels below
    `least` characters are too short to tell, and ``xn--`` names are written in another alphabet.
    """
    if len(label) < least or label.startswith("xn--"):
        return False
    pairs = [label[i : i + 2] for i in range(len(label) - 1)]
    return sum(pair in _COMMON for pair in pairs) < share * len(pairs)


def _finding(
    span: _Row, kind: str, severity: str, source: str, target: str | None, port: int, technique: str, **evidence: object
) -> Finding:
    text = ", ".join(f"{name}={value}" for name, value in evidence.items())
    return Finding(kind, severity, span["first_time"], span["last_time"], source, target, port, text, technique)


def _rows(frame: Frame, **least: float) -> Iterator[_Row]:
    """Rows as dicts of plain values; a time that is null is 0. Those alone that have at least so much in these columns:
    most of a large table are nothing to any rule.
    """
    for name, value in least.items():
        frame = frame[frame[name].values >= value]
    columns = {name: frame[name].values for name in frame.columns}
    lists = [(values.view("int64") if values.dtype.kind in "Mm" else values).tolist() for values in columns.values()]
    for row in zip(*lists, strict=True):
        yield dict(zip(columns, row, strict=True))
