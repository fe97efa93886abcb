from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from kalm_data.core.config.shards import ShardsConfig
from kalm_data.core.errors import InputError
from kalm_data.core.manifest import read_manifest
from kalm_data.core.records import (
    Document,
    Example,
    Judgement,
    LabelledText,
    NearDuplicate,
    Text,
    example_id,
)
from kalm_data.core.shards_result import BuildResult
from kalm_data.core.tasks import Task
from kalm_data.core.templates import resolve_templates
from kalm_data.stages.build_shards import build_shards
from kalm_data.trainer.collate import Draw, compose_batch
from kalm_data.trainer.rows import read_rows
from kalm_data.workspace.database import Database
from kalm_data.workspace.rankings import RankingStore
from kalm_data.workspace.runs import running
from kalm_data.workspace.shards import ShardStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kalm_data.core.records import Record, Split
    from kalm_data.core.summary import RunSummary

TASK = Task(name="t", type="clustering", instruction="same topic")
COUNT, CLASSES = 40, 10


def text(i: int) -> str:
    return f"text number {i}"


def label(i: int) -> str:
    return f"class {i % CLASSES}"


def labelled(words: str, name: str, split: Split = "train", task: str = "t") -> list[Record]:
    known = Text.of(words)
    row = LabelledText(task, known.text_hash, name, "en", split, "a.jsonl", 3, "r")
    return [known, row]


WORLD: list[list[Record]] = [
    *(labelled(text(i), label(i)) for i in range(COUNT)),
    *(labelled(f"held {i}", label(i), "test") for i in range(CLASSES)),
]


def fill(database: Database, rows: Sequence[Sequence[Record]]) -> Database:
    with running(database, "import", "{}") as run:
        run.append([record for part in rows for record in part])
    return database


def build(
    database: Database, out: Path, tasks: Sequence[Task] = (TASK,), **given: int
) -> tuple[BuildResult, RunSummary]:
    threads = given.pop("threads", None)
    config = ShardsConfig.model_validate(given)
    with running(database, "build-shards", "{}") as run:
        writer = ShardStore(database, threads)
        result = build_shards(RankingStore(database), writer, run, tasks, out, config)
    return result, run.summary("ok")


def rows(out: Path, kind: str = "part") -> list[dict[str, Any]]:
    files = sorted((out / "t").glob(f"{kind}-*.parquet"))
    return [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]


