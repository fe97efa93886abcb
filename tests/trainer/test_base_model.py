from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tiny_causal import save_causal

from kalm_data.core.config.training.base_model import ModelSettings
from kalm_data.core.errors import InputError
from kalm_data.trainer.adapters import without_adapters
from kalm_data.trainer.averaging import blend, weights_of
from kalm_data.trainer.base_model import load_base, pad_with_end, restore, set_up

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.trainer.conftest import ShardRow, Train, WriteSet

PLAIN = """
import json, sys

class Nowhere:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "kalm_data":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nowhere())
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(sys.argv[1], device="cpu", trust_remote_code=False)
print(json.dumps(getattr(model, sys.argv[2])(json.loads(sys.argv[3])).tolist()))
"""


def elsewhere(model: Path, texts: list[str], verb: str = "encode") -> NDArray[np.float32]:
    """What plain sentence-transformers makes in a process that cannot import this package."""
    command = [sys.executable, "-I", "-c", PLAIN, str(model), verb, json.dumps(texts)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return np.array(json.loads(found.stdout), dtype=np.float32)


def settings(model: Path, **given: object) -> ModelSettings:
    return ModelSettings.model_validate({"model": str(model), **given})


@pytest.fixture(scope="module")
def qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_causal(tmp_path_factory.mktemp("qwen2"))


@pytest.fixture(scope="module")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_causal(tmp_path_factory.mktemp("qwen3"), "qwen3")


@pytest.mark.parametrize(
    ("pooling", "mode"),
    [(None, "mean"), ("mean", "mean"), ("last-token", "lasttoken"), ("cls", "cls")],
)
def test_a_plain_causal_checkpoint_is_pooled_as_asked_else_by_the_mean(
    qwen2: Path, pooling: str | None, mode: str
):
    model = load_base(qwen2, settings(qwen2, pooling=pooling))
    assert [type(one).__name__ for one in model] == ["Transformer", "Pooling", "Normalize"]
    assert model[1].pooling_mode == mode
    together = model.encode(["red", "red green blue fish"])
    assert np.allclose(together[0], model.encode(["red"])[0], atol=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_last_token_is_the_last_of_the_text_on_whichever_side_is_padded(qwen2: Path, side: str):
    model = load_base(qwen2, settings(qwen2, pooling="last-token"))
    model.tokenizer.padding_side = side
    hidden = model.transformers_model(
        **model.tokenizer(["red fish"], return_tensors="pt")
    ).last_hidden_state[0, -1]
    wanted = torch.nn.functional.normalize(hidden, dim=0).detach()
    found = model.encode(["red fish", "red green blue fish sun"])[0]
    assert np.allclose(found, wanted, atol=1e-6)


def test_a_tokenizer_without_padding_takes_the_end_of_text_and_says_so(qwen3: Path):
    model = load_base(qwen3, settings(qwen3))
    assert model.tokenizer.pad_token is None
    assert "'<end>' is taken" in pad_with_end(model)
    alone = model.encode(["red"])
    assert np.allclose(model.encode(["red", "red green"])[0], alone[0], atol=1e-6)
    assert not pad_with_end(model)


def first_token(model: SentenceTransformer, text: str, other: str) -> torch.Tensor:
    """(32,) of the first token of `text`, padded to the length of `other`."""
    tokens = model.preprocess([text, other])
    found: torch.Tensor = model[0](tokens)["token_embeddings"]
    return found[0, int(tokens["attention_mask"][0].argmax())].detach()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", ["qwen2", "qwen3"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_later_token_changes_an_earlier_one_if_bidirectional_and_only_then(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, attention: str, bidirectional: bool
):
    base = request.getfixturevalue(kind)
    given = settings(base, bidirectional=bidirectional, attention=attention)
    loaded = load_base(base, given)
    pad_with_end(loaded)
    loaded.save_pretrained(str(tmp_path / "saved"))
    for model in (loaded, SentenceTransformer(str(tmp_path / "saved"))):
        for other in ("red", "red green blue fish sun"):  # without and with padding
            one, two = (first_token(model, f"red {last}", other) for last in ("fish", "moon"))
            assert torch.allclose(one, two, atol=1e-5) is not bidirectional


def test_bidirectional_is_refused_where_it_would_do_nothing(tiny_model: Path):
    with pytest.raises(InputError, match="not supported for bert, but for qwen2, qwen3"):
        load_base(tiny_model, settings(tiny_model, bidirectional=True))


def test_bidirectional_survives_in_a_process_without_this_package(qwen2: Path, tmp_path: Path):
    cls = settings(qwen2, bidirectional=True, pooling="cls")
    load_base(qwen2, cls).save_pretrained(str(tmp_path / "saved"))
    fish, moon = elsewhere(tmp_path / "saved", ["red fish", "red moon"])
    assert np.abs(fish - moon).max() > 1e-3


def test_lora_trains_adapters_alone_and_is_merged_on_saving(qwen2: Path, tmp_path: Path):
    given = settings(qwen2, lora_rank=2)
    model = load_base(qwen2, given)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    saved = set_up(model, given, 0)
    trained = [name for name, value in model.named_parameters() if value.requires_grad]
    assert len(trained) == 2 * 7 * 2 and all("lora_" in name for name in trained)
    for value in model.parameters():
        if value.requires_grad:
            torch.nn.init.normal_(value, std=0.1)
    learned = model.encode(["red fish"])
    restore(model, saved, given)
    model.save_pretrained(str(tmp_path / "saved"))
    assert model.state_dict().keys() == before.keys()
    assert not list((tmp_path / "saved").glob("adapter*"))
    assert np.allclose(elsewhere(tmp_path / "saved", ["red fish"]), learned, atol=1e-5)
    assert not np.allclose(learned, load_base(qwen2, settings(qwen2)).encode(["red fish"]))


def test_adapters_that_are_not_merged_are_saved_beside_the_name_of_their_base(
    qwen2: Path, tmp_path: Path
):
    given = settings(qwen2, lora_rank=2, lora_merge=False, lora_targets="q_proj")
    model = load_base(qwen2, given)
    saved = set_up(model, given, 0)
    for value in model.parameters():
        if value.requires_grad:
            torch.nn.init.normal_(value, std=0.1)
    restore(model, saved, given)
    model.save_pretrained(str(tmp_path / "saved"))
    assert (tmp_path / "saved" / "adapter_model.safetensors").exists()
    again = SentenceTransformer(str(tmp_path / "saved"))
    assert np.allclose(again.encode(["red fish"]), model.encode(["red fish"]), atol=1e-5)


def test_what_adapters_would_be_like_is_refused_without_any(qwen2: Path):
    with pytest.raises(ValueError, match="lora_rank"):
        settings(qwen2, lora_alpha=4)


@pytest.mark.parametrize("given", [{"lora_rank": 2}, {}])
def test_the_share_of_the_base_of_a_bfloat16_model_is_mixed_in_float32(
    tmp_path: Path, given: dict[str, int]
):
    base = save_causal(tmp_path / "base", dtype="bfloat16")
    model = load_base(base, settings(base, **given))
    saved = set_up(model, settings(base, **given), 0)
    trained = weights_of(model)
    ours = without_adapters(trained) if given else weights_of(load_base(base, settings(base)))
    for value in model.parameters():
        if value.requires_grad:
            torch.nn.init.normal_(value, std=0.1)
    ours = ours if given else {name: value.float() for name, value in ours.items()}
    blend(model, weights_of(model), ours, 1.0)
    restore(model, saved, settings(base, **given))
    plain = load_base(base, settings(base)).state_dict()
    assert all(torch.equal(value, plain[name]) for name, value in model.state_dict().items())


def test_adapters_start_from_the_seed_alone(qwen2: Path):
    def start(seed: int) -> torch.Tensor:
        model = load_base(qwen2, settings(qwen2))
        set_up(model, settings(qwen2, lora_rank=2), seed)
        return next(value for name, value in model.named_parameters() if ".lora_A." in name)

    first = start(1)
    torch.rand(3)
    assert torch.equal(first, start(1))
    assert not torch.equal(first, start(2))


def test_layers_that_are_not_there_are_one_line(qwen2: Path):
    given = settings(qwen2, lora_rank=2, lora_targets="qkv")
    with pytest.raises(InputError, match="--lora-targets") as caught:
        set_up(load_base(qwen2, given), given, 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_trained_in_float32_and_saved_as_it_was(tmp_path: Path, dtype: str):
    base = save_causal(tmp_path / "base", dtype=dtype)
    for given in (settings(base), settings(base, lora_rank=2)):
        model = load_base(base, given)
        saved = set_up(model, given, 0)
        trained = {value.dtype for value in model.parameters() if value.requires_grad}
        assert trained == {torch.float32}
        assert np.isfinite(model.encode(["red fish"]).astype(np.float32)).all()
        restore(model, saved, given)
        assert {value.dtype for value in model.parameters()} == {getattr(torch, dtype)}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"pooling": "last-token"},
        {"lora_rank": 4},
        {"bidirectional": True},
    ],
)
@pytest.mark.slow
def test_a_trained_causal_model_writes_queries_as_training_did_in_plain_sentence_transformers(
    write_set: WriteSet, toy_rows: list[ShardRow], train: Train, qwen2: Path, tmp_path: Path,
    given: dict[str, object],
):  # fmt: skip
    shards = write_set(toy_rows, instruction="find fish")
    train(shards, tmp_path / "out", model=qwen2, templates="paper", **given)
    written = elsewhere(tmp_path / "out", ["Instruct: find fish \n Query: red 1"])
    query = elsewhere(tmp_path / "out", ["red 1"], "encode_query")
    assert np.allclose(written, query, atol=1e-6)
    assert not np.allclose(query, elsewhere(tmp_path / "out", ["red 1"]), atol=1e-3)
    trained = SentenceTransformer(str(tmp_path / "out"))
    assert next(one for one in trained if isinstance(one, Pooling)).pooling_mode == (
        "lasttoken" if "pooling" in given else "mean"
    )


