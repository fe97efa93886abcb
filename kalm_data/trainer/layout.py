"""Where the rows of a round lie: batch by batch in one array, and which of them change places.

Letters: S strata, B batches. First come the batches of each stratum alone, then the mixed ones of
what is left over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.trainer.columns import Kind
from kalm_data.trainer.dealing import Permutation, dealt, even_sizes

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """kinds: (B,) what the rows of each batch learn from. firsts: (B + 1,) its first place.

    own: (S,) batches of a stratum alone. own_rows: (S,) rows in them. rests: (S,) its other rows.
    regions: the stratum of each run of places. bounds: where these runs begin, and the end.
    """

    kinds: Places
    firsts: Places
    own: Places
    own_rows: Places
    rests: Places
    regions: Places
    bounds: Places

    def strata_of(self, places: Places) -> Places:
        return self.regions[np.searchsorted(self.bounds, places, "right") - 1]

    def places(self, stratum: int) -> Places:
        """Where the rows of a stratum go, in the order in which they are dealt."""
        own, rows, rest = (int(of[stratum]) for of in (self.own, self.own_rows, self.rests))
        batch, lap = dealt(rows + rest, own, rest)
        here, there = self.bounds[:-1][self.regions == stratum]
        sizes = even_sizes(rows, own)
        firsts = np.append(here + np.cumsum(sizes) - sizes, there)
        return firsts[batch] + lap

    def settled(self, kinds: Places, sizes: Places) -> Layout:
        """Other batches; what lies where is known already."""
        return replace(self, kinds=kinds, firsts=_bounds(sizes))


def lay_out(counts: Places, least: Places, kinds: Places, batch_size: int) -> Layout:
    """counts, least, kinds: (S,) rows of each stratum, batches it takes at least, and its kind.

    A stratum fills all the whole batches that it can, and what is over is joined with that of
    others of its kind, stratum after stratum, in batches of nearly equal size. A stratum that takes
    more batches than it can fill shares its rows out evenly among these, and so do scored pairs:
    what is learnt from them is their order within one task.
    """
    whole = counts // batch_size
    scored = kinds == Kind.SCORED
    even = scored | ((whole > 0) & (least > whole))
    own = np.where(even, np.maximum(least, np.where(scored, -(-counts // batch_size), 0)), whole)
    own_rows = np.where(even, counts, whole * batch_size)
    rests = counts - own_rows
    by_kind = np.argsort(kinds, kind="stable")
    sizes = [even_sizes(*pair) for pair in zip(own_rows.tolist(), own.tolist(), strict=True)]
    of_kind = [np.repeat(kinds, own)]
    for kind in (Kind.SHARED, Kind.ALONE):
        rest = int(rests[kinds == kind].sum())
        sizes.append(even_sizes(rest, -(-rest // batch_size)))
        of_kind.append(np.full(len(sizes[-1]), kind, np.int64))
    return Layout(
        kinds=np.concatenate(of_kind),
        firsts=_bounds(np.concatenate(sizes)),
        own=own,
        own_rows=own_rows,
        rests=rests,
        regions=np.concatenate([np.arange(len(counts)), by_kind]),
        bounds=_bounds(np.concatenate([own_rows, rests[by_kind]])),
    )


def _bounds(sizes: Places) -> Places:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


class Exchange:
    """Which slots of the batches change places: the last of each whose rows learn from others.

    Of a batch of n rows these are `share` · n, rounded; all of them are permuted together.
    """

    def __init__(self, layout: Layout, share: Fraction, seed: int, name: str) -> None:
        self._firsts = layout.firsts
        self._sizes = np.diff(layout.firsts)
        sizes = self._sizes * (layout.kinds == Kind.SHARED)
        given = (sizes * share.numerator * 2 + share.denominator) // (2 * share.denominator)
        self._pool = _bounds(given)
        self._permutation = Permutation(int(self._pool[-1]), seed, "exchange", name)

    def places(self, batches: Places) -> tuple[Places, Places]:
        """Where the rows of these batches lie, batch after batch, and how many each has."""
        firsts, sizes = self._firsts[batches], self._sizes[batches]
        begins = np.cumsum(sizes) - sizes
        lap = np.arange(sizes.sum()) - np.repeat(begins, sizes)
        places = np.repeat(firsts, sizes) + lap
        kept = sizes - np.diff(self._pool)[batches]
        moved = np.flatnonzero(lap >= np.repeat(kept, sizes))
        slots = (np.repeat(self._pool[batches] - kept, sizes) + lap)[moved]
        places[moved] = self._slots(self._permutation(slots))
        return places, sizes

    def _slots(self, pool: Places) -> Places:
        """The places of exchanged slots, which are counted batch after batch."""
        batch = np.searchsorted(self._pool, pool, "right") - 1
        return self._firsts[batch + 1] - (self._pool[batch + 1] - pool)
