"""Build-shards: the training set, from judgements, the decisions in force and a fresh draw.

Negatives are drawn again from what `mine` measured, so they always follow the latest decision;
nothing is encoded. What was measured on another pool is refused by name.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from kalm_data import __version__
from kalm_data.core.config.filter import filter_command
from kalm_data.core.config.mine import DrawSettings, mine_command
from kalm_data.core.data_card import write_data_card
from kalm_data.core.errors import InputError, StaleMeasurement
from kalm_data.core.folders import published
from kalm_data.core.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    Manifest,
    ShardTask,
    describe_file,
    write_manifest,
)
from kalm_data.core.mining import DRAW, ranking_basis
from kalm_data.core.pool import document_groups, make_pool
from kalm_data.core.records import Reject
from kalm_data.core.tasks import Task
from kalm_data.measures.draws import draw_task
from kalm_data.measures.label_draws import LabelDraw, draw_by_label
from kalm_data.measures.rules.seen import seen_by
from kalm_data.measures.shard_rows import TaskRows, given_negatives
from kalm_data.measures.training_pool import training_pool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kalm_data.core.config.shards import ShardsConfig
    from kalm_data.core.labelled import ClassText, ClassTexts
    from kalm_data.core.mining import MiningExample
    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import Run
    from kalm_data.measures.draws import DrawStore
    from kalm_data.measures.negatives import Drawn


class ShardWriter(Protocol):
    """The training side of a workspace, and the way out of it."""

    def without_positive(self, task: str) -> list[tuple[str, str, str, int]]:
        """(Example id, query, source, line) of train examples that nobody answered, by id."""
        ...

    def protected(self, task: str) -> set[str]:
        """Ids of train examples whose query, in normal form, is one of dev or test of any task."""
        ...

    def labelled(self, task: str) -> ClassTexts | None:
        """The labelled texts of the train split; None where the task has no labels."""
        ...

    def in_force(self, kind: str, task: str) -> dict[str, str]:
        """The settings of the rules or draws ('rule', 'draw') of a task, by name."""
        ...

    def rules(self, task: str) -> list[tuple[str, str, int]]:
        """(Name, basis, positives it has not judged) of the rules in force that have a basis."""
        ...

    def write_rows(
        self, folder: Path, rows: TaskRows, seed: int, rows_per_shard: int
    ) -> list[tuple[str, int]]:
        """Write the parts of a task to a folder that exists; (file name, rows) of each."""
        ...


@dataclass(frozen=True, slots=True)
class TaskBuilt:
    """Figures of one task. `negatives` counts those of all its rows.

    `parts_rejected` counts, by reason, single positives left out of rows that are written.
    """

    task: str
    rows: int
    negatives: int
    files: int
    parts_rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class BuildResult:
    """Sums over the tasks; `manifest` is the path of the set's manifest."""

    rows: int
    files: int
    manifest: str
    tasks: tuple[TaskBuilt, ...]


def build_shards(
    draws: DrawStore,
    shards: ShardWriter,
    run: Run,
    tasks: Sequence[Task],
    out: Path,
    config: ShardsConfig,
) -> BuildResult:
    """Write the train examples of the tasks as a shard set; one unit an example.

    `out` appears whole, in the place of an older set, or stays as it is. Raises StaleMeasurement
    where examples were mined on another pool, InputError where no example is left or `out` holds
    something else. Reasons of rejects: `no_positive` (nobody answered it), `protected_query` (dev
    or test asks the same, in whatever task), and those of the draw (`no_positive_left`,
    `positive_not_in_pool`, `positive_held_out`, `no_evidence`, `shortage`); of labelled texts
    `single_text_class` (no other text has the class).
    """
    with published(out, MANIFEST) as folder:
        planned = [_plan_rows(draws, shards, run, task, config) for task in tasks]
        entries = tuple(_write_task(shards, run, folder, rows, config) for rows in planned)
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            seed=config.seed,
            rows=sum(entry.rows for entry in entries),
            tasks=tuple(sorted(entries, key=lambda entry: entry.task.name)),
            versions={"kalm-data": __version__, "duckdb": version("duckdb")},
        )
        if not manifest.rows:
            message = (
                f"{out}: no example is left to write. Import pairs or labels, run `kalm-data "
                "synth`, or filter less strictly."
            )
            raise InputError(message)
        write_manifest(folder, manifest)
        write_data_card(folder, manifest)
    return BuildResult(
        rows=manifest.rows,
        files=len(manifest.files),
        manifest=str(out / MANIFEST),
        tasks=tuple(
            TaskBuilt(
                task=rows.task.name,
                rows=len(rows.drawn),
                negatives=sum(len(one.negatives) for one in rows.drawn),
                files=len(entry.files),
                parts_rejected=_count_left_out(rows.drawn),
            )
            for rows, entry in zip(planned, entries, strict=True)
        ),
    )


