"""Row groups of a set's files: read, checked, and kept while there is room."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from kalm_data.core.manifest import ShardFile, ShardTask
    from kalm_data.core.tasks import Task

ROW = (
    "task", "query", "instruction", "in_batch",
    "pos", "pos_titles", "pos_ids", "pos_groups", "pos_scores",
    "neg", "neg_titles", "neg_ids", "neg_groups", "neg_scores",
)  # fmt: skip
PAIR = ("task", "language", "sentence1", "sentence2", "score")
_READ = (*ROW, "language", "example_id")
_PARALLEL = {
    name: [f"{name}_{part}" for part in ("titles", "ids", "groups", "scores")]
    for name in ("pos", "neg")
}
_EXAMPLE_ID = "^[0-9a-f]{32}$"


@dataclass(frozen=True, slots=True)
class Part:
    """One row group of a file of a task, of so many rows; `scored` where these are scored pairs."""

    file: Path
    group: int
    rows: int
    task: Task
    scored: bool

    def read(self) -> pa.Table:
        """Its rows, of rows to train on those that have something to teach.

        Raises InputError where they cannot be rows of the task.
        """
        columns = PAIR if self.scored else _READ
        try:
            with pq.ParquetFile(self.file) as opened:
                table = opened.read_row_group(self.group, columns=list(columns))
            wrong = _first_wrong(table, self.task.name, columns)
        except (pa.ArrowException, KeyError, OSError) as error:
            wrong = str(error).splitlines()[0]
        if wrong:
            raise _no_shard(self.file, self.task.name, wrong)
        return table if self.scored else table.filter(teaches(table))

    def lonely(self) -> list[str]:
        """The ids of the examples that `read` leaves out."""
        table = self._of_rows("in_batch", "neg", "example_id")
        ids: list[str] = table.filter(pc.invert(teaches(table)))["example_id"].to_pylist()
        return ids

    def example_ids(self) -> pa.ChunkedArray:
        """Those of the examples that `read` gives; no text is read."""
        table = self._of_rows("in_batch", "neg_scores", "example_id")
        # As many scores as negatives: `read` has seen to that.
        return table["example_id"].filter(teaches(table, "neg_scores"))

    def _of_rows(self, *columns: str) -> pa.Table:
        with pq.ParquetFile(self.file) as opened:
            return opened.read_row_group(self.group, columns=list(columns))


def parts_of(folder: Path, entry: ShardTask, *, scored: bool) -> Iterator[Part]:
    """The row groups that a task is trained on, in order."""
    return parts_in(folder, entry.task, entry.scored if scored else entry.files, scored=scored)


def parts_in(
    folder: Path, task: Task, files: Iterable[ShardFile], *, scored: bool
) -> Iterator[Part]:
    """The row groups of some files, in order. Raises InputError for what is no Parquet."""
    for file in files:
        path = folder / file.path
        try:
            metadata = pq.read_metadata(path)
        except (pa.ArrowException, OSError) as error:
            raise _no_shard(path, task.name, str(error).splitlines()[0]) from error
        for group in range(metadata.num_row_groups):
            yield Part(path, group, metadata.row_group(group).num_rows, task, scored)


def teaches(table: pa.Table, negatives: str = "neg") -> pa.ChunkedArray:
    """Whether a row has something to teach: negatives of its own, or those of its batch.

    negatives: a column with a list for each row, of one entry a negative.
    """
    return pc.or_(table["in_batch"], pc.greater(pc.list_value_length(table[negatives]), 0))


def count_taught(table: pa.Table) -> int:
    """Rows with a finite score of a positive and of a negative."""
    both: set[int] | None = None
    for name in ("pos_scores", "neg_scores"):
        scores = table[name].combine_chunks()
        known = pc.fill_null(pc.is_finite(pc.list_flatten(scores).cast(pa.float64())), False)
        found = set(pc.unique(pc.list_parent_indices(scores).filter(known)).to_pylist())
        both = found if both is None else both & found
    return len(both or ())


class Kept:
    """The row groups that were read last, as many as fit into `limit` bytes, one at least."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._tables: OrderedDict[Part, pa.Table] = OrderedDict()
        self._size = 0
        self.most = 0
        """Most bytes that were held at once."""

    def __len__(self) -> int:
        return len(self._tables)

    def get(self, part: Part) -> pa.Table:
        if part not in self._tables:
            self._add(part, part.read())
        self._tables.move_to_end(part)
        return self._tables[part]

    def _add(self, part: Part, table: pa.Table) -> None:
        self._size += table.nbytes
        while self._tables and self._size > self._limit:
            _, oldest = self._tables.popitem(last=False)
            self._size -= oldest.nbytes
        self._tables[part] = table
        self.most = max(self.most, self._size)


def _no_shard(file: Path, task: str, wrong: str) -> InputError:
    return InputError(f"{file}: not a shard of task {task}: {wrong}. Build the set again.")


def _first_wrong(table: pa.Table, task: str, columns: tuple[str, ...]) -> str:
    """What no training can do with; empty where nothing is wrong."""
    empty = [name for name in columns if table[name].null_count]
    if empty:
        return f'column "{empty[0]}" has empty values'
    if not _all(pc.equal(table["task"], task)):
        return "a row names another task"
    if columns is PAIR:
        return "" if _all(pc.is_finite(table["score"])) else "a score is no number"
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
