"""`kalm-data status`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from kalm_data.api.status import status as read_status
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import print_json, reporting

if TYPE_CHECKING:
    from kalm_data.api.status import Overview


def status(workspace: WorkspaceOption = WORKSPACE, json: JsonOption = False) -> None:
    """Show what is in the workspace, what ran and what runs now."""
    with reporting("status", as_json=json) as reporter:
        overview = read_status(Path(workspace))
        if json:
            print_json({"command": "status", "status": "ok"} | asdict(overview))
            return
        reporter.data.print(_documents(overview))
        reporter.data.print(_tasks(overview))
        reporter.data.print(_runs(overview))
        for run in overview.running:
            done = run.kept + run.rejected
            reporter.data.print(f"at work: {run.run_id}, {done} of {run.planned}")


def _documents(overview: Overview) -> Table:
    table = Table("collection", "documents", title="Documents")
    for collection, count in overview.documents.items():
        table.add_row(collection, f"{count:,}")
    return table


def _tasks(overview: Overview) -> Table:
    table = Table("task", "type", "pool", "examples", "negatives", "rules", title="Tasks")
    for task in overview.tasks:
        examples = ", ".join(f"{split} {count:,}" for split, count in task.examples.items())
        table.add_row(
            task.task, task.type, ", ".join(task.collections), examples, ", ".join(task.draws),
            ", ".join(task.rules),
        )  # fmt: skip
    return table


def _runs(overview: Overview) -> Table:
    table = Table("run", "status", "planned", "kept", "rejected", "seconds", title="Latest runs")
    for run in overview.runs:
        table.add_row(
            run.run_id, run.status, f"{run.planned:,}", f"{run.kept:,}", f"{run.rejected:,}",
            f"{run.seconds:.1f}",
        )  # fmt: skip
    return table
