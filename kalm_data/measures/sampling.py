"""Which of the candidates of many examples are drawn, all examples at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kalm_data.core.config.mine import Sampling

    Mask = NDArray[np.bool_]
    Counts = NDArray[np.int64]
    Keys = NDArray[np.uint64]

_LAST = np.uint64(2**64 - 1)


def choose(sampling: Sampling, free: Mask, order: Keys, counts: Counts) -> Mask:
    """(B, W) so many of the candidates of each row; all where there are no more.

    free: (B, W) which places of a row hold a candidate, best first. order: (B, W) seeded values,
    no two of a row alike. counts: (B,), 1 or more.
    """
    if sampling == "top":
        return _first(free, counts)
    if sampling == "random":
        return _earliest(free, order, counts)
    return _one_a_stretch(free, order, counts)


def _first(free: Mask, counts: Counts) -> Mask:
    chosen: Mask = free & (np.cumsum(free, axis=1) <= counts[:, None])
    return chosen


def _earliest(free: Mask, order: Keys, counts: Counts) -> Mask:
    """Those that come first in the seeded order."""
    ordered = np.where(free, order, _LAST)
    wanted = np.minimum(counts, free.shape[1]) - 1
    in_place = np.partition(ordered, np.unique(wanted), axis=1)
    last = in_place[np.arange(len(free)), wanted]
    chosen: Mask = free & (ordered <= last[:, None])
    return chosen


def _one_a_stretch(free: Mask, order: Keys, counts: Counts) -> Mask:
    """The candidates of each row are cut into `counts` stretches, the first ones longer by one
    where they do not come out even; of each stretch the first in the seeded order.
    """
    rows, columns = np.nonzero(free)
    found = np.count_nonzero(free, axis=1)
    at = np.arange(len(rows)) - np.repeat(np.cumsum(found) - found, found)  # place in its row
    short, longer_ones = np.divmod(found, counts)
    border = longer_ones * (short + 1)
    stretch = np.where(
        at < border[rows],
        at // (short + 1)[rows],
        longer_ones[rows] + (at - border[rows]) // np.maximum(short, 1)[rows],
    )
    by_order = np.lexsort((order[rows, columns], stretch, rows))
    is_first = np.ones(len(rows), bool)
    is_first[1:] = (np.diff(rows[by_order]) != 0) | (np.diff(stretch[by_order]) != 0)
    picked = np.zeros_like(free)
    picked[rows[by_order[is_first]], columns[by_order[is_first]]] = True
    return picked
