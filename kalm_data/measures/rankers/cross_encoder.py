"""Scores the best hits of another ranker again, reading query and document together."""

from __future__ import annotations

from itertools import chain
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
    the rank (and a lack of evidence) of the first ranker, below them. Its score is the
    cross-encoder's all the same.
    """

    def __init__(
        self, scorer: PairScorer, bases: tuple[str, ...], over: RankedPool, count: int
    ) -> None:
        """bases: ids of the rankers, each of whose first `count` hits are rescored."""
        self._scorer, self._over, self._count = scorer, over, count
        self.pool_size = len(over.pool)
        self.needs = bases
        self.id = ranker_id("cross-encoder", scorer.name, scorer.fingerprint, *bases, str(count))
        self.cut = 0

    def rank(self, asked: Sequence[Asked], found: Found) -> Iterator[Ranked]:
        """The pairs of each example are read by themselves: so its scores depend neither on the
        others nor on where an earlier run was stopped.
        """
        for example, own in asked:
            bases = [found[id_][ranked_key(example, own)] for id_ in self.needs]
            listed = [self._over.positions(base.hits)[: self._count].tolist() for base in bases]
            hits = np.array(list(dict.fromkeys(chain(*listed))), np.int64)
            places = list(dict.fromkeys([*hits.tolist(), *self._over.places(example)]))
            pairs = [(example.query, self._text(place)) for place in places]
            scored = dict(zip(places, self._scorer.score(pairs).tolist(), strict=True))
            self.cut += self._scorer.count_cut(pairs)
            yield self._ranked(example, own, bases[0], hits, scored)

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
            unknown = first.no_evidence and place not in among
            measured.append(Measured(rank, score, unknown))
        return self._over.ranked(example, hits[order], scores[order], measured)

    def _text(self, place: int) -> str:
        document = self._over.pool.documents[place]
        return render_document(BARE, document.text, document.title, document.headings)
