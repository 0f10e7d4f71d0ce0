"""What a piece of text from a feed stands for: its kind, and how that is written so that two of one are equal."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from ._text import display

KINDS = ("ip", "domain", "url", "ja3", "ja4", "user_agent")

MOST_NAME = 253  # characters of a domain name (RFC 1035, 2.3.4)
MOST_TEXT = 8192  # characters of an indicator: servers take no longer request line

_DOTS = re.compile(r"\s?[\[({]\s?(?:\.|dot|punto)\s?[\])}]\s?|\\\.|[\u3002\uff0e\uff61]|\[\.|\.\]", re.IGNORECASE)
_COLONS = re.compile(r"[\[({]\s?(?::|colon)\s?[\])}]", re.IGNORECASE)
_SLASHES = re.compile(r"[\[({]\s?(?:/|slash)\s?[\])}]", re.IGNORECASE)
_WHOLE_SCHEME = re.compile(r"[\[({]\s?://\s?[\])}]")
_SCHEME = re.compile(r"^h(?:xx|tt|\*\*|XX|__|t\*|x)p(\[?[sS]\]?)?(?=:|\[:|//)[:]?/*(?=.)", re.IGNORECASE)

_JA4 = re.compile(r"[tqd][0-9s][0-9][di][0-9]{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}")
_ESCAPED = re.compile(r"(\\(?:[01][0-9]{2}|2[0-4][0-9]|25[0-5]))")
_HEX = re.compile(r"[0-9a-fA-F]+")
_HASHES = {32: "an MD5 hash", 40: "a SHA-1 hash", 64: "a SHA-256 hash", 96: "a SHA-384 hash", 128: "a SHA-512 hash"}
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?|-[a-z0-9-]{1,62}")
_PORT = re.compile(r"(.*):([0-9]{1,5})", re.DOTALL)
_OTHER_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{1,15})://", re.IGNORECASE)


def words(text: str) -> frozenset[str]:
    """A set of the words of a text."""
    return frozenset(text.split())


# Ends of file names that are no top-level domains.
_FILES = words(
    """
    apk asp aspx bat bin bmp cfg cgi class cmd css csv dat db dll dmg doc docm docx dotm drv elf eml exe gif gz
    hta htm html ico inf ini iso jar jpeg jpg js json jsp lnk log mp3 mp4 msi ocx odt otf pcap pdb pdf php png
    pnf ppt pptx ps1 rar reg rtf scr sys tar tgz tmp ttf txt vbe vbs vmdk wav wsf xls xlsb xlsm xlsx xml yaml
    yml 7z
    """
)


class Refused(Exception):
    """Text that is no indicator; says what it is instead."""


class Found(NamedTuple):
    """What text stands for."""

    kind: str
    value: str
    port: int | None = None
    subdomains: bool = False


def escaped(text: str) -> str:
    """Return text as columns show it; what is escaped already stays as it is, so that they can be copied from."""
    pieces = _ESCAPED.split(text)
    return "".join(piece if place % 2 else display(piece) for place, piece in enumerate(pieces))


def refang(text: str) -> str:
    """Return text without what keeps it from being clicked on: ``hxxp[:]//evil[.]example`` as it was."""
    text = _DOTS.sub(".", text.strip())
    text = _SLASHES.sub("/", _COLONS.sub(":", _WHOLE_SCHEME.sub("://", text)))
    return _SCHEME.sub(lambda found: "https://" if found[1] else "http://", text)


def address(text: str) -> Found:
    """An address or network, with or without a port."""
    text, port = _without_port(text)
    try:
        network = ipaddress.ip_network(text.strip("[]") if text.startswith("[") else text, strict=False)
    except ValueError:
        raise Refused("no IP address") from None
    if "%" in text:
        raise Refused("an IP address with a zone")
    if network.prefixlen == 0:
        raise Refused("a network of all addresses")
    return Found("ip", str(network[0] if network.prefixlen == network.max_prefixlen else network), port)


def _without_port(text: str) -> tuple[str, int | None]:
    found = _PORT.fullmatch(text)
    if found is None or (":" in found[1] and not found[1].endswith("]")):
        return text, None
    return found[1], _port(found[2])


def _port(text: str) -> int | None:
    port = int(text)
    if port > 65535:
        raise Refused("a port above 65535")
    return port or None


def domain(text: str, *, single: bool = True) -> Found:
    """A name, ``*.`` or a dot before it for what lies below it. `single`: one label suffices."""
    text, _ = _without_port(text)  # a name is asked for without a port
    below = text.startswith(("*.", "."))
    name = text.lstrip("*").strip(".").lower()
    if not name.isascii():
        name = _punycode(name)
    labels = name.split(".")
    if len(name) > MOST_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise Refused("no domain name")
    if labels[-1].isdecimal():
        raise Refused("no domain name")
    if not single and len(labels) < 2:
        raise Refused("a single word")
    return Found("domain", name, None, below)


