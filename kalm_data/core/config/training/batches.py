"""Settings of the trainer's batches."""

from pydantic import Field

from kalm_data.core.config.settings import Settings


class BatchSettings(Settings):
    """Which examples meet in which batch, and how much of each is read."""

    epochs: int = Field(1, ge=1, description="How often each example is trained on.")
    batch_size: int = Field(64, ge=1, description="Examples a batch, all of one task if possible.")
    negatives: int = Field(
        7, ge=0, description="Most hard negatives of a row to use; which ones changes by epoch."
    )
    max_steps: int | None = Field(
        None, ge=1, description="Stop after so many batches; what was not reached is counted."
    )
    seed: int = Field(0, ge=0, description="Seed of order, choice of positives and dropout.")
