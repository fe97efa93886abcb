"""What all settings share."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A checked set of settings. Unknown names are refused; `description` is the option's help."""

    model_config = ConfigDict(extra="forbid", frozen=True)
