"""What `train` shows to people: dev scores, what tasks bring, and where the model is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from kalm_data.cli.tables import regressions

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kalm_data.api.train import LeftOut, TrainResult


def training(result: TrainResult) -> list[RenderableType]:
    """All that is shown of one training, in order."""
    shown: list[RenderableType] = []
    if result.dev:
        shown.append(_dev(result))
    if result.regress:
        shown.append(regressions(result.regress))
    if result.left_out:
        shown.append(_left_out(result.left_out))
    told = f"{result.steps} steps, loss {result.loss:.4f}, model in {result.model}"
    if result.base_share:
        told += f", {result.base_share:.0%} of the base mixed in"
    return [*shown, Text(told)]


def _dev(result: TrainResult) -> Table:
    table = Table(title="Dev rows while training", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("step")
    names = [name for name in result.dev[0].scores if name.count("_") == 1]  # means over tasks
    for name in names:
        table.add_column(name.removeprefix("dev_"), justify="right")
    for one in result.dev:
        step = f"{one.step} (saved)" if one.step == result.best_step else str(one.step or "base")
        table.add_row(step, *(f"{one.scores[name]:.4f}" for name in names))
    for share in result.shares:
        step = f"{share.share:.0%} base" + " (saved)" * (share.share == result.base_share)
        table.add_row(step, f"{share.score:.4f}")
    return table


def _left_out(found: tuple[LeftOut, ...]) -> Table:
    title = "What each task brings: nDCG@10 on dev with it, minus without"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("task")
    for name in ("its own rows", "the others"):
        table.add_column(name, justify="right")
    for one in found:
        values = ("" if value is None else f"{value:+.4f}" for value in (one.itself, one.others))
        table.add_row(one.task, *values)
    return table
