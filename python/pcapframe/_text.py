"""Text from outside, made safe to show."""

from __future__ import annotations

import unicodedata


def display(text: str) -> str:
    """Return `text` with whatever is not printable as ``\\DDD``, the decimal numbers of its UTF-8 octets.

    Control characters, line and paragraph separators, format characters such as those that change the direction of
    writing, lone surrogates, and the backslash itself; so the result is one line, and can be turned back.
    """
    return "".join(
        "".join(f"\\{octet:03d}" for octet in character.encode("utf-8", "surrogatepass"))
        if character == "\\" or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        else character
        for character in text
    )


def legible(text: str) -> str:
    """Return text that may be escaped already, by the core or here: as `display`, but backslashes stay as they are."""
    return "\\".join(display(piece) for piece in text.split("\\"))


def file_name(name: str) -> str:
    """Return a file's name as the core shows it: as `legible`, but octets that are no text by their own numbers."""
    return "".join(
        f"\\{ord(character) - 0xDC00:03d}" if "\udc80" <= character <= "\udcff" else legible(character)
        for character in name
    )
