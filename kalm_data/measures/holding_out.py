"""Documents that a set does without: those held out for dev, and those of other licences."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING

from kalm_data.core.near_duplicates import groups, near_duplicates
from kalm_data.core.pool import tied_documents
from kalm_data.core.seeded import unit
from kalm_data.core.text import normalised

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from kalm_data.core.mining import MiningExample
    from kalm_data.core.pool import Pool
    from kalm_data.core.records import Text

OTHER_LICENCE = "licence"
"""Reason word of what must not be used."""


def held_for_dev(
    pools: Iterable[Pool],
    examples: Iterable[Sequence[MiningExample]],
    alike: Iterable[tuple[str, str]],
    share: float,
    seed: int,
) -> frozenset[str]:
    """Text hashes of the documents of the train split in a share of the groups.

    The draw is its own: what an import drew for dev and test is not among them any more. A group is
    never parted: near-duplicates and chunks of one file, all positives of examples with the same
    query (but for case and white space), whatever their task, and documents with the same value in
    `alike`, which pairs text hashes with values.
    """
    pools = tuple(pools)
    group_of = groups(
        chain(
            chain.from_iterable(tied_documents(pool) for pool in pools),
            _of_one_query(chain.from_iterable(examples)),
            ((text_hash, f"value {value}") for text_hash, value in alike),
        )
    )
    hashes = {
        text_hash
        for pool in pools
        for text_hash, split in zip(pool.text_hashes, pool.columns.splits, strict=True)
        if split == "train"
    }
    return frozenset(h for h in hashes if unit(seed, "held for dev", group_of.get(h, h)) < share)


def _of_one_query(examples: Iterable[MiningExample]) -> Iterator[tuple[str, str]]:
    for example in examples:
        query = f"query {normalised(example.query)}"
        yield from ((text_hash, query) for text_hash in example.positives[:1])
        yield from pairwise(example.positives)


def like_held(held: Sequence[Text], texts: Iterable[Text]) -> frozenset[str]:
    """Hashes of those of `texts` that are held documents, or near-duplicates of one."""
    if not held:
        return frozenset()
    hashes = {one.text_hash for one in held}
    given = {one.text_hash: one for one in texts}
    others = [one for text_hash, one in given.items() if text_hash not in hashes]
    near = {h for pair in near_duplicates(held, others) for h in (pair.first, pair.second)}
    return frozenset((hashes | near) & given.keys())


def of_other_licence(
    licences: Mapping[str, Collection[str]], of_task: str, allowed: Collection[str]
) -> frozenset[str]:
    """Text hashes of documents with any licence that is not allowed; one that has none told has
    that of the task.
    """
    return frozenset(
        text_hash
        for text_hash, told in licences.items()
        if not {licence or of_task for licence in told} <= set(allowed)
    )
