from __future__ import annotations

from kalm_data.core.eval_queries import JudgedQuery
from kalm_data.core.evaluation import EvalQuery, TrainingSet
from kalm_data.core.pool import Pool, PoolDocument, document_groups, make_pool
from kalm_data.core.records import text_hash
from kalm_data.core.slices import lexical_overlaps, query_groups, seen_in_training

PARENTS = {"one": "file", "two": "file", "copy of two": "", "far": "", "alone": ""}


def make() -> Pool:
    """`one` and `two` are siblings, `copy of two` a near-duplicate; `far` of a text elsewhere."""
    documents = [
        PoolDocument(
            text_hash(text), text, "", (), "", "test", frozenset([parent] if parent else [])
        )
        for text, parent in PARENTS.items()
    ]
    near = [("two", "copy of two"), ("far", "elsewhere")]
    return make_pool(documents, [(text_hash(a), text_hash(b)) for a, b in near], "")


POOL = make()
GROUPS = document_groups(POOL)


def judged(query: str, *answers: str) -> JudgedQuery:
    asked = EvalQuery(f"id of {query}", query, "", "", "import", "", 0, ())
    return JudgedQuery(asked, frozenset(POOL.index()[text_hash(answer)] for answer in answers))


def seen(answer: str, *trained: str) -> bool:
    training = TrainingSet("shards", frozenset(map(text_hash, trained)), frozenset())
    return seen_in_training([judged("q", answer)], POOL, GROUPS, training)[0]


def test_a_document_is_seen_with_any_of_its_group() -> None:
    """Through a sibling of a near-duplicate, and through a text of no pool."""
    assert seen("one", "one")
    assert seen("one", "copy of two")
    assert seen("far", "elsewhere")
    assert seen("alone", "alone")


def test_a_document_is_unseen_where_training_never_touched_its_group() -> None:
    assert not seen("one", "far", "alone")
    assert not seen("alone", "one", "two")
    assert not seen("far")


def test_queries_whose_answers_share_a_group_are_one_group() -> None:
    queries = [
        judged("a", "one"),
        judged("b", "copy of two"),
        judged("c", "far"),
        judged("d", "alone"),
        judged("e", "far", "alone"),
    ]
    found = query_groups(queries, POOL, GROUPS)
    assert found[0] == found[1]
    assert found[2] == found[3] == found[4]
    assert len(set(found)) == 2


def test_overlap_is_the_share_of_query_words_in_the_best_answer() -> None:
    texts = ["red green blue"] * len(POOL)
    queries = [
        judged("red sky over Rome", "one"),
        judged("Red sun", "one"),
        judged("red, GREEN", "one"),
        judged("red green sky", "one"),
    ]
    assert lexical_overlaps(queries, texts) == ["low", "middle", "high", "high"]


def test_overlap_counts_the_answer_that_shares_most() -> None:
    texts = [document.text for document in POOL.documents()]
    assert lexical_overlaps([judged("copy of it", "alone", "copy of two")], texts) == ["high"]
