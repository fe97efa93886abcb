"""Exact BM25 search with the scores of `rank_bm25.BM25Okapi`, bit for bit, and every rank.

BM25Okapi defines the scores: Robertson and Sparck Jones's idf with a floor for negative ones
(Trotman et al., "Improvements to BM25 and Language Models Examined", ADCS 2014, as that package
implements it). It looks every word of a query up in every document. Here an inverted index holds
what a word adds to a document's score, computed once from the package's own fields in its own
order of operations; a query adds those parts up in the order of its words. Float64 throughout,
nothing is rounded, so the bits agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import numpy as np
from rank_bm25 import BM25Okapi

from kalm_data.engines.bm25_tokens import tokens
from kalm_data.engines.dense_blocks import ExactRanking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Scores = NDArray[np.float64]
    Places = NDArray[np.int64]

_FREQUENT = 1 / 8
"""Share of the documents from which on a word's parts are also kept as a whole row, which is faster
to add than that many parts by place: on 30,666 Debian packages 1/8, 1/16 and 1/24 took as long,
1/32 longer. Rows need at most 8 times the memory of their parts (39 words there, 10 MB).
"""
_COLUMNS_PER_HIT = 8


@dataclass(frozen=True, slots=True)
class _Term:
    """A word's postings: what it adds (`parts`) to the documents (`places`, ascending)."""

    places: Places
    parts: Scores
    row: Scores | None
    """(P,) the parts among zeros, of frequent words."""

    def add_to(self, scores: Scores) -> None:
        if self.row is None:
            scores[self.places] += self.parts
        else:
            scores += self.row


class OkapiSearch:
    """An index over all documents of a pool, which it names by position.

    Words are those of `bm25_tokens`; one that a query repeats counts each time. Pools without
    documents or without words, for which BM25Okapi divides by zero, have scores of 0 and no hits.
    """

    def __init__(self, texts: Iterable[str], *, stem: str = "") -> None:
        """texts: (P,) in pool order. stem: ISO 639-1 code of the language whose Snowball stemmer
        cuts the words of documents and queries; empty, or a language that has none: no stemming.
        """
        self._stem = stem
        read = [tokens(text, stem) for text in texts]
        self._size = len(read)
        self._terms = _terms(BM25Okapi(read)) if any(read) else {}

    def scores(self, query: str) -> Scores:
        """(P,) the bits of BM25Okapi.get_scores; negative ones occur in pools of few documents."""
        scores = np.empty(self._size)
        _score(self._read(query), scores)
        return scores

    def rank(
        self,
        queries: Sequence[str],
        positives: Sequence[Sequence[int]],
        excluded: Sequence[Sequence[int]],
        depth: int,
    ) -> Iterator[ExactRanking]:
        """For each query, in order: its hits and the exact rank of each of its positives.

        Hits are documents that share a word with the query, best first, equal scores by position,
        at most `depth`. The rank of a positive is 1 + the documents that score at least as high,
        so a tie counts against it; `excluded` are positions, each once, that no rank counts (the
        positives themselves and their near-duplicates). A positive whose score is 0, because it
        shares no word or only words without weight, ranks last.

        Raises ValueError where the three lists differ in length, IndexError for a position past
        the pool's end.
        """
        scores = np.empty(self._size)
        for query, own, barred in zip(queries, positives, excluded, strict=True):
            terms = self._read(query)
            _score(terms, scores)
            best = _best(scores, terms, depth)
            yield ExactRanking(best, scores[best], *_ranks(scores, own, barred))

    def _read(self, query: str) -> list[_Term]:
        known = map(self._terms.get, tokens(query, self._stem))
        return [term for term in known if term is not None]


def _terms(okapi: BM25Okapi) -> dict[str, _Term]:
    """The postings of each word."""
    number = {word: i for i, word in enumerate(okapi.idf)}
    lengths = np.array([len(counts) for counts in okapi.doc_freqs])
    word = np.fromiter(map(number.__getitem__, chain.from_iterable(okapi.doc_freqs)), np.int64)
    order = np.argsort(word, kind="stable")
    word = word[order]
    place = np.repeat(np.arange(len(lengths)), lengths)[order]
    count = chain.from_iterable(counts.values() for counts in okapi.doc_freqs)
    parts = _parts(okapi, word, place, np.fromiter(count, np.int64)[order])
    border = np.searchsorted(word, np.arange(len(number) + 1)).tolist()
    return {
        name: _term(place[first:last], parts[first:last], len(lengths))
        for name, (first, last) in zip(number, pairwise(border), strict=True)
    }


def _parts(okapi: BM25Okapi, word: Places, place: Places, count: Places) -> Scores:
    """(N,) what `count` occurrences of a word add to a document, operation by operation as in
    BM25Okapi.get_scores: another order would round differently.
    """
    idf = np.fromiter(okapi.idf.values(), np.float64)[word]
    length = np.array(okapi.doc_len)[place]
    norm = okapi.k1 * (1 - okapi.b + okapi.b * length / okapi.avgdl)
    parts: Scores = idf * (count * (okapi.k1 + 1) / (count + norm))
    return parts


def _term(places: Places, parts: Scores, size: int) -> _Term:
    if len(places) < _FREQUENT * size:
        return _Term(places, parts, None)
    row = np.zeros(size)
    row[places] = parts
    return _Term(places, parts, row)


def _score(terms: list[_Term], scores: Scores) -> None:
    """Fill `scores` (P,): additions in the order of the query's words, as in get_scores."""
    scores.fill(0)
    for term in terms:
        term.add_to(scores)


def _best(scores: Scores, terms: list[_Term], depth: int) -> Places:
    """Positions of the best documents that share a word with the query, ties by position."""
    places = _nominated(scores, terms, depth)
    return places[np.argsort(-scores[places], kind="stable")[:depth]]


def _nominated(scores: Scores, terms: list[_Term], depth: int) -> Places:
    """Ascending positions, the best `depth` among them, of documents that share a word.

    Documents are dealt into columns; at least `depth` of them score no less than the depth-th best
    of the columns' maxima. Scores above 0 are evidence of a shared word.
    """
    columns = _COLUMNS_PER_HIT * depth
    if len(scores) > columns > 0:
        whole = len(scores) // columns * columns
        tops = scores[:whole].reshape(-1, columns).max(axis=0)
        bound = np.partition(tops, -depth)[-depth]
        if bound > 0:
            return np.flatnonzero(scores >= bound)
    shares = np.zeros(len(scores), np.bool_)
    for term in terms:
        shares[term.places] = True
    return np.flatnonzero(shares)


def _ranks(
    scores: Scores, own: Sequence[int], barred: Sequence[int]
) -> tuple[list[int], list[float]]:
    """(1-based ranks, scores) of the positives `own` of a query."""
    bars: list[float] = scores[np.array(own, np.int64)].tolist()
    uncounted = scores[np.array(barred, np.int64)]
    return [_rank(bar, scores, uncounted) for bar in bars], bars


def _rank(bar: float, scores: Scores, uncounted: Scores) -> int:
    if bar == 0:
        return 1 + len(scores) - len(uncounted)
    return int(1 + np.count_nonzero(scores >= bar) - np.count_nonzero(uncounted >= bar))
