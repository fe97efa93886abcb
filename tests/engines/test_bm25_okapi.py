from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from kalm_data.engines.bm25_okapi import OkapiSearch
from kalm_data.engines.bm25_tokens import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

DEBIAN = Path(__file__).parents[3] / "shared/data/debian-packages"
WORDS = ["cat", "dog", "fish", "tree", "stone", "北京", "京都"]
TEXTS = st.lists(
    st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), max_size=30
)  # copies and documents without words among them
QUERY = st.lists(st.sampled_from([*WORDS, "absent"]), max_size=6).map(" ".join)


def okapi(texts: Sequence[str], query: str, stem: str = "") -> np.ndarray:
    """BM25Okapi's own scores; zeros where it would divide by zero."""
    read = [tokens(text, stem) for text in texts]
    if not any(read):
        return np.zeros(len(texts))
    return BM25Okapi(read).get_scores(tokens(query, stem))


def brute_force(
    texts: Sequence[str], query: str, own: Sequence[int], barred: Sequence[int], depth: int
) -> tuple[list[int], list[int]]:
    """(ranks, hits) straight from their definition, one document at a time."""
    scores = okapi(texts, query).tolist()
    counted = [i for i in range(len(texts)) if i not in barred]
    ranks = [
        1 + (sum(scores[i] >= scores[p] for i in counted) if scores[p] else len(counted))
        for p in own
    ]
    matching = [i for i, text in enumerate(texts) if set(tokens(text)) & set(tokens(query))]
    return ranks, sorted(matching, key=lambda i: (-scores[i], i))[:depth]


@settings(max_examples=300, deadline=None)
@given(TEXTS, QUERY)
def test_scores_are_those_of_rank_bm25_bit_for_bit(texts: list[str], query: str) -> None:
    assert OkapiSearch(texts).scores(query).tobytes() == okapi(texts, query).tobytes()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_scores_of_frequent_and_rare_words_alike_have_those_bits(seed: int) -> None:
    texts, queries = zipf_texts(seed, 200)
    search = OkapiSearch(texts)
    for query in queries:
        assert search.scores(query).tobytes() == okapi(texts, query).tobytes()


def zipf_texts(seed: int, size: int) -> tuple[list[str], list[str]]:
    """Documents and five queries, with a few frequent words and many rare ones."""
    rng = np.random.default_rng(seed)
    made = [" ".join(f"w{i}" for i in rng.zipf(1.3, rng.integers(0, 30))) for _ in range(size + 5)]
    return made[:size], made[size:]


@settings(max_examples=300, deadline=None)
@given(TEXTS.filter(bool), QUERY, st.integers(1, 12), st.data())
def test_ranks_and_hits_equal_brute_force(
    texts: list[str], query: str, depth: int, data: st.DataObject
) -> None:
    places = st.lists(st.integers(0, len(texts) - 1), max_size=3, unique=True)
    own = data.draw(places)
    barred = sorted({*own, *data.draw(places)})
    (found,) = OkapiSearch(texts).rank([query], [own], [barred], depth)
    assert (found.ranks, found.positions.tolist()) == brute_force(texts, query, own, barred, depth)
    scores = okapi(texts, query)
    assert found.scores.tobytes() == scores[found.positions].tobytes()
    assert found.positive_scores == scores[own].tolist()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_ranks_and_hits_of_a_larger_pool_equal_brute_force(seed: int, depth: int) -> None:
    texts, queries = zipf_texts(seed, 100)
    own, barred = [[1, 2]] * len(queries), [[1, 2, 3]] * len(queries)
    found = OkapiSearch(texts).rank(queries, own, barred, depth)
    for query, ranking in zip(queries, found, strict=True):
        expected = brute_force(texts, query, [1, 2], [1, 2, 3], depth)
        assert (ranking.ranks, ranking.positions.tolist()) == expected


@given(TEXTS, QUERY)
def test_fewer_hits_are_the_first_of_more(texts: list[str], query: str) -> None:
    search = OkapiSearch(texts)
    (whole,) = search.rank([query], [[]], [[]], 100)
    for depth in range(5):
        (part,) = search.rank([query], [[]], [[]], depth)
        assert part.positions.tolist() == whole.positions[:depth].tolist()


