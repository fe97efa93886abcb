"""Where the prompts and personas that ship with the package lie.

In a checkout and an editable install they stand beside the package, in the repository's root; a
wheel carries them inside it.
"""

from pathlib import Path
from typing import Literal

from kalm_data.core.errors import InputError

Resource = Literal["prompts", "personas"]

_PACKAGE = Path(__file__).resolve().parents[1]


def resource_folder(name: Resource, package: Path = _PACKAGE) -> Path:
    """The folder of that name; InputError where an installation has lost it.

    A folder beside the package counts only in a checkout: beside an installed package lie the
    packages of others.
    """
    inside = package / name
    if inside.is_dir():
        return inside
    beside = package.parent / name
    if beside.is_dir() and (package.parent / "pyproject.toml").is_file():
        return beside
    message = (
        f"{inside}: not found, nor {beside} of a checkout: the installation is incomplete. "
        "Install kalm-data again."
    )
    raise InputError(message)
