"""Finds the texts of a training set that stand in a test set as well, as they are or nearly so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kalm_data.core.gram_overlap import GramOverlap, gram_hashes
from kalm_data.core.seeded import digest
from kalm_data.core.text import is_cjk, normalised, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Kind = Literal["query", "document"]
Reason = Literal["exact", "same_words", "overlap"]

GRAM_WORDS = 8
"""Words (or CJK characters) in an n-gram, as in Tülu 3 (arXiv 2411.15124, decontamination)."""

SHARE = 0.8
"""Least share of an excluded text's n-grams. A lower one finds more texts that have only their
boilerplate in common: benchmarks/contamination.py."""

_SAME_WORDS = 4
"""Fewer words than these (CJK: twice as many characters) in another order are another text."""

_APOSTROPHES = str.maketrans("", "", "'’")
_SIGNS = re.compile(r"(?<=\w)[+#]+(?!\w)")
_SIGN_NAMES = str.maketrans({"+": " plus ", "#": " sharp "})


@dataclass(frozen=True, slots=True)
class ExcludedText:
    """A text that must not be trained on; `source` is its file, `line` as in `core/rows.py`."""

    source: str
    line: int
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Match:
    """What a text was found to repeat; `share` of the excluded n-grams it holds, in (0, 1].

    It is 1.0 for exact and same_words.
    """

    reason: Reason
    share: float
    excluded: ExcludedText


class ExclusionIndex:
    """Excluded texts of one kind, which texts of that kind are compared with.

    `gram_words` is at least 1, 0 < `share` <= 1. Texts that are the same but for case, white space
    and punctuation count as one, the first; those that hold nothing but white space as none.
    Takes some 200 bytes a text beside the texts themselves and some 20 an n-gram.
    """

    def __init__(
        self, texts: Iterable[ExcludedText], *, gram_words: int = GRAM_WORDS, share: float = SHARE
    ) -> None:
        self._gram_words = gram_words
        self._texts: list[ExcludedText] = []
        self._exact: dict[str, int] = {}
        self._same_words: dict[str, int] = {}
        grams = (gram_hashes(found, gram_words) for found in self._add(texts))
        self._overlap = GramOverlap(grams, share)

    def find(self, text: str) -> Match | None:
        """The best match, or None; the first criterion that holds names the reason.

        1. exact: the same words in the same order.
        2. same_words: the same words in another order, four at least (CJK: eight characters).
        3. overlap: the text holds at least `share` of the excluded text's n-grams. One with fewer
           than `gram_words` words has none: that a longer text holds it says too little.

        Of several the one with the highest share, then the first in order of the excluded texts.
        """
        found = _words(text)
        if (place := self._exact.get(_key(found))) is not None:
            return Match("exact", 1.0, self._texts[place])
        if (place := self._same_words.get(_key(sorted(found)))) is not None:
            return Match("same_words", 1.0, self._texts[place])
        best = self._overlap.best(gram_hashes(found, self._gram_words))
        return Match("overlap", best[1], self._texts[best[0]]) if best else None

    def _add(self, texts: Iterable[ExcludedText]) -> Iterator[list[str]]:
        """The words of each text that is new, and has any."""
        for excluded in texts:
            found = _words(excluded.text)
            if not found or _key(found) in self._exact:
                continue
            place = self._exact[_key(found)] = len(self._texts)
            self._texts.append(excluded)
            if len(found) >= _SAME_WORDS * (1 + is_cjk("".join(found))):
                self._same_words.setdefault(_key(sorted(found)), place)
            yield found


def _words(text: str) -> list[str]:
    """Words without punctuation, but C, C++ and C# stay three; a text of signs is its own word."""
    named = _SIGNS.sub(lambda signs: signs[0].translate(_SIGN_NAMES), text)
    return [word.translate(_APOSTROPHES) for word in words(named)] or normalised(text).split()


def _key(found: Sequence[str]) -> str:
    return digest("words", " ".join(found))
