"""Writes the files of a set, and uses those that a killed run had finished."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from kalm_data import __version__
from kalm_data.core.finished_files import FinishedFiles
from kalm_data.core.manifest import (
    DEV,
    DEV_SCORED,
    SCORED,
    TRAIN,
    ShardFile,
    ShardTask,
    describe_file,
)
from kalm_data.core.shards_result import TaskBuilt
from kalm_data.measures.row_plans import RowSink, TrainingStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kalm_data.core.config.shards import ShardsConfig
    from kalm_data.core.lint import LintFound
    from kalm_data.core.protocols import Run, Tokenizer
    from kalm_data.core.scored import TextPair
    from kalm_data.core.tasks import Task
    from kalm_data.measures.row_plans import TaskPlan
    from kalm_data.measures.shard_rows import RowKind


class NumberedRows(Protocol):
    """The chosen rows of one task, numbered from 0 in the order in which they are written."""

    @property
    def negatives(self) -> int:
        """Those of all rows."""
        ...

    @property
    def fingerprint(self) -> str:
        """Digest of all that the bytes of the parts depend on, the cuts between them left out."""
        ...

    def borders(self, rows: int, size: int | None) -> list[int]:
        """Where parts begin, and the end: at most so many rows and bytes of text each."""
        ...

    def write(self, file: Path, first: int, last: int) -> None:
        """Rows `first` to before `last` as one Parquet file."""
        ...


class StagedRows(RowSink, Protocol):
    """The rows of a whole set, before they are written."""

    def choose(self, task: str, kind: RowKind, size: int, count: int) -> None:
        """Use `count` of the `size` rows of a task, in seeded order, all again where it is more."""
        ...

    def left_out(self, task: str) -> Sequence[tuple[str, str, str, int]]:
        """(Example id, query, source, line) of the training rows that were not chosen, by id."""
        ...

    def lint(self, settings: ShardsConfig) -> list[LintFound]:
        """What is found in the training rows that were chosen."""
        ...

    def count_tokens(self, name: str, tokenizer: Tokenizer) -> None:
        """Give each text its number of tokens; `name` tells tokenizers apart."""
        ...

    def numbered(self, task: Task, kind: RowKind) -> AbstractContextManager[NumberedRows]: ...


class ShardStore(TrainingStore, Protocol):
    """The training side of a workspace, and the way out of it."""

    def has_own_texts(self, task: str) -> bool:
        """Whether the task is made of labels or scored pairs, which are no documents."""
        ...

    def licences(self, task: Task) -> Mapping[str, tuple[str, ...]]:
        """The licences of each document of the task's pool, by text hash; empty: none is told."""
        ...

    def values(self, task: Task, column: str) -> list[tuple[str, str]]:
        """(Text hash, value) of a column of the documents of the task's pool, where it has one."""
        ...

    def write_scored(self, file: Path, task: str, pairs: Sequence[TextPair]) -> None:
        """Scored pairs as one Parquet file, in the order given."""
        ...

    def staged(self, seed: int, memory_limit: str) -> AbstractContextManager[StagedRows]:
        """A set to be filled; what does not fit into the limit goes to the workspace's disk."""
        ...


class SetWriter:
    """Writes the parts of tasks to a folder; `reused` counts those that were there."""

    def __init__(
        self, store: ShardStore, staged: StagedRows, run: Run, folder: Path, config: ShardsConfig
    ) -> None:
        self._store, self._staged, self._run = store, staged, run
        self._folder, self._config = folder, config
        self.files = FinishedFiles(folder)
        self.reused = 0

    def write(self, plan: TaskPlan) -> tuple[ShardTask, TaskBuilt]:
        task = plan.rows.task
        train, negatives = self._write_rows(plan, "train", TRAIN)
        dev, _ = self._write_rows(plan, "dev", DEV)
        scored = self._write_scored(plan, plan.scored, SCORED)
        dev_scored = self._write_scored(plan, plan.dev_scored, DEV_SCORED)
        entry = ShardTask(
            task=task,
            rows=sum(file.rows for file in train),
            ranker=plan.rows.ranker,
            sources=dict(plan.sources),
            files=train,
            dev=dev,
            scored=scored,
            dev_scored=dev_scored,
        )
        built = TaskBuilt(
            task=task.name,
            rows=entry.rows,
            dev_rows=sum(file.rows for file in dev),
            scored=len(plan.scored),
            dev_scored=len(plan.dev_scored),
            negatives=negatives,
            files=len(entry.all_files),
            parts_rejected=plan.parts_rejected,
        )
        return entry, built

    def _write_rows(
        self, plan: TaskPlan, kind: RowKind, name: str
    ) -> tuple[tuple[ShardFile, ...], int]:
        """The files of one kind of rows, and the negatives in them."""
        if not (plan.train if kind == "train" else plan.dev):
            return (), 0
        with self._staged.numbered(plan.rows.task, kind) as rows:
            made_from = f"{rows.fingerprint}:{__version__}:{version('duckdb')}"
            borders = rows.borders(self._config.rows_per_shard, self._config.bytes_per_shard)
            files = []
            for number, (first, last) in enumerate(pairwise(borders)):
                path = f"{plan.rows.task.name}/{name}-{number:05d}.parquet"
                self._run.tell(f"writing {path}")
                files.append(
                    self._finish(
                        path, f"{made_from}:{first}-{last}", last - first,
                        partial(rows.write, first=first, last=last),
                    )
                )  # fmt: skip
            return tuple(files), rows.negatives

    def _write_scored(
        self, plan: TaskPlan, pairs: Sequence[TextPair], name: str
    ) -> tuple[ShardFile, ...]:
        if not pairs:
            return ()
        task = plan.rows.task.name
        write = partial(self._store.write_scored, task=task, pairs=pairs)
        made_from = f"{plan.sources[name]}:{__version__}:{version('pyarrow')}"
        return (self._finish(f"{task}/{name}-00000.parquet", made_from, len(pairs), write),)

    def _finish(
        self, path: str, made_from: str, rows: int, write: Callable[[Path], None]
    ) -> ShardFile:
        known = self.files.reuse(path, made_from)
        if known is not None:
            self.reused += 1
            return known
        (self._folder / path).parent.mkdir(exist_ok=True)
        write(self._folder / path)
        file = describe_file(self._folder, path, rows)
        self.files.note(made_from, file)
        return file
