"""What is held for dev is in no training row: not of labels, and not of scored pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from mined_world import TASK, build, fill

from kalm_data.core.near_duplicates import near_duplicates
from kalm_data.core.records import (
    Document,
    Example,
    Judgement,
    LabelledText,
    ScoredPair,
    Text,
    example_id,
)
from kalm_data.core.tasks import Task

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.records import Record, Split
    from kalm_data.workspace.database import Database

COUNT = 20
LABELS = Task(name="labels", type="classification")
SCORES = Task(name="scores", type="sts")


def long_text(i: int) -> str:
    return " ".join(f"word{40 * i + k}" for k in range(20))


def nearly(i: int) -> str:
    """No document, but nearly one."""
    return f"{long_text(i)} and more"


def document(i: int, split: Split = "train") -> list[Record]:
    known = Text.of(long_text(i))
    row = Document("docs", f"d{i}", 1, known.text_hash, "", (), "", i, "", "", "", "", "{}",
                   split, False, "r")  # fmt: skip
    id_ = example_id("t", f"query {i}")
    asked = Text.of(f"query {i}")
    return [
        known, row, asked,
        Example(id_, "t", asked.text_hash, "", "en", split, "import", "", "q.jsonl", i, "r"),
        Judgement(id_, known.text_hash, "positive", "import", "r"),
    ]  # fmt: skip


def labelled(words: str, label: str) -> list[Record]:
    known = Text.of(words)
    return [known, LabelledText("labels", known.text_hash, label, "en", "train", "l", 1, "r")]


def scored(first: str, second: str) -> list[Record]:
    one, other = Text.of(first), Text.of(second)
    hashes = one.text_hash, other.text_hash
    return [one, other, ScoredPair("scores", *hashes, 1.0, "en", "train", "s", 1, "r")]


WORLD: list[list[Record]] = [
    *(document(i) for i in range(COUNT)),
    *(labelled(make(i), f"class {i % 2}") for i in range(COUNT) for make in (long_text, nearly)),
    *(scored(nearly(i), f"the case {i} in other words") for i in range(COUNT)),
]


def test_a_query_of_a_held_row_is_no_labelled_text(database: Database, tmp_path: Path):
    world = [
        *(document(i) for i in range(COUNT)),
        *(labelled(f"query {i}", f"class {i % 2}") for i in range(COUNT)),
    ]
    build(fill(database, world), tmp_path / "out", [TASK, LABELS], dev_fraction=0.3)
    dev = {row["query"] for row in rows_of(tmp_path / "out", "dev")}
    of_labels = {
        text
        for row in rows_of(tmp_path / "out", "part")
        if row["task"] == "labels"
        for text in (row["query"], *row["pos"], *row["neg"])
    }
    assert dev and of_labels and not dev & of_labels


def test_no_text_of_labels_or_scores_is_nearly_a_dev_document(database: Database, tmp_path: Path):
    tasks = [TASK, LABELS, SCORES]
    result, run = build(fill(database, WORLD), tmp_path / "out", tasks, dev_fraction=0.3)
    dev = {text for row in rows_of(tmp_path / "out", "dev") for text in row["pos"]}
    train = {
        text
        for row in rows_of(tmp_path / "out", "part")
        for text in (*([] if row["task"] == "t" else [row["query"]]), *row["pos"], *row["neg"])
    }
    train |= {row["sentence1"] for row in rows_of(tmp_path / "out", "scored")}
    held = len(dev)
    assert 2 < held < COUNT - 2
    found = near_duplicates([Text.of(text) for text in dev], [Text.of(text) for text in train])
    assert not found and not dev & train
    assert run.rejected["protected_query"] == 3 * held
    assert [task.rows for task in result.tasks] == [COUNT - held, *[2 * (COUNT - held)] * 2]
    assert [task.scored for task in result.tasks] == [0, 0, COUNT - held]


def test_no_text_of_labels_or_scores_is_nearly_a_document_of_dev_or_test(
    database: Database, tmp_path: Path
):
    world = [*document(20, "dev"), *document(21, "test")]
    world += [row for i in (20, 21) for row in labelled(nearly(i), "class 0")]
    world += [row for i in (20, 21) for row in scored(long_text(i), "is it")]
    tasks = [TASK, LABELS, SCORES]
    result, run = build(fill(database, [*WORLD, world]), tmp_path / "out", tasks)
    assert [task.rows for task in result.tasks] == [COUNT, 2 * COUNT, 2 * COUNT]
    assert run.rejected == {"protected_query": 4, "no_positive": 1}


def test_without_documents_held_labels_and_scores_keep_their_texts(
    database: Database, tmp_path: Path
):
    result, _ = build(fill(database, WORLD), tmp_path / "out", [TASK, LABELS, SCORES])
    assert [task.rows for task in result.tasks] == [COUNT, 2 * COUNT, 2 * COUNT]


def rows_of(out: Path, kind: str) -> list[dict[str, Any]]:
    files = sorted(out.glob(f"*/{kind}-*.parquet"))
    return [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]
