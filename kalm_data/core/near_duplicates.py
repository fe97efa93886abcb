"""Near-duplicates, exactly: every pair that brute force would find, without comparing all pairs.

Two texts are near-duplicates if they are the same in normal form, or if the larger's n-grams hold
at least `CONTAINMENT` of the smaller's (`core/text.py`). So of any `n - ceil(0.8 n) + 1` n-grams
of the smaller one, the larger one holds at least one: only those, the rarest, are indexed
(prefix filtering: Chaudhuri et al., "A primitive operator for similarity joins", ICDE 2006).

Python's `hash()` differs from process to process, but it only nominates here: a shared n-gram has
a shared hash, and what is nominated is compared by its n-grams. No result depends on it.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from functools import lru_cache
from itertools import combinations, product, takewhile
from typing import TYPE_CHECKING

from kalm_data.core.records import NearDuplicate, Text
from kalm_data.core.text import containment, grams

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Hashes = array[int]
    """One hash for each distinct n-gram of a text."""

CONTAINMENT = 0.8
"""Share of the smaller text's n-grams that makes a near-duplicate (DESIGN terms)."""


def near_duplicates(new: Iterable[Text], known: Iterable[Text] = ()) -> list[NearDuplicate]:
    """All near-duplicate pairs with at least one new text, sorted by (first, second).

    A text that is both new and known counts as known. Pairs of two known texts are left out.
    """
    old = {text.text_hash: text for text in known}
    fresh = {text.text_hash: text for text in new if text.text_hash not in old}
    with_copies, without = _same_documents(fresh, old)
    found = [
        _pair(first, second, 1.0)
        for copies in with_copies
        for first, second in combinations(copies, 2)
    ]
    classes = [*with_copies, *without]
    for smaller, larger, share in _matches([copies[0] for copies in classes], len(with_copies)):
        found.extend(_pair(*texts, share) for texts in product(classes[smaller], classes[larger]))
    kept = (pair for pair in found if pair.first in fresh or pair.second in fresh)
    return sorted(kept, key=lambda pair: (pair.first, pair.second))


def groups(edges: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Connected components: each name on an edge, with the smallest name of its component."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := parent.setdefault(name, name)) != name:
            parent[name] = parent[above]
            name = above
        return name

    for first, second in edges:
        low, high = sorted((root(first), root(second)))
        parent[high] = low
    return {name: root(name) for name in sorted(parent)}


def _same_documents(
    fresh: dict[str, Text], old: dict[str, Text]
) -> tuple[list[list[Text]], list[list[Text]]]:
    """Texts by normal form, each form compared with the others once: (with a new one, without)."""
    by_form: defaultdict[str, list[Text]] = defaultdict(list)
    for text in [*fresh.values(), *old.values()]:
        by_form[text.norm_hash].append(text)
    classes = list(by_form.values())  # the first of a class is new, if any of it is
    return (
        [copies for copies in classes if copies[0].text_hash in fresh],
        [copies for copies in classes if copies[0].text_hash not in fresh],
    )


def _pair(first: Text, second: Text, share: float) -> NearDuplicate:
    low, high = sorted((first.text_hash, second.text_hash))
    return NearDuplicate(low, high, share)


def _matches(texts: Sequence[Text], new_count: int) -> Iterator[tuple[int, int, float]]:
    """(smaller, larger, containment) of near-duplicates, as positions in `texts`.

    The first `new_count` are new; pairs without one of these are skipped.
    """
    hashed = [array("q", map(hash, grams(text.text))) for text in texts]
    index = _prefix_index(hashed)
    grams_of = lru_cache(maxsize=4096)(lambda position: grams(texts[position].text))
    for larger in range(len(texts)):
        end = len(texts) if larger < new_count else new_count
        for smaller in _nominees(larger, end, hashed, index):
            share = containment(grams_of(smaller), grams_of(larger))
            if share >= CONTAINMENT:
                yield smaller, larger, share


def _prefix_index(hashed: Sequence[Hashes]) -> dict[int, list[int]]:
    """For each n-gram that a larger text must share: the positions that ask for it, ascending."""
    counts = _frequencies(hashed)
    buckets = len(counts)
    index: defaultdict[int, list[int]] = defaultdict(list)
    for position, hashes in enumerate(hashed):
        rarest = sorted(hashes, key=lambda value: counts[value % buckets])
        for value in rarest[: len(hashes) - _least_shared(len(hashes)) + 1]:
            if counts[value % buckets] > 1:  # else no other text has it
                index[value].append(position)
    return index


def _frequencies(hashed: Sequence[Hashes]) -> array[int]:
    """How many texts have an n-gram, at most; n-grams that share a bucket count together."""
    counts = array("q", bytes(8 * (2 * sum(map(len, hashed)) + 1)))
    buckets = len(counts)
    for hashes in hashed:
        for value in hashes:
            counts[value % buckets] += 1
    return counts


def _nominees(
    larger: int, end: int, hashed: Sequence[Hashes], index: dict[int, list[int]]
) -> list[int]:
    """Texts before `end`, none larger, that share enough hashes with `larger`; ascending.

    Of two texts with equally many n-grams the one at the lower position is the smaller.
    """
    rank = (len(hashed[larger]), larger)
    own = set(hashed[larger])
    asking = {
        position
        for value in own
        for position in takewhile(lambda place: place < end, index.get(value, ()))
        if (len(hashed[position]), position) < rank
    }
    return [
        position
        for position in sorted(asking)
        if sum(map(own.__contains__, hashed[position])) >= _least_shared(len(hashed[position]))
    ]


def _least_shared(count: int) -> int:
    """ceil(0.8 count), in integers: 0.8 is no binary fraction."""
    return -(-count * 4 // 5)
