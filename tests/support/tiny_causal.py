"""A Qwen of a few thousand random weights, saved as transformers saves one: without pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path


def save_causal(
    folder: Path, kind: Literal["qwen2", "qwen3"] = "qwen2", dtype: str = "float32"
) -> Path:
    """2 layers, 32 wide, a tokenizer of bytes that has no token for padding; in `folder`."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        PreTrainedTokenizerFast,
        Qwen2Config,
        Qwen2ForCausalLM,
        Qwen3Config,
        Qwen3ForCausalLM,
    )

    torch.manual_seed(0)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: place for place, letter in enumerate([*alphabet, "<end>"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    shape = {
        "vocab_size": 272, "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
        "head_dim": 16, "max_position_embeddings": 64, "initializer_range": 0.2,
        "eos_token_id": 256, "bos_token_id": None,
    }  # fmt: skip
    if kind == "qwen3":
        model = Qwen3ForCausalLM(Qwen3Config(**shape))
    else:
        model = Qwen2ForCausalLM(Qwen2Config(**shape))
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", model_max_length=64
    ).save_pretrained(folder)
    return folder
