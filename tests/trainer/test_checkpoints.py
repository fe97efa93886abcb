from __future__ import annotations

import json
from pathlib import Path

from kalm_data.trainer.checkpoints import (
    FOLDER,
    newest_checkpoint,
    prepare_checkpoints,
    read_losses,
)


def make(folder: Path, step: int, losses: list[float] | None) -> Path:
    made = folder / FOLDER / f"checkpoint-{step}"
    made.mkdir(parents=True)
    if losses is not None:
        (made / "losses.json").write_text(json.dumps(losses))
    return made


def test_the_newest_whole_checkpoint_is_taken(tmp_path: Path) -> None:
    assert prepare_checkpoints(tmp_path, "a", resume=True) is None
    make(tmp_path, 9, [1.0] * 9)
    whole = make(tmp_path, 10, [0.5] * 10)
    make(tmp_path, 11, None)  # killed while it was written
    assert prepare_checkpoints(tmp_path, "a", resume=True) == whole
    assert read_losses(whole) == [0.5] * 10


def test_checkpoints_of_another_training_are_swept_away(tmp_path: Path) -> None:
    prepare_checkpoints(tmp_path, "a", resume=True)
    make(tmp_path, 5, [1.0])
    assert prepare_checkpoints(tmp_path, "b", resume=True) is None
    assert not list((tmp_path / FOLDER).glob("checkpoint-*"))


def test_without_resume_everything_starts_over(tmp_path: Path) -> None:
    prepare_checkpoints(tmp_path, "a", resume=True)
    make(tmp_path, 5, [1.0])
    assert prepare_checkpoints(tmp_path, "a", resume=False) is None
    assert newest_checkpoint(tmp_path) is None
