"""Write training rows, or a task's judged queries, in the formats that others read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.config.export import ExportConfig
from kalm_data.core.config.gates import Gates
from kalm_data.core.exports.result import ExportResult, TaskExported

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["ExportConfig", "ExportResult", "Gates", "TaskExported", "export"]


def export(
    workspace: Path,
    out: Path,
    tasks: Sequence[str],
    config: ExportConfig,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[ExportResult]:
    """Write the tasks, all if none is named, to `out`: of `config.shards`, or of the workspace.

    A shard set needs no workspace: as `train` does, it makes one to record the run in.
    """

    def stage(database: Database, run: WorkspaceRun) -> ExportResult:
        if config.format == "beir":
            return _export_beir(database, run, out, tasks, config)
        return _export_rows(run, out, tasks, config)

    return execute(
        workspace, "export", config, {"out": out, "tasks": tasks}, stage,
        creates=config.format != "beir", gates=gates, on_progress=on_progress,
    )  # fmt: skip


def _export_rows(
    run: WorkspaceRun, out: Path, tasks: Sequence[str], config: ExportConfig
) -> ExportResult:
    from kalm_data.engines.row_files import ShardRowFiles
    from kalm_data.stages.export import export_rows
    from kalm_data.workspace.shards import count_rows

    if config.shards is None:
        message = "a row format without a shard set passed the settings"
        raise AssertionError(message)
    return export_rows(ShardRowFiles(count_rows), run, config.shards, tasks, out, config)


def _export_beir(
    database: Database, run: WorkspaceRun, out: Path, tasks: Sequence[str], config: ExportConfig
) -> ExportResult:
    from kalm_data.core.exports.places import refuse_overlap
    from kalm_data.engines.writers import text_files
    from kalm_data.stages.export_beir import export_beir
    from kalm_data.workspace.exports import ExportStore
    from kalm_data.workspace.tasks import read_ranked_tasks

    refuse_overlap(out, database.folder)
    chosen = read_ranked_tasks(database, tasks, run.warn)
    return export_beir(ExportStore(database), text_files, run, chosen, out, config)
