from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest

from kalm_data.cli.app import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def causal(tmp_path: Path) -> str:
    """A base of which the configuration is all that is there."""
    folder = tmp_path / "qwen"
    folder.mkdir()
    config = {"architectures": ["Qwen2ForCausalLM"], "hidden_size": 128}
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    """The file that `--print-config` prints."""
    assert run(["train", "shards", "-o", "out", *options, "--print-config"]) == 0
    return tomllib.loads(capsys.readouterr().out)


def test_train_takes_either_shards_or_models_to_merge_and_merges_without_settings_of_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    place = ["--output", str(tmp_path / "out"), "--workspace", str(tmp_path / "w")]
    models = ["--merge", "a", "--merge", "b"]
    assert run(["train", *place]) == 2
    assert run(["train", "shards", *models, *place]) == 2
    assert run(["train", *models, "--lr", "1", "--leave-one-out", *place]) == 1
    assert "leave out --lr, --leave-one-out" in capsys.readouterr().err


def test_options_of_several_settings_are_judged_with_the_recipe(
    causal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = ["--matryoshka-weights", "1.0", "--matryoshka-weights", "0.5"]
    told = printed(capsys, "--model", causal, "--recipe", "kalm-v1", *weights)
    assert (told["matryoshka"], told["matryoshka_weights"]) == ([128, 64], [1.0, 0.5])
    wrong = ["--model", causal, *weights, "--matryoshka-weights", "2"]
    assert run(["train", "shards", "-o", "out", *wrong]) == 1
    assert "give one matryoshka_weights for each matryoshka" in capsys.readouterr().err


def test_unset_takes_away_what_the_recipe_gives_and_the_printed_file_says_so(
    causal: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unset = ["--unset", "matryoshka", "--unset", "max-length"]
    told = printed(capsys, "--model", causal, *unset)
    assert (told["matryoshka"], told["matryoshka_weights"]) == ([], [])
    assert "max_length" not in told
    file = tmp_path / "t.toml"
    assert run(["train", "s", "-o", "o", "--model", causal, *unset, "--print-config"]) == 0
    file.write_text(capsys.readouterr().out)
    assert printed(capsys, "--config", str(file)) == told


def test_to_unset_what_there_is_not_is_wrong_usage(
    causal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "s", "-o", "o", "--model", causal, "--unset", "matrioshka"]) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "--unset" in said and "unknown setting matrioshka. Is matryoshka meant?" in said


def test_patience_without_evaluations_is_one_line(
    causal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", causal, "--evaluations", "0", "--patience", "2"]
    assert run(["train", "s", "-o", "o", *options]) == 1
    assert "patience has no evaluations to count" in capsys.readouterr().err
