"""What a shard set says of itself: `manifest.json`.

Nothing in it depends on the clock, the machine's folders or the run that wrote it, so that equal
inputs give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pydantic import JsonValue, ValidationError, field_validator

from kalm_data.core.config.settings import Settings
from kalm_data.core.errors import InputError
from kalm_data.core.tasks import Task

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
TRAIN, DEV, SCORED, DEV_SCORED = "part", "dev", "scored", "dev-scored"
"""How the names of files begin, before a number: of rows to train on, of rows to evaluate on, of
scored pairs to train on, and to evaluate on.
"""

SCHEMA_VERSION = 3

_READABLE = (2, SCHEMA_VERSION)
"""Sets of version 2 do not tell their settings."""


class ShardFile(Settings):
    """One Parquet file; `path` is relative to the set, `bytes` its size, `sha256` 64 hex digits."""

    path: str
    rows: int
    bytes: int
    sha256: str

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts:
            message = f"{path!r} leads out of the set"
            raise ValueError(message)
        return path


class ShardTask(Settings):
    """One task of a set, with its templates and flags as they were when it was written.

    `ranker` gave the scores, empty where nothing was mined. `sources` has the fingerprint of the
    pool, labels or pairs, and the settings of rules and draw in force. `files` hold the rows to
    train on, `dev` those to evaluate on (queries with their positives), `scored` and `dev_scored`
    pairs of texts with a score, for the one and the other.
    """

    task: Task
    rows: int
    ranker: str
    sources: dict[str, str]
    files: tuple[ShardFile, ...]
    dev: tuple[ShardFile, ...] = ()
    scored: tuple[ShardFile, ...] = ()
    dev_scored: tuple[ShardFile, ...] = ()

    @property
    def all_files(self) -> tuple[ShardFile, ...]:
        return (*self.files, *self.dev, *self.scored, *self.dev_scored)


class Manifest(Settings):
    """A whole set; tasks are in order of name, files in order of path. `rows` are to train on.

    `settings` are those of `build-shards` that shape rows and files, by name, beside the seed; of a
    tokenizer the digest. None where the set was written before they were told.
    """

    schema_version: int
    seed: int
    rows: int
    tasks: tuple[ShardTask, ...]
    versions: dict[str, str]
    settings: dict[str, JsonValue] | None = None

    @property
    def files(self) -> tuple[ShardFile, ...]:
        """Those that hold the rows to train on."""
        return tuple(file for task in self.tasks for file in task.files)

    @property
    def all_files(self) -> tuple[ShardFile, ...]:
        return tuple(file for task in self.tasks for file in task.all_files)

    @property
    def fingerprint(self) -> str:
        """Digest of the manifest, and by its sha256 sums of every byte of the set."""
        return hashlib.sha256(_to_json(self).encode()).hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    (folder / MANIFEST).write_text(_to_json(manifest), encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Raises InputError where `folder` is no shard set, or one of a newer kalm-data."""
    file = folder / MANIFEST
    try:
        text = file.read_text(encoding="utf-8")
        version = json.loads(text)["schema_version"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = (
            f"{folder}: not a shard set ({MANIFEST} is missing or unreadable). "
            "Name the folder of one, or build it again."
        )
        raise InputError(message) from error
    if version not in _READABLE:
        known = " and ".join(map(str, _READABLE))
        message = f"{file}: schema version {version}; this kalm-data reads {known}"
        raise InputError(message)
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"{file}: {place}: {first['msg']}. Build the set again."
        raise InputError(message) from error


def describe_file(folder: Path, path: str, rows: int) -> ShardFile:
    """The entry of a file that has been written."""
    file = folder / path
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return ShardFile(path=path, rows=rows, bytes=file.stat().st_size, sha256=sha256)


def _to_json(manifest: Manifest) -> str:
    """As it was read: a set that is older than its settings keeps its fingerprint."""
    told = manifest.model_dump(exclude={"settings"} if manifest.settings is None else None)
    return json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
