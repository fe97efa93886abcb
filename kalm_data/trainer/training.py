"""One training, from the first step or from a checkpoint to the last step."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from transformers import EarlyStoppingCallback

from kalm_data.core.trained import DevScore, Fitted
from kalm_data.trainer.base_model import cut_among
from kalm_data.trainer.checkpoints import Checkpoints, newest_checkpoint, read_progress
from kalm_data.trainer.devices import Share
from kalm_data.trainer.feed import Collator
from kalm_data.trainer.loop import Evaluations, Steps, TrainingLoop, Watcher, training_arguments
from kalm_data.trainer.processes import is_first
from kalm_data.trainer.progress import Progress
from kalm_data.trainer.sampler import RunSampler, make_loader
from kalm_data.trainer.tokens import PART_TOKENS, Reader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer
    from transformers import TrainerCallback

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.core.templates import Templates
    from kalm_data.trainer.base_model import AsSaved
    from kalm_data.trainer.batches import RunPlan
    from kalm_data.trainer.dev_scores import DevEvaluator
    from kalm_data.trainer.objective import ContrastiveLoss
    from kalm_data.trainer.rows import TrainingRows
    from kalm_data.trainer.teacher import SavedTeacher


@dataclass(frozen=True, slots=True)
class Work:
    """What a training works on. `saved` is what of the base is given back before saving."""

    model: SentenceTransformer
    saved: AsSaved
    rows: TrainingRows
    templates: Mapping[str, Templates]
    evaluator: DevEvaluator | None
    teacher: SavedTeacher | None
    plan: RunPlan
    loss: ContrastiveLoss


def train_model(work: Work, folder: Path, config: TrainConfig, watcher: Watcher) -> Fitted:
    """Train the model of `work` in place, with checkpoints in `folder`, and say how it went.

    What is left out is told before the first step, what an early stop leaves out after the last.
    """
    plan = work.plan
    steps = _steps(plan, config)
    _tell_left_out(work.rows, plan, steps, watcher)
    if config.base_shares and work.evaluator is None:
        watcher.warn(
            "--base-shares: none of the base is mixed in, as nothing is judged on dev rows"
        )
    checkpoint = newest_checkpoint(folder)
    progress = read_progress(checkpoint) if checkpoint else Progress()
    losses = progress.losses
    if checkpoint:
        watcher.warn(f"goes on from step {len(losses)} of {steps}, where it was stopped")
    base_scores = work.evaluator(work.model) if work.evaluator and is_first() else {}
    loop = _loop(work, plan, steps, folder, config, watcher, progress)
    loop.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    progress.gather()
    _tell_stopped(work.rows, plan, len(losses), steps, watcher)
    last = losses[-math.ceil(len(losses) / 10) :]
    return Fitted(
        steps=len(losses),
        loss=math.fsum(losses) / len(losses),
        last_loss=math.fsum(last) / len(last),
        cut=len(progress.cut),
        dev=_dev_scores(base_scores, loop),
        best_step=loop.state.best_global_step if loop.args.load_best_model_at_end else None,
    )


def tell_missed(
    rows: TrainingRows, plan: RunPlan, config: TrainConfig, done: int, watcher: Watcher
) -> None:
    """Tell what a training that ended after `done` steps left out."""
    steps = _steps(plan, config)
    _tell_left_out(rows, plan, steps, watcher)
    _tell_stopped(rows, plan, done, steps, watcher)


def _steps(plan: RunPlan, config: TrainConfig) -> int:
    """Steps of a training that does not stop early."""
    return min(config.max_steps or sys.maxsize, len(plan))


def _tell_left_out(rows: TrainingRows, plan: RunPlan, steps: int, watcher: Watcher) -> None:
    missed = plan.missed(steps)
    if rows.lonely:
        watcher.leave_out("no_negatives", rows.lonely)
    _leave_out("task_weight", missed.light, rows, watcher)
    _leave_out("max_steps", missed.late, rows, watcher)


def _tell_stopped(
    rows: TrainingRows, plan: RunPlan, done: int, steps: int, watcher: Watcher
) -> None:
    if done < steps:
        stopped = np.setdiff1d(plan.missed(done).late, plan.missed(steps).late)
        _leave_out("early_stop", stopped, rows, watcher)


def _leave_out(
    reason: str, missed: NDArray[np.int64], rows: TrainingRows, watcher: Watcher
) -> None:
    """Of what is missed, scored pairs are no examples."""
    for ids in rows.id_blocks(missed[missed < rows.examples]):
        watcher.leave_out(reason, ids)


def _loop(
    work: Work,
    plan: RunPlan,
    steps: int,
    folder: Path,
    config: TrainConfig,
    watcher: Watcher,
    progress: Progress,
) -> TrainingLoop:
    model = work.model
    judged_by = work.evaluator.headline if work.evaluator else None
    arguments = training_arguments(folder, config, steps, model.device, judged_by=judged_by)
    reader = Reader(
        model.preprocess,
        partial(cut_among, model),
        config.mini_batch_tokens or PART_TOKENS["cpu" if model.device.type == "cpu" else "cuda"],
        model.max_seq_length,
    )
    process = Share(arguments.process_index, arguments.world_size)
    taught_by = work.teacher.templates if work.teacher else None
    collator = Collator(
        reader, work.templates, config.negatives, config, process, progress, taught_by
    )
    callbacks: list[TrainerCallback] = [
        Steps(work.loss, watcher, progress.losses),
        Checkpoints(folder, config.checkpoint_minutes, progress),
    ]
    if work.evaluator:
        callbacks.append(Evaluations(config.evaluations))
    if config.patience:
        callbacks.append(EarlyStoppingCallback(config.patience))
    return TrainingLoop(
        make_loader(work.rows, RunSampler(plan, steps, len(progress.losses)), collator),
        model=model,
        args=arguments,
        loss=work.loss,
        evaluator=work.evaluator,
        data_collator=collator,
        callbacks=callbacks,
    )


def _dev_scores(base: Mapping[str, float], loop: TrainingLoop) -> tuple[DevScore, ...]:
    """Those of the base, then those of the evaluations, in order of steps."""
    if not base:
        return ()
    told = {name: f"eval_{name}" for name in base}
    later = [
        DevScore(entry["step"], {name: entry[key] for name, key in told.items()})
        for entry in loop.state.log_history
        if all(key in entry for key in told.values())
    ]
    return (DevScore(0, base), *later)
