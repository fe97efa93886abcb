"""An encoder of a few thousand random weights, saved as sentence-transformers saves one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LONGEST = 32


def save_encoder(folder: Path, words: Sequence[str], seed: int = 0) -> Path:
    """A BERT of 2 layers, 32 wide, with mean pooling, that reads 32 tokens; in `folder/model`."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ":", *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=LONGEST,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=LONGEST).save_pretrained(folder)
    bert = Transformer(str(folder))
    model = SentenceTransformer(modules=[bert, Pooling(bert.get_embedding_dimension())])
    model.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"
