from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    Manifest,
    ShardTask,
    describe_file,
    write_manifest,
)
from kalm_data.core.tasks import Task
from kalm_data.core.verification import verify_set

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, task_rows: int, rows: int) -> None:
    """A set of one file of seven bytes, which stand for its rows."""
    (folder / "a.parquet").write_bytes(b"seven b")
    file = describe_file(folder, "a.parquet", 7)
    task = ShardTask(task=Task(name="t"), rows=task_rows, ranker="", sources={}, files=(file,))
    write_manifest(
        folder,
        Manifest(schema_version=SCHEMA_VERSION, seed=0, rows=rows, tasks=(task,), versions={}),
    )


@pytest.mark.parametrize(
    ("task_rows", "rows", "said"),
    [(8, 8, "8 rows of task t, but 7"), (7, 9, "9 rows of the set, but 7")],
)
def test_counts_that_do_not_add_up_are_refused(
    tmp_path: Path, task_rows: int, rows: int, said: str
):
    write(tmp_path, task_rows, rows)
    with pytest.raises(InputError, match=f"{MANIFEST}: {said}"):
        verify_set(tmp_path, lambda _: 7)
    write(tmp_path, 7, 7)
    assert verify_set(tmp_path, lambda _: 7).rows == 7


def test_a_deeply_nested_manifest_is_one_line(tmp_path: Path):
    (tmp_path / MANIFEST).write_text("[" * 200_000)
    with pytest.raises(InputError, match="not a shard set"):
        verify_set(tmp_path, lambda _: 7)
