from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kalm_data.api.train import Layer, resolve_training
from kalm_data.core.config.recipes import RECIPES, RecipeName, recipe_layer
from kalm_data.core.config.train import TrainConfig
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def save_config(folder: Path, architecture: str, width: int = 896) -> str:
    """A base of which the configuration is all that is there."""
    folder.mkdir()
    config = {"architectures": [architecture], "hidden_size": width}
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


@pytest.fixture
def embedder(tmp_path: Path) -> str:
    return save_config(tmp_path / "bert", "BertModel")


def test_a_recipe_lies_below_the_file_and_the_file_below_the_options(
    tmp_path: Path, embedder: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('recipe = "adapt"\ntemperature = 0.03\nlr = 3e-5\n')
    given = Layer("option", {"model": embedder, "lr": 4e-5})
    resolved = resolve_training(given, file=file)
    assert (resolved.settings.lr, resolved.settings.temperature) == (4e-5, 0.03)
    assert resolved.sources["lr"] == "option" and resolved.sources["temperature"] == str(file)
    assert resolved.sources["base_shares"] == "recipe adapt"


def test_a_recipe_that_nobody_knows_is_told_with_those_there_are(
    tmp_path: Path, embedder: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('recipe = "adept"\n')
    with pytest.raises(
        InputError, match=r"recipe 'adept' is not known\. Choose one of adapt, kalm"
    ):
        resolve_training(Layer("option", {"model": embedder}), file=file)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("width", [0, 32, 896])
def test_every_setting_of_a_recipe_is_one_of_train(recipe: RecipeName, width: int) -> None:
    TrainConfig.model_validate({"model": "m", **recipe_layer(recipe, width).values})


def test_a_base_that_generates_text_is_trained_as_the_paper_does(tmp_path: Path) -> None:
    model = save_config(tmp_path / "qwen", "Qwen2ForCausalLM")
    settings = resolve_training(Layer("option", {"model": model})).settings
    assert (settings.pooling, settings.templates, settings.temperature) == ("mean", "paper", 0.01)
    assert settings.matryoshka == (896, 512, 256, 128, 64)
    assert settings.matryoshka_weights == (1.0, 0.3, 0.2, 0.1, 0.1)
    (tmp_path / "qwen" / "modules.json").write_text('[{"path": ""}]')  # made to embed
    assert resolve_training(Layer("option", {"model": model})).settings.templates == "model"


BASES = {"bert": "BertModel", "qwen": "Qwen2ForCausalLM"}


@pytest.mark.parametrize("recipe", [*RECIPES, None])
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("unset", [(), ("matryoshka", "base_shares", "pooling")])
def test_the_printed_settings_give_the_same_settings_again(
    tmp_path: Path, recipe: RecipeName | None, base: str, unset: tuple[str, ...]
) -> None:
    model = save_config(tmp_path / base, BASES[base])
    given = Layer("option", {"model": model, "patience": 3, "track": ["wandb"]}, unset)
    printed = resolve_training(given, recipe=recipe)
    file = tmp_path / "all.toml"
    file.write_text(printed.to_toml())
    again = resolve_training(Layer("option", {}), file=file)
    assert again.settings == printed.settings
    assert again.beside == printed.beside
    assert {*again.sources.values()} == {str(file)}
    assert file.read_text().startswith(f'recipe = "{recipe or printed.beside["recipe"]}"  # ')


def test_the_recipe_is_printed_with_where_it_is_from(tmp_path: Path, embedder: str) -> None:
    given = Layer("option", {"model": embedder})
    file = tmp_path / "mine.toml"
    file.write_text('recipe = "kalm-v1"\n')
    printed = [
        resolve_training(given).to_toml(),
        resolve_training(given, recipe="kalm-v2", file=file).to_toml(),
        resolve_training(given, file=file).to_toml(),
    ]
    assert [text.splitlines()[0] for text in printed] == [
        'recipe = "adapt"  # what fits the base',
        'recipe = "kalm-v2"  # option',
        f'recipe = "kalm-v1"  # {file}',
    ]


def test_weights_alone_weigh_the_dims_of_the_recipe(embedder: str) -> None:
    weights = (1.0, 0.5, 0.5, 0.5, 0.5)
    given = Layer("option", {"model": embedder, "matryoshka_weights": weights})
    settings = resolve_training(given, recipe="kalm-v1").settings
    assert settings.matryoshka_weights == weights and len(settings.matryoshka) == 5


def test_dims_alone_leave_the_weights_of_the_recipe_behind(embedder: str) -> None:
    given = Layer("option", {"model": embedder, "matryoshka": (32, 16)})
    settings = resolve_training(given, recipe="kalm-v1").settings
    assert (settings.matryoshka, settings.matryoshka_weights) == ((32, 16), ())


def test_no_base_is_told_before_any_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model is not given\. Name it with --model"):
        resolve_training(Layer("option", {"matryoshka_weights": (1.0,)}), recipe="adapt")


def test_a_narrow_base_has_fewer_matryoshka_dims(tmp_path: Path) -> None:
    model = save_config(tmp_path / "small", "Qwen2ForCausalLM", width=200)
    resolved = resolve_training(Layer("option", {"model": model}), recipe="kalm-v2")
    assert resolved.settings.matryoshka == (200, 128, 64)
    assert resolved.settings.bidirectional and resolved.settings.focal_gamma == 0.5
