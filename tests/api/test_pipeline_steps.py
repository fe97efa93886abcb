from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.api.pipeline_steps import train_settings
from kalm_data.api.train import Layer, resolve_training
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
