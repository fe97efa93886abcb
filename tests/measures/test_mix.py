from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.measures.mix import MixPart, plan_mix

sizes = st.lists(st.integers(0, 10_000), min_size=1, max_size=6)


def parts(rows: list[int], weights: list[float] | None = None) -> list[MixPart]:
    chosen = weights or [1.0] * len(rows)
    return [MixPart(f"t{i}", *pair) for i, pair in enumerate(zip(rows, chosen, strict=True))]


@given(sizes)
def test_equal_weights_and_alpha_one_keep_every_row(rows: list[int]):
    mix = plan_mix(parts(rows), 1.0)
    assert (mix.counts, mix.limiting) == (tuple(rows), "")


@given(sizes, st.floats(0, 1), st.lists(st.floats(0.1, 10), min_size=6, max_size=6))
def test_no_row_is_used_twice_unless_asked(rows: list[int], alpha: float, weights: list[float]):
    given = parts(rows, weights[: len(rows)])
    mix = plan_mix(given, alpha)
    assert all(count <= part.usable for count, part in zip(mix.counts, given, strict=True))
    asked = plan_mix(given, alpha, rows=777, upsample=True)
    assert sum(asked.counts) == (777 if any(rows) else 0)


@given(st.lists(st.integers(50, 10_000), min_size=2, max_size=6), st.floats(0, 1))
def test_shares_are_those_of_sizes_to_the_power_of_alpha(rows: list[int], alpha: float):
    counts = plan_mix(parts(rows), alpha).counts
    weights = [size**alpha for size in rows]
    for count, weight in zip(counts, weights, strict=True):
        assert count == pytest.approx(sum(counts) * weight / sum(weights), abs=1.01)


@given(st.lists(st.integers(50, 10_000), min_size=2, max_size=6), st.floats(0, 0.99))
def test_the_task_that_limits_gives_all_it_has(rows: list[int], alpha: float):
    mix = plan_mix(parts(rows), alpha)
    smallest = min(rows)
    assert mix.counts[rows.index(smallest)] == pytest.approx(smallest, abs=1)
    assert mix.limiting == ("" if len(set(rows)) == 1 else f"t{rows.index(smallest)}")


def test_caps_weights_and_a_total():
    capped = [MixPart("a", 1000, cap=100), MixPart("b", 50), MixPart("c", 0)]
    assert plan_mix(capped, 1.0).counts == (100, 50, 0)
    assert plan_mix(capped, 0.0).counts == (50, 50, 0)
    assert plan_mix(capped, 1.0, rows=30).counts == (20, 10, 0)
    assert plan_mix(capped, 0.0, rows=300, upsample=True).counts == (100, 150, 0)
    heavy = plan_mix(parts([100, 100], [3.0, 1.0]), 1.0)
    assert (heavy.counts, heavy.limiting) == ((100, 33), "t0")
    assert plan_mix(parts([100, 100], [3.0, 1.0]), 1.0, upsample=True).counts == (150, 50)


def test_a_total_that_the_shares_do_not_reach_names_the_task_that_limits():
    mix = plan_mix(parts([10, 1000]), 0.0, rows=500)
    assert (mix.counts, mix.limiting) == ((10, 10), "t0")
    assert plan_mix(parts([10, 1000]), 1.0, rows=5000) == plan_mix(parts([10, 1000]), 1.0)
