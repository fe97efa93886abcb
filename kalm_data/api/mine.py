"""Rank positives exactly and draw hard negatives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data.api.collecting import seldom_collecting
from kalm_data.api.device_engines import DeviceEngines, DeviceSettings
from kalm_data.api.execution import execute
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.mine import MineConfig
from kalm_data.core.mine_result import MineResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["DeviceSettings", "Gates", "MineConfig", "MineResult", "mine"]


def mine(
    workspace: Path,
    tasks: Sequence[str],
    config: MineConfig,
    *,
    devices: DeviceSettings | None = None,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[MineResult]:
    """Measure the ranks of the tasks' positives and draw negatives, all tasks if none is named."""
    from kalm_data.api.rankers import WorkspaceRankers
    from kalm_data.stages.mine import mine as stage
    from kalm_data.workspace.rankings import RankingStore
    from kalm_data.workspace.tasks import read_ranked_tasks

    made = DeviceEngines(devices)

    def all_tasks(database: Database, run: WorkspaceRun) -> MineResult:
        chosen = read_ranked_tasks(database, tasks, run.warn)
        maker = WorkspaceRankers(database, run, config, made)
        result = stage(RankingStore(database), run, maker, chosen, config)
        return replace(result, devices=made.given)

    with seldom_collecting():
        return execute(
            workspace, "mine", config, {"tasks": tasks, "devices": made.named}, all_tasks,
            resumable=True, gates=gates, on_progress=on_progress,
        )  # fmt: skip
