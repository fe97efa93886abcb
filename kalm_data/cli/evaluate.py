"""`kalm-data eval`."""

from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.evaluate import DeviceSettings, EvalConfig, Gates
from kalm_data.api.evaluate import evaluate as judge
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import reporting
from kalm_data.cli.tables import evaluation


@expand
def evaluate(
    config: EvalConfig,
    devices: DeviceSettings,
    gates: Gates,
    model: Annotated[str, typer.Argument(help="The model to judge: a folder or a hub's name.")],
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            "-t",
            help="Task whose test queries are asked; repeat it for several. Default: all that have "
            "some. Figures and gates are then means over tasks.",
        ),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="The base model to compare with: a folder or a name.")
    ] = None,
    shards: Annotated[
        Path | None,
        typer.Option(help="What the model was trained on; its own record tells if not given."),
    ] = None,
    queries: Annotated[
        str | None,
        typer.Option(
            help="File of JSON lines for what each system answered to each query; - is standard "
            "output, without --json.",
        ),
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Compare a model with BM25 and its base on held-out queries, with intervals and p-values."""
    if queries == "-" and json:
        message = "standard output takes the object of --json: name a file"
        raise typer.BadParameter(message, param_hint="--queries")
    with reporting("eval", as_json=json) as reporter:
        outcome = judge(
            workspace,
            task or [],
            model,
            config,
            against=against,
            shards=shards,
            queries=reporter.data.file if queries == "-" else Path(queries) if queries else None,
            devices=devices,
            gates=gates,
            on_progress=reporter.progress.show,
        )
        reporter.finish(outcome, *evaluation(outcome.result))
