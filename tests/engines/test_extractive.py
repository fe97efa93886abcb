from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.records import text_hash
from kalm_data.core.request_keys import attempt_seed, extraction_key
from kalm_data.core.synthesis import Request, SourceDocument
from kalm_data.core.text import normalised
from kalm_data.engines.extractive import (
    ExtractiveEngine,
    extract_query,
    rank_phrases,
    read_title,
    split_sentences,
)

TEXT = """Join one or more path components intelligently. The return value is the concatenation
of path and all members. If a component is an absolute path, all previous components are
discarded, e.g. the drive of a path.

>>> join("a", "b")
The following are removed:
"""


def request(facet: str, text: str = TEXT, title: str = "os.path.join", draw: int = 0) -> Request:
    document = SourceDocument(text_hash(text), title, text, "en")
    key = extraction_key(document, engine="e-1", facet=facet, draw=draw, seed=0)
    return Request(key, 0, 0, attempt_seed(0, key, 0), document=document, facet=facet)


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("http.client.HTTPMessage", "http client HTTP message"),
        ("posixpath.join", "posixpath join"),
        ("socket.socket.getsockname", "socket getsockname"),
        ("_pydecimal.Context.is_qnan", "pydecimal context is qnan"),
        ("docs/how-to/set_up.md", "docs how to set up md"),
        ("  How to  open a file ", "How to open a file"),
        ("如何打开文件", "如何打开文件"),
        ("Dateigröße", "dateigröße"),
        ("", ""),
        ("\0 --", ""),
    ],
)
def test_a_name_is_read_as_words_and_a_title_stays_as_it_is(title: str, query: str):
    assert read_title(title) == query


def test_sentences_are_prose_of_a_querys_length():
    assert split_sentences(TEXT) == [
        "Join one or more path components intelligently.",
        "The return value is the concatenation of path and all members.",
        "If a component is an absolute path, all previous components are discarded, "
        "e.g. the drive of a path.",
    ]
    assert split_sentences("word " * 33 + ".") == split_sentences("Too short.") == []


def test_a_sentence_that_is_nearly_all_of_its_document_is_not_drawn():
    assert split_sentences("A sentence of five words. And seven words of rest for it.") == []
    assert len(split_sentences("A sentence of five words. And now eight words of rest for it.")) > 0


def test_chinese_sentences_and_phrases_are_told_apart():
    text = "叶绿体拥有自己的遗传物质。它们的结构在藻类中被首次测定！短句。"
    assert split_sentences(text * 2)[:2] == [
        "叶绿体拥有自己的遗传物质。",
        "它们的结构在藻类中被首次测定！",
    ]
    assert rank_phrases(text) == ["叶绿体拥有", "遗传物质", "结构", "藻类中", "首次测定", "短句"]


def test_phrases_hold_no_function_words_and_the_most_frequent_words_lead():
    phrases = rank_phrases("The drive letter is kept. If there is a drive letter, it is the drive.")
    assert phrases == ["drive letter", "drive", "kept"]


def test_phrases_that_differ_in_case_are_one():
    assert rank_phrases("Drive letter. DRIVE letter") == ["Drive letter"]


def test_draws_differ_and_each_depends_on_its_request_alone():
    drawn = {draw: extract_query(request("sentence", draw=draw)) for draw in range(20)}
    assert set(drawn.values()) == set(split_sentences(TEXT))
    assert all(extract_query(request("sentence", draw=draw)) == drawn[draw] for draw in (7, 2))
    assert len({extract_query(request("phrases", draw=draw)) for draw in range(20)}) > 3


@pytest.mark.parametrize("facet", ["title", "phrases", "sentence", "definition"])
def test_a_document_with_nothing_for_a_facet_is_a_failure_that_says_so(facet: str):
    (reply,) = ExtractiveEngine().generate([request(facet, text="... >>> --", title="")])
    assert (reply.raw, reply.failure) == ("", f"no_{facet}")


def test_every_request_has_its_reply_in_order_without_tokens():
    requests = [request(facet, draw=d) for facet in ("title", "phrases") for d in range(3)]
    replies = list(ExtractiveEngine().generate(requests))
    assert [reply.key for reply in replies] == [one.key for one in requests]
    assert {(reply.tokens_in, reply.tokens_out) for reply in replies} == {(0, 0)}


@pytest.mark.parametrize(("language", "query"), [("en", "tool"), ("", "tool"), ("de", "")])
def test_definitions_are_looked_for_in_english_and_where_no_language_is_told(
    language: str, query: str
):
    asked = request("definition", "Foo is a sharp tool.")
    document = replace(asked.document, language=language)
    assert extract_query(replace(asked, document=document)) == (query and f"sharp {query}")


@given(text=st.text(max_size=300), title=st.text(max_size=40), draw=st.integers(0, 5))
def test_every_query_is_made_of_the_documents_own_words(text: str, title: str, draw: int):
    own = normalised(f"{text} {title}".replace("\0", " "))
    sentence = extract_query(request("sentence", text, title, draw))
    assert normalised(sentence) in own
    for phrase in rank_phrases(text.replace("\0", " ")):
        assert all(word in own for word in normalised(phrase).split())
    assert "\0" not in extract_query(request("title", text, title, draw))


@pytest.mark.parametrize(
    "text",
    ["\n \n" * 1_500_000, "word " * 1_000_000, "a.b_" * 1_250_000, "." * 5_000_000,
     "文" * 1_600_000, "\u202eمرحبا بالعالم. \u202c" * 200_000, "A b! " * 1_000_000],
)  # fmt: skip
def test_a_text_of_5_mb_costs_no_more_than_its_beginning(text: str):
    asked = [request(facet, text) for facet in ("phrases", "sentence", "definition")]
    started = time.process_time()
    list(ExtractiveEngine().generate(asked))
    assert time.process_time() - started < 1.0
