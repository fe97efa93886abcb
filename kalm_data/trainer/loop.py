"""sentence-transformers' training loop, over planned batches and with our loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

from accelerate.data_loader import prepare_data_loader  # type: ignore[import-untyped]
from sentence_transformers import SentenceTransformerTrainer
from transformers import PrinterCallback, TrainerCallback

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from kalm_data.trainer.objective import ContrastiveLoss


class Watcher(Protocol):
    """Who is told how a training goes."""

    def leave_out(self, reason: str, example_ids: Sequence[str]) -> None:
        """These will not be trained on; told before the first step."""
        ...

    def step(self, done: int, steps: int) -> None: ...


class TrainingLoop(SentenceTransformerTrainer):  # type: ignore[misc]  # untyped
    """sentence-transformers' loop over batches that were planned beforehand."""

    def __init__(self, loader: torch.utils.data.DataLoader[Any], **given: Any) -> None:  # noqa: ANN401
        super().__init__(**given)
        self._loader = loader
        self.remove_callback(PrinterCallback)  # it prints to stdout, where data goes

    def get_train_dataloader(self) -> torch.utils.data.DataLoader[Any]:
        """Every process gets the whole batch: the collator shares its texts out."""
        loader: torch.utils.data.DataLoader[Any] = prepare_data_loader(
            self._loader, self.accelerator.device, num_processes=1, process_index=0,
            put_on_device=True,
        )  # fmt: skip
        return loader

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: the card is ours (`trainer/card.py`)."""


class Steps(TrainerCallback):  # type: ignore[misc]  # untyped
    """Tells how far the training is and stops it where the loss is no number any more."""

    def __init__(self, loss: ContrastiveLoss, watcher: Watcher) -> None:
        self._loss = loss
        self._watcher = watcher

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        loss = float(self._loss.given[-1])
        if not math.isfinite(loss):
            message = f"the loss is {loss} at step {state.global_step}: give a lower --lr"
            raise InputError(message)
        self._watcher.step(state.global_step, state.max_steps)
