"""Run a stage on a workspace: the lock, the run's record, the gates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kalm_data.core.config.gates import Gates
from kalm_data.core.errors import StaleMeasurement
from kalm_data.core.summary import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kalm_data.core.config.settings import Settings
    from kalm_data.core.summary import Progress
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

R = TypeVar("R")

DEFAULT_WORKSPACE = Path("kalm-workspace")
"""The workspace of commands that name none."""


def execute(
    workspace: Path,
    command: str,
    settings: Settings,
    arguments: Mapping[str, object],
    stage: Callable[[Database, WorkspaceRun], R],
    *,
    creates: bool = False,
    resumable: bool = False,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[R]:
    """Run `stage` alone on the workspace; its settings, arguments and result are kept with the run.

    A workspace that is not there is made where the command `creates` one, else it is an InputError.
    """
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.results import keep_result
    from kalm_data.workspace.runs import running

    database = Database(workspace)
    if not creates:
        database.refuse_missing()
    configuration = json.dumps(
        {**arguments, "settings": settings.model_dump(mode="json")}, sort_keys=True, default=str
    )
    try:
        with running(
            database, command, configuration, resumable=resumable, on_progress=on_progress
        ) as run:
            result = stage(database, run)
            keep_result(workspace, run.run_id, result)
    except StaleMeasurement as stale:
        if workspace == DEFAULT_WORKSPACE:
            raise
        raise stale.at(workspace) from stale
    summary = run.summary("ok")
    return Outcome(summary, result, (gates or Gates()).missed(summary))
