"""Settings of `demo`: what was chosen so that it ends in minutes on two cores."""

from pydantic import Field

from kalm_data.core.config.settings import Settings


class DemoConfig(Settings):
    """The demo's recipe. CHANGELOG and `benchmarks/demo_seeds.py` tell what it reaches."""

    seed: int = Field(default=0, ge=0, description="Seed of the whole demo.")
    train: bool = Field(
        default=True, description="Train and evaluate, or stop when the shards are built."
    )
    per_doc: int = Field(default=1, ge=1, description="Queries asked for each document.")
    negatives: int = Field(default=1, ge=1, description="Hard negatives of a row.")
    batch_size: int = Field(default=32, ge=2, description="Examples a batch.")
    max_length: int = Field(default=64, ge=16, description="Tokens read of a text in training.")
    max_steps: int = Field(default=60, ge=1, description="Batches trained on.")
    lr: float = Field(default=5e-5, gt=0, description="Highest learning rate.")
    temperature: float = Field(default=0.05, gt=0, description="Temperature of the loss.")
