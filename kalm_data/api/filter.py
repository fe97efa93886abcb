"""Decide which positives stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.config.filter import FilterConfig
from kalm_data.core.config.gates import Gates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.stages.filter import FilterResult
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["FilterConfig", "Gates", "filter_positives"]


def filter_positives(
    workspace: Path,
    tasks: Sequence[str],
    config: FilterConfig,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[FilterResult]:
    """Keep positives by rank, in the tasks named, in all tasks if none is; encodes nothing."""
    from kalm_data.stages.filter import filter_positives as stage
    from kalm_data.workspace.rankings import RankingStore
    from kalm_data.workspace.tasks import read_tasks

    def all_tasks(database: Database, run: WorkspaceRun) -> FilterResult:
        return stage(RankingStore(database), run, read_tasks(database, tasks), config)

    return execute(
        workspace, "filter", config, {"tasks": tasks}, all_tasks,
        gates=gates, on_progress=on_progress,
    )  # fmt: skip
