from __future__ import annotations

import json

import pytest

from kalm_data.core.eval_queries import Barred, JudgedQuery, TurnedAway, select_queries
from kalm_data.core.evaluation import EvalQuery
from kalm_data.core.pool import Pool, PoolDocument, make_pool
from kalm_data.core.records import Text, example_id, text_hash

TEXTS = ["posix path joins", "nt path joins", "a stone", "how do I wash a cat? With water."]


def make(texts: list[str], near: list[tuple[str, str]]) -> Pool:
    documents = [
        PoolDocument(text_hash(text), text, "", (), "en", "train", frozenset()) for text in texts
    ]
    return make_pool(documents, [(text_hash(a), text_hash(b)) for a, b in near], "")


def ask(query: str, *positives: str) -> EvalQuery:
    hashes = tuple(sorted(map(text_hash, positives)))
    return EvalQuery(example_id("t", query), query, "", "en", "import", "f.jsonl", 3, hashes)


POOL = make(TEXTS, [(TEXTS[0], TEXTS[1]), ("gone: posix path joins", TEXTS[0])])
BARRED = Barred(
    trained=frozenset([Text.of("where is  it").norm_hash]),
    shown=frozenset([Text.of("an example of style").norm_hash]),
)


def select(
    *queries: EvalQuery, barred: Barred = BARRED, verbatim_words: int = 1
) -> tuple[list[JudgedQuery], list[TurnedAway]]:
    texts = [document.text for document in POOL.documents()]
    return select_queries(queries, POOL, texts, barred, verbatim_words)


def relevant(query: EvalQuery) -> set[str]:
    fit, _ = select(query)
    return {[*POOL.documents()][place].text for place in fit[0].relevant}


def test_near_duplicates_of_a_positive_are_relevant_too() -> None:
    assert relevant(ask("which one", TEXTS[0])) == {TEXTS[0], TEXTS[1]}
    assert relevant(ask("which one", TEXTS[0], TEXTS[2])) == set(TEXTS[:3])


def test_a_positive_that_was_revised_lives_on_in_its_near_duplicate() -> None:
    assert relevant(ask("which one", "gone: posix path joins")) == {TEXTS[0]}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (ask("¿?", TEXTS[0]), "no_words"),
        (ask("anything"), "no_positive"),
        (ask("anything", "not in the pool"), "gold_not_in_pool"),
        (ask("Where is it", TEXTS[0]), "in_training"),
        (ask("An example of  style", TEXTS[0]), "shown_to_model"),
        (ask("How do i WASH a cat", TEXTS[0]), "verbatim_in_pool"),
    ],
)
def test_an_unfit_query_is_turned_away_with_its_reason(query: EvalQuery, reason: str) -> None:
    fit, turned_away = select(query)
    assert (fit, [one.reason for one in turned_away]) == ([], [reason])


def test_a_verbatim_query_names_the_document_that_holds_it() -> None:
    _, (turned_away,) = select(ask("wash a cat", TEXTS[0]))
    assert json.loads(turned_away.numbers) == {"document": text_hash(TEXTS[3])}


def test_short_queries_can_be_spared_the_verbatim_rule() -> None:
    fit, turned_away = select(ask("cat", TEXTS[3]), ask("wash a cat", TEXTS[3]), verbatim_words=2)
    assert [judged.query.query for judged in fit] == ["cat"]
    assert [one.reason for one in turned_away] == ["verbatim_in_pool"]


def test_every_query_is_either_fit_or_turned_away_in_the_order_given() -> None:
    queries = [ask(f"q{i}", TEXTS[0], *(["x"] * (i % 2))) for i in range(6)] + [ask("no gold")]
    fit, turned_away = select(*queries, barred=Barred(frozenset()))
    assert [*(one.query for one in fit), *(one.query for one in turned_away)] == queries
