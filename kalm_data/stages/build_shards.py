"""Build-shards: the training set, from judgements, the decisions in force and a fresh draw.

Negatives are drawn again from what `mine` measured, so they always follow the latest decision;
nothing is encoded. What was measured on another pool is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from kalm_data import __version__
from kalm_data.core.data_card import write_data_card
from kalm_data.core.errors import GateMissed, InputError
from kalm_data.core.finished_files import FinishedFiles
from kalm_data.core.folders import published
from kalm_data.core.manifest import (
    DEV,
    MANIFEST,
    SCHEMA_VERSION,
    SCORED,
    TRAIN,
    Manifest,
    ShardFile,
    ShardTask,
    describe_file,
    write_manifest,
)
from kalm_data.core.records import Reject, Text
from kalm_data.core.shards_result import BuildResult, TaskBuilt
from kalm_data.measures.draws import BLOCK
from kalm_data.measures.holding_out import OTHER_LICENCE, held_for_dev, of_other_licence
from kalm_data.measures.mix import MixPart, plan_mix
from kalm_data.measures.row_plans import Barred, RowSink, TrainingStore, plan_rows
from kalm_data.measures.training_pool import HELD_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kalm_data.core.config.shards import ShardsConfig
    from kalm_data.core.lint import LintFound
    from kalm_data.core.protocols import Run, Tokenizer
    from kalm_data.core.scored import TextPair
    from kalm_data.core.tasks import Task
    from kalm_data.measures.draws import DrawStore
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


@dataclass(frozen=True, slots=True)
class NamedTokenizer:
    """A tokenizer, and a digest of what it does."""

    fingerprint: str
    tokenizer: Tokenizer


def build_shards(
    draws: DrawStore,
    store: ShardStore,
    run: Run,
    tasks: Sequence[Task],
    out: Path,
    config: ShardsConfig,
    tokenizer: NamedTokenizer | None = None,
) -> BuildResult:
    """Write the train and dev examples of the tasks as a shard set; one unit an example.

    `out` appears whole, in the place of an older set, or stays as it is; what a killed run
    finished is used. Raises StaleMeasurement where examples were mined on another pool, GateMissed
    where something of `config.fail_on` is found, InputError where no example is left or `out` holds
    something else. Reasons of rejects: `no_positive` (nobody answered it), `protected_query` (dev
    or test asks the same, in whatever task; or a text of labels or scores is nearly the same as a
    document of theirs), those of the draw (`no_positive_left`,
    `positive_not_in_pool`, `positive_held_out`, `licence`, `no_evidence`, `shortage`), of dev rows
    `positive_in_training`, of labelled texts `single_text_class`, and `mixed_out` for rows that
    caps and shares leave out.
    """
    tasks = _allowed(run, tasks, config.licences)
    barred = _bar(draws, store, tasks, config)
    with (
        published(out, MANIFEST, resumes=True) as folder,
        store.staged(config.seed, config.memory_limit) as staged,
    ):
        plans = [plan_rows(draws, store, staged, run, task, config, barred) for task in tasks]
        _mix(staged, run, plans, config)
        found = _look_over(staged, run, config)
        if tokenizer is not None:
            staged.count_tokens(tokenizer.fingerprint, tokenizer.tokenizer)
        writer = _Writer(store, staged, run, folder, config)
        written = [writer.write(plan) for plan in plans]
        entries = [entry for entry, _ in written]
        manifest = _manifest(out, entries, config)
        writer.files.close()
        write_manifest(folder, manifest)
        write_data_card(folder, manifest)
    return BuildResult(
        rows=manifest.rows,
        dev_rows=sum(built.dev_rows for _, built in written),
        files=len(manifest.all_files),
        reused=writer.reused,
        manifest=str(out / MANIFEST),
        lint=tuple(found),
        tasks=tuple(built for _, built in written),
    )


def _allowed(run: Run, tasks: Sequence[Task], licences: Sequence[str]) -> list[Task]:
    """Tasks of labels and scores have no licence but their own; documents have theirs."""
    if not licences:
        return list(tasks)
    left = [task for task in tasks if task.is_ranked or task.licence in licences]
    for task in tasks:
        if task not in left:
            told = f"licence {task.licence}" if task.licence else "no licence"
            run.warn(f"task {task.name}: left out, as it has {told}")
    return left


def _bar(
    draws: DrawStore, store: ShardStore, tasks: Sequence[Task], config: ShardsConfig
) -> Barred:
    """Documents that are held out for dev, and those that must not be used."""
    dev = _hold_for_dev(draws, store, tasks, config) if config.dev_fraction else frozenset()
    reasons = {}
    for task in tasks:
        found = dict.fromkeys(dev, HELD_OUT)
        if config.licences:
            other = of_other_licence(store.licences(task), task.licence, config.licences)
            found |= dict.fromkeys(other, OTHER_LICENCE)
        reasons[task.name] = found
    return Barred(reasons, dev, _held_texts(draws, tasks, dev))


def _held_texts(draws: DrawStore, tasks: Sequence[Task], dev: frozenset[str]) -> list[Text]:
    """The documents held for dev and those of dev and test, where a task has other texts too:
    labels and scores come with splits of their own.
    """
    if all(task.is_ranked and task.type != "sts" for task in tasks):
        return []
    documents = (one for task in tasks for one in draws.pool(task).documents)
    held = {
        one.text_hash: one.text for one in documents if one.text_hash in dev or one.split != "train"
    }
    return [Text.of(held[text_hash]) for text_hash in sorted(held)]


def _hold_for_dev(
    draws: DrawStore, store: ShardStore, tasks: Sequence[Task], config: ShardsConfig
) -> frozenset[str]:
    alike: list[tuple[str, str]] = []
    if config.dev_by:
        for task in tasks:
            alike += store.values(task, config.dev_by)
        if not alike:
            message = (
                f'column "{config.dev_by}": no document has it. Name a column of the documents '
                "with --dev-by, or leave it out."
            )
            raise InputError(message)
    pools = (draws.pool(task) for task in tasks)
    examples = (block for task in tasks for block in draws.example_blocks(task.name, BLOCK))
    return held_for_dev(pools, examples, alike, config.dev_fraction, config.seed)


def _mix(staged: StagedRows, run: Run, plans: Sequence[TaskPlan], config: ShardsConfig) -> None:
    """Choose the rows of each task; the others are rejects."""
    parts = [_part(plan, config) for plan in plans]
    mix = plan_mix(parts, config.alpha, config.rows, upsample=config.upsample)
    if mix.limiting:
        run.warn(
            f"task {mix.limiting} has too few rows for its share, so the others give fewer: "
            "--upsample repeats its rows instead"
        )
    for plan, count in zip(plans, mix.counts, strict=True):
        name = plan.rows.task.name
        staged.choose(name, "train", plan.train, count)
        staged.choose(name, "dev", plan.dev, plan.dev)
        run.reject(
            [
                Reject(run.run_id, "build-shards", "mixed_out", id_, "{}", source, line, query)
                for id_, query, source, line in staged.left_out(name)
            ]
        )
        run.keep(min(count, plan.train) + plan.dev)


def _part(plan: TaskPlan, config: ShardsConfig) -> MixPart:
    task = plan.rows.task
    caps = [cap for cap in (task.cap, config.cap) if cap is not None]
    return MixPart(task.name, plan.train, task.weight, min(caps, default=None))


def _look_over(staged: StagedRows, run: Run, config: ShardsConfig) -> list[LintFound]:
    """What is found is told, and ends the run where the user said so."""
    found = staged.lint(config)
    missed = [one for one in found if one.name in config.fail_on]
    if missed:
        told = ". ".join(str(one) for one in missed)
        raise GateMissed(f"--fail-on: {told}. Nothing was written.")
    for one in found:
        run.warn(str(one))
    return found


class _Writer:
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
        scored = self._write_scored(plan)
        entry = ShardTask(
            task=task,
            rows=sum(file.rows for file in train),
            ranker=plan.rows.ranker,
            sources=dict(plan.sources),
            files=train,
            dev=dev,
            scored=scored,
        )
        built = TaskBuilt(
            task=task.name,
            rows=entry.rows,
            dev_rows=sum(file.rows for file in dev),
            scored=len(plan.scored),
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
            made_from = f"{rows.fingerprint}:{version('duckdb')}"
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

    def _write_scored(self, plan: TaskPlan) -> tuple[ShardFile, ...]:
        if not plan.scored:
            return ()
        task = plan.rows.task.name
        write = partial(self._store.write_scored, task=task, pairs=plan.scored)
        made_from = f"{plan.sources['scored']}:{version('duckdb')}"
        path = f"{task}/{SCORED}-00000.parquet"
        return (self._finish(path, made_from, len(plan.scored), write),)

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


def _manifest(out: Path, entries: Sequence[ShardTask], config: ShardsConfig) -> Manifest:
    rows = sum(entry.rows for entry in entries)
    if not rows:
        message = (
            f"{out}: no example is left to write. Import pairs or labels, run `kalm-data "
            "synth`, or filter less strictly."
        )
        raise InputError(message)
    return Manifest(
        schema_version=SCHEMA_VERSION,
        seed=config.seed,
        rows=rows,
        tasks=tuple(sorted(entries, key=lambda entry: entry.task.name)),
        versions={"kalm-data": __version__, "duckdb": version("duckdb")},
    )
