"""`kalm-data run`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from kalm_data.api.evaluate import EvalResult
from kalm_data.api.run import RunConfig, plan_pipeline, run_pipeline
from kalm_data.cli.expand import expand
from kalm_data.cli.last_lines import last_lines
from kalm_data.cli.options import JsonOption
from kalm_data.cli.reporting import Reporter, print_json, reporting
from kalm_data.cli.tables import evaluation

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kalm_data.api.run import PipelineResult, StepReport


@expand
def run(
    config: RunConfig,
    file: Annotated[Path, typer.Argument(help="A pipeline.toml: commands with their settings.")],
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", help="Folder of the workspace, in place of the file's."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run the whole pipeline of a file; what has not changed is not done again.

    A step is due where its settings, its input files, what it reads of earlier steps or the version
    of kalm-data changed, or where what it wrote is gone.
    """
    with reporting("run", as_json=json) as reporter:
        if config.dry_run:
            _show_plan(reporter, plan_pipeline(file, config, workspace=workspace))
            return
        outcome = run_pipeline(
            file, config, workspace=workspace,
            on_step=lambda step: _tell(reporter, step), on_progress=reporter.progress.show,
        )  # fmt: skip
        reporter.finish(outcome, *_evaluations(outcome.result))


def _evaluations(result: PipelineResult) -> list[RenderableType]:
    """What `eval` shows, of each step of it that ran."""
    found = [step.result for step in result.steps if isinstance(step.result, EvalResult)]
    return [shown for one in found for shown in evaluation(one)]


def _tell(reporter: Reporter, step: StepReport) -> None:
    """One line for a step that was skipped; of one that ran the counts and why it was due."""
    reporter.progress.close()
    if step.run is not None:
        reporter.stage(step.run)
    if step.action != "failed":
        why = f" ({'; '.join(step.why)})" if step.why else ""
        reporter.people.print(f"run: step {step.name} {step.action}{why}", markup=False)
    for line in last_lines(step.result):
        reporter.people.print(line, markup=False)


def _show_plan(reporter: Reporter, plan: PipelineResult) -> None:
    if reporter.as_json:
        print_json({"command": "run", "status": "ok", "dry_run": True} | asdict(plan))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("step", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("why", overflow="fold")
    for step in plan.steps:
        table.add_row(Text(step.name), step.action, Text("\n".join(step.why)))
    reporter.data.print(table)
