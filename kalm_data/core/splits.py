"""Train, dev and test, given by group, so that no text of one split has a copy in another."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from kalm_data.core.drawn_splits import draw_splits
from kalm_data.core.near_duplicates import groups, near_duplicates
from kalm_data.core.pool import most_protected

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from kalm_data.core.drawn_splits import DrawnShare, Fractions
    from kalm_data.core.records import NearDuplicate, Split, Text


@dataclass(frozen=True, slots=True)
class KnownTexts:
    """The texts of all documents that the workspace ever held, and what ties them together.

    `splits` has the most protected split of each text's documents; `edges` are near-duplicates and
    siblings, by text hash.
    """

    texts: Sequence[Text] = ()
    splits: Mapping[str, Split] = field(default_factory=dict)
    edges: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """The splits of new texts, by text hash, and the near-duplicates found on the way.

    `cut_groups` counts the groups with a new text that lie in more than one split, because splits
    were given, or because a new text ties together what had its splits already. `shares` are those
    of dev and test among the texts whose split was drawn.
    """

    splits: Mapping[str, Split]
    near_duplicates: Sequence[NearDuplicate]
    cut_groups: int
    shares: tuple[DrawnShare, ...]


def plan_splits(
    new: Sequence[Text],
    given: Mapping[str, Split],
    ties: Iterable[tuple[str, str]],
    known: KnownTexts,
    fractions: Fractions,
    joined: Collection[str] = (),
) -> SplitPlan:
    """Splits for `new` texts: as given, else as its group has already, else drawn by group.

    `given` and `ties` (texts that must not be parted: siblings, positives of one example) name
    texts by hash. Where a group has several splits, its other texts take the most protected one.
    Splits of known texts never change. `joined` are the known texts that the new ones come to, of
    their collection or task: shares are counted among all of these (`draw_splits`). So the splits
    depend on the seed, the texts and what was known, not on the order of the new texts; and on what
    came before them by ties, and where a group is large for its share.
    """
    found = near_duplicates(new, known.texts)
    near = ((pair.first, pair.second) for pair in found)
    group_of = groups(chain(known.edges, ties, near))
    fixed = {**known.splits, **given}
    by_group: defaultdict[str, set[Split]] = defaultdict(set)
    for text_hash, split in chain(known.splits.items(), given.items()):
        by_group[group_of.get(text_hash, text_hash)].add(split)
    groups_of_new = {text.text_hash: group_of.get(text.text_hash, text.text_hash) for text in new}
    settled = {
        name: fixed.get(name) or most_protected(by_group[group])
        for name, group in groups_of_new.items()
        if group in by_group
    }
    sizes = Counter(group for name, group in groups_of_new.items() if name not in settled)
    before = {name: known.splits[name] for name in joined if name in known.splits}
    drawn = draw_splits(sizes, Counter({**before, **settled}.values()), fractions)
    return SplitPlan(
        splits={
            name: settled[name] if name in settled else drawn.splits[group]
            for name, group in groups_of_new.items()
        },
        near_duplicates=found,
        cut_groups=sum(len(by_group.get(group, ())) > 1 for group in {*groups_of_new.values()}),
        shares=drawn.shares,
    )
