"""Checks a shard set against its manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.manifest import MANIFEST, Manifest, describe_file, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kalm_data.core.manifest import ShardFile

_REMEDY = "Build the set again, or copy it again from where it is whole."


def verify_set(folder: Path, count_rows: Callable[[Path], int]) -> Manifest:
    """The manifest of a set of which every file is there, with its bytes, sha256 and rows.

    `count_rows` counts the rows of a Parquet file, and refuses one without the columns of a shard.
    Raises InputError that names the first file, in order of path, which differs, is missing, or
    stands in the set without being listed, or the manifest where its counts do not add up.
    """
    manifest = read_manifest(folder)
    _verify_sums(folder, manifest)
    for file in manifest.all_files:
        _verify_file(folder, file, count_rows)
    listed = {file.path for file in manifest.all_files}
    for found in sorted(folder.rglob("*.parquet")):
        if found.relative_to(folder).as_posix() not in listed:
            message = f"{found}: not listed in {MANIFEST}, but readers would read it. Take it away."
            raise InputError(message)
    return manifest


def _verify_sums(folder: Path, manifest: Manifest) -> None:
    """The rows of a task are those of its files, those of the set the tasks' together."""
    counts = [
        (f"task {entry.task.name}", entry.rows, sum(file.rows for file in entry.files))
        for entry in manifest.tasks
    ]
    counts.append(("the set", manifest.rows, sum(entry.rows for entry in manifest.tasks)))
    for name, rows, found in counts:
        if rows != found:
            message = f"{folder / MANIFEST}: {rows} rows of {name}, but {found} in its parts"
            raise InputError(f"{message}. {_REMEDY}")


def _verify_file(folder: Path, file: ShardFile, count_rows: Callable[[Path], int]) -> None:
    path = folder / file.path
    if not path.is_file():
        raise InputError(f"{path}: missing, though {MANIFEST} lists it. {_REMEDY}")
    size = path.stat().st_size
    if size != file.bytes:
        raise InputError(f"{path}: {size} bytes, not the {file.bytes} of {MANIFEST}. {_REMEDY}")
    found = describe_file(folder, file.path, file.rows)
    if found.sha256 != file.sha256:
        message = f"{path}: sha256 {found.sha256[:12]}…, not {file.sha256[:12]}… as {MANIFEST} says"
        raise InputError(f"{message}. {_REMEDY}")
    rows = count_rows(path)
    if rows != file.rows:
        raise InputError(f"{path}: {rows} rows, not the {file.rows} of {MANIFEST}. {_REMEDY}")
