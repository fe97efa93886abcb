"""`kalm-data train`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.merge import MergeSettings, merge
from kalm_data.api.outcome import InputError
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
from kalm_data.cli.reporting import Reporter, reporting
from kalm_data.cli.train_tables import training


@expand
def train(
    given: Annotated[Layer, OptionsOf(TrainConfig)],
    regress: RegressSettings,
    gates: Gates,
    averaged: MergeSettings,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the trained model.")],
    shards: Annotated[
        Path | None, typer.Argument(help="Folder of a shard set; none with --merge.")
    ] = None,
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
    if (shards is None) != bool(averaged.merge):
        raise typer.BadParameter("Give either a shard set, SHARDS, or models to --merge.")
    with reporting("train", as_json=json) as reporter:
        if shards is None:
            others = {
                "unset": given.unset, "recipe": recipe, "config": config,
                "print-config": print_config, "leave-one-out": leave_one_out,
                "regress": regress != RegressSettings(),
                "min-kept or --max-reject-rate": gates != Gates(),
            }  # fmt: skip
            _refuse_unread([*given.values, *(name for name, is_set in others.items() if is_set)])
            _merge(workspace, output, averaged, reporter)
            return
        resolved = resolve_training(given, recipe=recipe, file=config)
        if print_config:
            reporter.data.print(resolved.to_toml(), end="", markup=False, soft_wrap=True)
            return
        outcome = fit(
            workspace, shards, output, resolved.settings, leave_one_out=leave_one_out,
            regress=regress, gates=gates, on_progress=reporter.progress.show,
        )  # fmt: skip
        reporter.finish(outcome, *training(outcome.result))


def _refuse_unread(names: Sequence[str]) -> None:
    if names:
        told = ", ".join(f"--{name.replace('_', '-')}" for name in names)
        raise InputError(f"--merge trains nothing: leave out {told}.")


def _merge(workspace: Path, output: Path, averaged: MergeSettings, reporter: Reporter) -> None:
    outcome = merge(workspace, output, averaged, on_progress=reporter.progress.show)
    result = outcome.result
    told = f"{len(result.merged)} models averaged, {result.parameters} parameters each"
    reporter.finish(outcome, f"{told}, model in {result.model}")
