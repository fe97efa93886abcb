"""A small world of documents and queries, mined and filtered by words, and sets built of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from word_ranking import Rankers, WordEncoder

from kalm_data.core.config.filter import FilterConfig
from kalm_data.core.config.mine import MineConfig
from kalm_data.core.config.shards import ShardsConfig
from kalm_data.core.records import Document, Example, Judgement, Text, example_id
from kalm_data.core.shards_result import BuildResult
from kalm_data.core.tasks import Task
from kalm_data.stages.build_shards import build_shards
from kalm_data.stages.filter import Given, filter_positives
from kalm_data.stages.mine import mine
from kalm_data.workspace.rankings import RankingStore
from kalm_data.workspace.runs import running
from kalm_data.workspace.shards import ShardStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kalm_data.core.records import Label, Record, Split
    from kalm_data.core.summary import RunSummary
    from kalm_data.workspace.database import Database

TASK = Task(name="t", collections=("docs",), instruction="find it", licence="CC0-1.0")
MINE = MineConfig(ranks="1-12", negatives=3, max_score_ratio=None, depth=20)
TOPICS = ["river", "stone", "bread", "paper", "glass", "wind"]
COUNT = 30


def text(i: int) -> str:
    return f"{TOPICS[i % 6]} {TOPICS[i // 6 % 6]} number {i}"


def hash_of(i: int) -> str:
    return Text.of(text(i)).text_hash


def document(i: int, parent: str = "", split: Split = "train", **told: str) -> list[Record]:
    return [
        Text.of(text(i)),
        Document(
            "docs", f"d{i}", 1, hash_of(i), f"Title {i}", ("Setup",) if i % 2 else (), parent, i,
            "", "", told.get("licence", ""), "", told.get("metadata", "{}"), split, False, "r",
        ),
    ]  # fmt: skip


def example(
    query: str,
    positives: Sequence[int],
    negatives: Sequence[int] = (),
    split: Split = "train",
    task: str = "t",
) -> list[Record]:
    id_, known = example_id(task, query), Text.of(query)
    labels: list[tuple[int, Label]] = [(i, "positive") for i in positives]
    labels += [(i, "negative") for i in negatives]
    return [
        known,
        Example(id_, task, known.text_hash, "", "en", split, "import", "", "q.jsonl", 3, "r"),
        *(Judgement(id_, hash_of(i), label, "import", "r") for i, label in labels),
    ]


WORLD: list[list[Record]] = [
    *(document(i) for i in range(COUNT)),
    *(example(f"number {i} {TOPICS[i % 6]}", [i, i + 10]) for i in range(10)),
    example("a test query about wind", [5], split="test"),
]


def fill(database: Database, rows: Sequence[Sequence[Record]]) -> Database:
    with running(database, "import", "{}") as run:
        run.append([record for part in rows for record in part])
    return database


def dig(database: Database, config: MineConfig = MINE) -> Database:
    with running(database, "mine", "{}", resumable=True) as run:
        maker = Rankers(database, run, WordEncoder(), config)
        mine(RankingStore(database), run, maker, [TASK], config)
    return database


def sift(database: Database, top_k: int | None, **rules: object) -> Database:
    config = FilterConfig(top_k=top_k, **rules)
    with running(database, "filter", "{}") as run:
        filter_positives(RankingStore(database), run, [TASK], config, Given())
    return database


def build(
    database: Database, out: Path, tasks: Sequence[Task] = (TASK,), **given: object
) -> tuple[BuildResult, RunSummary]:
    threads, tokenizer = given.pop("threads", None), given.pop("named_tokenizer", None)
    config = ShardsConfig.model_validate(given)
    with running(database, "build-shards", "{}") as run:
        store = ShardStore(database, threads)
        draws = RankingStore(database)
        result = build_shards(draws, store, run, tasks, out, config, tokenizer)
    return result, run.summary("ok")


def rows(out: Path, kind: str = "part") -> list[dict[str, Any]]:
    files = sorted((out / "t").glob(f"{kind}-*.parquet"))
    return [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]


def bytes_of(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(f.relative_to(out)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
