"""Settings of the model that is trained."""

from typing import Literal

from pydantic import Field

from kalm_data.core.config.settings import Settings

Precision = Literal["float32", "bfloat16"]


class ModelSettings(Settings):
    """Which model is trained, and how it computes."""

    model: str = Field(description="The model to train: a folder, or a name of the model hub.")
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
