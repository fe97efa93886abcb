"""`kalm-data eval`."""

from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.evaluate import EvalConfig, Gates
from kalm_data.api.evaluate import evaluate as judge
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import reporting
from kalm_data.cli.tables import evaluation


@expand
def evaluate(
    config: EvalConfig,
    gates: Gates,
    model: Annotated[str, typer.Argument(help="The model to judge: a folder or a hub's name.")],
    task: Annotated[str, typer.Option("--task", "-t", help="Task whose test queries are asked.")],
    against: Annotated[
        str | None, typer.Option(help="The base model to compare with: a folder or a name.")
    ] = None,
    shards: Annotated[
        Path | None,
        typer.Option(help="What the model was trained on; its own record tells if not given."),
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Compare a model with BM25 and its base on held-out queries, with intervals and p-values."""
    with reporting("eval", as_json=json) as reporter:
        outcome = judge(
            workspace,
            task,
            model,
            config,
            against=against,
            shards=shards,
            gates=gates,
            on_progress=reporter.progress.show,
        )
        reporter.finish(outcome, *evaluation(outcome.result))
