"""What was turned away, where and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.config.rejects import RejectsConfig

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.records import Reject

__all__ = ["RejectsConfig", "rejects"]


def rejects(workspace: Path, config: RejectsConfig) -> tuple[Reject, ...]:
    """The rejects asked for, the latest run first; other commands may be writing meanwhile."""
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.rejects import read_rejects

    return read_rejects(Database(workspace), config)
