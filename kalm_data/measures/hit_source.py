"""The hits of one ranker for one example, as a draw looks at them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kalm_data.core.config.mine import MineConfig
    from kalm_data.core.mining import Hits

    Places = NDArray[np.int64]
    Scores = NDArray[np.float64]
    Mask = NDArray[np.bool_]


class HitSource:
    """Hits are found in the pool when they are asked for: most draws look at the window alone.

    `lowest` is the score of the lowest-scoring positive that stayed, `below` the score, or an upper
    bound of it, of what lies below the hits.
    """

    def __init__(
        self,
        id_: str,
        hits: Hits,
        pool: NDArray[np.uint64],
        config: MineConfig,
        lowest: float,
        below: float,
    ) -> None:
        """pool: (P,) its keys, ascending."""
        self.id, self.scores, self.lowest, self.below = id_, hits.scores, lowest, below
        self._keys, self._pool, self._config = hits.keys, pool, config

    @cached_property
    def places(self) -> Places:
        """(D,) positions in the pool, best first."""
        return np.searchsorted(self._pool, self._keys)

    @cached_property
    def window(self) -> Places:
        """Positions of the hits in the window of raw ranks that pass the limits, by rank."""
        first, last = self._config.window
        allowed = self.within_limits(self.scores[first - 1 : last])
        return np.searchsorted(self._pool, self._keys[first - 1 : last][allowed])

    def rank_of(self, place: int) -> int:
        """Raw 1-based rank of a hit; 0 for what is none."""
        return self._in_window.get(place) or self._among_all.get(place, 0)

    def rank_and_score(self, place: int) -> tuple[int, float]:
        """Rank 0 for what lies below the hits."""
        rank = self.rank_of(place)
        return rank, float(self.scores[rank - 1]) if rank else self.below

    def within_limits(self, scores: Scores) -> Mask:
        """Positive-aware limits (NV-Retriever, arXiv 2407.15831, made safe for negative scores)."""
        config = self._config
        ceiling = np.inf if config.max_score is None else config.max_score
        if config.max_score_ratio is not None:
            ceiling = min(ceiling, self.lowest - (1 - config.max_score_ratio) * abs(self.lowest))
        if config.min_margin is not None:
            ceiling = min(ceiling, self.lowest - config.min_margin)
        floor = -np.inf if config.min_score is None else config.min_score
        allowed: Mask = (scores <= ceiling) & (scores >= floor)
        return allowed

    @cached_property
    def _in_window(self) -> dict[int, int]:
        first, last = self._config.window
        ranks = np.flatnonzero(self.within_limits(self.scores[first - 1 : last])) + first
        return dict(zip(self.window.tolist(), ranks.tolist(), strict=True))

    @cached_property
    def _among_all(self) -> dict[int, int]:
        return {place: at for at, place in enumerate(self.places.tolist(), start=1)}
