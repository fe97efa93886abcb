from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.seeded import digest
from kalm_data.trainer.batches import (
    BatchColumns,
    choose_positives,
    plan_batches,
    scrambled,
)


@st.composite
def columns(draw: st.DrawFn) -> BatchColumns:
    """Up to 60 examples of up to 3 tasks with up to 3 positives in up to 6 groups."""
    size = draw(st.integers(1, 60))
    counts = draw(st.lists(st.integers(1, 3), min_size=size, max_size=size))
    return BatchColumns(
        keys=np.array(draw(st.lists(st.integers(0, 2**64 - 1), min_size=size, max_size=size,
                                    unique=True)), np.uint64),
        strata=np.array(draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))),
        counts=np.array(counts),
        groups=np.array(draw(st.lists(st.integers(0, 5), min_size=sum(counts),
                                      max_size=sum(counts)))),
    )  # fmt: skip


def chosen_groups(columns: BatchColumns, seed: int, epoch: int) -> list[int]:
    positives = choose_positives(columns, seed, epoch)
    starts = np.cumsum(columns.counts) - columns.counts
    return [int(columns.groups[s + p]) for s, p in zip(starts, positives, strict=True)]


@given(columns(), st.integers(1, 9), st.integers(0, 3), st.integers(0, 3))
def test_each_example_stands_in_exactly_one_batch_of_an_epoch(
    columns: BatchColumns, size: int, seed: int, epoch: int
):
    batches = plan_batches(columns, size, seed, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(columns.keys)))
    assert all(0 < len(batch) <= size for batch in batches)


@given(columns(), st.integers(1, 9))
def test_the_number_of_batches_is_the_same_in_every_epoch(columns: BatchColumns, size: int):
    assert len({len(plan_batches(columns, size, 0, epoch)) for epoch in range(4)}) == 1


@given(columns(), st.integers(1, 9))
def test_a_task_fills_all_the_whole_batches_that_it_can(columns: BatchColumns, size: int):
    batches = plan_batches(columns, size, 0, 0)
    pure = Counter(
        int(columns.strata[batch[0]])
        for batch in batches
        if len(batch) == size and len(set(columns.strata[batch].tolist())) == 1
    )
    for stratum, rows in Counter(columns.strata.tolist()).items():
        assert pure[stratum] >= rows // size


@given(columns(), st.integers(1, 9), st.integers(0, 3))
def test_positives_of_one_group_share_a_whole_batch_only_where_they_must(
    columns: BatchColumns, size: int, epoch: int
):
    groups = chosen_groups(columns, 0, epoch)
    members = Counter(zip(columns.strata.tolist(), groups, strict=True))
    whole = {s: n // size for s, n in Counter(columns.strata.tolist()).items()}
    for batch in plan_batches(columns, size, 0, epoch):
        strata = {int(columns.strata[row]) for row in batch}
        if len(batch) == size and len(strata) == 1 and whole[(stratum := strata.pop())]:
            for group, count in Counter(groups[row] for row in batch).items():
                assert count <= 1 or members[stratum, group] > whole[stratum]


@given(columns(), st.integers(0, 3))
def test_the_chosen_positive_exists_and_depends_on_the_example_alone(
    columns: BatchColumns, epoch: int
):
    positives = choose_positives(columns, 0, epoch)
    assert np.all((positives >= 0) & (positives < columns.counts))
    backwards = BatchColumns(columns.keys[::-1], columns.strata, columns.counts[::-1], np.array([]))
    assert choose_positives(backwards, 0, epoch)[::-1].tolist() == positives.tolist()


def test_epochs_and_seeds_differ_in_order_and_in_the_positives_drawn():
    columns = BatchColumns(
        np.arange(64, dtype=np.uint64), np.zeros(64, np.int64), np.full(64, 4), np.arange(256)
    )
    plans = [plan_batches(columns, 8, *pair) for pair in ((0, 0), (0, 1), (1, 0))]
    assert len({str([batch.tolist() for batch in plan]) for plan in plans}) == 3
    drawn = [choose_positives(columns, *pair).tolist() for pair in ((0, 0), (0, 1), (1, 0))]
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]
    assert set(Counter(drawn[0])) == {0, 1, 2, 3}


def test_scrambled_is_the_published_finaliser_and_loses_no_key():
    # splitmix64 from state 0, as Vigna's reference code in C prints it
    state, output = 0x9E3779B97F4A7C15, 0xE220A8397B1DCDAF
    salt = int(digest(0, "salt", 0)[:16], 16)
    assert scrambled(np.array([state ^ salt], np.uint64), 0, "salt", 0).tolist() == [output]
    assert len(np.unique(scrambled(np.arange(5000, dtype=np.uint64), 0, "salt", 0))) == 5000
