"""A fast seeded order of many keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.seeded import digest, digests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]


def scrambled(keys: Keys, seed: int, stage: str, key: str | int) -> Keys:
    """A bijection of 64-bit keys that looks random: one sha256, then splitmix64's finaliser.

    Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (OOPSLA 2014). Unlike
    numpy's generators its stream never changes with a release.
    """
    return mixed(keys ^ np.uint64(salt(seed, stage, key)))


def salt(seed: int, stage: str, key: str | int) -> int:
    """The 64 bits that tell one scrambling from another."""
    return int(digest(seed, stage, key)[:16], 16)


def salts(seed: int, stage: str, keys: Sequence[str]) -> Keys:
    """(N,) one for each key."""
    heads = b"".join([one[:8] for one in digests(keys, seed, stage)])
    return np.frombuffer(heads, ">u8").astype(np.uint64)


def mixed(salted: Keys) -> Keys:
    """splitmix64's finaliser, of keys to which their salt was added (xor)."""
    mixed = (salted ^ (salted >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
