"""Settings of `report`."""

from pathlib import Path

from pydantic import Field

from kalm_data.core.config.settings import Settings


class ReportConfig(Settings):
    """What the page shows beside the workspace."""

    sample: int = Field(
        40, ge=0, le=1000, description="Rows shown of those kept, and of those rejected."
    )
    seed: int = Field(0, ge=0, description="Seed of all samples of the page.")
    shards: Path | None = Field(
        None, description="Shard set whose files, tasks, tokens and lint are shown too."
    )
