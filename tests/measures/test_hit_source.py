from __future__ import annotations

import numpy as np
import pytest

from kalm_data.core.mining import Hits
from kalm_data.measures.hit_source import ALL_RANKS, HitTable

LISTS = [
    Hits(np.arange(1, 1 + size, dtype=np.uint64), -np.arange(size, dtype=np.float64))
    if size
    else None
    for size in (5, 0, 2, 3)
]


@pytest.mark.parametrize("ranks", [ALL_RANKS, (1, 2), (2, 3), (3, 9), (6, 9)])
def test_a_table_has_the_hits_of_its_ranks_and_nothing_beyond_a_list(
    ranks: tuple[int, int],
) -> None:
    first, last = ranks
    table = HitTable.of(LISTS, ranks)
    for row, hits in enumerate(LISTS):
        keys = hits.keys[first - 1 : last].tolist() if hits else []
        scores = hits.scores[first - 1 : last].tolist() if hits else []
        beyond = table.keys.shape[1] - len(keys)
        assert table.lengths[row] == len(keys)
        assert table.keys[row].tolist() == keys + [0] * beyond
        np.testing.assert_equal(table.scores[row], scores + [np.nan] * beyond)


def test_documents_are_found_in_the_window_of_their_own_row_alone() -> None:
    found, columns = HitTable.of(LISTS, (2, 3)).find(
        np.array([0, 0, 1, 2, 3]), np.array([1, 3, 2, 2, 0], np.uint64)
    )
    assert (found.tolist(), columns.tolist()) == ([1, 3], [1, 0])
