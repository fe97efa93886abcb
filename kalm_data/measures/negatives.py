"""Hard negatives, one by one and as columns."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Places = NDArray[np.int64]
    Scores = NDArray[np.float64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Negative:
    """One document drawn against an example.

    `rank` is raw and 1-based, by `ranker`, as `score` is; 0 where the document lies below the
    stored hits: a given negative is then scored with its upper bound (the last hit's score, or 0
    where words alone make hits and all were stored), and padding with 0. `positive_score` is the
    ranker's score of the lowest-scoring positive that stayed. `row_score` is by the ranker whose
    scores the rows carry, None where it has none.
    """

    text_hash: str
    rank: int
    score: float
    ranker: str = ""
    positive_score: float = 0.0
    row_score: float | None = None
    given: bool = False
    padding: bool = False


@dataclass(frozen=True, slots=True)
class FalseNegative:
    """A hit that the denoiser scores no lower than the positive: to be judged again."""

    text_hash: str
    score: float
    positive_score: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """The positives of one example that stayed, and its negatives: given ones, mined ones by ranker
    and rank, padding.

    `left_out` are its other positives, each with the reason word; what a rule dropped is not among
    them. `refusal` is the reason word why there is no row, else empty.
    """

    example_id: str
    positives: tuple[str, ...]
    negatives: tuple[Negative, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    false_negatives: tuple[FalseNegative, ...] = ()

    def is_short(self, wanted: int) -> bool:
        """Whether fewer than wanted were found, padding not counted."""
        return sum(not negative.padding for negative in self.negatives) < wanted


@dataclass(frozen=True, slots=True)
class Negatives:
    """Negatives of a block of examples, (N,) each, as `Negative` has them.

    rows: place of the example in the block; places: positions in the pool; rankers: places in the
    order of the rankers that are drawn from. row_scores: NaN where there is none.
    """

    rows: Places
    places: Places
    rankers: Places
    ranks: Places
    scores: Scores
    positive_scores: Scores
    row_scores: Scores
    given: Mask
    padding: Mask

    @classmethod
    def joined(cls, parts: Sequence[Negatives]) -> Self:
        """By example; those of one example in the order of the parts."""
        columns = [
            np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls)
        ]
        order = np.argsort(columns[0], kind="stable")
        return cls(*(column[order] for column in columns))

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, chosen: Mask) -> Negatives:
        return Negatives(*(getattr(self, column.name)[chosen] for column in fields(self)))

    def counts(self, examples: int) -> Places:
        """(B,) how many each example has."""
        return np.bincount(self.rows, minlength=examples)

    @property
    def is_mined(self) -> Mask:
        return ~(self.given | self.padding)
