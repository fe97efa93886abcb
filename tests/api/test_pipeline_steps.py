from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_encoder import save_encoder

from kalm_data.api.pipeline_steps import run_step, train_settings
from kalm_data.api.train import Layer, resolve_training
from kalm_data.core.errors import InputError
from kalm_data.core.pipeline.file import read_pipeline

if TYPE_CHECKING:
    from pathlib import Path

TRAIN = """\
[[step]]
command = "train"
shards = "s"
model = "MODEL"
output = "o"
epochs = 9
"""


def test_a_training_has_the_recipe_and_the_file_of_settings_of_its_command(tmp_path: Path) -> None:
    settings, file = tmp_path / "t.toml", tmp_path / "p.toml"
    model = tmp_path / "bert"
    model.mkdir()
    (model / "config.json").write_text('{"architectures": ["BertModel"]}')
    text = TRAIN.replace("MODEL", str(model))
    settings.write_text("epochs = 4\nbatch_size = 3\n")
    given = Layer("option", {"model": str(model), "epochs": 9})
    file.write_text(text)
    (step,) = read_pipeline(file).steps
    assert train_settings(step) == resolve_training(given).settings
    file.write_text(text + f'config = "{settings}"\n')
    (step,) = read_pipeline(file).steps
    assert train_settings(step) == resolve_training(given, file=settings).settings
    assert train_settings(step).batch_size == 3


def test_a_step_of_train_with_models_to_merge_averages_them(tmp_path: Path) -> None:
    saved = [save_encoder(tmp_path / name, ["red"]) for name in ("a", "b")]
    models = [str(model.relative_to(tmp_path)) for model in saved]
    file = tmp_path / "p.toml"
    told = f"merge = {models}\nmerge_weights = [3, 1]\noutput = 'out'\n".replace("'", '"')
    file.write_text('[[step]]\ncommand = "train"\n' + told)
    pipeline = read_pipeline(file)
    (step,) = pipeline.steps
    assert (step.name, step.inputs(pipeline.places)) == ("train-merge", tuple(models))
    done = run_step(tmp_path / "w", step.located(pipeline.places), None)
    assert done.run is not None
    assert (done.run.command, done.run.kept) == ("train", 2)
    assert (tmp_path / "out/model.safetensors").is_file()


def test_a_step_that_merges_takes_no_settings_of_training(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    step = '[[step]]\ncommand = "train"\nmerge = ["a", "b"]\noutput = "o"\n'
    file.write_text(step + "lr = 1e-5\n")
    with pytest.raises(InputError, match=r"p\.toml:5: train --merge: lr: unknown key"):
        read_pipeline(file)
    file.write_text(step.replace('["a", "b"]', '["a"]'))
    with pytest.raises(InputError, match=r"p\.toml:1: train --merge: .*one model alone"):
        read_pipeline(file)


def test_a_file_of_settings_names_the_model_and_the_step_lies_over_it(tmp_path: Path) -> None:
    model, settings, file = tmp_path / "bert", tmp_path / "t.toml", tmp_path / "p.toml"
    model.mkdir()
    (model / "config.json").write_text('{"architectures": ["BertModel"]}')
    settings.write_text(f'model = "{model}"\nepochs = 4\nbatch_size = 3\n')
    step_of_file = TRAIN.replace('model = "MODEL"\n', f'config = "{settings}"\n')
    file.write_text(step_of_file + 'unset = "base-shares"\n')
    (step,) = read_pipeline(file).steps
    trained = train_settings(step)
    assert (trained.model, trained.epochs, trained.batch_size) == (str(model), 9, 3)
    assert trained.base_shares == () and trained.temperature == 0.02
