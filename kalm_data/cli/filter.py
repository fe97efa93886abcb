"""`kalm-data filter`."""

from rich.table import Table
from rich.text import Text

from kalm_data.api.filter import FilterConfig, Gates, filter_positives
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, TaskOption, WorkspaceOption
from kalm_data.cli.reporting import reporting


@expand
def filter_(
    config: FilterConfig,
    gates: Gates,
    workspace: WorkspaceOption = WORKSPACE,
    task: TaskOption = None,
    json: JsonOption = False,
) -> None:
    """Keep the positives that rank among the first k for their query; nothing is encoded."""
    with reporting("filter", as_json=json) as reporter:
        outcome = filter_positives(
            workspace, task or [], config, gates=gates, on_progress=reporter.progress.show
        )
        positives = max(outcome.run.planned, 1)
        table = Table("k", "kept", "share", title="What each k would keep")
        for row in outcome.result.sweep:
            table.add_row(str(row.k), f"{row.kept:,}", f"{row.kept / positives:.1%}")
        lines = [
            Text(
                f"{each.task}: {each.kept:,} of {each.positives:,} positives kept at k = "
                f"{each.top_k}; {each.examples_lost:,} of {each.examples:,} examples lost"
            )
            for each in outcome.result.tasks
        ]
        reporter.finish(outcome, *lines, table)
