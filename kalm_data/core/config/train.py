"""Settings of `train`."""

from pathlib import Path

from kalm_data.core.config.layers import Layer, read_layer
from kalm_data.core.config.recipes import RECIPE
from kalm_data.core.config.training.base_model import ModelSettings
from kalm_data.core.config.training.batches import BatchSettings
from kalm_data.core.config.training.loss import LossSettings
from kalm_data.core.config.training.run import RunSettings


class TrainConfig(RunSettings, LossSettings, BatchSettings, ModelSettings):
    """How a model is trained on a shard set; each part of the trainer reads its own settings."""


def read_settings(file: Path) -> Layer:
    """A file of such settings, which may name a recipe. Raises InputError where it is wrong."""
    return read_layer(file, TrainConfig, (RECIPE,))
