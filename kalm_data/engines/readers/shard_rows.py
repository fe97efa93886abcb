"""Reads the rows of a shard set in blocks, so that a set larger than memory can be read."""

from __future__ import annotations

from collections import Counter
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kalm_data.core.errors import InputError
from kalm_data.core.exports.rows import ShardRow, Survey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_BLOCK_ROWS = 2048
_NEEDED = (
    "example_id", "query", "instruction", "language", "in_batch",
    "pos", "pos_titles", "neg", "neg_titles",
)  # fmt: skip
_EXTRA = {"pos_scores": "pos", "neg_scores": "neg", "neg_rankers": "neg"}
"""Columns that a set may lack, and the texts that they are parallel to."""
_SURVEYED = ("instruction", "language", "pos_titles", "neg_titles", "pos_scores", "neg_scores")


def read_blocks(file: Path) -> Iterator[list[ShardRow]]:
    """The rows of one file, in order. Raises InputError where they are not those of a shard."""
    for batch in _batches(file, (*_NEEDED, *_EXTRA)):
        rows = batch.to_pylist()
        yield [_row(file, fields) for fields in rows]


def survey_rows(files: Sequence[Path]) -> Survey:
    """What all rows of a task have in common; one pass over the columns that are not texts."""
    negatives: Counter[int] = Counter()
    seen = dict.fromkeys(("titled", "instructed", "in_language"), False)
    unscored = False
    for batch in chain.from_iterable(_batches(file, ("neg_titles", *_SURVEYED)) for file in files):
        negatives.update(pc.list_value_length(batch["neg_titles"]).to_pylist())
        seen["titled"] |= _has_text(batch, "pos_titles") or _has_text(batch, "neg_titles")
        seen["instructed"] |= _has_text(batch, "instruction")
        seen["in_language"] |= _has_text(batch, "language")
        unscored = unscored or not _is_scored(batch)
    return Survey(dict(negatives), scored=not unscored, **seen)


def _batches(file: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(file) as parquet:
            there = [name for name in dict.fromkeys(columns) if name in parquet.schema_arrow.names]
            yield from parquet.iter_batches(batch_size=_BLOCK_ROWS, columns=there)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{file}: not readable: {reason}. Build the set again.") from error


def _has_text(batch: pa.RecordBatch, name: str) -> bool:
    column = batch[name]
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = column.flatten()
    return bool(pc.any(pc.not_equal(column, ""), min_count=0).as_py())


def _is_scored(batch: pa.RecordBatch) -> bool:
    names = ("pos_scores", "neg_scores")
    return all(name in batch.schema.names and not batch[name].flatten().null_count
               for name in names)  # fmt: skip


def _row(file: Path, fields: dict[str, Any]) -> ShardRow:
    for name, parallel in _EXTRA.items():
        if fields.get(name) is None:
            empty = "" if name == "neg_rankers" else None
            fields[name] = list(repeat(empty, len(fields[parallel] or ())))
    row = ShardRow(**fields)
    lists = ((row.pos, row.pos_titles, row.pos_scores), (row.neg, row.neg_titles, row.neg_scores))
    if any(value is None for value in fields.values()) or any(
        len({*map(len, one)}) > 1 for one in lists
    ):
        message = f"{file}: row {row.example_id}: an empty value, or lists of different lengths."
        raise InputError(f"{message} Build the set again.")
    return row
