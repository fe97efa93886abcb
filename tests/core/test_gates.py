import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.gates import (
    Failing,
    LengthLimits,
    check_query,
    copy_of_passage,
    persona_leak,
    prompt_leak,
    refers_to_text,
    too_long,
    too_short,
    verbatim_overlap,
    wrong_language,
)
from kalm_data.core.text import words

LIMITS = LengthLimits(min_words=2, max_words=8)
PERSONA = "A retired ferry captain who repairs clocks and reads about tides"
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


def found_words(failing: Failing | None) -> object:
    return json.loads(failing.numbers)["words"] if failing else None


def longest_shared_run(first: list[str], second: list[str]) -> int:
    return max(
        (
            size
            for size in range(1, len(first) + 1)
            for start in range(len(first) - size + 1)
            for other in range(len(second) - size + 1)
            if first[start : start + size] == second[other : other + size]
        ),
        default=0,
    )


@pytest.mark.parametrize(
    ("query", "most_words", "run"),
    [
        ("join one or more path", 5, None),
        ("join one or more path", 4, 5),
        ("how to JOIN, one or\nmore path components? an example", 4, 7),
        ("more path components one or", 3, None),
        ("components an absolute component that discards all", 3, 4),
        ("", 1, None),
    ],
)
def test_more_words_in_a_row_than_allowed_are_verbatim(
    query: str, most_words: int, run: int | None
):
    assert found_words(verbatim_overlap(query, PASSAGE, most_words)) == run


def test_chinese_runs_are_counted_by_characters():
    passage = "打开压缩文件并逐行读取其中的内容。"
    assert verbatim_overlap("如何逐行读取其中的内容", passage, 9) is None
    assert found_words(verbatim_overlap("如何逐行读取其中的内容", passage, 8)) == 9


@given(
    query=st.lists(st.sampled_from("abc"), max_size=12),
    passage=st.lists(st.sampled_from("abc"), max_size=12),
    most_words=st.integers(1, 5),
)
def test_verbatim_overlap_agrees_with_comparing_all_runs(
    query: list[str], passage: list[str], most_words: int
):
    failing = verbatim_overlap(" ".join(query), " ".join(passage), most_words)
    assert (failing is not None) == (longest_shared_run(query, passage) > most_words)
    assert failing is None or most_words < found_words(failing) <= len(query)


@pytest.mark.parametrize(
    "passage", ["word " * 1_000_000, "字" * 1_700_000, "a b c d e f " * 420_000]
)
def test_verbatim_overlap_of_a_5_mb_passage_is_quick(passage: str):
    started = time.process_time()
    verbatim_overlap("word x " * 20 + "字啊" * 20 + "a b c d e f a b d " * 4, passage, 8)
    assert time.process_time() - started < 3  # below 1 s on an idle machine


def test_four_words_in_a_row_of_the_persona_are_a_leak():
    assert found_words(persona_leak("who repairs clocks and watches", PERSONA)) == (
        "who repairs clocks and"
    )
    assert persona_leak("when to repair clocks and read about tides", PERSONA) is None
    assert persona_leak("anything", "") is None


def test_six_characters_in_a_row_of_a_chinese_persona_are_a_leak():
    persona = "在县城开早餐店的师傅，每天凌晨三点和面"
    assert (
        found_words(persona_leak("我在县城开早餐店，怎么办证", persona)) == "在 县 城 开 早 餐 店"
    )
    assert persona_leak("县城早餐店怎么办证", persona) is None


@pytest.mark.parametrize(
    "query",
    [
        "write one search query as somebody would",
        "an acquire_knowledge question about tides",
        "Yes_Or_No: is it high tide",
        "hard_negative_document",
    ],
)
def test_the_words_of_the_prompt_and_of_its_schema_are_a_leak(query: str):
    assert prompt_leak(query, "You write one search query, as somebody would type it.") is not None


@pytest.mark.parametrize(
    "query", ["one search query as somebody", "high school yes or no", "my_yes_or_not", ""]
)
def test_a_few_words_that_the_prompt_has_too_are_no_leak(query: str):
    assert prompt_leak(query, "You write one search query, as somebody would type it.") is None


@pytest.mark.parametrize("prompt", ["请写出一条检索请求。写的人从未见过下面的文档。"])
def test_nine_characters_in_a_row_of_a_chinese_prompt_are_a_leak(prompt: str):
    assert prompt_leak("请写出一条检索请求", prompt) is not None
    assert prompt_leak("怎样写出一条检索请求", prompt) is None


@given(query=st.text(), secret=st.text())
def test_leaks_are_judged_in_any_text(query: str, secret: str):
    for failing in (persona_leak(query, secret), prompt_leak(query, secret)):
        assert failing is None or len(words(str(found_words(failing)))) >= 1
