from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kalm_data.core.config.train import TrainConfig
from kalm_data.core.errors import InputError
from kalm_data.core.manifest import (
    SCHEMA_VERSION,
    Manifest,
    ShardTask,
    describe_file,
    read_manifest,
    write_manifest,
)
from kalm_data.core.tasks import Task
from kalm_data.core.trained import DevScore, Fitted, ShareScore
from kalm_data.stages.train import TrainResult, train
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.summary import RunSummary
    from kalm_data.stages.train import Account
    from kalm_data.workspace.database import Database

ROWS = 10


class Trainer:
    """Trains nothing, in seven steps; tells what it leaves out."""

    def __init__(self, lonely: int = 0, beyond: int = 0, cut: int = 0, **found: object) -> None:
        self._left_out = {"no_negatives": lonely, "max_steps": beyond}
        self._cut = cut
        self._found: dict[str, Any] = found

    def __call__(
        self, shards: Path, manifest: Manifest, output: Path, config: TrainConfig, watcher: Account
    ) -> Fitted:
        for reason, count in self._left_out.items():
            watcher.leave_out(reason, [f"{reason}-{i}" for i in range(count)])
        for step in range(7):
            watcher.step(step + 1, 7, 0.5)
        return Fitted(steps=7, loss=0.5, last_loss=0.25, cut=self._cut, **self._found)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    (folder / "t").mkdir(parents=True)
    (folder / "t" / "part-00000.parquet").write_bytes(b"x" * ROWS)
    file = describe_file(folder, "t/part-00000.parquet", ROWS)
    task = ShardTask(task=Task(name="t"), rows=ROWS, ranker="", sources={}, files=(file,))
    write_manifest(
        folder,
        Manifest(schema_version=SCHEMA_VERSION, seed=0, rows=ROWS, tasks=(task,), versions={}),
    )
    return folder


def size(path: Path) -> int:
    return path.stat().st_size


def run_train(
    database: Database, shards: Path, trainer: Trainer, **settings: object
) -> tuple[TrainResult, RunSummary]:
    config = TrainConfig.model_validate({"model": "m", **settings})
    with running(database, "train", "{}") as run:
        result = train(run, trainer, size, shards, shards / "out", config)
    return result, run.summary("ok")


@pytest.mark.parametrize(("lonely", "beyond"), [(0, 0), (3, 0), (2, 7), (0, 10)])
def test_every_example_is_kept_or_left_out_for_a_reason(
    database: Database, shards: Path, lonely: int, beyond: int
):
    result, run = run_train(database, shards, Trainer(lonely, beyond))
    reasons = {"max_steps": beyond, "no_negatives": lonely}
    assert run.rejected == {reason: count for reason, count in reasons.items() if count}
    assert (run.planned, run.kept, run.pending) == (ROWS, ROWS - lonely - beyond, 0)
    assert (result.steps, result.loss, result.last_loss) == (7, 0.5, 0.25)


def test_texts_that_were_cut_are_told(database: Database, shards: Path):
    result, run = run_train(database, shards, Trainer(cut=3))
    assert result.cut == 3 and run.warnings[0].startswith("3 texts are longer")


def test_a_set_that_changed_is_not_trained_on(database: Database, shards: Path):
    (shards / "t" / "part-00000.parquet").write_bytes(b"y" * ROWS)
    with pytest.raises(InputError, match="sha256"):
        run_train(database, shards, Trainer())


def test_scored_pairs_that_nobody_reads_are_told(database: Database, shards: Path):
    (shards / "t" / "scored-00000.parquet").write_bytes(b"xyz")
    manifest = read_manifest(shards)
    (task,) = manifest.tasks
    scored = (describe_file(shards, "t/scored-00000.parquet", 3),)
    with_pairs = task.model_copy(update={"scored": scored})
    write_manifest(shards, manifest.model_copy(update={"tasks": (with_pairs,)}))
    _, run = run_train(database, shards, Trainer(), scored_weight=0)
    assert "3 scored pairs of the set are not read" in run.warnings[0]
    assert run_train(database, shards, Trainer())[1].warnings == ()


def scores(*values: float) -> tuple[DevScore, ...]:
    """Of the base, and of every tenth step."""
    return tuple(DevScore(10 * i, {"dev_ndcg@10": value}) for i, value in enumerate(values))


@pytest.mark.parametrize(
    ("found", "falls"),
    [
        ({"dev": scores(0.5, 0.6, 0.4)}, True),
        ({"dev": scores(0.5, 0.6, 0.4), "best_step": 10}, False),
        ({"dev": scores(0.5, 0.4)}, True),
        ({"dev": scores(0.5, 0.4), "shares": (ShareScore(0, 0.4), ShareScore(0.5, 0.6))}, False),
        ({"dev": ()}, False),
    ],
)
def test_a_model_that_finds_less_than_its_base_is_told(
    database: Database, shards: Path, found: dict[str, object], falls: bool
):
    _, run = run_train(database, shards, Trainer(**found))
    assert any("nDCG@10 on dev fell from 0.5000" in line for line in run.warnings) == falls


@pytest.mark.parametrize("given", [(), (0.0, 0.5)])
def test_base_shares_are_no_advice_to_who_gave_them(
    database: Database, shards: Path, given: tuple[float, ...]
):
    _, run = run_train(database, shards, Trainer(dev=scores(0.5, 0.4)), base_shares=given)
    (line,) = (line for line in run.warnings if "fell" in line)
    assert ("--base-shares" in line) == (not given)
