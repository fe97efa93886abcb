"""Ranks the positives of examples over a whole pool, by several rankers, and stores what is found.

What has been ranked is never ranked again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kalm_data.core.mining import Hits, Measured, Ranked, hits_basis, ranking_basis
from kalm_data.core.records import HitList, Ranking
from kalm_data.measures.draws import read_ranked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from kalm_data.core.mining import Excluded, MiningExample, RankedKey
    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Record
    from kalm_data.core.tasks import Task
    from kalm_data.measures.draws import DrawStore

    Asked = tuple[MiningExample, Excluded]
    Found = Mapping[str, Mapping[RankedKey, Ranked]]


KEPT_EVERY_S = 5.0
"""How much work of a slow ranker a kill may cost."""


class Ranker(Protocol):
    """Ranks over one pool. What it `needs` has ranked the same examples before, by id."""

    id: str
    needs: tuple[str, ...]
    cut: int
    """Texts that were read in part while ranking."""
    pool_size: int
    """Documents among which it ranks: all of the pool, or a sample."""

    def rank(self, asked: Sequence[Asked], found: Found) -> Iterator[Ranked]:
        """Hits, and the exact rank of each positive in the pool, of each example, in order."""
        ...


@dataclass(frozen=True, slots=True)
class RankedPool:
    """The pool of a task, as rankers look at it. keys: (P,) ascending; basis: what ranks of the
    task are made from, beside the ranker and the positives.
    """

    task: Task
    pool: Pool
    index: Mapping[str, int]
    keys: NDArray[np.uint64]
    basis: str

    @classmethod
    def of(cls, task: Task, pool: Pool) -> RankedPool:
        keys = np.array(pool.keys(), np.uint64)
        return cls(task, pool, pool.index(), keys, ranking_basis(pool, task))

    def positives(self, example: MiningExample) -> list[str]:
        """Those that the pool holds, as text hashes."""
        return [text_hash for text_hash in example.positives if text_hash in self.index]

    def places(self, example: MiningExample) -> list[int]:
        """Their positions."""
        return [self.index[text_hash] for text_hash in self.positives(example)]

    def positions(self, hits: Hits) -> NDArray[np.int64]:
        """(D,) positions of hits."""
        return np.searchsorted(self.keys, hits.keys)

    def ranked(
        self,
        example: MiningExample,
        positions: NDArray[np.int64],
        scores: NDArray[np.float64],
        measured: Sequence[Measured],
    ) -> Ranked:
        """positions, scores: (D,) of the hits; measured: one for each of `positives`."""
        known = dict(zip(self.positives(example), measured, strict=True))
        return Ranked(known, Hits(self.keys[positions], scores))

    def ranked_by(
        self, example: MiningExample, own: Excluded, scored: Mapping[int, float], depth: int
    ) -> Ranked:
        """By scores of some positions; a positive that has none has no evidence, and ranks last.

        Equal scores are in order of position, and a tie counts against a positive.
        """
        order = sorted(scored, key=lambda place: (-scored[place], place))[:depth]
        barred = set(own.places)
        rivals = np.array([score for place, score in scored.items() if place not in barred])
        last = 1 + len(self.pool) - len(barred)
        measured = [
            Measured(1 + int(np.count_nonzero(rivals >= scored[place])), scored[place], False)
            if place in scored
            else Measured(last, 0.0, True)
            for place in self.places(example)
        ]
        scores = np.array([scored[place] for place in order], np.float64)
        return self.ranked(example, np.array(order, np.int64), scores, measured)


class Measurements:
    """Looks up what the workspace holds of a block of examples; ranks and stores what it lacks.

    `ranked` counts the examples that any ranker ranked in this run.
    """

    def __init__(
        self, store: DrawStore, run: Run, over: RankedPool, rankers: Sequence[Ranker], depth: int
    ) -> None:
        """rankers: those that others need come before them."""
        self._store, self._run, self._over, self._depth = store, run, over, depth
        self._rankers = rankers
        self.ranked = 0

    def of(self, pairs: Sequence[Asked]) -> Found:
        """By id of the ranker and key of the example; examples without a positive in the pool are
        missing.
        """
        block = [example for example, _ in pairs]
        found: dict[str, dict[RankedKey, Ranked]] = {}
        ranked: set[str] = set()
        for ranker in self._rankers:
            stored = read_ranked(self._store, ranker.id, self._over.basis, self._depth, block)
            asked = [pair for pair in pairs if self._needs(pair, stored)]
            stored.update(self._rank(ranker, asked, found))
            found[ranker.id] = stored
            ranked |= {example.example_id for example, _ in asked}
        self.ranked += len(ranked)
        return found

    def _rank(
        self, ranker: Ranker, asked: Sequence[Asked], found: Found
    ) -> Iterator[tuple[RankedKey, Ranked]]:
        rows: list[Record] = []
        kept_at = time.monotonic()
        for pair, one in zip(asked, ranker.rank(asked, found), strict=True):
            yield ranked_key(*pair), one
            rows += self._rows(ranker, *pair, one)
            if time.monotonic() - kept_at >= KEPT_EVERY_S:
                self._keep(rows)
                rows, kept_at = [], time.monotonic()
        self._keep(rows)

    def _keep(self, rows: Sequence[Record]) -> None:
        self._run.append(rows)
        self._run.checkpoint()

    def _needs(self, pair: Asked, stored: Mapping[RankedKey, Ranked]) -> bool:
        return ranked_key(*pair) not in stored and bool(self._over.positives(pair[0]))

    def _rows(
        self, ranker: Ranker, example: MiningExample, own: Excluded, ranked: Ranked
    ) -> Iterator[Record]:
        id_, run_id, basis = example.example_id, self._run.run_id, self._over.basis
        for text_hash, at in ranked.measured.items():
            yield Ranking(
                id_, text_hash, ranker.id, basis, ranker.pool_size, own.positives,
                at.rank, at.score, at.no_evidence, run_id,
            )  # fmt: skip
        hits = ranked.hits
        listed = hits_basis(basis, self._depth)
        yield HitList(id_, ranker.id, listed, own.positives, hits.keys, hits.scores, run_id)


def ranked_key(example: MiningExample, own: Excluded) -> RankedKey:
    return example.example_id, own.positives
