"""What an exported folder says of itself: `export.manifest`, which is JSON.

Its name ends neither with `.json` nor with `.jsonl`: FlagEmbedding reads whatever does. Nothing in
it depends on the clock or the machine's folders, so that equal inputs give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from kalm_data.core.config.settings import Settings
from kalm_data.core.manifest import ShardFile

if TYPE_CHECKING:
    from pathlib import Path

EXPORT = "export.manifest"
SCHEMA_VERSION = 1


class ExportedTask(Settings):
    """One task; `rows` of it (queries, of BEIR) were written as `lines`, `documents` beside them.

    `source` is the fingerprint of the shard set, or of the task's pool.
    """

    task: str
    rows: int
    lines: int
    documents: int
    source: str
    files: tuple[ShardFile, ...]


class ExportManifest(Settings):
    """A whole export; tasks in order of name.

    `settings` are those that shaped it, `not_carried` counts what the format has no place for.
    """

    schema_version: int
    format: str
    settings: dict[str, object]
    tasks: tuple[ExportedTask, ...]
    not_carried: dict[str, int]
    versions: dict[str, str]

    @property
    def rows(self) -> int:
        return sum(task.rows for task in self.tasks)

    @property
    def lines(self) -> int:
        return sum(task.lines for task in self.tasks)

    @property
    def files(self) -> tuple[ShardFile, ...]:
        return tuple(file for task in self.tasks for file in task.files)

    @property
    def fingerprint(self) -> str:
        """Digest of the manifest, and by its sha256 sums of every byte of the export."""
        return hashlib.sha256(_to_json(self).encode()).hexdigest()


def write_export_manifest(folder: Path, manifest: ExportManifest) -> None:
    (folder / EXPORT).write_text(_to_json(manifest), encoding="utf-8")


def _to_json(manifest: ExportManifest) -> str:
    counts = {"rows": manifest.rows, "lines": manifest.lines}
    return (
        json.dumps(
            manifest.model_dump(mode="json") | counts, ensure_ascii=False, indent=2, sort_keys=True
        )
        + "\n"
    )
