"""What was drawn for a block of examples, as columns and one by one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.measures.negatives import Drawn, FalseNegative, Negative, Negatives

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.measures.blocks import Block
    from kalm_data.measures.candidates import Judged
    from kalm_data.measures.surroundings import Surroundings
    from kalm_data.measures.training_pool import Standing


@dataclass(frozen=True, slots=True)
class DrawnBlock:
    """What was drawn for the examples of a block.

    standing: which positives of each example stay. refusals: the reason word why there is no row,
    else empty. judged: what the denoiser took out.
    """

    block: Block
    around: Surroundings
    standing: Sequence[Standing]
    refusals: Sequence[str]
    negatives: Negatives
    judged: Judged

    def each(self) -> list[Drawn]:
        """One by one."""
        negatives, false = self._negatives(), self.false_negatives()
        ends = np.cumsum(self.negatives.counts(len(self.block))).tolist()
        return [
            Drawn(
                example.example_id,
                stayed.positives,
                tuple(negatives[start:end]),
                stayed.left_out,
                refusal,
                tuple(false.get(row, ())),
            )
            for row, (example, stayed, refusal, start, end) in enumerate(
                zip(
                    self.block.examples, self.standing, self.refusals, [0, *ends], ends,
                    strict=False,
                )
            )
        ]  # fmt: skip

    def _negatives(self) -> list[Negative]:
        found, rankers = self.negatives, self.around.settings.rankers
        documents = self.around.training.pool.documents
        return [
            Negative(
                documents[place].text_hash, rank, score, rankers[ranker], positive_score,
                None if np.isnan(row_score) else row_score, given, padding,
            )
            for place, ranker, rank, score, positive_score, row_score, given, padding in zip(
                found.places.tolist(), found.rankers.tolist(), found.ranks.tolist(),
                found.scores.tolist(), found.positive_scores.tolist(), found.row_scores.tolist(),
                found.given.tolist(), found.padding.tolist(), strict=True,
            )
        ]  # fmt: skip

    def false_negatives(self) -> dict[int, list[FalseNegative]]:
        """By place of the example, where there are any."""
        documents = self.around.training.pool.documents
        found: defaultdict[int, list[FalseNegative]] = defaultdict(list)
        for row, place, score, lowest in zip(
            self.judged.documents.rows.tolist(), self.judged.documents.places.tolist(),
            self.judged.scores.tolist(), self.judged.positive_scores.tolist(), strict=True,
        ):  # fmt: skip
            found[row].append(FalseNegative(documents[place].text_hash, score, lowest))
        return dict(found)
