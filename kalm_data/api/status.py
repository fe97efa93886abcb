"""What a workspace holds and who works on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.overview import Overview

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Overview", "status"]


def status(workspace: Path) -> Overview:
    """Read the overview; other commands may be writing meanwhile."""
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.overview import read_overview

    return read_overview(Database(workspace))
