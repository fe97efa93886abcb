"""`kalm-data train`."""

from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.train import (
    Gates,
    Layer,
    RecipeName,
    RegressSettings,
    TrainConfig,
    resolve_training,
)
from kalm_data.api.train import train as fit
from kalm_data.cli.expand import OptionsOf, expand
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import reporting
from kalm_data.cli.train_tables import training


@expand
def train(
    given: Annotated[Layer, OptionsOf(TrainConfig)],
    regress: RegressSettings,
    gates: Gates,
    shards: Annotated[Path, typer.Argument(help="Folder of a shard set.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the trained model.")],
    recipe: Annotated[
        RecipeName | None,
        typer.Option(
            help="Settings that go together: adapt for a base that embeds already, kalm-v1 and "
            "kalm-v2 for one that generates text. Default: what fits the base."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file of settings, which win over the recipe; options win over it."),
    ] = None,
    print_config: Annotated[
        bool,
        typer.Option("--print-config", help="Print all settings and where each is from, and exit."),
    ] = False,
    leave_one_out: Annotated[
        bool,
        typer.Option(
            "--leave-one-out",
            help="Train without each task in turn as well, and show what it brings on dev rows.",
        ),
    ] = False,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Train a model on a shard set with InfoNCE over in-batch and hard negatives."""
    with reporting("train", as_json=json) as reporter:
        resolved = resolve_training(given, recipe=recipe, file=config)
        if print_config:
            reporter.data.print(resolved.to_toml(), end="", markup=False, soft_wrap=True)
            return
        outcome = fit(
            workspace, shards, output, resolved.settings, leave_one_out=leave_one_out,
            regress=regress, gates=gates, on_progress=reporter.progress.show,
        )  # fmt: skip
        reporter.finish(outcome, *training(outcome.result))
