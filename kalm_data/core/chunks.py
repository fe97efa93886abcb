"""Cuts text and Markdown into chunks of at most so many tokens, at the mildest border that does.

Borders, from mild to harsh: paragraphs, sentences, words, characters. A chunk takes as many pieces
as fit; what is too long by itself is cut at the next harsher border. White space at the borders
and chunks without words are dropped, heading lines of Markdown become the heading path, and
nothing else is lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from kalm_data.core.text import has_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kalm_data.core.protocols import Tokenizer

    Fits = Callable[[str], bool]

_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_HARSHER = (
    re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n"),  # sentences, lines
    re.compile(r"\s+"),
    re.compile(r"(?<=.)", re.DOTALL),
)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*")
_SETEXT = re.compile(r" {0,3}(=+|--+)[ \t]*")
_FRONT_MATTER = re.compile(r"---\n(.*?\n)?---[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*([\"']?)(.*?)\1[ \t]*$", re.MULTILINE)

_LONGEST_TOKEN = 64
"""Characters of a token, at most, over a whole chunk: megabytes need no counting to be too long."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file; `headings` is its path, outermost first."""

    text: str
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `max_tokens` of the tokenizer, the heading path included."""

    tokenizer: Tokenizer
    max_tokens: int

    def fits_below(self, headings: tuple[str, ...]) -> Fits:
        """Whether a text fits below the path; a path that takes half the room is not counted."""
        path = " > ".join(headings) + "\n" if headings else ""
        if path and not self._fits(path, self.max_tokens // 2):
            path = ""
        return lambda text: self._fits(path + text, self.max_tokens)

    def _fits(self, text: str, tokens: int) -> bool:
        return len(text) <= _LONGEST_TOKEN * tokens and self.tokenizer.count(text) <= tokens


def head_that_fits(text: str, fits: Fits) -> str:
    """The longest start of the text that fits, cut at the mildest border but a paragraph's."""
    return next(_pack(_pieces(text, _HARSHER[0]), _HARSHER[1:], fits), "")


def chunk_text(text: str, budget: Budget) -> list[Chunk]:
    """The chunks in order; none where the text has no words."""
    return _chunks(_pieces(text, _PARAGRAPH), (), budget)


def chunk_markdown(text: str, budget: Budget) -> list[Chunk]:
    """The chunks in order, each of one section; a file of headings alone is cut as a text."""
    title, body = _front_matter(text)
    chunks = []
    for headings, section in _sections(body):
        path = headings if headings[:1] == (title,) or not title else (title, *headings)
        chunks += _chunks(_whole_fences(_pieces(section, _PARAGRAPH)), path, budget)
    return chunks or chunk_text(text, budget)


def _chunks(pieces: Sequence[str], path: tuple[str, ...], budget: Budget) -> list[Chunk]:
    packed = _pack(pieces, _HARSHER, budget.fits_below(path))
    return [Chunk(text, path) for text in packed if has_words(text)]


def _pack(pieces: Sequence[str], harsher: Sequence[re.Pattern[str]], fits: Fits) -> Iterator[str]:
    """As many pieces a chunk as fit; a piece that does not fit alone is cut at `harsher[0]`."""
    start, count = 0, 1
    while start < len(pieces):
        count = _longest_run(pieces, start, fits, guess=count)
        if count or not harsher:
            count = count or 1  # a single character beyond the budget: there is no harsher border
            yield "".join(pieces[start : start + count]).strip()
        else:
            count = 1
            yield from _pack(_pieces(pieces[start], harsher[0]), harsher[1:], fits)
        start += count


def _longest_run(pieces: Sequence[str], start: int, fits: Fits, guess: int) -> int:
    """How many pieces from `start` on fit together: found from `guess`, step doubled, then halved.

    Neighbouring chunks hold about as many pieces, so the last run's length is the best guess.
    """

    def fit(count: int) -> bool:
        return fits("".join(pieces[start : start + count]).strip())

    rest = len(pieces) - start
    guess = min(guess, rest)
    step = 1
    if fit(guess):
        good = guess
        while good + step <= rest and fit(good + step):
            good, step = good + step, 2 * step
        bad = min(good + step, rest + 1)
    else:
        bad = guess
        while bad - step > 0 and not fit(bad - step):
            bad, step = bad - step, 2 * step
        good = max(bad - step, 0)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fit(middle) else (good, middle)
    return good


def _pieces(text: str, border: re.Pattern[str]) -> list[str]:
    """The text cut behind each border; joined, the pieces are the text again."""
    ends = [match.end() for match in border.finditer(text)]
    cuts = [0, *ends, len(text)]
    return [text[a:b] for a, b in pairwise(cuts) if b > a]


def _whole_fences(paragraphs: Sequence[str]) -> list[str]:
    """Paragraphs of Markdown, a fenced block of code with its blank lines being one of them."""
    whole: list[str] = []
    is_open = False
    for paragraph in paragraphs:
        if is_open:
            whole[-1] += paragraph
        else:
            whole.append(paragraph)
        is_open ^= len(_FENCE.findall(paragraph)) % 2 == 1
    return whole


def _front_matter(text: str) -> tuple[str, str]:
    """The title in a leading block of YAML, and the text below it."""
    match = _FRONT_MATTER.match(text)
    if not match:
        return "", text
    title = _FRONT_TITLE.search(match[1] or "")
    return (title[2].strip() if title else ""), text[match.end() :]


def _sections(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """(heading path, text below it) in order; headings within fenced code are none."""
    path: dict[int, str] = {}
    body: list[str] = []
    fenced = False
    for line in text.splitlines(keepends=True):
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _heading(line.rstrip("\n"), body)
        if heading is None:
            body.append(line)
            continue
        level, name = heading
        yield tuple(path.values()), "".join(body)
        path = {depth: above for depth, above in path.items() if depth < level}
        path[level] = name
        body = []
    yield tuple(path.values()), "".join(body)


def _heading(line: str, body: list[str]) -> tuple[int, str] | None:
    """(level, name) if the line makes a heading, by itself or of the single line above it."""
    if atx := _ATX.fullmatch(line):
        return len(atx[1]), atx[2]
    underline = _SETEXT.fullmatch(line)
    stands_alone = body and body[-1].strip() and (len(body) == 1 or not body[-2].strip())
    if underline and stands_alone:
        return (1 if underline[1][0] == "=" else 2), body.pop().strip()
    return None
