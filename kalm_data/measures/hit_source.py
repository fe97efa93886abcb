"""The hits of one ranker for one example, as a draw looks at them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kalm_data.core.config.mine import MineConfig

    Places = NDArray[np.int64]
    Scores = NDArray[np.float64]
    Mask = NDArray[np.bool_]


@dataclass(slots=True)
class HitSource:
    """places, scores: (D,) positions in the pool, best first. `lowest` is the score of the
    lowest-scoring positive that stayed, `below` the score, or an upper bound of it, of what lies
    below the hits.
    """

    id: str
    places: Places
    scores: Scores
    lowest: float
    below: float
    _raw: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self._raw = {place: at for at, place in enumerate(self.places.tolist(), start=1)}

    def rank_of(self, place: int) -> int:
        """Raw 1-based rank of a hit; 0 for what is none."""
        return self._raw.get(place, 0)

    def rank_and_score(self, place: int) -> tuple[int, float]:
        """Rank 0 for what lies below the hits."""
        rank = self.rank_of(place)
        return rank, float(self.scores[rank - 1]) if rank else self.below

    def window(self, config: MineConfig) -> Places:
        """Positions of the hits in the window of raw ranks that pass the limits, by rank."""
        first, last = config.window
        places = self.places[first - 1 : last]
        return places[self.within_limits(self.scores[first - 1 : last], config)]

    def within_limits(self, scores: Scores, config: MineConfig) -> Mask:
        """Positive-aware limits (NV-Retriever, arXiv 2407.15831, made safe for negative scores)."""
        ceiling = np.inf if config.max_score is None else config.max_score
        if config.max_score_ratio is not None:
            ceiling = min(ceiling, self.lowest - (1 - config.max_score_ratio) * abs(self.lowest))
        if config.min_margin is not None:
            ceiling = min(ceiling, self.lowest - config.min_margin)
        floor = -np.inf if config.min_score is None else config.min_score
        allowed: Mask = (scores <= ceiling) & (scores >= floor)
        return allowed
