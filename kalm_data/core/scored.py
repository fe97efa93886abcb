"""The scored pairs of a task, by split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from kalm_data.core.records import Text


@dataclass(frozen=True, slots=True)
class ScoredText:
    """A text of a scored pair of a split, as the pair brought it.

    `is_protected`: a more protected split of any task asks its normal form, in a query, a labelled
    text or a scored pair, or it is nearly a document of theirs (`protecting`).
    """

    text: Text
    language: str
    source: str
    line: int
    is_protected: bool


@dataclass(frozen=True, slots=True)
class TextPair:
    """Two texts in the order given, and how alike they are, in [0, 1]."""

    first: ScoredText
    second: ScoredText
    score: float

    @property
    def is_protected(self) -> bool:
        """Whether a text of it is."""
        return self.first.is_protected or self.second.is_protected

    def directions(self) -> Iterator[tuple[ScoredText, ScoredText]]:
        """(text, partner), from either side."""
        yield self.first, self.second
        yield self.second, self.first


@dataclass(frozen=True, slots=True)
class ScoredTexts:
    """The pairs of a task, in order of the smaller and the larger of their text hashes.

    `groups` has the group (DESIGN terms) of each text that is not alone in its own, by hash.
    """

    pairs: Sequence[TextPair]
    groups: Mapping[str, str]

    def protecting(self, held: Collection[str]) -> ScoredTexts:
        """The same, with the texts of these hashes protected too."""
        pairs = [
            replace(pair, first=_protect(pair.first, held), second=_protect(pair.second, held))
            for pair in self.pairs
        ]
        return replace(self, pairs=pairs)

    @property
    def texts(self) -> list[ScoredText]:
        """Each text once, as its first pair brought it, in order of text hash."""
        found: dict[str, ScoredText] = {}
        for pair in self.pairs:
            for one in (pair.first, pair.second):
                found.setdefault(one.text.text_hash, one)
        return [found[text_hash] for text_hash in sorted(found)]

    @property
    def free(self) -> list[TextPair]:
        """The pairs that are not protected."""
        return [pair for pair in self.pairs if not pair.is_protected]

    @property
    def fingerprint(self) -> str:
        """Digest of the pairs that are not protected, with scores and languages."""
        parts = (
            part
            for pair in self.free
            for part in (
                pair.first.text.text_hash,
                pair.second.text.text_hash,
                pair.score,
                pair.first.language,
            )
        )
        return digest("scored pairs", *parts)


def _protect(one: ScoredText, held: Collection[str]) -> ScoredText:
    return replace(one, is_protected=True) if one.text.text_hash in held else one
