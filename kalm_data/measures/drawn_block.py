"""What was drawn for a block of examples, as columns and one by one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.measures.negatives import FalseNegative, Negatives

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

    def false_negatives(self) -> dict[int, list[FalseNegative]]:
        """By place of the example, where there are any."""
        text_hashes = self.around.training.pool.text_hashes
        found: defaultdict[int, list[FalseNegative]] = defaultdict(list)
        for row, place, score, lowest in zip(
            self.judged.documents.rows.tolist(), self.judged.documents.places.tolist(),
            self.judged.scores.tolist(), self.judged.positive_scores.tolist(), strict=True,
        ):  # fmt: skip
            found[row].append(FalseNegative(text_hashes[place], score, lowest))
        return dict(found)
