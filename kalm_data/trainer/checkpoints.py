"""Checkpoints of a training: when they are made, and from which of them a killed run goes on."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from kalm_data.core.errors import InputError
from kalm_data.trainer.processes import from_first, wait_for_all
from kalm_data.trainer.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_IDENTITY = "training.json"
_WHOLE = "progress.json"
"""Written last, so that a checkpoint that holds it is whole."""


def checkpoints_of(output: Path) -> Path:
    """Where the checkpoints of a training to `output` lie: beside it, until the model is there."""
    output = output.resolve()
    return output.with_name(output.name + ".checkpoints")


@contextmanager
def prepared_checkpoints(
    folder: Path, identity: str, *, resume: bool, warn: Callable[[str], None]
) -> Iterator[None]:
    """Make `folder` ready for the checkpoints of the training that `identity` names.

    Whole ones of the same training stay, if it is to `resume`; all others are swept away, which is
    told. Where the block ends with an error, what is worth going on from stays.
    """
    _refuse_foreign(folder)
    found = newest_checkpoint(folder)
    if found and not (resume and _names(folder, identity)):
        warn(f"{folder}: checkpoints up to step {_step(found)} of another training are deleted")
        found = None
    if found is None:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for made in folder.glob("checkpoint-*"):
        if not (made / _WHOLE).is_file():  # killed while it was written
            shutil.rmtree(made)
    (folder / _IDENTITY).write_text(identity, encoding="utf-8")
    try:
        yield
    except BaseException:
        if newest_checkpoint(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest whole one in a folder."""
    whole = [made.parent for made in folder.glob(f"checkpoint-*/{_WHOLE}")]
    return max(whole, key=_step, default=None)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _names(folder: Path, identity: str) -> bool:
    named = folder / _IDENTITY
    return named.is_file() and named.read_text(encoding="utf-8") == identity


def _refuse_foreign(folder: Path) -> None:
    is_filled = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if is_filled and not (folder / _IDENTITY).is_file():
        raise InputError(f"{folder}: in the way, and not ours. Move it, or name another folder.")


def read_progress(checkpoint: Path) -> Progress:
    """How far the training had come when it made a checkpoint."""
    read = json.loads((checkpoint / _WHOLE).read_text(encoding="utf-8"))
    return Progress(read["losses"], set(read["cut"]))


class Checkpoints(TrainerCallback):  # type: ignore[misc]  # untyped
    """Asks for a checkpoint every so many minutes, and marks those that are whole.

    Besides its own there are those after an evaluation.
    """

    def __init__(self, folder: Path, minutes: float, progress: Progress) -> None:
        self._folder = folder
        self._seconds = minutes * 60
        self._progress = progress
        self._made_at = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        due = bool(self._seconds) and time.monotonic() - self._made_at >= self._seconds
        if from_first(due) and state.global_step < state.max_steps:
            self._progress.gather()
            control.should_save = True

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        self._progress.gather()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        self._made_at = time.monotonic()
        wait_for_all()  # each process writes a part of it
        if args.should_save:
            made = self._folder / f"checkpoint-{state.global_step}"
            partial = made / (_WHOLE + ".partial")
            partial.write_text(
                json.dumps({"losses": self._progress.losses, "cut": sorted(self._progress.cut)}),
                encoding="utf-8",
            )
            partial.replace(made / _WHOLE)
