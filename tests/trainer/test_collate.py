from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.tasks import Task
from kalm_data.core.templates import render_document, resolve_templates
from kalm_data.trainer.collate import Batch, Draw, compose_batch, draw_negatives, peers
from kalm_data.trainer.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.trainer.conftest import MakeRow

    RowOf = Callable[..., Row]

TEMPLATES = {"t": resolve_templates(Task(name="t"))}


@pytest.fixture
def row(make_row: MakeRow) -> RowOf:
    """A `Row` as `TrainingRows` gives it."""

    def make(query: str, pos: list[str], neg: list[str], **given: object) -> Row:
        made = make_row(query, pos, neg, **given)
        return Row(**{name: made[name] for name in Row.__slots__})

    return make


def compose(*rows: Row) -> Batch:
    draws = [Draw(0, tuple(range(len(row.neg)))) for row in rows]
    return compose_batch(rows, draws, TEMPLATES)


def against(batch: Batch, query: int) -> set[str]:
    """The texts that the softmax of a query runs over."""
    counted = batch.counted[query]
    return {batch.texts[i] for i, counts in zip(batch.documents, counted, strict=True) if counts}


def test_a_query_is_told_from_its_own_negatives_and_from_all_documents_of_other_rows(row: RowOf):
    batch = compose(row("q", ["a"], ["x"]), row("r", ["b"], ["y"]))
    assert against(batch, 0) == against(batch, 1) == {"a", "x", "b", "y"}
    assert [batch.texts[batch.documents[column]] for column in batch.positives] == ["a", "b"]


def test_each_distinct_text_stands_once(row: RowOf):
    batch = compose(row("q", ["a"], ["x", "b"]), row("r", ["b"], ["x"]), row("a", ["q"], []))
    assert sorted(batch.texts) == ["a", "b", "q", "r", "x"]
    assert len(batch.documents) == len(set(batch.documents)) == 4


def test_known_positives_are_masked_wherever_they_stand(row: RowOf):
    first = row("q", ["a", "a2"], ["x"])
    batch = compose(first, row("r", ["a2"], ["a"]), row("s", ["c"], ["a2"]))
    assert against(batch, 0) == {"a", "x", "c"}
    assert against(batch, 1) == {"a2", "a", "x", "c"}


def test_documents_of_a_positives_group_are_masked_unless_they_are_own_negatives(row: RowOf):
    first = row("q", ["a"], ["sibling"], pos_groups=["g"], neg_groups=["g"])
    other = row("r", ["near"], ["y"], pos_groups=["g"])
    batch = compose(first, other)
    assert against(batch, 0) == {"a", "sibling", "y"}
    assert against(batch, 1) == {"near", "y"}


def test_a_positive_among_the_own_negatives_is_masked(row: RowOf):
    assert against(compose(row("q", ["a", "b"], ["b", "x"])), 0) == {"a", "x"}


def test_rows_without_in_batch_negatives_neither_give_nor_take(row: RowOf):
    lonely = row("q", ["a"], ["x"], in_batch=False)
    batch = compose(lonely, row("r", ["b"], ["y"]), row("s", ["c"], ["x"]))
    assert against(batch, 0) == {"a", "x"}
    assert against(batch, 1) == {"b", "y", "c", "x"}


def test_own_hard_negatives_are_those_that_count_each_once(row: RowOf):
    batch = compose(row("q", ["a", "b"], ["x", "b", "x", "y", "a"]), row("r", ["c"], []))
    named = [(batch.texts[batch.documents[own.column]], own.place) for own in batch.negatives[0]]
    assert named == [("x", 0), ("y", 3)]
    assert batch.negatives[1] == []


def test_others_are_documents_that_other_rows_alone_bring(row: RowOf):
    batch = compose(row("q", ["a", "c"], ["x", "y"]), row("r", ["b"], ["y", "c"]))
    names = [
        {batch.texts[i] for i, is_one in zip(batch.documents, one, strict=True) if is_one}
        for one in batch.others
    ]
    assert names == [{"b"}, {"a", "x"}]


def test_peers_share_no_positive_and_are_no_positive(row: RowOf):
    rows = [
        row("q", ["a"], []),
        row("same positive", ["b", "a"], []),
        row("a", ["c"], []),
        row("r", ["d"], []),
        row("same group", ["e"], [], pos_groups=[row("x", ["a"], []).pos_groups[0]]),
        row("q", ["f"], []),
        row("alone", ["g"], ["h"], in_batch=False),
    ]
    batch = compose(*rows)
    queries, counted = peers(rows, batch.queries)
    names = [[batch.texts[queries[u]] for u in range(len(queries)) if one[u]] for one in counted]
    assert names[0] == ["r"]
    assert names[3] == ["q", "same positive", "a", "same group"]
    assert names[6] == []


def test_a_document_that_is_the_query_itself_is_masked(row: RowOf):
    """Pairs of scored texts are rows in both directions."""
    batch = compose(row("one", ["other"], []), row("other", ["one"], []), row("q", ["a"], []))
    assert against(batch, 0) == {"other", "a"}
    assert against(batch, 1) == {"one", "a"}
    assert against(batch, 2) == {"a", "one", "other"}


def test_titles_and_instructions_enter_through_the_templates(row: RowOf):
    task = Task(
        name="t", query_template="I: {instruction} Q: {query}", document_template="{title}|{text}"
    )
    given = row("q", ["a"], [], pos_titles=["Guide > Setup"], instruction="find")
    batch = compose_batch([given], [Draw(0, ())], {"t": resolve_templates(task)})
    assert batch.texts == ["I: find Q: q", "Guide > Setup|a"]


def test_a_joined_title_renders_as_title_and_headings_do():
    templates = TEMPLATES["t"]
    joined = render_document(templates, "text", "Guide > Setup")
    assert joined == render_document(templates, "text", "Guide", ["Setup"])


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 2**64 - 1))
def test_negatives_are_drawn_without_repetition(available: int, wanted: int, key: int):
    drawn = draw_negatives(available, wanted, key)
    assert len(drawn) == len(set(drawn)) == min(available, wanted)
    assert all(0 <= i < available for i in drawn)
