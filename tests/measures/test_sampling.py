from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.measures.sampling import choose

WIDTH = 9
Rows = list[tuple[list[bool], int]]
rows = st.lists(
    st.tuples(st.lists(st.booleans(), min_size=WIDTH, max_size=WIDTH), st.integers(1, WIDTH + 2)),
    min_size=1, max_size=6,
)  # fmt: skip


def chosen(sampling: str, drawn: Rows, seed: int) -> tuple[list[list[int]], np.ndarray]:
    """The columns chosen in each row, and the seeded order of all."""
    free = np.array([row for row, _ in drawn])
    counts = np.array([count for _, count in drawn])
    order = np.random.default_rng(seed).permutation(free.size).astype(np.uint64)
    picked = choose(sampling, free, order.reshape(free.shape), counts)  # type: ignore[arg-type]
    return [np.flatnonzero(row).tolist() for row in picked], order.reshape(free.shape)


@given(rows, st.integers(0, 99))
def test_top_takes_the_first_candidates_of_each_row(drawn: Rows, seed: int) -> None:
    found, _ = chosen("top", drawn, seed)
    for columns, (free, count) in zip(found, drawn, strict=True):
        assert columns == np.flatnonzero(free)[:count].tolist()


@given(rows, st.integers(0, 99))
def test_random_takes_the_candidates_that_come_first_in_the_seeded_order(
    drawn: Rows, seed: int
) -> None:
    found, order = chosen("random", drawn, seed)
    for columns, (free, count), values in zip(found, drawn, order, strict=True):
        by_order = sorted(np.flatnonzero(free).tolist(), key=values.__getitem__)
        assert columns == sorted(by_order[:count])


@given(rows, st.integers(0, 99))
def test_spread_takes_one_of_each_stretch_or_all_where_there_are_no_more(
    drawn: Rows, seed: int
) -> None:
    found, order = chosen("spread", drawn, seed)
    for columns, (free, count), values in zip(found, drawn, order, strict=True):
        stretches = np.array_split(np.flatnonzero(free), count)
        firsts = [min(one.tolist(), key=values.__getitem__) for one in stretches if len(one)]
        assert columns == firsts
