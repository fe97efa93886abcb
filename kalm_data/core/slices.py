"""Parts of a test set that tell more than its mean: seen documents, shared words."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from kalm_data.core.near_duplicates import groups
from kalm_data.core.text import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kalm_data.core.eval_queries import JudgedQuery
    from kalm_data.core.evaluation import TrainingSet
    from kalm_data.core.pool import Pool

OVERLAPS = ("low", "middle", "high")
"""Thirds of the share of a query's words that its answer holds: < ⅓, < ⅔, the rest."""


def document_groups(pool: Pool) -> dict[str, str]:
    """Text hash → name of its group (DESIGN terms); a text alone in its group is left out.

    Near-duplicates outside the pool are in it, so that a training text of another pool is known.
    """
    return groups([*_near_duplicates(pool), *_siblings(pool)])


def query_groups(
    queries: Sequence[JudgedQuery], pool: Pool, group_of: Mapping[str, str]
) -> list[str]:
    """For each query a name that it shares with all queries whose answers share a group."""
    edges = [
        (query.query.example_id, group)
        for query in queries
        for group in _answer_groups(query, pool, group_of)
    ]
    joined = groups(edges)
    return [joined[query.query.example_id] for query in queries]


def seen_in_training(
    queries: Sequence[JudgedQuery], pool: Pool, group_of: Mapping[str, str], training: TrainingSet
) -> list[bool]:
    """Whether training held any document, positive or negative, of a group of the answers."""
    touched = {group_of.get(text_hash, text_hash) for text_hash in training.text_hashes}
    return [not touched.isdisjoint(_answer_groups(query, pool, group_of)) for query in queries]


def lexical_overlaps(queries: Sequence[JudgedQuery], texts: Sequence[str]) -> list[str]:
    """One of `OVERLAPS` for each query, by the answer that shares most words with it.

    texts: (P,) the documents with their titles.
    """
    return [_overlap(query, texts) for query in queries]


def _overlap(query: JudgedQuery, texts: Sequence[str]) -> str:
    asked = set(words(query.query.query))
    shared = max(len(asked.intersection(words(texts[place]))) for place in query.relevant)
    return OVERLAPS[min(3 * shared // len(asked), 2)]


def _answer_groups(query: JudgedQuery, pool: Pool, group_of: Mapping[str, str]) -> set[str]:
    hashes = (pool.documents[place].text_hash for place in query.relevant)
    return {group_of.get(text_hash, text_hash) for text_hash in hashes}


def _near_duplicates(pool: Pool) -> Iterator[tuple[str, str]]:
    for text_hash, positions in pool.alike.items():
        for place in positions:
            yield text_hash, pool.documents[place].text_hash


def _siblings(pool: Pool) -> Iterator[tuple[str, str]]:
    chunks: dict[str, list[str]] = {}
    for document in pool.documents:
        for parent in document.parents:
            chunks.setdefault(parent, []).append(document.text_hash)
    for siblings in chunks.values():
        yield from pairwise(siblings)