def test_a_trained_bert_loads_without_this_package(
    write_set: WriteSet, toy_rows: list[ShardRow], train: Train, tmp_path: Path
):
    train(write_set(toy_rows), tmp_path / "out")
    here = SentenceTransformer(str(tmp_path / "out")).encode_query(["red fish"])
    assert np.allclose(elsewhere(tmp_path / "out", ["red fish"], "encode_query"), here, atol=1e-6)


@pytest.mark.parametrize(
    "given",
    [
        {"gradient_checkpointing": True},
        {"gradient_checkpointing": True, "lora_rank": 2},
        {"attention": "eager"},
        pytest.param({"compile": True}, marks=pytest.mark.slow),
    ],
)
def test_how_it_is_computed_does_not_change_what_is_learned(
    write_set: WriteSet, toy_rows: list[ShardRow], train: Train, qwen2: Path, tmp_path: Path,
    given: dict[str, object],
):  # fmt: skip
    shards = write_set(toy_rows)
    plain = {name: value for name, value in given.items() if name == "lora_rank"}
    for name, options in {"plain": plain, "other": given}.items():
        train(shards, tmp_path / name, model=qwen2, epochs=1, max_steps=2, **options)
    one, two = (
        SentenceTransformer(str(tmp_path / name)).encode(["red fish"])
        for name in ("plain", "other")
    )
    assert np.allclose(one, two, atol=1e-4)
