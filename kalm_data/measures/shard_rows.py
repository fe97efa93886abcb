"""What the rows of a shard set are made from, beside the texts that the workspace holds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from kalm_data.core.mining import excluded
from kalm_data.core.near_duplicates import groups
from kalm_data.measures.negatives import Drawn, Negative

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from kalm_data.core.mining import MiningExample
    from kalm_data.core.pool import Pool
    from kalm_data.core.tasks import Task


@dataclass(frozen=True, slots=True)
class TaskRows:
    """The rows of one task, one for each of `drawn`, which names no example twice.

    `ranker` and `basis` name the rankings that give the positives their scores; empty where
    nothing was ranked. `groups` has the group (DESIGN terms) of each text that is not alone in
    its own, by hash.
    """

    task: Task
    ranker: str
    basis: str
    drawn: Sequence[Drawn]
    pool: Pool
    groups: Mapping[str, str]


def document_groups(pool: Pool) -> dict[str, str]:
    """The group of each text of the pool, or like one of its texts, that is not alone in it.

    Groups are connected components of near-duplicates and siblings, named by their smallest hash.
    """
    near = (
        (text_hash, pool.documents[place].text_hash)
        for text_hash, places in pool.alike.items()
        for place in places
    )
    first_child: dict[str, str] = {}
    siblings = (
        (first_child.setdefault(parent, document.text_hash), document.text_hash)
        for document in pool.documents
        for parent in sorted(document.parents)
    )
    return groups(chain(near, siblings))


def given_negatives(
    pool: Pool, examples: Sequence[MiningExample], dropped: AbstractSet[tuple[str, str]]
) -> Iterator[Drawn]:
    """The negatives that came with the data, for a task that nobody mined: without limits.

    They are documents of the pool and of the train split, and neither positives nor like one.
    `dropped` has (example id, text hash) of the positives that filters dropped; an example with
    none left is refused as `no_positive_left`.
    """
    index = pool.index()
    trainable = {document.text_hash for document in pool.documents if document.split == "train"}
    for example in examples:
        if all((example.example_id, text_hash) in dropped for text_hash in example.positives):
            yield Drawn(example.example_id, (), 0.0, "no_positive_left")
            continue
        places = excluded(pool, index, example.positives).places
        barred = {pool.documents[place].text_hash for place in places}
        found = [h for h in example.negatives if h in trainable and h not in barred]
        given = tuple(Negative(text_hash, 0, 0.0, given=True) for text_hash in found)
        yield Drawn(example.example_id, given, 0.0)
