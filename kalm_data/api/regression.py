"""Whether a model dropped below its base on sets that it was not trained for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.api.device_engines import DeviceEngines, DeviceSettings
from kalm_data.api.execution import execute
from kalm_data.core.config.eval import EvalConfig
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kalm_data.core.eval_result import Regression
    from kalm_data.core.protocols import Run
    from kalm_data.core.retrieval_sets import RetrievalSet
    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.measures.systems import Engines, ModelFor
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun


@dataclass(frozen=True, slots=True)
class RegressionResult:
    """By the name of the set. `devices` are those that encoded and searched."""

    regress: dict[str, Regression]
    devices: tuple[str, ...] = ()


def regression(
    workspace: Path,
    model: str,
    base: str,
    sets: Sequence[str],
    max_drop: float,
    *,
    devices: DeviceSettings | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[RegressionResult]:
    """Compare `model` with `base` on sets, and nothing else; `missed` names those it dropped on.

    sets: tasks of the workspace, or folders in BEIR's layout. Units are their test queries.
    """
    from kalm_data.measures.regression import missed_regressions

    config, made = EvalConfig(regress=tuple(sets), max_drop=max_drop), DeviceEngines(devices)

    def stage(database: Database, run: WorkspaceRun) -> RegressionResult:
        from kalm_data.api.eval_models import eval_engines, model_for

        read = read_sets(database, run, config.regress)
        run.plan(sum(len(one.queries) for one in read))
        tested, against = (model_for(name, run, config.precision, made) for name in (model, base))
        found = find_regressions(read, tested, against, eval_engines(database, made), run, config)
        run.keep(sum(len(one.queries) for one in read))
        return RegressionResult(found, made.given)

    arguments = {"model": model, "against": base, "devices": made.named}
    outcome = execute(
        workspace, "eval", config, arguments, stage, resumable=True, on_progress=on_progress
    )
    return replace(outcome, missed=missed_regressions(outcome.result.regress))


def find_regressions(
    sets: Sequence[RetrievalSet],
    tested: ModelFor,
    base: ModelFor,
    engines: Engines,
    run: Run,
    config: EvalConfig,
) -> dict[str, Regression]:
    """The same within a run that is under way."""
    from kalm_data.measures.regression import regress
    from kalm_data.measures.significance import Resampling

    resampling = Resampling(config.seed, config.resamples)
    return regress(sets, tested, base, engines, run, config.max_drop, resampling)


def read_sets(database: Database, run: Run, names: Sequence[str]) -> list[RetrievalSet]:
    """Each a task of the workspace, or where there is none of that name a folder.

    Raises InputError where it is neither, or has no test queries.
    """
    return [_read_set(database, run, name) for name in dict.fromkeys(names)]


def _read_set(database: Database, run: Run, name: str) -> RetrievalSet:
    from kalm_data.core.retrieval_sets import RetrievalSet
    from kalm_data.engines.readers.beir import is_beir
    from kalm_data.engines.readers.beir_set import read_beir_set
    from kalm_data.workspace.evaluation import EvaluationStore
    from kalm_data.workspace.tasks import read_ranked_tasks, read_task_row

    if read_task_row(database, name):
        (task,) = read_ranked_tasks(database, [name], run.warn)
        store = EvaluationStore(database)
        queries = store.test_queries(name)
        if not queries:
            message = f"--regress {name}: the task has no test queries. Name another, or a folder."
            raise InputError(message)
        return RetrievalSet(name, task, queries, store.pool(task))
    folder = Path(name).expanduser()
    if not is_beir(folder):
        message = (
            f"--regress {name}: neither a task of {database.folder} nor a folder with "
            "corpus.jsonl. Name one of the two."
        )
        raise InputError(message)
    return read_beir_set(folder, name, run.warn)
