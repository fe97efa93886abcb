from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.records import text_hash
from kalm_data.core.request_keys import attempt_seed, request_key
from kalm_data.core.synthesis import SourceDocument

DOCUMENT = SourceDocument(text_hash("body"), "title", "body", "en")
SHAPES = {
    "engine": "extractive-1",
    "facet": "title",
    "persona": "",
    "prompt": "Write a query.",
    "schema": "{}",
    "sampling": '{"temperature": 1.0}',
    "draw": 0,
    "seed": 0,
}


def key(document: SourceDocument = DOCUMENT, **changed: object) -> str:
    return request_key(document, **{**SHAPES, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SHAPES)
@given(data=st.data())
def test_a_key_changes_with_each_ingredient(name: str, data: st.DataObject):
    values = st.integers(0) if isinstance(SHAPES[name], int) else st.text()
    one, other = data.draw(values), data.draw(values)
    assert (key(**{name: one}) == key(**{name: other})) == (one == other)


@given(one=st.text(), other=st.text())
def test_a_key_changes_with_the_documents_text_and_title(one: str, other: str):
    texts = [key(replace(DOCUMENT, text=t, text_hash=text_hash(t))) for t in (one, other)]
    titles = [key(replace(DOCUMENT, title=t)) for t in (one, other)]
    assert (texts[0] == texts[1]) == (titles[0] == titles[1]) == (one == other)


@given(one=st.text(), other=st.text())
def test_moving_a_border_between_ingredients_changes_the_key(one: str, other: str):
    moved = key(persona=one, prompt=other) == key(persona=one + other, prompt="")
    assert moved == (other == "")


def test_a_key_does_not_change_with_the_language_somebody_gave_the_document():
    assert key(replace(DOCUMENT, language="de")) == key()


def test_a_key_stays_what_it_was_when_it_was_first_stored():
    assert key() == "8115fa3fb4536757555d943237d4311d"


@given(attempt=st.integers(0, 100), seed=st.integers(0))
def test_each_attempt_has_a_seed_of_its_own(attempt: int, seed: int):
    assert attempt_seed(seed, key(), attempt) != attempt_seed(seed, key(), attempt + 1)
    assert 0 <= attempt_seed(seed, key(), attempt) < 2**32