@pytest.mark.parametrize(
    ("texts", "hits", "rank_of_the_first"),
    [
        ([], [], []),
        ([""], [], [1]),
        (["?", "…"], [], [2]),
        (["cat"], [0], [1]),
        (["dog"], [], [1]),
        (["cat", "cat"], [0, 1], [2]),  # negative scores
        (["cat", "?"], [0], [2]),  # a word of exactly half of the documents has no weight
        (["cat", "dog"], [0], [2]),
        (["dog", "cat", "fish", "tree"], [1], [4]),
    ],
)
def test_the_smallest_pools_have_defined_results(
    texts: list[str], hits: list[int], rank_of_the_first: list[int]
) -> None:
    own = [[0] if texts else []]
    with warnings.catch_warnings(action="error"):
        (found,) = OkapiSearch(texts).rank(["a cat"], own, own, 5)
    assert found.positions.tolist() == hits
    assert found.ranks == rank_of_the_first


@pytest.mark.parametrize("query", ["", "¿?", "absent"])
def test_a_query_without_a_known_word_has_no_hits_and_ranks_its_positive_last(query: str) -> None:
    (found,) = OkapiSearch(["cat", "dog", "fish"]).rank([query], [[0]], [[0, 2]], 5)
    assert (len(found.positions), found.ranks, found.positive_scores) == (0, [2], [0])


def test_a_positive_that_scores_below_zero_ranks_behind_all_that_share_no_word() -> None:
    (found,) = OkapiSearch(["cat", "cat", "cat", "?"]).rank(["cat"], [[2]], [[2]], 5)
    assert found.positive_scores[0] < 0
    assert (found.ranks, found.positions.tolist()) == ([4], [0, 1, 2])


def test_copies_of_a_positive_tie_with_it_and_count_against_it() -> None:
    texts = ["cat", "cat", "cat", *WORDS, *WORDS]
    (found,) = OkapiSearch(texts).rank(["cat"], [[1]], [[1]], 2)
    assert found.ranks == [5]
    assert found.positions.tolist() == [0, 1]


def test_a_word_that_the_query_repeats_counts_each_time() -> None:
    search = OkapiSearch(["cat", "dog", "fish", "tree"])
    assert search.scores("cat cat")[0] == 2 * search.scores("cat")[0] > 0


def test_chinese_is_found_by_characters_and_better_by_pairs() -> None:
    search = OkapiSearch(["大北学京", "北京大学", "上海", "广州", "深圳"])
    (found,) = search.rank(["北京"], [[1]], [[1]], 5)
    assert (found.positions.tolist(), found.ranks) == ([1, 0], [1])


def test_words_are_stemmed_where_a_language_is_given() -> None:
    texts = ["running shoes", "a walk", "a tree"]
    assert OkapiSearch(texts, stem="en").scores("runs")[0] > 0
    assert not OkapiSearch(texts).scores("runs").any()
    assert not OkapiSearch(texts, stem="zh").scores("runs").any()
    expected = okapi(texts, "a run", stem="en")
    assert OkapiSearch(texts, stem="en").scores("a run").tobytes() == expected.tobytes()


def test_lists_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(OkapiSearch(["cat"]).rank(["cat"], [], [], 5))


@pytest.mark.skipif(not DEBIAN.exists(), reason="shared/data/debian-packages is absent")
def test_real_packages_have_the_scores_hits_and_ranks_of_rank_bm25() -> None:
    texts = read("corpus.jsonl.gz")[:3000]
    queries = read("queries.jsonl.gz")[:3000:100]
    own = [[place] for place in range(0, 3000, 100)]
    search, reference = OkapiSearch(texts), BM25Okapi([tokens(text) for text in texts])
    for query, [place], found in zip(queries, own, search.rank(queries, own, own, 20), strict=True):
        scores = reference.get_scores(tokens(query))
        assert search.scores(query).tobytes() == scores.tobytes()
        best = np.argsort(-scores, kind="stable")[:20]
        assert found.positions.tolist() == best[scores[best] > 0].tolist()
        assert found.ranks == [np.count_nonzero(scores >= scores[place])]


def read(name: str) -> list[str]:
    with gzip.open(DEBIAN / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]
