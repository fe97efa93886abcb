from __future__ import annotations

from dataclasses import replace

from kalm_data.core.exports.beir import (
    AskedQuery,
    count_losses,
    document_ids,
    qrels_lines,
    query_lines,
    refusal,
    with_stand_ins,
)
from kalm_data.core.pool import Pool, PoolDocument, make_pool
from kalm_data.core.records import text_hash

ONE, TWO, COPY = text_hash("one"), text_hash("two"), text_hash("ONE")


def pool_of(*texts: str) -> Pool:
    near = [(ONE, COPY)] if "ONE" in texts else []
    documents = [
        PoolDocument(text_hash(text), text, "", (), "", "train", frozenset()) for text in texts
    ]
    return make_pool(documents, near, "")


def asked(*positives: str, negatives: tuple[str, ...] = (), instruction: str = "") -> AskedQuery:
    return AskedQuery("e" * 32, "q", instruction, "", "test", "a", 1, positives, negatives)


def test_documents_are_named_by_their_id_where_a_run_can_name_it() -> None:
    ids = document_ids(pool_of("one", "two"), {"d2": ONE, "d1": ONE, "a b": TWO})
    assert ids == {ONE: "d1", TWO: TWO}


def test_no_id_is_the_hash_of_another_document() -> None:
    ids = document_ids(pool_of("one", "two"), {TWO: ONE, "d2": TWO})
    assert ids == {ONE: ONE, TWO: "d2"}
    assert document_ids(pool_of("one"), {ONE: ONE}) == {ONE: ONE}


def test_a_query_without_a_relevant_document_in_the_pool_is_refused() -> None:
    ids = {ONE: "d1"}
    assert refusal(asked(), ids) == "no_positive"
    assert refusal(asked(TWO), ids) == "gold_not_in_pool"
    assert refusal(asked(TWO, ONE), ids) == ""


def test_qrels_hold_positives_and_judged_negatives_of_the_pool() -> None:
    lines = list(qrels_lines([asked(ONE, negatives=(TWO, COPY))], {ONE: "d1", TWO: "d2"}))
    assert [tuple(line.values()) for line in lines] == [("e" * 32, "d1", 1), ("e" * 32, "d2", 0)]


def test_all_queries_have_an_instruction_or_none() -> None:
    two = [asked(ONE), asked(ONE, instruction="Look.")]
    told = [line["metadata"] for line in query_lines(two, "")]
    assert told == [{"instruction": ""}, {"instruction": "Look."}]
    assert [line["metadata"] for line in query_lines([asked(ONE)], "Find.")] == [
        {"instruction": "Find."}
    ]
    assert [list(line) for line in query_lines([asked(ONE)], "")] == [["_id", "text"]]


def test_copies_of_a_relevant_document_are_told() -> None:
    pool = pool_of("one", "two", "ONE")
    ids = document_ids(pool, {"d1": ONE, "d2": TWO, "d3": COPY})
    lost = count_losses(pool, [asked(ONE), asked(ONE, COPY), asked(TWO)], ids, {"d1": ONE})
    assert (lost["copies"], lost["renamed"]) == (1, 2)


def test_a_near_duplicate_stands_in_for_a_positive_whose_document_changed() -> None:
    pool = pool_of("one", "two", "ONE")
    gone = asked("gone", negatives=(COPY,))
    assert with_stand_ins(gone, pool) == gone
    near = replace(pool, alike={"gone": (pool.text_hashes.index(COPY),)})
    found = with_stand_ins(gone, near)
    assert set(found.positives) == {"gone", COPY} and found.negatives == ()
    assert refusal(found, {COPY: "d3"}) == ""
