"""The model that is trained: how it is loaded, and how it is set up for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from torch.nn import Dropout
from transformers.utils import logging

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kalm_data.core.config.training.base_model import ModelSettings


@dataclass(frozen=True, slots=True)
class Base:
    """The model to train: its folder, how it was saved to write queries and documents, and the
    digest of its files.
    """

    path: Path
    query_prompt: str
    document_prompt: str
    content: str


def load_base(path: Path) -> SentenceTransformer:
    """The model in a folder. Raises InputError where it cannot be loaded, or not be trained."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call,unused-ignore]
    try:
        model = SentenceTransformer(str(path), local_files_only=True)
    except (OSError, ValueError, SafetensorError) as error:
        message = f"{path}: cannot be loaded as a model: {str(error).splitlines()[0]}"
        raise InputError(message) from error
    if any(isinstance(module, Pooling) and not module.include_prompt for module in model):
        message = f"{path}: leaves its prompt out of the pooling, which is not supported"
        raise InputError(f"{message}. Choose another model.")
    _refuse_without_words(path, model.tokenizer)
    return model


def set_up(model: SentenceTransformer, settings: ModelSettings) -> None:
    """How far it reads, and what it drops, while it is trained."""
    if settings.max_length and model.max_seq_length:
        model.max_seq_length = min(settings.max_length, model.max_seq_length)
    if settings.dropout is not None:
        _set_dropout(model, settings.dropout)


def _refuse_without_words(path: Path, tokenizer: Any) -> None:  # noqa: ANN401
    """Without its files a tokenizer is made up that knows its special tokens alone."""
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        message = (
            f"{path}: no tokenizer is there (tokenizer.json, or the vocabulary of an older one)"
        )
        raise InputError(f"{message}. Fetch or save the model again, whole.")


def _set_dropout(model: SentenceTransformer, share: float) -> None:
    """Of every layer that drops out; the saved configuration keeps the model's own."""
    for module in model.modules():
        if isinstance(module, Dropout):
            module.p = share


def save_trained(model: SentenceTransformer, folder: Path) -> None:
    """Whole, but for its card."""
    model.save_pretrained(str(folder), create_model_card=False)


def cut_among(
    model: SentenceTransformer, texts: Sequence[str], tokens: Mapping[str, Any]
) -> list[str]:
    """The texts that are longer than the model reads; only those that fill it are looked at."""
    limit = model.max_seq_length
    mask = tokens.get("attention_mask")
    if limit is None or mask is None or mask.shape[1] < limit:
        return []
    full = [
        text for text, length in zip(texts, mask.sum(1).tolist(), strict=True) if length >= limit
    ]
    return [
        text
        for text in full
        if len(model.tokenizer(text, truncation=False, verbose=False)["input_ids"]) > limit
    ]
