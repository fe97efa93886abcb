from __future__ import annotations

import pytest

from kalm_data.core.eval_result import Slice
from kalm_data.core.metrics import Metrics
from kalm_data.measures.comparison import (
    Scores,
    cut_slice,
    difference,
    figures,
    headline,
)
from kalm_data.measures.significance import Resampling

OFTEN = Resampling(0, 400)


def rows(*values: float) -> list[Metrics]:
    return [Metrics(value, value, value, value) for value in values]


def scored(**systems: list[Metrics]) -> list[Scores]:
    """One task."""
    count = len(next(iter(systems.values())))
    return [Scores(systems, [f"g{i:02}" for i in range(count)])]


def test_figures_are_means_and_the_number_of_queries() -> None:
    found = figures(scored(bm25=rows(0, 1), trained=rows(1, 1)))
    assert found["bm25"] == {
        "ndcg@10": 0.5, "mrr@10": 0.5, "recall@10": 0.5, "recall@100": 0.5, "queries": 2,
    }  # fmt: skip
    assert list(found) == ["bm25", "trained"]


def test_a_difference_is_the_first_minus_the_second() -> None:
    both = scored(one=rows(1, 0.5, 1), two=rows(0, 0.5, 0.5))
    assert difference(both, "one", "two", OFTEN)["mrr@10"].mean == pytest.approx(0.5)
    assert difference(both, "two", "one", OFTEN)["mrr@10"].mean == pytest.approx(-0.5)


def test_the_rival_is_the_best_untrained_system_and_the_first_of_equals() -> None:
    three = scored(bm25=rows(0, 1), base=rows(1, 0), trained=rows(1, 1), weak=rows(0, 0))
    assert headline(three, "trained", ["weak", "bm25", "base"], OFTEN).rival == "bm25"


@pytest.mark.parametrize(
    ("own", "verdict"),
    [([1.0] * 12, "better"), ([0.0] * 12, "worse"), ([1.0, 0.0] * 6, "undecided")],
)
def test_the_verdict_follows_sign_and_p(own: list[float], verdict: str) -> None:
    both = scored(bm25=rows(*[0.5] * 12), trained=rows(*own))
    assert headline(both, "trained", ["bm25"], OFTEN).verdict == verdict


def test_a_slice_holds_its_own_queries_only() -> None:
    both = scored(base=rows(0, 1, 0), trained=rows(1, 1, 0))
    part = cut_slice(both, [[0, 2]], ("trained", "base"), OFTEN)
    assert part.queries == 2
    assert part.systems["trained"]["ndcg@10"] == 0.5
    assert part.difference["ndcg@10"].mean == 0.5
    assert cut_slice(both, [[]], ("trained", "base"), OFTEN) == Slice(0, {}, {})
    assert cut_slice(both, [[1]], None, OFTEN).difference == {}


def test_several_tasks_are_averaged_over_tasks_not_over_queries() -> None:
    tasks = [
        *scored(base=rows(0), trained=rows(1)),
        *scored(base=rows(*[1] * 9), trained=rows(*[1] * 9)),
    ]
    assert figures(tasks)["base"]["ndcg@10"] == 0.5
    assert figures(tasks)["base"]["queries"] == 10
    assert difference(tasks, "trained", "base", OFTEN)["ndcg@10"].mean == 0.5


def test_a_slice_leaves_out_tasks_without_a_query_in_it() -> None:
    tasks = [*scored(base=rows(0, 1)), *scored(base=rows(1, 1))]
    part = cut_slice(tasks, [[0], []], None, OFTEN)
    assert (part.queries, part.systems["base"]["ndcg@10"]) == (1, 0.0)
