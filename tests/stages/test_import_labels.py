from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.config.imports import ImportLabelsConfig, ImportPairsConfig
from kalm_data.core.errors import InputError, RowError
from kalm_data.core.tasks import Task
from kalm_data.engines.readers.opening import open_source
from kalm_data.stages.import_labels import ImportLabelsResult, import_labels
from kalm_data.stages.import_pairs import import_pairs
from kalm_data.workspace.database import Database
from kalm_data.workspace.documents import DocumentStore
from kalm_data.workspace.labels import LabelStore
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.summary import RunSummary

ALL_TABLES = ("texts", "tasks", "labels", "near_duplicates", "documents", "rejects")
TASK = Task(name="intents", type="classification")

Row = dict[str, object]


def run_import(
    database: Database, *sources: Path, task: Task = TASK, **settings: object
) -> tuple[ImportLabelsResult, RunSummary]:
    config = ImportLabelsConfig.model_validate(settings)
    with running(database, "import-labels", "{}") as run:
        opened = [open_source(str(source), "labels", config.format) for source in sources]
        result = import_labels(LabelStore(database), run, opened, task, config)
    return result, run.summary("ok")


def run_pairs(database: Database, source: Path, task: Task) -> None:
    with running(database, "import-pairs", "{}") as run:
        opened = [open_source(str(source), "pairs")]
        import_pairs(DocumentStore(database), run, opened, task, ImportPairsConfig())


