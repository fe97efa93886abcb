"""sentence-transformers' training loop, over planned batches and with our loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import torch
from sentence_transformers import SentenceTransformerTrainer
from torch import Tensor, nn
from transformers import PrinterCallback, TrainerCallback

from kalm_data.core.errors import InputError
from kalm_data.trainer.loss import info_nce, masked
from kalm_data.trainer.memory import embed_parts

if TYPE_CHECKING:
    from collections.abc import Sequence


class Watcher(Protocol):
    """Who is told how a training goes."""

    def leave_out(self, reason: str, example_ids: Sequence[str]) -> None:
        """These will not be trained on; told before the first step."""
        ...

    def step(self, done: int, steps: int) -> None: ...


class ContrastiveLoss(nn.Module):
    """InfoNCE over the distinct texts of a batch, each encoded once; keeps the losses it gave."""

    def __init__(self, model: nn.Module, temperature: float, limit_bytes: float) -> None:
        super().__init__()
        self.limit_bytes = limit_bytes
        self.model = model
        self.temperature = temperature
        self.given: list[Tensor] = []

    def forward(self, features: Sequence[dict[str, Any]], labels: dict[str, Tensor]) -> Tensor:
        """features: the parts of the batch's texts, in order; labels: `Collator` says what."""
        embedded = torch.cat(embed_parts(self.model, features, self.limit_bytes))
        vectors = nn.functional.normalize(embedded.float(), dim=-1)
        scores = vectors[labels["queries"]] @ vectors[labels["documents"]].T
        scores = masked(scores, labels["counted"])
        loss = info_nce(scores, labels["positives"], self.temperature)
        self.given.append(loss.detach())
        return loss


class TrainingLoop(SentenceTransformerTrainer):  # type: ignore[misc]  # untyped
    """sentence-transformers' loop over batches that were planned beforehand."""

    def __init__(self, loader: torch.utils.data.DataLoader[Any], **given: Any) -> None:  # noqa: ANN401
        super().__init__(**given)
        self._loader = loader
        self.remove_callback(PrinterCallback)  # it prints to stdout, where data goes

    def get_train_dataloader(self) -> torch.utils.data.DataLoader[Any]:
        self.accelerator.even_batches = False
        loader: torch.utils.data.DataLoader[Any] = self.accelerator.prepare(self._loader)
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
