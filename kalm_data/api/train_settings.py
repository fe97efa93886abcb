"""Which settings a training has: default < recipe < file < what is given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data.core.config.layers import Layer, Resolved, resolve
from kalm_data.core.config.recipes import RECIPE, RECIPES, RecipeName, recipe_layer
from kalm_data.core.config.train import TrainConfig, read_settings
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Layer", "RecipeName", "Resolved", "TrainConfig", "resolve_training"]


_FITTING = "what fits the base"


def resolve_training(
    given: Layer, *, recipe: RecipeName | None = None, file: Path | None = None
) -> Resolved[TrainConfig]:
    """All settings of a training: default < recipe < file < what is given.

    The recipe is the one named, else the file's `recipe`, else adapt for a base that embeds already
    and kalm-v1 for one that generates text. Names of folders, in a file too, are relative to where
    the command runs. Raises InputError where the file or the settings are wrong, or there is no
    such base.
    """
    read = read_settings(file) if file else Layer("", {})
    asked = Layer(given.source, {RECIPE: recipe}) if recipe else read
    named = asked.values.get(RECIPE)
    values = {name: value for name, value in read.values.items() if name != RECIPE}
    layers = (replace(read, values=values), given)
    chosen, layer = _recipe(_model(layers), named)
    resolved = resolve(TrainConfig, layer, *layers)
    sources = {**resolved.sources, RECIPE: _FITTING if named is None else asked.source}
    return replace(resolved, sources=sources, beside={RECIPE: chosen})


def _model(layers: Sequence[Layer]) -> str:
    """The base, which must be known before the recipe that the other settings lie over."""
    named = [
        Layer(one.source, {"model": one.values["model"]}) for one in layers if "model" in one.values
    ]
    return resolve(TrainConfig, *named).settings.model


def _recipe(model: str, named: object) -> tuple[RecipeName, Layer]:
    """The recipe that is named, or that fits the base."""
    from kalm_data.engines.model_files import read_shape
    from kalm_data.engines.models import resolve_model

    shape = read_shape(resolve_model(model).path)
    fitting: RecipeName = "kalm-v1" if shape.generates else "adapt"
    wanted = fitting if named is None else named
    chosen = next((recipe for recipe in RECIPES if recipe == wanted), None)
    if chosen is None:
        raise InputError(f"recipe {named!r} is not known. Choose one of {', '.join(RECIPES)}.")
    return chosen, recipe_layer(chosen, shape.width)
