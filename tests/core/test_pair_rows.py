import pytest

from kalm_data.core.config.imports import ImportPairsConfig
from kalm_data.core.errors import InputError
from kalm_data.core.pair_rows import PairRow, read_pairs
from kalm_data.core.rows import BadRow, RawFile, RawRow


def read(*rows: dict, split: str = "", **settings: str) -> list[PairRow | BadRow]:
    raw = [RawRow("a.jsonl", line, row, split) for line, row in enumerate(rows, start=1)]
    return list(read_pairs(raw, ImportPairsConfig(**settings), lambda _: None))


def texts(*rows: dict, **settings: str) -> tuple[str, list[str], list[str]]:
    (row,) = read(*rows, **settings)
    return row.query, [t.text for t in row.positives], [t.text for t in row.negatives]


SHAPES = [
    {"query": "q", "pos": ["p1", "p2"], "neg": ["n1", "n2"]},
    {"anchor": "q", "positive": ["p1", "p2"], "negative": ["n1", "n2"]},
    {"question": "q", "positive_1": "p1", "positive_2": "p2", "negative_1": "n1",
     "negative_2": "n2"},
    {"sentence1": "q", "sentence2": ["p1", "p2"], "hard_negatives": ["n1", "n2"]},
]  # fmt: skip


@pytest.mark.parametrize("row", SHAPES)
def test_the_usual_columns_are_known(row: dict):
    assert texts(row) == ("q", ["p1", "p2"], ["n1", "n2"])


def test_a_positive_given_as_a_string_is_one_positive():
    assert texts({"query": "q", "pos": "because"}) == ("q", ["because"], [])


def test_numbered_negatives_come_in_order_of_their_numbers():
    row = {"query": "q", "pos": "p"} | {f"negative_{n}": f"n{n}" for n in (10, 2, 1)}
    assert texts(row)[2] == ["n1", "n2", "n10"]


def test_a_named_column_wins_over_the_usual_one():
    row = {"query": "wrong", "frage": "q", "pos": "wrong", "antwort": "p"}
    assert texts(row, query="frage", pos="antwort") == ("q", ["p"], [])


def test_a_template_joins_columns_and_a_shells_backslash_n_is_a_newline():
    row = {"subject": "a", "body": "{b}", "pos": "p"}
    assert texts(row, query="{subject}\\n{body}")[0] == "a\n{b}"
    assert texts({"subject": "a", "body": None, "pos": "p"}, query="{subject}\n{body}")[0] == "a"


def test_wrapped_queries_are_unwrapped():
    (row,) = read({"query": "Instruct: Find it. \n Query: why?", "pos": "p"})
    assert (row.instruction, row.query) == ("Find it.", "why?")


def test_the_column_of_instructions_wins_over_the_wrapped_one():
    wrapped = "Instruct: Find it.\nQuery: why?"
    (row,) = read({"query": wrapped, "pos": "p", "instruction": "Look."})
    assert (row.instruction, row.query) == ("Look.", "why?")


def test_positives_may_be_named_by_id():
    row = {"query": "q", "pos": "ignored", "doc": [1, "d2", "d2"], "other": "d3"}
    (pair,) = read(row, pos_id="doc", neg_id="other")
    assert pair.positives == ()
    assert (pair.positive_ids, pair.negative_ids) == (("1", "d2"), ("d3",))


@pytest.mark.parametrize(
    ("word", "expected"), [("validation", "dev"), ("Test", "test"), ("", None), ("sft", None)]
)
def test_the_place_of_a_row_gives_its_split(word: str, expected: str | None):
    assert read({"query": "q", "pos": "p"}, split=word)[0].split == expected


def test_the_column_wins_over_the_place_and_as_wins_over_both():
    row = {"query": "q", "pos": "p", "split": "dev"}
    assert read(row, split="test")[0].split == "dev"
    assert read(row, split="test", as_split="train")[0].split == "train"
    assert read(row, split="test", as_split="draw")[0].split is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"query": "q"}, "no_positive"),
        ({"pos": "p"}, "missing_column"),
        ({"query": None, "pos": "p"}, "missing_column"),
        ({"query": " \n", "pos": "p"}, "empty_text"),
        ({"query": "?!", "pos": "p"}, "no_words"),
        ({"query": "q", "pos": "..."}, "no_words"),
        ({"query": "q", "pos": [""]}, "empty_text"),
        ({"query": "\ud800 q", "pos": "p"}, "lone_surrogate"),
        ({"query": ["q"], "pos": "p"}, "not_text"),
        ({"query": "q", "pos": [{"text": "p"}]}, "not_text"),
        ({"query": "q", "pos": 7}, "not_text"),
        ({"query": "q", "pos": "p", "split": "sft"}, "unknown_split"),
        ({"query": "Instruct: x \n Query: ", "pos": "p"}, "empty_text"),
    ],
)
def test_a_bad_row_is_named_by_one_word_file_and_line(row: dict, reason: str):
    good = {"query": "q", "pos": "p", "split": ""}
    _, bad = read(good, row)
    if reason == "no_positive":  # another row of the query may bring one
        assert bad.positives == ()
        return
    assert bad.error.reason == reason
    assert str(bad.error).startswith("a.jsonl:2: ")
    assert bad.as_reject("run").text.encode()


