"""Train: check the shards, hand them to the trainer, account for every example."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.records import Reject
from kalm_data.core.trained import DEV_HEADLINE, DEV_SCORE, headline
from kalm_data.core.verification import verify_set

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.core.eval_result import Regression
    from kalm_data.core.manifest import Manifest
    from kalm_data.core.protocols import Run
    from kalm_data.core.trained import DevScore, Fitted, LeftOut, ShareScore


_WORDS = {DEV_HEADLINE: "nDCG@10", DEV_SCORE: "the score"}


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
    """Figures of a training, as `Fitted` has them; `training_seconds` are without the checks of the
    shards.
    """

    model: str
    training_seconds: float
    steps: int
    loss: float
    last_loss: float
    cut: int
    untaught: int
    dev: tuple[DevScore, ...]
    best_step: int | None
    base_share: float
    shares: tuple[ShareScore, ...]
    left_out: tuple[LeftOut, ...] = ()
    """What each task brings, where `--leave-one-out` asked."""
    regress: Mapping[str, Regression] = field(default_factory=dict)
    """By set, what `--regress` found."""


class Account:
    """Accounts for the examples of a set while the trainer works through them."""

    def __init__(self, run: Run, rows: int) -> None:
        self._run = run
        self._left = rows
        run.plan(rows)

    def leave_out(self, reason: str, example_ids: Sequence[str]) -> None:
        """These will not be trained on, or were not when it stopped early."""
        run_id = self._run.run_id
        self._run.reject(
            [Reject(run_id, "train", reason, id_, "{}", "", 0, "") for id_ in example_ids]
        )
        self._left -= len(example_ids)

    def step(self, done: int, steps: int, loss: float) -> None:
        activity = f"step {done} of {steps}, loss {loss:.4f}"
        self._run.tell(activity, self._left * done / steps)

    def warn(self, line: str) -> None:
        self._run.warn(line)

    def close(self) -> None:
        """All that was not left out has been trained on."""
        self._run.keep(self._left)


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
    have come later), `task_weight` (no epoch took it), `early_stop`.
    """
    manifest = verify_set(shards, count_rows)
    run.record_input("shards", manifest.fingerprint)
    if not config.scored_weight:
        _warn_of_unread(run, manifest)
    started = time.monotonic()
    account = Account(run, manifest.rows)
    fitted = fit(shards, manifest, output, config, account)
    account.close()
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
    _warn_of_loss(run, fitted, config)
    found = {each.name: getattr(fitted, each.name) for each in fields(fitted)}
    return TrainResult(model=str(output), training_seconds=seconds, **found)


def _warn_of_loss(run: Run, fitted: Fitted, config: TrainConfig) -> None:
    """A model that finds less than its base did is no gain, however low its loss."""
    if len(fitted.dev) < 2:
        return
    name = headline(fitted.dev[0].scores)
    base = fitted.dev[0].scores[name]
    saved = fitted.shares or ()
    reached = max((one.score for one in saved), default=_saved_score(fitted))
    if reached < base:
        remedies = "a lower --lr or fewer steps"
        if not config.base_shares:
            remedies = "a lower --lr, fewer steps, or --base-shares 0.5"
        run.warn(f"{_WORDS[name]} on dev fell from {base:.4f} to {reached:.4f}: give {remedies}")


def _saved_score(fitted: Fitted) -> float:
    """The score on dev of the weights that were saved."""
    saved = [one for one in fitted.dev[1:] if fitted.best_step in (None, one.step)]
    scores = saved[-1].scores
    return scores[headline(scores)]


def _warn_of_unread(run: Run, manifest: Manifest) -> None:
    pairs = sum(file.rows for task in manifest.tasks for file in task.scored)
    if pairs:
        run.warn(f"{pairs} scored pairs of the set are not read: --scored-weight is 0")
