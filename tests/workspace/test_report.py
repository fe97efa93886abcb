"""The figures of a report, each against a plain recomputation from the tables."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from mined_world import TASK
from reported_world import query, reported_world

from kalm_data.core.records import Document, Reject, Text, example_id
from kalm_data.measures.rank_curves import rank_curve
from kalm_data.workspace.report import ReportStore
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from kalm_data.workspace.database import Database


@pytest.fixture
def store(database: Database) -> ReportStore:
    return ReportStore(reported_world(database), [TASK], 0)


def rows(database: Database, question: str) -> list[tuple]:
    with database.read() as connection:
        return connection.execute(question).fetchall()


def test_a_curve_is_the_share_of_ranks_and_its_k_is_that_of_the_rule(
    store: ReportStore, database: Database
) -> None:
    ((name, k),) = store.top_k().items()
    (found,) = store.positives()
    curve = rank_curve(found, k)
    ranks = [rank for (rank,) in rows(database, "SELECT rank FROM rankings")]
    assert (found.task, found.ranker) == name and curve.positives == len(ranks) == 31
    for limit, share in curve.points:
        assert share == pytest.approx(sum(rank <= limit for rank in ranks) / len(ranks), abs=1e-6)
    kept = rows(database, "SELECT count(*) FROM current_verdicts WHERE rule = 'top-k' AND "
                "verdict = 'keep'")  # fmt: skip
    assert round(curve.k_share * len(ranks)) == kept[0][0]


def test_sizes_count_what_stands(store: ReportStore, database: Database) -> None:
    dropped = set(rows(database, "SELECT example_id, text_hash FROM current_drops"))
    positives = rows(database, "SELECT example_id, text_hash FROM judgements JOIN examples "
                     "USING (example_id) WHERE label = 'positive' AND split = 'train'")  # fmt: skip
    kept = [one for one in positives if one not in dropped]
    drawn = rows(database, "SELECT example_id, text_hash, score, positive_score FROM judgements "
                 "WHERE origin = 'miner'")  # fmt: skip
    standing = {example for example, _ in kept}
    of_standing = [one for one in drawn if one[0] in standing]
    (size,) = store.sizes()
    assert (size.documents, size.train, size.test) == (60, 31, 1)
    assert (size.positives, size.kept, size.answered) == (31, len(kept), len(standing))
    assert size.negatives == len(of_standing) < len(drawn)
    assert size.with_negatives == len({one[0] for one in of_standing})
    found = store.negatives(3)
    assert sorted(found.measured[0].scores.tolist()) == sorted(one[2] for one in of_standing)
    nearest = sorted((one[3] - one[2]) / max(abs(one[3]), 1e-9) for one in of_standing)[:3]
    assert nearest == pytest.approx([
        (one.positive_score - one.score) / max(abs(one.positive_score), 1e-9)
        for one in found.suspects
    ])  # fmt: skip
    owned = {text_hash for _, text_hash in [*positives, (0, Text.of("x").text_hash)]}
    assert found.elsewhere[0].elsewhere == sum(
        one[1] in owned | {_held_out(database)} for one in of_standing
    )


def _held_out(database: Database) -> str:
    """The positive of the test query."""
    ((text_hash,),) = rows(database, "SELECT text_hash FROM judgements JOIN examples "
                           "USING (example_id) WHERE split = 'test'")  # fmt: skip
    return str(text_hash)


def test_what_two_runs_turned_away_counts_once_for_the_latest_reason(
    store: ReportStore, database: Database
) -> None:
    first = Counter({one.reason: one.count for one in store.reasons(_names(store))})
    with running(database, "synth", json.dumps({"tasks": ["t"]})) as run:
        run.plan(1)
        source, line, text = rows(
            database, "SELECT source, line, text FROM rejects WHERE stage = 'synth' AND key = '0'"
        )[0]
        run.reject([Reject(run.run_id, "synth", "too_long", "0", "{}", source, line, text)])
    then = Counter({one.reason: one.count for one in store.reasons(_names(store))})
    assert then - first == {"too_long": 1}
    assert first - then == {"too_short": 1}


def _names(store: ReportStore) -> list[str]:
    return [run.run_id for run in store.runs()]


def test_runs_of_other_tasks_are_left_out(store: ReportStore, database: Database) -> None:
    before = _names(store)
    for told in ({"task": "other"}, {"tasks": ["other"]}, {"task": {"task": "other"}}):
        with running(database, "mine", json.dumps(told)):
            pass
    assert _names(store) == before
    with running(database, "mine", json.dumps({"tasks": []})):
        pass
    assert len(_names(store)) == len(before) + 1


def test_tokens_and_failed_requests_are_those_of_the_run(store: ReportStore) -> None:
    (synth,) = [run for run in store.runs() if run.command == "synth"]
    assert (synth.requests, synth.failed_requests) == (40, 10)
    assert (synth.tokens_in, synth.tokens_out) == (4000, 400)


def test_coverage_counts_replies_and_the_queries_they_became(store: ReportStore) -> None:
    kinds = {one.name: (one.asked, one.accepted) for one in store.coverage().kinds}
    assert kinds == {"keywords": (10, 7), "summary<b>": (20, 15)}  # of 40, 10 failed; 30 asked


def test_a_query_that_test_asks_too_is_told(store: ReportStore) -> None:
    (found,) = store.repeats()
    assert (found.within, found.held_out, found.examples) == (0, 1, (query(30),))


def test_every_reason_has_its_share_of_the_sample(store: ReportStore) -> None:
    sample = store.sample(_names(store), 6, 100)
    rejected = [row for row in sample if row.state == "rejected"]
    assert {row.why.partition(":")[0] for row in rejected} == {"too_short", "rank"}
    assert len(rejected) <= 6 and all(len(text.text) <= 100 for row in sample for text in row.texts)
    kept = [row for row in sample if row.state == "kept"]
    assert len({row.example_id for row in kept}) == 6


def test_samples_depend_on_the_seed_and_not_on_the_order_of_rows(
    store: ReportStore, database: Database
) -> None:
    first = store.documents(TASK, 5)
    again = Document(
        "docs", "later", 1, Text.of("one more").text_hash, "", (), "", 0, "", "", "", "", "{}",
        "train", False, "r",
    )  # fmt: skip
    with running(database, "import", "{}") as run:
        run.append([Text.of("one more"), again])
    assert [one for one in store.documents(TASK, 6) if one.text != "one more"][:5] == first
    assert ReportStore(database, [TASK], 1).documents(TASK, 5) != first


def test_matches_are_shown_with_what_they_repeat(store: ReportStore) -> None:
    found = store.contamination(5)
    assert found.checked and found.counts == {"query, overlap": 1}
    (match,) = found.matches
    assert match.query == query(1) and match.share == 0.75 and match.cause.endswith(":1")


def test_hits_come_with_the_lowest_positive_that_stands(
    store: ReportStore, database: Database
) -> None:
    found = {one.example_id: one for one in store.hits("t", 100, 5)}
    assert len(found) == 31 and all(len(one.keys) == 5 for one in found.values())
    dropped = {row[0] for row in rows(database, "SELECT example_id FROM current_drops")}
    assert {one.example_id for one in found.values() if one.lowest is None} == dropped
    assert found[example_id("t", query(0))].positives.tolist() != []
