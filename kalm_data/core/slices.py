"""Parts of a test set that tell more than its mean: seen documents, shared words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.near_duplicates import groups
from kalm_data.core.text import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.eval_queries import JudgedQuery
    from kalm_data.core.evaluation import TrainingSet
    from kalm_data.core.pool import Pool

OVERLAPS = ("low", "middle", "high")
"""Thirds of the share of a query's words that its answer holds: < ⅓, < ⅔, the rest."""


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
    hashes = (pool.text_hashes[place] for place in query.relevant)
    return {group_of.get(text_hash, text_hash) for text_hash in hashes}
