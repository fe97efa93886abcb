"""How good a list of hits is, for one query with several relevant documents of equal worth.

A list holds distinct documents, best first. Every measure lies in [0, 1]; a query must have at
least one relevant document.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum, log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

DEPTH = 100
"""How many hits of a list the deepest measure reads."""

METRICS = ("ndcg@10", "mrr@10", "recall@10", "recall@100")
"""The measures by their usual names, in the order of the fields of `Metrics`."""

FUSION_K = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009, section 2)."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """The measures of one query, or their means over many."""

    ndcg_10: float
    mrr_10: float
    recall_10: float
    recall_100: float

    def values(self) -> tuple[float, float, float, float]:
        """In the order of `METRICS`."""
        return (self.ndcg_10, self.mrr_10, self.recall_10, self.recall_100)


def measure(hits: Sequence[int], relevant: Collection[int]) -> Metrics:
    """All measures of one query's hits; fewer than `DEPTH` hits are a list that ends there."""
    ranks = [rank for rank, hit in enumerate(hits[:DEPTH], 1) if hit in relevant]
    count = len(relevant)
    return Metrics(
        ndcg(ranks, count, 10),
        reciprocal_rank(ranks, 10),
        recall(ranks, count, 10),
        recall(ranks, count, 100),
    )


def mean(rows: Sequence[Metrics]) -> Metrics:
    """The mean over queries, of which there must be one at least."""
    columns = zip(*(row.values() for row in rows), strict=True)
    return Metrics(*(fsum(column) / len(rows) for column in columns))


def ndcg(ranks: Sequence[int], relevant: int, depth: int) -> float:
    """Discounted gain over that of the ideal list: gains 0 and 1, discount 1 / log2(rank + 1).

    ranks: the 1-based ranks of the relevant hits. relevant: how many relevant documents there
    are; at most `depth` of them stand in the ideal list (Järvelin, Kekäläinen, TOIS 2002, as
    trec_eval and BEIR compute it).
    """
    ideal = _gain(range(1, min(relevant, depth) + 1))
    return _gain(rank for rank in ranks if rank <= depth) / ideal


def reciprocal_rank(ranks: Sequence[int], depth: int) -> float:
    """1 / rank of the first relevant hit; 0 where it lies below `depth`."""
    return max((1 / rank for rank in ranks if rank <= depth), default=0.0)


def recall(ranks: Sequence[int], relevant: int, depth: int) -> float:
    """The share of the relevant documents that the first `depth` hits hold."""
    return sum(rank <= depth for rank in ranks) / relevant


def fuse(lists: Sequence[Sequence[int]], depth: int) -> list[int]:
    """One list out of several by reciprocal rank fusion: Σ 1 / (60 + rank), best first.

    A document that a list lacks gets nothing from it; equal sums are in order of position. The
    result does not depend on the order of the lists.
    """
    shares: dict[int, list[float]] = {}
    for hits in lists:
        for rank, hit in enumerate(hits, 1):
            shares.setdefault(hit, []).append(1 / (FUSION_K + rank))
    sums = {hit: fsum(parts) for hit, parts in shares.items()}
    return sorted(sums, key=lambda hit: (-sums[hit], hit))[:depth]


def _gain(ranks: Iterable[int]) -> float:
    return fsum(1 / log2(rank + 1) for rank in ranks)
