from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from datasets import load_dataset
from mined_world import (
    COUNT,
    MINE,
    TASK,
    WORLD,
    build,
    bytes_of,
    dig,
    document,
    example,
    fill,
    hash_of,
    rows,
    sift,
    text,
)

from kalm_data.core.config.shards import SetSettings
from kalm_data.core.errors import InputError, StaleMeasurement
from kalm_data.core.manifest import read_manifest
from kalm_data.core.records import Document, Example, Judgement, NearDuplicate, Text, example_id
from kalm_data.core.tasks import Task
from kalm_data.core.verification import verify_set
from kalm_data.workspace.database import Database
from kalm_data.workspace.shards import count_rows

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.records import Record


def test_a_row_holds_what_the_workspace_knows_of_its_example(database: Database, tmp_path: Path):
    result, run = build(dig(fill(database, WORLD)), tmp_path / "out")
    assert (result.rows, run.planned, run.kept) == (10, 10, 10)
    row = next(row for row in rows(tmp_path / "out") if row["query"] == "number 3 paper")
    assert sorted(row["pos"]) == sorted([text(3), text(13)])
    assert row["pos_scores"] == sorted(row["pos_scores"], reverse=True)
    assert [Text.of(text).text_hash for text in row["pos"]] == row["pos_ids"] == row["pos_groups"]
    titles = {text(3): "Title 3 > Setup", text(13): "Title 13 > Setup"}
    assert row["pos_titles"] == [titles[text] for text in row["pos"]]
    assert len(row["neg"]) == 3 and not set(row["neg"]) & set(row["pos"])
    assert row["neg_ranks"] == sorted(row["neg_ranks"]) and set(row["neg_ranks"]) <= {*range(1, 13)}
    assert len(set(row["neg_rankers"])) == 1 and row["neg_rankers"][0].startswith("dense:words@")
    assert (row["instruction"], row["in_batch"], row["language"]) == ("find it", True, "en")
    assert row["example_id"] == example_id("t", "number 3 paper")


def test_same_workspace_and_seed_give_the_same_bytes_in_any_order_on_any_number_of_threads(
    tmp_path: Path,
):
    outs = []
    for name, world, threads in (("a", WORLD, 1), ("b", WORLD[::-1], 3)):
        database = Database(tmp_path / name)
        build(dig(fill(database, world)), tmp_path / f"out-{name}", threads=threads)
        outs.append(bytes_of(tmp_path / f"out-{name}"))
    assert outs[0] == outs[1]
    assert str(tmp_path) not in (tmp_path / "out-a" / "manifest.json").read_text()
    build(database, tmp_path / "out-c", seed=1)
    assert Counter(row["query"] for row in rows(tmp_path / "out-c")) == Counter(
        row["query"] for row in rows(tmp_path / "out-a")
    )
    assert bytes_of(tmp_path / "out-c") != outs[0]


def test_parts_together_are_the_rows_of_one_part(database: Database, tmp_path: Path):
    dig(fill(database, WORLD))
    build(database, tmp_path / "one")
    result, _ = build(database, tmp_path / "many", rows_per_shard=4)
    assert result.files == 3
    assert [file.rows for file in read_manifest(tmp_path / "many").files] == [4, 4, 2]
    assert rows(tmp_path / "many") == rows(tmp_path / "one")


def test_datasets_loads_each_task_by_its_name(database: Database, tmp_path: Path):
    build(dig(fill(database, WORLD)), tmp_path / "out")
    cache = str(tmp_path / "cache")
    loaded = load_dataset(str(tmp_path / "out"), "t", split="train", cache_dir=cache)
    assert loaded.num_rows == 10
    assert loaded[0] == rows(tmp_path / "out")[0]


def test_a_later_decision_changes_positives_and_negatives_without_encoding(
    database: Database, tmp_path: Path
):
    build(dig(fill(database, WORLD)), tmp_path / "before")
    _, run = build(sift(database, 1), tmp_path / "after")
    after = rows(tmp_path / "after")
    assert all(len(row["pos"]) == 1 for row in after) and run.rejected.keys() <= {
        "no_positive_left"
    }
    assert run.planned == 10 == len(after) + run.rejected.get("no_positive_left", 0)
    dropped = {
        (row["query"], lost)
        for row in rows(tmp_path / "before")
        for kept in after
        if kept["query"] == row["query"]
        for lost in set(row["pos"]) - set(kept["pos"])
    }
    assert dropped and not dropped & {(row["query"], one) for row in after for one in row["neg"]}


