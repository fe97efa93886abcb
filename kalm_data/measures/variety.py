"""How varied texts are: by their words, and by stored vectors."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.diversity import distinct_n
from kalm_data.core.near_queries import NearQueries
from kalm_data.core.report.figures import (
    CLOSE_COSINE,
    Lengths,
    NearPair,
    Neighbours,
    Variety,
)
from kalm_data.core.text import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import float32
    from numpy.typing import NDArray

_PAIRS = 5
_OPENINGS = 5
_OPENING_WORDS = 2
_COSINE_BINS = 40
LENGTH_EDGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Words at which the bins of lengths begin; the last one is open."""


def lengths(task: str, kind: str, texts: Sequence[str]) -> Lengths:
    """Words of the texts, of which there must be some."""
    counts = np.array([len(words(text)) for text in texts])
    first, middle, last, most = np.quantile(counts, (0.05, 0.5, 0.95, 1), method="lower").tolist()
    edges = np.array([*LENGTH_EDGES, np.inf])
    bins, _ = np.histogram(np.maximum(counts, 1), edges)
    return Lengths(task, kind, len(counts), (first, middle, last, most), tuple(bins.tolist()))


def variety(task: str, queries: Sequence[str]) -> Variety:
    """Of a sample in seeded order."""
    spoken = [frozenset(words(query)) for query in queries]
    openings = Counter(
        " ".join(found[:_OPENING_WORDS])
        for query in queries
        if len(found := words(query)) > _OPENING_WORDS
    )
    near = _near_pairs(queries)
    first, second, third = (round(distinct_n(queries, n), 4) for n in (1, 2, 3))
    return Variety(
        task,
        len(queries),
        (first, second, third),
        _shared_words(spoken),
        tuple(sorted(openings.items(), key=lambda one: (-one[1], one[0]))[:_OPENINGS]),
        len(near),
        tuple(NearPair(*pair, "near-duplicates by words") for pair in near[:_PAIRS]),
    )


def _near_pairs(queries: Sequence[str]) -> list[tuple[str, str]]:
    """Each query that nearly repeats an earlier one of the sample, which stands first."""
    known = NearQueries()
    kept: list[str] = []
    found: list[tuple[str, str]] = []
    for query in queries:
        number = known.find(query)
        if number is not None:
            found.append((kept[number], query))
            continue
        known.add(query)
        kept.append(query)
    return found


def _shared_words(spoken: Sequence[frozenset[str]]) -> float:
    """Mean Jaccard of neighbours in the sample, whose order is random."""
    shares = [
        len(one & other) / len(one | other) for one, other in pairwise(spoken) if one or other
    ]
    return round(float(np.mean(shares)), 4) if shares else 0.0


def neighbours(
    task: str, kind: str, encoder: str, texts: Sequence[str], vectors: NDArray[float32]
) -> Neighbours:
    """vectors: (N, D) unit vectors of the texts, N ≥ 2."""
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(cosines, -np.inf)
    nearest = cosines.max(axis=1)
    off_diagonal = cosines[np.triu_indices(len(texts), 1)]
    bins, _ = np.histogram(np.clip(nearest, 0, 1), _COSINE_BINS, (0.0, 1.0))
    return Neighbours(
        task,
        kind,
        encoder,
        len(texts),
        round(float(off_diagonal.mean()), 4),
        round(float(np.median(nearest)), 4),
        int(np.count_nonzero(nearest >= CLOSE_COSINE)),
        tuple(bins.tolist()),
        _closest(texts, cosines),
    )


def _closest(texts: Sequence[str], cosines: NDArray[np.float64]) -> tuple[NearPair, ...]:
    """The closest pairs, each text in one of them."""
    nearest, pairs, seen = cosines.max(axis=1), [], set[int]()
    for one in np.argsort(-nearest, kind="stable").tolist():
        other = int(cosines[one].argmax())
        if one in seen or other in seen:
            continue
        seen |= {one, other}
        pairs.append(NearPair(texts[one], texts[other], f"cosine {nearest[one]:.4f}"))
        if len(pairs) == _PAIRS:
            break
    return tuple(pairs)
