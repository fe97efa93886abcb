"""Train a model on a shard set."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from kalm_data.api.execution import execute
from kalm_data.api.regression import find_regressions, read_sets
from kalm_data.api.train_settings import Layer, RecipeName, Resolved, resolve_training
from kalm_data.core.config.eval import EvalConfig, RegressSettings
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.train import TrainConfig
from kalm_data.core.errors import InputError
from kalm_data.core.trained import LeftOut
from kalm_data.stages.train import TrainResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kalm_data.core.eval_result import Regression
    from kalm_data.core.protocols import Run
    from kalm_data.core.retrieval_sets import RetrievalSet
    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.trainer.base_model import Base, Models
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = [
    "Gates", "Layer", "LeftOut", "RecipeName", "RegressSettings", "Resolved", "TrainConfig",
    "TrainResult", "resolve_training", "train",
]  # fmt: skip


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

    leave_one_out: train without each task as well, to tell what it brings; what a killed call had
    finished of it is not trained again. regress: sets on which the model is then compared with its
    base; `missed` names those it dropped on. Neither may have the base itself as `output`.

    Started by torchrun or `accelerate launch`, every process calls this; the first one records the
    run, the others raise SystemExit(0) when the training is done.
    """
    job = _Job(shards, output, config)
    drops = regress or RegressSettings()
    afterwards = {"--leave-one-out": leave_one_out, "--regress": bool(drops.regress)}
    _refuse_to_lose_the_base(job, [option for option, given in afterwards.items() if given])
    if int(os.environ.get("RANK", "0")):
        _take_part(job, leave_one_out=leave_one_out)

    def fit_and_record(database: Database, run: WorkspaceRun) -> TrainResult:
        sets = read_sets(database, run, drops.regress)
        result = (_train_each_way if leave_one_out else _train)(run, job)
        return replace(result, regress=_regress(database, run, sets, job, drops))

    arguments = {"shards": shards, "output": output, "leave_one_out": leave_one_out,
                 **drops.model_dump()}  # fmt: skip
    outcome = execute(
        workspace, "train", config, arguments, fit_and_record,
        creates=True, gates=gates, on_progress=on_progress,
    )  # fmt: skip
    from kalm_data.measures.regression import missed_regressions

    return replace(outcome, missed=outcome.missed + missed_regressions(outcome.result.regress))


@dataclass(frozen=True, slots=True)
class _Job:
    """What a training is asked for."""

    shards: Path
    output: Path
    config: TrainConfig


def _train(run: Run, job: _Job) -> TrainResult:
    from kalm_data.stages.train import train as stage
    from kalm_data.workspace.shards import count_rows

    models = _models(job.config, run)
    from kalm_data.trainer.fit import fit

    return stage(run, partial(fit, models), count_rows, job.shards, job.output, job.config)


def _train_each_way(run: Run, job: _Job) -> TrainResult:
    """With all tasks, and without each; none of it again that was finished before a kill."""
    from kalm_data.core.manifest import read_manifest
    from kalm_data.stages.leave_one_out import leave_one_out, reduced_trainings
    from kalm_data.stages.train import train as stage
    from kalm_data.workspace.shards import count_rows

    shards, output, config = job.shards, job.output, job.config
    manifest = read_manifest(shards)
    reduced = reduced_trainings(shards, manifest, output, config)
    models = _models(config, run)
    from kalm_data.trainer.fit import judge_saved
    from kalm_data.trainer.fit_once import fit_once

    result = stage(run, partial(fit_once, models), count_rows, shards, output, config)
    left_out = leave_one_out(
        run,
        partial(fit_once, models, shards),
        lambda model: judge_saved(model, models, shards, manifest, config),
        reduced,
        output,
    )
    return replace(result, left_out=left_out)


def _refuse_to_lose_the_base(job: _Job, options: Sequence[str]) -> None:
    """Raise InputError where the output takes the place of a base that is needed afterwards."""
    base = Path(job.config.model)
    if options and base.resolve() == job.output.resolve():
        message = f"--output {job.output} is the base, which {options[0]} needs after the training"
        raise InputError(f"{message}. Name another folder.")


def _take_part(job: _Job, *, leave_one_out: bool) -> NoReturn:
    """Be one of the further processes of a training."""
    if leave_one_out:
        raise InputError("--leave-one-out trains in one process: start it without torchrun.")
    from kalm_data.core.manifest import read_manifest
    from kalm_data.trainer.fit import join

    join(_models(job.config), job.shards, read_manifest(job.shards), job.output, job.config)
    raise SystemExit(0)


def _models(config: TrainConfig, run: Run | None = None) -> Models:
    """Base and teacher; `run` is told what there is to know of them."""
    from kalm_data.trainer.base_model import Models

    base = _saved(config.model, run, pooling_is_told=config.pooling is not None)
    return Models(base, _saved(config.teacher, run) if config.teacher else None)


def _saved(name: str, run: Run | None, *, pooling_is_told: bool = False) -> Base:
    from kalm_data.engines.model_files import read_model_files
    from kalm_data.engines.models import resolve_model
    from kalm_data.engines.sentence_transformers_encoder import pooling_note
    from kalm_data.trainer.base_model import Base

    resolved = resolve_model(name)
    files = read_model_files(resolved.path)
    if run is not None:
        guessed = "" if pooling_is_told else pooling_note(resolved.path)
        for note in filter(None, (resolved.note, guessed)):
            run.warn(note)
        run.record_input(f"model {resolved.name}", files.content)
    return Base(resolved.path, files.query_prompt, files.document_prompt, files.content)


def _regress(
    database: Database,
    run: WorkspaceRun,
    sets: Sequence[RetrievalSet],
    job: _Job,
    drops: RegressSettings,
) -> dict[str, Regression]:
    """By set, what the trained model lost against its base."""
    if not sets:
        return {}
    from kalm_data.api.device_engines import DeviceEngines
    from kalm_data.api.eval_models import eval_engines, model_for

    settings, made = EvalConfig(**drops.model_dump()), DeviceEngines(None)
    names = str(job.output), job.config.model
    tested, base = (model_for(name, run, "float32", made) for name in names)
    return find_regressions(sets, tested, base, eval_engines(database, made), run, settings)
