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


REPORT = '[[step]]\ncommand = "report"\nout = "page.html"\n'


@pytest.mark.parametrize(
    ("command", "why"),
    [("eval", ("run r2 came since",)), ("filter", ("run r2 came since",)), ("run", ())],
)
def test_a_report_is_due_after_any_run_of_others(
    folder: Path, command: str, why: tuple[str, ...]
) -> None:
    file = folder / "p.toml"
    file.write_text(REPORT)
    (folder / "page.html").write_text("<html>")
    pipeline = read_pipeline(file)
    planner, step = Planner(pipeline, Record(), [], no_languages), pipeline.steps[0]
    made = Done(planner.judge(step).made_from, 1, planner.output_digest(step))
    assert judge(folder, Record({"report": made}, (1,)), Run(2, "r2", command)).why == why


def test_a_report_is_due_where_an_earlier_step_ran_after_it(folder: Path) -> None:
    """As after a kill between the two."""
    (folder / "o").mkdir()
    (folder / "p.toml").write_text(TRAIN + REPORT)
    (folder / "page.html").write_text("<html>")
    pipeline = read_pipeline(folder / "p.toml")
    planner = Planner(pipeline, Record(), [], no_languages)
    done = [
        Done(planner.judge(step).made_from, sequence, planner.output_digest(step))
        for step, sequence in zip(pipeline.steps, (5, 3), strict=True)
    ]
    record = Record({"train": done[0], "report": done[1]}, (3, 5))
    planner = Planner(pipeline, record, [], no_languages)
    assert [planner.judge(step).why for step in pipeline.steps] == [(), ("shows train",)]
