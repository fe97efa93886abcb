"""Rows dealt out to batches like cards, so that those that are alike end in different ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kalm_data.measures.scrambling import mixed, salt, scrambled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]
    Places = NDArray[np.int64]

_ROUNDS = 4
"""Of a Feistel network: Luby and Rackoff (1988) prove that four look like chance."""


def in_random_order(hashes: Hashes) -> Places:
    """Their places in order of as many of their bits as leave room for a place, then by place.

    One sort of numbers, which is faster than one that has places follow.
    """
    bits = np.uint64(max(len(hashes) - 1, 1).bit_length())
    packed = (hashes >> bits << bits) | np.arange(len(hashes), dtype=np.uint64)
    packed.sort()
    return (packed & np.uint64((1 << int(bits)) - 1)).astype(np.int64)


def in_groups(order: Places, groups: NDArray[np.uint32], seed: int, epoch: int) -> Places:
    """The same places, those of one group side by side; within a group the order stays.

    Which group comes first is drawn by the epoch.
    """
    drawn = scrambled(groups.astype(np.uint64), seed, "groups", epoch)
    return order[in_random_order(drawn[order])]


def dealt(rows: int, batches: int, rest: int) -> tuple[Places, Places]:
    """Which batch each of `rows` cards goes to, and how many lie there already.

    One card a batch and lap. The first `rest` laps have one batch more, of number `batches`; the
    others share the remaining cards as evenly as can be, the first of them one more.
    """
    cards = np.arange(rows)
    first = rest * (batches + 1)
    later = cards - first
    even = max(batches, 1)
    batch = np.where(later < 0, cards % (batches + 1), later % even)
    lap = np.where(later < 0, cards // (batches + 1), rest + later // even)
    return batch, lap


def even_sizes(rows: int, batches: int) -> Places:
    """(batches,) sizes that differ by one at most, the larger first."""
    return rows // max(batches, 1) + (np.arange(batches) < rows % max(batches, 1))


class Permutation:
    """A seeded bijection of 0 … size − 1 of which any part is known without the rest.

    A Feistel network over the next power of four; what falls outside walks on until it is in.
    Black and Rogaway, "Ciphers with arbitrary finite domains" (CT-RSA 2002), methods 2 and 3.
    """

    def __init__(self, size: int, seed: int, stage: str, key: str | int) -> None:
        self._size = np.uint64(size)
        self._half = np.uint64(max((size - 1).bit_length() + 1, 2) // 2)
        self._mask = np.uint64((1 << int(self._half)) - 1)
        self._salts = [
            np.uint64(salt(seed, stage, f"{key}, round {number}")) for number in range(_ROUNDS)
        ]

    def __call__(self, places: Places) -> Places:
        found = self._step(places.astype(np.uint64))
        while (outside := np.flatnonzero(found >= self._size)).size:
            found[outside] = self._step(found[outside])
        return found.astype(np.int64)

    def _step(self, places: Hashes) -> Hashes:
        left, right = places >> self._half, places & self._mask
        for salted in self._salts:
            left, right = right, left ^ (mixed(right ^ salted) & self._mask)
        return (left << self._half) | right
