"""Rank positives exactly and draw hard negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.mine import MineConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.stages.mine import MineResult
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["Gates", "MineConfig", "mine"]


def mine(
    workspace: Path,
    tasks: Sequence[str],
    config: MineConfig,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[MineResult]:
    """Measure the ranks of the tasks' positives and draw negatives, all tasks if none is named."""
    from kalm_data.engines.dense_search import ExactSearch
    from kalm_data.engines.sentence_transformers_encoder import load_encoder
    from kalm_data.measures.ranker import Engines
    from kalm_data.stages.mine import mine as stage
    from kalm_data.workspace.rankings import RankingStore
    from kalm_data.workspace.tasks import read_tasks
    from kalm_data.workspace.vectors import VectorStore

    def all_tasks(database: Database, run: WorkspaceRun) -> MineResult:
        chosen = read_tasks(database, tasks)
        encoder = load_encoder(config.model, config.precision)
        if encoder.note:
            run.warn(encoder.note)
        engines = Engines(encoder, VectorStore(database), ExactSearch())
        return stage(RankingStore(database), run, engines, chosen, config)

    return execute(
        workspace, "mine", config, {"tasks": tasks}, all_tasks,
        resumable=True, gates=gates, on_progress=on_progress,
    )  # fmt: skip
