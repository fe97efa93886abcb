"""How much rankers agree, and how many hits may be answers that nobody marked."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.report.figures import Above, Agreement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import uint64
    from numpy.typing import NDArray

    from kalm_data.core.report.measured import FoundHits


def agreements(task: str, found: Sequence[FoundHits]) -> tuple[Agreement, ...]:
    """Of each two rankers, over the examples that both ranked."""
    shares: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for hits in _by_example(found).values():
        for first, second in combinations(sorted(hits), 2):
            one, other = hits[first].keys, hits[second].keys
            if len(one) and len(other):
                shares[first, second].append((_shared(one, other, 10), _shared(one, other, 100)))
    return tuple(
        Agreement(task, *pair, len(both), *(round(float(one), 4) for one in np.mean(both, axis=0)))
        for pair, both in sorted(shares.items())
    )


def above_positives(task: str, found: Sequence[FoundHits]) -> tuple[Above, ...]:
    """By ranker, over the examples of which it ranked a positive that stayed."""
    counts: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for hits in found:
        if hits.lowest is None:
            continue
        others = hits.scores[~np.isin(hits.keys, hits.positives)]
        counts[hits.ranker].append((len(others), int(np.count_nonzero(others >= hits.lowest))))
    return tuple(
        Above(task, ranker, len(seen), sum(n for n, _ in seen), sum(n for _, n in seen))
        for ranker, seen in sorted(counts.items())
    )


def _by_example(found: Sequence[FoundHits]) -> dict[str, dict[str, FoundHits]]:
    by_example: defaultdict[str, dict[str, FoundHits]] = defaultdict(dict)
    for hits in found:
        by_example[hits.example_id][hits.ranker] = hits
    return by_example


def _shared(first: NDArray[uint64], second: NDArray[uint64], k: int) -> float:
    """The share of the first k hits of two rankers that both have."""
    one, other = first[:k], second[:k]
    return len(np.intersect1d(one, other)) / max(len(one), len(other))
