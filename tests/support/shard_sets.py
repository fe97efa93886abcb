"""Shard sets made by tests, row by row, with a true manifest."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from kalm_data.core.exports.rows import ShardRow
from kalm_data.core.manifest import (
    SCHEMA_VERSION,
    Manifest,
    ShardTask,
    describe_file,
    write_manifest,
)
from kalm_data.core.records import example_id, text_hash
from kalm_data.core.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TEXT, _TEXTS, _NUMBERS = pa.string(), pa.list_(pa.string()), pa.list_(pa.float64())
_LISTS = [f"{kind}{part}" for kind in ("pos", "neg") for part in ("", "_titles", "_ids", "_groups")]
SCHEMA = pa.schema(
    [(name, _TEXT) for name in ("query", "task", "type", "language", "instruction", "example_id")]
    + [(name, _TEXTS) for name in (*_LISTS, "neg_rankers")]
    + [(name, _NUMBERS) for name in ("pos_scores", "neg_scores")]
    + [("in_batch", pa.bool_())]
)


def shard_row(query: str, pos: Sequence[str], neg: Sequence[str] = (), **given: object) -> ShardRow:
    """A row; what is not given is empty."""
    values: dict[str, Any] = {
        "example_id": example_id("t", query), "query": query, "instruction": "", "language": "",
        "in_batch": True, "pos": list(pos), "neg": list(neg), "pos_titles": [""] * len(pos),
        "neg_titles": [""] * len(neg), "pos_scores": [None] * len(pos),
        "neg_scores": [None] * len(neg), "neg_rankers": ["given"] * len(neg),
    }  # fmt: skip
    return ShardRow(**(values | given))


def write_shards(
    folder: Path, rows: dict[str, list[ShardRow]], rows_per_shard: int = 1000, **given: object
) -> Path:
    """A set of tasks, each with its rows; `given` is said of all of them."""
    entries = []
    for task, of_task in sorted(rows.items()):
        (folder / task).mkdir(parents=True)
        parts = groupby(enumerate(of_task), key=lambda one: one[0] // rows_per_shard)
        files = []
        for number, part in parts:
            fields = [_fields(task, row) for _, row in part]
            path = f"{task}/part-{number:05d}.parquet"
            pq.write_table(pa.Table.from_pylist(fields, SCHEMA), folder / path)
            files.append(describe_file(folder, path, len(fields)))
        declared = Task.model_validate({"name": task, **given})
        entries.append(
            ShardTask(task=declared, rows=len(of_task), ranker="", sources={}, files=tuple(files))
        )
    count = sum(entry.rows for entry in entries)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION, seed=0, rows=count, tasks=tuple(entries), versions={}
    )
    write_manifest(folder, manifest)
    return folder


def _fields(task: str, row: ShardRow) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in ShardRow.__dataclass_fields__}
    hashes = {
        f"{kind}_{part}": [text_hash(text) for text in fields[kind]]
        for kind in ("pos", "neg")
        for part in ("ids", "groups")
    }
    return {**fields, **hashes, "task": task, "type": "retrieval"}
