"""Settings of `train`."""

from kalm_data.core.config.training.base_model import ModelSettings
from kalm_data.core.config.training.batches import BatchSettings
from kalm_data.core.config.training.loss import LossSettings
from kalm_data.core.config.training.run import RunSettings


class TrainConfig(RunSettings, LossSettings, BatchSettings, ModelSettings):
    """How a model is trained on a shard set; each part of the trainer reads its own settings."""
