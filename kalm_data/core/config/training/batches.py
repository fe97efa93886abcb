"""Settings of the trainer's batches."""

from pydantic import Field

from kalm_data.core.config.settings import Settings


class BatchSettings(Settings):
    """Which examples meet in which batch, and how much of each is read."""

    epochs: int = Field(1, ge=1, description="How often each example is trained on.")
    batch_size: int = Field(64, ge=1, description="Examples a batch, all of one task if possible.")
    homogeneous_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the rows of a batch that stay in it, 0-1; the others change places "
        "with rows of other batches, of whatever task.",
    )
    task_weight: tuple[str, ...] = Field(
        (),
        description="TASK=W: each epoch takes the examples of a task W times; of a fraction, in "
        "turn a share of them once more. Repeatable; 1 if not given.",
    )
    distinct_positives: bool = Field(
        False,
        description="Let no text be a positive twice in a batch; batches get smaller or more where "
        "too many rows have the same.",
    )
    negatives: int = Field(
        7, ge=0, description="Most hard negatives of a row to use; which ones changes by epoch."
    )
    max_steps: int | None = Field(
        None, ge=1, description="Stop after so many batches; what was not reached is counted."
    )
    rows_memory_gb: float = Field(
        4.0,
        gt=0,
        description="Gigabytes for rows that are read; a larger set is trained on in rounds, each "
        "of as many randomly chosen row groups as fit.",
    )
    seed: int = Field(0, ge=0, description="Seed of order, choice of positives and dropout.")
