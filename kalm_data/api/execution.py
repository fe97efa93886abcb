"""Run a stage on a workspace: the lock, the run's record, the gates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from kalm_data.core.config.gates import Gates
from kalm_data.core.summary import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from kalm_data.core.config.settings import Settings
    from kalm_data.core.summary import Progress
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

R = TypeVar("R")


def execute(
    workspace: Path,
    command: str,
    settings: Settings,
    arguments: Mapping[str, object],
    stage: Callable[[Database, WorkspaceRun], R],
    *,
    resumable: bool = False,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[R]:
    """Run `stage` alone on the workspace; its settings and arguments are stored with the run."""
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import running

    database = Database(workspace)
    configuration = json.dumps(
        {**arguments, "settings": settings.model_dump(mode="json")}, sort_keys=True, default=str
    )
    with running(
        database, command, configuration, resumable=resumable, on_progress=on_progress
    ) as run:
        result = stage(database, run)
    summary = run.summary("ok")
    return Outcome(summary, result, (gates or Gates()).missed(summary))
