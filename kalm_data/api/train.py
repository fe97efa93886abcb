"""Train a model on a shard set."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from kalm_data.api.execution import execute
from kalm_data.api.regression import find_regressions, read_sets
from kalm_data.core.config.eval import EvalConfig, RegressSettings
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.layers import Layer, Resolved, read_layer, resolve
from kalm_data.core.config.recipes import RECIPES, RecipeName, recipe_layer
from kalm_data.core.config.train import TrainConfig
from kalm_data.core.errors import InputError
from kalm_data.core.trained import LeftOut
from kalm_data.stages.train import TrainResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.eval_result import Regression
    from kalm_data.core.retrieval_sets import RetrievalSet
    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.engines.models import Resolved as ResolvedModel
    from kalm_data.trainer.base_model import Base
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = [
    "Gates", "Layer", "LeftOut", "RecipeName", "RegressSettings", "Resolved", "TrainConfig",
    "TrainResult", "resolve_training", "train",
]  # fmt: skip


def resolve_training(
    given: Layer, *, recipe: RecipeName | None = None, file: Path | None = None
) -> Resolved[TrainConfig]:
    """All settings of a training: default < recipe < file < what is given.

    The recipe is the one named, else the file's `recipe`, else adapt. Raises InputError where the
    file or the settings are wrong.
    """
    read = read_layer(file, TrainConfig, ("recipe",)) if file else Layer("", {})
    named = recipe or read.values.get("recipe")
    values = {name: value for name, value in read.values.items() if name != "recipe"}
    layers = (Layer(read.source, values), given)
    return resolve(TrainConfig, _recipe(named), *layers)


def _recipe(named: object) -> Layer:
    """The layer of the recipe that is named, or of the default one."""
    chosen = next((recipe for recipe in RECIPES if recipe == (named or "adapt")), None)
    if chosen is None:
        raise InputError(f"recipe {named!r} is not known. Choose one of {', '.join(RECIPES)}.")
    return recipe_layer(chosen)


def train(
    workspace: Path,
    shards: Path,
    output: Path,
    config: TrainConfig,
    *,
    leave_one_out: bool = False,
    regress: RegressSettings | None = None,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[TrainResult]:
    """Train `config.model` on a verified set, save it to `output`, record the run.

    leave_one_out: train without each task as well, to tell what it brings. regress: sets on which
    the model is then compared with its base; `missed` names those it dropped on.

    Started by torchrun or `accelerate launch`, every process calls this; the first one records the
    run, the others raise SystemExit(0) when the training is done.
    """
    from kalm_data.engines.models import resolve_model

    resolved = resolve_model(config.model)
    if int(os.environ.get("RANK", "0")):
        _take_part(resolved, shards, output, config, leave_one_out=leave_one_out)

    drops = regress or RegressSettings()

    def fit_and_record(database: Database, run: WorkspaceRun) -> TrainResult:
        sets = read_sets(database, run, drops.regress)
        way = _train_each_way if leave_one_out else _train
        result = way(run, resolved, shards, output, config)
        return replace(result, regress=_regress(database, run, sets, output, config, drops))

    arguments = {"shards": shards, "output": output, "leave_one_out": leave_one_out,
                 **drops.model_dump()}  # fmt: skip
    outcome = execute(
        workspace, "train", config, arguments, fit_and_record,
        creates=True, gates=gates, on_progress=on_progress,
    )  # fmt: skip
    from kalm_data.measures.regression import missed_regressions

    return replace(outcome, missed=outcome.missed + missed_regressions(outcome.result.regress))


def _regress(
    database: Database,
    run: WorkspaceRun,
    sets: Sequence[RetrievalSet],
    output: Path,
    config: TrainConfig,
    drops: RegressSettings,
) -> dict[str, Regression]:
    """By set, what the model in `output` lost against its base."""
    if not sets:
        return {}
    from kalm_data.api.eval_models import eval_engines, model_for

    settings = EvalConfig(**drops.model_dump())
    tested, base = (model_for(name, run, "float32") for name in (str(output), config.model))
    return find_regressions(sets, tested, base, eval_engines(database), run, settings)


def _train(
    run: WorkspaceRun, resolved: ResolvedModel, shards: Path, output: Path, config: TrainConfig
) -> TrainResult:
    from kalm_data.engines.sentence_transformers_encoder import pooling_note
    from kalm_data.stages.train import train as stage
    from kalm_data.workspace.shards import count_rows

    guessed = "" if config.pooling else pooling_note(resolved.path)
    for note in filter(None, (resolved.note, guessed)):
        run.warn(note)
    base = _base(resolved)
    run.record_input(f"model {resolved.name}", base.content)
    from kalm_data.trainer.fit import fit

    return stage(run, partial(fit, base), count_rows, shards, output, config)


def _train_each_way(
    run: WorkspaceRun, resolved: ResolvedModel, shards: Path, output: Path, config: TrainConfig
) -> TrainResult:
    """With all tasks, and without each."""
    from kalm_data.core.manifest import read_manifest
    from kalm_data.stages.leave_one_out import leave_one_out, refuse_without_tasks

    manifest = read_manifest(shards)
    refuse_without_tasks(shards, manifest)
    result = _train(run, resolved, shards, output, config)
    from kalm_data.trainer.fit import fit, judge_saved
    from kalm_data.trainer.loop import Unwatched

    base = _base(resolved)
    left_out = leave_one_out(
        run,
        lambda rest, place: fit(base, shards, rest, place, config, Unwatched()),
        lambda model: judge_saved(model, base, shards, manifest, config),
        manifest,
        output,
    )
    return replace(result, left_out=left_out)


def _take_part(
    resolved: ResolvedModel, shards: Path, output: Path, config: TrainConfig, *, leave_one_out: bool
) -> NoReturn:
    """Be one of the further processes of a training."""
    if leave_one_out:
        raise InputError("--leave-one-out trains in one process: start it without torchrun.")
    from kalm_data.core.manifest import read_manifest
    from kalm_data.trainer.fit import join

    join(_base(resolved), shards, read_manifest(shards), output, config)
    raise SystemExit(0)


def _base(resolved: ResolvedModel) -> Base:
    from kalm_data.engines.model_files import read_model_files
    from kalm_data.trainer.base_model import Base

    files = read_model_files(resolved.path)
    return Base(resolved.path, files.query_prompt, files.document_prompt, files.content)
