from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.manifest import (
    SCHEMA_VERSION,
    Manifest,
    ShardTask,
    describe_file,
    write_manifest,
)
from kalm_data.core.tasks import Task
from kalm_data.stages.verify import verify

if TYPE_CHECKING:
    from pathlib import Path


def size(path: Path) -> int:
    return path.stat().st_size


def test_verify_tells_what_a_whole_set_holds_and_names_what_is_missing(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"rows")
    files = tuple(describe_file(tmp_path, name, 4) for name in ("a", "b"))
    task = ShardTask(task=Task(name="t"), rows=8, ranker="", sources={}, files=files)
    manifest = Manifest(schema_version=SCHEMA_VERSION, seed=0, rows=8, tasks=(task,), versions={})
    write_manifest(tmp_path, manifest)
    found = verify(tmp_path, size)
    assert (found.files, found.rows, found.bytes) == (2, 8, 8)
    assert found.fingerprint == manifest.fingerprint
    (tmp_path / "b").unlink()
    with pytest.raises(InputError, match="b: missing"):
        verify(tmp_path, size)
