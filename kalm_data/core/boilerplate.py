"""Tells documents that nobody searches for: contents pages, menus, licences, cookie notices.

Each rule wants several signs at once, and what it names must make up most of the document: one
that merely holds such a part stays. Whatever no rule tells for certain is no boilerplate.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from kalm_data.core import boilerplate_signs as signs
from kalm_data.core.text import normalised, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Boilerplate = Literal["", "table_of_contents", "navigation", "licence", "cookie_notice"]

MOST = 0.8
"""Share of the lines that is most of a document."""

LEAST_ENTRIES = 5
"""Lines of a contents page, or links; fewer prove nothing."""

LEAST_ITEMS = 8
MENU_SHARE = 0.1
LEAST_MENU_ITEMS = 4
"""A menu has so many items, and this share and number of them are those of every web site."""

LICENCE_SHARE = 0.6
"""Share of the words that stand in sentences with words of law."""

LEAST_FORMULAS = 3
LEAST_COOKIE_SIGNS = 3
NOTICE_WORDS = 200

_LINE_CHARACTERS = 150
_ITEM_CHARACTERS = 40
_ITEM_WORDS = 5


def find_boilerplate(title: str, text: str) -> Boilerplate:
    """The kind of boilerplate that the document is; empty where it is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if _is_contents(title, lines):
        return "table_of_contents"
    if _is_list_of_links(lines) or _is_menu(text):
        return "navigation"
    if _is_licence(title, text):
        return "licence"
    return "cookie_notice" if _is_cookie_notice(text) else ""


def _is_contents(title: str, lines: list[str]) -> bool:
    """Leaders to page numbers or links within the page; else a heading and entries in order."""
    entries = [line for line in lines if not _is_contents_heading(line)]
    if len(entries) < LEAST_ENTRIES:
        return False
    pages = _pages(entries)
    if _mostly(_has_leader, entries):
        return 2 * len(pages) >= len(entries) and _ascend(pages)
    if _mostly(signs.ANCHOR_LINK.search, entries) and _mostly(_is_link_line, entries):
        return True
    is_headed = any(map(_is_contents_heading, (title, *lines[:1])))
    return is_headed and _mostly(_is_entry, entries) and _are_in_order(entries)


def _is_contents_heading(line: str) -> bool:
    bare = normalised(line[:_LINE_CHARACTERS]).strip(" :：#*=-")
    return signs.CONTENTS_HEADING.fullmatch(bare) is not None


def _has_leader(line: str) -> bool:
    return len(line) <= _LINE_CHARACTERS and signs.LEADER_TO_PAGE.search(line) is not None


def _is_entry(line: str) -> bool:
    return len(line) <= _LINE_CHARACTERS and not signs.SENTENCE_END.search(line)


def _are_in_order(entries: Sequence[str]) -> bool:
    """Whether most are numbered by page, section or chapter, or are links."""
    pages, sections = _pages(entries), _sections(entries)
    least = MOST * len(entries)
    return (
        (len(pages) >= least and _ascend(pages))
        or (len(sections) >= least and sections[0] <= (1,) and sections == sorted(set(sections)))
        or 2 * sum(map(_is_chapter, entries)) >= len(entries)
        or _mostly(_is_link_line, entries)
    )


def _is_chapter(line: str) -> bool:
    return signs.CHAPTER.match(line) is not None


def _pages(entries: Sequence[str]) -> list[int]:
    found = (signs.PAGE.search(line[-_LINE_CHARACTERS:]) for line in entries)
    return [int(match.group(1)) for match in found if match]


def _sections(entries: Sequence[str]) -> list[tuple[int, ...]]:
    found = (signs.SECTION.match(line) for line in entries)
    return [tuple(map(int, match.group(1).split("."))) for match in found if match]


def _ascend(pages: Sequence[int]) -> bool:
    """Whether pages follow one another, but for a tenth (lines that ran together)."""
    descents = sum(page > following for page, following in pairwise(pages))
    return descents <= len(pages) // 10


def _is_link_line(line: str) -> bool:
    rest, links = signs.LINK.subn(" ", line)
    return links > 0 and signs.NUMBER.fullmatch(rest.strip(signs.SEPARATORS)) is not None


def _is_list_of_links(lines: Sequence[str]) -> bool:
    if not _mostly(_is_link_line, lines):
        return False
    return sum(len(signs.LINK.findall(line)) for line in lines) >= LEAST_ENTRIES


def _is_menu(text: str) -> bool:
    found = (item.strip(" \t\r*+-[]#") for item in signs.ITEM_BORDER.split(text))
    items = [item for item in found if item]
    if len(items) < LEAST_ITEMS or not _mostly(_is_item, items):
        return False
    common = signs.MENU_ITEMS.intersection(map(normalised, items))
    return len(common) >= max(LEAST_MENU_ITEMS, MENU_SHARE * len(items))


def _is_item(item: str) -> bool:
    if len(item) > _ITEM_CHARACTERS or signs.SENTENCE_END.search(item):
        return False
    return len(item.split()) <= _ITEM_WORDS


def _is_licence(title: str, text: str) -> bool:
    flat = normalised(text)
    formulas = sum(formula in flat for formula in signs.LICENCE_FORMULAS)
    formulas += signs.LICENCE_TITLE.fullmatch(normalised(title)) is not None
    return formulas >= LEAST_FORMULAS and _legal_share(text) >= LICENCE_SHARE


def _legal_share(text: str) -> float:
    """Share of the words in sentences with words of law."""
    sentences = [normalised(part) for part in signs.LEGAL_BORDER.split(text)]
    lengths = [len(words(sentence)) for sentence in sentences]
    legal = (
        length
        for length, sentence in zip(lengths, sentences, strict=True)
        if signs.LEGAL_WORD.search(sentence)
    )
    return sum(legal) / max(1, sum(lengths))


def _is_cookie_notice(text: str) -> bool:
    flat = normalised(text)
    if "cookie" not in flat:
        return False
    if sum(bool(sign.search(flat)) for sign in signs.COOKIE_SIGNS) < LEAST_COOKIE_SIGNS:
        return False
    return len(words(flat)) <= NOTICE_WORDS


def _mostly(test: Callable[[str], object], parts: Sequence[str]) -> bool:
    """Whether there are parts and at least MOST of them pass."""
    return len(parts) > 0 and sum(map(bool, map(test, parts))) >= MOST * len(parts)
