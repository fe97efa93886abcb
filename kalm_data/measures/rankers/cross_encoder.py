"""Scores the best hits of another ranker again, reading query and document together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.mining import Measured, ranker_id
from kalm_data.core.templates import BARE, render_document
from kalm_data.measures.ranking import ranked_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from kalm_data.core.mining import Excluded, MiningExample, Ranked
    from kalm_data.core.protocols import PairScorer
    from kalm_data.measures.ranking import Asked, Found, RankedPool


class CrossEncoderRanker:
    """Satisfies `measures.ranking.Ranker`: the order of the two together.

    The hits are the rescored ones. A positive among them has its rank among them; any other keeps
    the rank of the first ranker, below them. Its score is the cross-encoder's all the same.
    """

    def __init__(self, scorer: PairScorer, base: str, over: RankedPool, count: int) -> None:
        """base: id of the ranker whose first `count` hits are rescored."""
        self._scorer, self._over, self._count = scorer, over, count
        self.needs: tuple[str, ...] = (base,)
        self.id = ranker_id("cross-encoder", scorer.name, scorer.fingerprint, base, str(count))
        self.cut = 0

    def rank(self, asked: Sequence[Asked], found: Found) -> Iterator[Ranked]:
        bases = [found[self.needs[0]][ranked_key(*pair)] for pair in asked]
        hits = [self._over.positions(base.hits)[: self._count] for base in bases]
        places = [
            list(dict.fromkeys([*some.tolist(), *self._over.places(example)]))
            for (example, _), some in zip(asked, hits, strict=True)
        ]
        pairs = [
            (example.query, self._text(place))
            for (example, _), some in zip(asked, places, strict=True)
            for place in some
        ]
        scores = self._scorer.score(pairs)
        self.cut += self._scorer.count_cut(pairs)
        start = 0
        for pair, base, some, known in zip(asked, bases, hits, places, strict=True):
            scored = dict(zip(known, scores[start : start + len(known)].tolist(), strict=True))
            start += len(known)
            yield self._ranked(*pair, base, some, scored)

    def _ranked(
        self,
        example: MiningExample,
        own: Excluded,
        base: Ranked,
        hits: NDArray[np.int64],
        scored: dict[int, float],
    ) -> Ranked:
        scores = np.array([scored[place] for place in hits.tolist()], np.float64)
        order = np.lexsort((hits, -scores))
        rivals = scores[~np.isin(hits, own.places)]
        among = set(hits.tolist())
        measured = []
        for place, text_hash in zip(
            self._over.places(example), self._over.positives(example), strict=True
        ):
            first, score = base.measured[text_hash], scored[place]
            within = 1 + int(np.count_nonzero(rivals >= score))
            rank = within if place in among else max(first.rank, 1 + len(rivals))
            measured.append(Measured(rank, score, first.no_evidence))
        return self._over.ranked(example, hits[order], scores[order], measured)

    def _text(self, place: int) -> str:
        document = self._over.pool.documents[place]
        return render_document(BARE, document.text, document.title, document.headings)
