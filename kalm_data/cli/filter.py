"""`kalm-data filter`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from kalm_data.api.filter import (
    DeviceSettings,
    FilterConfig,
    FilterResult,
    Gates,
    TaskFiltered,
    filter_positives,
)
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, TaskOption, WorkspaceOption
from kalm_data.cli.reporting import on_devices, reporting

if TYPE_CHECKING:
    from rich.console import RenderableType


@expand
def filter_(
    config: FilterConfig,
    devices: DeviceSettings,
    gates: Gates,
    workspace: WorkspaceOption = WORKSPACE,
    task: TaskOption = None,
    json: JsonOption = False,
) -> None:
    """Keep the positives that pass the rules, e.g. rank among the first k for their query.

    Rules combine: a positive stays if none in force drops it. A rule run again replaces its own
    verdicts; nothing is encoded.
    """
    with reporting("filter", as_json=json) as reporter:
        outcome = filter_positives(
            workspace, task or [], config, devices=devices, gates=gates,
            on_progress=reporter.progress.show,
        )  # fmt: skip
        lines: list[RenderableType] = [Text(_line(each)) for each in outcome.result.tasks]
        if outcome.result.devices:
            lines.append(Text(f"test texts encoded{on_devices(outcome.result.devices)}"))
        if outcome.result.sweep:
            lines.append(_sweep(outcome.result, max(outcome.run.planned, 1)))
        reporter.finish(outcome, *lines)


def _line(each: TaskFiltered) -> str:
    parts = [f"{each.kept:,} of {each.positives:,} positives kept"]
    parts += [
        f"{rule}{f' at k = {each.top_k}' if rule == 'top-k' else ''} drops {count:,}"
        for rule, count in each.dropped.items()
    ]
    parts += [f"{rule} taken back" for rule in each.reset]
    parts.append(f"{each.examples_lost:,} of {each.examples:,} examples lost")
    return f"{each.task}: {'; '.join(parts)}"


def _sweep(result: FilterResult, positives: int) -> Table:
    table = Table(title="Kept by each k", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    has_labels = any(row.labelled_kept for row in result.sweep)
    for name in ("k", "kept", "share", *(("true of the labelled",) if has_labels else ())):
        table.add_column(name, justify="right")
    for row in result.sweep:
        cells = [str(row.k), f"{row.kept:,}", f"{row.kept / positives:.1%}"]
        if has_labels:
            told = "" if row.precision is None else f"{row.precision:.1%} of {row.labelled_kept:,}"
            cells.append(told)
        table.add_row(*cells)
    return table
