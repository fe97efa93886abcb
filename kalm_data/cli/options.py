"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.execution import DEFAULT_WORKSPACE

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        "-w",
        envvar="KALM_WORKSPACE",
        help="Folder of the workspace.",
        show_default=str(DEFAULT_WORKSPACE),
    ),
]
WORKSPACE = DEFAULT_WORKSPACE

TaskOption = Annotated[
    list[str] | None,
    typer.Option("--task", "-t", help="Task to work on; repeat it for several. Default: all."),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on stdout, also on failure."),
]
