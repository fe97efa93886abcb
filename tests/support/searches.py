"""Searches that are drawn at random, and what brute force finds."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

Search = tuple[np.ndarray, np.ndarray, list[list[int]], list[list[int]], int]


def brute_force(
    query: np.ndarray,
    documents: np.ndarray,
    positives: Sequence[int],
    excluded: Sequence[int],
    depth: int,
) -> tuple[list[int], list[int]]:
    """Float64, one pair at a time, straight from the definition of rank."""
    scores = [
        round(float(np.dot(query.astype(np.float64), d.astype(np.float64))), 9) for d in documents
    ]
    counted = [i for i in range(len(documents)) if i not in excluded]
    ranks = [
        1 + (sum(scores[i] >= scores[p] for i in counted) if scores[p] else len(counted))
        for p in positives
    ]
    best = sorted(range(len(documents)), key=lambda i: (-scores[i], i))[:depth]
    return ranks, best if query.any() else []


def unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms == 0, 1, norms)).astype(np.float32)


@st.composite
def searches(draw: st.DrawFn) -> Search:
    """Few directions and small integers, so that copies, ties and zero vectors abound."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    size, queries, dimension = draw(st.integers(1, 40)), draw(st.integers(1, 9)), 3
    if draw(st.booleans()):
        documents = unit(rng.integers(-2, 3, (size, dimension)))
        asked = unit(rng.integers(-2, 3, (queries, dimension)))
    else:
        documents = unit(rng.normal(size=(size, dimension)))
        documents[rng.integers(0, size, size // 2)] = documents[0]
        asked = unit(documents[rng.integers(0, size, queries)] + rng.normal(0, 1e-6, (queries, 3)))
    positives = [
        rng.choice(size, rng.integers(0, min(3, size) + 1), replace=False).tolist() for _ in asked
    ]
    excluded = [
        sorted({*p, *rng.choice(size, min(2, size), replace=False).tolist()}) for p in positives
    ]
    return asked, documents, positives, excluded, draw(st.integers(1, 12))
