from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kalm_data.api.build_shards import ShardsConfig, build_shards
from kalm_data.api.filter import FilterConfig, filter_positives
from kalm_data.api.imports import (
    ImportLabelsConfig,
    ImportPairsConfig,
    NamedLabelTask,
    NamedTask,
    import_labels,
    import_pairs,
    import_tasks,
)
from kalm_data.api.mine import MineConfig, mine
from kalm_data.api.status import status
from kalm_data.api.verify import verify
from kalm_data.core.errors import InputError
from kalm_data.workspace.database import Database

BANKING = Path(__file__).parents[3] / "shared/data/banking77"


@pytest.mark.skipif(not BANKING.is_dir(), reason="shared/data/banking77 is not there")
def test_the_intents_of_banking77_become_a_training_set(tmp_path: Path):
    workspace, task = tmp_path / "w", NamedLabelTask(task="intents", task_instruction="Same intent")
    counts = {}
    for split in ("test", "train"):
        config = ImportLabelsConfig(as_split=split)
        outcome = import_labels(workspace, [str(BANKING / f"{split}.jsonl.gz")], task, config)
        counts[split] = outcome.result.new_texts
    assert (outcome.run.planned, outcome.run.rejected) == (10003, {"duplicate": 4})
    assert outcome.result.classes == 77
    (state,) = status(workspace).tasks
    assert (state.type, state.examples) == ("classification", counts)
    built = build_shards(workspace, tmp_path / "out", [], ShardsConfig())
    assert (built.run.planned, built.run.rejected) == (counts["train"], {"protected_query": 1})
    verify(tmp_path / "out")
    labels: defaultdict[str, dict[str, str]] = defaultdict(dict)
    with Database(workspace).read() as connection:
        for split, text_hash, label in connection.execute(
            "SELECT split, text_hash, label FROM labels"
        ).fetchall():
            labels[split][text_hash] = label
    classes: Counter[int] = Counter()
    for row in pq.read_table(tmp_path / "out/intents", partitioning=None).to_pylist():
        own = labels["train"][row["pos_ids"][0]]
        others = [labels["train"][text_hash] for text_hash in row["neg_ids"]]
        assert row["pos"] != [row["query"]] and own not in others and not row["in_batch"]
        classes[len(set(others))] += 1
    assert classes == {7: built.result.rows}


def test_a_file_of_tasks_brings_labels_and_again_changes_nothing(tmp_path: Path):
    (tmp_path / "a.csv").write_text("text,label\na b,x\nc d,x\ne f,y\n")
    (tmp_path / "tasks.toml").write_text(
        '[[task]]\nname = "a"\ntype = "clustering"\n'
        'labels = [{ source = "a.csv", as_split = "train" }]\n'
    )
    for new in (3, 0):
        outcome = import_tasks(tmp_path / "w", tmp_path / "tasks.toml")
        assert (outcome.run.kept, outcome.result.imports[0].result.new_texts) == (3, new)
    with Database(tmp_path / "w").read() as connection:
        assert connection.execute("SELECT max(revision) FROM tasks").fetchall() == [(1,)]


def test_mine_and_filter_without_a_task_leave_labels_out(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    (tmp_path / "l.csv").write_text("text,label\nhigh tide,sea\nlow tide,sea\nrye bread,food\n")
    (tmp_path / "p.csv").write_text("query,positive\nwhen is high tide,tide tables\n")
    config = ImportLabelsConfig(as_split="train")
    import_labels(folder, [str(tmp_path / "l.csv")], NamedLabelTask(task="labels"), config)
    pairs = ImportPairsConfig(as_split="train")
    import_pairs(folder, [str(tmp_path / "p.csv")], NamedTask(task="pairs"), pairs)
    outcome = mine(folder, [], MineConfig(ranker="bm25", ranks="1-2"))
    assert "tasks of labels or scored pairs are left out: labels" in outcome.run.warnings
    assert [task.task for task in outcome.result.tasks] == ["pairs"]
    kept = filter_positives(folder, [], FilterConfig(top_k=1)).result
    assert [task.task for task in kept.tasks] == ["pairs"]
    with pytest.raises(InputError, match="has no ranks"):
        filter_positives(folder, ["labels"], FilterConfig(top_k=1))


def test_labels_are_mined_by_name_and_their_rows_name_ranker_rank_and_score(tmp_path: Path):
    folder, task = tmp_path / "w", "labels"
    (tmp_path / "l.csv").write_text(
        "text,label\nhigh tide,sea\nlow water,sea\ndeep water,sea\n"
        "high tea,food\nrye bread,food\ncold soup,food\n"
    )
    config = ImportLabelsConfig(as_split="train")
    import_labels(folder, [str(tmp_path / "l.csv")], NamedLabelTask(task=task), config)
    mined = mine(folder, [task], MineConfig(ranker="bm25", ranks="1-2", negatives=1))
    assert (mined.run.planned, mined.result.tasks[0].pool_size) == (6, 6)
    build_shards(folder, tmp_path / "out", [task], ShardsConfig())
    verify(tmp_path / "out")
    rows = {
        row["query"]: row
        for row in pq.read_table(tmp_path / "out/labels", partitioning=None).to_pylist()
    }
    row = rows["high tide"]
    assert (row["neg"], row["neg_ranks"]) == (["high tea"], [2])
    (ranker,), (score,) = row["neg_rankers"], row["neg_scores"]
    assert ranker.startswith("bm25@") and score > 0
    assert rows["rye bread"]["neg"] == []
