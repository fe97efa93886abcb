"""Takes over what another system ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.mining import ranker_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kalm_data.core.mining import MiningExample, Ranked
    from kalm_data.core.trec_run import TrecRun
    from kalm_data.measures.ranking import Asked, Found, RankedPool


class RunRanker:
    """Satisfies `measures.ranking.Ranker`: the lists of a TREC run, by score, ties by text hash.

    Queries are known by example id, documents by text hash or by the id they were imported with.
    A positive that the list does not name has no evidence and ranks last: how far down it stands
    nobody knows.
    """

    needs: tuple[str, ...] = ()
    cut = 0

    def __init__(
        self, listed: TrecRun, names: Mapping[str, str], over: RankedPool, depth: int
    ) -> None:
        """names: document id → text hash, of the pool's collections."""
        self._listed, self._names, self._over, self._depth = listed, names, over, depth
        self.pool_size = len(over.pool)
        known = (part for name in sorted(names) for part in (name, names[name]))
        self.id = ranker_id("run", listed.name, listed.fingerprint, *known)

    def rank(self, asked: Sequence[Asked], found: Found) -> Iterator[Ranked]:
        for example, own in asked:
            yield self._over.ranked_by(example, own, self._scored(example), self._depth)

    def _scored(self, example: MiningExample) -> dict[int, float]:
        """The scores of the documents listed for an example, by position in the pool."""
        listed = self._listed.lists.get(example.example_id)
        if listed is None:
            message = (
                f"{self._listed.name}: no line for the example {example.example_id}. A run names "
                "queries by example id, as the shards of a task show it."
            )
            raise InputError(message)
        scored: dict[int, float] = {}
        for document, score in listed.items():
            place = self._over.index.get(self._names.get(document, document))
            if place is not None:
                scored[place] = max(score, scored.get(place, score))
        if not scored:
            message = (
                f"{self._listed.name}: none of the documents of example {example.example_id} is in "
                f"the pool of task {self._over.task.name}. A run names documents by the id they "
                "were imported with, or by text hash."
            )
            raise InputError(message)
        return scored
