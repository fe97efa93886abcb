"""Folders of results that appear whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
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
    handed over where the caller `resumes`; Ctrl-C and a full disk count as a kill then, but not
    what the same command meets again.

    `mark` is the file by which a folder of the same kind is known: anything else that is not
    empty is never replaced (InputError). Nor is a folder that another command writes just now.
    """
    refuse_foreign(target, mark)
    target = target.resolve()
    partial = partial_of(target)
    replaced = target.with_name(target.name + ".replaced")
    for left in (partial, replaced):
        _refuse_unknown(left, (PARTIAL, mark))
    with _alone(partial, target):
        _put_back(replaced, target)
        shutil.rmtree(replaced, ignore_errors=True)
        if not resumes:
            _empty(partial)
        with _renamed(partial, target, replaced, resumes=resumes):
            yield partial


@contextmanager
def _renamed(partial: Path, target: Path, replaced: Path, *, resumes: bool) -> Iterator[None]:
    """`partial` takes the place of `target` when the block ends without an error."""
    try:
        with naming(partial):
            yield
            (partial / PARTIAL).unlink(missing_ok=True)
            _sync_all(partial)
        if target.exists():
            target.rename(replaced)
        partial.rename(target)
        _sync(target.parent)
    except BaseException as error:
        if not resumes or _comes_again(error):
            shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        _put_back(replaced, target)
        shutil.rmtree(replaced, ignore_errors=True)


def partial_of(target: Path) -> Path:
    """Where a folder is written before it takes its place."""
    target = target.resolve()
    return target.with_name(target.name + ".partial")


def _comes_again(error: BaseException) -> bool:
    """Whether it lies in what the user gave; a disk may have room next time."""
    return isinstance(error, InputError) and not isinstance(error.__cause__, OSError)


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


@contextmanager
def _alone(partial: Path, target: Path) -> Iterator[None]:
    """Make `partial` and hold it: the system frees it when the process dies.

    Raises InputError where another command writes it.
    """
    handle = _hold(partial, target)
    while not _is_there(handle, partial):  # who held it has renamed it
        os.close(handle)
        handle = _hold(partial, target)
    try:
        yield
    finally:
        os.close(handle)


def _hold(partial: Path, target: Path) -> int:
    """The folder, opened and locked."""
    try:
        partial.mkdir(parents=True, exist_ok=True)
        (partial / PARTIAL).touch()
        handle = os.open(partial, os.O_RDONLY)
    except OSError as error:
        message = f"{target}: cannot be made: {error.strerror}. Name another folder."
        raise InputError(message) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        is_held = isinstance(error, BlockingIOError)
        why = "another command writes it now" if is_held else f"no lock there: {error.strerror}"
        message = f"{target}: {why}. Wait for it, or name another folder."
        raise InputError(message) from error
    return handle


def _is_there(handle: int, partial: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), partial.stat())
    except FileNotFoundError:
        return False


def _empty(partial: Path) -> None:
    """Sweep away what a killed run left."""
    for left in partial.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        elif left.name != PARTIAL:
            left.unlink()


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
