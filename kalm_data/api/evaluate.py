"""Judge a model on the held-out queries of a task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.config.eval import EvalConfig
from kalm_data.core.config.gates import Gates
from kalm_data.core.errors import InputError
from kalm_data.core.eval_result import Difference, EvalResult, Headline, Slice

if TYPE_CHECKING:
    from collections.abc import Callable

    from kalm_data.core.evaluation import TrainingSet
    from kalm_data.core.protocols import Run
    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.core.tasks import Task
    from kalm_data.core.trained import Trained
    from kalm_data.engines.models import Resolved
    from kalm_data.measures.systems import Model
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.evaluation import EvaluationStore
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["Difference", "EvalConfig", "EvalResult", "Gates", "Headline", "Slice", "evaluate"]


def evaluate(
    workspace: Path,
    task: str,
    model: str,
    config: EvalConfig,
    *,
    against: str | None = None,
    shards: Path | None = None,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[EvalResult]:
    """Compare `model`, and its base `against`, with BM25 and with one another.

    model, against: folders or names of the hub. shards: what `model` was trained on; by default
    its own record tells, else the training examples of the workspace.
    """
    from kalm_data.stages.evaluate import missed_gates

    def stage(database: Database, run: WorkspaceRun) -> EvalResult:
        return _evaluate(database, run, task, model, against, shards, config)

    arguments = {"task": task, "model": model, "against": against, "shards": shards}
    outcome = execute(
        workspace, "eval", config, arguments, stage,
        resumable=True, gates=gates, on_progress=on_progress,
    )  # fmt: skip
    return replace(outcome, missed=outcome.missed + missed_gates(outcome.result, config))


def _evaluate(
    database: Database,
    run: WorkspaceRun,
    name: str,
    model: str,
    against: str | None,
    shards: Path | None,
    config: EvalConfig,
) -> EvalResult:
    from kalm_data.core.trained import read_trained
    from kalm_data.engines.bm25_lucene import LuceneBm25
    from kalm_data.engines.dense_search import ExactSearch
    from kalm_data.engines.models import resolve_model
    from kalm_data.measures.systems import Engines
    from kalm_data.stages.evaluate import evaluate as stage
    from kalm_data.workspace.evaluation import EvaluationStore
    from kalm_data.workspace.tasks import read_ranked_tasks
    from kalm_data.workspace.vectors import VectorStore

    store = EvaluationStore(database)
    (task,) = read_ranked_tasks(database, [name], run.warn)
    resolved = resolve_model(model)
    record = read_trained(resolved.path)
    return stage(
        store,
        run,
        task,
        _model(resolved, task, run, config),
        _model(resolve_model(against), task, run, config) if against else None,
        _training(store, run, record, shards),
        Engines(LuceneBm25, VectorStore(database), ExactSearch()),
        config,
    )


def _model(resolved: Resolved, task: Task, run: Run, config: EvalConfig) -> Model:
    """A model, and the task's texts written as its training wrote them, else as its prompts say."""
    from kalm_data.core.templates import resolve_templates
    from kalm_data.core.trained import read_trained
    from kalm_data.engines.sentence_transformers_encoder import load_encoder
    from kalm_data.measures.systems import Model

    encoder = load_encoder(str(resolved.path), config.precision)
    if note := resolved.note or encoder.note:
        run.warn(note)
    now = resolve_templates(task, encoder.query_prompt, encoder.document_prompt)
    record = read_trained(resolved.path)
    learnt = record.templates.get(task.name) if record else None
    if learnt and task.query_template not in ("", learnt.query):
        run.warn(f"{resolved.name} reads queries as it was trained to, not by the task's template")
    if learnt and task.document_template not in ("", learnt.document):
        run.warn(f"{resolved.name} reads documents as in training, not by the task's template")
    return Model(resolved.name, encoder, learnt or now)


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
