"""What a text is made of: normal form, words, n-grams.

Words are runs of letters, digits and marks; Chinese, Japanese and Korean characters are words of
their own, because those scripts put no space between words.
"""

import re
import unicodedata

GRAM_WORDS = 5
"""Words (or CJK characters) in the n-grams by which near-duplicates are told (DESIGN terms)."""

_CJK = (
    "\u1100-\u11ff\u2e80-\u2fdf\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*")
_CJK_CHARACTER = re.compile(rf"[{_CJK}]")


def normalised(text: str) -> str:
    """NFC, case folded, white space collapsed: equal for *same documents*."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def words(text: str) -> list[str]:
    """The words of the normal form, in order."""
    return _WORD.findall(normalised(text))


def has_words(text: str) -> bool:
    """Whether anything can be searched for in the text."""
    return _WORD.search(text) is not None


def is_cjk(text: str) -> bool:
    """Whether at least half of the letters are Chinese, Japanese or Korean."""
    letters = sum(character.isalpha() for character in text)
    return letters > 0 and 2 * len(_CJK_CHARACTER.findall(text)) >= letters


def grams(text: str) -> frozenset[str]:
    """The word 5-grams of a text; the whole text where it has fewer than five words."""
    found = words(text)
    if len(found) < GRAM_WORDS:
        return frozenset([" ".join(found) or normalised(text)])
    last = len(found) - GRAM_WORDS + 1
    return frozenset(" ".join(found[i : i + GRAM_WORDS]) for i in range(last))


def containment(first: frozenset[str], second: frozenset[str]) -> float:
    """The share of the smaller set's n-grams that the larger one holds, in [0, 1]."""
    smaller, larger = sorted((first, second), key=len)
    return len(smaller & larger) / len(smaller)


def storable(text: str) -> str:
    """The text with lone surrogates escaped, as UTF-8 holds none: file names may be any bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


def without_surrogates(text: str) -> bool:
    """Whether the text can be written as UTF-8 (no lone surrogate)."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
