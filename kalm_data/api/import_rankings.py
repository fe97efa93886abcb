"""Bring together what several machines ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.stages.import_rankings import ImportRankingsResult
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["Gates", "import_rankings"]


def import_rankings(
    workspace: Path,
    others: Sequence[Path],
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[ImportRankingsResult]:
    """Take over the ranks and hits of other workspaces that hold the same documents and pairs.

    Each ranked a part (`mine --part`); `mine` without it draws from all of them, and ranks no more.
    """
    from kalm_data.core.mining import ranking_basis
    from kalm_data.stages.import_rankings import import_rankings as stage
    from kalm_data.workspace.elsewhere import OtherWorkspace
    from kalm_data.workspace.rankings import RankingStore
    from kalm_data.workspace.tasks import read_tasks

    known = [OtherWorkspace(folder) for folder in others]

    def take_over(database: Database, run: WorkspaceRun) -> ImportRankingsResult:
        store = RankingStore(database)
        examples: dict[str, str] = {}
        for task in read_tasks(database, ()):
            basis = ranking_basis(store.pool(task), task)
            examples |= {one.example_id: basis for one in store.mining_examples(task.name)}
        return stage(known, run, examples)

    return execute(
        workspace, "import-rankings", Settings(), {"from": [str(folder) for folder in others]},
        take_over, gates=gates, on_progress=on_progress,
    )  # fmt: skip
