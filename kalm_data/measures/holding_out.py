"""Documents that a set does without: those held out for dev, and those of other licences."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, pairwise
from math import floor
from typing import TYPE_CHECKING

from kalm_data.core.near_duplicates import groups, near_duplicates
from kalm_data.core.pool import tied_documents
from kalm_data.core.seeded import digest
from kalm_data.core.text import normalised

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from kalm_data.core.mining import MiningExample
    from kalm_data.core.pool import Pool
    from kalm_data.core.records import Text

OTHER_LICENCE = "licence"
"""Reason word of what must not be used."""

_ROUNDING = 1e-9
"""0.29 of 100 documents are 29, and in floating point a little less."""


@dataclass(frozen=True, slots=True)
class HeldForDev:
    """Text hashes of the documents held, of `wanted` that the share allows.

    `too_large` is the largest group that was left to training, for it holds more documents than
    were wanted still; empty where there was none.
    """

    documents: frozenset[str]
    wanted: int
    too_large: Sequence[str]


def held_for_dev(
    pools: Iterable[Pool],
    examples: Iterable[Sequence[MiningExample]],
    alike: Iterable[tuple[str, str]],
    share: float,
    seed: int,
) -> HeldForDev:
    """At most a share of the documents of the train split, by whole groups in seeded order.

    The draw is its own: what an import drew for dev and test is not among them any more. A group is
    never parted: near-duplicates and chunks of one file, all positives of examples with the same
    query (but for case and white space), whatever their task, and documents with the same value in
    `alike`, which pairs text hashes with values. One that is larger than what is wanted still is
    passed over, for the smaller ones after it. The order in which documents came has no part in it.
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
    drawn: defaultdict[str, list[str]] = defaultdict(list)
    for text_hash in sorted(hashes):
        drawn[group_of.get(text_hash, text_hash)].append(text_hash)
    wanted = floor(share * len(hashes) + _ROUNDING)
    return _whole_groups(drawn, wanted, seed)


def _whole_groups(drawn: Mapping[str, Sequence[str]], wanted: int, seed: int) -> HeldForDev:
    held: set[str] = set()
    too_large: Sequence[str] = ()
    for group in sorted(drawn, key=lambda name: digest(seed, "held for dev", name)):
        if len(held) + len(drawn[group]) <= wanted:
            held.update(drawn[group])
        else:
            too_large = max(too_large, drawn[group], key=len)
    return HeldForDev(frozenset(held), wanted, too_large)


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
