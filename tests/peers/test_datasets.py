"""`datasets` loads and streams each export by its task."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from datasets import get_dataset_config_names, load_dataset

from kalm_data.core.config.export import RowFormat

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINES = {"triplet": 36, "labeled-pair": 48}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.mark.parametrize("format_", get_args(RowFormat))
def test_each_task_is_a_configuration_that_loads_and_streams(
    exported: Callable[[str], Path], format_: RowFormat
):
    out = exported(format_)
    assert get_dataset_config_names(str(out)) == ["plain", "told"]
    loaded = load_dataset(str(out), "told", split="train")
    streamed = list(load_dataset(str(out), "told", split="train", streaming=True))
    assert len(streamed) == len(loaded) == LINES.get(format_, 12)
    assert streamed[0] == loaded[0]