def _punycode(name: str) -> str:
    try:
        return name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise Refused("no domain name") from None


def host(text: str) -> tuple[str, int | None]:
    """The host and port of a URL."""
    text = text.rpartition("@")[2]
    bare, port = _without_port(text)
    try:
        value = address(bare).value
    except Refused:
        return domain(bare).value, port
    if "/" in value:
        raise Refused("no URL")
    return (f"[{value}]" if ":" in value else value), port


def url(text: str) -> Found:
    """A URL, one without its scheme, or the path of one alone. The part behind # is never sent."""
    if len(text) > MOST_TEXT:
        raise Refused(f"longer than {MOST_TEXT:,} characters")
    text = text.partition("#")[0].strip()
    scheme = "http"
    if text.startswith("/") and not text.startswith("//"):
        if len(text) < 3:
            raise Refused("no URL")
        return Found("url", escaped(text))
    found = _OTHER_SCHEME.match(text)
    if found is not None:
        scheme = found[1].lower()
        text = text[found.end() :]
    if scheme not in ("http", "https"):
        raise Refused(f"a URL of {display(scheme)}")
    name, mark, rest = _split_url(text.lstrip("/"))
    name, port = host(name)
    shown = name if port is None else f"{name}:{port}"
    path = escaped(("/" if mark == "?" else "") + mark + rest)
    return Found("url", f"{scheme}://{shown}{path}", port)


def _split_url(text: str) -> tuple[str, str, str]:
    places = [place for place in (text.find("/"), text.find("?")) if place >= 0]
    if not places:
        return text, "", ""
    place = min(places)
    return text[:place], text[place], text[place + 1 :]


def url_key(value: str) -> str:
    """The host without its port and the target, as they stand in a request."""
    if value.startswith("/"):
        return value
    name, mark, rest = _split_url(value.partition("://")[2])
    return _without_port(name)[0] + mark + rest


def url_host(value: str) -> str:
    """The host of a URL, empty for a path alone."""
    return "" if value.startswith("/") else _split_url(url_key(value))[0]


def ja3(text: str) -> Found:
    """A JA3 fingerprint."""
    if len(text) != 32 or not _HEX.fullmatch(text):
        raise Refused("no JA3 fingerprint")
    return Found("ja3", text.lower())


def ja4(text: str) -> Found:
    """A JA4 fingerprint."""
    if not _JA4.fullmatch(text.lower()):
        raise Refused("no JA4 fingerprint")
    return Found("ja4", text.lower())


def user_agent(text: str) -> Found:
    """A user agent, word for word."""
    if not text.strip() or len(text) > MOST_TEXT:
        raise Refused("no user agent")
    return Found("user_agent", escaped(text.strip()))


_BY_KIND = {"ip": address, "domain": domain, "url": url, "ja3": ja3, "ja4": ja4, "user_agent": user_agent}


def exactly(kind: str, text: str) -> Found:
    """What text of a known kind stands for, where it is not defanged."""
    return _BY_KIND[kind](text.strip())


def of_kind(kind: str, text: str) -> Found:
    """What text of a known kind stands for."""
    return exactly(kind, text if kind in ("ja3", "ja4", "user_agent") else refang(text))


def recognise(text: str, *, fingerprints: bool = False) -> Found:
    """What text of an unknown kind stands for. `fingerprints`: 32 hexadecimal digits are a JA3, not an MD5."""
    if len(text) > MOST_TEXT:
        raise Refused(f"longer than {MOST_TEXT:,} characters")
    text = refang(text).strip("\"'`<>,")
    if not text:
        raise Refused("nothing")
    if _HEX.fullmatch(text) and len(text) in _HASHES:
        if fingerprints and len(text) == 32:
            return ja3(text)
        raise Refused(_HASHES[len(text)])
    if _JA4.fullmatch(text.lower()):
        return ja4(text)
    if "://" in text or text.startswith("/"):
        return url(text)
    try:
        return address(text)
    except Refused as refused:
        if str(refused) != "no IP address":
            raise
    return _name(text)


def _name(text: str) -> Found:
    """A domain name, or one with a path behind it."""
    name, mark, _ = _split_url(text)
    if "@" in name:
        raise Refused("an e-mail address")
    if any(character.isspace() for character in text):
        raise Refused("no indicator that can be recognised")
    try:
        found = domain(name, single=False)
    except Refused as refused:
        what = str(refused)
        raise Refused(what if what == "a single word" else "no indicator that can be recognised") from None
    end = found.value.rpartition(".")[2]
    if not mark and end in _FILES:
        raise Refused("the name of a file")
    if not mark and not (end.startswith("xn--") or (end.isalpha() and len(end) > 1)):
        raise Refused("no indicator that can be recognised")
    return url(text) if mark else found
