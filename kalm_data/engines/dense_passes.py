"""What an exact search keeps while the documents pass by: counts for the ranks, and the hits.

Both look at slices of float32 products, values (S, Q) of S documents and Q queries, documents
first, so that a comparison with one number a query runs along the rows. Looking changes nothing
and may be done by several threads at once; what was seen is then added by one of them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.engines.exact_scores import NOMINATION, exact_scores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from kalm_data.engines.exact_scores import Floats, Places, Scores

    Reached = tuple[Places, Places]
    Nominees = tuple[Places, Places, Floats]

MOST_ROWS = 255
"""Documents of a slice at most, so that a byte a query counts them."""


class PositiveRanks:
    """How many documents score at least as high as each of the J positives of Q queries."""

    def __init__(
        self,
        queries: Floats,
        documents: Floats,
        positives: Sequence[Sequence[int]],
        excluded: Sequence[Sequence[int]],
    ) -> None:
        self._queries = queries
        self._row, place = _flat(positives)
        self._score = exact_scores(queries, documents, self._row, place)
        first = np.flatnonzero(np.diff(self._row, prepend=-1))
        self._first = first if len(first) == len(queries) else first[:0]
        self._bar = np.where(self._score != 0, self._score, np.inf)
        self._above = self._bar.astype(np.float32) + NOMINATION
        self._below = self._bar.astype(np.float32) - NOMINATION
        self._counted = -self._excluded_at_least(documents, excluded)
        self._allowed = np.array([len(documents) - len(places) for places in excluded], np.int64)

    @property
    def count(self) -> int:
        """J, the number of positives."""
        return len(self._row)

    def _excluded_at_least(self, documents: Floats, excluded: Sequence[Sequence[int]]) -> Places:
        row, place = _flat(excluded)
        score = exact_scores(self._queries, documents, row, place)
        border = _borders(row, len(self._queries))
        own = zip(border[self._row], border[self._row + 1], self._bar, strict=True)
        count = [np.count_nonzero(score[first:last] >= bar) for first, last, bar in own]
        return np.array(count, np.int64)

    def look(self, documents: Floats, values: Floats, peaks: Floats) -> list[Reached]:
        """Which positives these S documents reach, and how many of them score at least as high.

        peaks (Q,): the largest of each query's values. Most slices lie below most positives. Where
        they do not, a positive of each query is compared in place.
        """
        reached = self._reached_by(peaks)
        if 2 * np.count_nonzero(reached[self._first]) <= len(peaks):
            return [self._gathered(documents, values, reached)]
        in_place = self._at_least(documents, values, self._first)
        reached[self._first] = False
        return [in_place, self._gathered(documents, values, reached)]

    def reached(self, peaks: Floats) -> Places:
        """The positives that some document may reach, where peaks (Q,) are the largest values."""
        return np.flatnonzero(self._reached_by(peaks))

    def bars(self, pairs: Places) -> tuple[Places, Floats, Floats]:
        """Query, bar below and bar above of some positives. What is above is certain to score at
        least as high, what is below is not; what lies between is near.
        """
        return self._row[pairs], self._below[pairs], self._above[pairs]

    def count_near(
        self, documents: Floats, pairs: Places, document: Places, column: Places
    ) -> Places:
        """How many of the documents that are near to positives score at least as high.

        (document, column): places in `documents` and `pairs`.
        """
        close = exact_scores(self._queries, documents, self._row[pairs[column]], document)
        return np.bincount(column[close >= self._bar[pairs[column]]], minlength=len(pairs))

    def _reached_by(self, peaks: Floats) -> NDArray[np.bool_]:
        return _reached(peaks[self._row], self._below)

    def _gathered(self, documents: Floats, values: Floats, reached: NDArray[np.bool_]) -> Reached:
        pairs = np.flatnonzero(reached)
        return self._at_least(documents, values.take(self._row[pairs], axis=1), pairs)

    def _at_least(self, documents: Floats, judged: Floats, pairs: Places) -> Reached:
        _, below, above = self.bars(pairs)
        certain = judged > above
        counted = np.add.reduce(certain.view(np.uint8), axis=0, dtype=np.uint8).astype(np.int64)
        document, column = _nonzero((judged >= below) ^ certain)
        return pairs, counted + self.count_near(documents, pairs, document, column)

    def add(self, reached: list[Reached]) -> None:
        """Take in what `look` saw in one slice."""
        for pairs, counted in reached:
            self._counted[pairs] += counted

    def of_each_query(self) -> Iterator[tuple[list[int], list[float]]]:
        """(1-based ranks, scores) of the positives of each query, in order."""
        ranks = 1 + np.where(self._score != 0, self._counted, self._allowed[self._row])
        for first, last in pairwise(_borders(self._row, len(self._queries))):
            yield ranks[first:last].tolist(), self._score[first:last].tolist()


class BestHits:
    """Whatever may be among the `depth` best documents of each of Q queries.

    It holds 2 × depth × Q nominees and what one call of `add` brings, then prunes to about half.
    """

    def __init__(self, queries: Floats, documents: Floats, depth: int) -> None:
        self._queries, self._documents, self._depth = queries, documents, depth
        has_evidence = np.any(queries, axis=1)
        self._threshold = np.where(has_evidence, -np.inf, np.inf).astype(np.float32)  # (Q,)
        self._nominees = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
        self._held = 0

    @property
    def bar(self) -> Floats:
        """(Q,) what a document must reach to be a nominee."""
        return self._threshold - NOMINATION

    def look(self, begin: int, values: Floats, peaks: Floats) -> Nominees:
        """(N,) queries, positions and values of what may be among the best.

        The slice begins at position `begin`; peaks (Q,): the largest of each query's values.
        """
        bar = self.bar
        reached = np.flatnonzero(_reached(peaks, bar))
        judged = values.take(reached, axis=1)
        document, column = _nonzero(judged >= bar[reached])
        return reached[column], begin + document, judged[document, column]

    def add(self, nominees: Nominees) -> None:
        """Take in what `look` saw in one slice."""
        self._nominees.append(nominees)
        self._held += len(nominees[0])
        if self._held > 2 * self._depth * len(self._queries):
            self._prune()

    def _prune(self) -> None:
        """Raise each threshold to the `depth`-th best value so far; drop what is far below it."""
        row, place, value = map(np.concatenate, zip(*self._nominees, strict=True))
        order = _by_row(row, len(self._queries))
        row, place, value = row[order], place[order], value[order]
        for query, (first, last) in enumerate(pairwise(_borders(row, len(self._queries)).tolist())):
            nth = last - first - self._depth
            if nth >= 0:
                self._threshold[query] = np.partition(value[first:last], nth)[nth]
        self._keep(row, place, value, np.flatnonzero(value >= self._threshold[row] - NOMINATION))
        if self._held > 1.5 * self._depth * len(self._queries):
            self._settle()

    def _keep(self, row: Places, place: Places, value: Floats, kept: Places) -> None:
        self._nominees = [(row[kept], place[kept], value[kept])]
        self._held = len(kept)

    def _settle(self) -> Scores:
        """Keep the `depth` best of each query by exact score, in order; return their scores.

        Before the end that is needed only where many documents are nearly copies of one another.
        """
        ((row, place, value),) = self._nominees
        score = exact_scores(self._queries, self._documents, row, place)
        order = np.lexsort((place, -score, row))  # the rows stay where they are
        nth = np.arange(len(row)) - _borders(row, len(self._queries))[row]
        kept = order[nth < self._depth]
        self._keep(row, place, value, kept)
        return score[kept]

    def best(self) -> Iterator[tuple[Places, Scores]]:
        """(positions, exact scores) of each query's hits: best first, then by position."""
        self._prune()
        score = self._settle()
        ((row, place, _),) = self._nominees
        for first, last in pairwise(_borders(row, len(self._queries))):
            yield place[first:last], score[first:last]


def _reached(peaks: Floats, bars: Floats) -> NDArray[np.bool_]:
    """Which peaks are not below their bars; one that is not a number hides those beside it."""
    return ~(peaks < bars)


def _by_row(rows: Places, count: int) -> Places:
    """Stable order of rows below `count`; numpy sorts integers of 16 bits by radix."""
    return np.argsort(rows.astype(np.min_scalar_type(count)), kind="stable")


def _borders(rows: Places, count: int) -> Places:
    """(count + 1,) where each row's entries begin, and where the last ones end."""
    return np.searchsorted(rows, np.arange(count + 1))


def _nonzero(mask: NDArray[np.bool_]) -> tuple[Places, Places]:
    """As np.nonzero, but twice as fast for few of many."""
    return np.divmod(np.flatnonzero(mask), max(1, mask.shape[1]))


def _flat(lists: Sequence[Sequence[int]]) -> tuple[Places, Places]:
    rows = np.repeat(np.arange(len(lists)), [len(places) for places in lists])
    places = [place for each in lists for place in each]
    return rows.astype(np.int64), np.array(places, np.int64)
