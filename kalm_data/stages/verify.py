"""Verify: whether a shard set is what its manifest says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.verification import verify_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from kalm_data.core.manifest import ShardFile


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What a whole set holds; `fingerprint` is the digest of all of it.

    `rows` are to train on; `scored_pairs` are those of train and dev together.
    """

    files: int
    rows: int
    dev_rows: int
    scored_pairs: int
    bytes: int
    fingerprint: str


def verify(shards: Path, count_rows: Callable[[Path], int]) -> VerifyResult:
    """Figures of a whole set. Raises InputError that names the first file that is not right."""
    manifest = verify_set(shards, count_rows)
    return VerifyResult(
        files=len(manifest.all_files),
        rows=manifest.rows,
        dev_rows=_count(one for task in manifest.tasks for one in task.dev),
        scored_pairs=_count(
            one for task in manifest.tasks for one in (*task.scored, *task.dev_scored)
        ),
        bytes=sum(file.bytes for file in manifest.all_files),
        fingerprint=manifest.fingerprint,
    )


def _count(files: Iterable[ShardFile]) -> int:
    return sum(file.rows for file in files)
