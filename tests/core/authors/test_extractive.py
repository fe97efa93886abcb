from dataclasses import replace

from kalm_data.core.authors.extractive import choose_facet
from kalm_data.core.config.synth import SynthConfig
from kalm_data.core.records import Text
from kalm_data.core.synthesis import SourceDocument

TEXT = "Join one or more path components. An absolute component discards all before it."
DOCUMENT = SourceDocument(Text.of(TEXT).text_hash, "os.path.join", TEXT, "en")
FACETS = SynthConfig().facets


def test_the_draws_of_a_document_take_every_facet_before_one_comes_again():
    facets = [choose_facet(DOCUMENT, draw, FACETS, seed=3) for draw in range(6)]
    assert set(facets[:3]) == set(FACETS)
    assert facets[3:] == facets[:3]


def test_documents_begin_with_different_facets():
    documents = [replace(DOCUMENT, text_hash=f"{i}") for i in range(40)]
    assert {choose_facet(d, 0, FACETS, seed=0) for d in documents} == set(FACETS)


def test_no_title_is_asked_of_a_document_that_has_none():
    bare = replace(DOCUMENT, title=" ")
    assert all(choose_facet(bare, draw, FACETS, 0) != "title" for draw in range(9))
    assert choose_facet(bare, 0, ("title",), 0) == "title"
