from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.manifest import SCHEMA_VERSION, Manifest, ShardTask, describe_file
from kalm_data.core.records import (
    Decision,
    Document,
    Example,
    Head,
    Judgement,
    Label,
    LabelledText,
    NearDuplicate,
    Origin,
    Record,
    ScoredPair,
    Split,
    Text,
    example_id,
    text_hash,
)
from kalm_data.core.tasks import Task
from kalm_data.workspace.evaluation import EvaluationStore, read_shards
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.workspace.database import Database


def store(database: Database, *rows: Record) -> EvaluationStore:
    with running(database, "import", "{}") as run:
        run.append(rows)
    return EvaluationStore(database)


def example(query: str, split: Split, task: str = "t") -> list[Record]:
    asked = Example(
        example_id(task, query), task, text_hash(query), "", "en", split, "import", "", "q", 1, "r"
    )
    return [Text.of(query), asked]


def judged(
    query: str, text: str, label: Label = "positive", origin: Origin = "import", run_id: str = "r"
) -> Judgement:
    return Judgement(example_id("t", query), text_hash(text), label, origin, run_id)


def test_test_queries_come_with_their_positives_and_no_others(database: Database) -> None:
    found = store(
        database,
        *example("one", "test"),
        *example("none", "test"),
        *example("other task", "test", "u"),
        *example("learnt", "train"),
        judged("one", "b"),
        judged("one", "b", origin="llm"),
        judged("one", "a"),
        judged("one", "c", "negative"),
    ).test_queries("t")
    positives = {query.query: query.positives for query in found}
    assert positives == {"one": tuple(sorted(map(text_hash, "ab"))), "none": ()}
    assert [query.example_id for query in found] == sorted(query.example_id for query in found)


def test_a_test_query_that_a_rule_dropped_has_no_positive(database: Database) -> None:
    dropped = Decision("t", "gates", example_id("t", "one"), text_hash("b"), "drop", "too_long",
                       "{}", "key", "r")  # fmt: skip
    (asked,) = store(
        database,
        *example("one", "test"),
        replace(judged("one", "b", origin="extractive"), origin_key="key"),
        dropped,
        Head("rule", "t", "gates", 1, "{}", "", "r"),
    ).test_queries("t")
    assert asked.positives == ()


def test_the_training_set_is_what_filters_and_draws_left(database: Database) -> None:
    learnt = example_id("t", "learnt")
    training = store(
        database,
        *example("learnt", "train"),
        *example("asked", "test"),
        judged("asked", "of the test"),
        judged("learnt", "kept"),
        judged("learnt", "dropped"),
        judged("learnt", "given", "negative"),
        judged("learnt", "drawn before", "negative", "miner", "m1"),
        judged("learnt", "drawn", "negative", "miner", "m2"),
        Decision("t", "rank", learnt, text_hash("dropped"), "drop", "rank", "{}", "", "f1"),
        Decision("t", "rank", learnt, text_hash("kept"), "drop", "rank", "{}", "", "f0"),
        Head("rule", "t", "rank", 1, "{}", "", "f1"),
        Head("draw", "t", "dense", 1, "{}", "", "m1"),
        Head("draw", "t", "dense", 2, "{}", "", "m2"),
    ).training_set()
    assert training.text_hashes == {text_hash(text) for text in ("kept", "given", "drawn")}
    assert training.queries == {Text.of("Learnt ").norm_hash}
    assert training.source


def test_labelled_texts_of_training_are_trained_on(database: Database) -> None:
    labels: list[tuple[str, Split]] = [("Learnt", "train"), ("asked", "test")]
    rows = [
        LabelledText("u", text_hash(text), "x", "", split, "", 0, "r") for text, split in labels
    ]
    training = store(database, *(Text.of(text) for text, _ in labels), *rows).training_set()
    assert training.text_hashes == {text_hash("Learnt")}
    assert training.queries == {Text.of("learnt").norm_hash}


def test_texts_of_scored_pairs_of_training_are_trained_on(database: Database) -> None:
    learnt, asked = ("Learnt", "taught"), ("asked", "told")
    rows = [
        ScoredPair("u", text_hash(pair[0]), text_hash(pair[1]), 0.5, "", split, "", 0, "r")
        for pair, split in ((learnt, "train"), (asked, "test"))
    ]
    training = store(database, *map(Text.of, (*learnt, *asked)), *rows).training_set()
    assert training.text_hashes == {text_hash(text) for text in learnt}
    assert training.queries == {Text.of(text).norm_hash for text in learnt}


def test_an_empty_workspace_has_no_queries_and_trained_nothing(database: Database) -> None:
    empty = EvaluationStore(database)
    assert empty.test_queries("t") == []
    assert empty.training_set().text_hashes == frozenset()
    assert len(empty.pool(Task(name="t"))) == 0


def test_the_pool_names_near_duplicates(database: Database) -> None:
    documents = [
        Document("t", text, 1, text_hash(text), "", (), "", 0, "", "en", "", "", "{}", "test",
                 False, "r")
        for text in ("a", "b")
    ]  # fmt: skip
    first, second = sorted(map(text_hash, "ab"))
    pair = NearDuplicate(first, second, 0.9)
    pool = store(database, Text.of("a"), Text.of("b"), *documents, pair).pool(Task(name="t"))
    assert pool.alike == {first: (1,), second: (0,)}


def test_a_shard_set_tells_all_its_texts_and_queries(tmp_path: Path) -> None:
    rows = [
        {"query": "Q  one", "pos_ids": ["p1", "p2"], "neg_ids": ["n1"]},
        {"query": "q two", "pos_ids": ["p1"], "neg_ids": []},
    ]
    schema = pa.schema(
        [("query", pa.string()), *((c, pa.list_(pa.string())) for c in ("pos_ids", "neg_ids"))]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "part.parquet")
    file = describe_file(tmp_path, "part.parquet", 2)
    task = ShardTask(task=Task(name="t"), rows=2, ranker="", sources={}, files=(file,))
    manifest = Manifest(schema_version=SCHEMA_VERSION, seed=0, rows=2, tasks=(task,), versions={})
    training = read_shards(tmp_path, manifest)
    (tmp_path / "part.parquet").write_bytes(b"PAR1 damaged")
    with pytest.raises(InputError, match="cannot be read"):
        read_shards(tmp_path, manifest)
    assert training.source == str(tmp_path)
    assert training.text_hashes == {"p1", "p2", "n1"}
    assert training.queries == {Text.of("q one").norm_hash, Text.of("q two").norm_hash}


def test_an_empty_shard_set_trained_nothing(tmp_path: Path) -> None:
    manifest = Manifest(schema_version=SCHEMA_VERSION, seed=0, rows=0, tasks=(), versions={})
    assert read_shards(tmp_path, manifest).text_hashes == frozenset()
