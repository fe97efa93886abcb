from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.core.config.train import TrainConfig
from kalm_data.core.errors import InputError
from kalm_data.core.manifest import SCHEMA_VERSION, Manifest, ShardFile, ShardTask
from kalm_data.core.tasks import Task
from kalm_data.stages.leave_one_out import Forwarded, leave_one_out, reduced_trainings
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


def fit(manifest: Manifest, output: Path, config: TrainConfig, watcher: Forwarded) -> None:
    """A model that is its tasks, by name."""
    output.mkdir()
    (output / "tasks").write_text(" ".join(entry.task.name for entry in manifest.tasks))
    watcher.warn("short texts")


def judge(model: Path) -> Mapping[str, float]:
    """A model does well on the tasks it saw; `b` helps `a` as well."""
    seen = (model / "tasks").read_text().split()
    return {task: 0.5 + 0.25 * (task in seen) + 0.125 * ("b" in seen) for task in ("a", "b")}


def test_a_task_brings_what_is_lost_without_it(database: Database, tmp_path: Path) -> None:
    whole, output = manifest_of("a", "b"), tmp_path / "out"
    output.mkdir()
    (output / "tasks").write_text("a b")
    reduced = reduced_trainings(tmp_path, whole, output, TrainConfig(model="m"))
    with running(database, "train", "{}") as run:
        a, b = leave_one_out(run, fit, judge, reduced, output)
    assert (a.task, a.itself, a.others) == ("a", 0.25, 0.0)
    assert (b.task, b.itself, b.others) == ("b", 0.375, 0.125)
    assert b.tasks == {"a": 0.125, "b": 0.375}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("out")] == ["out"]
    told = run.summary("ok").warnings
    assert told == ("without a: short texts", "without b: short texts")


def test_the_weight_of_a_task_is_left_out_with_it(tmp_path: Path) -> None:
    config = TrainConfig(model="m", task_weight=("a=2", "b=0.5"))
    a, b = reduced_trainings(tmp_path, manifest_of("a", "b"), tmp_path / "out", config)
    assert (a.config.task_weight, b.config.task_weight) == (("b=0.5",), ("a=2",))
    assert [entry.task.name for entry in a.manifest.tasks] == ["b"]


def test_trainings_that_would_be_refused_are_refused_before_the_first(tmp_path: Path) -> None:
    def refused(manifest: Manifest, **settings: object) -> str:
        config = TrainConfig.model_validate({"model": "m", **settings})
        with pytest.raises(InputError) as caught:
            reduced_trainings(tmp_path, manifest, tmp_path / "out", config)
        return str(caught.value)

    assert "two tasks or more" in refused(manifest_of("a"))
    assert "--dev-fraction" in refused(manifest_of("a", "b", dev=False))
    one, other = manifest_of("a", "b"), manifest_of("c", dev=False)
    mixed = one.model_copy(update={"tasks": (one.tasks[0], other.tasks[0])})
    assert "only task a has dev rows" in refused(mixed, patience=2)
    reduced_trainings(tmp_path, mixed, tmp_path / "out", TrainConfig(model="m"))
    (tmp_path / "out.without-b").mkdir()
    (tmp_path / "out.without-b" / "thesis.txt").touch()
    assert "out.without-b: a folder that is not ours" in refused(manifest_of("a", "b"))
