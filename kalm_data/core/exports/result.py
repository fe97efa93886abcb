"""What an export tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.exports.manifest import EXPORT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kalm_data.core.exports.manifest import ExportManifest


@dataclass(frozen=True, slots=True)
class TaskExported:
    """Figures of one task: rows of the set, or queries of BEIR, and the lines they became."""

    task: str
    rows: int
    lines: int
    documents: int
    files: int


@dataclass(frozen=True, slots=True)
class ExportResult:
    """Sums over the tasks; `manifest` is a path, `not_carried` what the format has no place for."""

    format: str
    rows: int
    lines: int
    documents: int
    files: int
    bytes: int
    manifest: str
    fingerprint: str
    not_carried: Mapping[str, int]
    tasks: tuple[TaskExported, ...]

    @classmethod
    def of(cls, manifest: ExportManifest, out: Path) -> ExportResult:
        return cls(
            format=manifest.format,
            rows=manifest.rows,
            lines=manifest.lines,
            documents=sum(entry.documents for entry in manifest.tasks),
            files=len(manifest.files),
            bytes=sum(file.bytes for file in manifest.files),
            manifest=str(out / EXPORT),
            fingerprint=manifest.fingerprint,
            not_carried=manifest.not_carried,
            tasks=tuple(
                TaskExported(entry.task, entry.rows, entry.lines, entry.documents, len(entry.files))
                for entry in manifest.tasks
            ),
        )
