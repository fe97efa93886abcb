"""A cross-encoder of a few thousand random weights, saved as users have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["river", "stone", "bread", "paper", "glass", "wind", "number", *map(str, range(60))]
LONGEST = 32


def save_cross_encoder(folder: Path, *, labels: int = 1, seed: int = 0) -> Path:
    """A BERT of 2 layers, 32 wide, that scores pairs of up to 32 tokens."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    torch.manual_seed(seed)
    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    file = folder / "vocab.txt"
    file.write_text("\n".join(vocabulary))
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=LONGEST, num_labels=labels,
        initializer_range=0.5,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(str(file), model_max_length=LONGEST).save_pretrained(folder)
    return folder
