"""Assemble the training set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.shards import ShardsConfig
from kalm_data.core.shards_result import BuildResult, TaskBuilt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.stages.build_shards import NamedTokenizer
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["BuildResult", "Gates", "ShardsConfig", "TaskBuilt", "build_shards"]


def build_shards(
    workspace: Path,
    out: Path,
    tasks: Sequence[str],
    config: ShardsConfig,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[BuildResult]:
    """Write the train examples of the tasks, of all if none is named, as a shard set to `out`."""
    from kalm_data.stages.build_shards import build_shards as stage
    from kalm_data.workspace.rankings import RankingStore
    from kalm_data.workspace.shards import ShardStore
    from kalm_data.workspace.tasks import read_tasks

    def all_tasks(database: Database, run: WorkspaceRun) -> BuildResult:
        chosen = read_tasks(database, tasks)
        store = ShardStore(database)
        tokenizer = _tokenizer(config.tokenizer) if config.tokenizer else None
        return stage(RankingStore(database), store, run, chosen, out, config, tokenizer)

    return execute(
        workspace, "build-shards", config, {"out": out, "tasks": tasks}, all_tasks,
        gates=gates, on_progress=on_progress,
    )  # fmt: skip


def _tokenizer(model: str) -> NamedTokenizer:
    from kalm_data.engines.tokenizer import ModelTokenizer
    from kalm_data.stages.build_shards import NamedTokenizer

    tokenizer = ModelTokenizer(model)
    return NamedTokenizer(tokenizer.fingerprint, tokenizer)
