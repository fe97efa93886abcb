"""Figures that tell how far the negatives of a task can be trusted."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.mine_result import Overlap, Risk, ScoreGaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kalm_data.core.config.mine import MineConfig
    from kalm_data.core.mining import MiningExample, Ranked
    from kalm_data.measures.blocks import Block
    from kalm_data.measures.drawn_block import DrawnBlock
    from kalm_data.measures.ranking import RankedPool

    Mask = NDArray[np.bool_]
    Places = NDArray[np.int64]
    Scores = NDArray[np.float64]

OVERLAP_AT = (10, 100)


class MiningReport:
    """Adds up the examples of a task as they are mined."""

    def __init__(
        self, over: RankedPool, examples: Sequence[MiningExample], config: MineConfig
    ) -> None:
        self._over, self._config = over, config
        self._is_owned = np.zeros(len(over.pool), bool)  # the positives of any example
        positives = {one for example in examples for one in example.positives}
        self._is_owned[[over.index[one] for one in positives if one in over.index]] = True
        self._shared: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)
        self._gaps: defaultdict[str, list[Scores]] = defaultdict(list)
        self._negatives = self._owned = 0
        self._looked_at: Counter[str] = Counter()
        self._above: Counter[str] = Counter()
        self._alike: Counter[str] = Counter()

    def see(self, drawn: DrawnBlock) -> None:
        """Take in a block of examples."""
        self._compare(drawn.block)
        negatives = drawn.negatives
        self._negatives += len(negatives)
        self._owned += int(np.count_nonzero(self._is_owned[negatives.places]))
        gaps = negatives.positive_scores - negatives.scores
        for at, ranker in enumerate(drawn.around.settings.rankers):
            mined = negatives.is_mined & (negatives.rankers == at)
            if mined.any():
                self._gaps[ranker].append(gaps[mined])
        kept = [
            () if refusal else stayed.positives
            for stayed, refusal in zip(drawn.standing, drawn.refusals, strict=True)
        ]
        for ranker in drawn.block.ranked:
            self._look(drawn.block, ranker, kept)

    def _compare(self, block: Block) -> None:
        """The hits of each two rankers with one another."""
        for first, second in combinations(block.ranked, 2):
            both = zip(block.found_by(first), block.found_by(second), strict=True)
            pairs = [(one, other) for one, other in both if one and other]
            for k in OVERLAP_AT if pairs else ():
                self._shared[first, second, k] += [_shared_at(*pair, k) for pair in pairs]

    def _look(self, block: Block, ranker: str, kept: Sequence[Sequence[str]]) -> None:
        """Count, in a ranker's window, the hits that may be answers, before any limit.

        kept: the positives of each example that has a row.
        """
        window = block.hits(ranker, self._config.window)
        lowest = block.lowest(ranker, kept)
        above = np.count_nonzero(window.scores >= lowest[:, None], axis=1)  # a head of the window
        own = block.own_places
        found, columns = block.own_hits(ranker, self._config.window, self._over.keys)
        rows, places = own.rows[found], own.places[found]
        looked_at = ~np.isnan(lowest)
        columns, places, rows = (one[looked_at[rows]] for one in (columns, places, rows))
        is_positive = self._are_positives(block, rows, places)
        self._looked_at[ranker] += int(window.lengths[looked_at].sum() - is_positive.sum())
        self._above[ranker] += int(above.sum() - np.count_nonzero(columns < above[rows]))
        self._alike[ranker] += int(np.count_nonzero(~is_positive))

    def _are_positives(self, block: Block, rows: Places, places: Places) -> Mask:
        """(N,) whether each document is a positive of its example, or only like one."""
        text_hashes = self._over.pool.text_hashes
        return np.array(
            [
                text_hashes[place] in block.examples[row].positives
                for row, place in zip(rows.tolist(), places.tolist(), strict=True)
            ],
            bool,
        )

    def overlaps(self) -> tuple[Overlap, ...]:
        return tuple(
            Overlap(first, second, k, round(float(np.mean(shares)), 4))
            for (first, second, k), shares in sorted(self._shared.items())
        )

    def gaps(self) -> tuple[ScoreGaps, ...]:
        return tuple(
            ScoreGaps(ranker, *(round(float(q), 6) for q in np.quantile(gaps, (0.05, 0.5, 0.95))))
            for ranker, gaps in self._all_gaps().items()
        )

    def risks(self) -> tuple[Risk, ...]:
        return tuple(
            Risk(ranker, count, round(self._above[ranker] / count, 4),
                 round(self._alike[ranker] / count, 4))
            for ranker, count in sorted(self._looked_at.items()) if count
        )  # fmt: skip

    @property
    def by_ranker(self) -> dict[str, int]:
        """How many negatives each ranker's window gave."""
        return {ranker: len(gaps) for ranker, gaps in self._all_gaps().items()}

    def _all_gaps(self) -> dict[str, Scores]:
        return {ranker: np.concatenate(gaps) for ranker, gaps in sorted(self._gaps.items())}

    @property
    def positives_elsewhere(self) -> float:
        """The share of the negatives that are a positive of another example."""
        return round(self._owned / self._negatives, 4) if self._negatives else 0.0


def _shared_at(first: Ranked, second: Ranked, k: int) -> float:
    """The share of the first k hits of two rankers that both have."""
    one, other = first.hits.keys[:k], second.hits.keys[:k]
    longer = max(len(one), len(other))
    return len(np.intersect1d(one, other)) / longer if longer else 0.0
