"""What all settings share."""

from pydantic import BaseModel, ConfigDict


def as_list(value: object) -> object:
    """A word alone is a list of one: for fields that options give more than once."""
    return (value,) if isinstance(value, str) else value


class Settings(BaseModel):
    """A checked set of settings. Unknown names are refused; `description` is the option's help."""

    # built when the first value is checked: `--help` checks none
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
