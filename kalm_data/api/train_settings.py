"""Which settings a training has: default < recipe < file < what is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.config.layers import Layer, Resolved, read_layer, resolve
from kalm_data.core.config.recipes import RECIPES, RecipeName, recipe_layer
from kalm_data.core.config.train import TrainConfig
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Layer", "RecipeName", "Resolved", "TrainConfig", "resolve_training"]


def resolve_training(
    given: Layer, *, recipe: RecipeName | None = None, file: Path | None = None
) -> Resolved[TrainConfig]:
    """All settings of a training: default < recipe < file < what is given.

    The recipe is the one named, else the file's `recipe`, else adapt for a base that embeds already
    and kalm-v1 for one that generates text. Raises InputError where the file or the settings are
    wrong, or there is no such base.
    """
    read = read_layer(file, TrainConfig, ("recipe",)) if file else Layer("", {})
    named = recipe or read.values.get("recipe")
    values = {name: value for name, value in read.values.items() if name != "recipe"}
    layers = (Layer(read.source, values), given)
    model = resolve(TrainConfig, *layers).settings.model
    return resolve(TrainConfig, _recipe(model, named), *layers)


def _recipe(model: str, named: object) -> Layer:
    """The layer of the recipe that is named, or that fits the base."""
    from kalm_data.engines.model_files import read_shape
    from kalm_data.engines.models import resolve_model

    shape = read_shape(resolve_model(model).path)
    fitting: RecipeName = "kalm-v1" if shape.generates else "adapt"
    chosen = next((recipe for recipe in RECIPES if recipe == (named or fitting)), None)
    if chosen is None:
        raise InputError(f"recipe {named!r} is not known. Choose one of {', '.join(RECIPES)}.")
    return recipe_layer(chosen, shape.width)
