from dataclasses import replace

import pytest

from kalm_data.core.config.synth import SynthConfig
from kalm_data.core.judging import Judge
from kalm_data.core.records import Text
from kalm_data.core.synthesis import AnsweredQuery, Candidate, Draft

TEXT = "Join one or more path components. An absolute component discards all before it."
DRAFT = Draft(Candidate(7, 0, "d"), "key", positive="d", passage=TEXT, language="en", kind="title")
LLM = SynthConfig(engine="openai", model="m", max_words=9)
ROWS = SynthConfig(engine="openai", model="m", type="short-long")


class Saying:
    """A detector that knows the languages it was told."""

    def __init__(self, **languages: str) -> None:
        self._languages = languages

    def detect(self, text: str) -> str:
        return next((lang for lang, part in self._languages.items() if part in text), "")


def judge(
    config: SynthConfig = SynthConfig(max_words=9),  # noqa: B008
    protected: frozenset[str] = frozenset(),
    detector: Saying | None = None,
    others: tuple[str, ...] = (),
) -> Judge:
    return Judge(config, detector or Saying(), protected, others)


def outcome(query: str, given: Judge | None = None, draft: Draft = DRAFT) -> str:
    return (given or judge()).settle(replace(draft, query=query), ()).outcome


def answered(query: str, by: str = "") -> AnsweredQuery:
    text = Text.of(query)
    return AnsweredQuery(text.text_hash, text.norm_hash, by)


@pytest.mark.parametrize(
    ("query", "expected"),
    [("join path components", "accepted"), ("join", "too_short"), (TEXT, "too_long"),
     ("this text here", "refers_to_text")],
)  # fmt: skip
def test_a_query_is_judged_by_itself(query: str, expected: str):
    assert outcome(query) == expected


def test_a_query_that_differs_in_case_and_space_alone_is_a_duplicate():
    known = [answered("Join  Path\ncomponents")]
    draft = replace(DRAFT, query="join path components")
    assert judge().settle(draft, known).outcome == "duplicate_query"
    own = [answered("join path components", by="key")]
    settled = judge().settle(draft, own)
    assert (settled.outcome, settled.said_by) == ("accepted", {"key"})


def test_a_query_of_another_split_is_protected():
    protected = frozenset([Text.of("JOIN path components").norm_hash])
    assert outcome("join path components", judge(protected=protected)) == "protected_query"


def test_a_query_must_be_in_the_language_asked_for_or_else_in_its_documents():
    speaks = Saying(de="Pfade", en="Join")
    untold = Saying(de="Pfade")

    def said(query: str, language: str, detector: Saying = speaks) -> str:
        return outcome(query, judge(detector=detector), replace(DRAFT, language=language))

    assert said("Pfade verbinden", "en") == "wrong_language"
    assert said("paths joined", "en") == "accepted"
    assert said("Pfade verbinden", "de") == "accepted"
    assert said("Pfade verbinden", "") == "wrong_language"
    assert said("Pfade verbinden", "", untold) == "accepted"


def test_what_failed_before_is_not_judged():
    settled = judge().settle(replace(DRAFT, failure="length", numbers='{"a": 1}'), ())
    assert (settled.outcome, settled.numbers) == ("length", '{"a": 1}')


def test_a_language_model_must_not_repeat_a_query_of_the_whole_task():
    given = judge(LLM, others=("how are several path components joined",))
    assert outcome("How are several path components joined?", given) == "near_duplicate_query"
    assert outcome("which separator stands between them", given) == "accepted"
    elsewhere = replace(DRAFT, positive="other")
    assert outcome("Which separator stands between them?", given, elsewhere) == (
        "near_duplicate_query"
    )


def test_a_language_model_must_not_take_over_a_run_of_words():
    draft = replace(DRAFT, passage="one two three four five six seven eight nine ten and more")
    assert outcome("two three four five six seven eight nine ten", judge(LLM), draft) == (
        "verbatim_overlap"
    )
    assert outcome("two three four five six seven eight nine ten", judge(), draft) == "accepted"


def test_a_language_model_must_not_say_who_it_is_or_what_it_was_told():
    draft = replace(
        DRAFT, persona="a retired lorry driver from Kent", prompt="You write one search query now."
    )
    assert outcome("retired lorry driver from Kent asks", judge(LLM), draft) == "persona_leak"
    assert outcome("keywords: you write one search query now", judge(LLM), draft) == "prompt_leak"


def row(query: str, positive: str, negative: str = "another matter altogether", **more: str):
    texts = (Text.of(positive), Text.of(negative))
    return replace(
        DRAFT, query=query, positive=texts[0].text_hash, documents=texts, passage=positive,
        kind=more.get("kind", "short-long"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (row("a question", "its answer at length"), "accepted"),
        (row("Its answer", "its  ANSWER"), "same_as_positive"),
        (row("a question", "an answer", "An answer"), "same_as_positive"),
        (row("a question", "here is a question answered"), "copied_query"),
        (row("a text about trains", "trains", "ships", kind="long-short"), "label_in_text"),
        (row("…", "an answer"), "too_short"),
    ],
)
def test_the_texts_of_a_row_must_differ_and_not_give_one_another_away(made: Draft, expected: str):
    assert judge(ROWS).settle(made, ()).outcome == expected
