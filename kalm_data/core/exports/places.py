"""Where an export must not go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.exports.manifest import EXPORT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_OWN_FILES = (EXPORT, "README.md")


def refuse_overlap(out: Path, source: Path) -> None:
    """Raise InputError where one folder lies in the other: publishing would take it away, or
    `verify` find files that its manifest does not list.
    """
    written, read = out.resolve(), source.resolve()
    if written.is_relative_to(read) or read.is_relative_to(written):
        message = f"{out}: lies in {source}, or holds it. Name a folder beside it."
        raise InputError(message)


def refuse_own_names(tasks: Iterable[str]) -> None:
    """Raise InputError where a task would be a folder of the name that a file of ours has."""
    for name in tasks:
        if name in _OWN_FILES:
            message = f"task {name}: an export has a file of that name. Name the task otherwise."
            raise InputError(message)