def test_test_queries_and_their_documents_stay_out(database: Database, tmp_path: Path):
    world = [*WORLD[:-1], document(40, split="test"), example("only tested", [40], split="test")]
    build(dig(fill(database, world), MINE.model_copy(update={"ranks": "1-31"})), tmp_path / "out")
    seen = {text for row in rows(tmp_path / "out") for text in (row["query"], *row["neg"])}
    assert "only tested" not in seen and text(40) not in seen


def test_a_query_that_dev_or_test_of_any_task_asks_stays_out(database: Database, tmp_path: Path):
    held, asked = Text.of("Number 3  PAPER"), example_id("other", "Number 3  PAPER")
    other: list[Record] = [
        held, Example(asked, "other", held.text_hash, "", "en", "dev", "import", "", "", 0, "r"),
        Judgement(asked, hash_of(3), "positive", "import", "r"),
    ]  # fmt: skip
    _, run = build(dig(fill(database, [*WORLD, other])), tmp_path / "out")
    assert run.rejected == {"protected_query": 1}
    assert "number 3 paper" not in {row["query"] for row in rows(tmp_path / "out")}


def test_positives_held_out_or_retired_are_no_part_of_a_row(database: Database, tmp_path: Path):
    (gone,) = (row for row in document(41) if isinstance(row, Document))
    retired = replace(gone, revision=2, retired=True)
    world = [
        *WORLD, document(40, split="test"), document(41), [retired],
        example("some left", [4, 40, 41]), example("none left", [40]), example("all gone", [41]),
    ]  # fmt: skip
    result, run = build(dig(fill(database, world)), tmp_path / "out")
    (row,) = (row for row in rows(tmp_path / "out") if row["query"] == "some left")
    assert row["pos"] == [text(4)]
    assert run.rejected == {"positive_held_out": 1, "positive_not_in_pool": 1}
    left_out = {"positive_held_out": 1, "positive_not_in_pool": 1}
    assert result.tasks[0].parts_rejected == left_out
    assert "left out of rows that have others: positive_held_out 1" in run.warnings[-1]
    with database.read() as connection:
        parts = connection.execute(
            "SELECT reason FROM rejects WHERE stage = 'build-shards-part' ORDER BY 1"
        ).fetchall()
    assert parts == [("positive_held_out",), ("positive_not_in_pool",)]


def test_near_duplicates_and_chunks_of_one_file_are_one_group(database: Database, tmp_path: Path):
    pair = NearDuplicate(*sorted((hash_of(1), hash_of(2))), 0.9)
    parents = {3: "file", 2: "file", 15: "other"}
    world = [document(i, parents.get(i, "")) for i in range(COUNT)] + WORLD[COUNT:]
    build(dig(fill(database, [*world, [pair]])), tmp_path / "out")
    names = {
        text: group
        for row in rows(tmp_path / "out")
        for kind in ("pos", "neg")
        for text, group in zip(row[kind], row[f"{kind}_groups"], strict=True)
    }
    assert names[text(1)] == names[text(2)] == names[text(3)] == min(map(hash_of, (1, 2, 3)))
    assert names[text(15)] == hash_of(15)


def test_a_task_that_nobody_mined_has_the_negatives_that_came_with_it(
    database: Database, tmp_path: Path
):
    near = NearDuplicate(*sorted((hash_of(4), hash_of(20))), 0.9)
    world = [
        *WORLD[:COUNT],
        example("a query", [4], [7, 4, 20, 21]),
        example("nothing", []),
        [near],
    ]
    _, run = build(fill(database, world), tmp_path / "out")
    (row,) = rows(tmp_path / "out")
    assert sorted(row["neg"]) == sorted([text(7), text(21)])
    assert row["neg_rankers"] == ["given", "given"] and row["neg_ranks"] == [0, 0]
    assert row["pos_scores"] == [None] and row["neg_scores"] == [None, None]
    assert (run.planned, run.kept, run.rejected) == (2, 1, {"no_positive": 1})
    assert "nobody mined it" in run.warnings[0]


