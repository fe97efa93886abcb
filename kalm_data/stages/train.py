"""Train: check the shards, hand them to the trainer, account for every example."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.records import Reject
from kalm_data.core.verification import verify_set

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.core.manifest import Manifest
    from kalm_data.core.protocols import Run
    from kalm_data.core.trained import Fitted


class Fit(Protocol):
    """Trains a model on a verified set and saves it whole, or not at all."""

    def __call__(
        self,
        shards: Path,
        manifest: Manifest,
        output: Path,
        config: TrainConfig,
        watcher: Account,
    ) -> Fitted: ...


@dataclass(frozen=True, slots=True)
class TrainResult:
    """Figures of a training; `training_seconds` are without the checks of the shards."""

    model: str
    steps: int
    loss: float
    last_loss: float
    cut: int
    training_seconds: float


class Account:
    """Accounts for the examples of a set while the trainer works through them."""

    def __init__(self, run: Run, rows: int) -> None:
        self._run = run
        self._left = rows
        self._kept = 0
        run.plan(rows)

    def leave_out(self, reason: str, example_ids: Sequence[str]) -> None:
        """These will not be trained on. To be told before the first step."""
        run_id = self._run.run_id
        self._run.reject(
            [Reject(run_id, "train", reason, id_, "{}", "", 0, "") for id_ in example_ids]
        )
        self._left -= len(example_ids)

    def step(self, done: int, steps: int) -> None:
        """So many of all steps are done: that share of the examples counts as kept."""
        kept = self._left * done // steps
        self._run.keep(kept - self._kept)
        self._kept = kept


def train(
    run: Run,
    fit: Fit,
    count_rows: Callable[[Path], int],
    shards: Path,
    output: Path,
    config: TrainConfig,
) -> TrainResult:
    """Train on a shard set and save the model to `output`; one unit an example.

    Raises InputError where the set is not what its manifest says. Reasons of rejects:
    `no_negatives` (a row without any, in a task without in-batch negatives), `max_steps` (it would
    have come later), `task_weight` (no epoch took it).
    """
    manifest = verify_set(shards, count_rows)
    run.record_input("shards", manifest.fingerprint)
    if not config.scored_weight:
        _warn_of_unread(run, manifest)
    started = time.monotonic()
    fitted = fit(shards, manifest, output, config, Account(run, manifest.rows))
    seconds = round(time.monotonic() - started, 3)
    if fitted.cut:
        run.warn(
            f"{fitted.cut} texts are longer than the model reads, or than --max-length; "
            "their ends had no part in the training"
        )
    if fitted.untaught:
        run.warn(
            f"{fitted.untaught} rows have no scores of a ranker for a positive and a negative; "
            "no teacher had a part in them"
        )
    return TrainResult(
        str(output), fitted.steps, fitted.loss, fitted.last_loss, fitted.cut, seconds
    )


def _warn_of_unread(run: Run, manifest: Manifest) -> None:
    pairs = sum(file.rows for task in manifest.tasks for file in task.scored)
    if pairs:
        run.warn(f"{pairs} scored pairs of the set are not read: --scored-weight is 0")
