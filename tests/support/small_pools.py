"""Small pools of few words, where ties are many, and what one asks of their rankers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from kalm_data.core.mining import Hits, MiningExample, Ranked, excluded
from kalm_data.core.pool import PoolDocument, make_pool
from kalm_data.core.records import example_id, text_hash
from kalm_data.core.tasks import Task
from kalm_data.measures.ranking import RankedPool, ranked_key

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from hypothesis.strategies import SearchStrategy

    from kalm_data.measures.ranking import Asked, Ranker

WORDS = ["river", "stone", "bread", "paper", "北京"]
TEXTS: SearchStrategy[list[str]] = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join),
    min_size=2, max_size=14, unique=True,
)  # fmt: skip
QUERIES: SearchStrategy[str] = st.lists(
    st.sampled_from([*WORDS, "absent"]), min_size=1, max_size=3
).map(" ".join)
PLACES: SearchStrategy[list[int]] = st.lists(
    st.integers(0, 1_000), min_size=1, max_size=4, unique=True
)
"""Of the positives, in a pool of whatever size."""


def pool_of(texts: Sequence[str], near: Sequence[tuple[str, str]] = ()) -> RankedPool:
    documents = [
        PoolDocument(text_hash(text), text, "", (), "", "train", frozenset()) for text in texts
    ]
    pairs = [(text_hash(one), text_hash(other)) for one, other in near]
    task = Task(name="t", collections=("docs",))
    return RankedPool.of(task, make_pool(documents, pairs, ""))


def ask(over: RankedPool, query: str, positives: Sequence[str]) -> Asked:
    """What rankers are asked; positives are texts, of the pool or not."""
    hashes = sorted({text_hash(text) for text in positives})
    example = MiningExample(example_id("t", query), query, "", "", 0, tuple(hashes), ())
    return example, excluded(over.pool, over.index, hashes)


def ask_at(over: RankedPool, query: str, places: Sequence[int]) -> Asked:
    """The same, with positives at positions (past the end: from the start) and one outside."""
    texts = [document.text for document in over.pool.documents()]
    return ask(over, query, [*(texts[place % len(texts)] for place in places), "outside"])


def found_of(
    over: RankedPool,
    asked: Asked,
    hits: Sequence[tuple[int, float]],
    measured: Ranked | None = None,
) -> Mapping[tuple[str, str], Ranked]:
    """What a ranker found for one example, from (position, score) of its hits."""
    keys = over.keys[[place for place, _ in hits]]
    listed = Hits(keys, np.array([score for _, score in hits], np.float64))
    return {ranked_key(*asked): Ranked(measured.measured if measured else {}, listed)}


def rank_one(ranker: Ranker, asked: Asked, **found: Mapping[tuple[str, str], Ranked]) -> Ranked:
    (ranked,) = ranker.rank([asked], found)
    return ranked


def by_place(over: RankedPool, ranked: Ranked) -> dict[int, tuple[int, float, bool]]:
    """(Rank, score, no evidence) of the positives, by position in the pool."""
    return {
        over.index[hash_]: (at.rank, at.score, at.no_evidence)
        for hash_, at in ranked.measured.items()
    }


def ranks_by_definition(
    scores: Mapping[int, float], positives: Sequence[int], barred: Collection[int], size: int
) -> dict[int, tuple[int, float, bool]]:
    """One document at a time. `scores` holds the documents for which there is evidence."""
    counted = [place for place in range(size) if place not in barred]
    return {
        one: (1 + sum(scores.get(other, -1e9) >= scores[one] for other in counted), scores[one],
              False)
        if one in scores else (1 + len(counted), 0.0, True)
        for one in positives
    }  # fmt: skip
