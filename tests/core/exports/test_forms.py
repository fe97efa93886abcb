from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shard_sets import shard_row

from kalm_data.core.exports.forms import Form, file_names
from kalm_data.core.exports.rows import Survey

if TYPE_CHECKING:
    from kalm_data.core.config.export import RowFormat

ROW = shard_row(
    "q", ["p1", "p2"], ["n1", "n2", "n3"], instruction="Find it.", language="en",
    pos_titles=["t", ""], pos_scores=[0.9, 0.8], neg_scores=[0.3, 0.2, 0.1],
)  # fmt: skip


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        (Form("pairs"), [("q", "p1"), ("q", "p2")]),
        (
            Form("triplet"),
            [("q", p, n) for p in ("p1", "p2") for n in ("n1", "n2", "n3")],
        ),
        (Form("n-tuple", 2), [("q", "p1", "n1", "n2"), ("q", "p2", "n1", "n2")]),
        (
            Form("labeled-pair"),
            [("q", "p1", 1), ("q", "p2", 1), ("q", "n1", 0), ("q", "n2", 0), ("q", "n3", 0)],
        ),
        (Form("labeled-list"), [("q", ["p1", "p2", "n1", "n2", "n3"], [1, 1, 0, 0, 0])]),
    ],
)
def test_a_row_becomes_the_lines_of_its_format(form: Form, lines: list[tuple]) -> None:
    written = form.lines(ROW)
    assert [tuple(line.values()) for line in written] == lines
    assert all(list(line) == list(form.columns) for line in written)


def test_flagembedding_has_the_keys_that_its_loader_knows_and_those_that_it_leaves() -> None:
    (line,) = Form("flagembedding").lines(ROW)
    assert list(line) == ["query", "pos", "neg"]
    keys = frozenset({"titles", "scores", "instruction", "language"})
    (line,) = Form("flagembedding", keys=keys).lines(ROW)
    assert line["prompt"] == "Find it."
    assert (line["pos_scores"], line["neg_scores"]) == ([0.9, 0.8], [0.3, 0.2, 0.1])
    assert (line["pos_titles"], line["language"]) == (["t", ""], "en")


def test_kalm_has_queries_wrapped_with_their_instruction_to_the_byte() -> None:
    (line,) = Form("kalm").lines(ROW)
    assert line["query"] == "Instruct: Find it. \n Query: q"
    (bare,) = Form("kalm").lines(shard_row("q", ["p"], ["n"]))
    assert bare["query"] == "q"


@pytest.mark.parametrize(
    ("format_", "negatives", "reason"),
    [
        ("triplet", 0, "no_negative"),
        ("kalm", 0, "no_negative"),
        ("n-tuple", 0, "no_negative"),
        ("n-tuple", 1, "too_few_negatives"),
        ("n-tuple", 2, ""),
        ("triplet", 1, ""),
        ("pairs", 0, ""),
        ("flagembedding", 0, ""),
        ("labeled-list", 0, ""),
    ],
)
def test_a_row_without_room_in_the_format_is_refused_by_a_word(
    format_: RowFormat, negatives: int, reason: str
) -> None:
    form = Form(format_, 2 if format_ == "n-tuple" else 0)
    assert form.refusal(shard_row("q", ["p"], [f"n{i}" for i in range(negatives)])) == reason


def test_what_takes_no_in_batch_negatives_stands_where_flagembedding_knows_it() -> None:
    form = Form("flagembedding")
    assert file_names(form, "t", 2, in_batch=True) == ["t.jsonl", "t.jsonl"]
    assert file_names(form, "t", 1, in_batch=False) == ["no_in_batch_neg/t.jsonl"]


def test_kalm_has_nothing_beside_its_tasks() -> None:
    assert file_names(Form("kalm"), "t", 2, in_batch=True) == [
        "data/t/part-00000.jsonl", "data/t/part-00001.jsonl",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "expected"), [({}, 0), ({0: 9}, 0), ({0: 9, 7: 3, 5: 2}, 7), ({3: 4, 5: 4}, 5)]
)
def test_an_n_tuple_is_as_wide_as_most_rows_are(counts: dict[int, int], expected: int) -> None:
    assert Survey(counts, False, False, False, False).commonest_negatives == expected


def test_titles_are_written_above_the_texts() -> None:
    row = ROW.with_titles()
    assert (list(row.pos), row.is_titled) == (["t\np1", "p2"], False)