def _plan_rows(
    draws: DrawStore, shards: ShardWriter, run: Run, task: Task, config: ShardsConfig
) -> TaskRows:
    """What the rows of a task are made from; counts the examples that get none."""
    labelled = shards.labelled(task.name)
    if labelled is not None:
        return _plan_labelled(run, task, labelled, config)
    return _plan_examples(draws, shards, run, task)


def _plan_labelled(run: Run, task: Task, labelled: ClassTexts, config: ShardsConfig) -> TaskRows:
    """Rows without in-batch negatives, whatever the task was declared to be later."""
    run.plan(len(labelled.texts))
    run.record_input(f"labels of {task.name}", labelled.fingerprint)
    _warn_of_ignored(run, task)
    draw = LabelDraw(config.label_positives, config.label_negatives, config.seed)
    drawn = list(draw_by_label(task.name, labelled.texts, draw))
    run.reject(
        [
            _reject_text(run, text, one)
            for text, one in zip(labelled.texts, drawn, strict=True)
            if one.refusal
        ]
    )
    kept = [one for one in drawn if not one.refusal]
    _warn_of_few(run, task.name, kept, config.label_negatives)
    apart = task.model_copy(update={"in_batch": False})
    return TaskRows(apart, "", "", kept, make_pool([], [], ""), labelled.groups, labelled)


def _reject_text(run: Run, one: ClassText, drawn: Drawn) -> Reject:
    numbers = json.dumps({"label": one.label}, ensure_ascii=False)
    return Reject(
        run.run_id, "build-shards", drawn.refusal, drawn.example_id, numbers, one.source, one.line,
        one.text.text,
    )  # fmt: skip


def _warn_of_few(run: Run, task: str, drawn: Sequence[Drawn], wanted: int) -> None:
    short = sum(one.is_short(wanted) for one in drawn)
    if short:
        run.warn(
            f"task {task}: {short} rows have fewer than {wanted} negatives: other classes have no "
            "more texts"
        )
    if not drawn:
        run.warn(f"task {task}: none of its labelled texts gives a row")


def _plan_examples(draws: DrawStore, shards: ShardWriter, run: Run, task: Task) -> TaskRows:
    """The rows of queries that documents answer."""
    examples = {example.example_id: example for example in draws.mining_examples(task.name)}
    unanswered = shards.without_positive(task.name)
    run.plan(len(examples) + len(unanswered))
    run.reject(
        [
            Reject(run.run_id, "build-shards", "no_positive", id_, "{}", source, line, query)
            for id_, query, source, line in unanswered
        ]
    )
    pool = draws.pool(task)
    run.record_input(f"pool of {task.name}", pool.fingerprint)
    _refuse_stale_rules(draws, shards, task.name, ranking_basis(pool, task))
    _warn_of_ignored(run, task)
    ranker, drawn = _draw(draws, shards, run, task, pool)
    protected = shards.protected(task.name)
    reasons = {
        one.example_id: "protected_query" if one.example_id in protected else one.refusal
        for one in drawn
    }
    run.reject([_reject(run, examples[id_], reason) for id_, reason in reasons.items() if reason])
    kept = [one for one in drawn if not reasons[one.example_id]]
    _leave_out(run, task.name, kept, examples)
    return TaskRows(task, ranker, ranking_basis(pool, task), kept, pool, document_groups(pool))


def _reject(run: Run, example: MiningExample, reason: str) -> Reject:
    numbers = json.dumps({"positives": len(example.positives)})
    return Reject(
        run.run_id, "build-shards", reason, example.example_id, numbers, example.source,
        example.line, example.query,
    )  # fmt: skip


def _leave_out(
    run: Run, task: str, kept: Sequence[Drawn], examples: Mapping[str, MiningExample]
) -> None:
    """Store and tell which positives are not written; parts of rows are no units."""
    counts = _count_left_out(kept)
    if counts:
        told = ", ".join(f"{reason} {count}" for reason, count in counts.items())
        run.warn(f"task {task}: positives left out of rows that have others: {told}")
    run.append(
        [
            Reject(
                run.run_id, "build-shards-part", reason, f"{one.example_id}:{text_hash}", "{}",
                examples[one.example_id].source, examples[one.example_id].line,
                examples[one.example_id].query,
            )
            for one in kept
            for text_hash, reason in one.left_out.items()
        ]
    )  # fmt: skip


