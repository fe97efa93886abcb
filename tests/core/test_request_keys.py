from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.records import text_hash
from kalm_data.core.request_keys import attempt_seed, extraction_key, request_key
from kalm_data.core.synthesis import Sampling, SourceDocument

DOCUMENT = SourceDocument(text_hash("body"), "title", "body", "en")
SHAPES = {
    "engine": "vllm:m@0123",
    "system": "A sailor.",
    "prompt": "Write a query.",
    "schema": "{}",
    "draw": 0,
    "seed": 0,
}
SAMPLING = Sampling(1.0, 0.9, 64)


def key(**changed: object) -> str:
    return request_key(**{"sampling": SAMPLING, **SHAPES, **changed})  # type: ignore[arg-type]


def extraction(document: SourceDocument = DOCUMENT, **changed: object) -> str:
    shapes = {"engine": "extractive-1", "facet": "title", "draw": 0, "seed": 0, **changed}
    return extraction_key(document, **shapes)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SHAPES)
@given(data=st.data())
def test_a_key_changes_with_each_ingredient(name: str, data: st.DataObject):
    values = st.integers(0) if isinstance(SHAPES[name], int) else st.text()
    one, other = data.draw(values), data.draw(values)
    assert (key(**{name: one}) == key(**{name: other})) == (one == other)


@pytest.mark.parametrize("name", ["temperature", "top_p", "max_tokens"])
def test_a_key_changes_with_the_sampling(name: str):
    assert key(sampling=replace(SAMPLING, **{name: 2})) != key()


@given(one=st.text(), other=st.text())
def test_moving_a_border_between_ingredients_changes_the_key(one: str, other: str):
    moved = key(system=one, prompt=other) == key(system=one + other, prompt="")
    assert moved == (other == "")


@given(one=st.text(), other=st.text())
def test_an_extraction_changes_with_the_documents_text_and_title(one: str, other: str):
    texts = [extraction(replace(DOCUMENT, text=t, text_hash=text_hash(t))) for t in (one, other)]
    titles = [extraction(replace(DOCUMENT, title=t)) for t in (one, other)]
    assert (texts[0] == texts[1]) == (titles[0] == titles[1]) == (one == other)


def test_an_extraction_does_not_change_with_the_language_somebody_gave_the_document():
    assert extraction(replace(DOCUMENT, language="de")) == extraction()


def test_a_key_stays_what_it_was_when_it_was_first_stored():
    assert (key(), extraction()) == (
        "abb5e68e52c4fd5d8aa4b3ccb2759535",
        "0038364fa4ba1ee80abccb125c7d09b1",
    )


@given(attempt=st.integers(0, 100), seed=st.integers(0))
def test_each_attempt_has_a_seed_of_its_own(attempt: int, seed: int):
    assert attempt_seed(seed, key(), attempt) != attempt_seed(seed, key(), attempt + 1)
    assert 0 <= attempt_seed(seed, key(), attempt) < 2**32
