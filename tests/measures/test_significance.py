from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.eval_result import Difference
from kalm_data.measures.significance import Resampling, Stratum, paired_differences

TIMES = Resampling(seed=7, times=2000)


def compare(
    one: list[float], other: list[float], groups: list[str], resampling: Resampling = TIMES
) -> Difference:
    return paired_differences([stratum(one, other, groups)], resampling)[0]


def stratum(one: list[float], other: list[float], groups: list[str]) -> Stratum:
    first, second = (np.array(values, dtype=np.float64)[:, None] for values in (one, other))
    return Stratum(first - second, groups)


def noise(seed: int, count: int = 80) -> list[float]:
    return np.random.default_rng(seed).uniform(0, 1, count).tolist()


def names(count: int) -> list[str]:
    return [f"g{i:03}" for i in range(count)]


def test_a_known_difference_is_found() -> None:
    base = noise(1)
    better = (0.9 * np.array(base) + 0.1 + 0.05 * np.array(noise(2))).tolist()
    found = compare(better, base, names(80))
    assert found.p < 0.01
    assert 0 < found.ci95[0] < found.mean < found.ci95[1] < 0.2


def test_p_is_spread_evenly_where_there_is_no_difference() -> None:
    """Uniform p: the share below a limit is about that limit."""
    p_values = [
        compare(noise(2 * i, 40), noise(2 * i + 1, 40), names(40), Resampling(i, 400)).p
        for i in range(200)
    ]
    for limit in (0.05, 0.25, 0.5, 0.75):
        assert abs(np.mean([p <= limit for p in p_values]) - limit) < 0.1


def test_the_interval_covers_the_true_difference_about_as_often_as_it_says() -> None:
    covered = []
    for i in range(200):
        found = compare(noise(2 * i, 60), noise(2 * i + 1, 60), names(60), Resampling(i, 400))
        covered.append(found.ci95[0] <= 0 <= found.ci95[1])
    assert 0.90 <= np.mean(covered) <= 0.99


def test_what_is_resampled_is_the_group_not_the_query() -> None:
    """Ten copies of one group's query are one piece of evidence, not ten."""
    base, better = noise(3, 12), [min(1.0, value + 0.1) for value in noise(4, 12)]
    alone = compare(better, base, names(12))
    copied = compare(better * 10, base * 10, names(12) * 10)
    assert (copied.p, copied.mean) == (alone.p, pytest.approx(alone.mean))
    assert copied.ci95 == pytest.approx(alone.ci95)
    assert compare(better * 10, base * 10, names(120)).p < alone.p


def test_p_approaches_that_of_all_sign_flips() -> None:
    base, better = noise(5, 8), noise(6, 8)
    differences = np.array(better) - np.array(base)
    flips = np.array(list(product((-1, 1), repeat=8)))
    exact = np.mean(np.abs(flips @ differences) >= abs(differences.sum()) - 1e-12)
    assert compare(better, base, names(8), Resampling(0, 20_000)).p == pytest.approx(
        exact, abs=0.02
    )


def test_a_single_group_proves_nothing() -> None:
    assert compare([0.9, 0.8], [0.1, 0.2], ["g", "g"]) == Difference(0.7, (-1.0, 1.0), 1.0)


def test_equal_systems_differ_by_nothing() -> None:
    assert compare([0.5, 0.25, 1.0], [0.5, 0.25, 1.0], names(3)) == Difference(0.0, (0.0, 0.0), 1.0)


@given(st.permutations(range(30)))
def test_the_order_of_queries_does_not_matter(order: list[int]) -> None:
    one, other, groups = noise(8, 30), noise(9, 30), [f"g{i % 11}" for i in range(30)]
    resampling = Resampling(1, 200)
    shuffled = ([values[i] for i in order] for values in (one, other, groups))
    assert compare(*shuffled, resampling) == compare(one, other, groups, resampling)


def test_the_seed_alone_decides_the_draws() -> None:
    one, other = noise(10), noise(11)
    assert compare(one, other, names(80)) == compare(one, other, names(80))
    assert compare(one, other, names(80)) != compare(one, other, names(80), Resampling(8, 2000))


def test_measures_are_compared_side_by_side_on_the_same_draws() -> None:
    one = np.column_stack([noise(12), noise(13)])
    other = np.column_stack([noise(14), noise(15)])
    both = paired_differences([Stratum(one - other, names(80))], TIMES)
    each = [
        paired_differences([Stratum((one - other)[:, [m]], names(80))], TIMES)[0] for m in (0, 1)
    ]
    assert both == each


def test_several_tasks_weigh_the_same_whatever_their_sizes() -> None:
    small, large = stratum([1.0] * 4, [0.0] * 4, names(4)), stratum(noise(1), noise(1), names(80))
    [found] = paired_differences([small, large], TIMES)
    assert found.mean == 0.5


def test_the_interval_of_several_tasks_is_that_of_their_mean() -> None:
    """Two independent means: the width is that of one, divided by the root of two."""
    one, other = stratum(noise(20), noise(21), names(80)), stratum(noise(22), noise(23), names(80))
    widths = []
    for strata in ([one], [other], [one, other]):
        [found] = paired_differences(strata, Resampling(0, 10_000))
        widths.append(found.ci95[1] - found.ci95[0])
    assert widths[2] == pytest.approx(np.hypot(widths[0], widths[1]) / 2, rel=0.05)


def test_p_over_tasks_approaches_that_of_all_sign_flips() -> None:
    tasks = [(noise(30, 3), noise(31, 3)), (noise(32, 5), noise(33, 5))]
    parts = [(np.array(one) - np.array(other)) / len(one) for one, other in tasks]
    flips = np.array(list(product((-1, 1), repeat=8)))
    together = np.concatenate(parts)
    exact = np.mean(np.abs(flips @ together) >= abs(together.sum()) - 1e-12)
    strata = [stratum(one, other, names(len(one))) for one, other in tasks]
    [found] = paired_differences(strata, Resampling(0, 20_000))
    assert found.p == pytest.approx(exact, abs=0.02)


def test_a_task_of_a_single_group_may_have_been_anything() -> None:
    equal = stratum(noise(1), noise(1), names(80))
    [found] = paired_differences([stratum([0.5], [0.5], ["g"]), equal], TIMES)
    assert found.ci95 == (-0.5, 0.5)
