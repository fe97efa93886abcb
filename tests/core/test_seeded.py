from __future__ import annotations

from collections import Counter
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.seeded import digest, digests, in_random_order


@given(st.lists(st.text(max_size=5)), st.integers(0, 9))
def test_digests_of_many_keys_are_those_of_each(keys: list[str], seed: int):
    found = [one.hex()[:32] for one in digests(keys, seed, "stage")]
    assert found == [digest(seed, "stage", key) for key in keys]


@given(count=st.integers(0, 40), seed=st.integers(0, 5))
def test_a_random_order_holds_each_number_once(count: int, seed: int):
    order = list(in_random_order(count, seed, "stage", "key"))
    assert sorted(order) == list(range(count))
    assert order == list(in_random_order(count, seed, "stage", "key"))


def test_each_number_is_as_likely_to_be_among_the_first():
    drawn = Counter(
        n for key in range(6000) for n in islice(in_random_order(6, 0, "s", f"{key}"), 2)
    )
    assert all(1850 < drawn[n] < 2150 for n in range(6))


def test_the_first_of_many_numbers_come_at_once():
    assert len(set(islice(in_random_order(10**15, 0, "stage", "key"), 100))) == 100
