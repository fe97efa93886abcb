from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalm_data.core.config.imports import ImportLabelsConfig, ImportPairsConfig, ImportStsConfig
from kalm_data.core.errors import InputError, RowError
from kalm_data.core.tasks import Task
from kalm_data.engines.readers.opening import open_source
from kalm_data.stages.import_labels import import_labels
from kalm_data.stages.import_pairs import import_pairs
from kalm_data.stages.import_sts import ImportStsResult, import_sts
from kalm_data.workspace.database import Database
from kalm_data.workspace.documents import DocumentStore
from kalm_data.workspace.labels import LabelStore
from kalm_data.workspace.runs import running
from kalm_data.workspace.scored_pairs import ScoredPairStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kalm_data.core.summary import RunSummary

ALL_TABLES = ("texts", "tasks", "scored_pairs", "near_duplicates", "documents", "rejects")
TASK = Task(name="stsb", type="sts")

Row = dict[str, object]


def run_import(
    database: Database, *sources: Path, task: Task = TASK, **given_settings: object
) -> tuple[ImportStsResult, RunSummary]:
    config = ImportStsConfig.model_validate(given_settings)
    with running(database, "import-sts", "{}") as run:
        opened = [open_source(str(source), "scored pairs", config.format) for source in sources]
        result = import_sts(ScoredPairStore(database), run, opened, task, config)
    return result, run.summary("ok")


def write(file: Path, rows: Sequence[Row]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def scored(*pairs: tuple[str, str, object], **more: object) -> list[Row]:
    return [
        {"sentence1": first, "sentence2": second, "score": score, **more}
        for first, second, score in pairs
    ]


def table(database: Database, query: str) -> list[tuple]:
    with database.read() as connection:
        return connection.execute(query).fetchall()


def everything(database: Database) -> dict[str, list[tuple]]:
    return {name: table(database, f"FROM {name} ORDER BY ALL") for name in ALL_TABLES}


def stored(database: Database) -> dict[tuple[str, str], tuple[float, str]]:
    """(score, split) by the two texts in the order given."""
    query = """
    SELECT a.text, b.text, score, split FROM scored_pairs
    JOIN texts a ON a.text_hash = first_hash JOIN texts b ON b.text_hash = second_hash
    """
    return {row[:2]: row[2:] for row in table(database, query)}


def test_importing_the_same_again_changes_nothing(database: Database, tmp_path: Path):
    pairs = [(f"text {i}", f"other {i}", i / 10) for i in range(9)]
    file = write(tmp_path / "a.jsonl", scored(*pairs))
    result, summary = run_import(database, file)
    assert (result.new_pairs, summary.kept) == (9, 9)
    before = everything(database)
    turned = write(tmp_path / "b.jsonl", scored(*((two, one, score) for one, two, score in pairs)))
    for again in (file, turned):
        result, summary = run_import(database, again)
        assert (result.new_pairs, result.known_pairs, summary.kept) == (0, 9, 9)
        assert everything(database) == before
    assert before["documents"] == []


def test_every_row_is_kept_or_rejected_with_a_reason(database: Database, tmp_path: Path):
    rows = scored(
        ("a b", "c d", 4), ("C  d", "a b", 4), ("a b", "c d", 3), ("a b", "A b", 5),
        ("", "c d", 1), ("?!", "c d", 1), ("e f", "c d", 5.5), ("e f", "g h", "x"),
        ("e f", "g h", None), ("e f", "g h", float("nan")), ("e f", "c d", 0),
    )  # fmt: skip
    file = write(tmp_path / "a.jsonl", rows)
    _, summary = run_import(database, file, as_split="train", scale="0-5")
    assert summary.rejected == {
        "conflicting_score": 1, "duplicate": 1, "empty_score": 1, "empty_text": 1, "no_words": 1,
        "not_number": 2, "out_of_scale": 1, "same_text": 1,
    }  # fmt: skip
    assert (summary.planned, summary.kept) == (11, 2)
    assert stored(database) == {("a b", "c d"): (0.8, "train"), ("e f", "c d"): (0, "train")}
    assert any("1 scores lie outside of 0-5" in line for line in summary.warnings)


def test_another_score_than_the_workspace_has_is_rejected(database: Database, tmp_path: Path):
    run_import(database, write(tmp_path / "a.jsonl", scored(("a b", "c", 0.5))), as_split="train")
    other = write(tmp_path / "b.jsonl", scored(("c", "A b", 0.6), ("c", "a b", 0.5)))
    _, summary = run_import(database, other, as_split="train")
    assert (summary.kept, summary.rejected) == (1, {"conflicting_score": 1})
    assert stored(database) == {("a b", "c"): (0.5, "train")}
    run_import(database, other, task=Task(name="other", type="sts"), as_split="train")
    assert len(stored(database)) == 2


def test_a_file_most_of_whose_scores_lie_outside_of_the_scale_is_refused(
    database: Database, tmp_path: Path
):
    rows = scored(("a b", "c", 4), ("a b", "d", 0.5), ("a b", "e", 3), ("a b", "f", "?"))
    file = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(InputError, match=r"2 of 3 scores lie outside of 0-1\. .*--scale 0-5"):
        run_import(database, file)
    assert stored(database) == {}
    run_import(database, file, scale="0-5")
    assert len(stored(database)) == 3


def test_all_kinds_of_files_are_read(database: Database, tmp_path: Path):
    rows = scored(("a b", "c d", 0.5), ("a b", "e f", 0.25))
    write(tmp_path / "a.jsonl", rows)
    (tmp_path / "a.json").write_text(json.dumps(rows))
    lines = [f"{row['sentence1']},{row['sentence2']},{row['score']}\n" for row in rows]
    text = "sentence1,sentence2,score\n" + "".join(lines)
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(text.replace(",", "\t").encode()))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.json", "a.csv", "a.tsv.gz", "a.parquet"):
        task = Task(name=name, type="sts")
        assert run_import(database, tmp_path / name, task=task)[0].new_pairs == 2
    found = table(database, "SELECT DISTINCT first_hash, second_hash, score FROM scored_pairs")
    assert len(found) == 2
    (tmp_path / "a.txt").write_text("a b")
    with pytest.raises(InputError, match="no format of scored pairs is known"):
        run_import(database, tmp_path / "a.txt")
    write(tmp_path / "corpus.jsonl", [{"_id": "1", "text": "a b"}])
    with pytest.raises(InputError, match="a BEIR folder has no scored pairs"):
        run_import(database, tmp_path)


