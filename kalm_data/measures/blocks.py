"""Examples that are looked at together, with what was found for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.measures.hit_source import ALL_RANKS, HitTable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from kalm_data.core.mining import Excluded, MiningExample, Ranked, RankedKey

    Keys = NDArray[np.uint64]
    Mask = NDArray[np.bool_]
    Places = NDArray[np.int64]
    Scores = NDArray[np.float64]
    Window = tuple[int, int]
    Found = Mapping[str, Mapping[RankedKey, Ranked]]


@dataclass(frozen=True, slots=True)
class ByExample:
    """(N,) documents of a block: positions in the pool, and the place of the example of each."""

    rows: Places
    places: Places

    @classmethod
    def of(cls, lists: Sequence[Collection[int]]) -> ByExample:
        """lists: the positions of each example of the block, in order."""
        rows = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
        return cls(rows, np.fromiter(chain.from_iterable(lists), np.int64, len(rows)))

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, chosen: Mask | Places) -> ByExample:
        return ByExample(self.rows[chosen], self.places[chosen])

    def is_in(self, others: ByExample) -> Mask:
        """(N,) whether each is among the others of its example."""
        known = set(zip(others.rows.tolist(), others.places.tolist(), strict=True))
        pairs = zip(self.rows.tolist(), self.places.tolist(), strict=True)
        return np.array([pair in known for pair in pairs], bool)


@dataclass(frozen=True)
class Block:
    """B examples with what their ranks leave out, and what each ranker found for them, by id: None
    where it has nothing.
    """

    examples: Sequence[MiningExample]
    own: Sequence[Excluded]
    ranked: Mapping[str, Sequence[Ranked | None]]
    _tables: dict[tuple[str, Window], HitTable] = field(default_factory=dict)
    _own_hits: dict[tuple[str, Window], tuple[Places, Places]] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Sequence[tuple[MiningExample, Excluded]], found: Found) -> Block:
        """pairs: each example, and what its ranks leave out."""
        keys = [(example.example_id, own.positives) for example, own in pairs]
        ranked = {id_: [known.get(key) for key in keys] for id_, known in found.items()}
        return cls([example for example, _ in pairs], [own for _, own in pairs], ranked)

    def __len__(self) -> int:
        return len(self.examples)

    def found_by(self, ranker: str) -> Sequence[Ranked | None]:
        """What one ranker found for each example."""
        return self.ranked.get(ranker) or [None] * len(self)

    def hits(self, ranker: str, ranks: Window = ALL_RANKS) -> HitTable:
        """The hits of one ranker, from the first to the last of some raw ranks."""
        if (ranker, ranks) not in self._tables:
            lists = [one.hits if one else None for one in self.found_by(ranker)]
            self._tables[ranker, ranks] = HitTable.of(lists, ranks)
        return self._tables[ranker, ranks]

    def own_hits(self, ranker: str, ranks: Window, keys: Keys) -> tuple[Places, Places]:
        """Which of `own_places` (K,) are among these hits, and in which columns (K,). keys: (P,) of
        the pool.
        """
        if (ranker, ranks) not in self._own_hits:
            own = self.own_places
            found = self.hits(ranker, ranks).find(own.rows, keys[own.places])
            self._own_hits[ranker, ranks] = found
        return self._own_hits[ranker, ranks]

    @cached_property
    def own_places(self) -> ByExample:
        """What no rank counts: the positives and their near-duplicates."""
        return ByExample.of([own.places for own in self.own])

    def lowest(
        self, ranker: str, positives: Sequence[Sequence[str]], *, evident: bool = False
    ) -> Scores:
        """(B,) the ranker's score of the lowest-scoring of the positives, NaN where it has none.

        positives: text hashes for each example. evident: of those for which it has evidence.
        """
        found = np.full(len(self), np.nan)
        if ranker not in self.ranked:
            return found
        for row, (one, hashes) in enumerate(zip(self.found_by(ranker), positives, strict=True)):
            if one is None:
                continue
            scores = [
                at.score
                for text_hash in hashes
                if (at := one.measured.get(text_hash)) and not (evident and at.no_evidence)
            ]
            if scores:
                found[row] = min(scores)
        return found
