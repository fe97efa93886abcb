"""Assemble the training set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.shards import ShardsConfig
from kalm_data.core.errors import InputError
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
    push: str = "",
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[BuildResult]:
    """Write the examples of the tasks, of all if none is named, as a shard set to `out`.

    push: name of a data set on the Hugging Face hub (`user/name`) that becomes a copy of it.
    """
    from kalm_data.engines.hub import HubRepository
    from kalm_data.stages.build_shards import build_shards as stage
    from kalm_data.workspace.rankings import RankingStore
    from kalm_data.workspace.shards import ShardStore
    from kalm_data.workspace.tasks import read_tasks

    def all_tasks(database: Database, run: WorkspaceRun) -> BuildResult:
        chosen = read_tasks(database, tasks)
        store = ShardStore(database)
        tokenizer = _tokenizer(config.tokenizer) if config.tokenizer else None
        return stage(RankingStore(database), store, run, chosen, out, config, tokenizer)

    repository = HubRepository(push) if push else None  # refuses before anything is built
    outcome = execute(
        workspace, "build-shards", config, {"out": out, "tasks": tasks}, all_tasks,
        gates=gates, on_progress=on_progress,
    )  # fmt: skip
    if repository is None or outcome.missed:
        return outcome
    try:
        pushed = repository.push(out)
    except InputError as error:
        raise InputError(f"{error} The set itself is written: {out}.") from error
    return replace(outcome, result=replace(outcome.result, pushed=pushed))


def _tokenizer(model: str) -> NamedTokenizer:
    from kalm_data.engines.tokenizer import ModelTokenizer
    from kalm_data.stages.build_shards import NamedTokenizer

    tokenizer = ModelTokenizer(model)
    return NamedTokenizer(tokenizer.fingerprint, tokenizer)
