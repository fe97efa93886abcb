"""Checkpoints of a training: when they are made, and from which of them a killed run goes on."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from kalm_data.trainer.processes import from_first

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "checkpoints"

_IDENTITY = "training.json"
_WHOLE = "losses.json"
"""Written last, so that a checkpoint that holds it is whole; with the losses so far."""


def prepare_checkpoints(folder: Path, identity: str, *, resume: bool) -> Path | None:
    """The newest whole checkpoint in `folder`, of the training that `identity` names; else None.

    What another training left there is swept away, as is everything if `resume` is False.
    """
    place = folder / FOLDER
    named = place / _IDENTITY
    if not resume or not named.is_file() or named.read_text(encoding="utf-8") != identity:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        named.write_text(identity, encoding="utf-8")
    return newest_checkpoint(folder)


def newest_checkpoint(folder: Path) -> Path | None:
    whole = [made.parent for made in (folder / FOLDER).glob(f"checkpoint-*/{_WHOLE}")]
    return max(whole, key=lambda one: int(one.name.rpartition("-")[2]), default=None)


def read_losses(checkpoint: Path) -> list[float]:
    """The loss of every step up to a checkpoint."""
    losses: list[float] = json.loads((checkpoint / _WHOLE).read_text(encoding="utf-8"))
    return losses


class Checkpoints(TrainerCallback):  # type: ignore[misc]  # untyped
    """Asks for a checkpoint every so many minutes, and marks those that are whole.

    losses: that of every step so far, which grows while the training goes on.
    """

    def __init__(self, folder: Path, minutes: float, losses: list[float]) -> None:
        self._folder = folder / FOLDER
        self._seconds = minutes * 60
        self._losses = losses
        self._made_at = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        due = bool(self._seconds) and time.monotonic() - self._made_at >= self._seconds
        if from_first(due) and state.global_step < state.max_steps:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        self._made_at = time.monotonic()
        if args.should_save:
            made = self._folder / f"checkpoint-{state.global_step}"
            partial = made / (_WHOLE + ".partial")
            partial.write_text(json.dumps(self._losses), encoding="utf-8")
            partial.replace(made / _WHOLE)
