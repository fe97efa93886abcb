"""What is in a workspace, on one screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.core.next_steps import Step
    from kalm_data.core.summary import Progress


@dataclass(frozen=True, slots=True)
class TaskState:
    """How far one task is: examples, labelled texts or scored pairs by split, and the draws and
    rules in force with their runs.
    """

    task: str
    type: str
    collections: tuple[str, ...]
    examples: Mapping[str, int]
    draws: tuple[str, ...]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PastRun:
    """One row of the table of runs."""

    run_id: str
    status: str
    planned: int
    kept: int
    rejected: int
    started_at: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Overview:
    """Documents by collection, tasks, the latest runs (newest first) and those at work now.

    `next` is what is left to do, in order; empty while a command is at work.
    """

    documents: Mapping[str, int]
    texts: int
    tasks: tuple[TaskState, ...]
    runs: tuple[PastRun, ...]
    running: tuple[Progress, ...]
    next: tuple[Step, ...]
