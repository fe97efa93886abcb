"""Settings of `build-shards`."""

from pydantic import Field

from kalm_data.core.config.settings import Settings


class ShardsConfig(Settings):
    """How the training set is written."""

    rows_per_shard: int = Field(100_000, ge=1, description="Most rows in one Parquet file.")
    seed: int = Field(
        0, ge=0, description="Seed of the order of the rows, and of what labels draw."
    )
    label_positives: int = Field(
        1, ge=1, description="Texts of its own class that a labelled text gets, at most."
    )
    label_negatives: int = Field(
        7, ge=1, description="Texts of other classes that a labelled text gets, at most."
    )
