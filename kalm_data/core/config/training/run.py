"""Settings of a training run."""

from pydantic import Field

from kalm_data.core.config.settings import Settings


class RunSettings(Settings):
    """How the weights are moved."""

    lr: float = Field(2e-5, gt=0, description="Highest learning rate; it falls linearly to 0.")
    warmup_ratio: float = Field(
        0.1, ge=0, le=1, description="Share of the steps in which the learning rate rises, 0-1."
    )
