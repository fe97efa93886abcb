from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from kalm_data.core.config.layers import DEFAULT, Layer, read_layer, resolve
from kalm_data.core.config.train import TrainConfig
from kalm_data.core.errors import InputError


def test_later_layers_win_and_each_setting_knows_where_it_is_from() -> None:
    recipe = Layer("recipe adapt", {"lr": 1e-5, "temperature": 0.02})
    option = Layer("option", {"lr": 3e-5, "model": "m"})
    resolved = resolve(TrainConfig, recipe, option)
    assert (resolved.settings.lr, resolved.settings.temperature) == (3e-5, 0.02)
    assert resolved.sources["lr"] == "option"
    assert resolved.sources["temperature"] == "recipe adapt"
    assert resolved.sources["epochs"] == DEFAULT


def test_the_printed_settings_give_the_same_settings_again(tmp_path: Path) -> None:
    given = {"model": 'a "b"\\c', "base_shares": (0.25, 0.5), "track": ("wandb",), "patience": None}
    printed = resolve(TrainConfig, Layer("option", given))
    file = tmp_path / "all.toml"
    file.write_text(printed.to_toml(), "utf-8")
    assert resolve(TrainConfig, read_layer(file, TrainConfig)).settings == printed.settings
    read = tomllib.loads(printed.to_toml())
    assert "patience" not in read and "patience" in read["unset"]
    assert '  "patience",  # option' in printed.to_toml()
    assert "base_shares = [0.25, 0.5]  # option" in printed.to_toml()


def test_what_a_layer_unsets_has_its_default_again_until_another_layer_gives_it() -> None:
    recipe = Layer("recipe", {"max_length": 512, "lr": 1e-5})
    file = Layer("file", {"model": "m"}, ("max_length", "lr"))
    resolved = resolve(TrainConfig, recipe, file)
    assert (resolved.settings.max_length, resolved.settings.lr) == (None, 2e-5)
    assert resolved.sources["max_length"] == "file"
    above = resolve(TrainConfig, recipe, file, Layer("option", {"max_length": 64}))
    assert above.settings.max_length == 64


def test_weights_go_with_their_dims() -> None:
    below = Layer("recipe", {"model": "m", "matryoshka": (8, 4), "matryoshka_weights": (1, 0.5)})
    named = resolve(TrainConfig, below, Layer("option", {"matryoshka": (2,)})).settings
    assert (named.matryoshka, named.matryoshka_weights) == ((2,), ())
    unset = resolve(TrainConfig, below, Layer("option", {}, ("matryoshka",))).settings
    assert (unset.matryoshka, unset.matryoshka_weights) == ((), ())
    other = resolve(TrainConfig, below, Layer("option", {"matryoshka_weights": (1, 2)})).settings
    assert (other.matryoshka, other.matryoshka_weights) == ((8, 4), (1, 2))
    weighed = Layer("option", {"matryoshka": (2,), "matryoshka_weights": (3,)})
    assert resolve(TrainConfig, below, weighed).settings.matryoshka_weights == (3,)


def test_a_layer_that_gives_and_unsets_the_same_is_refused() -> None:
    with pytest.raises(InputError, match="lr is both given and unset, from option"):
        resolve(TrainConfig, Layer("option", {"model": "m", "lr": 1}, ("lr",)))


def test_patience_without_evaluations_is_refused() -> None:
    with pytest.raises(InputError, match="patience has no evaluations to count: give evaluations"):
        resolve(TrainConfig, Layer("option", {"model": "m", "evaluations": 0, "patience": 2}))


def refusal(tmp_path: Path, text: str) -> str:
    file = tmp_path / "settings.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        read_layer(file, TrainConfig)
    return str(caught.value).replace(str(file), "FILE")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lr = 1e-5\nepoch = 2\n", "FILE:2: unknown setting epoch. Is epochs meant?"),
        ("\nzzz = 1\n", "FILE:2: unknown setting zzz. Take it away."),
        ("lr = -1\n", "FILE:1: lr: must be more than 0 (given: -1). Mend it."),
        ("lr = \n", "FILE: no valid TOML"),
        (
            '\nunset = ["base-share"]\n',
            "FILE:2: unset: unknown setting base_share. Is base_shares m",
        ),
        ('unset = "model"\n', "FILE:1: unset: model has no default. Take it away."),
        ("unset = 3\n", "FILE:1: unset: unknown setting 3. Take it away."),
    ],
)
def test_a_wrong_file_is_told_by_line_value_and_remedy(
    tmp_path: Path, text: str, told: str
) -> None:
    assert refusal(tmp_path, text).startswith(told)


def test_a_file_that_is_not_there_or_not_utf8_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_layer(tmp_path / "none.toml", TrainConfig)
    (tmp_path / "latin.toml").write_bytes(b'model = "\xe4"')
    with pytest.raises(InputError, match="no UTF-8"):
        read_layer(tmp_path / "latin.toml", TrainConfig)


def test_a_missing_setting_is_told_with_its_option() -> None:
    with pytest.raises(InputError, match=r"model is not given\. Name it with --model"):
        resolve(TrainConfig)


def test_a_value_of_a_recipe_that_is_wrong_is_told_with_the_recipe() -> None:
    with pytest.raises(InputError, match="from recipe odd"):
        resolve(TrainConfig, Layer("recipe odd", {"lr": 0}), Layer("option", {"model": "m"}))
