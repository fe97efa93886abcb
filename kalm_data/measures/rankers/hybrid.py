"""Merges the hits of other rankers by reciprocal rank fusion (Cormack et al., SIGIR 2009)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kalm_data.core.mining import ranker_id
from kalm_data.measures.ranking import ranked_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.mining import Ranked
    from kalm_data.measures.ranking import Asked, Found, RankedPool

K = 60
"""The constant of the fusion, as its authors set it."""


_DECIMALS = 12
"""Sums are rounded: equal ones of other ranks (3 and 80, 24 and 30) differ in their last bits."""


class HybridRanker:
    """Satisfies `measures.ranking.Ranker`.

    The score of a document is the sum of 1 / (60 + raw rank) over the lists of hits that hold it,
    and 0 where none does: so ranks are exact, and cost no search of their own. A positive that is
    among no hits has no evidence, and ranks last.
    """

    cut = 0

    def __init__(self, name: str, needs: tuple[str, ...], over: RankedPool, depth: int) -> None:
        """depth: that of the merged lists, and of the lists they are merged from."""
        self.needs, self._over, self._depth = needs, over, depth
        self.pool_size = len(over.pool)
        self.id = ranker_id("hybrid", name, *needs, str(depth))

    def rank(self, asked: Sequence[Asked], found: Found) -> Iterator[Ranked]:
        for example, own in asked:
            key = ranked_key(example, own)
            fused: defaultdict[int, float] = defaultdict(float)
            for id_ in self.needs:
                places = self._over.positions(found[id_][key].hits).tolist()
                for rank, place in enumerate(places, start=1):
                    fused[place] += 1 / (K + rank)
            scored = {place: round(score, _DECIMALS) for place, score in fused.items()}
            yield self._over.ranked_by(example, own, scored, self._depth)
