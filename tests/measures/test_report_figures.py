from __future__ import annotations

import numpy as np
import pytest

from kalm_data.core.report.measured import FoundHits, MeasuredNegatives, MeasuredPositives
from kalm_data.measures.hit_figures import above_positives, agreements
from kalm_data.measures.rank_curves import rank_curve, score_figures
from kalm_data.measures.variety import lengths, neighbours, variety


def positives(ranks: list[int], scores: list[float], without: tuple[int, ...] = ()):
    unseen = np.isin(np.arange(len(ranks)), without)
    return MeasuredPositives("t", "bm25@1", 100, np.array(ranks), np.array(scores), unseen)


def test_what_has_no_evidence_is_beyond_every_k() -> None:
    curve = rank_curve(positives([1, 2, 50, 100], [4, 3, 2, 0], without=(3,)), 50)
    assert curve.k_share == 0.75 and curve.points[-1] == (100, 0.75) and curve.no_evidence == 1
    assert [share for _, share in curve.points] == sorted(share for _, share in curve.points)


def test_no_score_is_lost_from_a_histogram_and_close_negatives_are_counted() -> None:
    drawn = MeasuredNegatives(
        "t", "bm25@1", np.array([0.95, 0.9, 0.5, -5.0]), np.array([1.0, 1.0, 1.0, 1.0])
    )
    found = score_figures(positives([1, 2], [1.0, 0.8]), drawn)
    assert sum(found.positives) == 2 and found.negative_count == 4 == sum(found.gap_bins)
    assert found.close == 2
    assert found.gaps is not None and found.gaps[1] == pytest.approx(0.3)


def test_negative_scores_are_close_from_below_too() -> None:
    drawn = MeasuredNegatives("t", "r", np.array([-1.05, -1.2]), np.array([-1.0, -1.0]))
    assert score_figures(positives([1], [-1.0]), drawn).close == 1


def hits(example: str, ranker: str, keys: list[int], lowest: float | None = 0.5) -> FoundHits:
    scores = np.linspace(1, 0.1, len(keys))
    return FoundHits(
        example, ranker, np.array(keys, np.uint64), scores, np.array([1], np.uint64), lowest
    )


def test_agreement_is_the_mean_share_of_common_hits() -> None:
    found = [
        hits("a", "bm25", [1, 2]), hits("a", "dense", [2, 3]),
        hits("b", "bm25", [1, 2]), hits("b", "dense", [2, 1]), hits("c", "bm25", [4]),
    ]  # fmt: skip
    (pair,) = agreements("t", found)
    assert (pair.first, pair.second, pair.examples, pair.at_10) == ("bm25", "dense", 2, 0.75)


def test_hits_above_the_positive_leave_positives_out() -> None:
    (found,) = above_positives("t", [hits("a", "r", [1, 2, 3, 4]), hits("b", "r", [2], None)])
    assert (found.examples, found.hits, found.above) == (1, 3, 1)  # scores 1, 0.7, 0.4, 0.1


def test_near_duplicates_and_openings_of_queries_are_found() -> None:
    queries = [f"what is the height of tower number {i} in the town of bergen" for i in range(4)]
    queries += ["rivers", queries[0] + " today"]
    found = variety("t", queries)
    assert found.openings[0] == ("what is", 5)
    assert found.near >= 1 and (queries[0], queries[-1]) in {
        (pair.first, pair.second) for pair in found.pairs
    }
    assert 0 < found.distinct[0] < found.distinct[2] <= 1


def test_neighbours_are_the_nearest_others() -> None:
    vectors = np.float32([[1, 0], [1, 0], [0, 1]])
    found = neighbours("t", "queries", "e", ["a", "b", "c"], vectors)
    assert found.close == 2 and found.mean == pytest.approx(1 / 3, abs=1e-4)
    assert (found.pairs[0].first, found.pairs[0].second) == ("a", "b")
    assert sum(found.bins) == 3


def test_lengths_put_every_text_in_a_bin() -> None:
    found = lengths("t", "documents", ["", "one", "two words", "w " * 5000])
    assert found.quantiles == (0, 1, 2, 5000) and sum(found.bins) == 4 and found.bins[-1] == 1
