"""Which rows a set has, and what is said of them: mix, dev, licences, lint, tokens, scores."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
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

from kalm_data.core.errors import GateMissed, InputError, Interrupted
from kalm_data.core.finished_files import JOURNAL
from kalm_data.core.manifest import read_manifest
from kalm_data.core.near_duplicates import near_duplicates
from kalm_data.core.records import Example, NearDuplicate, ScoredPair, Text
from kalm_data.core.tasks import Task
from kalm_data.core.verification import verify_set
from kalm_data.stages.build_shards import NamedTokenizer
from kalm_data.workspace.shards import count_rows

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.records import Record, Split
    from kalm_data.workspace.database import Database

OTHER = TASK.model_copy(update={"name": "u"})
LARGE: list[list[Record]] = [
    *WORLD,
    *(example(f"other {i}", [i], task="u") for i in range(4)),
]


class WordTokenizer:
    def count(self, text: str) -> int:
        return len(text.split())


def test_caps_and_shares_leave_rows_out_for_a_reason(database: Database, tmp_path: Path):
    fill(database, LARGE)
    result, run = build(database, tmp_path / "out", [TASK, OTHER], cap=6)
    assert [task.rows for task in result.tasks] == [6, 4]
    assert (run.planned, run.kept, run.rejected) == (14, 10, {"mixed_out": 4})
    result, run = build(database, tmp_path / "out", [TASK, OTHER], alpha=0)
    assert [task.rows for task in result.tasks] == [4, 4]
    assert any("task u has too few rows for its share" in line for line in run.warnings)
    capped = TASK.model_copy(update={"cap": 3})
    result, _ = build(database, tmp_path / "out", [capped, OTHER], rows=5)
    assert [task.rows for task in result.tasks] == [2, 3]


def test_rows_that_are_left_out_change_nothing_of_the_others(database: Database, tmp_path: Path):
    dig(fill(database, WORLD))
    build(database, tmp_path / "all")
    build(database, tmp_path / "few", rows=4)
    assert rows(tmp_path / "few") == rows(tmp_path / "all")[:4]


def test_up_sampling_repeats_rows_as_often_as_the_others_and_counts_units_once(
    database: Database, tmp_path: Path
):
    fill(database, LARGE)
    result, run = build(database, tmp_path / "out", [TASK, OTHER], alpha=0, rows=22, upsample=True)
    assert [task.rows for task in result.tasks] == [11, 11]
    assert (run.planned, run.kept, run.rejected) == (14, 14, {})
    table = pq.read_table(tmp_path / "out" / "u", partitioning=None)
    counts = Counter(table["query"].to_pylist())
    assert sorted(counts.values()) == [2, 3, 3, 3]
    assert verify_set(tmp_path / "out", count_rows).rows == 22


def test_dev_examples_are_rows_of_their_own(database: Database, tmp_path: Path):
    held: list[list[Record]] = [
        *WORLD,
        document(40, split="dev"),
        document(41, split="dev"),
        example("held out", [40, 41], split="dev"),
        example("answered by training", [3], split="dev"),
        example("answered by nobody", [], split="dev"),
        example("answered elsewhere", [77], split="dev"),
    ]
    result, run = build(dig(fill(database, held)), tmp_path / "out")
    (row,) = rows(tmp_path / "out", "dev")
    assert (row["query"], sorted(row["pos"]), row["neg"]) == ("held out", [text(40), text(41)], [])
    assert (result.rows, result.dev_rows, result.files) == (10, 1, 2)
    assert run.rejected == {
        "no_positive": 1,
        "positive_in_training": 1,
        "positive_not_in_pool": 1,
    }
    cache = str(tmp_path / "cache")
    loaded = load_dataset(str(tmp_path / "out"), "t", cache_dir=cache)
    assert {name: part.num_rows for name, part in loaded.items()} == {"train": 10, "validation": 1}
    assert verify_set(tmp_path / "out", count_rows).rows == 10


def test_a_share_of_the_groups_is_held_for_dev_and_nothing_leaks(
    database: Database, tmp_path: Path
):
    texts = [Text.of(text(i)) for i in range(COUNT)]
    pair = NearDuplicate(*sorted((hash_of(1), hash_of(22))), 0.9)
    world = [*WORLD[:COUNT], *(example(f"query {i}", [i]) for i in range(COUNT)), [pair]]
    _, run = build(dig(fill(database, world)), tmp_path / "out", dev_fraction=0.3)
    train, dev = rows(tmp_path / "out"), rows(tmp_path / "out", "dev")
    assert len(train) + len(dev) == COUNT == run.kept and 3 < len(dev) < 20
    of_training = {one for row in train for one in (*row["pos_ids"], *row["neg_ids"])}
    of_dev = {one for row in dev for one in row["pos_ids"]}
    assert not of_training & of_dev
    near = [pair, *near_duplicates(texts)]
    assert not any({one.first, one.second} & of_training and {one.first, one.second} & of_dev
                   for one in near)  # fmt: skip
    build(database, tmp_path / "again", dev_fraction=0.3)
    assert bytes_of(tmp_path / "again") == bytes_of(tmp_path / "out")


def test_what_is_held_for_dev_is_drawn_among_the_documents_of_training_alone(
    database: Database, tmp_path: Path
):
    """An import has drawn its own share before; what it gave to test is no dev row either."""
    splits: list[Split] = ["test" if i % 3 == 0 else "train" for i in range(COUNT)]
    documents = [document(i, split=split) for i, split in enumerate(splits)]
    world = [
        *documents,
        *(example(f"query {i}", [i]) for i in range(COUNT)),
        example("of dev, over test", [3], split="dev"),
    ]
    _, run = build(fill(database, world), tmp_path / "out", dev_fraction=0.4, seed=3)
    dev = {int(row["query"].split()[1]) for row in rows(tmp_path / "out", "dev")}
    assert 4 <= len(dev) <= 14 and all(i % 3 for i in dev)
    assert run.rejected == {"positive_held_out": COUNT // 3 + 1}


def test_dev_rows_are_licensed_too(database: Database, tmp_path: Path):
    documents = [document(i, licence="MIT" if i % 2 else "GPL-3.0-only") for i in range(COUNT)]
    world = [*documents, *(example(f"query {i}", [i]) for i in range(COUNT))]
    fill(database, world)
    _, run = build(database, tmp_path / "out", dev_fraction=0.5, licences=["MIT"])
    used = {int(row["query"].split()[1]) for row in rows(tmp_path / "out", "dev")}
    assert used and all(i % 2 for i in used)
    assert run.rejected == {"licence": COUNT // 2}


def test_dev_groups_may_be_the_values_of_a_column(database: Database, tmp_path: Path):
    source = [json.dumps({"source": f"package {i % 5}"}) for i in range(COUNT)]
    documents = [document(i, metadata=source[i]) for i in range(COUNT)]
    world = [*documents, *(example(f"query {i}", [i]) for i in range(COUNT))]
    fill(database, world)
    build(database, tmp_path / "out", dev_fraction=0.5, dev_by="source")
    held = {int(row["query"].split()[1]) % 5 for row in rows(tmp_path / "out", "dev")}
    trained = {int(row["query"].split()[1]) % 5 for row in rows(tmp_path / "out")}
    assert held and trained and not held & trained
    build(database, tmp_path / "out", dev_fraction=0.5, dev_by="title")
    with pytest.raises(InputError, match='column "sauce": no document has it'):
        build(database, tmp_path / "out", dev_fraction=0.5, dev_by="sauce")


@pytest.mark.parametrize("seed", range(8))
def test_a_group_larger_than_the_share_stays_in_training(
    database: Database, tmp_path: Path, seed: int
):
    """Half of the documents are of one file, and no seed takes them to dev."""
    told = [json.dumps({"file": "long" if i < COUNT // 2 else f"own {i}"}) for i in range(COUNT)]
    documents = [document(i, metadata=told[i]) for i in range(COUNT)]
    world = [*documents, *(example(f"query {i}", [i]) for i in range(COUNT))]
    fill(database, world)
    given = {"dev_fraction": 0.1, "seed": seed}
    _, run = build(database, tmp_path / "out", dev_by="file", **given)
    held = {int(row["query"].split()[1]) for row in rows(tmp_path / "out", "dev")}
    assert len(held) == COUNT // 10 and min(held) >= COUNT // 2
    assert not any("held for dev" in line for line in run.warnings)


def test_where_no_group_is_small_enough_the_largest_is_named(database: Database, tmp_path: Path):
    source = [json.dumps({"source": "odd" if i % 3 else "even"}) for i in range(COUNT)]
    documents = [document(i, metadata=source[i]) for i in range(COUNT)]
    fill(database, [*documents, *(example(f"query {i}", [i]) for i in range(COUNT))])
    result, run = build(database, tmp_path / "out", dev_fraction=0.1, dev_by="source")
    assert result.dev_rows == 0
    (line,) = [line for line in run.warnings if "held for dev" in line]
    largest = sum(i % 3 > 0 for i in range(COUNT))
    assert line.startswith(f"0 documents are held for dev, of {COUNT // 10} that")
    assert line.endswith(f"has {largest}")


def test_only_what_is_licensed_is_used(database: Database, tmp_path: Path):
    documents = [document(i, licence="MIT" if i % 2 else "") for i in range(COUNT)]
    world = [*documents, *WORLD[COUNT:]]
    dig(fill(database, world), MINE.model_copy(update={"ranks": "1-30"}))
    _, run = build(database, tmp_path / "out", licences=["CC0-1.0"])
    used = {one for row in rows(tmp_path / "out") for one in (*row["pos_ids"], *row["neg_ids"])}
    assert used and used <= {hash_of(i) for i in range(0, COUNT, 2)}
    assert run.rejected == {"licence": 5}
    with pytest.raises(InputError, match="no example is left"):
        build(database, tmp_path / "none", licences=["GPL-3.0-only"])


def test_what_is_found_is_told_and_may_end_the_run(database: Database, tmp_path: Path):
    spoilt: list[list[Record]] = [
        *WORLD[:COUNT],
        [Text.of("  \u200b")],
        example("number 3 paper", [3], [9]),
        example("Number 3  PAPER", [3, 9]),
        example(text(5), [5]),
        *(example(f"again {i}", [7]) for i in range(3)),
    ]
    bare = TASK.model_copy(update={"licence": ""})
    result, run = build(fill(database, spoilt), tmp_path / "out", [bare])
    found = {one.name: one.count for one in result.lint}
    assert found == {
        "duplicate_row": 1,
        "few_negatives": 5,
        "frequent_positive": 1,
        "negative_is_positive": 1,
        "no_licence": 6,
        "query_is_positive": 1,
    }
    assert any("negatives that are a positive of the same query" in line for line in run.warnings)
    before = bytes_of(tmp_path / "out")
    with pytest.raises(GateMissed, match="query_is_positive: 1 rows whose query is one of its"):
        build(database, tmp_path / "out", [bare], fail_on=["query_is_positive"], seed=5)
    assert bytes_of(tmp_path / "out") == before
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"out\.partial: in the way, and not ours"):
        build(database, tmp_path / "out", [bare])
    (tmp_path / "out.partial" / "mine.txt").rename(tmp_path / "mine.txt")
    result, _ = build(database, tmp_path / "out", [TASK], min_negatives=0, max_characters=10)
    assert {one.name for one in result.lint} >= {"long_text"}
    assert not {one.name for one in result.lint} & {"no_licence", "few_negatives"}


def test_tokens_of_every_text_are_columns_where_a_tokenizer_is_named(
    database: Database, tmp_path: Path
):
    named = NamedTokenizer("words", WordTokenizer())
    build(dig(fill(database, WORLD)), tmp_path / "out", named_tokenizer=named)
    build(database, tmp_path / "plain")
    for row, plain in zip(rows(tmp_path / "out"), rows(tmp_path / "plain"), strict=True):
        assert row.pop("query_tokens") == len(row["query"].split())
        assert row.pop("pos_tokens") == [len(one.split()) for one in row["pos"]]
        assert row.pop("neg_tokens") == [len(one.split()) for one in row["neg"]]
        assert row == plain


def test_what_a_killed_run_finished_is_used_if_it_is_still_what_it_was(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    dig(fill(database, WORLD))
    build(database, tmp_path / "whole", rows_per_shard=3)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("kalm_data.stages.build_shards.write_manifest", stop)
        patched.setattr("kalm_data.core.finished_files.FinishedFiles.close", stop)
        for name in ("same", "damaged", "later"):
            with pytest.raises(Interrupted):
                build(database, tmp_path / name, rows_per_shard=3)
            partial = tmp_path / f"{name}.partial"
            assert (partial / JOURNAL).read_text().count("\n") == 4
            assert not (tmp_path / name).exists()
    (tmp_path / "damaged.partial" / "t" / "part-00001.parquet").write_bytes(b"PAR1")
    (tmp_path / "damaged.partial" / "t" / "part-00009.parquet").write_bytes(b"left by nobody")
    for name, reused in (("same", 4), ("damaged", 3)):
        result, _ = build(database, tmp_path / name, rows_per_shard=3)
        assert result.reused == reused
        assert bytes_of(tmp_path / name) == bytes_of(tmp_path / "whole")
    result, _ = build(sift(database, 1), tmp_path / "later", rows_per_shard=3)
    assert result.reused == 0
    assert not list(tmp_path.glob("*.partial"))


def spoken(language: str, rows: list[Record]) -> list[Record]:
    """The same example, in another language."""
    return [replace(one, language=language) if isinstance(one, Example) else one for one in rows]


def test_queries_of_languages_that_the_task_does_not_take_are_no_rows(
    database: Database, tmp_path: Path
):
    world = [
        *(document(i) for i in range(8)),
        *(document(i, split="dev") for i in (8, 9)),
        spoken("de", example("eine Frage", [1])),
        spoken("en-GB", example("a question", [2])),
        spoken("", example("nobody told", [3])),
        spoken("fr", example("une question", [8], split="dev")),
        spoken("en", example("a held question", [9], split="dev")),
    ]
    task = TASK.model_copy(update={"languages": ("en",)})
    _, run = build(fill(database, world), tmp_path / "out", [task])
    assert {row["query"] for row in rows(tmp_path / "out")} == {"a question", "nobody told"}
    assert [row["query"] for row in rows(tmp_path / "out", "dev")] == ["a held question"]
    assert run.rejected == {"language": 2}


def test_scored_pairs_of_other_languages_are_left_out(database: Database, tmp_path: Path):
    world = [
        scored("a man eats", "a man is eating", 0.95),
        [replace(one, language="de") if isinstance(one, ScoredPair) else one
         for one in scored("ein Mann", "er isst", 0.9)],
    ]  # fmt: skip
    task = Task(name="s", type="sts", languages=("en",))
    _, run = build(fill(database, world), tmp_path / "out", [task])
    assert (run.kept, run.rejected) == (2, {"language": 2})
    (entry,) = read_manifest(tmp_path / "out").tasks
    assert [file.rows for file in entry.scored] == [1]


def scored(first: str, second: str, score: float, split: Split = "train") -> list[Record]:
    one, other = Text.of(first), Text.of(second)
    pair = ScoredPair("s", one.text_hash, other.text_hash, score, "en", split, "sts.tsv", 2, "r")
    return [one, other, pair]


def test_scored_pairs_are_rows_in_both_directions_and_pairs(database: Database, tmp_path: Path):
    world = [
        scored("a man eats", "a man is eating", 0.95),
        scored("a man eats", "a plane flies", 0.1),
        scored("a dog", "a cat", 0.5),
        scored("held", "out", 1.0, split="test"),
        scored("held", "a dog", 0.9),
        scored("kept", "apart", 0.9, split="dev"),
        scored("kept", "out", 0.2, split="dev"),
    ]
    task = Task(name="s", type="sts", licence="MIT")
    result, run = build(fill(database, world), tmp_path / "out", [task], sts_negative=0.3)
    table = pq.read_table(tmp_path / "out" / "s" / "part-00000.parquet", partitioning=None)
    found = {row["query"]: (row["pos"], row["neg"]) for row in table.to_pylist()}
    assert found == {
        "a man eats": (["a man is eating"], ["a plane flies"]),
        "a man is eating": (["a man eats"], []),
    }
    assert run.rejected == {"no_positive": 3, "protected_query": 1} and run.kept == 2
    assert any("1 scored pairs are left out: dev or test asks" in line for line in run.warnings)
    assert any("1 scored pairs of dev are left out: test asks" in line for line in run.warnings)
    (entry,) = read_manifest(tmp_path / "out").tasks
    assert (entry.rows, [file.rows for file in entry.scored]) == (2, [3])
    assert [(file.path, file.rows) for file in entry.dev_scored] == [
        ("s/dev-scored-00000.parquet", 1)
    ]
    cache = str(tmp_path / "cache")
    pairs = load_dataset(str(tmp_path / "out"), "s+scored", split="train", cache_dir=cache)
    assert sorted(pairs["score"]) == [0.1, 0.5, 0.95]
    of_dev = load_dataset(str(tmp_path / "out"), "s+scored", split="validation", cache_dir=cache)
    assert [(row["sentence1"], row["score"]) for row in of_dev] == [("kept", 0.9)]
    without, _ = build(database, tmp_path / "without", [task])
    assert not without.lint  # none of its rows is meant to have negatives
    with pytest.raises(InputError, match="no example is left"):
        build(database, tmp_path / "none", [task], licences=["CC0-1.0"])
    (built,) = result.tasks
    assert (built.rows, built.scored, built.dev_scored) == (2, 3, 1)
    assert verify_set(tmp_path / "out", count_rows).rows == 2
