"""The model that is trained: how it is loaded, how it is set up for training, how it is saved.

What training needs (float32 weights, adapters, a shorter limit) is undone before saving, so that
plain sentence-transformers loads the result.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from torch.nn import Dropout
from transformers.utils import logging

from kalm_data.core.errors import InputError
from kalm_data.trainer.adapters import add_adapters, merge_adapters
from kalm_data.trainer.bidirectional import attend_both_ways
from kalm_data.trainer.compilation import compile_forward, run_plainly

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from kalm_data.core.config.training.base_model import ModelSettings

_MODES = {"mean": "mean", "last-token": "lasttoken", "cls": "cls"}


@dataclass(frozen=True, slots=True)
class Base:
    """The model to train: its folder, how it was saved to write queries and documents, and the
    digest of its files.
    """

    path: Path
    query_prompt: str
    document_prompt: str
    content: str


@dataclass(frozen=True, slots=True)
class Models:
    """The model to train, and the one it follows, if any."""

    base: Base
    teacher: Base | None = None


@dataclass(frozen=True, slots=True)
class AsSaved:
    """What the base was and the trained model is to be again: number format, longest text."""

    dtype: torch.dtype
    max_seq_length: int | None


def load_base(path: Path, settings: ModelSettings) -> SentenceTransformer:
    """The model in a folder, in the number format it was saved in.

    A checkpoint without modules of sentence-transformers gets a mean (or `settings.pooling`) and a
    normalisation.

    Raises InputError where the folder holds no such model, or the settings do not fit it.
    """
    logging.disable_progress_bar()  # type: ignore[no-untyped-call,unused-ignore]
    logging.set_verbosity_error()  # it tells, at length, of a head that no embedder has
    wanted = {"attn_implementation": settings.attention} if settings.attention else {}
    try:
        model = SentenceTransformer(str(path), local_files_only=True, model_kwargs=wanted)
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        message = f"{path}: cannot be loaded as a model: {str(error).splitlines()[0]}"
        raise InputError(message) from error
    if any(isinstance(module, Pooling) and not module.include_prompt for module in model):
        message = f"{path}: leaves its prompt out of the pooling, which is not supported"
        raise InputError(f"{message}. Choose another model.")
    _refuse_without_words(path, model.tokenizer)
    _set_pooling(path, model, settings)
    if settings.bidirectional:
        attend_both_ways(path, model)
    return model


def pad_with_end(model: SentenceTransformer) -> str:
    """Let a tokenizer that has no token for padding take its end of text; what to tell of it."""
    tokenizer = model.tokenizer
    if tokenizer.pad_token is not None or tokenizer.eos_token is None:
        return ""
    tokenizer.pad_token = tokenizer.eos_token
    return f"the tokenizer has no token for padding: {tokenizer.eos_token!r} is taken and saved"


def set_up(model: SentenceTransformer, settings: ModelSettings, seed: int) -> AsSaved:
    """How far it reads, what it drops, what is trained and how it computes; in place.

    All weights are trained in float32. Frozen ones, beside adapters, keep their format.
    """
    saved = AsSaved(next(model.parameters()).dtype, model.max_seq_length)
    if settings.max_length and model.max_seq_length:
        model.max_seq_length = min(settings.max_length, model.max_seq_length)
    if settings.lora_rank:
        add_adapters(model, settings.lora_rank, settings, seed)
    else:
        model.float()
    if settings.dropout is not None:
        _set_dropout(model, settings.dropout)
    if settings.gradient_checkpointing:
        _checkpoint_gradients(model)
    if settings.compile:
        compile_forward(model)
    return saved


def restore(model: SentenceTransformer, saved: AsSaved, settings: ModelSettings) -> None:
    """Make the trained model one that plain sentence-transformers loads; in place.

    Adapters are merged in float32, so that they are rounded once.
    """
    run_plainly(model)
    if settings.lora_rank and settings.lora_merge:
        model.float()
        merge_adapters(model)
    if not settings.lora_rank or settings.lora_merge:
        model.to(saved.dtype)
    model.max_seq_length = saved.max_seq_length


def _set_pooling(path: Path, model: SentenceTransformer, settings: ModelSettings) -> None:
    bare = not (path / "modules.json").exists()
    if not bare and settings.pooling is None:
        return
    pooling = next((module for module in model if isinstance(module, Pooling)), None)
    if pooling is None or not isinstance(pooling.pooling_mode, str):
        message = f"{path}: --pooling {settings.pooling}: the model does not pool in one way"
        raise InputError(f"{message} that could be changed. Leave the option out.")
    pooling.pooling_mode = _MODES[settings.pooling or "mean"]
    if bare:
        model.append(Normalize())


def _checkpoint_gradients(model: SentenceTransformer) -> None:
    try:
        with warnings.catch_warnings():  # sentence-transformers calls it by its old name
            warnings.simplefilter("ignore", FutureWarning)
            model.gradient_checkpointing_enable({"use_reentrant": False})
    except ValueError as error:
        message = f"--gradient-checkpointing: {str(error).splitlines()[0]}"
        raise InputError(f"{message} Leave the option out.") from error


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
