"""`kalm-data report`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.report import ReportConfig
from kalm_data.api.report import report as write
from kalm_data.cli.expand import expand
from kalm_data.cli.last_lines import last_lines
from kalm_data.cli.options import WORKSPACE, JsonOption, TaskOption, WorkspaceOption
from kalm_data.cli.reporting import print_json, reporting


@expand
def report(
    config: ReportConfig,
    out: Annotated[Path, typer.Argument(help="The page; an older file of that name is replaced.")],
    workspace: WorkspaceOption = WORKSPACE,
    task: TaskOption = None,
    json: JsonOption = False,
) -> None:
    """Write one page that shows the data: what came, went and stayed, and what deserves a look."""
    with reporting("report", as_json=json) as reporter:
        written = write(workspace, out, task or [], config)
        if json:
            print_json({"command": "report", "status": "ok"} | asdict(written))
        for line in last_lines(written):
            reporter.people.print(line, markup=False)
