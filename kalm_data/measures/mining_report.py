"""Figures that tell how far the negatives of a task can be trusted."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.mine_result import Overlap, Risk, ScoreGaps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.config.mine import MineConfig
    from kalm_data.core.mining import MiningExample, Ranked
    from kalm_data.measures.negatives import Drawn
    from kalm_data.measures.ranking import Asked, RankedPool

OVERLAP_AT = (10, 100)


@dataclass(frozen=True, slots=True)
class Mined:
    """One example with what rankers found for it and what was drawn."""

    pair: Asked
    found: Mapping[str, Ranked]
    drawn: Drawn


class MiningReport:
    """Adds up the examples of a task as they are mined."""

    def __init__(
        self, over: RankedPool, examples: Sequence[MiningExample], config: MineConfig
    ) -> None:
        self._over, self._config = over, config
        self._owners: Counter[str] = Counter(
            text_hash for example in examples for text_hash in example.positives
        )
        self._shared: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)
        self._gaps: defaultdict[str, list[float]] = defaultdict(list)
        self._negatives = self._owned = 0
        self._looked_at: Counter[str] = Counter()
        self._above: Counter[str] = Counter()
        self._alike: Counter[str] = Counter()

    def see(self, one: Mined) -> None:
        """Take in one example."""
        for first, second in combinations(one.found, 2):
            for k in OVERLAP_AT:
                share = _shared_at(one.found[first], one.found[second], k)
                self._shared[first, second, k].append(share)
        for negative in one.drawn.negatives:
            self._negatives += 1
            self._owned += self._owners[negative.text_hash] > 0
            if negative.is_mined:
                self._gaps[negative.ranker].append(negative.positive_score - negative.score)
        if not one.drawn.refusal:
            self._look(one)

    def _look(self, one: Mined) -> None:
        """Count, in each ranker's window, the hits that may be answers, before any limit."""
        example, own = one.pair
        first, last = self._config.window
        positives, barred = set(self._over.places(example)), set(own.places)
        for ranker, ranked in one.found.items():
            scores = [at.score for h, at in ranked.measured.items() if h in one.drawn.positives]
            if not scores:
                continue
            window = slice(first - 1, last)
            in_window = ranked.hits.scores[window]
            keys = ranked.hits.keys[window]
            above = int(np.count_nonzero(in_window >= min(scores)))  # a head of the window
            known = self._own_keys(barred)
            ours = [at for at, key in enumerate(keys.tolist()) if key in known]
            own_places = [known[int(keys[at])] for at in ours]
            self._looked_at[ranker] += len(keys) - sum(p in positives for p in own_places)
            self._above[ranker] += above - sum(at < above for at in ours)
            self._alike[ranker] += sum(p not in positives for p in own_places)

    def _own_keys(self, places: set[int]) -> dict[int, int]:
        """Text key → position, of a few documents."""
        return {int(self._over.keys[place]): place for place in places}

    def overlaps(self) -> tuple[Overlap, ...]:
        return tuple(
            Overlap(first, second, k, round(float(np.mean(shares)), 4))
            for (first, second, k), shares in sorted(self._shared.items())
        )

    def gaps(self) -> tuple[ScoreGaps, ...]:
        return tuple(
            ScoreGaps(ranker, *(round(float(q), 6) for q in np.quantile(gaps, (0.05, 0.5, 0.95))))
            for ranker, gaps in sorted(self._gaps.items())
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
        return {ranker: len(gaps) for ranker, gaps in sorted(self._gaps.items())}

    @property
    def positives_elsewhere(self) -> float:
        """The share of the negatives that are a positive of another example."""
        return round(self._owned / self._negatives, 4) if self._negatives else 0.0


def _shared_at(first: Ranked, second: Ranked, k: int) -> float:
    """The share of the first k hits of two rankers that both have."""
    one, other = first.hits.keys[:k], second.hits.keys[:k]
    longer = max(len(one), len(other))
    return len(np.intersect1d(one, other)) / longer if longer else 0.0
