from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi
from small_pools import (
    PLACES,
    QUERIES,
    TEXTS,
    ask,
    ask_at,
    by_place,
    pool_of,
    rank_one,
    ranks_by_definition,
)

from kalm_data.engines.bm25_okapi import OkapiSearch
from kalm_data.engines.bm25_tokens import tokens
from kalm_data.measures.rankers.bm25 import Bm25Ranker
from kalm_data.measures.ranking import RankedPool


def ranker(over: RankedPool, depth: int = 100) -> Bm25Ranker:
    return Bm25Ranker(OkapiSearch, "", over, depth)


@settings(max_examples=150, deadline=None)
@given(TEXTS, QUERIES, PLACES, st.integers(0, 1_000))
def test_ranks_are_those_of_the_scores_of_rank_bm25(
    texts: list[str], query: str, places: list[int], near: int
) -> None:
    first = sorted(texts)[places[0] % len(texts)]
    over = pool_of(texts, [(first, texts[near % len(texts)])])
    asked = ask_at(over, query, places)
    read = [tokens(document.text) for document in over.pool.documents()]
    scores = BM25Okapi(read).get_scores(tokens(query)).tolist()
    wanted = ranks_by_definition(
        dict(enumerate(scores)), over.places(asked[0]), asked[1].places, len(texts)
    )  # fmt: skip
    last = 1 + len(texts) - len(asked[1].places)
    found = by_place(over, rank_one(ranker(over), asked))
    assert found == {
        place: (rank, score, False) if score else (last, 0.0, True)
        for place, (rank, score, _) in wanted.items()
    }


def test_a_query_without_a_known_word_has_no_hits_and_no_evidence() -> None:
    over = pool_of(["river one", "stone two", "bread three"])
    ranked = rank_one(ranker(over), ask(over, "…", ["river one"]))
    assert len(ranked.hits.keys) == 0
    assert list(by_place(over, ranked).values()) == [(3, 0.0, True)]


def test_nothing_is_indexed_where_nothing_is_asked() -> None:
    over = pool_of(["river one"])

    def never(texts: object) -> OkapiSearch:
        raise AssertionError(texts)

    assert not list(Bm25Ranker(never, "", over, 10).rank([], {}))


def test_stemming_is_part_of_who_ranks() -> None:
    over = pool_of(["river one"])
    english = Bm25Ranker(OkapiSearch, "en", over, 10)
    assert ranker(over).id.startswith("bm25@") and english.id.startswith("bm25:en@")
