"""`kalm-data train`."""

from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.train import Gates, TrainConfig
from kalm_data.api.train import train as fit
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import reporting


@expand
def train(
    config: TrainConfig,
    gates: Gates,
    shards: Annotated[Path, typer.Argument(help="Folder of a shard set.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the trained model.")],
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Train a model on a shard set with InfoNCE over in-batch and hard negatives."""
    with reporting("train", as_json=json) as reporter:
        outcome = fit(
            workspace, shards, output, config, gates=gates, on_progress=reporter.progress.show
        )
        result = outcome.result
        reporter.finish(
            outcome, f"{result.steps} steps, loss {result.loss:.4f}, model in {result.model}"
        )
