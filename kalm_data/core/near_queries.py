"""Finds near-duplicates among queries as they come, exactly but for collisions of 64-bit hashes.

Two queries are near-duplicates (DESIGN terms) where the larger one's n-grams hold at least 0.8 of
the smaller one's. So of any `n - ceil(0.8 n) + 1` n-grams of the smaller one the larger one holds
at least one (prefix filtering, as in `near_duplicates.py`). Which of two is the smaller is not
known before both are there: the index of all n-grams is asked for a few of the new query's, and
the index of a few n-grams of each earlier query for all of the new one's. The few are the rarest
so far, so that common beginnings ("what is the difference between") cost little.

Everything lies in flat arrays: 30 to 40 bytes an n-gram.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from kalm_data.core.text import grams

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LEAST_BUCKETS = 1 << 10


def gram_hash(gram: str) -> int:
    """64 bits that are the same in every process, as Python's own `hash()` is not."""
    digest = blake2b(gram.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class NearQueries:
    """A growing list of queries, numbered from 0; find what a new one nearly repeats.

    Give it queries that were kept, which are all different: what is added many times over makes
    every later query of its kind slow.
    """

    def __init__(self) -> None:
        self._hashes = array("Q")  # of every query's distinct n-grams, one query after another
        self._starts = array("Q", [0])  # where each query's hashes start, and the end
        self._all = _Places(self._hashes)
        self._few = _Places(self._hashes)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def add(self, query: str) -> int:
        """The number that the query gets."""
        number, start = len(self), len(self._hashes)
        hashes = self._rarest_first(query)
        self._hashes.extend(hashes)
        self._starts.append(len(self._hashes))
        self._few.extend(range(start, start + _few(len(hashes))))
        self._all.extend(range(start, len(self._hashes)))
        return number

    def find(self, query: str) -> int | None:
        """The lowest number of a near-duplicate, or None."""
        hashes = self._rarest_first(query)
        nominees = {*self._owning(self._all, hashes[: _few(len(hashes))])}
        nominees.update(self._owning(self._few, hashes))
        own = frozenset(hashes)
        return min((number for number in nominees if self._is_near(number, own)), default=None)

    def _rarest_first(self, query: str) -> list[int]:
        """The n-grams' hashes, in an order that depends on what was added only."""
        return sorted(_hashes(query), key=lambda one: (self._all.count(one), one))

    def _owning(self, places: _Places, hashes: Iterable[int]) -> Iterator[int]:
        """The numbers of the queries whose n-grams lie at these places."""
        found = (place for one in hashes for place in places.read(one))
        return (bisect_right(self._starts, place) - 1 for place in found)

    def _is_near(self, number: int, own: frozenset[int]) -> bool:
        start, end = self._starts[number], self._starts[number + 1]
        shared = sum(map(own.__contains__, self._hashes[start:end]))
        return shared >= _least_shared(min(end - start, len(own)))


class _Places:
    """Places in an array of hashes, by hash: chains in buckets, whose number is a power of two."""

    def __init__(self, hashes: array[int]) -> None:
        self._hashes = hashes
        self._places = array("I")
        self._before = array("I")  # the place before it in its chain, as a position + 1
        self._empty()

    def count(self, one: int) -> int:
        """How many places have this hash, at most."""
        return self._counts[one & self._mask]

    def read(self, one: int) -> Iterator[int]:
        """The places that have this hash."""
        at = self._last[one & self._mask]
        while at:
            place = self._places[at - 1]
            if self._hashes[place] == one:
                yield place
            at = self._before[at - 1]

    def extend(self, places: Iterable[int]) -> None:
        for place in places:
            self._places.append(place)
            self._before.append(0)
            self._link(len(self._places))
        if len(self._places) > len(self._last):
            self._empty()
            for at in range(1, len(self._places) + 1):
                self._link(at)

    def _empty(self) -> None:
        """No chains, in at least as many buckets as there are places."""
        buckets = _LEAST_BUCKETS
        while buckets < len(self._places):
            buckets *= 2
        self._mask = buckets - 1
        self._last = array("I", [0]) * buckets  # of each chain, as a position + 1
        self._counts = array("I", [0]) * buckets

    def _link(self, at: int) -> None:
        bucket = self._hashes[self._places[at - 1]] & self._mask
        self._before[at - 1] = self._last[bucket]
        self._last[bucket] = at
        self._counts[bucket] += 1


@lru_cache(maxsize=1)
def _hashes(query: str) -> tuple[int, ...]:
    """Of its n-grams; kept, as what was not found is often added next."""
    return tuple(map(gram_hash, grams(query)))


def _few(count: int) -> int:
    """Of so many n-grams, those of which a near-duplicate at least as large must hold one."""
    return count - _least_shared(count) + 1


def _least_shared(count: int) -> int:
    """ceil(0.8 count), in integers: 0.8 is no binary fraction."""
    return -(-count * 4 // 5)
