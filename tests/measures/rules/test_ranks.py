from __future__ import annotations

import pytest

from kalm_data.core.filtering import FilterRow
from kalm_data.core.mining import Measured, MiningExample
from kalm_data.measures.rules.ranks import MinGap, MinScore, TopK

EXAMPLE = MiningExample("e", "q", "", "", 0, ("d",), ())
DARK = Measured(60, 0.0, True)


def row(*measured: Measured | None, rival: float | None = None) -> FilterRow:
    return FilterRow("t", EXAMPLE, "d", "text", measured, rival)


def at(rank: int, score: float = 0.5) -> Measured:
    return Measured(rank, score, False)


def top_k(k: int, *, needs_all: bool = True) -> TopK:
    return TopK({"t": k}, {"t": 60}, {"t": ("bm25@1", "dense:m@1")}, needs_all)


@pytest.mark.parametrize(
    ("measured", "by_all", "by_any"),
    [
        ((at(1), at(50)), "", ""),
        ((at(1), at(51)), "rank", ""),
        ((at(51), at(51)), "rank", "rank"),
        ((DARK, at(1)), "no_evidence", ""),
        ((DARK, DARK), "no_evidence", "no_evidence"),
        ((None, None), "positive_not_in_pool", "positive_not_in_pool"),
    ],
)
def test_several_rankers_agree_all_or_any(
    measured: tuple[Measured | None, ...], by_all: str, by_any: str
) -> None:
    found = [top_k(50, needs_all=both).judge([row(*measured)], [True])[0] for both in (True, False)]
    assert [verdict.reason for verdict in found] == [by_all, by_any]


def test_a_verdict_holds_the_ranks_of_all_rankers() -> None:
    (verdict,) = top_k(50).judge([row(at(7), at(60))], [True])
    assert verdict.numbers["ranks"] == {"bm25@1": 7, "dense:m@1": 60}


@pytest.mark.parametrize("needs_all", [True, False])
def test_the_least_k_of_a_row_is_the_first_that_keeps_it(needs_all: bool) -> None:
    rows = [row(at(3), at(4)), row(at(30), at(1)), row(DARK, at(2)), row(None, None)]
    for k in (1, 2, 3, 4, 30, 60):
        rule = top_k(k, needs_all=needs_all)
        kept = [not verdict.reason for verdict in rule.judge(rows, [True] * 4)]
        assert kept == [rule.least(one) <= k for one in rows]


def test_a_score_or_gap_exactly_at_the_bound_stays() -> None:
    rows = [row(at(1, 0.5), rival=0.4), row(at(1, 0.49), rival=0.4), row(at(1, 0.3), rival=None)]
    scores = MinScore(0.5).judge(rows, [True] * 3)
    assert [verdict.reason for verdict in scores] == ["", "low_score", "low_score"]
    gaps = MinGap(0.1).judge(rows, [True] * 3)
    assert [verdict.reason for verdict in gaps] == ["", "small_gap", ""]
    assert gaps[1].numbers == {"gap": 0.09, "min_gap": 0.1}
