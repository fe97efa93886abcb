"""`kalm-data synth`."""

import typer
from rich.table import Table

from kalm_data.api.synth import Gates, SynthConfig
from kalm_data.api.synth import preview as preview_queries
from kalm_data.api.synth import synth as write_queries
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, TaskOption, WorkspaceOption
from kalm_data.cli.reporting import Reporter, print_json, reporting


@expand
def synth(
    config: SynthConfig,
    gates: Gates,
    workspace: WorkspaceOption = WORKSPACE,
    task: TaskOption = None,
    json: JsonOption = False,
) -> None:
    """Write queries from the documents of a task, and keep those that pass the quality gates."""
    with reporting("synth", as_json=json) as reporter:
        if config.preview:
            _show_preview(reporter, workspace, task or [], config)
            raise typer.Exit
        outcome = write_queries(
            workspace, task or [], config, gates=gates, on_progress=reporter.progress.show
        )
        reporter.finish(outcome)


def _show_preview(
    reporter: Reporter, workspace: WorkspaceOption, tasks: list[str], config: SynthConfig
) -> None:
    shown = [
        (one.request.facet, one.request.document.title, one.query, one.outcome)
        for one in preview_queries(workspace, tasks, config)
    ]
    if reporter.as_json:
        names = ("facet", "title", "query", "outcome")
        rows = [dict(zip(names, row, strict=True)) for row in shown]
        print_json({"command": "synth", "status": "ok", "preview": rows})
        return
    table = Table("facet", "document", "query", "outcome", title="Preview: nothing is written")
    for row in shown:
        table.add_row(*row)
    reporter.data.print(table, markup=False)
