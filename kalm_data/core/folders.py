"""Folders of results that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError, Interrupted
from kalm_data.core.full_disk import naming
from kalm_data.core.text import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


PARTIAL = ".partial"
"""Marks a folder that is being written as ours."""


@contextmanager
def published(target: Path, mark: str, *, resumes: bool = False) -> Iterator[Path]:
    """A new folder beside `target` that takes its place when the block ends without an error.

    Until then `target` is as it was; a kill leaves the old folder or, in the instant between two
    renames, none, and the next call puts the old one back. What a killed run left is swept away, or
    handed over where the caller `resumes`; Ctrl-C counts as a kill then.

    `mark` is the file by which a folder of the same kind is known: anything else that is not
    empty is never replaced (InputError).
    """
    refuse_foreign(target, mark)
    target = target.resolve()
    partial = target.with_name(target.name + ".partial")
    replaced = target.with_name(target.name + ".replaced")
    for left in (partial, replaced):
        _refuse_unknown(left, (PARTIAL, mark))
    _put_back(replaced, target)
    for left in (replaced,) if resumes else (partial, replaced):
        shutil.rmtree(left, ignore_errors=True)
    _make(partial, target)
    try:
        with naming(partial):
            yield partial
            (partial / PARTIAL).unlink(missing_ok=True)
            _sync_all(partial)
        if target.exists():
            target.rename(replaced)
        partial.rename(target)
        _sync(target.parent)
    except (KeyboardInterrupt, Interrupted):
        if not resumes:
            shutil.rmtree(partial, ignore_errors=True)
        raise
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        _put_back(replaced, target)
        shutil.rmtree(replaced, ignore_errors=True)


def refuse_foreign(target: Path, mark: str) -> None:
    """Raise InputError unless `target` is missing, empty, or a folder that holds `mark`, and none
    that another file system begins at.
    """
    if not without_surrogates(str(target)):
        message = f"{target}: a name that is not UTF-8. Name another folder."
        raise InputError(message)
    if target.is_mount():
        message = f"{target}: a mount point, which no folder can replace. Name a folder in it."
        raise InputError(message)
    if target.is_dir():
        if (target / mark).exists() or not any(target.iterdir()):
            return
        message = f"{target}: a folder that is not ours (no {mark} in it). Name another one."
        raise InputError(message)
    if target.exists() or target.is_symlink():
        message = f"{target}: a file. Name a folder that does not exist yet."
        raise InputError(message)


def _refuse_unknown(folder: Path, marks: Sequence[str]) -> None:
    """Raise InputError unless what stands beside the target was left by us, or is empty."""
    is_filled = folder.exists() and any(folder.iterdir())
    if is_filled and not any((folder / mark).exists() for mark in marks):
        message = f"{folder}: in the way, and not ours. Move it, or name another folder."
        raise InputError(message)


def _make(partial: Path, target: Path) -> None:
    try:
        partial.mkdir(parents=True, exist_ok=True)
        (partial / PARTIAL).touch()
    except OSError as error:
        message = f"{target}: cannot be made: {error.strerror}. Name another folder."
        raise InputError(message) from error


def _put_back(replaced: Path, target: Path) -> None:
    """What was there stays there, where nothing took its place."""
    if replaced.exists() and not target.exists():
        replaced.rename(target)


def _sync_all(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
