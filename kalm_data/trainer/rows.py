"""The rows of a shard set as the trainer sees them: columns for planning, rows for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kalm_data.core.errors import InputError
from kalm_data.trainer.batches import BatchColumns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kalm_data.core.manifest import Manifest

_ROW = (
    "task", "query", "instruction", "in_batch",
    "pos", "pos_titles", "pos_ids", "pos_groups",
    "neg", "neg_titles", "neg_ids", "neg_groups",
)  # fmt: skip
_READ = (*_ROW, "language", "example_id")
_PARALLEL = {
    name: [f"{name}_{part}" for part in ("titles", "ids", "groups")] for name in ("pos", "neg")
}
_EXAMPLE_ID = "^[0-9a-f]{32}$"


@dataclass(frozen=True, slots=True)
class Row:
    """One example with its own hard negatives; lists that start alike are parallel."""

    task: str
    query: str
    instruction: str
    in_batch: bool
    pos: list[str]
    pos_titles: list[str]
    pos_ids: list[str]
    pos_groups: list[str]
    neg: list[str]
    neg_titles: list[str]
    neg_ids: list[str]
    neg_groups: list[str]


class TrainingRows:
    """The rows of a set, in the order of its files, that have something to teach.

    `lonely` are the ids of examples left out: those without negatives of their own in a task
    whose rows take none from their batch.
    """

    def __init__(self, table: pa.Table) -> None:
        teaches = pc.or_(table["in_batch"], pc.greater(pc.list_value_length(table["neg"]), 0))
        self.lonely: tuple[str, ...] = tuple(
            table.filter(pc.invert(teaches))["example_id"].to_pylist()
        )
        self._table = table.filter(teaches).combine_chunks()

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def rows(self, places: Sequence[int]) -> list[Row]:
        taken = self._table.select(_ROW).take(pa.array(places, pa.int64()))
        return [Row(**row) for row in taken.to_pylist()]

    def example_ids(self, places: Sequence[int]) -> list[str]:
        ids: list[str] = self._table["example_id"].take(pa.array(places, pa.int64())).to_pylist()
        return ids

    def columns(self) -> BatchColumns:
        return BatchColumns(
            keys=_keys(self._table["example_id"]),
            strata=_strata(self._table),
            counts=pc.list_value_length(self._table["pos"]).to_numpy().astype(np.int64),
            groups=_numbers(pc.list_flatten(self._table["pos_groups"])),
        )


def read_rows(folder: Path, manifest: Manifest) -> TrainingRows:
    """All rows of a set that `verify` has found whole."""
    parts = [
        _read(folder / file.path, entry.task.name)
        for entry in manifest.tasks
        for file in entry.files
    ]
    return TrainingRows(pa.concat_tables(parts))


def _read(file: Path, task: str) -> pa.Table:
    """The rows of one file. Raises InputError where they cannot be rows of the task."""
    try:
        table = pq.read_table(file, columns=list(_READ), partitioning=None)
        wrong = _first_wrong(table, task)
    except (pa.ArrowException, KeyError, OSError) as error:
        wrong = str(error).splitlines()[0]
    if wrong:
        raise InputError(f"{file}: not a shard of task {task}: {wrong}. Build the set again.")
    return table


def _first_wrong(table: pa.Table, task: str) -> str:
    """What no training can do with; empty where nothing is wrong."""
    empty = [name for name in _READ if table[name].null_count]
    if empty:
        return f'column "{empty[0]}" has empty values'
    if not _all(pc.equal(table["task"], task)):
        return "a row names another task"
    if not _all(pc.match_substring_regex(table["example_id"], _EXAMPLE_ID)):
        return "an example_id is not 32 hex digits"
    if not _all(pc.greater(pc.list_value_length(table["pos"]), 0)):
        return "a row has no positive"
    return _first_unequal(table)


def _first_unequal(table: pa.Table) -> str:
    for name, others in _PARALLEL.items():
        length = pc.list_value_length(table[name])
        for other in others:
            if not _all(pc.equal(length, pc.list_value_length(table[other]))):
                return f'columns "{name}" and "{other}" differ in length'
    return ""


def _all(flags: pa.ChunkedArray) -> bool:
    return bool(pc.all(flags, min_count=0).as_py())


def _keys(ids: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """(N,) the first 64 bits of each id, which is 32 hex digits."""
    raw = bytes.fromhex("".join(ids.to_pylist()))
    return np.frombuffer(raw, dtype=">u8").astype(np.uint64)[::2]


def _strata(table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(N,) the number of each row's (task, language), numbered as they first occur."""
    return _numbers(pc.binary_join_element_wise(table["task"], table["language"], "/"))


def _numbers(names: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Each name's number, in order of first occurrence."""
    encoded = pc.dictionary_encode(names).combine_chunks()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False)).astype(np.int64)
