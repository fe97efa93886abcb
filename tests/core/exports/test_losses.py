from __future__ import annotations

import pytest
from shard_sets import shard_row

from kalm_data.core.exports.forms import Form
from kalm_data.core.exports.losses import count_losses, tell_losses

FULL = shard_row(
    "q", ["p1", "p2"], ["n1", "n2"], instruction="Find it.", language="en", in_batch=False,
    pos_titles=["t", ""], pos_scores=[0.9, 0.8], neg_rankers=["given", "padding"],
)  # fmt: skip
ALL_KEYS = frozenset({"titles", "scores", "instruction", "language"})


@pytest.mark.parametrize(
    ("form", "losses"),
    [
        (
            Form("triplet"),
            {"titles", "instructions", "languages", "scores", "in_batch", "several_positives",
             "padding"},
        ),
        (
            Form("n-tuple", 1),
            {"titles", "instructions", "languages", "scores", "in_batch", "several_positives",
             "surplus_negatives"},
        ),
        (
            Form("pairs"),
            {"titles", "instructions", "languages", "scores", "in_batch", "several_positives",
             "negatives"},
        ),
        (Form("labeled-list"), {"titles", "instructions", "languages", "scores", "padding"}),
        (Form("flagembedding", keys=ALL_KEYS), {"titles_unread", "in_batch_folder", "padding"}),
        (
            Form("kalm", keys=frozenset({"language"})),
            {"titles", "scores", "in_batch", "padding"},
        ),
    ],
)  # fmt: skip
def test_whatever_a_format_does_not_carry_is_counted(form: Form, losses: set[str]) -> None:
    assert count_losses(FULL, form) == dict.fromkeys(losses, 1)


def test_nothing_is_told_of_a_row_that_loses_nothing() -> None:
    assert not count_losses(shard_row("q", ["p"], ["n"]), Form("triplet"))


@pytest.mark.parametrize(
    ("query", "instruction", "form"),
    [
        ("Instruct: a\nQuery: b", "", Form("triplet")),
        ("Instruct: a\nQuery: b", "", Form("kalm")),
        ("b", "a\nQuery: c", Form("kalm")),
    ],
)
def test_a_query_that_others_will_unwrap_otherwise_is_counted(
    query: str, instruction: str, form: Form
) -> None:
    row = shard_row(query, ["p"], ["n"], instruction=instruction)
    assert count_losses(row, form)["wrapped"] == 1


def test_a_wrapped_query_is_wrapped_once_more_and_loses_nothing() -> None:
    row = shard_row("Instruct: a\nQuery: b", ["p"], ["n"], instruction="c")
    assert count_losses(row, Form("kalm"))["wrapped"] == 0


def test_losses_are_told_with_their_counts() -> None:
    assert tell_losses({"scores": 1200}) == ["scores are left out in 1,200 rows"]
