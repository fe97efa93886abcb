from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.text import words
from kalm_data.core.verbatim import find_verbatim

SENTENCES = st.lists(st.sampled_from(["a", "b", "c", "dd"]), max_size=9).map(" ".join)


def brute_force(queries: list[str], documents: list[str]) -> dict[int, int]:
    found = {}
    for place, query in enumerate(queries):
        for document_place, document in enumerate(documents):
            if query and f" {query} " in f" {document} ":
                found.setdefault(place, document_place)
    return found


@given(st.lists(SENTENCES, max_size=5), st.lists(SENTENCES, max_size=5))
def test_the_finds_are_those_of_brute_force(queries: list[str], documents: list[str]) -> None:
    assert find_verbatim(queries, documents) == brute_force(queries, documents)


def test_case_white_space_and_punctuation_do_not_hide_a_copy() -> None:
    document = "Note: Join two\n or more, pathname components. Then stop."
    assert find_verbatim(["join two or more pathname components"], [document]) == {0: 0}


def test_a_part_of_a_word_is_no_copy() -> None:
    assert find_verbatim(["join", "path name"], ["joined pathname"]) == {}


def test_a_query_without_words_stands_nowhere() -> None:
    assert find_verbatim(["…", ""], ["… and", ""]) == {}
    assert words("…") == []


def test_chinese_needs_no_space_around_it() -> None:
    assert find_verbatim(["路径组成"], ["连接两个路径组成部分"]) == {0: 0}