def test_a_pair_given_to_test_anywhere_stays_out_of_train(database: Database, tmp_path: Path):
    rows = [*scored(("a b", "c", 1), split="train"), *scored(("c", "a b", 1), split="test")]
    file = write(tmp_path / "a.jsonl", rows)
    _, summary = run_import(database, file)
    assert stored(database) == {("a b", "c"): (1, "test")}
    assert summary.rejected == {"duplicate": 1}
    assert any("none of the task's pairs is for training" in line for line in summary.warnings)
    run_import(database, file, as_split="train")
    assert stored(database) == {("a b", "c"): (1, "test")}


def test_a_training_pair_that_comes_as_test_is_rejected(database: Database, tmp_path: Path):
    file = write(tmp_path / "a.jsonl", scored(("a b", "c", 1)))
    run_import(database, file, as_split="train")
    _, summary = run_import(database, file, as_split="test")
    assert (summary.kept, summary.rejected) == (0, {"in_training": 1})


def test_a_given_split_is_kept_where_pairs_of_several_share_a_text(
    database: Database, tmp_path: Path
):
    rows = [
        *scored(("a b", "c", 1), split="train"), *scored(("a b", "d", 1), split="test"),
        *scored(("a b", "e", 1)),
    ]  # fmt: skip
    result, _ = run_import(database, write(tmp_path / "a.jsonl", rows))
    splits = {second: split for (_, second), (_, split) in stored(database).items()}
    assert splits == {"c": "train", "d": "test", "e": "test"}
    assert result.cut_groups == 1


def test_no_text_has_a_copy_or_a_near_duplicate_in_another_split(
    database: Database, tmp_path: Path
):
    names = [
        f"number {i} of all cats sat on a mat{end}" for i in range(60) for end in ("", " today")
    ]  # a text and its near-duplicate lie side by side, and each four of them hang together
    pairs = [(names[i], names[i + 3], 0.5) for i in range(0, 120, 4)]
    pairs += [(names[i], names[i + 2], 0.5) for i in range(1, 120, 4)]
    file = write(tmp_path / "a.jsonl", scored(*pairs))
    result, _ = run_import(database, file, dev_fraction=0.3, test_fraction=0.3)
    assert result.cut_groups == 0 and set(result.splits) == {"train", "dev", "test"}
    splits: dict[str, set[str]] = {}
    for pair, (_, split) in stored(database).items():
        for name in pair:
            splits.setdefault(name.removesuffix(" today"), set()).add(split)
    assert all(len(found) == 1 for found in splits.values())


