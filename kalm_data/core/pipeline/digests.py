"""What files, folders and the package itself hold, as one digest each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data import __version__
from kalm_data.core.errors import InputError, reason
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ABSENT = "absent"
_TOLD_FILES = 1_000
"""Files of a folder up to which each is remembered by name, to tell which one changed."""


@dataclass(frozen=True, slots=True)
class Content:
    """Digest of a file or folder; `files` has those of the files in a folder that is not large."""

    digest: str
    files: Mapping[str, str]


def content_of(path: Path) -> Content:
    """By sha256 of every byte, and in folders of every file's relative path; ABSENT if missing.

    Raises InputError where something cannot be read.
    """
    if not path.is_dir():
        return Content(_file_digest(path) if path.exists() else ABSENT, {})
    found = {file.relative_to(path).as_posix(): _file_digest(file) for file in _walk(path)}
    told = found if len(found) <= _TOLD_FILES else {}
    return Content(digest("folder", *(part for pair in found.items() for part in pair)), told)


@cache
def code_fingerprint() -> str:
    """The version of the package, and a digest of its code.

    What the command line prints is no part of it, nor are prompts and personas, which are inputs
    of the steps that send them.
    """
    package = Path(__file__).resolve().parents[2]
    files = [file for file in sorted(package.rglob("*.py")) if file.parent != package / "cli"]
    return f"{__version__}+{digest('code', *map(_file_digest, files))[:12]}"


def _walk(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _file_digest(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:32]
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {reason(error)}") from error
