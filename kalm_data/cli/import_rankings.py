"""`kalm-data import rankings`."""

from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.import_rankings import Gates, import_rankings
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import reporting


@expand
def rankings(
    gates: Gates,
    others: Annotated[
        list[Path], typer.Argument(help="Workspaces in which `mine --part` ranked a part.")
    ],
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Bring together what several machines ranked; then `mine` without --part draws negatives."""
    with reporting("import-rankings", as_json=json) as reporter:
        outcome = import_rankings(
            workspace, others, gates=gates, on_progress=reporter.progress.show
        )
        by = ", ".join(f"{count:,} by {name}" for name, count in outcome.result.by_ranker.items())
        reporter.finish(outcome, f"{outcome.result.rankings:,} rankings taken over: {by}")
