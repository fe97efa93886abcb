"""Check a shard set against its manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.stages.verify import VerifyResult

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["VerifyResult", "verify"]


def verify(shards: Path) -> VerifyResult:
    """Raises InputError that names the first file that is not what the manifest says."""
    from kalm_data.stages.verify import verify as stage
    from kalm_data.workspace.shards import count_rows

    return stage(shards, count_rows)
