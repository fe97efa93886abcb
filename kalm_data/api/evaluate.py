"""Judge a model on the held-out queries of tasks."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.api.device_engines import DeviceEngines, DeviceSettings
from kalm_data.api.execution import execute
from kalm_data.api.regression import RegressionResult, regression
from kalm_data.core.config.eval import EvalConfig
from kalm_data.core.config.gates import Gates
from kalm_data.core.errors import InputError
from kalm_data.core.eval_result import (
    Against,
    Difference,
    EvalResult,
    Figures,
    Headline,
    MtebScore,
    Regression,
    Slice,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

    from kalm_data.core.evaluation import TrainingSet
    from kalm_data.core.protocols import Run
    from kalm_data.core.query_lines import QueryLine
    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.core.tasks import Task
    from kalm_data.core.trained import Trained
    from kalm_data.engines.mteb_tasks import MtebTasks
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.evaluation import EvaluationStore
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = [
    "Against",
    "DeviceSettings",
    "Difference",
    "EvalConfig",
    "EvalResult",
    "Figures",
    "Gates",
    "Headline",
    "MtebScore",
    "Regression",
    "RegressionResult",
    "Slice",
    "evaluate",
    "regression",
]


def evaluate(
    workspace: Path,
    tasks: str | Sequence[str],
    model: str,
    config: EvalConfig,
    *,
    against: str | None = None,
    shards: Path | None = None,
    queries: Path | IO[str] | None = None,
    devices: DeviceSettings | None = None,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[EvalResult]:
    """Compare `model`, and its base `against`, with BM25 and with one another.

    tasks: one or several; all that have test queries if none is named. model, against: folders or
    names of the hub. shards: what `model` was trained on; by default its own record tells, else the
    training examples of the workspace. queries: where each query's answers go, as JSON lines.
    """
    from kalm_data.engines.writers.whole_files import refuse_no_place
    from kalm_data.stages.evaluate import missed_gates

    if isinstance(queries, Path):
        refuse_no_place(queries)
    names = [tasks] if isinstance(tasks, str) else list(tasks)
    made = DeviceEngines(devices)

    def stage(database: Database, run: WorkspaceRun) -> EvalResult:
        result = _evaluate(database, run, names, model, against, shards, queries, config, made)
        return replace(result, devices=made.given)

    arguments = {"tasks": names, "model": model, "against": against, "shards": shards,
                 "devices": made.named}  # fmt: skip
    outcome = execute(
        workspace, "eval", config, arguments, stage,
        resumable=True, gates=gates, on_progress=on_progress,
    )  # fmt: skip
    return replace(outcome, missed=outcome.missed + missed_gates(outcome.result, config))


def _evaluate(
    database: Database,
    run: WorkspaceRun,
    names: Sequence[str],
    model: str,
    against: str | None,
    shards: Path | None,
    queries: Path | IO[str] | None,
    config: EvalConfig,
    made: DeviceEngines,
) -> EvalResult:
    """What can go wrong without a model goes wrong first."""
    from kalm_data.api.eval_models import eval_engines, model_for
    from kalm_data.api.regression import find_regressions, read_sets
    from kalm_data.core.trained import read_trained
    from kalm_data.engines.models import resolve_model
    from kalm_data.engines.mteb_tasks import load_mteb_tasks
    from kalm_data.engines.writers.whole_files import write_whole
    from kalm_data.stages.evaluate import evaluate as stage
    from kalm_data.stages.evaluate import refuse_gates_without_base
    from kalm_data.workspace.evaluation import EvaluationStore

    refuse_gates_without_base(config, compared=against is not None)
    store = EvaluationStore(database)
    tasks = _tasks(database, store, names, run)
    sets = read_sets(database, run, config.regress)
    mteb_tasks = load_mteb_tasks(config.mteb)
    tested = model_for(model, run, config.precision, made)
    base = model_for(against, run, config.precision, made) if against else None
    record = read_trained(resolve_model(model).path)
    engines = eval_engines(database, made)
    lines: list[QueryLine] = []
    result = stage(
        store,
        run,
        tasks,
        tested,
        base,
        _training(store, run, record, shards),
        engines,
        config,
        lines.extend if queries else None,
    )
    if queries:
        write_whole(queries, map(asdict, lines))
    if base:
        found = find_regressions(sets, tested, base, engines, run, config)
        result = replace(result, regress=found)
    if mteb_tasks:
        result = replace(result, mteb=_mteb(mteb_tasks, model, against, config, run, made.first))
    return result


def _tasks(
    database: Database, store: EvaluationStore, names: Sequence[str], run: Run
) -> list[Task]:
    """Those named, or all that have test queries."""
    from kalm_data.workspace.tasks import read_ranked_tasks

    tasks = list(read_ranked_tasks(database, names, run.warn))
    if names:
        return tasks
    asked = [task for task in tasks if store.test_queries(task.name)]
    if not asked:
        message = (
            f"{database.folder}: no task has test queries. Import some whose data give them the "
            'split "test", or have a share set aside with `import --test-fraction`.'
        )
        raise InputError(message)
    if left_out := [task.name for task in tasks if task not in asked]:
        run.warn(f"tasks without test queries are left out: {', '.join(left_out)}")
    return asked


def _mteb(
    tasks: MtebTasks, model: str, against: str | None, config: EvalConfig, run: Run, device: str
) -> dict[str, MtebScore]:
    from kalm_data.engines.models import resolve_model

    run.tell(f"mteb: {', '.join(config.mteb)}")
    own = tasks.scores(resolve_model(model).path, config.precision, device)
    base = tasks.scores(resolve_model(against).path, config.precision, device) if against else {}
    return {
        name: MtebScore(
            measure=tasks.measure(name),
            score=score,
            base=base.get(name),
            difference=score - base[name] if base else None,
        )
        for name, score in own.items()
    }


def _training(
    store: EvaluationStore, run: Run, record: Trained | None, shards: Path | None
) -> TrainingSet:
    """From the shards named by the user or by the model, else from the workspace."""
    from kalm_data.core.manifest import read_manifest
    from kalm_data.workspace.evaluation import read_shards

    folder = shards or (Path(record.folder) if record and record.folder else None)
    if folder is None:
        return store.training_set()
    try:
        manifest = read_manifest(folder)
    except InputError as error:
        if shards:
            raise
        run.warn(f"seen and unseen are told by the workspace, not by the model's shards: {error}")
        return store.training_set()
    if record and record.shards != manifest.fingerprint:
        run.warn(f"{folder} is not the set that the model was trained on: it was built anew")
    return read_shards(folder, manifest)
