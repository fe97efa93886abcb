"""Train a model on a shard set."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.train import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.stages.train import TrainResult
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["Gates", "TrainConfig", "train"]


def train(
    workspace: Path,
    shards: Path,
    output: Path,
    config: TrainConfig,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[TrainResult]:
    """Train `config.model` on a verified set, save it to `output`, record the run."""
    from kalm_data.engines.model_files import read_model_files
    from kalm_data.engines.models import resolve_model
    from kalm_data.engines.sentence_transformers_encoder import pooling_note
    from kalm_data.stages.train import train as stage
    from kalm_data.workspace.shards import count_rows

    def fit_and_record(_database: Database, run: WorkspaceRun) -> TrainResult:
        resolved = resolve_model(config.model)
        files = read_model_files(resolved.path)
        for note in filter(None, (resolved.note, pooling_note(resolved.path))):
            run.warn(note)
        run.record_input(f"model {resolved.name}", files.content)
        from kalm_data.trainer.base_model import Base
        from kalm_data.trainer.fit import fit

        base = Base(resolved.path, files.query_prompt, files.document_prompt)
        return stage(run, partial(fit, base), count_rows, shards, output, config)

    return execute(
        workspace, "train", config, {"shards": shards, "output": output}, fit_and_record,
        creates=True, gates=gates, on_progress=on_progress,
    )  # fmt: skip
