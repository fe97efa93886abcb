"""Settings of `run`."""

from pydantic import Field

from kalm_data.core.config.settings import Settings


class RunConfig(Settings):
    """Which steps of a pipeline are looked at, and whether they are done."""

    dry_run: bool = Field(False, description="Tell what would run and why, and do nothing.")
    from_step: str = Field(
        "",
        json_schema_extra={"option": "--from"},
        description="Begin with this step; those before it are taken as they are.",
    )
    until: str = Field("", description="End with this step.")