def test_a_bad_positive_is_left_out_of_a_row_that_has_a_good_one():
    (row,) = read({"query": "q", "pos": ["p", "", "?"], "neg": [7]})
    assert [flaw.error.reason for flaw in row.flaws] == ["empty_text", "no_words", "not_text"]
    assert len({flaw.key for flaw in row.flaws}) == len(row.flaws)


@pytest.mark.parametrize(
    ("row", "settings", "said"),
    [
        ({"a": 1, "b": 2}, {}, r"a.jsonl: no column for --query \(columns: a, b\)"),
        ({"query": "q", "b": 2}, {}, "no column for --pos"),
        ({"query": "q", "pos": "p"}, {"query": "{qery}"}, 'no column "qery" for --query'),
        ({"sentence1": "q", "sentence2": "p", "score": 0.5}, {}, '"score" makes these rated'),
        ({"query": "q", "pos": "p", "label": 0.8}, {}, '0.8: column "label" makes these rated'),
        ({"query": "q", "pos": "p", "label": 1.0}, {}, '1.0: column "label" makes these rated'),
        ({"query": "q", "pos": "p", "label": 2}, {}, '2: column "label" makes these rated'),
        ({"query": "q", "pos": "p", "label": "billing"}, {}, "import labels"),
        ({"query": "q", "pos": "p", "label": 1, "score": 0.5}, {}, '"score" makes these rated'),
        ({"query": "q", "pos": "p", "neg": "n", "label": 1}, {}, '"label" makes these rated'),
        ({"query": "q", "pos": "p", "label": 3}, {}, "import sts"),
    ],
)
def test_a_wrong_column_is_an_error_of_the_file(row: dict, settings: dict, said: str):
    with pytest.raises(InputError, match=said):
        read(row, **settings)


def test_rated_rows_are_taken_where_the_columns_are_named():
    row = {"query": "q", "pos": "p", "label": 1}
    assert texts(row, query="query", pos="pos") == ("q", ["p"], [])


LABELLED = [
    [{"anchor": "q", "document": "p", "label": 1}, {"anchor": "q", "document": "n", "label": 0}],
    [{"query": "q", "pos": "p", "label": True}, {"query": "q", "pos": "n", "label": False}],
    [{"query": "q", "passage": "p", "label": "1"}, {"query": "q", "passage": "n", "label": "0"}],
    [{"anchor": "q", "documents": ["p", "n"], "labels": [1, 0]}],
]


@pytest.mark.parametrize("rows", LABELLED)
def test_labels_of_true_and_false_tell_positives_from_negatives(rows: list[dict]):
    pairs = read(*rows)
    assert [text.text for pair in pairs for text in pair.positives] == ["p"]
    assert [text.text for pair in pairs for text in pair.negatives] == ["n"]


def test_labels_that_are_not_one_a_document_are_a_bad_row():
    good = {"anchor": "q", "documents": ["p"], "labels": [1]}
    _, bad = read(good, {"anchor": "q", "documents": ["p", "n"], "labels": [1]})
    assert bad.error.reason == "uneven_lists"


def test_a_bad_document_of_a_labelled_list_is_left_out():
    (row,) = read({"anchor": "q", "documents": ["?", "n"], "labels": [1, 0]})
    assert ([text.text for text in row.negatives], len(row.flaws)) == (["n"], 1)
    _, bad = read({"anchor": "q", "documents": ["p"], "labels": [1]},
                  {"anchor": "q", "documents": ["?"], "labels": [0]})  # fmt: skip
    assert bad.error.reason == "no_words"


def test_titles_in_a_list_are_those_of_their_texts():
    row = {"query": "q", "pos": ["p", "?", "r"], "pos_titles": ["P", "x", None], "neg": ["n"]}
    (pair,) = read({**row, "neg_titles": ["N"]})
    assert {text.text: pair.titles.get(text.text_hash) for text in pair.positives} == {
        "p": "P", "r": None,
    }  # fmt: skip
    assert [pair.titles[text.text_hash] for text in pair.negatives] == ["N"]
    _, bad = read(row, row | {"pos_titles": ["P"]})
    assert bad.error.reason == "uneven_lists"


def test_a_prompt_is_the_instruction_of_its_query():
    assert read({"query": "q", "pos": ["p"], "prompt": "Find."})[0].instruction == "Find."


def test_columns_nobody_reads_are_told():
    told = []
    rows = [RawRow("a.jsonl", 1, {"query": "q", "pos": "p", "id": 1, "x": 2})]
    list(read_pairs(rows, ImportPairsConfig(), told.append))
    assert told == ["columns that were not read: id, x"]


def test_texts_are_no_pairs():
    with pytest.raises(InputError, match=r"a.md: a text, but pairs need columns"):
        list(read_pairs([RawFile("a.md", "a.md", "x", True)], ImportPairsConfig(), print))
