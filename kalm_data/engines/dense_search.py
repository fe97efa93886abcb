"""Exact dense search: every rank over the whole pool, and the best hits, equal to brute force.

Float32 products only nominate. What lies within `NOMINATION` of a score that matters (a
positive's, or that of the last hit) is scored again in float64 from the same vectors, one row at
a time, and rounded to 1e-9; only such scores are compared. So a result depends neither on block
sizes, nor on threads, nor on the order of queries or documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Scores = NDArray[np.float64]
    Places = NDArray[np.int64]

NOMINATION = np.float32(1e-5)
"""Half-width of the band that is scored again; float32 products of unit vectors err by ~1e-7."""

_DECIMALS = 9
_PAIRS_AT_ONCE = 8192


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

    queries_at_once: int = 256
    documents_at_once: int = 8192

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
        """
        for start in range(0, len(queries), self.queries_at_once):
            rows = slice(start, start + self.queries_at_once)
            block = _finite(queries[rows])
            ranks = _Ranks(block, documents, positives[rows], excluded[rows])
            hits = _Hits(block, depth)
            for begin in range(0, len(documents), self.documents_at_once):
                chunk = _finite(documents[begin : begin + self.documents_at_once])
                values = block @ chunk.T
                ranks.see(begin, chunk, values)
                hits.see(begin, values)
            yield from map(_ranking, hits.best(documents), ranks.of_each_query())


def _ranking(hits: tuple[Places, Scores], ranks: tuple[list[int], list[float]]) -> ExactRanking:
    return ExactRanking(*hits, *ranks)


class _Ranks:
    """Counts, while the documents pass by, how many score at least as high as each positive.

    The positives of all Q queries are flat: (J,) `_row` is the query, `_score` the exact score.
    """

    def __init__(
        self,
        queries: Floats,
        documents: Floats,
        positives: Sequence[Sequence[int]],
        excluded: Sequence[Sequence[int]],
    ) -> None:
        self._queries = queries
        self._row, place = _flat(positives)
        self._score = _exact_scores(queries, documents, self._row, place)
        self._has_evidence = self._score != 0
        self._bar = np.where(self._has_evidence, self._score, np.inf)
        self._counted = np.zeros(len(self._row), np.int64)
        for pair, query in enumerate(self._row):
            self._counted[pair] -= self._excluded_above(pair, documents, excluded[query])
        allowed = [len(documents) - len(places) for places in excluded]
        self._all = np.array(allowed, np.int64)[self._row]

    def _excluded_above(self, pair: int, documents: Floats, excluded: Sequence[int]) -> int:
        places = np.array(excluded, np.int64)
        rows = np.full(len(places), self._row[pair])
        scores = _exact_scores(self._queries, documents, rows, places)
        return int(np.count_nonzero(scores >= self._bar[pair]))

    def see(self, begin: int, chunk: Floats, values: Floats) -> None:
        """Take in C documents from position `begin` on; values (Q, C) are float32 products."""
        one_each = np.array_equal(self._row, np.arange(len(values)))
        judged = values if one_each else values[self._row]  # (J, C)
        bar = self._bar.astype(np.float32)[:, None]
        certain = judged > bar + NOMINATION
        self._counted += np.count_nonzero(certain, axis=1)
        pair, column = _nonzero((judged >= bar - NOMINATION) & ~certain)
        close = _exact_scores(self._queries, chunk, self._row[pair], column)
        self._counted += np.bincount(pair[close >= self._bar[pair]], minlength=len(self._counted))

    def of_each_query(self) -> Iterator[tuple[list[int], list[float]]]:
        """(1-based ranks, scores) of the positives of each query, in order."""
        ranks = 1 + np.where(self._has_evidence, self._counted, self._all)
        border = np.searchsorted(self._row, np.arange(len(self._queries) + 1))
        for first, last in pairwise(border):
            yield ranks[first:last].tolist(), self._score[first:last].tolist()


class _Hits:
    """Keeps, while the documents pass by, whatever may be among the best of each of Q queries."""

    def __init__(self, queries: Floats, depth: int) -> None:
        self._queries, self._depth = queries, depth
        has_evidence = np.any(queries, axis=1)
        self._threshold = np.where(has_evidence, -np.inf, np.inf).astype(np.float32)  # (Q,)
        self._row = self._place = np.empty(0, np.int64)
        self._value = np.empty(0, np.float32)

    def see(self, begin: int, values: Floats) -> None:
        """Take in the documents from position `begin` on; values (Q, C) are float32 products."""
        if len(self._row) == 0 and values.shape[1] > self._depth:
            nth = values.shape[1] - self._depth
            best = np.partition(values, nth, axis=1)[:, nth]
            self._threshold = np.maximum(self._threshold, best)
        row, column = _nonzero(values >= (self._threshold - NOMINATION)[:, None])
        self._row = np.concatenate((self._row, row))
        self._place = np.concatenate((self._place, begin + column))
        self._value = np.concatenate((self._value, values[row, column]))
        if len(self._row) > 2 * self._depth * len(values):
            self._prune()

    def _prune(self) -> None:
        """Raise each threshold to the `depth`-th best value so far; drop what is far below it."""
        self._take(np.lexsort((-self._value, self._row)))
        for query, (first, last) in enumerate(self._borders()):
            if last - first >= self._depth:
                self._threshold[query] = self._value[first + self._depth - 1]
        self._take(np.flatnonzero(self._value >= self._threshold[self._row] - NOMINATION))

    def _take(self, order: Places) -> None:
        self._row, self._place = self._row[order], self._place[order]
        self._value = self._value[order]

    def _borders(self) -> list[tuple[int, int]]:
        border = np.searchsorted(self._row, np.arange(len(self._queries) + 1)).tolist()
        return list(pairwise(border))

    def best(self, documents: Floats) -> Iterator[tuple[Places, Scores]]:
        """(positions, exact scores) of each query's hits: best first, then by position."""
        self._prune()
        score = _exact_scores(self._queries, documents, self._row, self._place)
        order = np.lexsort((self._place, -score, self._row))
        self._take(order)
        score = score[order]
        for first, last in self._borders():
            found = slice(first, min(last, first + self._depth))
            yield self._place[found], score[found]


def _exact_scores(queries: Floats, documents: Floats, rows: Places, places: Places) -> Scores:
    """(N,) cosines of the pairs (queries[rows], documents[places]), rounded to 1e-9.

    Products of float32 are exact in float64, and each row is summed by itself: the same pair has
    the same bits in whatever company it is scored.
    """
    scores = np.zeros(len(rows), np.float64)
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        left = queries[rows[part]].astype(np.float64)
        left *= _finite(documents[places[part]])
        scores[part] = left.sum(axis=1)
    return np.round(scores, _DECIMALS) + 0.0  # no negative zero


def _finite(vectors: Floats) -> Floats:
    """The vectors, with zeros for those that are not finite."""
    good = np.isfinite(vectors).all(axis=1, keepdims=True)
    return vectors if good.all() else np.where(good, vectors, np.float32(0))


def _nonzero(mask: NDArray[np.bool_]) -> tuple[Places, Places]:
    """As np.nonzero, but twice as fast for few of many."""
    return np.divmod(np.flatnonzero(mask), max(1, mask.shape[1]))


def _flat(lists: Sequence[Sequence[int]]) -> tuple[Places, Places]:
    rows = np.repeat(np.arange(len(lists)), [len(places) for places in lists])
    places = [place for each in lists for place in each]
    return rows.astype(np.int64), np.array(places, np.int64)
