from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from mined_world import TASK, WORLD, build, dig, document, example, fill, hash_of, rows, sift

from kalm_data.api.explain import explain
from kalm_data.api.rejects import restore
from kalm_data.core.config.filter import FilterConfig
from kalm_data.core.errors import InputError, StaleMeasurement
from kalm_data.core.records import Reject, TaskRow, example_id
from kalm_data.stages.filter import Given, filter_positives
from kalm_data.workspace.rankings import RankingStore
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.explanation import ExplainedPositive
    from kalm_data.workspace.database import Database

ID = example_id("t", "number 0 river")
DECLARED = [TaskRow("t", 1, TASK.model_dump_json(), "r")]


@pytest.fixture
def world(database: Database) -> Database:
    """Mined and filtered: of the two positives of each example those that rank second are out."""
    return sift(dig(fill(database, [*WORLD, DECLARED])), top_k=1)


def dropped(world: Database, id_: str = ID) -> list[ExplainedPositive]:
    return [one for one in explain(world.folder, id_).example.positives if not one.stands]


def key_of(positive: ExplainedPositive) -> str:
    return f"{ID}:{positive.document.text_hash}"


def in_rows(world: Database, out: Path) -> set[tuple[str, str]]:
    build(world, out)
    return {(row["example_id"], one) for row in rows(out) for one in row["pos_ids"]}


def test_a_restored_positive_is_trained_on_and_explain_says_who_kept_it(
    world: Database, tmp_path: Path
) -> None:
    (positive,) = dropped(world)
    pair = ID, positive.document.text_hash
    assert pair not in in_rows(world, tmp_path / "before")
    outcome = restore(world.folder, key_of(positive), "a person read it")
    assert outcome.result.overruled == {"top-k": "rank"}
    assert (outcome.run.planned, outcome.run.kept) == (1, 1)
    assert pair in in_rows(world, tmp_path / "after")
    found = {one.document.text_hash: one for one in explain(world.folder, ID).example.positives}
    by_rule = {one.rule: one for one in found[pair[1]].decisions}
    assert found[pair[1]].stands and by_rule["top-k"].overruled
    assert by_rule["by-hand"].numbers["note"] == "a person read it"
    assert by_rule["by-hand"].run_id == outcome.run.run_id


def test_a_rule_that_runs_again_does_not_drop_it_nor_count_it(world: Database) -> None:
    (positive,) = dropped(world)
    restore(world.folder, ID, "good")
    with running(world, "filter", "{}") as run:
        result = filter_positives(RankingStore(world), run, [TASK], FilterConfig(top_k=1), Given())
    summary = run.summary("ok")
    assert dropped(world) == []
    told = explain(world.folder, key_of(positive)).example.positives
    rank = {one.document.text_hash: one.ranks[0].rank for one in told}
    again = [one for one in told[0].decisions + told[1].decisions if one.run_id == run.run_id]
    assert sorted(one.verdict for one in again) == ["drop", "keep"]  # what the rule says is kept
    assert max(rank.values()) > 1
    assert result.tasks[0].kept == summary.kept == summary.planned - summary.rejected["rank"]


def test_restoring_a_second_one_keeps_the_first_and_reset_drops_both_again(
    world: Database,
) -> None:
    other = next(
        one.example_id for one in RankingStore(world).mining_examples("t")
        if one.example_id != ID and dropped(world, one.example_id)
    )  # fmt: skip
    restore(world.folder, ID, "first")
    restore(world.folder, other, "second")
    assert dropped(world) == dropped(world, other) == []
    with running(world, "filter", "{}") as run:
        filter_positives(RankingStore(world), run, [TASK], FilterConfig(reset="by-hand"), Given())
    assert len(dropped(world)) == len(dropped(world, other)) == 1
    assert run.summary("ok").warnings == ()


def test_what_dedup_looked_at_is_stale_when_a_row_comes_back(
    world: Database, tmp_path: Path
) -> None:
    sift(world, None, dedup="exact")
    restore(world.folder, ID, "good")
    with pytest.raises(StaleMeasurement, match="rule dedup is stale"):
        build(world, tmp_path / "set")
    sift(world, None, dedup="exact")
    build(world, tmp_path / "set")


def test_what_filter_did_not_decide_is_refused_with_the_reason(world: Database) -> None:
    with running(world, "import", "{}") as run:
        run.plan(1)
        run.reject([Reject(run.run_id, "import", "no_words", "k9", "{}", "q.csv", 9, "?!")])
    with pytest.raises(InputError, match=r"^k9: run 0004-import turned it away .* mend the source"):
        restore(world.folder, "k9", "please")
    with pytest.raises(InputError, match=r"a document\. Name the example"):
        restore(world.folder, "docs/d3", "please")
    with pytest.raises(InputError, match=r"^nowhere: .*--restore takes the key of a reject"):
        restore(world.folder, "nowhere", "please")
    standing = next(one for one in explain(world.folder, ID).example.positives if one.stands)
    with pytest.raises(InputError, match="no rule in force drops a positive of it"):
        restore(world.folder, key_of(standing), "please")
    restore(world.folder, ID, "once")
    with pytest.raises(InputError, match="kept by hand already"):
        restore(world.folder, ID, "twice")
    with pytest.raises(InputError, match="restored without a reason"):
        restore(world.folder, ID, "  ")


def test_several_dropped_positives_are_named(database: Database) -> None:
    parts = [*(document(i) for i in range(12)), example("number 1 stone", [8, 9]), DECLARED]
    world = sift(dig(fill(database, parts)), top_k=1)
    id_ = example_id("t", "number 1 stone")
    keys = [f"{id_}:{one.document.text_hash}" for one in dropped(world, id_)]
    assert len(keys) > 1
    with pytest.raises(InputError) as raised:
        restore(world.folder, id_, "which")
    assert all(key in str(raised.value) for key in keys)
    restore(world.folder, keys[0], "this")
    assert {f"{id_}:{one.document.text_hash}" for one in dropped(world, id_)} == {*keys[1:]}


def test_the_same_restoration_leaves_the_same_settings(world: Database, tmp_path: Path) -> None:
    """What a set tells of its rules must not depend on when, or with which note."""
    restore(world.folder, ID, "a note")
    store = RankingStore(world)
    told = json.loads(store.rule_settings("t")["by-hand"])
    assert told["positives"] == 1 and set(told) == {"positives", "digest"}
    assert hash_of(0) not in json.dumps(told)
