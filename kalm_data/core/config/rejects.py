"""Settings of `rejects`."""

from pydantic import Field

from kalm_data.core.config.settings import Settings

LISTED = 20


class RejectsConfig(Settings):
    """Which rejects are listed."""

    run: str = Field(default="", description="Run that turned them away, e.g. 0003-synth.")
    stage: str = Field(default="", description="Stage that turned them away, e.g. import.")
    reason: str = Field(default="", description="Reason word, e.g. too_short.")
    limit: int | None = Field(
        default=None,
        ge=1,
        description="Most rejects listed, the latest runs first. Default: 20; all of them with "
        "--export.",
    )
