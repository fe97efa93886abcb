"""A training that is not repeated where its model is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.trained import read_fitted
from kalm_data.trainer.batches import plan_run
from kalm_data.trainer.fit import fit, identity_of, read_training_rows
from kalm_data.trainer.training import tell_missed

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.core.manifest import Manifest
    from kalm_data.core.trained import Fitted
    from kalm_data.trainer.base_model import Models
    from kalm_data.trainer.loop import Watcher


def fit_once(
    models: Models,
    shards: Path,
    manifest: Manifest,
    output: Path,
    config: TrainConfig,
    watcher: Watcher,
) -> Fitted:
    """As `fit`, but where `output` holds what this very training made, that is taken as it is.

    Then only what the training left out is told again. Not so where `config.resume` is False.
    """
    found = read_fitted(output, identity_of(models, manifest, config)) if config.resume else None
    if found is None:
        return fit(models, shards, manifest, output, config, watcher)
    watcher.warn(f"{output}: trained by the same settings before, and not again")
    rows = read_training_rows(shards, manifest, config)
    plan = plan_run(rows.columns, config, [entry.task.name for entry in manifest.tasks])
    tell_missed(rows, plan, config, found.steps, watcher)
    return found
