"""What a query must not be, whoever wrote it. Each gate is a pure function.

A gate returns None, or a `Failing` with its reason word and the numbers that decided.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from kalm_data.core.references import find_reference
from kalm_data.core.text import containment, grams, is_cjk, normalised, words

if TYPE_CHECKING:
    from collections.abc import Sequence

GateReason = Literal[
    "too_short",
    "too_long",
    "copy_of_passage",
    "refers_to_text",
    "wrong_language",
    "duplicate_query",
    "protected_query",
    "verbatim_overlap",
    "persona_leak",
    "prompt_leak",
    "near_duplicate_query",
    "boilerplate_document",
    "label_in_text",
    "same_as_positive",
    "copied_query",
]

LONG_WORD = 30
"""Characters; longer than the words of any prose, so that keys, hashes and blobs are not short."""

COPY_RATIO = 0.8
"""Share of a passage from which a query is a copy of it; as for near-duplicates (DESIGN terms)."""

PERSONA_WORDS, PERSONA_CHARACTERS = 4, 6
PROMPT_WORDS, PROMPT_CHARACTERS = 6, 9
"""Words in a row, or characters of Chinese, Japanese or Korean, that nobody writes by chance."""

_SCHEMA_WORD = re.compile(
    r"(?<!\w)(?:acquire_knowledge|yes_or_no|high_school|user_query|positive_document"
    r"|hard_negative_document|misleading_label)(?!\w)"
)

_SAME_LETTERS = {("zh", "ja")}
"""Languages that a short text cannot tell apart: kanji alone is Chinese by its script."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Why a query was turned away. `numbers` is JSON with sorted keys."""

    reason: GateReason
    numbers: str


@dataclass(frozen=True, slots=True)
class LengthLimits:
    """Bounds of a query in words; each Chinese, Japanese or Korean character is a word."""

    min_words: int
    max_words: int


def check_query(query: str, passage: str, limits: LengthLimits) -> Failing | None:
    """The first gate that a query fails by itself."""
    return (
        too_short(query, limits.min_words)
        or too_long(query, limits.max_words)
        or refers_to_text(query)
        or copy_of_passage(query, passage)
    )


def too_short(query: str, min_words: int) -> Failing | None:
    count = len(words(query))
    return _failing("too_short", words=count, min_words=min_words) if count < min_words else None


def too_long(query: str, max_words: int) -> Failing | None:
    """Whether the query has more words; what has no spaces counts by LONG_WORD characters."""
    count = max(len(words(query)), len(normalised(query)) // LONG_WORD)
    return _failing("too_long", words=count, max_words=max_words) if count > max_words else None


def copy_of_passage(query: str, passage: str) -> Failing | None:
    """Whether the query is the passage or nearly all of it.

    It is where it has COPY_RATIO of the passage's words and contains, or is contained in, the
    passage to that degree.
    """
    query_norm, passage_norm = normalised(query), normalised(passage)
    if query_norm == passage_norm:
        return _failing("copy_of_passage", ratio=1.0)
    # far shorter than the passage: not nearly all of it, whatever its words (and 5 MB cost little)
    if 2 * len(query_norm) < len(passage_norm):
        return None
    share = len(words(query)) / max(1, len(words(passage)))
    if share < COPY_RATIO:
        return None
    ratio = containment(grams(query), grams(passage))
    return _failing("copy_of_passage", ratio=round(ratio, 4)) if ratio >= COPY_RATIO else None


def verbatim_overlap(query: str, passage: str, most_words: int) -> Failing | None:
    """Whether the query takes over more than `most_words` words in a row from the passage.

    Case and what stands between words do not count. `words` is the length of the passage's first
    such run. Time is linear in both texts for a given `most_words`.
    """
    found = _shared_run(words(query), words(passage), most_words + 1)
    return _failing("verbatim_overlap", words=len(found)) if found else None


def persona_leak(query: str, persona: str) -> Failing | None:
    """Whether words of the persona's description stand in the query, in a row."""
    return _leak("persona_leak", query, persona, PERSONA_WORDS, PERSONA_CHARACTERS)


def prompt_leak(query: str, prompt: str) -> Failing | None:
    """Whether the query repeats what is fixed in a prompt, or the keys of our reply schemas."""
    found = _SCHEMA_WORD.search(normalised(query))
    if found:
        return _failing("prompt_leak", words=found.group())
    return _leak("prompt_leak", query, prompt, PROMPT_WORDS, PROMPT_CHARACTERS)


def refers_to_text(query: str) -> Failing | None:
    """Whether the query speaks of a text that a searcher cannot have before them."""
    found = find_reference(query)
    return _failing("refers_to_text", words=found) if found else None


def wrong_language(wanted: str, found: str) -> Failing | None:
    """Whether two ISO 639-1 codes differ; an empty one never does."""
    if not wanted or not found or wanted == found or {(found, wanted)} & _SAME_LETTERS:
        return None
    return _failing("wrong_language", wanted=wanted, found=found)


def duplicate_query() -> Failing:
    """The document has a query of the same normal form already."""
    return _failing("duplicate_query")


def protected_query() -> Failing:
    """The query stands verbatim in another split, between which nothing may leak."""
    return _failing("protected_query")


def _leak(
    reason: GateReason, query: str, secret: str, least_words: int, least_characters: int
) -> Failing | None:
    told, is_by_characters = _read_secret(secret)
    found = _shared_run(words(query), told, least_characters if is_by_characters else least_words)
    return _failing(reason, words=" ".join(found)) if found else None


@lru_cache(maxsize=256)
def _read_secret(secret: str) -> tuple[tuple[str, ...], bool]:
    """The words of a prompt or persona, which come back query after query, and their script."""
    return tuple(words(secret)), is_cjk(secret)


def _shared_run(known: Sequence[str], text: Sequence[str], least: int) -> Sequence[str]:
    """The first run of at least `least` (> 0) words of `text` that stands in `known`, or none.

    It is as long as it can be from where it starts, at the first place where `known` has its
    first `least` words.
    """
    places: dict[tuple[str, ...], int] = {}
    for place in range(len(known) - least + 1):
        places.setdefault(tuple(known[place : place + least]), place)
    firsts = {start[0] for start in places}
    for at, word in enumerate(text):
        if word in firsts and (start := tuple(text[at : at + least])) in places:
            return _common_start(known, places[start], text, at)
    return ()


def _common_start(known: Sequence[str], place: int, text: Sequence[str], at: int) -> Sequence[str]:
    end = at
    while place < len(known) and end < len(text) and known[place] == text[end]:
        place, end = place + 1, end + 1
    return text[at:end]


def _failing(reason: GateReason, **numbers: float | str) -> Failing:
    return Failing(reason, json.dumps(numbers, sort_keys=True, ensure_ascii=False))