def write(file: Path, rows: Sequence[Row]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def labelled(*pairs: tuple[str, object], **more: object) -> list[Row]:
    return [{"text": text, "label": label, **more} for text, label in pairs]


def table(database: Database, query: str) -> list[tuple]:
    with database.read() as connection:
        return connection.execute(query).fetchall()


def everything(database: Database) -> dict[str, list[tuple]]:
    return {name: table(database, f"FROM {name} ORDER BY ALL") for name in ALL_TABLES}


def stored(database: Database) -> dict[str, tuple[str, str]]:
    """(label, split) by text."""
    query = "SELECT text, label, split FROM labels JOIN texts USING (text_hash)"
    return {text: (label, split) for text, label, split in table(database, query)}


def test_importing_the_same_again_changes_nothing(database: Database, tmp_path: Path):
    rows = labelled(*((f"text {i}", f"class {i % 3}") for i in range(9)))
    file = write(tmp_path / "a.jsonl", rows)
    result, summary = run_import(database, file)
    assert (result.new_texts, result.classes, summary.kept) == (9, 3, 9)
    before = everything(database)
    result, summary = run_import(database, file)
    assert (result.new_texts, result.known_texts, summary.kept) == (0, 9, 9)
    assert everything(database) == before
    assert before["documents"] == []


def test_every_row_is_kept_or_rejected_with_a_reason(database: Database, tmp_path: Path):
    rows = labelled(
        ("a b", "x"), ("a b", "x"), ("", "x"), ("c d", " "), ("e f", None), ("g h", ["x", "y"]),
        ("i j", "x"), ("I  J", "y"), ("k l", "y"), ("?!", "y"),
    )  # fmt: skip
    _, summary = run_import(database, write(tmp_path / "a.jsonl", rows), as_split="train")
    assert summary.rejected == {
        "conflicting_label": 2, "duplicate": 1, "empty_label": 2, "empty_text": 1, "no_words": 1,
        "several_labels": 1,
    }  # fmt: skip
    assert (summary.planned, summary.kept) == (10, 2)
    assert stored(database) == {"a b": ("x", "train"), "k l": ("y", "train")}


def test_another_label_than_the_workspace_has_is_rejected(database: Database, tmp_path: Path):
    run_import(database, write(tmp_path / "a.jsonl", labelled(("a b", "x"))), as_split="train")
    other = write(tmp_path / "b.jsonl", labelled(("A b", "y"), ("a b", "y"), ("a b", "x")))
    _, summary = run_import(database, other, as_split="train")
    assert (summary.kept, summary.rejected) == (1, {"conflicting_label": 2})
    assert stored(database) == {"a b": ("x", "train")}
    run_import(database, other, task=Task(name="other", type="clustering"), as_split="train")


def test_numbers_are_names_and_columns_have_usual_names(database: Database, tmp_path: Path):
    rows: list[Row] = [
        {"sentence": "a b", "intent": 3}, {"sentence": "c d", "intent": 3.0},
        {"sentence": "e f", "intent": True}, {"sentence": "g h", "intent": float("nan")},
    ]  # fmt: skip
    _, summary = run_import(database, write(tmp_path / "a.jsonl", rows), as_split="train")
    assert {text: label for text, (label, _) in stored(database).items()} == {
        "a b": "3", "c d": "3", "e f": "True",
    }  # fmt: skip
    assert summary.rejected == {"empty_label": 1}


def test_named_columns_and_templates_are_read(database: Database, tmp_path: Path):
    (tmp_path / "a.csv").write_text("head,body,kind,lang\nHello,World,x,en\n")
    _, summary = run_import(database, tmp_path / "a.csv", text="{head}\\n{body}", label="kind")
    assert list(stored(database)) == ["Hello\nWorld"] and summary.warnings == (
        "the texts for training have one label only: build-shards needs a second one",
    )
    assert table(database, "SELECT language FROM labels") == [("en",)]


def test_a_text_given_to_test_anywhere_stays_out_of_train(database: Database, tmp_path: Path):
    rows = [*labelled(("a b", "x"), split="train"), *labelled(("a b", "x"), split="test")]
    file = write(tmp_path / "a.jsonl", rows)
    _, summary = run_import(database, file)
    assert (stored(database), summary.rejected) == ({"a b": ("x", "test")}, {"duplicate": 1})
    run_import(database, file, as_split="train")
    assert stored(database) == {"a b": ("x", "test")}


def test_a_training_text_that_comes_as_test_is_rejected(database: Database, tmp_path: Path):
    file = write(tmp_path / "a.jsonl", labelled(("a b", "x")))
    run_import(database, file, as_split="train")
    _, summary = run_import(database, file, as_split="test")
    assert (summary.kept, summary.rejected) == (0, {"in_training": 1})


def test_near_duplicates_never_end_on_two_sides_where_splits_are_drawn(
    database: Database, tmp_path: Path
):
    pairs = [(f"the cat {i} sat on a mat{end}", "x") for i in range(40) for end in ("", " today")]
    result, _ = run_import(
        database, write(tmp_path / "a.jsonl", labelled(*pairs)), test_fraction=0.4
    )
    assert result.splits["test"] > 5 and result.near_duplicates >= 40
    split = {text.removesuffix(" today"): set() for text, _ in pairs}
    for text, (_, side) in stored(database).items():
        split[text.removesuffix(" today")].add(side)
    assert all(len(sides) == 1 for sides in split.values())


def test_the_order_of_rows_and_files_is_nothing_to_the_labels(tmp_path: Path, database: Database):
    rows = labelled(*((f"text {i % 20}", f"class {i % 10}") for i in range(50)))
    rows += labelled(("text 3", "class 4"), ("TEXT 5", "class 6"))
    one, two = write(tmp_path / "a.jsonl", rows[:30]), write(tmp_path / "b.jsonl", rows[30:])
    turned = Database(tmp_path / "turned")
    turned.create()
    run_import(database, one, two)
    run_import(turned, two, write(tmp_path / "c.jsonl", rows[:30][::-1]))
    assert stored(database) == stored(turned) and len(stored(turned)) == 18


def test_a_task_of_labels_takes_no_in_batch_negatives(database: Database, tmp_path: Path):
    run_import(database, write(tmp_path / "a.jsonl", labelled(("a b", "x"))))
    held = LabelStore(database).task("intents")
    assert held and Task.model_validate_json(held.definition).in_batch is False


def test_labels_and_queries_do_not_share_a_task(database: Database, tmp_path: Path):
    labels = write(tmp_path / "a.jsonl", labelled(("a b", "x")))
    pairs = write(tmp_path / "p.jsonl", [{"query": "q", "pos": "p"}])
    with pytest.raises(
        InputError, match=r"task of type retrieval has no labels\. Give it the type"
    ):
        run_import(database, labels, task=Task(name="faq"))
    run_pairs(database, pairs, Task(name="faq"))
    with pytest.raises(InputError, match=r"it has queries\. Give the labels"):
        run_import(database, labels, task=Task(name="faq", type="clustering"))
    run_import(database, labels)
    with pytest.raises(InputError, match="it has labels"):
        run_pairs(database, pairs, Task(name="intents"))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"label": "x"}], "no column for --text"),
        ([{"text": "a b"}], "no column for --label"),
    ],
)
def test_a_file_without_text_or_label_is_one_line(
    database: Database, tmp_path: Path, rows: list[Row], said: str
):
    with pytest.raises(InputError, match=said):
        run_import(database, write(tmp_path / "a.jsonl", rows))


def test_on_error_fail_stops_at_the_first_contradiction(database: Database, tmp_path: Path):
    file = write(tmp_path / "a.jsonl", labelled(("a b", "x"), ("a b", "y")))
    with pytest.raises(RowError, match=r'a\.jsonl:1: the text comes with the labels "x", "y"'):
        run_import(database, file, on_error="fail")
    assert stored(database) == {}


def test_a_beir_folder_has_no_labels(database: Database, tmp_path: Path):
    write(tmp_path / "corpus.jsonl", [{"_id": "1", "text": "a b"}])
    with pytest.raises(InputError, match="a BEIR folder has no labels"):
        run_import(database, tmp_path)
