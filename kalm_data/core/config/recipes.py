"""Recipes of `train`: settings that go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from kalm_data.core.config.layers import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping

RecipeName = Literal["adapt", "kalm-v1", "kalm-v2"]
RECIPES: tuple[RecipeName, ...] = get_args(RecipeName)
RECIPE = "recipe"
"""The key by which a file of settings names one."""

_ADAPT = {
    "temperature": 0.02,
    "lr": 1e-5,
    "negatives": 7,
    "epochs": 1,
    "base_shares": (0.0, 0.25, 0.5, 0.75),
}
"""For a base that embeds already: small steps, then on the way back to the base as far as dev says.
Plain contrastive training on one's own corpus can make a strong embedder worse."""

_KALM_V1: Mapping[str, object] = {
    "pooling": "mean",
    "templates": "paper",
    "temperature": 0.01,
    "lr": 1e-5,
    "warmup_ratio": 0.1,
    "epochs": 1,
    "negatives": 7,
    "max_length": 512,
    "precision": "bfloat16",
    "gradient_checkpointing": True,
}
"""arXiv 2501.01028 and the released training code; batches are as large as the user says: the paper
had 48 examples a device."""

_KALM_V2 = {
    **_KALM_V1,
    "bidirectional": True,
    "focal_gamma": 0.5,
    "mix": "pair",
    "mix_negatives": 1,
}
"""arXiv 2506.20923. How many mixtures the paper adds, and how much weight distillation has, is not
known: one mixture, and no distillation unless it is asked for."""

_DIMS = {512: 0.3, 256: 0.2, 128: 0.1, 64: 0.1}
"""Matryoshka dims below the full one, which has weight 1, as in the released training code."""

_RECIPES: Mapping[RecipeName, Mapping[str, object]] = {
    "adapt": _ADAPT,
    "kalm-v1": _KALM_V1,
    "kalm-v2": _KALM_V2,
}


def recipe_layer(recipe: RecipeName, width: int) -> Layer:
    """The settings of a recipe for a base whose vectors have `width` numbers."""
    values = dict(_RECIPES[recipe])
    if recipe != "adapt" and width:
        dims = [dim for dim in _DIMS if dim < width]
        values["matryoshka"] = (width, *dims)
        values["matryoshka_weights"] = (1.0, *(_DIMS[dim] for dim in dims))
    return Layer(f"recipe {recipe}", values)
