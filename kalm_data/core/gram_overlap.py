"""Of many texts the one whose n-grams a given text holds best, without comparing it with all.

A text of c n-grams of which at least `share` must be held cannot be missed by asking for any
`c - ceil(share c) + 1` of them: only these, the rarest, are indexed (prefix filtering: Chaudhuri
et al., "A primitive operator for similarity joins", ICDE 2006), so that boilerplate costs little.
Everything lies in flat arrays: about 20 bytes an n-gram at a share of 0.8.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from kalm_data.core.near_queries import gram_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence, Set


def gram_hashes(words: Sequence[str], gram_words: int) -> set[int]:
    """64-bit hashes of the n-grams, which are none where there are fewer than n words."""
    last = len(words) - gram_words + 1
    return {gram_hash(" ".join(words[i : i + gram_words])) for i in range(last)}


class GramOverlap:
    """Texts, numbered from 0, by the hashes of their n-grams; a text may have none."""

    def __init__(self, texts: Iterable[Set[int]], share: float) -> None:
        self._share = share
        self._hashes = array("Q")  # of every text's n-grams, the rarest first, text after text
        self._starts = array("Q", [0])  # where each text's hashes start, and the end
        for hashes in texts:
            self._hashes.extend(hashes)
            self._starts.append(len(self._hashes))
        self._sort_rarest_first()
        self._index_rarest()

    def best(self, held: Set[int]) -> tuple[int, float] | None:
        """(number, share) of the text most of whose n-grams are held; of equals the first.

        None where no text's share is at least the one asked for.
        """
        numbers = {number for one in held for number in self._asking(one)}
        shares = ((number, self._held_share(number, held)) for number in numbers)
        enough = (found for found in shares if found[1] >= self._share)
        return max(enough, key=lambda found: (found[1], -found[0]), default=None)

    def _held_share(self, number: int, held: Set[int]) -> float:
        own = self._hashes[self._starts[number] : self._starts[number + 1]]
        return sum(map(held.__contains__, own)) / len(own)

    def _asking(self, one: int) -> Iterator[int]:
        """The numbers of the texts that ask for this hash."""
        at = self._last[one % len(self._last)]
        while at:
            place = self._places[at - 1]
            if self._hashes[place] == one:
                yield bisect_right(self._starts, place) - 1
            at = self._before[at - 1]

    def _sort_rarest_first(self) -> None:
        """Rarest by how many texts have an n-gram, at most: those of one bucket count together."""
        counts = array("I", [0]) * (2 * len(self._hashes) + 1)
        buckets = len(counts)
        for one in self._hashes:
            counts[one % buckets] += 1
        for start, end in pairwise(self._starts):
            own = sorted(self._hashes[start:end], key=lambda one: (counts[one % buckets], one))
            self._hashes[start:end] = array("Q", own)

    def _index_rarest(self) -> None:
        """Chains of places in buckets: `_before` is the place before in a chain, position + 1."""
        self._places = array("Q")
        for start, end in pairwise(self._starts):
            least_shared = max(1, int(self._share * (end - start)))
            self._places.extend(range(start, end - least_shared + 1))
        self._before = array("Q", [0]) * len(self._places)
        self._last = array("Q", [0]) * (2 * len(self._places) + 1)
        for at, place in enumerate(self._places):
            bucket = self._hashes[place] % len(self._last)
            self._before[at], self._last[bucket] = self._last[bucket], at + 1
