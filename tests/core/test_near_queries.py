import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalm_data.core.near_duplicates import CONTAINMENT
from kalm_data.core.near_queries import NearQueries, gram_hash
from kalm_data.core.text import containment, grams, normalised

WORDS = st.lists(st.sampled_from("ab"), max_size=14).map(" ".join)
TEXTS = st.one_of(
    WORDS,
    st.lists(st.sampled_from(["a", "b", "C", "上", "下", "?"]), max_size=16).map(" ".join),
    st.text(max_size=8),
)


def brute_force(query: str, earlier: list[str]) -> int | None:
    for number, other in enumerate(earlier):
        if normalised(query) == normalised(other):
            return number
        if containment(grams(query), grams(other)) >= CONTAINMENT:
            return number
    return None


@given(st.lists(TEXTS, max_size=30))
@settings(max_examples=300)
def test_found_is_what_comparing_with_every_earlier_query_finds(queries: list[str]):
    near = NearQueries()
    for number, query in enumerate(queries):
        assert near.find(query) == brute_force(query, queries[:number])
        assert near.add(query) == number
    assert len(near) == len(queries)


@given(st.lists(WORDS, max_size=40), WORDS)
def test_what_was_found_nowhere_was_not_there_when_only_the_new_is_kept(
    queries: list[str], last: str
):
    near, kept = NearQueries(), list[str]()
    for query in [*queries, last]:
        found = near.find(query)
        assert found == brute_force(query, kept)
        if found is None:
            near.add(query)
            kept.append(query)


def test_many_queries_that_begin_alike_agree_with_brute_force():
    stem = "what is the main difference between"
    queries = [f"{stem} {i % 40} and {i % 7} in a {i % 11} of {i % 3}" for i in range(300)]
    near = NearQueries()
    for number, query in enumerate(queries):
        assert near.find(query) == brute_force(query, queries[:number])
        near.add(query)


@pytest.mark.parametrize(
    ("earlier", "query", "is_near"),
    [
        ("Open a gzip file", "open  a GZIP file?", True),
        ("open a gzip file", "open a gzip file quickly", False),
        ("one two three four five", "one two three four five six seven", True),
        ("one two three four five six seven", "two three four five six", True),
        ("one two three four five", "one two three four six", False),
        ("怎样打开一个压缩文件", "请问怎样打开一个压缩文件", True),
        ("怎样打开压缩文件", "怎样关闭压缩文件", False),
    ],
)
def test_near_duplicates_by_example(earlier: str, query: str, is_near: bool):
    near = NearQueries()
    near.add(earlier)
    assert near.find(query) == (0 if is_near else None)


def test_the_lowest_of_several_is_found():
    near = NearQueries()
    for query in ("x", "one two three four five", "one two three four five six", "y"):
        near.add(query)
    assert near.find("one two three four five") == 1


def test_hashes_are_the_same_in_every_process():
    code = "from kalm_data.core.near_queries import gram_hash; print(gram_hash('how to \\udc80'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == gram_hash("how to \udc80") < 2**64


def test_an_n_gram_takes_less_than_50_bytes():
    near = NearQueries()
    for number in range(4000):
        near.add(" ".join(f"{number}-{place}" for place in range(6)))
    arrays = [near._hashes, near._starts]
    for places in (near._all, near._few):
        arrays += [places._places, places._before, places._last, places._counts]
    assert sum(map(sys.getsizeof, arrays)) / len(near._hashes) < 50
