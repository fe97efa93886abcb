from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.filtering import FilterRow
from kalm_data.core.mining import Measured, MiningExample
from kalm_data.core.records import example_id, text_hash
from kalm_data.measures.rules.repeats import Dedup, MaxPerPositive

LONG = "the tide tables of the harbour tell when the water is high and when it is low"


def row(query: str, document: str, rank: int, task: str = "t") -> FilterRow:
    known = MiningExample(example_id(task, query), query, "", "", 0, (text_hash(document),), ())
    at = (Measured(rank, 1 / rank, False),) if rank else (None,)
    return FilterRow(task, known, text_hash(document), document, at)


def dropped(rule: Dedup | MaxPerPositive, rows: list[FilterRow], gone: set[int] = frozenset()):
    standing = [place not in gone for place in range(len(rows))]
    found = rule.judge(rows, standing)
    return {place: verdict.reason for place, verdict in enumerate(found) if verdict.reason}


def test_of_rows_with_one_query_and_document_the_best_ranked_stays_and_is_named() -> None:
    rows = [row("When is high tide?", "a", 3), row("when is  HIGH tide?", "a", 1, "other")]
    assert dropped(Dedup(near=False), rows) == {0: "duplicate"}
    (verdict, _) = Dedup(near=False).judge(rows, [True, True])
    assert verdict.cause == rows[1].key and verdict.numbers["task"] == "other"


def test_one_query_with_two_documents_is_two_rows() -> None:
    assert dropped(Dedup(near=True), [row("q", "a", 1), row("q", "b", 2)]) == {}


def test_near_duplicates_of_query_and_document_count_only_when_asked() -> None:
    longer = f"{LONG} every day"
    rows = [row(LONG, "a", 1), row(longer, "a", 2), row("x", LONG, 1), row("x", longer, 2)]
    assert dropped(Dedup(near=False), rows) == {}
    assert dropped(Dedup(near=True), rows) == {1: "near_duplicate", 3: "near_duplicate"}


def test_what_another_rule_drops_neither_goes_nor_causes_others_to() -> None:
    rows = [row("q", "a", 1), row("q", "a", 2, "other")]
    assert dropped(Dedup(near=False), rows, gone={0}) == {}
    many = [row(f"q{i}", "a", i + 1) for i in range(3)]
    assert dropped(MaxPerPositive(2), many, gone={0}) == {}


def test_a_document_keeps_its_best_ranked_rows_in_each_task() -> None:
    rows = [row(f"q{i}", "a", 5 - i) for i in range(4)] + [row("q", "a", 9, "other")]
    assert dropped(MaxPerPositive(2), rows) == {0: "crowded_positive", 1: "crowded_positive"}


@given(
    st.lists(
        st.tuples(st.sampled_from("xyz"), st.sampled_from("ab"), st.integers(0, 9)), max_size=12
    )
)
def test_after_dedup_no_row_stands_twice_and_none_is_lost(named: list[tuple[str, str, int]]):
    rows = [row(query, document, rank, f"t{i}") for i, (query, document, rank) in enumerate(named)]
    found = dropped(Dedup(near=False), rows)
    kept = [named[place][:2] for place in range(len(rows)) if place not in found]
    assert sorted(kept) == sorted({one[:2] for one in named})
