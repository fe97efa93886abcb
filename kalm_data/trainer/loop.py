"""sentence-transformers' training loop, over planned batches and with our loss."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from accelerate.data_loader import prepare_data_loader
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from sentence_transformers import SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.training_args import (
    SentenceTransformerTrainingArguments,
)
from transformers import PrinterCallback, TrainerCallback

from kalm_data.core.errors import InputError
from kalm_data.trainer.sharding import (
    is_in_shards,
    load_sharded_optimizer,
    load_shards,
    shard_on_cpu,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.trainer.objective import ContrastiveLoss

_WEIGHTS = "model.safetensors"
_SCHEDULE = "scheduler.pt"
_KEPT_CHECKPOINTS = 3
"""The best one, the newest one, and the one before, lest a kill meets the newest half written."""

_LOG_EVERY = 10
_HARDLY_ROOM = 1 << 24
"""Bytes that are free on a full disk, at most: what was half written is still there."""

_LOGS = "runs"


def keep_logs(checkpoints: Path, folder: Path) -> None:
    """What TensorBoard was told goes with the model."""
    if (checkpoints / _LOGS).is_dir():
        shutil.move(checkpoints / _LOGS, folder / _LOGS)


class Watcher(Protocol):
    """Who is told how a training goes."""

    def leave_out(self, reason: str, example_ids: Sequence[str]) -> None:
        """These will not be trained on, or were not when it stopped early."""
        ...

    def step(self, done: int, steps: int, loss: float) -> None: ...

    def warn(self, line: str) -> None: ...


class Unwatched:
    """Tells nobody."""

    def leave_out(self, reason: str, example_ids: Sequence[str]) -> None: ...

    def step(self, done: int, steps: int, loss: float) -> None: ...

    def warn(self, line: str) -> None: ...


class TrainingLoop(SentenceTransformerTrainer):  # type: ignore[misc]  # untyped
    """sentence-transformers' loop over batches that were planned beforehand."""

    def __init__(self, loader: torch.utils.data.DataLoader[Any], **given: Any) -> None:  # noqa: ANN401
        super().__init__(**given)
        self._loader = loader
        self.remove_callback(PrinterCallback)  # it prints to stdout, where data goes

    def create_accelerator_and_postprocess(self) -> None:
        super().create_accelerator_and_postprocess()
        shard_on_cpu(self.accelerator)
        self.is_fsdp_enabled = getattr(self.accelerator.state, "fsdp_plugin", None) is not None

    def get_train_dataloader(self) -> torch.utils.data.DataLoader[Any]:
        """Every process gets the whole batch: the collator shares its texts out."""
        loader: torch.utils.data.DataLoader[Any] = prepare_data_loader(
            self._loader, self.accelerator.device, num_processes=1, process_index=0,
            put_on_device=True,
        )  # fmt: skip
        return loader

    def evaluation_loop(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401
        """As it is, but no random number is drawn of those that training draws."""
        with torch.random.fork_rng():
            return super().evaluation_loop(*given, **named)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: the card is ours (`trainer/card.py`)."""

    def _save_checkpoint(self, model: Any, trial: Any) -> None:  # noqa: ANN401
        """The library's own; where there is no room for one, that is told in one line."""
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, RuntimeError, SafetensorError) as error:
            if shutil.disk_usage(self.args.output_dir).free > _HARDLY_ROOM:
                raise
            message = f"{self.args.output_dir}: no room for a checkpoint. Make room there, then run"
            raise InputError(f"{message} the same command again.") from error

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Sharded weights are saved later, with the optimiser's numbers, but the loop looks now
        whether the folder is there.
        """
        if self.is_fsdp_enabled:
            Path(output_dir or self.args.output_dir).mkdir(parents=True, exist_ok=True)
        else:
            super().save_model(output_dir, _internal_call)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ANN401
        """A checkpoint holds the weights as they are trained, adapters apart; no whole model."""
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.model, str(folder / _WEIGHTS))

    def _load_from_checkpoint(self, checkpoint_path: str, model: Any = None) -> None:  # noqa: ANN401
        if is_in_shards(Path(checkpoint_path)) != self.is_fsdp_enabled:
            made = "without" if self.is_fsdp_enabled else "with"
            message = f"{checkpoint_path}: made {made} FSDP. Start the training as it was started"
            raise InputError(f"{message} then, or anew with --no-resume.")
        if self.is_fsdp_enabled:
            load_shards(self.accelerator, model or self.model, Path(checkpoint_path))
        else:
            load_model(self.model, str(Path(checkpoint_path) / _WEIGHTS))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if not self.is_fsdp_enabled or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        load_sharded_optimizer(self.model, self.optimizer, Path(checkpoint))
        found = torch.load(Path(checkpoint) / _SCHEDULE, weights_only=True)
        self.lr_scheduler.load_state_dict(found)

    def _load_best_model(self) -> None:
        """The library's own goes on with the last weights where these cannot be read."""
        self._load_from_checkpoint(self.state.best_model_checkpoint)


class Steps(TrainerCallback):  # type: ignore[misc]  # untyped
    """Tells how far the training is and stops it where the loss is no number any more.

    losses: that of every step, which it adds to.
    """

    def __init__(self, loss: ContrastiveLoss, watcher: Watcher, losses: list[float]) -> None:
        self._loss = loss
        self._watcher = watcher
        self._losses = losses

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        loss = float(self._loss.given.pop())
        if not math.isfinite(loss):
            message = f"the loss is {loss} at step {state.global_step}: give a lower --lr"
            raise InputError(message)
        self._losses.append(loss)
        self._watcher.step(state.global_step, state.max_steps, loss)


class Evaluations(TrainerCallback):  # type: ignore[misc]  # untyped
    """Asks for so many evaluations at equal distances, the last one at the last step."""

    def __init__(self, count: int) -> None:
        self._count = count

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        done, steps = state.global_step * self._count, state.max_steps
        control.should_evaluate = done // steps > (done - self._count) // steps


def training_arguments(
    folder: Path, config: TrainConfig, steps: int, device: torch.device, *, judged_by: str | None
) -> SentenceTransformerTrainingArguments:
    """judged_by: the dev score by which the best weights are known, if there is one."""
    judged = judged_by is not None
    best = judged and config.keep == "best"
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.lr,
        warmup_steps=math.ceil(config.warmup_ratio * steps),
        weight_decay=config.weight_decay,
        use_cpu=device.type == "cpu",
        bf16=config.precision == "bfloat16",
        seed=config.seed,
        data_seed=config.seed,
        save_strategy="best" if best else "no",
        save_total_limit=_KEPT_CHECKPOINTS,
        load_best_model_at_end=best,
        metric_for_best_model=judged_by,
        greater_is_better=True if judged else None,
        eval_strategy="steps" if judged else "no",
        eval_steps=steps + 1,  # never by itself: `Evaluations` asks
        restore_callback_states_from_checkpoint=True,
        logging_strategy="steps" if config.track else "no",
        logging_steps=_LOG_EVERY,
        report_to=list(config.track),
        disable_tqdm=True,
        dataloader_pin_memory=device.type == "cuda",
    )
