"""train --leave-one-out: what was finished before a kill is not trained again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.api.train import TrainConfig, train
from kalm_data.core.errors import Interrupted
from kalm_data.stages.leave_one_out import Forwarded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kalm_data.core.summary import Outcome
    from kalm_data.stages.train import TrainResult
    from tests.trainer.conftest import MakeRow, WriteSet

    Start = Callable[..., Outcome[TrainResult]]


@pytest.fixture
def start(write_set: WriteSet, make_row: MakeRow, tiny_model: Path, tmp_path: Path) -> Start:
    """Train on three tasks of ten rows, one of them weighted, and without each."""
    rows, dev = (
        [
            make_row(f"{word} {n}", [f"{word} fish {n}"], [f"moon {n}"], task=task)
            for task, word in (("a", "red"), ("b", "blue"), ("c", "green"))
            for n in range(*span)
        ]
        for span in ((10,), (10, 13))
    )
    shards = write_set(rows, dev=dev)

    def run(output: str, **given: object) -> Outcome[TrainResult]:
        settings = {
            "model": str(tiny_model), "lr": 1e-3, "batch_size": 5, "evaluations": 1,
            "task_weight": ("b=0.5",), "max_steps": 4, **given,
        }  # fmt: skip
        config = TrainConfig.model_validate(settings)
        return train(tmp_path / "w", shards, tmp_path / output, config, leave_one_out=True)

    return run


def test_a_killed_run_goes_on_with_what_is_left_and_ends_in_the_same_table(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = start("whole")
    step = Forwarded.step
    trained: list[str] = []

    def kill(self: Forwarded, done: int, steps: int, loss: float) -> None:
        if self._task == "b":
            raise KeyboardInterrupt
        step(self, done, steps, loss)

    def note(self: Forwarded, done: int, steps: int, loss: float) -> None:
        trained.append(self._task)
        step(self, done, steps, loss)

    monkeypatch.setattr(Forwarded, "step", kill)
    with pytest.raises(Interrupted):
        start("out")
    made = (tmp_path / "out" / "kalm-data.json").stat().st_mtime_ns
    monkeypatch.setattr(Forwarded, "step", note)
    again = start("out")
    assert sorted(set(trained)) == ["b", "c"]
    assert (tmp_path / "out" / "kalm-data.json").stat().st_mtime_ns == made
    assert again.result.left_out == whole.result.left_out
    assert [one.task for one in again.result.left_out] == ["a", "b", "c"]
    assert (again.run.kept, again.run.rejected) == (whole.run.kept, whole.run.rejected)
    assert (again.result.loss, again.result.dev) == (whole.result.loss, whole.result.dev)
    assert any(line.startswith("without a: ") for line in again.run.warnings)
    assert not list(tmp_path.glob("out.*"))


@pytest.mark.slow
def test_other_settings_train_again(start: Start, tmp_path: Path) -> None:
    start("out")
    first = (tmp_path / "out" / "model.safetensors").read_bytes()
    again = start("out", seed=7)
    assert (tmp_path / "out" / "model.safetensors").read_bytes() != first
    assert not any("and not again" in line for line in again.run.warnings)
    assert any("and not again" in line for line in start("out", seed=7).run.warnings)
    fresh = start("out", seed=7, resume=False)
    assert not any("and not again" in line for line in fresh.run.warnings)