def test_a_pool_that_changed_after_mining_is_refused_with_the_command_that_mends_it(
    database: Database, tmp_path: Path
):
    build(dig(fill(database, WORLD)), tmp_path / "out")
    before = bytes_of(tmp_path / "out")
    fill(database, [document(50)])
    with pytest.raises(StaleMeasurement, match="kalm-data mine --task t"):
        build(database, tmp_path / "out")
    assert bytes_of(tmp_path / "out") == before


def test_verdicts_that_leave_new_positives_out_are_refused(database: Database, tmp_path: Path):
    sift(dig(fill(database, WORLD)), 50)
    build(database, tmp_path / "out")
    dig(fill(database, [example("number 3 again", [3])]))
    remedy = (
        r"1 positives are new.*`kalm-data mine --task t .*--ranks 1-12.*` and "
        r"`kalm-data filter --task t --top-k 50 --ranker dense:words`"
    )
    with pytest.raises(StaleMeasurement, match=remedy):
        build(database, tmp_path / "out")
    build(sift(database, 50), tmp_path / "out")


def test_verdicts_that_looked_at_what_others_kept_before_are_refused(
    database: Database, tmp_path: Path
):
    sift(sift(dig(fill(database, WORLD)), 50), None, dedup="exact")
    build(database, tmp_path / "out")
    sift(database, 1)
    with pytest.raises(StaleMeasurement, match=r"`kalm-data filter --task t --dedup exact`"):
        build(database, tmp_path / "out")
    build(sift(database, None, dedup="exact"), tmp_path / "out")


def test_an_older_set_is_replaced_and_anything_else_is_refused(database: Database, tmp_path: Path):
    dig(fill(database, WORLD))
    build(database, tmp_path / "out", rows_per_shard=2)
    build(database, tmp_path / "out")
    assert verify_set(tmp_path / "out", count_rows).rows == 10
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not ours"):
        build(database, tmp_path / "mine")


def test_nothing_left_to_write_is_an_error_and_no_set(database: Database, tmp_path: Path):
    fill(database, [document(1), example("nothing", [])])
    with pytest.raises(InputError, match="no example is left"):
        build(database, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_tasks_stand_side_by_side_in_order_of_name(database: Database, tmp_path: Path):
    empty = replace_task("empty")
    dig(fill(database, WORLD))
    result, _ = build(database, tmp_path / "out", tasks=[TASK, empty])
    assert [task.task for task in result.tasks] == ["t", "empty"]
    manifest = read_manifest(tmp_path / "out")
    assert [(entry.task.name, entry.rows) for entry in manifest.tasks] == [("empty", 0), ("t", 10)]
    assert manifest.tasks[1].task == TASK
    assert '"empty"' not in (tmp_path / "out" / "README.md").read_text()
    assert json.loads(manifest.tasks[1].sources["draw"])["ranks"] == "1-12"


def test_a_set_tells_the_settings_that_shape_it_and_no_others(database: Database, tmp_path: Path):
    dig(fill(database, WORLD))
    build(database, tmp_path / "out", dev_fraction=0.2, cap=7, min_negatives=2)
    told = read_manifest(tmp_path / "out").settings
    assert told is not None and told.keys() == {*SetSettings.model_fields} - {
        "seed",
        "memory_limit",
    }
    assert (told["dev_fraction"], told["cap"], told["rows"]) == (0.2, 7, None)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Built with `seed` 0, `cap` 7, `dev_fraction` 0.2; the other" in card


def replace_task(name: str) -> Task:
    return TASK.model_copy(update={"name": name})


KILLED = """
import os, sys
sys.path.insert(0, os.getcwd())
from pathlib import Path
from kalm_data.core.folders import published
with published(Path(sys.argv[1]), "manifest.json") as folder:
    (folder / "manifest.json").write_text("new")
    os._exit(9)
"""


def test_a_kill_before_the_rename_leaves_the_old_set_and_the_next_run_finishes(
    database: Database, tmp_path: Path
):
    dig(fill(database, WORLD))
    build(database, tmp_path / "out")
    before = bytes_of(tmp_path / "out")
    killed = [sys.executable, "-c", KILLED, str(tmp_path / "out")]
    assert subprocess.run(killed, check=False, env={**os.environ}).returncode == 9
    assert bytes_of(tmp_path / "out") == before
    build(database, tmp_path / "out")
    assert bytes_of(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "workspace"]
