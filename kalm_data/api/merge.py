"""Average trained models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.config.training.merge import MergeSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["MergeResult", "MergeSettings", "merge"]


@dataclass(frozen=True, slots=True)
class MergeResult:
    """Where the mean was saved, of which models, by which shares, and its parameters."""

    model: str
    merged: tuple[str, ...]
    shares: tuple[float, ...]
    parameters: int


def merge(
    workspace: Path,
    output: Path,
    settings: MergeSettings,
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[MergeResult]:
    """Save the weighted mean of trained models to `output`, record the run; one unit a model.

    Raises InputError where models differ in more than the values of their weights.
    """
    from kalm_data.engines.model_files import read_model_files
    from kalm_data.engines.models import resolve_model

    def merge_and_record(_database: Database, run: WorkspaceRun) -> MergeResult:
        models = [resolve_model(name).path for name in settings.merge]
        for name, model in zip(settings.merge, models, strict=True):
            run.record_input(f"model {name}", read_model_files(model).content)
        run.plan(len(models))
        from kalm_data.trainer.merging import merge as average

        merged = average(models, settings.shares, output)
        for task in merged.left_out:
            run.warn(f"the models write queries or documents of task {task} differently: not kept")
        run.keep(len(models))
        return MergeResult(str(output), settings.merge, settings.shares, merged.parameters)

    return execute(
        workspace, "train", settings, {"output": output}, merge_and_record,
        creates=True, on_progress=on_progress,
    )  # fmt: skip
