"""Settings of `diff`."""

from pathlib import Path

from pydantic import Field

from kalm_data.core.config.settings import Settings

SHOWN_ROWS = 20


class DiffConfig(Settings):
    """Which of the rows that differ are told."""

    limit: int | None = Field(
        None, ge=0, description="Most rows shown. Default: 20; with --json all."
    )
    rows: Path | None = Field(
        None, description="Write every row that came, went or changed to this file of JSON lines."
    )
