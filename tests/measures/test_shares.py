from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.measures.shares import share_out


def largest_remainder(count: int, weights: list[int]) -> list[int]:
    """In exact numbers: whole parts, then one each to the largest rests, ties to the first."""
    exact = [Fraction(count * weight, sum(weights)) for weight in weights]
    shares = [int(share) for share in exact]
    for _ in range(count - sum(shares)):
        rests = [share - given for share, given in zip(exact, shares, strict=True)]
        shares[rests.index(max(rests))] += 1
    return shares


@given(st.integers(0, 200), st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any))
def test_shares_are_those_of_the_largest_remainder(count: int, weights: list[int]) -> None:
    wanted = largest_remainder(count, weights)
    assert share_out(count, weights) == wanted
    assert share_out(count, [weight / 10 for weight in weights]) == wanted


@given(st.integers(0, 200), st.lists(st.floats(0, 1e6), min_size=1, max_size=6))
def test_shares_add_up_and_lie_within_one_of_the_exact_ones(
    count: int, weights: list[float]
) -> None:
    shares = share_out(count, weights)
    assert sum(shares) == count
    if sum(weights):
        exact = [count * Fraction(weight) / sum(map(Fraction, weights)) for weight in weights]
        assert all(abs(a - b) <= 1 for a, b in zip(shares, exact, strict=True))


@pytest.mark.parametrize(
    ("count", "weights", "shares"),
    [
        (7, [1, 1], [4, 3]), (7, [2, 1], [5, 2]), (2, [4, 1, 1], [2, 0, 0]),
        (1, [1, 1, 1], [1, 0, 0]), (5, [0, 1], [0, 5]), (3, [0, 0], [2, 1]),
        (0, [1, 2], [0, 0]), (-1, [1], [0]), (3, [], []),
    ],
)  # fmt: skip
def test_ties_go_to_the_first_and_no_weight_at_all_is_equal_weight(
    count: int, weights: list[float], shares: list[int]
) -> None:
    assert share_out(count, weights) == shares
