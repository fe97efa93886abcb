"""Scored pairs added to a set, and row groups of a few rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from kalm_data.core.manifest import (
    DEV_SCORED,
    SCORED,
    describe_file,
    read_manifest,
    write_manifest,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.manifest import ShardFile, ShardTask

PAIRS = pa.schema(
    [(name, pa.string()) for name in ("sentence1", "sentence2", "language", "task")]
    + [("score", pa.float64())]
)


def add_pairs(folder: Path, task: str, pairs: list[tuple[str, str, float | None]]) -> None:
    """Pairs of a task that the set has, to train on; its manifest then lists them."""
    _add(folder, task, pairs, SCORED, "scored")


def add_dev_pairs(folder: Path, task: str, pairs: list[tuple[str, str, float | None]]) -> None:
    """The same, to evaluate on."""
    _add(folder, task, pairs, DEV_SCORED, "dev_scored")


def _add(
    folder: Path, task: str, pairs: list[tuple[str, str, float | None]], kind: str, field: str
) -> None:
    path = f"{task}/{kind}-00000.parquet"
    told = [
        {"sentence1": one, "sentence2": other, "score": score, "language": "", "task": task}
        for one, other, score in pairs
    ]
    pq.write_table(pa.Table.from_pylist(told, PAIRS), folder / path, row_group_size=4)
    file = describe_file(folder, path, len(pairs))

    def with_pairs(entry: ShardTask) -> ShardTask:
        return entry.model_copy(update={field: (file,)}) if entry.task.name == task else entry

    manifest = read_manifest(folder)
    tasks = tuple(with_pairs(entry) for entry in manifest.tasks)
    write_manifest(folder, manifest.model_copy(update={"tasks": tasks}))


def cut_row_groups(folder: Path, rows: int) -> None:
    """The same rows in row groups of so many."""
    manifest = read_manifest(folder)

    def cut(file: ShardFile) -> ShardFile:
        table = pq.read_table(folder / file.path, partitioning=None)
        pq.write_table(table, folder / file.path, row_group_size=rows)
        return describe_file(folder, file.path, file.rows)

    tasks = tuple(
        entry.model_copy(update={"files": tuple(map(cut, entry.files))}) for entry in manifest.tasks
    )
    write_manifest(folder, manifest.model_copy(update={"tasks": tasks}))
