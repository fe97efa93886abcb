from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_pools import (
    PLACES,
    TEXTS,
    ask,
    ask_at,
    by_place,
    pool_of,
    rank_one,
    ranks_by_definition,
)

from kalm_data.core.errors import InputError
from kalm_data.core.records import example_id, text_hash
from kalm_data.core.trec_run import TrecRun, read_run
from kalm_data.measures.rankers.run_file import RunRanker

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.measures.ranking import RankedPool

QUERY = example_id("t", "q")


def listed(folder: Path, *hits: str, query: str = QUERY) -> TrecRun:
    """A run of `document score` hits, read from a file."""
    file = folder / "other.trec"
    lines = (f"{query} Q0 {hit.split()[0]} 1 {hit.split()[1]} tag\n" for hit in hits)
    file.write_text("".join(lines))
    return read_run(file)


def texts_of(over: RankedPool, ranked_keys: list[int]) -> list[str]:
    known = dict(zip(over.keys.tolist(), over.pool.documents(), strict=True))
    return [known[key].text for key in ranked_keys]


@settings(max_examples=150, deadline=None)
@given(TEXTS, PLACES, st.data())
def test_ranks_and_hits_are_those_of_the_listed_scores(
    texts: list[str], places: list[int], data: st.DataObject
) -> None:
    over = pool_of(texts, [(texts[0], texts[1])])
    asked = ask_at(over, "q", places)
    place, score = st.integers(0, len(texts) - 1), st.sampled_from([-1.5, 0.0, 2.0, 3.0])
    scores = data.draw(st.dictionaries(place, score, min_size=1))
    text_hashes = over.pool.text_hashes
    lists = {QUERY: {text_hashes[place]: score for place, score in scores.items()}}
    depth = data.draw(st.integers(1, 20))
    ranked = rank_one(RunRanker(TrecRun("r", "1", lists), {}, over, depth), asked)
    best = sorted(scores, key=lambda place: (-scores[place], place))[:depth]
    assert over.positions(ranked.hits).tolist() == best
    positives, barred = over.places(asked[0]), asked[1].places
    assert by_place(over, ranked) == ranks_by_definition(scores, positives, barred, len(texts))


def test_documents_are_known_by_id_or_by_text_hash_and_twice_named_count_best(
    tmp_path: Path,
) -> None:
    over = pool_of(["one", "two", "three"])
    names = {"d1": text_hash("one"), "d1b": text_hash("one"), "d2": text_hash("two")}
    run = listed(tmp_path, "d1 1", f"{text_hash('three')} 2", "d2 3", "d1b 4", "elsewhere 9")
    ranked = rank_one(RunRanker(run, names, over, 10), ask(over, "q", ["three"]))
    assert texts_of(over, ranked.hits.keys.tolist()) == ["one", "two", "three"]
    assert ranked.hits.scores.tolist() == [4, 3, 2]
    assert [at.rank for at in ranked.measured.values()] == [3]


def test_another_file_or_other_names_are_another_ranker(tmp_path: Path) -> None:
    over, names = pool_of(["one", "two"]), {"d1": text_hash("one")}
    run = listed(tmp_path, "d1 1")
    ids = {
        RunRanker(run, names, over, 10).id,
        RunRanker(run, {"d1": text_hash("two")}, over, 10).id,
        RunRanker(listed(tmp_path, "d1 2"), names, over, 10).id,
    }
    assert len(ids) == 3 and all(id_.startswith("run:other.trec@") for id_ in ids)


def test_an_unknown_query_is_an_error_that_says_how_queries_are_named(tmp_path: Path) -> None:
    over = pool_of(["one"])
    run = listed(tmp_path, "d1 1", query="q1")
    ranker = RunRanker(run, {"d1": text_hash("one")}, over, 10)
    with pytest.raises(InputError, match=f"other.trec: no line for the example {QUERY}.*by ex"):
        rank_one(ranker, ask(over, "q", ["one"]))


def test_unknown_documents_only_are_an_error_that_says_how_documents_are_named(
    tmp_path: Path,
) -> None:
    over = pool_of(["one"])
    ranker = RunRanker(listed(tmp_path, "x 1", "y 2"), {}, over, 10)
    with pytest.raises(InputError, match=r"none of the documents .* pool of task t.* text hash"):
        rank_one(ranker, ask(over, "q", ["one"]))
