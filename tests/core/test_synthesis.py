from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.synthesis import Candidate, Plan


def read_all(plan: Plan, count: int) -> list[Candidate]:
    found: list[Candidate] = []
    while len(found) < len(plan):
        found += plan.read(len(found), count)
    return found


@given(size=st.integers(1, 12), per_doc=st.integers(1, 5), count=st.integers(1, 20))
def test_a_plan_asks_every_document_once_before_it_asks_any_again(
    size: int, per_doc: int, count: int
):
    names = tuple(f"d{i}" for i in range(size))
    found = read_all(Plan(names, per_doc), count)
    assert found == [
        Candidate(draw * size + i, draw, name)
        for draw in range(per_doc)
        for i, name in enumerate(names)
    ]


@given(start=st.integers(0, 29), count=st.integers(1, 40))
def test_no_reading_of_a_plan_names_a_document_twice(start: int, count: int):
    found = Plan(tuple("abcdefghij"), 3).read(start, count)
    assert len({candidate.item for candidate in found}) == len(found) >= 1
