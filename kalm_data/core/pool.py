"""The pool of a task: the distinct texts among which answers are looked for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.errors import InputError
from kalm_data.core.near_duplicates import groups
from kalm_data.core.records import SPLITS, Split, text_key
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

TEXTS_AT_ONCE = 65_536
CHARACTERS_AT_ONCE = 64_000_000
"""Of the texts of a pool that are in memory at one time where somebody reads them all."""

_FIRST_BLOCK = 2048
"""Texts by which it is told how long texts are."""


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
class PoolColumns:
    """(P,) each: what is known of documents beside their texts, as `PoolDocument` tells it.

    `parents` has those that have any, by place.
    """

    text_hashes: Sequence[str]
    titles: Sequence[str]
    headings: Sequence[tuple[str, ...]]
    languages: Sequence[str]
    splits: Sequence[Split]
    labels: Sequence[str]
    parents: Mapping[int, frozenset[str]]


class TextSource(Protocol):
    """Reads texts."""

    def __call__(self, hashes: Sequence[str]) -> Sequence[str]:
        """The texts of these hashes, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Pool:
    """All documents, sorted by text hash: a document's *position* is its place in this order.

    Texts are read when somebody asks for them; most do without. `alike` names, for a text hash (of
    the pool or not), the positions of its near-duplicates (DESIGN terms: the same text but for case
    and white space is one), itself left out; a hash that has none is missing. `fingerprint` covers
    texts, titles, headings and the template.
    """

    columns: PoolColumns
    alike: Mapping[str, tuple[int, ...]]
    fingerprint: str
    read: TextSource = field(compare=False)

    def __len__(self) -> int:
        return len(self.columns.text_hashes)

    @property
    def text_hashes(self) -> Sequence[str]:
        """By position, ascending."""
        return self.columns.text_hashes

    def index(self) -> dict[str, int]:
        """Text hash → position."""
        return {text_hash: place for place, text_hash in enumerate(self.text_hashes)}

    def keys(self) -> list[int]:
        """The text key of each position, ascending."""
        return [text_key(text_hash) for text_hash in self.text_hashes]

    def documents(self, places: Sequence[int] | None = None) -> Iterator[PoolDocument]:
        """With their texts, which are read by the block: those at some positions, or all."""
        return chain.from_iterable(self.blocks(places))

    def blocks(self, places: Sequence[int] | None = None) -> Iterator[list[PoolDocument]]:
        """The same, at most `TEXTS_AT_ONCE` at a time, and about `CHARACTERS_AT_ONCE`: texts lie in
        order of their hash, so a block tells how long those of the next will be.
        """
        wanted = range(len(self)) if places is None else places
        start, size = 0, min(_FIRST_BLOCK, TEXTS_AT_ONCE)
        while block := wanted[start : start + size]:
            made = [self._read_block(block)]
            start += size
            characters = sum(len(document.text) for document in made[0])
            size = min(max(1, CHARACTERS_AT_ONCE * len(block) // (1 + characters)), TEXTS_AT_ONCE)
            yield made.pop()  # nothing of it is held while the next one is read

    def _read_block(self, block: Sequence[int]) -> list[PoolDocument]:
        texts = self.read([self.text_hashes[place] for place in block])
        return [self._document(*one) for one in zip(block, texts, strict=True)]

    def _document(self, place: int, text: str) -> PoolDocument:
        known = self.columns
        return PoolDocument(
            known.text_hashes[place], text, known.titles[place], known.headings[place],
            known.languages[place], known.splits[place],
            known.parents.get(place, frozenset()), known.labels[place],
        )  # fmt: skip


def title_path(title: str, headings: Sequence[str]) -> str:
    """Title and headings as one title, which renders as both do (`core.templates`)."""
    return " > ".join(part for part in (title, *headings) if part)


def make_pool(
    documents: Iterable[PoolDocument], near: Iterable[tuple[str, str]], document_template: str
) -> Pool:
    """A pool of distinct texts in any order, held in memory, with unordered pairs of
    near-duplicates; else as `pool_of`.
    """
    ordered = sorted(documents, key=lambda document: document.text_hash)
    texts = {one.text_hash: one.text for one in ordered}
    columns = PoolColumns(
        text_hashes=[one.text_hash for one in ordered],
        titles=[one.title for one in ordered],
        headings=[one.headings for one in ordered],
        languages=[one.language for one in ordered],
        splits=[one.split for one in ordered],
        labels=[one.label for one in ordered],
        parents={place: one.parents for place, one in enumerate(ordered) if one.parents},
    )
    alike = _alike(columns.text_hashes, near)
    return pool_of(columns, alike, document_template, lambda hashes: [texts[h] for h in hashes])


def pool_of(
    columns: PoolColumns,
    alike: Mapping[str, tuple[int, ...]],
    document_template: str,
    read: TextSource,
) -> Pool:
    """A pool of columns in order of text hash.

    Raises InputError where two texts have the same key (their hashes' first 64 bits).
    """
    _refuse_collisions(columns.text_hashes)
    return Pool(columns, alike, _fingerprint(columns, document_template), read)


def _alike(hashes: Sequence[str], near: Iterable[tuple[str, str]]) -> Mapping[str, tuple[int, ...]]:
    """From unordered pairs; hashes: of the pool, ascending."""
    place = {text_hash: i for i, text_hash in enumerate(hashes)}
    found: defaultdict[str, set[int]] = defaultdict(set)
    for first, second in near:
        if first != second:
            if second in place:
                found[first].add(place[second])
            if first in place:
                found[second].add(place[first])
    return {text_hash: tuple(sorted(places)) for text_hash, places in found.items()}


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
            yield text_hash, pool.text_hashes[place]


def _sibling_pairs(pool: Pool) -> Iterator[tuple[str, str]]:
    first_child: dict[str, str] = {}
    for place, parents in pool.columns.parents.items():
        text_hash = pool.text_hashes[place]
        for parent in parents:
            yield first_child.setdefault(parent, text_hash), text_hash


def most_protected(splits: Iterable[str]) -> Split:
    """The last of train, dev, test that occurs."""
    return SPLITS[max(SPLITS.index(split) for split in splits)]


def _refuse_collisions(hashes: Sequence[str]) -> None:
    """hashes: ascending."""
    if len({text_hash[:16] for text_hash in hashes}) == len(hashes):
        return
    for one, other in pairwise(hashes):
        if one[:16] == other[:16]:
            message = (
                f"texts {one} and {other} share the first 64 bits of their "
                "hash, by which hits name documents: change one of the two texts by a character"
            )
            raise InputError(message)


def _fingerprint(columns: PoolColumns, document_template: str) -> str:
    parts = [document_template]
    for text_hash, title, headings in zip(
        columns.text_hashes, columns.titles, columns.headings, strict=True
    ):
        parts += [text_hash, title, str(len(headings)), *headings]
    return digest("pool", *parts)
