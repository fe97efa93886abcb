from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.mining import Measured
from kalm_data.core.records import (
    Decision,
    Example,
    Head,
    HitList,
    Judgement,
    Ranking,
    Record,
    Text,
)
from kalm_data.workspace.rankings import RankingStore
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.records import Label, Origin, Split, Verdict
    from kalm_data.workspace.database import Database

QUERY = Text.of("q")


def example(id_: str, split: Split = "train") -> Example:
    return Example(id_, "t", QUERY.text_hash, "i", "", split, "import", "", "s", 1, "r")


def judged(id_: str, text_hash: str, label: Label, origin: Origin = "import") -> Judgement:
    return Judgement(id_, text_hash, label, origin, "r")


def decided(rule: str, text_hash: str, verdict: Verdict, run_id: str) -> Decision:
    return Decision("t", rule, "e", text_hash, verdict, "", "{}", "", run_id)


def store(database: Database, rows: Sequence[Record]) -> RankingStore:
    with running(database, "import", "{}") as run:
        run.append([QUERY, *rows])
    return RankingStore(database)


def test_examples_to_mine_are_those_of_train_with_a_positive(database: Database) -> None:
    rows = [
        *(example(id_) for id_ in "bac"),
        example("d", "test"),
        *(judged(id_, "p", "positive") for id_ in "bad"),
        judged("a", "p", "positive", "llm"),
        judged("a", "n", "negative"),
        judged("a", "p", "negative"),  # somebody disagrees: a positive all the same
        judged("a", "m", "negative", "miner"),
        judged("c", "n", "negative"),
    ]
    first, second = store(database, rows).mining_examples("t")
    assert (first.example_id, first.query, first.instruction) == ("a", "q", "i")
    assert (first.positives, first.negatives) == (("p",), ("n",))
    assert (second.example_id, second.positives, second.negatives) == ("b", ("p",), ())


def test_rankings_and_hits_come_back_for_a_range_of_ids(database: Database) -> None:
    hits = {
        id_: (np.arange(size, dtype=np.uint64), np.arange(size) / 8)
        for id_, size in (("a", 3), ("b", 0), ("c", 2), ("d", 1))
    }
    rows: list[Record] = [HitList(id_, "x", "h", "d", *both, "r") for id_, both in hits.items()]
    rows += [Ranking(id_, "p", "x", "b", 9, "d", 4, 0.5, False, "r") for id_ in hits]
    reader = store(database, rows)
    assert reader.measured("x", "b", "b", "c") == {
        (id_, "d"): {"p": Measured(4, 0.5, False)} for id_ in "bc"
    }
    found = reader.hits("x", "h", "a", "c")
    assert sorted(id_ for id_, _ in found) == ["a", "b", "c"]
    for (id_, _), read in found.items():
        assert read.keys.tolist() == hits[id_][0].tolist()
        assert read.scores.tolist() == hits[id_][1].tolist()
    assert reader.hits("x", "other", "a", "d") == reader.measured("y", "b", "a", "d") == {}


def test_verdicts_of_different_rules_combine_and_later_heads_win(database: Database) -> None:
    rows = [
        decided("k", "p1", "drop", "old"),
        decided("k", "p2", "drop", "new"),
        decided("k", "p3", "keep", "new"),
        decided("dup", "p3", "drop", "x"),
        decided("gone", "p4", "drop", "y"),
        Head("rule", "t", "k", 1, "", "", "old"),
        Head("rule", "t", "k", 2, "", "", "new"),
        Head("rule", "t", "dup", 3, "", "", "x"),
        Head("rule", "t", "gone", 4, "", "", "y"),
        Head("rule", "t", "gone", 5, "", "", ""),
    ]
    assert store(database, rows).dropped("t") == {("e", "p2"), ("e", "p3")}