def test_pairs_that_hang_together_are_told(database: Database, tmp_path: Path):
    pairs = [(f"text {i}", f"text {i + 1}", 0.5) for i in range(30)]
    result, summary = run_import(database, write(tmp_path / "a.jsonl", scored(*pairs)))
    (split,) = result.splits
    assert summary.warnings == (
        f"30 of 30 new pairs hang together by the texts they share, and all are in {split}: a "
        'split is drawn for them as one. Name splits in a column "split", or with --as',
    )


def test_later_pairs_join_the_split_of_their_texts(database: Database, tmp_path: Path):
    run_import(database, write(tmp_path / "a.jsonl", scored(("a b", "c", 1))), as_split="test")
    for number in range(8):
        rows = scored((f"text {number}", "A  b", 0.5))
        run_import(database, write(tmp_path / "b.jsonl", rows))
    assert {split for _, split in stored(database).values()} == {"test"}


def test_the_order_of_rows_and_files_is_nothing_to_the_pairs(database: Database, tmp_path: Path):
    rows = scored(*((f"text {i % 20}", f"text {(7 * i + 3) % 23}", 0.5) for i in range(60)))
    one, two = write(tmp_path / "a.jsonl", rows[:30]), write(tmp_path / "b.jsonl", rows[30:])
    turned = Database(tmp_path / "turned")
    turned.create()
    run_import(database, one, two)
    run_import(turned, two, write(tmp_path / "c.jsonl", rows[:30][::-1]))

    def unordered(held: Database) -> dict[frozenset[str], tuple[float, str]]:
        return {frozenset(pair): found for pair, found in stored(held).items()}

    assert unordered(database) == unordered(turned)


def test_what_dev_and_test_pairs_ask_is_protected(database: Database, tmp_path: Path):
    rows = [*scored(("a b", "c", 1), split="test"), *scored(("d", "e", 1), split="train")]
    run_import(database, write(tmp_path / "a.jsonl", rows))
    asked = table(
        database,
        "SELECT t.text, q.split FROM asked_queries q JOIN texts t USING (norm_hash) ORDER BY ALL",
    )
    assert asked == [("a b", "test"), ("c", "test"), ("d", "train"), ("e", "train")]


def test_queries_labels_and_scored_pairs_do_not_share_a_task(database: Database, tmp_path: Path):
    pairs = write(tmp_path / "p.jsonl", [{"query": "q", "pos": "p"}])
    labels = write(tmp_path / "l.jsonl", [{"text": "t", "label": "x"}])
    sts = write(tmp_path / "s.jsonl", scored(("a b", "c", 1)))

    def bring_pairs(task: Task) -> None:
        with running(database, "import-pairs", "{}") as run:
            opened = [open_source(str(pairs), "pairs")]
            import_pairs(DocumentStore(database), run, opened, task, ImportPairsConfig())

    def bring_labels(task: Task) -> None:
        with running(database, "import-labels", "{}") as run:
            opened = [open_source(str(labels), "labels")]
            import_labels(LabelStore(database), run, opened, task, ImportLabelsConfig())

    with pytest.raises(
        InputError, match=r"task faq: a task of type retrieval has no scored pairs\. Give"
    ):
        run_import(database, sts, task=Task(name="faq"))
    bring_pairs(Task(name="faq"))
    with pytest.raises(InputError, match=r"it has queries\. Give the scored pairs a task of"):
        run_import(database, sts, task=Task(name="faq", type="sts"))
    run_import(database, sts)
    with pytest.raises(InputError, match=r"it has scored pairs\. Give the pairs a task of"):
        bring_pairs(TASK)
    with pytest.raises(InputError, match=r"it has scored pairs\. Give the labels a task of"):
        bring_labels(Task(name="stsb", type="clustering"))


def test_on_error_fail_stops_at_the_first_contradiction(database: Database, tmp_path: Path):
    file = write(tmp_path / "a.jsonl", scored(("a b", "c", 1), ("c", "a b", 0)))
    with pytest.raises(RowError, match=r"a\.jsonl:2: the pair has the score 1 at .*a\.jsonl:1"):
        run_import(database, file, on_error="fail")
    assert stored(database) == {}
