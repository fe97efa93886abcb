"""Which test queries are fit to judge a model, and which documents answer them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.records import Text
from kalm_data.core.text import has_words, words
from kalm_data.core.verbatim import find_verbatim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.evaluation import EvalQuery
    from kalm_data.core.pool import Pool


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query and the positions of all documents that answer it, of which there is one at least."""

    query: EvalQuery
    relevant: frozenset[int]


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A query that must not be counted; `numbers` is JSON."""

    query: EvalQuery
    reason: str
    numbers: str


@dataclass(frozen=True, slots=True)
class Barred:
    """Norm hashes of the queries that were trained on, and that a language model was shown."""

    trained: frozenset[str]
    shown: frozenset[str] = frozenset()


def select_queries(
    queries: Sequence[EvalQuery],
    pool: Pool,
    texts: Sequence[str],
    barred: Barred,
    verbatim_words: int,
) -> tuple[list[JudgedQuery], list[TurnedAway]]:
    """(fit, turned away), each in the order given; every query is in one of them.

    texts: (P,) the documents with their titles. A query of at least `verbatim_words` words that
    stands word for word in one of them asks for a string, not for an answer.
    """
    index = pool.index()
    long = [i for i, query in enumerate(queries) if len(words(query.query)) >= verbatim_words]
    found = find_verbatim([queries[i].query for i in long], texts)
    holder = {long[place]: pool.text_hashes[document] for place, document in found.items()}
    fit: list[JudgedQuery] = []
    turned_away: list[TurnedAway] = []
    for place, query in enumerate(queries):
        judged = JudgedQuery(query, _relevant(query, index, pool))
        reason = _reason(judged, barred) or ("verbatim_in_pool" if place in holder else "")
        if reason:
            numbers = {"document": holder[place]} if reason == "verbatim_in_pool" else {}
            turned_away.append(TurnedAway(query, reason, json.dumps(numbers)))
        else:
            fit.append(judged)
    return fit, turned_away


def _reason(judged: JudgedQuery, barred: Barred) -> str:
    if not has_words(judged.query.query):
        return "no_words"
    if not judged.query.positives:
        return "no_positive"
    if not judged.relevant:
        return "gold_not_in_pool"
    norm_hash = Text.of(judged.query.query).norm_hash
    if norm_hash in barred.trained:
        return "in_training"
    return "shown_to_model" if norm_hash in barred.shown else ""


def _relevant(query: EvalQuery, index: dict[str, int], pool: Pool) -> frozenset[int]:
    """The positives that the pool holds, and the near-duplicates of all positives."""
    own = {index[positive] for positive in query.positives if positive in index}
    return frozenset(own.union(*(pool.alike.get(positive, ()) for positive in query.positives)))
