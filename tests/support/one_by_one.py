"""Draws of negatives as single examples see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kalm_data.measures.blocks import Block
from kalm_data.measures.drawing import draw_block
from kalm_data.measures.negatives import Drawn, Negative

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.core.mining import Excluded, MiningExample, Ranked
    from kalm_data.measures.drawn_block import DrawnBlock
    from kalm_data.measures.surroundings import Surroundings


def draw_negatives(
    around: Surroundings, example: MiningExample, own: Excluded, found: Mapping[str, Ranked]
) -> Drawn:
    """The hard negatives of one example. `own` is what its ranks leave out, `found` what each
    ranker found, by id.
    """
    block = Block([example], [own], {id_: [ranked] for id_, ranked in found.items()})
    return each(draw_block(around, block))[0]


def each(drawn: DrawnBlock) -> list[Drawn]:
    """The draws of a block, in the order of its examples."""
    false = drawn.false_negatives()
    negatives: list[list[Negative]] = [[] for _ in drawn.block.examples]
    for row, negative in zip(drawn.negatives.rows.tolist(), _negatives(drawn), strict=True):
        negatives[row].append(negative)
    return [
        Drawn(example.example_id, stayed.positives, tuple(found), stayed.left_out, refusal,
              tuple(false.get(row, ())))
        for row, (example, stayed, refusal, found) in enumerate(
            zip(drawn.block.examples, drawn.standing, drawn.refusals, negatives, strict=True)
        )
    ]  # fmt: skip


def _negatives(drawn: DrawnBlock) -> list[Negative]:
    found, rankers = drawn.negatives, drawn.around.settings.rankers
    text_hashes = drawn.around.training.pool.text_hashes
    columns = zip(
        found.places.tolist(), found.rankers.tolist(), found.ranks.tolist(),
        found.scores.tolist(), found.positive_scores.tolist(), found.row_scores.tolist(),
        found.given.tolist(), found.padding.tolist(), strict=True,
    )  # fmt: skip
    return [
        Negative(
            text_hashes[place], rank, score, rankers[ranker], positive_score,
            None if np.isnan(row_score) else row_score, given, padding,
        )
        for place, ranker, rank, score, positive_score, row_score, given, padding in columns
    ]  # fmt: skip
