"""500 strings that harm whoever shows them as they are: made by rule, so that each kind has all its members."""

from __future__ import annotations

import itertools
import unicodedata

# Categories of which nothing may reach a terminal or a page: controls, directions, lone surrogates, private use and
# what is not assigned, separators of lines.
UNSHOWN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
FORMULA = "=+-@\t\r"

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_UNSEEN = "\u00ad\u034f\u115f\u180e\u200b\u200c\u200d\u2060\u2061\u3164\ufeff\ufff9\ufffa\ufffb\ufffd\ufffe\uffff"
_MARKUP = (
    "<script>alert(1)</script>", "<ScRiPt src=//evil>", "</script><script>x", "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>", "</td></table><h1>", "</title><b>", "</textarea><i>", "</description><b>", "]]><b>",
    "<!--", "--><b>", "<![CDATA[", "<?php ?>", "<%= 1 %>", '"><b>', "'><b>", '" onmouseover="x', "' onclick='x",
    "&lt;b&gt;", "&#60;b&#62;", "&amp;lt;b", "javascript:alert(1)", "data:text/html,x", "<a href=javascript:x>",
    "<iframe srcdoc='x'>", "<base href=//x>", "<meta http-equiv=refresh>", "<style>*{}</style>", "<math><mtext></b>",
)  # fmt: skip
_TERMINAL = (
    "\x1b[31m", "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\x1b]52;c;eA==\x07", "\x1bc",
    "\x1b[6n", "\x1bP+q\x1b\\", "\x9b31m", "\x9d0;x\x9c", "a\rb", "a\nb", "a\x08b", "\x07", "\x0e", "\x1b(0",
    "a\x0bb", "a\x0cb", "\x1b[?1049h", "\x1b[3;J", "a\u2028b", "a\u2029b", "\x85", "\x1a", "\x04",
)  # fmt: skip
_CELLS = ("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://x")', "SUM(1)", 'DDE("x")', "2", "x", "-", '"', "'")
_WORDS = (
    "../../etc/passwd", "..\\..\\x", "/dev/null", "CON", "nul.txt", "%00", "%0d%0aX: y", "${jndi:ldap://x}", "{{7*7}}",
    "$(id)", "`id`", "; rm -rf /", "| id", "' OR 1=1 --", '"; DROP', "\\", "\\n", "\\x1b[31m", "\\u202e", "%s%n", "{0}",
    "null", "None", "nan", "undefined", "true", "0x1p3", "1e999", "٣", "１", "ﬁ", "İ", "ß", "ﷺ", "Z͑ͫ̓a", "👩‍👩‍👧", "🏳️‍🌈",
    "🇩🇪", "א", "ا", "हि", "ྀ", "аpple.com", "xn--80ak6aa92e", " ", "  x", "x  ", "\u00a0", "\u3000", "a" * 60,
)  # fmt: skip


def _all() -> list[str]:
    controls = [chr(code) for code in (*range(32), *range(127, 160))]
    made = [
        *(f"a{octet}b" for octet in controls),
        *controls,
        *(f"a{sign}b" for sign in (*_BIDI, *_UNSEEN)),
        *_MARKUP,
        *(f"x{markup}" for markup in _MARKUP[:10]),
        *_TERMINAL,
        *(sign + cell for sign, cell in itertools.product(FORMULA, _CELLS)),
        *(f" {sign}1" for sign in FORMULA),
        *_WORDS,
        *(chr(0xD800 + n) for n in range(0, 0x800, 0x100)),
        *(chr(0xE0020 + n) for n in range(16)),  # tags: text that cannot be seen
        *(chr(0xE000 + n) for n in range(4)),
        *(chr(0xFDD0 + n) for n in range(4)),
        *(f"{sign}{markup}" for sign, markup in itertools.product(FORMULA, _MARKUP[:8])),
        *(f"{steer}{markup}" for steer, markup in itertools.product(_TERMINAL[:10], _MARKUP[:10])),
    ]
    return list(dict.fromkeys(made))[:500]


STRINGS = _all()
assert len(STRINGS) == 500, len(STRINGS)


def octets(text: str) -> bytes:
    """As it is sent, 1 to 63 octets."""
    return (text.encode("utf-8", "surrogatepass") or b"?")[:63]


def steers(shown: str, lines: bool = False) -> list[str]:
    """Characters that should not have come through; lines: their ends may."""
    return [c for c in shown if unicodedata.category(c) in UNSHOWN and not (lines and c == "\n")]
