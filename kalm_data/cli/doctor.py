"""`kalm-data doctor`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from kalm_data.api.doctor import doctor as look
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import print_json, reporting
from kalm_data.cli.visible import visible

if TYPE_CHECKING:
    from kalm_data.api.doctor import Checkup

_COLOURS = {"ok": "green", "absent": "yellow", "broken": "red"}


def doctor(
    workspace: WorkspaceOption = WORKSPACE,
    online: Annotated[bool, typer.Option(help="Ask the model hub, too.")] = False,
    json: JsonOption = False,
) -> None:
    """Tell what this machine can do, and how to get the rest.

    Ends with status 1 if something is broken that every command needs.
    """
    with reporting("doctor", as_json=json) as reporter:
        checkup = look(workspace, online=online)
        if json:
            status = "ok" if checkup.is_sound else "failed"
            print_json({"command": "doctor", "status": status} | asdict(checkup))
        else:
            reporter.data.print(_table(checkup))
        if not checkup.is_sound:
            raise typer.Exit(1)


def _table(checkup: Checkup) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("what", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("found, and how to get the rest", overflow="fold")
    for check in checkup.checks:
        told = Text(visible(check.found))
        if check.remedy:
            told.append(f"\n{visible(check.remedy)}", "bold")
        table.add_row(Text(check.name), Text(check.state, _COLOURS[check.state]), told)
    return table
