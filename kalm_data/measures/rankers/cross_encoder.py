"""Scores the best hits of another ranker again, reading query and document together."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.mining import Measured, ranker_id
from kalm_data.core.templates import BARE
from kalm_data.measures.ranking import ranked_key
from kalm_data.measures.written_pool import written_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from kalm_data.core.mining import Excluded, MiningExample, Ranked
    from kalm_data.core.protocols import PairScorer
    from kalm_data.measures.ranking import Asked, Found, RankedPool

_READ_AT_ONCE = 64
"""Examples whose documents are read from the workspace together."""


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
        for start in range(0, len(asked), _READ_AT_ONCE):
            some = asked[start : start + _READ_AT_ONCE]
            hits = [self._hits(pair, found) for pair in some]
            own = (self._over.places(example) for example, _ in some)
            places = [
                list(dict.fromkeys([*one, *mine])) for one, mine in zip(hits, own, strict=True)
            ]
            texts = self._texts(sorted({*chain(*places)}))
            for pair, found_hits, read in zip(some, hits, places, strict=True):
                first = found[self.needs[0]][ranked_key(*pair)]
                pairs = [(pair[0].query, texts[place]) for place in read]
                scored = dict(zip(read, self._scorer.score(pairs).tolist(), strict=True))
                self.cut += self._scorer.count_cut(pairs)
                yield self._ranked(*pair, first, np.array(found_hits, np.int64), scored)

    def _hits(self, pair: Asked, found: Found) -> list[int]:
        """Positions of the first hits of each ranker."""
        bases = (found[id_][ranked_key(*pair)] for id_ in self.needs)
        listed = [self._over.positions(base.hits)[: self._count].tolist() for base in bases]
        return list(dict.fromkeys(chain(*listed)))

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

    def _texts(self, places: Sequence[int]) -> dict[int, str]:
        """By position, as they are read."""
        written = chain.from_iterable(written_blocks(self._over.pool, BARE, places))
        return dict(zip(places, written, strict=True))
