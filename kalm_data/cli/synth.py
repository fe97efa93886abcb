"""`kalm-data synth`."""

from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from kalm_data.api.synth import DeviceSettings, Gates, ModelConfig, SynthConfig
from kalm_data.api.synth import estimate as estimate_plan
from kalm_data.api.synth import preview as preview_queries
from kalm_data.api.synth import synth as write_queries
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, TaskOption, WorkspaceOption
from kalm_data.cli.reporting import Reporter, print_json, reporting
from kalm_data.cli.synth_tables import estimates, written


@expand
def synth(
    config: SynthConfig,
    model: ModelConfig,
    devices: DeviceSettings,
    gates: Gates,
    workspace: WorkspaceOption = WORKSPACE,
    task: TaskOption = None,
    json: JsonOption = False,
) -> None:
    """Write queries for documents, or whole rows from personas, and keep those that pass the gates.

    With a language model every reply is kept: what was paid for is never asked again.
    """
    with reporting("synth", as_json=json) as reporter:
        if config.estimate:
            _show_estimate(reporter, workspace, task or [], config, model, devices)
        elif config.preview:
            _show_preview(reporter, workspace, task or [], config, model, devices)
        else:
            outcome = write_queries(
                workspace, task or [], config, model, devices=devices, gates=gates,
                on_progress=reporter.progress.show,
            )  # fmt: skip
            reporter.finish(outcome, *written(outcome.result))


def _show_estimate(
    reporter: Reporter,
    workspace: WorkspaceOption,
    tasks: list[str],
    config: SynthConfig,
    model: ModelConfig,
    devices: DeviceSettings,
) -> None:
    found = estimate_plan(workspace, tasks, config, model, devices=devices)
    if reporter.as_json:
        rows = {task: asdict(one) for task, one in found.items()}
        print_json({"command": "synth", "status": "ok", "estimate": rows})
        return
    reporter.data.print(estimates(found))


def _show_preview(
    reporter: Reporter,
    workspace: WorkspaceOption,
    tasks: list[str],
    config: SynthConfig,
    model: ModelConfig,
    devices: DeviceSettings,
) -> None:
    shown = preview_queries(workspace, tasks, config, model, devices=devices)
    names = ("kind", "item", "query", "outcome", "prompt", "reply")
    rows = [
        (one.draft.kind, one.draft.candidate.item, one.draft.query, one.outcome, one.draft.sent,
         one.draft.said)
        for one in shown
    ]  # fmt: skip
    if reporter.as_json:
        listed = [dict(zip(names, row, strict=True)) for row in rows]
        print_json({"command": "synth", "status": "ok", "preview": listed})
        return
    for one in shown:
        if one.draft.sent:
            reporter.data.rule(f"{one.draft.kind}: {one.outcome}")
            reporter.data.print(Text(one.draft.sent))
            reporter.data.print(Text(one.draft.said, style="bold"))
    table = Table("kind", "query", "outcome", title="Preview: nothing is written")
    for one in shown:
        table.add_row(one.draft.kind, Text(one.draft.query), one.outcome)
    reporter.data.print(table)
