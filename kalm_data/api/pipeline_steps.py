"""Calls the command of a step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kalm_data.api.build_shards import ShardsConfig, build_shards
from kalm_data.api.device_engines import DeviceSettings
from kalm_data.api.diff import SHOWN_ROWS, DiffConfig, diff
from kalm_data.api.evaluate import EvalConfig, evaluate
from kalm_data.api.export import ExportConfig, export
from kalm_data.api.filter import FilterConfig, filter_positives
from kalm_data.api.import_rankings import import_rankings
from kalm_data.api.imports import (
    Gates,
    ImportDocumentsConfig,
    ImportLabelsConfig,
    ImportPairsConfig,
    ImportStsConfig,
    NamedLabelTask,
    NamedStsTask,
    NamedTask,
    import_documents,
    import_labels,
    import_pairs,
    import_sts,
    import_tasks,
)
from kalm_data.api.merge import MergeSettings, merge
from kalm_data.api.mine import MineConfig, mine
from kalm_data.api.personas import PersonasConfig, derive_personas
from kalm_data.api.report import ReportConfig, report
from kalm_data.api.synth import ModelConfig, SynthConfig, synth
from kalm_data.api.train import RegressSettings, TrainConfig, resolve_training, train
from kalm_data.api.verify import verify
from kalm_data.core.pipeline import commands as known
from kalm_data.core.pipeline.result import StepOutcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kalm_data.core.pipeline.step import Step
    from kalm_data.core.summary import Outcome, Progress

    Tell = Callable[[Progress], None] | None


def run_step(workspace: Path, step: Step, on_progress: Tell) -> StepOutcome:
    """Do the work of a step whose paths are located."""
    if not step.command.is_run:
        return StepOutcome(None, _show(workspace, step))
    if step.command.name == known.MERGE:
        output, models = step.of(known.MergeArguments).output, step.of(MergeSettings)
        merged = merge(workspace, output, models, on_progress=on_progress)
        return StepOutcome(merged.run, merged.result, merged.missed)
    outcome = _run(workspace, step, {"gates": step.of(Gates), "on_progress": on_progress})
    return StepOutcome(outcome.run, outcome.result, outcome.missed)


def _show(workspace: Path, step: Step) -> object:
    match step.command.name:
        case "report":
            page = step.of(known.ReportArguments)
            return report(workspace, page.out, page.task, step.of(ReportConfig))
        case "verify":
            return verify(step.of(known.VerifyArguments).shards)
        case _:
            sides, config = step.of(known.DiffArguments), step.of(DiffConfig)
            if config.limit is None:
                config = config.model_copy(update={"limit": SHOWN_ROWS})
            return diff(workspace, str(sides.a), str(sides.b), config)


def _run(workspace: Path, step: Step, shared: dict[str, Any]) -> Outcome[Any]:
    if step.command.name.startswith("import "):
        return _import(workspace, step, shared)
    if step.command.name in ("synth", "mine", "filter", "personas"):
        return _work_on_tasks(workspace, step, shared)
    return _write(workspace, step, shared)


def _import(workspace: Path, step: Step, shared: dict[str, Any]) -> Outcome[Any]:
    match step.command.name:
        case "import tasks":
            return import_tasks(workspace, step.of(known.TaskFileArguments).file, **shared)
        case "import rankings":
            return import_rankings(workspace, step.of(known.RankingArguments).others, **shared)
    sources = step.of(known.SourceArguments).sources
    match step.command.name:
        case "import documents":
            documents = step.of(ImportDocumentsConfig)
            return import_documents(workspace, sources, step.of(NamedTask), documents, **shared)
        case "import pairs":
            pairs = step.of(ImportPairsConfig)
            return import_pairs(workspace, sources, step.of(NamedTask), pairs, **shared)
        case "import labels":
            labels = step.of(ImportLabelsConfig)
            return import_labels(workspace, sources, step.of(NamedLabelTask), labels, **shared)
        case _:
            scored = step.of(ImportStsConfig)
            return import_sts(workspace, sources, step.of(NamedStsTask), scored, **shared)


def _work_on_tasks(workspace: Path, step: Step, shared: dict[str, Any]) -> Outcome[Any]:
    if step.command.name == "personas":
        given = step.of(known.PersonaArguments)
        config, model = step.of(PersonasConfig), step.of(ModelConfig)
        return derive_personas(workspace, given.file, given.task, config, model, **shared)
    tasks, devices = step.of(known.TaskArguments).task, step.of(DeviceSettings)
    match step.command.name:
        case "synth":
            model = step.of(ModelConfig)
            return synth(workspace, tasks, step.of(SynthConfig), model, devices=devices, **shared)
        case "mine":
            return mine(workspace, tasks, step.of(MineConfig), devices=devices, **shared)
        case _:
            rules = step.of(FilterConfig)
            return filter_positives(workspace, tasks, rules, devices=devices, **shared)


def _write(workspace: Path, step: Step, shared: dict[str, Any]) -> Outcome[Any]:
    match step.command.name:
        case "build-shards":
            made = step.of(known.SetArguments)
            config = step.of(ShardsConfig)
            return build_shards(workspace, made.out, made.task, config, push=made.push, **shared)
        case "train":
            given = step.of(known.TrainArguments)
            return train(
                workspace, given.shards, given.output, train_settings(step),
                leave_one_out=given.leave_one_out, regress=step.of(RegressSettings), **shared,
            )  # fmt: skip
        case "eval":
            asked = step.of(known.EvalArguments)
            return evaluate(
                workspace, asked.task, asked.model, step.of(EvalConfig), against=asked.against,
                shards=asked.shards, queries=asked.queries, devices=step.of(DeviceSettings),
                **shared,
            )  # fmt: skip
        case _:
            wanted = step.of(known.ExportArguments)
            return export(workspace, wanted.out, wanted.task, step.of(ExportConfig), **shared)


def train_settings(step: Step) -> TrainConfig:
    """What a step of train names lies over its recipe and its file of settings, as options do."""
    asked = step.of(known.TrainArguments)
    given = replace(step.given, unset=asked.unset)
    return resolve_training(given, recipe=asked.recipe, file=asked.config).settings
