from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.pipeline.file import read_pipeline
from kalm_data.core.pipeline.planner import Planner
from kalm_data.core.pipeline.record import Done, Record

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.pipeline.planner import Verdict

TRAIN = """\
[[step]]
command = "train"
shards = "s"
output = "o"
config = "t.toml"
"""


@dataclass(frozen=True)
class Run:
    sequence: int
    run_id: str
    command: str


def no_languages(tasks: tuple[str, ...]) -> frozenset[str]:
    return frozenset()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("base", "teacher", "beir"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text("1")
    (tmp_path / "t.toml").write_text('model = "base"\n')
    return tmp_path


def done(folder: Path, more: str) -> Record:
    """The record of a training that was run 1 of its workspace."""
    (folder / "p.toml").write_text(TRAIN + more)
    pipeline = read_pipeline(folder / "p.toml")
    planner, step = Planner(pipeline, Record(), [], no_languages), pipeline.steps[0]
    made = Done(planner.judge(step).made_from, 1, planner.output_digest(step))
    return Record({"train": made}, (1,))


def judge(folder: Path, record: Record, *runs: Run) -> Verdict:
    pipeline = read_pipeline(folder / "p.toml")
    return Planner(pipeline, record, runs, no_languages).judge(pipeline.steps[0])


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("", ()),
        ('regress = ["./beir"]\n', ()),
        ('regress = ["task"]\n', ("run r2 changed the workspace since",)),
    ],
)
def test_a_training_is_due_after_a_change_of_the_workspace_where_it_reads_a_task(
    folder: Path, more: str, why: tuple[str, ...]
) -> None:
    assert judge(folder, done(folder, more), Run(2, "r2", "filter")).why == why


@pytest.mark.parametrize("changed", ["base", "teacher"])
def test_a_training_is_due_where_a_model_that_it_reads_changed(folder: Path, changed: str) -> None:
    record = done(folder, 'teacher = "teacher"\ndistill_weight = 1\n')
    assert not judge(folder, record).due
    (folder / changed / "weights").write_text("2")
    assert judge(folder, record).why == (f"{changed}: weights changed",)
