"""Build-shards: the training set, from judgements, the decisions in force and a fresh draw.

Negatives are drawn again from what `mine` measured, so they always follow the latest decision;
nothing is encoded. What was measured on another pool is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from kalm_data import __version__
from kalm_data.core.config.mine import DrawSettings
from kalm_data.core.data_card import write_data_card
from kalm_data.core.errors import GateMissed, InputError
from kalm_data.core.folders import published, refuse_foreign
from kalm_data.core.manifest import MANIFEST, SCHEMA_VERSION, Manifest, write_manifest
from kalm_data.core.mining import DRAW
from kalm_data.core.shards_result import BuildResult
from kalm_data.measures.barring import allowed_tasks, find_barred
from kalm_data.measures.example_rows import ExamplePlanner
from kalm_data.measures.labelled_rows import LabelPlanner
from kalm_data.measures.mix import MixPart, plan_mix
from kalm_data.measures.row_plans import no_row
from kalm_data.measures.set_writer import SetWriter
from kalm_data.measures.text_rows import plan_scored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kalm_data.core.config.shards import ShardsConfig
    from kalm_data.core.lint import LintFound
    from kalm_data.core.manifest import ShardTask
    from kalm_data.core.protocols import Run, Tokenizer
    from kalm_data.core.tasks import Task
    from kalm_data.measures.draws import DrawStore
    from kalm_data.measures.row_plans import Barred, TaskPlan
    from kalm_data.measures.set_writer import ShardStore, StagedRows


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
    document of theirs), `language` (none that the task takes), those of the draw
    (`no_positive_left`, `positive_not_in_pool`, `positive_held_out`, `licence`, `no_evidence`,
    `shortage`), of dev rows `positive_in_training`, of labelled texts
    `single_text_class` and, of dev, `dev_class_full`; `mixed_out` for rows that caps and shares
    leave out.
    """
    refuse_foreign(out, MANIFEST)
    tasks = allowed_tasks(store, run, tasks, config.licences)
    barred = find_barred(draws, store, run, tasks, config)
    with store.staged(config.seed, config.memory_limit) as staged:
        plans = [_plan(draws, store, staged, run, task, config, barred) for task in tasks]
        _mix(staged, run, plans, config)
        _refuse_empty(out, plans)
        found = _look_over(staged, run, config)
        if tokenizer is not None:
            staged.count_tokens(tokenizer.fingerprint, tokenizer.tokenizer)
        with published(out, MANIFEST, resumes=True) as folder:
            writer = SetWriter(store, staged, run, folder, config)
            written = [writer.write(plan) for plan in plans]
            manifest = _manifest([entry for entry, _ in written], config, tokenizer)
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


def _plan(
    draws: DrawStore,
    store: ShardStore,
    staged: StagedRows,
    run: Run,
    task: Task,
    config: ShardsConfig,
    barred: Barred,
) -> TaskPlan:
    """Stage the rows of a task; counts and rejects the examples that get none."""
    held = barred.held_texts
    labelled, of_dev = store.labelled(task.name), store.labelled(task.name, "dev")
    if labelled is not None and of_dev is not None:
        mined = store.in_force("draw", task.name).get(DRAW)
        settings = DrawSettings.from_json(mined) if mined else None
        return LabelPlanner(draws, settings, task, labelled, of_dev, config, held).plan(staged, run)
    scored, dev_pairs = store.scored(task.name), store.scored(task.name, "dev")
    if scored is not None and dev_pairs is not None:
        return plan_scored(staged, run, task, scored, dev_pairs, config, held)
    return ExamplePlanner(draws, store, staged, run, task, barred).plan()


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
                no_row(run, "mixed_out", id_, source, line, query)
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


def _refuse_empty(out: Path, plans: Sequence[TaskPlan]) -> None:
    if not any(plan.train for plan in plans):
        message = (
            f"{out}: no example is left to write. Import pairs or labels, run `kalm-data "
            "synth`, or filter less strictly."
        )
        raise InputError(message)


def _manifest(
    entries: Sequence[ShardTask], config: ShardsConfig, tokenizer: NamedTokenizer | None
) -> Manifest:
    return Manifest(
        schema_version=SCHEMA_VERSION,
        seed=config.seed,
        rows=sum(entry.rows for entry in entries),
        tasks=tuple(sorted(entries, key=lambda entry: entry.task.name)),
        versions={"kalm-data": __version__, "duckdb": version("duckdb")},
        settings=config.shaping(tokenizer.fingerprint if tokenizer else ""),
    )
