"""The gradients of a batch by several processes under DistributedDataParallel, with gloo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from composed_batch import feed
from sentence_transformers import SentenceTransformer
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from kalm_data.core.config.training.loss import LossSettings
from kalm_data.trainer.devices import this_process
from kalm_data.trainer.objective import ContrastiveLoss

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.trainer.rows import Row

    Gradients = tuple[float, dict[str, torch.Tensor]]


def save_gradients(
    rank: int,
    world: int,
    folder: Path,
    model_path: Path,
    rows: list[Row],
    settings: list[LossSettings],
) -> None:
    """One of `world` processes: loss and gradients, averaged by DDP, for each of the settings."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=world
    )
    found = [_gradients(model_path, rows, one) for one in settings]
    torch.save(found, folder / f"{rank}.pt")
    distributed.destroy_process_group()


def _gradients(model_path: Path, rows: list[Row], settings: LossSettings) -> Gradients:
    model = SentenceTransformer(str(model_path), device="cpu").eval()
    loss = ContrastiveLoss(model, settings)
    loss.model = DistributedDataParallel(model, find_unused_parameters=True)  # as the loop does
    fed = feed(model, rows, settings, this_process())
    value = loss(fed.features, fed.targets)
    value.backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return float(value.detach()), found
