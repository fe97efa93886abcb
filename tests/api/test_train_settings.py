from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.api.train import Layer, resolve_training
from kalm_data.core.config.recipes import RECIPES, recipe_layer
from kalm_data.core.config.train import TrainConfig
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

GIVEN = Layer("option", {"model": "m"})


def test_a_recipe_lies_below_the_file_and_the_file_below_the_options(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('recipe = "adapt"\ntemperature = 0.03\nlr = 3e-5\n')
    given = Layer("option", {"model": "m", "lr": 4e-5})
    resolved = resolve_training(given, file=file)
    assert (resolved.settings.lr, resolved.settings.temperature) == (4e-5, 0.03)
    assert resolved.sources["lr"] == "option" and resolved.sources["temperature"] == str(file)
    assert resolved.sources["base_shares"] == "recipe adapt"


def test_a_recipe_that_nobody_knows_is_told_with_those_there_are(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('recipe = "adept"\n')
    with pytest.raises(InputError, match=r"recipe 'adept' is not known\. Choose one of adapt"):
        resolve_training(GIVEN, file=file)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_setting_of_a_recipe_is_one_of_train(recipe: str) -> None:
    TrainConfig.model_validate({"model": "m", **recipe_layer(recipe).values})
