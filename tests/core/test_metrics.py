from __future__ import annotations

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.metrics import METRICS, Metrics, fuse, mean, measure

LISTS = st.lists(st.integers(0, 150), unique=True, max_size=120)
RELEVANT = st.sets(st.integers(0, 150), min_size=1, max_size=20)


def test_measures_equal_those_computed_by_hand() -> None:
    found = measure([9, 1, 8, 2, *range(100, 110), 3], {1, 2, 3, 4})  # ranks 2, 4, 15; 4 is missed
    ideal = 1 + 1 / log2(3) + 1 / log2(4) + 1 / log2(5)
    assert found.ndcg_10 == pytest.approx((1 / log2(3) + 1 / log2(5)) / ideal)
    assert found.mrr_10 == 1 / 2
    assert (found.recall_10, found.recall_100) == (2 / 4, 3 / 4)


def test_the_ideal_list_holds_no_more_than_ten() -> None:
    assert measure(range(10), set(range(40))).ndcg_10 == 1.0


@pytest.mark.parametrize(("rank", "ndcg", "recall"), [(10, 1 / log2(11), 1.0), (11, 0.0, 0.0)])
def test_measures_end_exactly_at_their_depth(rank: int, ndcg: float, recall: float) -> None:
    hits = [*range(100, 99 + rank), 0]
    assert measure(hits, {0}).ndcg_10 == pytest.approx(ndcg)
    assert measure(hits, {0}).recall_10 == recall
    assert measure([*range(100, 199), 0], {0}).recall_100 == 1.0
    assert measure([*range(100, 200), 0], {0}).recall_100 == 0.0


def test_an_empty_list_of_hits_scores_nothing() -> None:
    assert measure([], {1}).values() == (0.0, 0.0, 0.0, 0.0)


@given(LISTS, RELEVANT)
def test_measures_lie_between_0_and_1(hits: list[int], relevant: set[int]) -> None:
    assert all(0 <= value <= 1 + 1e-12 for value in measure(hits, relevant).values())
    ideal = sorted(hits, key=lambda hit: hit not in relevant)
    assert measure(ideal, relevant).ndcg_10 >= measure(hits, relevant).ndcg_10


@given(LISTS, RELEVANT)
def test_measures_do_not_depend_on_how_irrelevant_documents_are_named(
    hits: list[int], relevant: set[int]
) -> None:
    renamed = [hit if hit in relevant else hit + 1000 for hit in hits]
    assert measure(renamed, relevant) == measure(hits, relevant)


def test_the_mean_is_taken_measure_by_measure() -> None:
    assert mean([Metrics(0, 1, 0.5, 1), Metrics(1, 0, 0.5, 1)]) == Metrics(0.5, 0.5, 0.5, 1)
    assert len(METRICS) == len(mean([Metrics(0, 0, 0, 0)]).values())


def test_fusion_sums_the_reciprocals_of_60_plus_rank() -> None:
    assert fuse([[1, 2, 3], [3, 1]], 10) == [1, 3, 2]  # 1/61 + 1/62 > 1/63 + 1/61 > 1/62


def test_equal_sums_are_in_order_of_position() -> None:
    assert fuse([[7, 5], [5, 7], [2]], 10) == [5, 7, 2]
    assert fuse([[], []], 10) == []


@given(st.lists(LISTS, max_size=4), st.randoms(use_true_random=False))
def test_fusion_does_not_depend_on_the_order_of_lists(lists: list[list[int]], rng) -> None:  # noqa: ANN001
    fused = fuse(lists, 200)
    rng.shuffle(lists)
    assert fuse(lists, 200) == fused
    assert set(fused) == {hit for hits in lists for hit in hits}