def _count_left_out(drawn: Sequence[Drawn]) -> dict[str, int]:
    counts = Counter(reason for one in drawn for reason in one.left_out.values())
    return dict(sorted(counts.items()))


def _warn_of_ignored(run: Run, task: Task) -> None:
    """What a task can declare already and this version does not apply yet."""
    ignored = [name for name in ("cap", "weight", "languages", "symmetric")
               if getattr(task, name) != Task.model_fields[name].default]  # fmt: skip
    if ignored:
        run.warn(f"task {task.name}: not applied in this version: {', '.join(ignored)}")


def _refuse_stale_rules(draws: DrawStore, shards: ShardWriter, task: str, basis: str) -> None:
    """Verdicts of another pool, of some positives only, or that looked at what other rules kept
    before, are no filter of this set.
    """
    for rule, judged_on, unjudged in shards.rules(task):
        told = json.loads(shards.in_force("rule", task)[rule])
        again = filter_command(told.get("tasks", [task]), told["options"])
        if judged_on != basis or unjudged:
            what = f"{unjudged} positives are new" if unjudged else "the pool has changed"
            rankers = told["rankers"]
            mined = [mine_command(task, draws.mine_config(task, ranker)) for ranker in rankers]
            line = f"task {task}: rule {rule} is stale: {what} since."
            raise StaleMeasurement(line, [*dict.fromkeys(mined), again])
        dropped = {name: draws.dropped_by(name) for name in told.get("tasks", ())}
        if dropped and told["saw"] != seen_by(rule, dropped):
            line = f"task {task}: rule {rule} is stale: other rules keep other rows since."
            raise StaleMeasurement(line, [again])


def _draw(
    draws: DrawStore, shards: ShardWriter, run: Run, task: Task, pool: Pool
) -> tuple[str, list[Drawn]]:
    """The ranker that scores, and the draw in force made again; else the given negatives."""
    settings = shards.in_force("draw", task.name).get(DRAW)
    if settings:
        drawn_with = DrawSettings.from_json(settings)
        return drawn_with.scorer, list(draw_task(draws, task, drawn_with))
    run.warn(
        f"task {task.name}: nobody mined it; its rows have only the negatives that came with the "
        f"data. `kalm-data mine --task {task.name}` finds more."
    )
    training = training_pool(pool, pool.index(), frozenset(draws.dropped(task.name)))
    return "", list(given_negatives(training, draws.mining_examples(task.name)))


def _write_task(
    shards: ShardWriter, run: Run, folder: Path, rows: TaskRows, config: ShardsConfig
) -> ShardTask:
    name = rows.task.name
    written: list[tuple[str, int]] = []
    if rows.drawn:
        (folder / name).mkdir()
        written = shards.write_rows(folder / name, rows, config.seed, config.rows_per_shard)
    run.keep(len(rows.drawn))
    return ShardTask(
        task=rows.task,
        rows=len(rows.drawn),
        ranker=rows.ranker,
        sources=_sources(shards, rows, config),
        files=tuple(describe_file(folder, f"{name}/{file}", count) for file, count in written),
    )


def _label_draw(config: ShardsConfig) -> str:
    return config.model_dump_json(include={"label_positives", "label_negatives"})


def _sources(shards: ShardWriter, rows: TaskRows, config: ShardsConfig) -> dict[str, str]:
    """The fingerprint of pool or labels, and the settings of the rules and the draw in force."""
    task = rows.task.name
    if rows.labelled:
        return {"labels": rows.labelled.fingerprint, "draw": _label_draw(config)}
    found = {f"rule {rule}": settings for rule, settings in shards.in_force("rule", task).items()}
    for settings in shards.in_force("draw", task).values():
        drawn_with = DrawSettings.from_json(settings)
        # models are told by their fingerprints: an option may be a folder of this machine
        models = {"ranker", "rescored", "denoise"}
        told = drawn_with.config.model_dump(mode="json", exclude=models)
        told |= {"rankers": drawn_with.rankers, "denoiser": drawn_with.denoiser}
        found["draw"] = json.dumps(told, sort_keys=True)
    return {"pool": rows.pool.fingerprint, **found}
