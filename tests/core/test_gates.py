import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.gates import (
    LengthLimits,
    check_query,
    copy_of_passage,
    refers_to_text,
    too_long,
    too_short,
    wrong_language,
)

LIMITS = LengthLimits(min_words=2, max_words=8)
PASSAGE = "Join one or more path components. An absolute component discards all before it."


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("zip files", 2),
        ("os.path.join", 3),
        ("如何打开", 4),
        ("用gzip打开", 4),
        ("Größe der Datei", 3),
    ],
)
def test_lengths_count_words_and_cjk_characters(query: str, count: int):
    assert too_short(query, count) is None
    assert too_long(query, count) is None
    for failing in (too_short(query, count + 1), too_long(query, count - 1)):
        assert failing is not None
        assert json.loads(failing.numbers)["words"] == count


def test_a_blob_without_spaces_is_as_long_as_it_looks():
    assert too_long("x" * 100_000, 64) is not None
    assert too_long("Donaudampfschifffahrtsgesellschaft", 1) is None


@pytest.mark.parametrize("query", ["", " \n", "\0", "?!…", "—"])
def test_a_query_without_words_is_too_short(query: str):
    assert too_short(query, 1) is not None


@pytest.mark.parametrize(
    "query",
    [
        PASSAGE,
        PASSAGE.upper() + "\n",
        PASSAGE.replace("Join one or", "Do join one or"),
        PASSAGE.removesuffix(" before it."),
    ],
)
def test_the_passage_or_nearly_all_of_it_is_a_copy(query: str):
    failing = copy_of_passage(query, PASSAGE)
    assert failing is not None
    assert failing.reason == "copy_of_passage"


@pytest.mark.parametrize("query", ["Join one or more path components.", "join paths", "", "a b c"])
def test_a_part_of_the_passage_is_no_copy(query: str):
    assert copy_of_passage(query, PASSAGE) is None


def test_a_chinese_copy_is_told_by_characters():
    passage = "打开压缩文件并逐行读取其中的内容。"
    assert copy_of_passage("打开压缩文件并逐行读取其中的内容", passage) is not None
    assert copy_of_passage("打开压缩文件", passage) is None


@pytest.mark.parametrize(
    "query",
    [
        "What does the text above say about pipes?",
        "according to the passage, who won?",
        "Which of these sections is longest?",
        "the following  paragraph: what is missing",
        "the errors mentioned above",
        "Was sagt der obige Text über Rohre?",
        "Worum geht es in diesem Abschnitt?",
        "laut dem Artikel: wer gewann?",
        "die oben genannten Fehler",
        "selon le texte, qui a gagné ?",
        "¿qué dice el texto anterior?",
        "上文提到的错误有哪些",
        "根据文章，谁赢了？",
        "这段文字的主要内容是什么",
        "本文介绍了哪些方法？",
        "文中的主人公是谁",
        "上述方法有什么缺点",
        "この文章の要点は何ですか",
    ],
)
def test_a_query_that_refers_to_a_text_is_told(query: str):
    assert refers_to_text(query) is not None


@pytest.mark.parametrize(
    "query",
    [
        "wrap a paragraph of text to a given width",
        "find a word in the text of a Word document",
        "section of a configuration file",
        "the following error: permission denied",
        "read documents above a size",
        "Text aus einer Datei lesen",
        "nach Text in Dateien suchen",
        "Abschnitt einer Konfigurationsdatei",
        "如何读取文本文件",
        "日本文化史",
        "线上文档协作工具",
        "中文中的量词",
        "根据文件扩展名查找",
        "以上海为例的住房政策",
        "如何写论文中的摘要",
        "版本文件在哪里",
    ],
)
def test_a_query_about_texts_is_not_taken_for_one_that_refers(query: str):
    assert refers_to_text(query) is None


@pytest.mark.parametrize(
    ("wanted", "found", "fails"),
    [("en", "de", True), ("en", "en", False), ("", "de", False), ("en", "", False),
     ("ja", "zh", False), ("zh", "ja", True)],
)  # fmt: skip
def test_only_a_language_that_is_known_to_differ_is_wrong(wanted: str, found: str, fails: bool):
    assert (wrong_language(wanted, found) is not None) == fails


def test_the_first_failing_gate_gives_the_reason():
    failing = check_query("this text", PASSAGE, LIMITS)
    assert failing is not None
    assert failing.reason == "refers_to_text"
    assert check_query("join path components", PASSAGE, LIMITS) is None


@given(query=st.text(), passage=st.text())
def test_gates_judge_any_text(query: str, passage: str):
    failing = check_query(query, passage, LIMITS)
    assert failing is None or json.loads(failing.numbers)


@given(passage=st.text(min_size=1))
def test_every_passage_is_a_copy_of_itself(passage: str):
    assert copy_of_passage(passage, passage) is not None


@pytest.mark.parametrize("query", ["right " * 2000, "مرحبا بالعالم " * 100, "\u202eabc def\u202c"])
def test_hostile_queries_end_in_a_verdict(query: str):
    assert check_query(query, "word " * 1_000_000, LengthLimits(1, 100_000)) is None
