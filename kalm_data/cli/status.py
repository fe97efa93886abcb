"""`kalm-data status`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from kalm_data.api.status import status as read_status
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import print_json, reporting
from kalm_data.cli.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.api.status import Overview, Step

_LATER = 3
"""Steps behind the next one that are shown."""
_ROWS = 12
"""Tasks and collections that are shown; more are counted."""


def status(workspace: WorkspaceOption = WORKSPACE, json: JsonOption = False) -> None:
    """Show what is in the workspace, what ran, what runs now, and the next command to type."""
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
            reporter.data.print(f"at work: {run.run_id}, {done:,} of {run.planned:,}")
        if not overview.running:
            reporter.data.print(_next(overview.next), soft_wrap=True)


def _next(steps: Sequence[Step]) -> Text:
    """One line a step: commands are copied, so none is cut or folded."""
    if not steps:
        return Text("Nothing is left to do.")
    lines = [f"Next ({visible(steps[0].why)}):\n  {visible(steps[0].command)}"]
    if later := steps[1 : 1 + _LATER]:
        lines.append("Then:\n" + "\n".join(f"  {visible(one.command)}" for one in later))
    if len(steps) > 1 + _LATER:
        lines.append(f"and {len(steps) - 1 - _LATER} more (--json)")
    return Text("\n".join(lines))


def _documents(overview: Overview) -> Table:
    table = _table("Documents", "collection")
    table.add_column("documents", justify="right")
    for collection, count in list(overview.documents.items())[:_ROWS]:
        table.add_row(Text(visible(collection)), f"{count:,}")
    _add_rest(table, len(overview.documents))
    return table


def _tasks(overview: Overview) -> Table:
    table = _table("Tasks", "task")
    for name in ("type", "pool", "examples", "negatives", "rules"):
        table.add_column(name, overflow="fold")
    for task in overview.tasks[:_ROWS]:
        examples = ", ".join(f"{split} {count:,}" for split, count in task.examples.items())
        cells = (task.task, task.type, ", ".join(task.collections), examples,
                 ", ".join(task.draws), ", ".join(task.rules))  # fmt: skip
        table.add_row(*(Text(visible(cell)) for cell in cells))
    _add_rest(table, len(overview.tasks))
    return table


def _runs(overview: Overview) -> Table:
    table = _table("Latest runs", "run")
    table.add_column("status")
    for name in ("planned", "kept", "rejected", "seconds"):
        table.add_column(name, justify="right")
    for run in overview.runs:
        table.add_row(
            run.run_id, run.status, f"{run.planned:,}", f"{run.kept:,}", f"{run.rejected:,}",
            f"{run.seconds:.1f}",
        )  # fmt: skip
    return table


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, overflow="fold")
    return table


def _add_rest(table: Table, count: int) -> None:
    if count > _ROWS:
        table.add_row(f"and {count - _ROWS:,} more")
