"""The pool of a task: the distinct texts among which answers are looked for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.near_duplicates import groups
from kalm_data.core.records import SPLITS, Split, text_key
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class PoolDocument:
    """A distinct text of the pool, as the first of its documents by (collection, id) titles it.

    `split` is the most protected one of all its documents. `parents` names the files it is a
    chunk of, with their collection: two texts that share one are *siblings* (DESIGN terms).
    `label` is the class of a labelled text; documents have none.
    """

    text_hash: str
    text: str
    title: str
    headings: tuple[str, ...]
    language: str
    split: Split
    parents: frozenset[str]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """All documents, sorted by text hash: a document's *position* is its place in this order.

    `alike` names, for a text hash (of the pool or not), the positions of its near-duplicates
    (DESIGN terms: the same text but for case and white space is one), itself left out; a hash
    that has none is missing. `fingerprint` covers texts, titles, headings and the template.
    """

    documents: tuple[PoolDocument, ...]
    alike: Mapping[str, tuple[int, ...]]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.documents)

    def index(self) -> dict[str, int]:
        """Text hash → position."""
        return {document.text_hash: place for place, document in enumerate(self.documents)}

    def keys(self) -> list[int]:
        """The text key of each position, ascending."""
        return [text_key(document.text_hash) for document in self.documents]


def title_path(document: PoolDocument) -> str:
    """Title and headings as one title, which renders as both do (`core.templates`)."""
    return " > ".join(part for part in (document.title, *document.headings) if part)


def make_pool(
    documents: Iterable[PoolDocument], near: Iterable[tuple[str, str]], document_template: str
) -> Pool:
    """A pool of distinct texts in any order and unordered pairs of near-duplicates.

    Raises InputError where two texts have the same key (their hashes' first 64 bits).
    """
    ordered = tuple(sorted(documents, key=lambda document: document.text_hash))
    _refuse_collisions(ordered)
    place = {document.text_hash: i for i, document in enumerate(ordered)}
    alike: defaultdict[str, set[int]] = defaultdict(set)
    for first, second in near:
        if first != second:
            if second in place:
                alike[first].add(place[second])
            if first in place:
                alike[second].add(place[first])
    positions = {text_hash: tuple(sorted(found)) for text_hash, found in alike.items()}
    return Pool(ordered, positions, _fingerprint(ordered, document_template))


def document_groups(pool: Pool) -> dict[str, str]:
    """Text hash → name of its group (DESIGN terms), which is its smallest text hash.

    A text alone in its group is left out. Near-duplicates outside the pool are in it, so that a
    training text of another pool is known.
    """
    return groups(tied_documents(pool))


def tied_documents(pool: Pool) -> Iterator[tuple[str, str]]:
    """Pairs of text hashes that make the groups: near-duplicates, and chunks of one file."""
    yield from _near_pairs(pool)
    yield from _sibling_pairs(pool)


def _near_pairs(pool: Pool) -> Iterator[tuple[str, str]]:
    for text_hash, positions in pool.alike.items():
        for place in positions:
            yield text_hash, pool.documents[place].text_hash


def _sibling_pairs(pool: Pool) -> Iterator[tuple[str, str]]:
    first_child: dict[str, str] = {}
    for document in pool.documents:
        for parent in document.parents:
            yield first_child.setdefault(parent, document.text_hash), document.text_hash


def most_protected(splits: Iterable[str]) -> Split:
    """The last of train, dev, test that occurs."""
    return SPLITS[max(SPLITS.index(split) for split in splits)]


def _refuse_collisions(ordered: Sequence[PoolDocument]) -> None:
    if len({document.text_hash[:16] for document in ordered}) == len(ordered):
        return
    for one, other in pairwise(ordered):
        if one.text_hash[:16] == other.text_hash[:16]:
            message = (
                f"texts {one.text_hash} and {other.text_hash} share the first 64 bits of their "
                "hash, by which hits name documents: change one of the two texts by a character"
            )
            raise InputError(message)


def _fingerprint(ordered: Sequence[PoolDocument], document_template: str) -> str:
    parts = [document_template]
    for document in ordered:
        parts += [document.text_hash, document.title, str(len(document.headings))]
        parts += document.headings
    return digest("pool", *parts)
