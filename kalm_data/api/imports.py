"""Bring documents, pairs, labels and scored pairs in, one source or a file of tasks at a time."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import ValidationError

from kalm_data.api.execution import execute
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.imports import (
    ImportDocumentsConfig,
    ImportLabelsConfig,
    ImportPairsConfig,
    ImportSettings,
    ImportStsConfig,
)
from kalm_data.core.config.refusals import refusal
from kalm_data.core.config.settings import Settings
from kalm_data.core.errors import InputError
from kalm_data.core.summary import Outcome, RunSummary
from kalm_data.core.tasks import NamedLabelTask, NamedStsTask, NamedTask, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.rows import Source
    from kalm_data.core.summary import Progress
    from kalm_data.core.task_file import DeclaredImport
    from kalm_data.core.tasks import TaskType
    from kalm_data.engines.readers.formats import Purpose
    from kalm_data.stages.import_documents import ImportDocumentsResult
    from kalm_data.stages.import_labels import ImportLabelsResult
    from kalm_data.stages.import_pairs import ImportPairsResult
    from kalm_data.stages.import_sts import ImportStsResult
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = [
    "Gates",
    "ImportDocumentsConfig",
    "ImportLabelsConfig",
    "ImportPairsConfig",
    "ImportSettings",
    "ImportStsConfig",
    "ImportTasksResult",
    "NamedLabelTask",
    "NamedStsTask",
    "NamedTask",
    "TaskImport",
    "import_documents",
    "import_labels",
    "import_pairs",
    "import_sts",
    "import_tasks",
]

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class TaskImport:
    """One import of a file of tasks."""

    task: str
    run_id: str
    result: ImportDocumentsResult | ImportPairsResult | ImportLabelsResult | ImportStsResult


@dataclass(frozen=True, slots=True)
class ImportTasksResult:
    """What each import did, in the order of the file, documents before pairs."""

    tasks: tuple[str, ...]
    imports: tuple[TaskImport, ...]


def import_documents(
    workspace: Path,
    sources: Sequence[str],
    task: Task | NamedTask,
    config: ImportDocumentsConfig,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[ImportDocumentsResult]:
    """Import files, folders, `-` or `hf:NAME` as documents of a task."""

    def stage(database: Database, run: WorkspaceRun, given: _Given) -> ImportDocumentsResult:
        from kalm_data.engines.tokenizer import ModelTokenizer
        from kalm_data.stages.import_documents import import_documents as run_stage
        from kalm_data.workspace.documents import DocumentStore

        tokenizer = ModelTokenizer(config.tokenizer)
        store = DocumentStore(database)
        return run_stage(store, run, given.sources, given.task, config, tokenizer)

    importer = _Importer("import-documents", "documents", "retrieval", stage)
    return importer.run(workspace, sources, task, config, gates, on_progress)


def import_pairs(
    workspace: Path,
    sources: Sequence[str],
    task: Task | NamedTask,
    config: ImportPairsConfig,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[ImportPairsResult]:
    """Import files, folders, `-` or `hf:NAME` as pairs of a task, as `import_documents` does."""

    def stage(database: Database, run: WorkspaceRun, given: _Given) -> ImportPairsResult:
        from kalm_data.stages.import_pairs import import_pairs as run_stage
        from kalm_data.workspace.documents import DocumentStore

        return run_stage(DocumentStore(database), run, given.sources, given.task, config)

    importer = _Importer("import-pairs", "pairs", "retrieval", stage)
    return importer.run(workspace, sources, task, config, gates, on_progress)


def import_labels(
    workspace: Path,
    sources: Sequence[str],
    task: Task | NamedTask,
    config: ImportLabelsConfig,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[ImportLabelsResult]:
    """Import files, folders, `-` or `hf:NAME` as labelled texts, as `import_documents` does.

    A new task that is named alone is one of classification.
    """

    def stage(database: Database, run: WorkspaceRun, given: _Given) -> ImportLabelsResult:
        from kalm_data.stages.import_labels import import_labels as run_stage
        from kalm_data.workspace.labels import LabelStore

        return run_stage(LabelStore(database), run, given.sources, given.task, config)

    importer = _Importer("import-labels", "labels", "classification", stage)
    return importer.run(workspace, sources, task, config, gates, on_progress)


def import_sts(
    workspace: Path,
    sources: Sequence[str],
    task: Task | NamedTask,
    config: ImportStsConfig,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[ImportStsResult]:
    """Import files, folders, `-` or `hf:NAME` as scored pairs, as `import_documents` does.

    A new task that is named alone is one of type sts.
    """

    def stage(database: Database, run: WorkspaceRun, given: _Given) -> ImportStsResult:
        from kalm_data.stages.import_sts import import_sts as run_stage
        from kalm_data.workspace.scored_pairs import ScoredPairStore

        return run_stage(ScoredPairStore(database), run, given.sources, given.task, config)

    importer = _Importer("import-sts", "scored pairs", "sts", stage)
    return importer.run(workspace, sources, task, config, gates, on_progress)


@dataclass(frozen=True, slots=True)
class _Given:
    """What an import is given: its sources, opened, and its task."""

    sources: Sequence[Source]
    task: Task


@dataclass(frozen=True, slots=True)
class _Importer(Generic[R]):
    """What the imports share. A new task that is named alone is of type `new`."""

    command: str
    purpose: Purpose
    new: TaskType
    stage: Callable[[Database, WorkspaceRun, _Given], R]

    def run(
        self,
        workspace: Path,
        sources: Sequence[str],
        task: Task | NamedTask,
        config: ImportSettings,
        gates: Gates | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> Outcome[R]:
        def stage(database: Database, run: WorkspaceRun) -> R:
            from kalm_data.engines.readers.opening import open_source

            opened = [open_source(source, self.purpose, config.format) for source in sources]
            return self.stage(database, run, _Given(opened, _resolve(database, task, self.new)))

        return execute(
            workspace, self.command, config, _arguments(sources, task), stage,
            creates=True, gates=gates, on_progress=on_progress,
        )  # fmt: skip


def import_tasks(
    workspace: Path,
    file: Path,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[ImportTasksResult]:
    """Run every import that a tasks.toml declares; the counts are those of all together.

    Each is a run of its own. One that fails leaves the earlier ones in the workspace, and running
    the file again changes nothing about those.
    """
    from kalm_data.core.task_file import read_task_file

    declared = read_task_file(file)
    runs = [_declare(workspace, file, [each.task for each in declared])]
    imports: list[TaskImport] = []
    for each in declared:
        for source in each.imports:
            outcome = _import(workspace, each.task, source, on_progress)
            runs.append(outcome.run)
            imports.append(TaskImport(each.task.name, outcome.run.run_id, outcome.result))
    names = tuple(each.task.name for each in declared)
    summary = _sum(runs)
    return Outcome(
        summary, ImportTasksResult(names, tuple(imports)), (gates or Gates()).missed(summary)
    )


def _declare(workspace: Path, file: Path, tasks: Sequence[Task]) -> RunSummary:
    """Write down the tasks themselves, those without sources too."""

    def stage(database: Database, run: WorkspaceRun) -> None:
        from kalm_data.core.arrivals import task_revision
        from kalm_data.workspace.tasks import read_task_row

        for task in tasks:
            held = read_task_row(database, task.name)
            run.append(task_revision(task, task.pool[0], held, run.run_id)[1])

    return execute(workspace, "import-tasks", Settings(), {"file": file}, stage, creates=True).run


def _import(
    workspace: Path,
    task: Task,
    declared: DeclaredImport,
    on_progress: Callable[[Progress], None] | None,
) -> (
    Outcome[ImportDocumentsResult]
    | Outcome[ImportPairsResult]
    | Outcome[ImportLabelsResult]
    | Outcome[ImportStsResult]
):
    sources = [declared.source]
    match declared.config:
        case ImportDocumentsConfig() as config:
            return import_documents(workspace, sources, task, config, on_progress=on_progress)
        case ImportPairsConfig() as config:
            return import_pairs(workspace, sources, task, config, on_progress=on_progress)
        case ImportLabelsConfig() as config:
            return import_labels(workspace, sources, task, config, on_progress=on_progress)
        case ImportStsConfig() as config:
            return import_sts(workspace, sources, task, config, on_progress=on_progress)


def _sum(runs: Sequence[RunSummary]) -> RunSummary:
    rejected: Counter[str] = Counter()
    for run in runs:
        rejected.update(run.rejected)
    warnings = dict.fromkeys(line for run in runs for line in run.warnings)
    return RunSummary(
        command="import-tasks",
        run_id=runs[0].run_id,
        status="ok",
        planned=sum(run.planned for run in runs),
        kept=sum(run.kept for run in runs),
        rejected=dict(sorted(rejected.items())),
        seconds=round(sum(run.seconds for run in runs), 3),
        warnings=tuple(warnings),
    )


def _resolve(database: Database, task: Task | NamedTask, new: TaskType) -> Task:
    """The task as declared, else as the workspace has it, else one of type `new`, with the changes.

    Raises InputError where it cannot be.
    """
    from kalm_data.workspace.tasks import read_task_row

    if isinstance(task, Task):
        return task
    held = read_task_row(database, task.task)
    changes = {"type": task.type, "instruction": task.task_instruction}
    given = {name: value for name, value in changes.items() if value is not None}
    known = json.loads(held.definition) if held else {"name": task.task, "type": new}
    try:
        return Task.model_validate({**known, **given})
    except ValidationError as error:
        raise InputError(refusal(error.errors()[0], Task)) from error


def _arguments(sources: Sequence[str], task: Task | NamedTask) -> dict[str, object]:
    return {"sources": list(sources), "task": task.name if isinstance(task, Task) else task.task}
