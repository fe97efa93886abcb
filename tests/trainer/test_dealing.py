from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kalm_data.core.seeded import digest
from kalm_data.measures.scrambling import scrambled
from kalm_data.trainer.dealing import Permutation, dealt, in_groups, in_random_order


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(0, 5), st.data())
def test_any_part_of_a_permutation_is_that_of_the_whole(size: int, seed: int, data: st.DataObject):
    permutation = Permutation(size, seed, "stage", 0)
    whole = permutation(np.arange(size)).tolist()
    assert sorted(whole) == list(range(size))
    some = data.draw(st.lists(st.integers(0, size - 1)))
    assert permutation(np.array(some, np.int64)).tolist() == [whole[place] for place in some]


def test_a_permutation_looks_like_chance():
    moved = Permutation(10_000, 0, "stage", 0)(np.arange(10_000))
    assert abs(np.corrcoef(np.arange(10_000), moved)[0, 1]) < 0.03
    assert np.count_nonzero(moved == np.arange(10_000)) < 8
    assert Permutation(10_000, 0, "stage", 1)(np.arange(9)).tolist() != moved[:9].tolist()


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=40))
def test_a_random_order_has_every_place_once_and_follows_the_hashes(hashes: list[int]):
    order = in_random_order(np.array(hashes, np.uint64)).tolist()
    assert sorted(order) == list(range(len(hashes)))
    bits = max(len(hashes) - 1, 1).bit_length()
    assert order == sorted(order, key=lambda place: (hashes[place] >> bits, place))


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), max_size=40))
def test_rows_of_a_group_come_side_by_side_in_the_order_they_had(groups: list[int]):
    backwards = np.arange(len(groups))[::-1]
    order = in_groups(backwards, np.array(groups, np.uint32), 0, 0).tolist()
    met = list(dict.fromkeys(groups[place] for place in order))
    assert order == sorted(backwards.tolist(), key=lambda place: met.index(groups[place]))


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 9), st.integers(0, 9))
def test_neighbours_end_in_different_batches_and_every_slot_is_filled_once(
    rows: int, batches: int, rest: int
):
    if not batches:
        rest = rows
    rest = min(rest, rows // (batches + 1))
    batch, lap = dealt(rows, batches, rest)
    assert len(set(zip(batch.tolist(), lap.tolist(), strict=True))) == rows
    assert np.count_nonzero(batch == batches) == rest
    sizes = np.bincount(batch[batch < batches], minlength=batches)
    assert all(set(lap[batch == n].tolist()) == set(range(size)) for n, size in enumerate(sizes))
    assert not batches or sizes.max() - sizes.min() <= 1
    for start in range(rows - batches):
        window = batch[start : start + batches].tolist()
        assert len(set(window)) >= batches - 1 + (rest in (0, rows))


def test_scrambled_is_the_published_finaliser_and_loses_no_key():
    # splitmix64 from state 0, as Vigna's reference code in C prints it
    state, output = 0x9E3779B97F4A7C15, 0xE220A8397B1DCDAF
    salt = int(digest(0, "salt", 0)[:16], 16)
    assert scrambled(np.array([state ^ salt], np.uint64), 0, "salt", 0).tolist() == [output]
    assert len(np.unique(scrambled(np.arange(5000, dtype=np.uint64), 0, "salt", 0))) == 5000
