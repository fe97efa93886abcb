"""Where an export must not go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def refuse_overlap(out: Path, source: Path) -> None:
    """Raise InputError where one folder lies in the other: publishing would take it away, or
    `verify` find files that its manifest does not list.
    """
    written, read = out.resolve(), source.resolve()
    if written.is_relative_to(read) or read.is_relative_to(written):
        message = f"{out}: lies in {source}, or holds it. Name a folder beside it."
        raise InputError(message)
