"""Which examples meet in which batch: a pure function of (seed, epoch).

Letters: N examples of the set. Every array is indexed by the row of an example in the set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.measures.scrambling import scrambled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class BatchColumns:
    """What the batches are made from.

    keys: (N,) 64 bits of each example's id. strata: (N,) number of its task and language.
    counts: (N,) positives of each example, ≥ 1. groups: (Σ counts,) number of the group of each
    positive, example by example.
    """

    keys: Keys
    strata: Rows
    counts: Rows
    groups: Rows


def choose_positives(columns: BatchColumns, seed: int, epoch: int) -> Rows:
    """(N,) which of its positives (0-based) each example is trained on in this epoch."""
    drawn = scrambled(columns.keys, seed, "positive", epoch)
    return (drawn % columns.counts.astype(np.uint64)).astype(np.int64)


def plan_batches(columns: BatchColumns, batch_size: int, seed: int, epoch: int) -> list[Rows]:
    """Batches of rows in training order, each example in exactly one of them.

    All but the last rows of each stratum fill whole batches of their own. The rests are joined,
    stratum after stratum, in batches of nearly equal size. Within a stratum two positives of one
    group share a batch only where the group has more rows than the stratum has whole batches.
    """
    positives = choose_positives(columns, seed, epoch)
    offsets = np.cumsum(columns.counts) - columns.counts
    groups = columns.groups[offsets + positives]
    order = _dealing_order(columns, groups, seed, epoch)
    borders = np.flatnonzero(np.diff(columns.strata[order])) + 1
    full: list[Rows] = []
    rests: list[Rows] = []
    for rows in np.split(order, borders):
        *whole, rest = _deal(rows, batch_size)
        full += whole
        rests.append(rest)
    rest = np.concatenate(rests)
    if len(rest):
        full += np.array_split(rest, -(-len(rest) // batch_size))
    places = np.arange(len(full), dtype=np.uint64)
    return [full[place] for place in np.argsort(scrambled(places, seed, "batches", epoch))]


def _dealing_order(columns: BatchColumns, groups: Rows, seed: int, epoch: int) -> Rows:
    """(N,) rows by stratum, then group in random order, then example in random order."""
    group_order = scrambled(groups.astype(np.uint64), seed, "groups", epoch)
    row_order = scrambled(columns.keys, seed, "rows", epoch)
    return np.lexsort((row_order, group_order, columns.strata))


def _deal(rows: Rows, batch_size: int) -> list[Rows]:
    """Deal rows out like cards: as many whole batches as there are, then the rest, maybe empty.

    Rows that stand close to one another, as those of one group do, end in different batches.
    """
    whole, rest = divmod(len(rows), batch_size)
    first = rest * (whole + 1)  # while the rest takes part, a lap has one batch more
    places = np.arange(len(rows))
    batches = np.where(places < first, places % (whole + 1), (places - first) % max(whole, 1))
    sizes = np.bincount(batches, minlength=whole + 1)
    return np.split(rows[np.argsort(batches, kind="stable")], np.cumsum(sizes)[:-1])
