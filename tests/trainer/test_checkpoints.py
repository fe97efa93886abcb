from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError
from kalm_data.trainer.checkpoints import newest_checkpoint, prepared_checkpoints, read_progress
from kalm_data.trainer.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path


class Stopped(Exception):
    """Stands for whatever ends a training."""


def make(folder: Path, step: int, losses: list[float] | None) -> Path:
    made = folder / f"checkpoint-{step}"
    made.mkdir(parents=True)
    if losses is not None:
        (made / "progress.json").write_text(json.dumps({"losses": losses, "cut": [7]}))
    return made


def stop(folder: Path, identity: str, *steps: int) -> None:
    """A training that makes whole checkpoints, and then stops."""
    with (
        pytest.raises(Stopped),
        prepared_checkpoints(folder, identity, resume=True, warn=lambda _: None),
    ):
        for step in steps:
            make(folder, step, [0.5] * step)
        raise Stopped


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "out.checkpoints"


def found_by(folder: Path, identity: str, *, resume: bool = True) -> tuple[str, list[str]]:
    """Name of the checkpoint that a next training finds, and what it is told."""
    told: list[str] = []
    with prepared_checkpoints(folder, identity, resume=resume, warn=told.append):
        found = newest_checkpoint(folder)
    return (found.name if found else ""), told


def test_the_newest_whole_checkpoint_is_gone_on_from(folder: Path) -> None:
    stop(folder, "a", 9, 10)
    half = make(folder, 11, None)  # killed while it was written
    assert found_by(folder, "a") == ("checkpoint-10", [])
    assert not half.exists()
    assert read_progress(folder / "checkpoint-10") == Progress([0.5] * 10, {7})


def test_checkpoints_of_another_training_are_swept_away_with_a_word(folder: Path) -> None:
    stop(folder, "a", 5)
    found, (line,) = found_by(folder, "b")
    assert found == "" and "up to step 5 of another training are deleted" in line


def test_without_resume_everything_starts_over(folder: Path) -> None:
    stop(folder, "a", 5)
    assert found_by(folder, "a", resume=False)[0] == ""


def test_where_no_checkpoint_is_whole_nothing_stays(folder: Path) -> None:
    stop(folder, "a")
    assert not folder.exists()


def test_a_folder_that_is_not_ours_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").touch()
    with pytest.raises(InputError, match="in the way, and not ours"):
        found_by(folder, "a")
    assert (folder / "thesis.txt").exists()
