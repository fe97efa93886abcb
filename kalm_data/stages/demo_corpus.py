"""The demo's files: documents to learn from, and the human-written queries that are held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.near_duplicates import groups, near_duplicates
from kalm_data.core.records import Split, Text
from kalm_data.core.seeded import unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNSEEN_SHARE = 1 / 3
"""Of the groups with a held-out query: how many never enter training."""


class SummarisedDocument(Protocol):
    """A document whose summary, where it has one, was taken out of the text."""

    @property
    def name(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def summary(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class DemoDocument:
    """A row of `documents.jsonl`."""

    id: str
    title: str
    text: str
    split: Split


@dataclass(frozen=True, slots=True)
class DemoQuery:
    """A row of `held-out.jsonl`."""

    query: str
    pos_id: str


@dataclass(frozen=True, slots=True)
class DemoCorpus:
    """What the demo imports; no query's words stand in its document by construction."""

    documents: tuple[DemoDocument, ...]
    queries: tuple[DemoQuery, ...]


def make_demo_corpus(documents: Iterable[SummarisedDocument], seed: int) -> DemoCorpus:
    """Split documents by group of near-duplicates, and set their summaries aside as queries."""
    sources = sorted(documents, key=lambda document: document.name)
    group_of = _groups(sources)
    asked = {group_of[source.text] for source in sources if source.summary}
    unseen = {group for group in asked if unit(seed, "demo", group) < UNSEEN_SHARE}
    rows = (
        DemoDocument(
            source.name,
            source.name,
            source.text,
            "test" if group_of[source.text] in unseen else "train",
        )
        for source in sources
    )
    queries = (DemoQuery(source.summary, source.name) for source in sources if source.summary)
    return DemoCorpus(tuple(rows), tuple(queries))


def _groups(sources: Sequence[SummarisedDocument]) -> dict[str, str]:
    """The group of each text."""
    texts = {source.text: Text.of(source.text) for source in sources}
    pairs = near_duplicates(texts.values())
    joined = groups((pair.first, pair.second) for pair in pairs)
    return {text: joined.get(t.text_hash, t.text_hash) for text, t in texts.items()}
