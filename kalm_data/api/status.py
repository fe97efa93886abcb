"""What a workspace holds, who works on it, and what is left to do."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data.api.execution import DEFAULT_WORKSPACE
from kalm_data.core.next_steps import Step
from kalm_data.core.overview import Overview

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Overview", "Step", "status"]


def status(workspace: Path) -> Overview:
    """Read the overview; other commands may be writing meanwhile."""
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.overview import read_overview

    overview = read_overview(Database(workspace))
    if workspace == DEFAULT_WORKSPACE:
        return overview
    named = shlex.join(["--workspace", str(workspace)])
    steps = (replace(step, command=f"{step.command} {named}") for step in overview.next)
    return replace(overview, next=tuple(steps))
