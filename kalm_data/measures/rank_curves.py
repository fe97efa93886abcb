"""Where positives rank, and how far their scores stand above those of the negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.report.figures import CLOSE, RankCurve, ScoreFigures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kalm_data.core.report.measured import MeasuredNegatives, MeasuredPositives

    Values = NDArray[np.float64]

BINS = 40
_STEPS = (1, 2, 3, 5, 7)
_TAILS = (0.001, 0.999)
"""Quantiles at which histograms begin and end: a single outlier would flatten the rest."""


def rank_curve(found: MeasuredPositives, k: int | None) -> RankCurve:
    """The curve of one task and ranker; a positive without evidence counts as beyond any k."""
    ranks = np.sort(np.where(found.no_evidence, np.iinfo(np.int64).max, found.ranks))
    count = len(ranks)

    def share(limit: int) -> float:
        return round(float(np.searchsorted(ranks, limit, side="right")) / count, 6)

    ks = [k_ for k_ in _grid(found.pool_size) if k_ < found.pool_size] + [found.pool_size]
    return RankCurve(
        found.task,
        found.ranker,
        found.pool_size,
        count,
        int(np.count_nonzero(found.no_evidence)),
        tuple((one, share(one)) for one in ks),
        k,
        share(k) if k else 0.0,
    )


def _grid(most: int) -> list[int]:
    """1, 2, 3, 5, 7, 10, 20, …"""
    found, power = [], 1
    while power <= most:
        found += [step * power for step in _STEPS]
        power *= 10
    return found


def score_figures(
    positives: MeasuredPositives, negatives: MeasuredNegatives | None
) -> ScoreFigures:
    """Histograms of both on the same bins; what has no evidence has no score."""
    above = positives.scores[~positives.no_evidence]
    below = negatives.scores if negatives else np.empty(0)
    gaps = negatives.positive_scores - below if negatives else below
    low, high = _borders(np.concatenate([above, below]))
    gap_low, gap_high = _borders(gaps)
    limit = (
        negatives.positive_scores - (1 - CLOSE) * np.abs(negatives.positive_scores)
        if negatives
        else below
    )
    return ScoreFigures(
        positives.task,
        positives.ranker,
        low,
        high,
        _histogram(above, low, high),
        _histogram(below, low, high),
        _quantiles(gaps),
        _histogram(gaps, gap_low, gap_high),
        gap_low,
        gap_high,
        int(np.count_nonzero(below >= limit)),
    )


def _borders(values: Values) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = (float(one) for one in np.quantile(values, _TAILS))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _histogram(values: Values, low: float, high: float) -> tuple[int, ...]:
    """Counts of equal bins; what lies outside is in the first and last."""
    counts, _ = np.histogram(np.clip(values, low, high), BINS, (low, high))
    return tuple(counts.tolist())


def _quantiles(values: Values) -> tuple[float, float, float] | None:
    if not len(values):
        return None
    first, middle, last = (round(float(one), 6) for one in np.quantile(values, (0.05, 0.5, 0.95)))
    return first, middle, last
