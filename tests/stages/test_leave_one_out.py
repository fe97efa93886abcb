from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.manifest import SCHEMA_VERSION, Manifest, ShardFile, ShardTask
from kalm_data.core.tasks import Task
from kalm_data.stages.leave_one_out import leave_one_out, refuse_without_tasks
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kalm_data.workspace.database import Database

DEV = ShardFile(path="t/dev-00000.parquet", rows=1, bytes=1, sha256="0" * 64)


def manifest_of(*tasks: str, dev: bool = True) -> Manifest:
    entries = tuple(
        ShardTask(task=Task(name=name), rows=10, ranker="", sources={}, files=(), dev=(DEV,) * dev)
        for name in tasks
    )
    return Manifest(
        schema_version=SCHEMA_VERSION, seed=0, rows=10 * len(tasks), tasks=entries, versions={}
    )


def fit(manifest: Manifest, output: Path) -> None:
    """A model that is its tasks, by name."""
    output.mkdir()
    (output / "tasks").write_text(" ".join(entry.task.name for entry in manifest.tasks))


def judge(model: Path) -> Mapping[str, float]:
    """A model does well on the tasks it saw; `b` helps `a` as well."""
    seen = (model / "tasks").read_text().split()
    return {task: 0.5 + 0.25 * (task in seen) + 0.125 * ("b" in seen) for task in ("a", "b")}


def test_a_task_brings_what_is_lost_without_it(database: Database, tmp_path: Path) -> None:
    whole = manifest_of("a", "b")
    output = tmp_path / "out"
    fit(whole, output)
    with running(database, "train", "{}") as run:
        a, b = leave_one_out(run, fit, judge, whole, output)
    assert (a.task, a.itself, a.others) == ("a", 0.25, 0.0)
    assert (b.task, b.itself, b.others) == ("b", 0.375, 0.125)
    assert b.tasks == {"a": 0.125, "b": 0.375}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("out")] == ["out"]


def test_one_task_or_no_dev_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two tasks or more"):
        refuse_without_tasks(tmp_path, manifest_of("a"))
    with pytest.raises(InputError, match="--dev-fraction"):
        refuse_without_tasks(tmp_path, manifest_of("a", "b", dev=False))
    refuse_without_tasks(tmp_path, manifest_of("a", "b"))
