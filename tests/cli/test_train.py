from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.cli.app import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_train_takes_either_shards_or_models_to_merge_and_merges_without_settings_of_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    place = ["--output", str(tmp_path / "out"), "--workspace", str(tmp_path / "w")]
    models = ["--merge", "a", "--merge", "b"]
    assert run(["train", *place]) == 2
    assert run(["train", "shards", *models, *place]) == 2
    assert run(["train", *models, "--lr", "1", "--leave-one-out", *place]) == 1
    assert "leave out --lr, --leave-one-out" in capsys.readouterr().err
