"""Texts of users and models on a terminal: what would steer it is shown as it is written."""

from __future__ import annotations

import unicodedata

from rich.text import Text

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows."""
_STEERING = ("Cc", "Cs", "Zl", "Zp")
"""Categories of control characters, lone surrogates, and separators of lines and paragraphs."""


def visible(text: str) -> str:
    """The text with control characters and marks of direction escaped; lines stay lines."""
    return "".join(_escaped(one) if _steers(one) else one for one in text)


def in_line(text: str, most: int | None = None) -> Text:
    """The text in one line, without markup, cut to so many characters."""
    line = visible(" ".join(text.split()))
    return Text(line if most is None or len(line) <= most else line[: most - 1] + "…")


def _steers(character: str) -> bool:
    if character in "\n ":
        return False
    return character in _BIDI or unicodedata.category(character) in _STEERING


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
