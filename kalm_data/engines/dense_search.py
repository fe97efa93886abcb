"""Exact dense search: every rank over the whole pool, and the best hits, equal to brute force.

Float32 products only nominate; only exact scores (`exact_scores`) are compared. So a result
depends neither on block sizes, nor on threads, nor on the order of queries or documents.

The product takes the time of a plain one; what comes after it is bound by memory. So it is looked
at in slices about as large as a core's cache, by one thread a core (numpy lets go of the lock).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.engines.dense_passes import MOST_ROWS, BestHits, PositiveRanks
from kalm_data.engines.exact_scores import finite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.engines.dense_passes import Nominees, Reached
    from kalm_data.engines.exact_scores import Floats, Places, Scores

_VALUES_A_SLICE = 600_000  # 2.4 MB of float32: near the cache, and work enough for one call
_FIRST_TILE = 256
_HITS_AT_ONCE = 2_000_000  # depth × queries; the nominees of the hits take ~100 bytes each


@dataclass(slots=True)
class ExactRanking:
    """Hits and ranks of one query; satisfies `core.protocols.DenseRanking`."""

    positions: Places
    scores: Scores
    ranks: list[int]
    positive_scores: list[float]


@dataclass(frozen=True, slots=True)
class ExactSearch:
    """Satisfies `core.protocols.DenseSearch`; the two block sizes bound its memory.

    A query without evidence (a zero vector, or one that is not finite) has no hits, and its
    positives rank last with score 0; a positive whose score is 0 ranks last too.
    """

    queries_at_once: int = 4096
    documents_at_once: int = 4096

    def rank(
        self,
        queries: Floats,
        documents: Floats,
        positives: Sequence[Sequence[int]],
        excluded: Sequence[Sequence[int]],
        depth: int,
    ) -> Iterator[ExactRanking]:
        """For each query, in order: its hits and the exact rank of each of its positives.

        queries (Q, D), documents (P, D). Equal scores are in order of position, and a tie counts
        against the positive. A vector that is not finite counts as zero.

        The documents may be a mapped file larger than memory. Each block of queries reads them
        once from front to back, `documents_at_once` at a time, and besides that its positives, its
        excluded and its hits, in order of position. Blocks are smaller where `depth` is large.
        """
        at_once = min(self.queries_at_once, max(1, _HITS_AT_ONCE // depth))
        for start in range(0, len(queries), at_once):
            rows = slice(start, start + at_once)
            block = finite(queries[rows])
            ranks = PositiveRanks(block, documents, positives[rows], excluded[rows])
            hits = BestHits(block, documents, depth)
            self._pass_by(block, documents, ranks, hits)
            yield from map(_ranking, hits.best(), ranks.of_each_query())

    def _pass_by(
        self, queries: Floats, documents: Floats, ranks: PositiveRanks, hits: BestHits
    ) -> None:
        look = partial(_look, ranks, hits)
        rows = min(MOST_ROWS, max(1, _VALUES_A_SLICE // max(len(queries), ranks.count)))
        tile = np.empty((min(self.documents_at_once, len(documents)), len(queries)), np.float32)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for begin, end in _tiles(len(documents), self.documents_at_once):
                chunk = finite(documents[begin:end])
                values = np.matmul(chunk, queries.T, out=tile[: len(chunk)])
                parts = [slice(start, start + rows) for start in range(0, len(chunk), rows)]
                starts = [begin + part.start for part in parts]
                slices = ([chunk[part] for part in parts], [values[part] for part in parts])
                for reached, nominees in pool.map(look, starts, *slices):
                    ranks.add(reached)
                    hits.add(nominees)


def _look(
    ranks: PositiveRanks, hits: BestHits, begin: int, documents: Floats, values: Floats
) -> tuple[list[Reached], Nominees]:
    peaks = values.max(axis=0)
    return ranks.look(documents, values, peaks), hits.look(begin, values, peaks)


def _tiles(count: int, at_once: int) -> Iterator[tuple[int, int]]:
    """Where tiles of documents begin and end; small at first, while no hit is known to beat."""
    begin, size = 0, min(_FIRST_TILE, at_once)
    while begin < count:
        yield begin, min(begin + size, count)
        begin, size = begin + size, min(2 * size, at_once)


def _ranking(hits: tuple[Places, Scores], ranks: tuple[list[int], list[float]]) -> ExactRanking:
    return ExactRanking(*hits, *ranks)
