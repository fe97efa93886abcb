"""What all settings share."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A checked set of settings. Unknown names are refused; `description` is the option's help."""

    # built when the first value is checked: `--help` checks none
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
