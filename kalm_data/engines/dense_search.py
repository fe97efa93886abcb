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

from kalm_data.engines.dense_blocks import rank_by_blocks, tiles
from kalm_data.engines.dense_passes import MOST_ROWS
from kalm_data.engines.exact_scores import finite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.engines.dense_blocks import ExactRanking
    from kalm_data.engines.dense_passes import BestHits, Nominees, PositiveRanks, Reached
    from kalm_data.engines.exact_scores import Floats

_VALUES_A_SLICE = 600_000  # 2.4 MB of float32: near the cache, and work enough for one call


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
        return rank_by_blocks(
            self._pass_by, queries, documents, positives, excluded, depth, self.queries_at_once
        )

    def _pass_by(
        self, queries: Floats, documents: Floats, ranks: PositiveRanks, hits: BestHits
    ) -> None:
        look = partial(_look, ranks, hits)
        rows = min(MOST_ROWS, max(1, _VALUES_A_SLICE // max(len(queries), ranks.count)))
        tile = np.empty((min(self.documents_at_once, len(documents)), len(queries)), np.float32)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for begin, end in tiles(len(documents), self.documents_at_once):
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
