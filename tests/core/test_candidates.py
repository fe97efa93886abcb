from dataclasses import replace

import pytest

from kalm_data.core.candidates import choose_facet, judge, make_request, try_again
from kalm_data.core.config.synth import SynthConfig
from kalm_data.core.gates import LengthLimits
from kalm_data.core.records import Text
from kalm_data.core.synthesis import Candidate, Request, SourceDocument

TEXT = "Join one or more path components. An absolute component discards all before it."
DOCUMENT = SourceDocument(Text.of(TEXT).text_hash, "os.path.join", TEXT, "en")
CONFIG = SynthConfig()


class Saying:
    """A detector that knows the languages it was told."""

    def __init__(self, **languages: str) -> None:
        self._languages = languages

    def detect(self, text: str) -> str:
        return next((lang for lang, part in self._languages.items() if part in text), "")


def request(draw: int = 0, document: SourceDocument = DOCUMENT) -> Request:
    return make_request(Candidate(7, draw, document.text_hash), document, "e-1", CONFIG)


def reason(query: str, *, document: SourceDocument = DOCUMENT, **more: object) -> str | None:
    given = {"detector": Saying(), "known": set(), "protected": set(), **more}
    failing = judge(request(document=document), query, LengthLimits(2, 9), **given)  # type: ignore[arg-type]
    return failing.reason if failing else None


def test_the_draws_of_a_document_take_every_facet_before_one_comes_again():
    facets = [choose_facet(DOCUMENT, draw, CONFIG.facets, seed=3) for draw in range(6)]
    assert set(facets[:3]) == set(CONFIG.facets)
    assert facets[3:] == facets[:3]


def test_documents_begin_with_different_facets():
    documents = [replace(DOCUMENT, text_hash=f"{i}") for i in range(40)]
    assert {choose_facet(d, 0, CONFIG.facets, seed=0) for d in documents} == set(CONFIG.facets)


def test_no_title_is_asked_of_a_document_that_has_none():
    bare = replace(DOCUMENT, title=" ")
    assert all(choose_facet(bare, draw, CONFIG.facets, 0) != "title" for draw in range(9))
    assert choose_facet(bare, 0, ("title",), 0) == "title"


def test_another_attempt_is_the_same_request_with_another_seed():
    one, other = request(), try_again(request(), 1, CONFIG.seed)
    assert one.seed != other.seed
    assert other == replace(one, attempt=1, seed=other.seed)


def test_the_same_draw_has_the_same_key_and_another_draw_another():
    assert request(draw=1) == request(draw=1)
    assert len({request(draw).key for draw in range(9)}) == 9


@pytest.mark.parametrize(
    ("query", "expected"),
    [("join path components", None), ("join", "too_short"), (TEXT, "too_long"),
     ("this text here", "refers_to_text")],
)  # fmt: skip
def test_a_query_is_judged_by_itself(query: str, expected: str | None):
    assert reason(query) == expected


def test_a_query_that_differs_in_case_and_space_alone_is_a_duplicate():
    known = {Text.of("Join  Path\ncomponents").norm_hash}
    assert reason("join path components", known=known) == "duplicate_query"


def test_a_query_of_another_split_is_protected():
    protected = {Text.of("JOIN path components").norm_hash}
    assert reason("join path components", protected=protected) == "protected_query"


def test_a_query_must_be_in_the_language_of_its_document_where_both_are_known():
    detector = Saying(de="Pfade", en="Join")
    assert reason("Pfade verbinden", detector=detector) == "wrong_language"
    assert reason("paths joined", detector=detector) is None
    unknown = replace(DOCUMENT, language="")
    assert reason("Pfade verbinden", document=unknown, detector=detector) == "wrong_language"
    untold = Saying(de="Pfade")
    assert reason("Pfade verbinden", document=unknown, detector=untold) is None
