"""Weights between those of two models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """A copy of all weights, by name."""
    return {name: weight.detach().clone() for name, weight in model.state_dict().items()}


def blend(
    model: nn.Module, trained: Mapping[str, Tensor], base: Mapping[str, Tensor], share: float
) -> None:
    """Give `model` the weights trained + share × (base − trained), bit for bit at 0 and at 1.

    What is no number of a weight, such as places of tokens, is taken from `trained`.
    """
    model.load_state_dict(
        {name: _between(weight, base[name], share) for name, weight in trained.items()}
    )


def _between(trained: Tensor, base: Tensor, share: float) -> Tensor:
    if share == 0 or not trained.is_floating_point():
        return trained
    return base if share == 1 else torch.lerp(trained, base, share)
