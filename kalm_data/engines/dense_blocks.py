"""What searches have in common, wherever their products are made: blocks of queries, tiles of
documents, and what is kept while the tiles pass by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.engines.dense_passes import BestHits, PositiveRanks
from kalm_data.engines.exact_scores import finite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from kalm_data.engines.exact_scores import Floats, Places, Scores

    PassBy: TypeAlias = Callable[[Floats, Floats, PositiveRanks, BestHits], None]

_FIRST_TILE = 256
_HITS_AT_ONCE = 2_000_000  # depth × queries; the nominees of the hits take ~100 bytes each


@dataclass(slots=True)
class ExactRanking:
    """Hits and ranks of one query; satisfies `core.protocols.DenseRanking`."""

    positions: Places
    scores: Scores
    ranks: list[int]
    positive_scores: list[float]


def rank_by_blocks(
    pass_by: PassBy,
    queries: Floats,
    documents: Floats,
    positives: Sequence[Sequence[int]],
    excluded: Sequence[Sequence[int]],
    depth: int,
    queries_at_once: int,
) -> Iterator[ExactRanking]:
    """For each query, in order: its hits and the exact rank of each of its positives.

    pass_by: has ranks and hits see all documents, for one block of queries. Blocks are smaller
    where `depth` is large.
    """
    at_once = min(queries_at_once, max(1, _HITS_AT_ONCE // depth))
    for start in range(0, len(queries), at_once):
        rows = slice(start, start + at_once)
        block = finite(queries[rows])
        ranks = PositiveRanks(block, documents, positives[rows], excluded[rows])
        hits = BestHits(block, documents, depth)
        pass_by(block, documents, ranks, hits)
        yield from map(_ranking, hits.best(), ranks.of_each_query())


def tiles(count: int, at_once: int) -> Iterator[tuple[int, int]]:
    """Where tiles of documents begin and end; small at first, while no hit is known to beat."""
    begin, size = 0, min(_FIRST_TILE, at_once)
    while begin < count:
        yield begin, min(begin + size, count)
        begin, size = begin + size, min(2 * size, at_once)


def _ranking(hits: tuple[Places, Scores], ranks: tuple[list[int], list[float]]) -> ExactRanking:
    return ExactRanking(*hits, *ranks)
