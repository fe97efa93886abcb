from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.chunks import Budget, Chunk, chunk_markdown, chunk_text
from kalm_data.core.text import has_words


class Words:
    """Counts words and long words twice, as subword tokenizers do."""

    def count(self, text: str) -> int:
        return sum(1 + len(word) // 8 for word in text.split())


TEN = Budget(Words(), 10)
TEXTS = st.text(st.sampled_from("ab c.!?\n。日'\t#"), max_size=400)


def squeezed(text: str) -> str:
    return "".join(text.split())


@given(TEXTS)
def test_no_chunk_is_longer_than_the_budget(text: str):
    assert all(Words().count(chunk.text) <= 10 for chunk in chunk_text(text, TEN))


@given(TEXTS)
def test_nothing_but_white_space_and_wordless_pieces_is_lost(text: str):
    left = squeezed(text)
    for chunk in chunk_text(text, TEN):
        before, found, left = left.partition(squeezed(chunk.text))
        assert found
        assert not has_words(before)
    assert not has_words(left)


def test_as_many_paragraphs_as_fit_make_a_chunk():
    text = "one two three\n\nfour five six\n\nseven eight nine\n\nten eleven"
    assert [chunk.text for chunk in chunk_text(text, TEN)] == [
        "one two three\n\nfour five six\n\nseven eight nine",
        "ten eleven",
    ]


def test_a_long_paragraph_is_cut_at_sentences_then_at_words_then_at_characters():
    text = "One two three four five. Six seven eight nine ten eleven. " + "w " * 12 + "x" * 90
    assert [chunk.text for chunk in chunk_text(text, TEN)] == [
        "One two three four five.",
        "Six seven eight nine ten eleven.",
        "w w w w w w w w w w",
        "w w",
        "x" * 79,
        "x" * 11,
    ]


def test_chinese_sentences_end_without_a_blank():
    text = "今天天气很好。" * 20
    assert all(chunk.text.endswith("。") for chunk in chunk_text(text, TEN))


def test_a_section_keeps_its_heading_path():
    text = "# Guide\nintro\n\n## Setup ##\nrun it\n\nUse\n===\n\nfirst\n\nMore\n----\nsecond\n"
    assert chunk_markdown(text, TEN) == [
        Chunk("intro", ("Guide",)),
        Chunk("run it", ("Guide", "Setup")),
        Chunk("first", ("Use",)),
        Chunk("second", ("Use", "More")),
    ]


def test_fenced_code_has_no_headings_and_stays_whole():
    text = "# A\n\n```sh\n# no heading\n\nrun\n```\n\nend"
    assert chunk_markdown(text, TEN) == [
        Chunk("```sh\n# no heading\n\nrun\n```\n\nend", ("A",)),
    ]


def test_front_matter_gives_the_title_and_is_no_text():
    text = '---\ntitle: "The Guide"\ntags: [x]\n---\nintro\n\n## Setup\nrun\n'
    assert chunk_markdown(text, TEN) == [
        Chunk("intro", ("The Guide",)),
        Chunk("run", ("The Guide", "Setup")),
    ]


def test_headings_alone_are_a_text():
    assert chunk_markdown("# Guide\n## Setup\n", TEN) == [Chunk("# Guide\n## Setup", ())]


def test_the_heading_path_counts_unless_it_takes_half_the_room():
    short, long = "# a b c\n", "# a b c d e f\n"
    assert len(chunk_markdown(short + "w " * 8, TEN)) > 1
    assert len(chunk_markdown(long + "w " * 10, TEN)) == 1


def test_a_text_without_words_has_no_chunks():
    assert chunk_text("...\n\n---", TEN) == []
    assert chunk_markdown("", TEN) == []


def test_megabytes_without_a_border_are_cut():
    chunks = chunk_text("x" * 1_000_000, TEN)
    assert sum(len(chunk.text) for chunk in chunks) == 1_000_000
