"""Scores that are the same bits in whatever company they are computed, and what is near enough.

Float32 products only nominate. What lies within `NOMINATION` of a score that matters is scored
here, in float64 from the same vectors, one pair at a time, and rounded to 1e-9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Scores = NDArray[np.float64]
    Places = NDArray[np.int64]

NOMINATION = np.float32(1e-5)
"""Half-width of the band that is scored again; float32 products of unit vectors err by ~1e-7."""

_DECIMALS = 9
_PAIRS_AT_ONCE = 512  # of 384 dimensions: 1.5 MB of float64, near enough to the second cache


def exact_scores(queries: Floats, documents: Floats, rows: Places, places: Places) -> Scores:
    """(N,) cosines of the pairs (queries[rows], documents[places]), rounded to 1e-9.

    Products of float32 are exact in float64, and each row is summed by itself: the same pair has
    the same bits in whatever company it is scored. The documents are read in order of position,
    which is what a file likes; a vector that is not finite counts as zero.
    """
    scores = np.zeros(len(rows), np.float64)
    order = np.argsort(places, kind="stable")
    for start in range(0, len(order), _PAIRS_AT_ONCE):
        part = order[start : start + _PAIRS_AT_ONCE]
        products = queries[rows[part]].astype(np.float64)
        products *= finite(documents[places[part]])
        scores[part] = products.sum(axis=1)
    return np.round(scores, _DECIMALS) + 0.0  # no negative zero


def finite(vectors: Floats) -> Floats:
    """The vectors, with zeros for those that are not finite; a copy only where there are such."""
    good = np.isfinite(vectors).all(axis=1, keepdims=True)
    return vectors if good.all() else np.where(good, vectors, np.float32(0))
