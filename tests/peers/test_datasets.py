"""`datasets` loads and streams each export by its task."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from datasets import concatenate_datasets, get_dataset_config_names, load_dataset

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


@pytest.mark.parametrize("format_", ["flagembedding", "kalm"])
def test_tasks_whose_lines_have_other_keys_are_joined_as_the_loaders_join_them(
    exported: Callable[[str], Path], format_: RowFormat
):
    """Of FlagEmbedding and KaLM: each entry of the folder by itself, then all of them one below
    the other.
    """
    out = exported(format_)
    places = sorted(out.glob("*.jsonl")) or sorted((out / "data").iterdir())
    parts = [
        load_dataset("json", data_dir=str(place), split="train")
        if place.is_dir()
        else load_dataset("json", data_files=str(place), split="train")
        for place in places
    ]
    assert [len(part) for part in parts] == [12, 12]
    assert parts[0].column_names != parts[1].column_names
    joined = concatenate_datasets(parts)
    assert len(joined) == 24
    assert {type(row[name]) for row in joined for name in ("pos", "neg")} == {list}
    if format_ == "flagembedding":
        assert {row["prompt"] for row in joined} == {"", "Find it."}
