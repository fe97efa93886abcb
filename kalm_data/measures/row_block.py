"""Rows of a training set, block by block and by column, beside the texts that they name."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.mining import excluded_places
from kalm_data.measures.blocks import ByExample
from kalm_data.measures.training_pool import standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from kalm_data.core.mining import MiningExample
    from kalm_data.measures.drawn_block import DrawnBlock
    from kalm_data.measures.negatives import Drawn, Negative
    from kalm_data.measures.training_pool import Standing, TrainingPool

    Mask = NDArray[np.bool_]
    Places = NDArray[np.int64]
    Scores = NDArray[np.float64]
    Names = NDArray[np.object_]

GIVEN, PADDING = "given", "padding"
"""Who proposed a negative that no ranker proposed."""


@dataclass(frozen=True, slots=True)
class RowNegatives:
    """(N,) each: the negatives of the rows of a block, those of one row together and in order.

    rows: place of the row in the block. scores: by the ranker whose scores rows carry, NaN where it
    has none. proposers: who proposed them.
    """

    rows: Places
    text_hashes: Names
    ranks: Places
    scores: Scores
    proposers: Names

    def places(self) -> Places:
        """(N,) of each among those of its row."""
        return np.arange(len(self.rows)) - np.searchsorted(self.rows, self.rows)


@dataclass(frozen=True, slots=True)
class RowBlock:
    """B rows, one for each example: the positives that stayed, and the negatives.

    `left_out` has other positives with the reason word; a row with a refusal is none.
    """

    example_ids: Sequence[str]
    positives: Sequence[Sequence[str]]
    left_out: Sequence[Mapping[str, str]]
    refusals: Sequence[str]
    negatives: RowNegatives

    def __len__(self) -> int:
        return len(self.example_ids)

    def select(self, chosen: Sequence[bool]) -> RowBlock:
        """Some of the rows, in their order."""
        mask = np.array(chosen, bool)
        new_places = np.cumsum(mask) - 1
        found = self.negatives
        kept = mask[found.rows]
        negatives = RowNegatives(
            new_places[found.rows[kept]], found.text_hashes[kept], found.ranks[kept],
            found.scores[kept], found.proposers[kept],
        )  # fmt: skip
        places = np.flatnonzero(mask).tolist()
        return RowBlock(
            [self.example_ids[place] for place in places],
            [self.positives[place] for place in places],
            [self.left_out[place] for place in places],
            [self.refusals[place] for place in places],
            negatives,
        )


def rows_of(drawn: Sequence[Drawn]) -> RowBlock:
    """Of what was drawn one by one."""
    negatives = [negative for one in drawn for negative in one.negatives]
    scores = [np.nan if one.row_score is None else one.row_score for one in negatives]
    return RowBlock(
        [one.example_id for one in drawn],
        [one.positives for one in drawn],
        [one.left_out for one in drawn],
        [one.refusal for one in drawn],
        RowNegatives(
            np.repeat(np.arange(len(drawn)), [len(one.negatives) for one in drawn]),
            np.array([one.text_hash for one in negatives], object),
            np.array([one.rank for one in negatives], np.int64),
            np.array(scores, np.float64),
            np.array([_proposer(one) for one in negatives], object),
        ),
    )


def _proposer(negative: Negative) -> str:
    if negative.padding:
        return PADDING
    return GIVEN if negative.given else negative.ranker


def rows_of_block(drawn: DrawnBlock, text_hashes: Names) -> RowBlock:
    """text_hashes: (P,) of the pool."""
    found = drawn.negatives
    proposers = np.array(drawn.around.settings.rankers, object)[found.rankers]
    proposers[found.given] = GIVEN
    proposers[found.padding] = PADDING
    return RowBlock(
        [example.example_id for example in drawn.block.examples],
        [stayed.positives for stayed in drawn.standing],
        [stayed.left_out for stayed in drawn.standing],
        drawn.refusals,
        RowNegatives(
            found.rows, text_hashes[found.places], found.ranks, found.row_scores, proposers
        ),
    )


def rows_of_positives(examples: Sequence[str], positives: Sequence[Sequence[str]]) -> RowBlock:
    """Rows without negatives; examples: their ids."""
    none, empty = np.zeros(0, np.int64), np.array([], object)
    negatives = RowNegatives(none, empty, none, np.zeros(0), empty)
    return RowBlock(examples, positives, [{} for _ in examples], [""] * len(examples), negatives)


def rows_as_given(
    training: TrainingPool, examples: Sequence[MiningExample], text_hashes: Names
) -> RowBlock:
    """With the negatives that came with the data, for a task that nobody mined: without limits.

    They are documents of the pool and of the train split, and neither positives nor like one. An
    example without a positive that stays is refused, as a draw does. text_hashes: (P,) of the pool.
    """
    stayed = [standing(training, example) for example in examples]
    given = _given(training, examples, stayed)
    negatives = RowNegatives(
        given.rows,
        text_hashes[given.places],
        np.zeros(len(given), np.int64),
        np.full(len(given), np.nan),
        np.full(len(given), GIVEN, object),
    )
    return RowBlock(
        [example.example_id for example in examples],
        [one.positives for one in stayed],
        [one.left_out for one in stayed],
        [one.refusal for one in stayed],
        negatives,
    )


def _given(
    training: TrainingPool, examples: Sequence[MiningExample], stayed: Sequence[Standing]
) -> ByExample:
    pool, index = training.pool, training.index
    named = [() if one.refusal else example.negatives
             for example, one in zip(examples, stayed, strict=True)]  # fmt: skip
    rows = np.repeat(np.arange(len(named)), [len(one) for one in named])
    found = (index.get(text_hash, -1) for text_hash in chain.from_iterable(named))
    places = np.fromiter(found, np.int64, len(rows))
    known = places >= 0
    known[known] = training.trainable[places[known]]
    own = ByExample.of([excluded_places(pool, index, one.positives) for one in examples])
    size = max(len(pool), 1)
    barred = np.isin(rows * size + places, own.rows * size + own.places)
    return ByExample(rows, places).select(known & ~barred)
