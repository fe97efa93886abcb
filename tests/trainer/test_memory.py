from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from sentence_transformers import SentenceTransformer

from kalm_data.trainer.memory import embed_parts

if TYPE_CHECKING:
    from pathlib import Path


def gradients(model: SentenceTransformer, limit_bytes: float) -> list[torch.Tensor]:
    """Of a function of the embeddings of two parts, under the same dropout."""
    parts = [dict(model.preprocess(texts)) for texts in (["red", "fish"], ["sun moon star"])]
    torch.manual_seed(1)
    embedded = torch.cat(embed_parts(model, parts, limit_bytes))
    (embedded * torch.arange(1.0, 33.0)).square().sum().backward()
    found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    assert found
    return found


def test_what_is_computed_twice_has_the_same_gradients(tiny_model: Path):
    model = SentenceTransformer(str(tiny_model), device="cpu").train()
    kept, twice = gradients(model, 1e9), gradients(model, 0)
    assert all(torch.equal(one, other) for one, other in zip(kept, twice, strict=True))


@pytest.mark.parametrize(("limit_bytes", "passes"), [(1e9, 2), (1, 3), (0, 4)])
def test_only_the_parts_beyond_the_limit_are_computed_twice(
    tiny_model: Path, limit_bytes: float, passes: int
):
    model = SentenceTransformer(str(tiny_model), device="cpu").train()
    calls: list[object] = []
    model[0].register_forward_pre_hook(lambda *given: calls.append(given))
    gradients(model, limit_bytes)
    assert len(calls) == passes


def test_under_bfloat16_autocast_too(tiny_model: Path):
    model = SentenceTransformer(str(tiny_model), device="cpu").train()
    with torch.autocast("cpu", torch.bfloat16):
        kept, twice = gradients(model, 1e9), gradients(model, 0)
    assert all(
        torch.allclose(one, other, atol=1e-5) for one, other in zip(kept, twice, strict=True)
    )


def test_with_adapters_too(tiny_model: Path):
    adapters = pytest.importorskip("peft").LoraConfig(
        r=4, lora_dropout=0.3, target_modules=["query", "value"]
    )
    model = SentenceTransformer(str(tiny_model), device="cpu").train()
    torch.manual_seed(0)
    model.add_adapter(adapters)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)  # zeros give the others no gradient
    kept, twice = gradients(model, 1e9), gradients(model, 0)
    assert all(torch.equal(one, other) for one, other in zip(kept, twice, strict=True))
    assert len(kept) == 8
