"""The rows of a shard set as an export reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kalm_data.core.templates import BARE, render_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class ShardRow:
    """One row; lists that start alike are parallel, scores None where the ranker gave none."""

    example_id: str
    query: str
    instruction: str
    language: str
    in_batch: bool
    pos: Sequence[str]
    pos_titles: Sequence[str]
    pos_scores: Sequence[float | None]
    neg: Sequence[str]
    neg_titles: Sequence[str]
    neg_scores: Sequence[float | None]
    neg_rankers: Sequence[str]

    @property
    def is_titled(self) -> bool:
        return any(self.pos_titles) or any(self.neg_titles)

    @property
    def is_scored(self) -> bool:
        return any(score is not None for score in (*self.pos_scores, *self.neg_scores))

    def with_titles(self) -> ShardRow:
        """The same with each title above its text, as our document template has it by default."""
        return replace(
            self,
            pos=_titled(self.pos, self.pos_titles),
            neg=_titled(self.neg, self.neg_titles),
            pos_titles=[""] * len(self.pos),
            neg_titles=[""] * len(self.neg),
        )


@dataclass(frozen=True, slots=True)
class Survey:
    """What must be known of a task's rows before the first is written.

    `negatives` maps a number of negatives to how many rows have it; `scored`: every document of
    every row has a score; `titled`, `instructed`, `in_language`: some row is.
    """

    negatives: Mapping[int, int]
    scored: bool
    titled: bool
    instructed: bool
    in_language: bool

    @property
    def commonest_negatives(self) -> int:
        """The commonest number of negatives above 0, the larger of equals; 0 where none has any."""
        counts = {number: rows for number, rows in self.negatives.items() if number}
        return max(counts, key=lambda number: (counts[number], number), default=0)


def _titled(texts: Sequence[str], titles: Sequence[str]) -> list[str]:
    return [render_document(BARE, text, title) for text, title in zip(texts, titles, strict=True)]
