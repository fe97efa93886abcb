import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.diversity import distinct_n
from kalm_data.core.text import words


def plain_distinct_n(queries: list[str], n: int) -> float:
    found = [
        tuple(listed[start : start + n])
        for listed in map(words, queries)
        for start in range(len(listed) - n + 1)
    ]
    return len(set(found)) / len(found) if found else 0.0


@pytest.mark.parametrize(
    ("queries", "n", "expected"),
    [
        (["a b c"], 1, 1.0),
        (["a a a a"], 1, 0.25),
        (["a b", "A  b!"], 2, 0.5),
        (["a b", "b a"], 2, 1.0),
        (["上海", "上海"], 1, 0.5),
        (["a"], 2, 0.0),
        ([], 1, 0.0),
    ],
)
def test_distinct_n_by_example(queries: list[str], n: int, expected: float):
    assert distinct_n(iter(queries), n) == expected


@given(st.lists(st.text("ab c上", max_size=12), max_size=12), st.integers(1, 4))
def test_distinct_n_is_what_a_set_of_all_n_grams_gives(queries: list[str], n: int):
    assert distinct_n(queries, n) == plain_distinct_n(queries, n)