def bytes_of(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(f.relative_to(out)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def texts_of(row: dict[str, Any]) -> set[str]:
    return {row["query"], *row["pos"], *row["neg"]}


def test_positives_have_the_label_of_the_query_and_negatives_others(
    database: Database, tmp_path: Path
):
    result, run = build(fill(database, WORLD), tmp_path / "out")
    assert (result.rows, run.planned, run.kept) == (COUNT, COUNT, COUNT)
    names = {text(i): label(i) for i in range(COUNT)}
    for row in rows(tmp_path / "out"):
        assert len(texts_of(row)) == 1 + 1 + 7
        assert {names[one] for one in row["pos"]} == {names[row["query"]]}
        assert len({names[row["query"]], *(names[one] for one in row["neg"])}) == 8


def test_a_row_says_what_it_is(database: Database, tmp_path: Path):
    build(fill(database, WORLD), tmp_path / "out", label_positives=3, label_negatives=2)
    row = next(row for row in rows(tmp_path / "out") if row["query"] == text(3))
    assert sorted(row["pos"]) == sorted([text(13), text(23), text(33)])
    assert (row["in_batch"], row["type"], row["instruction"]) == (False, "clustering", "same topic")
    assert (row["language"], row["origin"], row["task"]) == ("en", "import", "t")
    assert row["neg_rankers"] == ["label", "label"] and row["neg_ranks"] == [0, 0]
    assert row["pos_scores"] == [None] * 3 and row["neg_scores"] == [None, None]
    assert row["pos_ids"] == [Text.of(one).text_hash for one in row["pos"]]
    assert row["example_id"] == example_id("t", text(3))


def test_same_labels_and_seed_give_the_same_bytes_in_any_order_on_any_number_of_threads(
    tmp_path: Path,
):
    outs = []
    for name, world, threads in (("a", WORLD, 1), ("b", WORLD[::-1], 3)):
        database = Database(tmp_path / name)
        build(fill(database, world), tmp_path / f"out-{name}", threads=threads)
        outs.append(bytes_of(tmp_path / f"out-{name}"))
    assert outs[0] == outs[1]
    build(database, tmp_path / "out-c", seed=1)
    first, other = ({r["query"]: r["neg"] for r in rows(tmp_path / f"out-{n}")} for n in "ac")
    assert first.keys() == other.keys() and first != other


def test_texts_of_dev_and_test_are_nowhere_in_a_row(database: Database, tmp_path: Path):
    asked, elsewhere = Text.of("Text  NUMBER 7"), example_id("other", "Text  NUMBER 7")
    pair: list[Record] = [
        asked,
        Example(elsewhere, "other", asked.text_hash, "", "", "test", "import", "", "", 0, "r"),
        Judgement(elsewhere, asked.text_hash, "positive", "import", "r"),
    ]  # fmt: skip
    protected = labelled("TEXT number 8", label(8), "dev", task="another")
    given = {"label_positives": 9, "label_negatives": 99}
    _, run = build(fill(database, [*WORLD, pair, protected]), tmp_path / "out", **given)
    assert run.rejected == {"protected_query": 2}
    seen = set().union(*(texts_of(row) for row in rows(tmp_path / "out")))
    assert seen == {text(i) for i in range(COUNT)} - {text(7), text(8)}


def test_a_pair_whose_query_is_a_held_out_labelled_text_stays_out(
    database: Database, tmp_path: Path
):
    query, document = Text.of("held 1"), Text.of("an answer")
    id_ = example_id("faq", "held 1")
    pair: list[Record] = [
        query, document,
        Example(id_, "faq", query.text_hash, "", "", "train", "import", "", "", 0, "r"),
        Document(
            "faq", "d", 1, document.text_hash, "", (), "", 0, "", "", "", "", "{}", "train", False,
            "r",
        ),
        Judgement(id_, document.text_hash, "positive", "import", "r"),
    ]  # fmt: skip
    tasks = [TASK, Task(name="faq")]
    result, run = build(fill(database, [*WORLD, pair]), tmp_path / "out", tasks)
    assert [built.rows for built in result.tasks] == [COUNT, 0]
    assert run.rejected == {"protected_query": 1}


def test_a_class_of_one_text_gives_no_row_but_negatives(database: Database, tmp_path: Path):
    world = [*WORLD, labelled("all alone", "lonely"), labelled("All  alone", "lonely")]
    _, run = build(fill(database, world), tmp_path / "out", label_negatives=20)
    assert run.rejected == {"single_text_class": 2}
    found = rows(tmp_path / "out")
    assert "lonely" not in {row["query"] for row in found}
    assert all(len({"all alone", "All  alone"} & set(row["neg"])) == 1 for row in found)
    with database.read() as connection:
        kept = connection.execute("SELECT key, source, line, text, numbers FROM rejects").fetchall()
    assert (example_id("t", "all alone"), "a.jsonl", 3, "all alone", '{"label": "lonely"}') in kept


def test_one_class_is_an_error_and_no_set(database: Database, tmp_path: Path):
    fill(database, [labelled("a b", "x"), labelled("c d", "x")])
    with pytest.raises(InputError, match="Import texts with another label"):
        build(database, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_fewer_negatives_than_asked_are_told(database: Database, tmp_path: Path):
    fill(database, [labelled("a b", "x"), labelled("c d", "x"), labelled("e f", "y")])
    _, run = build(database, tmp_path / "out")
    assert "2 rows have fewer than 7 negatives" in run.warnings[0]


def test_near_duplicates_are_one_group(database: Database, tmp_path: Path):
    one, other = sorted(Text.of(text(i)).text_hash for i in (1, 2))
    build(fill(database, [*WORLD, [NearDuplicate(one, other, 0.9)]]), tmp_path / "out")
    groups = {
        text_hash: group
        for row in rows(tmp_path / "out")
        for text_hash, group in zip(row["neg_ids"], row["neg_groups"], strict=True)
    }
    assert groups[one] == groups[other] == one


def test_the_manifest_says_what_the_rows_were_drawn_from(database: Database, tmp_path: Path):
    declared = TASK.model_copy(update={"in_batch": True})
    build(fill(database, WORLD), tmp_path / "a", [declared])
    (entry,) = read_manifest(tmp_path / "a").tasks
    assert (entry.task.in_batch, entry.ranker, set(entry.sources)) == (
        False,
        "",
        {"labels", "draw"},
    )
    fill(database, [labelled("one more", label(1))])
    build(database, tmp_path / "b")
    (later,) = read_manifest(tmp_path / "b").tasks
    assert entry.sources["draw"] == later.sources["draw"] and entry.sources != later.sources


def test_dev_rows_search_the_dev_texts_of_all_classes(database: Database, tmp_path: Path):
    """Up to ten of a class, each of which finds the others: what is relevant is in the row."""
    sizes = {"few": 6, "many": 17, "one": 1}
    of_dev = {f"{name} {i}": name for name, size in sizes.items() for i in range(size)}
    asked, id_ = Text.of("FEW 0"), example_id("other", "FEW 0")
    test_query: list[Record] = [
        asked,
        Example(id_, "other", asked.text_hash, "", "", "test", "import", "", "", 0, "r"),
        Judgement(id_, asked.text_hash, "positive", "import", "r"),
    ]
    world = [*WORLD, test_query, *(labelled(*one, "dev") for one in of_dev.items())]
    result, run = build(fill(database, world), tmp_path / "out")
    found = {row["query"]: row for row in rows(tmp_path / "out", "dev")}
    counts = Counter(of_dev[query] for query in found)
    assert counts == {"few": 5, "many": 10} and result.dev_rows == 15
    assert run.rejected == {"protected_query": 1, "single_text_class": 1, "dev_class_full": 7}
    for query, row in found.items():
        assert sorted([query, *row["pos"]]) == sorted(
            one for one in found if of_dev[one] == of_dev[query]
        )
        assert (row["neg"], row["in_batch"]) == ([], False)
    (entry,) = read_manifest(tmp_path / "out").tasks
    assert sum(file.rows for file in entry.dev) == 15 and "dev labels" in entry.sources


def test_a_query_learns_from_its_own_row_alone(database: Database, tmp_path: Path):
    build(fill(database, WORLD), tmp_path / "out", label_negatives=2)
    read = read_rows(tmp_path / "out", read_manifest(tmp_path / "out"))
    batch = compose_batch(
        read.rows(range(8)), [Draw(0, (0, 1))] * 8, {"t": resolve_templates(TASK)}
    )
    assert batch.counted.sum(axis=1).tolist() == [3] * 8
    assert read.lonely == ()
