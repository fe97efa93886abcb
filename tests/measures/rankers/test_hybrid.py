from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_pools import (
    PLACES,
    TEXTS,
    ask,
    ask_at,
    by_place,
    found_of,
    pool_of,
    rank_one,
    ranks_by_definition,
)

from kalm_data.measures.rankers.hybrid import HybridRanker

NEEDS = ("bm25@1", "dense:m@1")


def fuse(lists: list[list[int]]) -> dict[int, Fraction]:
    """Reciprocal rank fusion in exact numbers: 1 / (60 + rank), summed over the lists."""
    known = {place for hits in lists for place in hits}
    return {
        place: sum((Fraction(1, 61 + hits.index(place)) for hits in lists if place in hits),
                   Fraction(0))
        for place in known
    }  # fmt: skip


def ordered(hits: list[int]) -> list[tuple[int, float]]:
    return [(place, -float(at)) for at, place in enumerate(hits)]


@settings(max_examples=150, deadline=None)
@given(TEXTS, PLACES, st.data())
def test_ranks_and_hits_are_those_of_a_slow_reciprocal_rank_fusion(
    texts: list[str], places: list[int], data: st.DataObject
) -> None:
    over = pool_of(texts, [(texts[0], texts[1])])
    asked = ask_at(over, "q", places)
    every = st.permutations(range(len(texts)))
    lists = [data.draw(every)[: data.draw(st.integers(0, len(texts)))] for _ in NEEDS]
    depth = data.draw(st.integers(1, 20))
    found = {
        id_: found_of(over, asked, ordered(hits)) for id_, hits in zip(NEEDS, lists, strict=True)
    }
    ranked = rank_one(HybridRanker("m", NEEDS, over, depth), asked, **found)
    exact = fuse(lists)
    best = sorted(exact, key=lambda place: (-exact[place], place))[:depth]
    assert over.positions(ranked.hits).tolist() == best
    scores = {place: round(float(score), 12) for place, score in exact.items()}
    assert ranked.hits.scores.tolist() == [scores[place] for place in best]
    positives, barred = over.places(asked[0]), asked[1].places
    assert by_place(over, ranked) == ranks_by_definition(scores, positives, barred, len(texts))


@pytest.mark.parametrize(("positive", "other"), [(0, 1), (1, 0)])
def test_equal_sums_of_other_ranks_tie_and_count_against_the_positive(
    positive: int, other: int
) -> None:
    """1/63 + 1/140 = 1/84 + 1/90, though not in binary fractions."""
    assert 1 / 63 + 1 / 140 != 1 / 84 + 1 / 90
    over, rest = pool_of([f"text {i}" for i in range(100)]), [*range(2, 100)]
    first = [*rest[:2], other, *rest[2:22], positive, *rest[22:]]
    second = [*rest[:29], positive, *rest[29:78], other, *rest[78:]]
    exact = fuse([first, second])
    assert exact[positive] == exact[other]
    asked = ask(over, "q", [[*over.pool.documents()][positive].text])
    found = {
        id_: found_of(over, asked, ordered(hits))
        for id_, hits in zip(NEEDS, (first, second), strict=True)
    }
    ranked = rank_one(HybridRanker("m", NEEDS, over, 100), asked, **found)
    above = sum(score >= exact[positive] for score in exact.values())
    assert by_place(over, ranked)[positive][0] == above


def test_another_depth_is_another_ranker() -> None:
    over = pool_of(["one", "two"])
    assert HybridRanker("m", NEEDS, over, 10).id != HybridRanker("m", NEEDS, over, 20).id
