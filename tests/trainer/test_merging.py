from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

from kalm_data.core.errors import InputError
from kalm_data.core.trained import read_trained
from kalm_data.trainer.merging import merge

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainer.conftest import ShardRow, Train, WriteSet

WEIGHTS = "model.safetensors"


def moved(model: Path, folder: Path, dtype: torch.dtype = torch.float32) -> Path:
    """A copy of the model whose weights differ from it."""
    torch.manual_seed(1)
    shutil.copytree(model, folder)
    weights = {
        name: (value + torch.randn_like(value)).to(dtype) if value.is_floating_point() else value
        for name, value in load_file(model / WEIGHTS).items()
    }
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    return folder


@pytest.mark.parametrize(("share", "whose"), [(0.0, 0), (1.0, 1)])
def test_a_model_alone_counts_bit_for_bit(
    tiny_model: Path, tmp_path: Path, share: float, whose: int
):
    models = [tiny_model, moved(tiny_model, tmp_path / "b")]
    merge(models, [1 - share, share], tmp_path / "out")
    found, expected = load_file(tmp_path / "out" / WEIGHTS), load_file(models[whose] / WEIGHTS)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


def test_the_mean_is_weighted_in_float64_and_saved_as_the_first(tiny_model: Path, tmp_path: Path):
    models = [moved(tiny_model, tmp_path / "b", torch.bfloat16), tiny_model]
    merged = merge(models, [0.25, 0.75], tmp_path / "out")
    one, two = (load_file(model / WEIGHTS) for model in models)
    found = load_file(tmp_path / "out" / WEIGHTS)
    for name, value in found.items():
        if one[name].is_floating_point():
            mean = 0.25 * one[name].double() + 0.75 * two[name].double()
            assert torch.equal(value, mean.to(torch.bfloat16))
    assert merged.parameters == sum(value.numel() for value in found.values())
    assert SentenceTransformer(str(tmp_path / "out")).encode(["red"]).shape == (1, 32)


def test_prompts_are_of_the_first_and_the_record_tells_what_was_merged(
    write_set: WriteSet, toy_rows: list[ShardRow], train: Train, tmp_path: Path
):
    shards = write_set(toy_rows, query_template="q: {query}")
    for name in "ab":
        train(shards, tmp_path / name, epochs=1, seed=ord(name))
    assert not merge([tmp_path / "a", tmp_path / "b"], [0.5, 0.5], tmp_path / "out").left_out
    assert SentenceTransformer(str(tmp_path / "out")).prompts["query"] == "q: "
    record = read_trained(tmp_path / "out")
    assert record == read_trained(tmp_path / "a")
    told = json.loads((tmp_path / "out" / "kalm-data.json").read_text())["merged"]
    assert [one["model"] for one in told] == [str(tmp_path / "a"), str(tmp_path / "b")]
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_a_task_that_models_write_differently_is_left_out_of_the_record(
    tiny_model: Path, tmp_path: Path
):
    for name in "ab":
        templates = {"query": f"{name}: {{query}}", "document": "{text}", "untitled": "{text}"}
        record = {"shards": name, "templates": {"t": {**templates, "instruction": ""}}}
        folder = shutil.copytree(tiny_model, tmp_path / name)
        (folder / "kalm-data.json").write_text(json.dumps(record))
    merged = merge([tmp_path / "a", tmp_path / "b"], [0.5, 0.5], tmp_path / "out")
    record = read_trained(tmp_path / "out")
    assert merged.left_out == ("t",)
    assert record is not None
    assert (record.shards, record.templates) == ("", {})


def test_a_base_that_is_spelled_in_an_older_way_is_the_same_once_loaded(
    tiny_model: Path, tmp_path: Path
):
    base = shutil.copytree(tiny_model, tmp_path / "base")
    pooling = next(base.glob("1_*/config.json"))
    older = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    pooling.write_text(json.dumps(older))
    modules = json.loads((base / "modules.json").read_text())
    for module in modules:
        module["type"] = f"sentence_transformers.models.{module['type'].rpartition('.')[2]}"
    (base / "modules.json").write_text(json.dumps(modules))
    counted = {"embeddings.position_ids": torch.arange(8)[None]}
    save_file(load_file(base / WEIGHTS) | counted, base / WEIGHTS, {"format": "pt"})
    for order in ([tiny_model, base], [base, tiny_model]):
        merge(order, [0.5, 0.5], tmp_path / "out")
        found, expected = (load_file(one / WEIGHTS) for one in (tmp_path / "out", tiny_model))
        assert all(torch.equal(found[name], expected[name]) for name in expected)
        shutil.rmtree(tmp_path / "out")
    del older["pooling_mode_mean_tokens"]
    pooling.write_text(json.dumps({**older, "pooling_mode_cls_token": True}))
    with pytest.raises(InputError, match=r"1_.*config\.json: .* differs"):
        merge([tiny_model, base], [0.5, 0.5], tmp_path / "out")


def test_what_differs_is_named(tiny_model: Path, tmp_path: Path):
    def refused(other: Path) -> str:
        with pytest.raises(InputError) as caught:
            merge([tiny_model, other], [0.5, 0.5], tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return str(caught.value)

    other = shutil.copytree(tiny_model, tmp_path / "tokenizer")
    file = other / "tokenizer.json"
    file.write_text(file.read_text().replace('"red"', '"rad"'))
    assert f"{file}: model differs" in refused(other)

    other = shutil.copytree(tiny_model, tmp_path / "pooling")
    file = next(other.glob("1_*/config.json"))
    file.write_text(file.read_text().replace("mean", "cls"))
    assert f"{file}: pooling_mode differs" in refused(other)

    other = shutil.copytree(tiny_model, tmp_path / "weights")
    weights = load_file(other / WEIGHTS)
    name = next(iter(weights))
    save_file({**weights, name: torch.zeros(3)}, other / WEIGHTS)
    assert f"{name} has the shape [3], in" in refused(other)
    save_file({key: value for key, value in weights.items() if key != name}, other / WEIGHTS)
    assert f"has no parameter ./{name}" in refused(other)
    (other / WEIGHTS).unlink()
    assert "no sentence-transformers model with weights" in refused(other)
