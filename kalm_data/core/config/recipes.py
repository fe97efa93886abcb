"""Recipes of `train`: settings that go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from kalm_data.core.config.layers import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping

RecipeName = Literal["adapt"]
RECIPES: tuple[RecipeName, ...] = get_args(RecipeName)

_ADAPT = {
    "temperature": 0.02,
    "lr": 1e-5,
    "negatives": 7,
    "epochs": 1,
    "base_shares": (0.0, 0.25, 0.5, 0.75),
}
"""For a base that embeds already: small steps, then on the way back to the base as far as dev says.
Plain contrastive training on one's own corpus can make a strong embedder worse."""

_RECIPES: Mapping[RecipeName, Mapping[str, object]] = {"adapt": _ADAPT}


def recipe_layer(recipe: RecipeName) -> Layer:
    """The settings of a recipe."""
    return Layer(f"recipe {recipe}", _RECIPES[recipe])
