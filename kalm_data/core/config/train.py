"""Settings of `train`."""

from typing import Literal

from pydantic import Field

from kalm_data.core.config.settings import Settings

Precision = Literal["float32", "bfloat16"]


class TrainConfig(Settings):
    """How a model is trained on a shard set."""

    model: str = Field(description="The model to train: a folder, or a name of the model hub.")
    epochs: int = Field(1, ge=1, description="How often each example is trained on.")
    batch_size: int = Field(64, ge=1, description="Examples a batch, all of one task if possible.")
    lr: float = Field(2e-5, gt=0, description="Highest learning rate; it falls linearly to 0.")
    warmup_ratio: float = Field(
        0.1, ge=0, le=1, description="Share of the steps in which the learning rate rises, 0-1."
    )
    temperature: float = Field(
        0.02, gt=0, description="Cosines are divided by it before the softmax."
    )
    negatives: int = Field(
        7, ge=0, description="Most hard negatives of a row to use; which ones changes by epoch."
    )
    max_length: int | None = Field(
        None,
        ge=8,
        description="Most tokens read of a text in training; the saved model reads as far as its "
        "base. Default: the model's own limit.",
    )
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Dropout while training; the model's own if not given. 0 is fastest.",
    )
    precision: Precision = Field(
        "float32", description="Number format of the forward and backward pass."
    )
    memory_gb: float = Field(
        4.0,
        gt=0,
        description="Gigabytes for the intermediate results of a batch; what does not fit is "
        "computed twice, which takes longer and changes nothing else.",
    )
    max_steps: int | None = Field(
        None, ge=1, description="Stop after so many batches; what was not reached is counted."
    )
    seed: int = Field(0, ge=0, description="Seed of order, choice of positives and dropout.")
