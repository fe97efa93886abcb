"""The hits of one ranker for a block of examples, as a draw looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kalm_data.core.config.mine import MineConfig
    from kalm_data.core.mining import Hits
    from kalm_data.measures.blocks import Block

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]
    Scores = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Window = tuple[int, int]

_PAIRS_AT_ONCE = 16_384

ALL_RANKS = (1, 1 << 32)

_ZERO_BELOW = ("bm25", "hybrid:")
"""Kinds of rankers that give 0 to what is none of their hits."""


@dataclass(frozen=True, slots=True)
class HitTable:
    """The hits of B examples, best first, a row each; D is the length of the longest list.

    keys, scores: (B, D), what lies beyond a list is key 0 with score NaN. lengths: (B,), 0 where
    the ranker ranked no positive of the example.
    """

    keys: Keys
    scores: Scores
    lengths: Rows

    @classmethod
    def of(cls, lists: Sequence[Hits | None], ranks: Window) -> HitTable:
        """ranks: the first and the last raw rank that is looked at."""
        first, last = ranks
        lengths = np.array([len(hits.keys) if hits else 0 for hits in lists], np.int64)
        lengths = np.clip(lengths - (first - 1), 0, last - first + 1)
        keys = np.empty((len(lists), lengths.max(initial=0)), np.uint64)
        scores = np.empty(keys.shape)
        for row, (hits, length) in enumerate(zip(lists, lengths.tolist(), strict=True)):
            if hits:
                keys[row, :length] = hits.keys[first - 1 : last]
                scores[row, :length] = hits.scores[first - 1 : last]
            if length < keys.shape[1]:
                keys[row, length:], scores[row, length:] = 0, np.nan
        return cls(keys, scores, lengths)

    def find(self, rows: Rows, keys: Keys) -> tuple[Rows, Rows]:
        """rows, keys: (N,) documents to look for, each in one row. Which of them were found (K,),
        ascending, and in which columns (K,).
        """
        found, columns = [], []
        for start in range(0, len(rows), _PAIRS_AT_ONCE):
            some = slice(start, start + _PAIRS_AT_ONCE)
            at, column = np.nonzero(self.keys[rows[some]] == keys[some, None])
            is_hit = column < self.lengths[rows[start + at]]
            found.append(start + at[is_hit])
            columns.append(column[is_hit])
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(found), np.concatenate(columns)

    def ranks(self, rows: Rows, keys: Keys) -> Rows:
        """(N,) 1-based places of documents in the list of one row each; 0 for what is no hit."""
        found, columns = self.find(rows, keys)
        ranks = np.zeros(len(rows), np.int64)
        ranks[found] = columns + 1
        return ranks


@dataclass(frozen=True)
class HitSource:
    """The hits of a ranker from which negatives of a block may be drawn.

    lowest: (B,) the score of the lowest-scoring positive that stayed, NaN where it found no
    evidence for any: such an example takes none of its hits.
    """

    id: str
    block: Block
    config: MineConfig
    lowest: Scores

    @property
    def has_evidence(self) -> Mask:
        return ~np.isnan(self.lowest)

    @property
    def hits(self) -> HitTable:
        """All of them, which most draws do without."""
        return self.block.hits(self.id)

    @cached_property
    def window(self) -> HitTable:
        return self.block.hits(self.id, self.config.window)

    @cached_property
    def _below(self) -> Scores:
        """(B,) the score, or an upper bound of it, of what lies below the hits: 0 where words made
        them, or lists merged, and they are all there are.
        """
        hits = self.hits
        last = np.zeros(len(hits.lengths))
        rows = np.flatnonzero(hits.lengths)
        last[rows] = hits.scores[rows, hits.lengths[rows] - 1]
        is_whole = hits.lengths < self.config.stored_depth
        return np.where(is_whole, 0.0, last) if self.id.startswith(_ZERO_BELOW) else last

    @cached_property
    def ceilings(self) -> Scores:
        """(B,) the highest score of a negative: positive-aware limits (NV-Retriever, arXiv
        2407.15831, made safe for negative scores). NaN, which nothing is below, as `lowest` is.
        """
        config, lowest = self.config, self.lowest
        found = np.where(self.has_evidence, np.inf, np.nan)
        if config.max_score is not None:
            found = np.minimum(found, config.max_score)
        if config.max_score_ratio is not None:
            found = np.minimum(found, lowest - (1 - config.max_score_ratio) * np.abs(lowest))
        if config.min_margin is not None:
            found = np.minimum(found, lowest - config.min_margin)
        return found

    def within_limits(self, scores: Scores, ceilings: Scores) -> Mask:
        """Whether documents of these scores may be negatives; the two are broadcast."""
        floor = -np.inf if self.config.min_score is None else self.config.min_score
        allowed: Mask = (scores <= ceilings) & (scores >= floor)
        return allowed

    def ranks_and_scores(self, rows: Rows, keys: Keys) -> tuple[Rows, Scores]:
        """(N,) and (N,) of documents, for one example each; rank 0 for what lies below its hits."""
        if not len(rows):
            return np.empty(0, np.int64), np.empty(0)
        ranks = self.hits.ranks(rows, keys)
        scores = self._below[rows]
        is_hit = ranks > 0
        scores[is_hit] = self.hits.scores[rows[is_hit], ranks[is_hit] - 1]
        return ranks, scores


def among(keys: Keys, few: Keys) -> Mask:
    """Which of the keys are among few others, which are in order."""
    if not len(few):
        return np.zeros(keys.shape, bool)
    at = np.minimum(np.searchsorted(few, keys), len(few) - 1)
    found: Mask = few[at] == keys
    return found
