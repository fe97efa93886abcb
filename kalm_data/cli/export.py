"""`kalm-data export`."""

from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.export import ExportConfig, Gates
from kalm_data.api.export import export as write
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, TaskOption, WorkspaceOption
from kalm_data.cli.reporting import reporting
from kalm_data.cli.tree_lines import counted


@expand
def export(
    config: ExportConfig,
    gates: Gates,
    out: Annotated[Path, typer.Argument(help="Folder of the export; an older one is replaced.")],
    workspace: WorkspaceOption = WORKSPACE,
    task: TaskOption = None,
    json: JsonOption = False,
) -> None:
    """Write a shard set, or a task's test collection, in the formats that others read."""
    with reporting("export", as_json=json) as reporter:
        outcome = write(
            workspace, out, task or [], config, gates=gates, on_progress=reporter.progress.show
        )
        result = outcome.result
        what = "queries" if result.format == "beir" else "rows"
        files = counted(result.files, "file")
        reporter.finish(
            outcome,
            f"{result.rows:,} {what} as {result.lines:,} lines in {files}: {result.manifest}",
        )
