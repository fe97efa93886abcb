import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kalm_data.core.contamination import SHARE, ExcludedText, ExclusionIndex, Match
from kalm_data.core.text import words

WORDS = st.lists(st.sampled_from(["a", "b", "C++", "上", "?"]), max_size=12).map(" ".join)
TEXTS = st.one_of(WORDS, st.text(max_size=12))
SENTENCE = "how to open a gzip file in python without much memory"


def index_of(*texts: str, **options: float) -> ExclusionIndex:
    numbered = enumerate(texts, start=1)
    return ExclusionIndex((ExcludedText("t", i, "query", text) for i, text in numbered), **options)


def told(match: Match | None) -> tuple[str, float, int] | None:
    return match and (match.reason, match.share, match.excluded.line)


@given(st.lists(TEXTS, max_size=8))
def test_every_text_finds_one_that_is_exactly_itself_unless_it_is_empty(texts: list[str]):
    index = index_of(*texts)
    for text in texts:
        match = index.find(text)
        assert match.reason == "exact" if text.strip() else match is None
        assert not match or index_of(match.excluded.text).find(text).reason == "exact"


@given(st.lists(WORDS, max_size=8), st.lists(WORDS, max_size=8), st.randoms())
def test_neither_order_of_texts_nor_of_calls_changes_reason_and_share(
    texts: list[str], asked: list[str], rng: random.Random
):
    index = index_of(*texts, gram_words=2, share=0.5)
    found = [told(index.find(text)) for text in asked]
    rng.shuffle(texts)
    other = index_of(*texts, gram_words=2, share=0.5)
    again = [told(other.find(text)) for text in reversed(asked)][::-1]
    assert [one and one[:2] for one in again] == [one and one[:2] for one in found]


def brute_force(text: str, excluded: list[str], gram_words: int, share: float) -> object:
    """(share, line) by comparison with every text; the words are none that are written oddly."""
    best = None
    held = grams(text, gram_words)
    for line, other in enumerate(excluded, start=1):
        own = grams(other, gram_words)
        reached = len(own & held) / len(own) if own else 0
        if reached >= share and (best is None or reached > best[0]):
            best = (reached, line)
    return best


def grams(text: str, size: int) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[i : i + size]) for i in range(len(found) - size + 1)}


@given(
    st.lists(st.lists(st.sampled_from("abc上"), max_size=12).map(" ".join), max_size=12),
    st.lists(st.sampled_from("abc上"), max_size=20).map(" ".join),
    st.integers(1, 4),
    st.sampled_from([0.01, 0.29, 0.5, 0.55, 0.7, 0.8, 1.0]),
)
@settings(max_examples=300)
def test_overlap_is_what_comparing_with_every_text_finds(
    excluded: list[str], text: str, gram_words: int, share: float
):
    match = index_of(*excluded, gram_words=gram_words, share=share).find(text)
    assume(not match or match.reason == "overlap")
    found = match and (match.share, match.excluded.line)
    assert found == brute_force(text, excluded, gram_words, share)


@pytest.mark.parametrize(
    ("excluded", "text", "reason"),
    [
        ("How to open a file?", "how to  OPEN a “file”", "exact"),
        ("don’t re-open e-mail", "Dont re open: e mail!", "exact"),
        ("???", "???", "exact"),
        ("how to open a file", "a file: how to open?", "same_words"),
        ("dog bites man", "man bites dog", None),
        ("dog", "dogs", None),
        ("dog", "a dog", None),
        ("怎样打开一个压缩文件", "怎样打开一个压缩文件？", "exact"),
        ("怎样打开一个压缩文件", "一个压缩文件怎样打开", "same_words"),
        ("怎样打开一个压缩文件", "请问怎样打开一个压缩文件呢", "overlap"),
        ("怕不辣的人", "不怕辣的人", None),
        (SENTENCE, f"please tell me: {SENTENCE}", "overlap"),
        (SENTENCE, f"{SENTENCE} " * 50_000, "overlap"),
        (SENTENCE, SENTENCE.replace("python", "perl"), None),
        ("how to open a gzip file", "how to open a gzip file in python", None),
        ("open \udc80 a file", "open \udc80 a file", "exact"),
        ("open a gzip file \udc80", "gzip \udcff a file open", "same_words"),
        ("", "", None),
        (" \n", " ", None),
    ],
)
def test_criteria_by_example(excluded: str, text: str, reason: str | None):
    match = index_of(excluded).find(text)
    assert (match and match.reason) == reason


def test_c_and_its_relatives_are_three_languages():
    index = index_of("sort in C++", "sort in C", "sort in c#")
    assert [told(index.find(f"Sort in {name}?"))[2] for name in ("C", "C#", "C++")] == [2, 3, 1]


def test_the_highest_share_wins_then_the_first_text():
    index = index_of("a b c x", "a b c d", "b c d e", gram_words=2, share=0.5)
    assert told(index.find("z a b c d y")) == ("overlap", 1.0, 2)
    assert told(index.find("z a b c y")) == ("overlap", 2 / 3, 1)


def test_of_texts_that_differ_in_punctuation_the_first_is_found():
    assert told(index_of("x", "A file!", "a file").find("a file?")) == ("exact", 1.0, 2)


def test_a_share_of_exactly_the_least_is_enough():
    assert SHARE == 0.8
    excluded = "a b c d e f"  # five n-grams
    assert told(index_of(excluded, gram_words=2).find("a b c d e z")) == ("overlap", 0.8, 1)
    assert index_of(excluded, gram_words=2, share=0.81).find("a b c d e z") is None


def test_without_excluded_texts_nothing_is_found():
    assert index_of().find(SENTENCE) is None
