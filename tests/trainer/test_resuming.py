"""A training that is stopped and started again ends in the weights of one that never was."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.trainer.conftest import MakeRow, ShardRow, Train, WriteSet

EVERY_STEP = 1e-9
"""Minutes between checkpoints."""


class Stops:
    """Watches a training and stops it at a step."""

    def __init__(self, step: int | None = None) -> None:
        self._step = step
        self.seen: list[int] = []
        self.warnings: list[str] = []

    def leave_out(self, reason: str, example_ids: Sequence[str]) -> None: ...

    def step(self, done: int, steps: int, loss: float) -> None:
        self.seen.append(done)
        if done == self._step:
            raise KeyboardInterrupt

    def warn(self, line: str) -> None:
        self.warnings.append(line)


@pytest.fixture
def judged_set(write_set: WriteSet, toy_rows: list[ShardRow], make_row: MakeRow) -> Path:
    """Five batches of four an epoch, and dev rows."""
    dev = [make_row(f"sun {i}", [f"sun moon {i}"], [f"cat stone {i}"]) for i in range(6)]
    return write_set(toy_rows, dev=dev)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("step", "given"),
    [(1, {}), (4, {}), (5, {}), (6, {}), (9, {}), (4, {"lora_rank": 2}), (9, {"lora_rank": 2})],
)
def test_a_stopped_training_goes_on_to_the_same_weights(
    judged_set: Path, train: Train, tmp_path: Path, step: int, given: dict[str, int]
) -> None:
    settings = {"batch_size": 4, "dropout": 0.1, "evaluations": 3, **given}
    whole = train(judged_set, tmp_path / "whole", **settings)
    stopping = Stops(step)
    settings |= {"checkpoint_minutes": EVERY_STEP}
    with pytest.raises(KeyboardInterrupt):
        train(judged_set, tmp_path / "out", watcher=stopping, **settings)
    again = Stops()
    resumed = train(judged_set, tmp_path / "out", watcher=again, **settings)
    assert again.seen[0] > 1 or step == 1
    assert resumed == whole
    assert weights(tmp_path / "out") == weights(tmp_path / "whole")
    assert not list(tmp_path.glob("out.*"))


def test_a_resumed_training_counts_the_long_texts_of_an_undisturbed_one(
    write_set: WriteSet, toy_rows: list[ShardRow], make_row: MakeRow, train: Train, tmp_path: Path
) -> None:
    """Every long text is met once before the stop or after it, as there is one epoch."""
    long = [make_row(f"{'red ' * 40}{i}", ["fish"], []) for i in range(8)]
    shards = write_set([*toy_rows[:8], *long])
    settings = {"batch_size": 4, "epochs": 1, "checkpoint_minutes": EVERY_STEP}
    with pytest.raises(KeyboardInterrupt):
        train(shards, tmp_path / "out", watcher=Stops(3), **settings)
    again = Stops()
    assert train(shards, tmp_path / "out", watcher=again, **settings).cut == 8
    assert again.seen[0] > 1


def test_base_shares_where_nothing_is_judged_are_told(
    judged_set: Path, train: Train, tmp_path: Path
) -> None:
    watching = Stops()
    train(judged_set, tmp_path / "out", base_shares=(0.0, 0.5), evaluations=0, watcher=watching)
    assert [line for line in watching.warnings if "--base-shares: none of the base" in line]
    judged = Stops()
    train(judged_set, tmp_path / "out", base_shares=(0.0, 0.5), watcher=judged)
    assert not any("--base-shares" in line for line in judged.warnings)


def test_other_settings_start_over_and_say_so(
    judged_set: Path, train: Train, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(judged_set, tmp_path / "out", watcher=Stops(3), checkpoint_minutes=EVERY_STEP)
    again = Stops()
    train(judged_set, tmp_path / "out", watcher=again, lr=2e-3, checkpoint_minutes=EVERY_STEP)
    assert again.seen[0] == 1
    assert any("of another training are deleted" in line for line in again.warnings)


def test_a_training_that_is_refused_costs_no_checkpoint(
    judged_set: Path, train: Train, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(judged_set, tmp_path / "out", watcher=Stops(3), checkpoint_minutes=EVERY_STEP)
    with pytest.raises(InputError, match="nope"):
        train(judged_set, tmp_path / "out", task_weight=["nope=2"])
    again = Stops()
    train(judged_set, tmp_path / "out", watcher=again, checkpoint_minutes=EVERY_STEP)
    assert again.seen[0] > 1


def test_what_a_killed_training_left_is_not_published(
    judged_set: Path, train: Train, tmp_path: Path
) -> None:
    left = tmp_path / "out.partial"
    left.mkdir()
    for name in (".partial", "adapter_config.json"):
        (left / name).touch()
    train(judged_set, tmp_path / "out")
    assert not (tmp_path / "out" / "adapter_config.json").exists()


def test_a_full_disk_is_told_and_costs_no_checkpoint(
    judged_set: Path, train: Train, tmp_path: Path
) -> None:
    class Fills(Stops):
        def step(self, done: int, steps: int, loss: float) -> None:
            super().step(done, steps, loss)
            if done == 3:
                raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match="No space left"):
        train(judged_set, tmp_path / "out", watcher=Fills(), checkpoint_minutes=EVERY_STEP)
    again = Stops()
    train(judged_set, tmp_path / "out", watcher=again, checkpoint_minutes=EVERY_STEP)
    assert again.seen[0] > 1


def test_the_weights_that_did_best_on_dev_are_saved(
    judged_set: Path, train: Train, tmp_path: Path
) -> None:
    fitted = train(judged_set, tmp_path / "best", lr=5e-2, epochs=4, evaluations=8)
    scores = {one.step: one.scores["dev_ndcg@10"] for one in fitted.dev}
    assert len(scores) == 9 and min(scores) == 0
    assert fitted.best_step == max((s for s in scores if s), key=lambda s: (scores[s], -s))
    last = train(judged_set, tmp_path / "last", lr=5e-2, epochs=4, evaluations=8, keep="last")
    assert last.best_step is None and last.dev == fitted.dev


def test_evaluations_change_no_weight(judged_set: Path, train: Train, tmp_path: Path) -> None:
    train(judged_set, tmp_path / "judged", keep="last", evaluations=4, dropout=0.1)
    train(judged_set, tmp_path / "plain", evaluations=0, dropout=0.1)
    assert weights(tmp_path / "judged") == weights(tmp_path / "plain")


def test_training_stops_early_where_nothing_gets_better(
    judged_set: Path, train: Train, tmp_path: Path
) -> None:
    settings = {"lr": 1e-12, "epochs": 5, "evaluations": 15, "patience": 2}
    fitted = train(judged_set, tmp_path / "out", **settings)
    assert (fitted.steps, len(fitted.dev)) == (3, 1 + 3)


def test_patience_without_dev_rows_is_refused(
    write_set: WriteSet, toy_rows: list[ShardRow], train: Train, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"no dev rows.*--dev-fraction"):
        train(write_set(toy_rows), tmp_path / "out", patience=1)


@pytest.mark.parametrize("given", [{}, {"lora_rank": 2}])
def test_the_share_of_the_base_that_does_best_on_dev_is_mixed_in(
    judged_set: Path, train: Train, tiny_model: Path, tmp_path: Path, given: dict[str, int]
) -> None:
    fitted = train(judged_set, tmp_path / "out", lr=5e-2, base_shares=(0.0, 0.5, 1.0), **given)
    assert [one.share for one in fitted.shares] == [0.0, 0.5, 1.0]
    assert fitted.shares[-1].score == fitted.dev[0].scores["dev_ndcg@10"]
    best = max(one.score for one in fitted.shares)
    assert best == next(one.score for one in fitted.shares if one.share == fitted.base_share)
    train(judged_set, tmp_path / "base", lr=5e-2, base_shares=(1.0,), **given)
    assert weights(tmp_path / "base") == weights(tiny_model)
