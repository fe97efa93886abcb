from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.engines.bm25_lucene import LuceneBm25

WORDS = ["cat", "dog", "fish", "tree", "stone"]
TEXTS = st.lists(
    st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), max_size=12
)  # documents without words among them


def lucene(documents: list[list[str]], query: list[str]) -> list[float]:
    """The formula of Lucene's BM25Similarity (since 8.0), k1 1.2, b 0.75, with exact lengths."""
    indexed = [document for document in documents if document]
    count = len(indexed)
    average = sum(map(len, indexed)) / count if count else 0
    scores = []
    for document in documents:
        score = 0.0
        for term in query:
            with_term = sum(term in other for other in indexed)
            if term in document:
                idf = math.log(1 + (count - with_term + 0.5) / (with_term + 0.5))
                frequency = document.count(term)
                norm = 1.2 * (1 - 0.75 + 0.75 * len(document) / average)
                score += idf * frequency / (frequency + norm)
        scores.append(score)
    return scores


@given(TEXTS, st.lists(st.sampled_from([*WORDS, "absent"]), max_size=4))
def test_scores_are_those_of_lucenes_formula(texts: list[str], query: list[str]) -> None:
    found = LuceneBm25(texts, ["xx"] * len(texts)).scores(" ".join(query), "xx")
    expected = lucene([text.split() for text in texts], query)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)


@given(TEXTS, st.sampled_from(WORDS), st.integers(1, 5))
def test_hits_are_the_best_documents_with_ties_by_position(
    texts: list[str], query: str, depth: int
) -> None:
    index = LuceneBm25(texts, [""] * len(texts))
    scores = index.scores(query)
    ordered = sorted(range(len(texts)), key=lambda place: (-scores[place], place))
    assert index.search(query, "", depth) == [i for i in ordered if scores[i] > 0][:depth]


@pytest.mark.parametrize("texts", [[], [""], ["", "…"], ["a cat"], ["a cat", "?"], ["cat", "cat"]])
def test_the_smallest_corpora_have_defined_results(texts: list[str]) -> None:
    index = LuceneBm25(texts, ["en"] * len(texts))
    assert (
        index.search("", "en", 5) == index.search("dog", "", 5) == index.search("¿?", "", 5) == []
    )
    assert index.search("cats", "en", 5) == [i for i, text in enumerate(texts) if "cat" in text]


def test_words_are_stemmed_in_the_language_of_the_pool() -> None:
    english = LuceneBm25(["running shoes", "a walk"], ["en", "en"])
    assert english.search("runs", "", 5) == [0]
    german = LuceneBm25(["die Häuser am See", "ein Baum"], ["de", "de"])
    assert german.search("das Haus", "de", 5) == german.search("Häusern", "", 5) == [0]


def test_a_mistaken_language_does_not_hide_a_document() -> None:
    texts = ["filler text"] * 20 + ["connections dropped"]
    languages = ["en"] * 20 + ["fr"]
    assert LuceneBm25(texts, languages).search("dropping connection", "pt", 5) == [20]


def test_several_common_languages_have_stemmers_of_their_own() -> None:
    texts = ["running shoes", "die Häuser", "la casa de las flores"]
    index = LuceneBm25(texts, ["en", "de", "es"])
    assert index.search("runs", "en", 5) == [0]
    assert index.search("Häusern", "de", 5) == [1]
    assert index.search("flor", "es", 5) == [2]


def test_chinese_is_found_by_characters_and_better_by_pairs() -> None:
    index = LuceneBm25(["北京大学", "大北学京", "上海"], ["zh"] * 3)
    assert index.search("北京", "zh", 5) == [0, 1]


def test_scores_do_not_depend_on_the_order_of_documents() -> None:
    texts = [f"{WORDS[i % 5]} {WORDS[i % 3]} {i}" for i in range(40)]
    forward = LuceneBm25(texts, ["en"] * 40).scores("cat fish 7", "en")
    backward = LuceneBm25(texts[::-1], ["en"] * 40).scores("cat fish 7", "en")
    assert forward.tolist() == backward[::-1].tolist()


def test_a_word_of_a_megabyte_is_indexed_whole() -> None:
    word = "x" * 1_000_000
    assert LuceneBm25([word, "y"], ["en", "en"]).search(word, "en", 5) == [0]
