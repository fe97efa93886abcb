"""Causal models that read both ways.

transformers (5.2 and later) reads `is_causal` from a model's configuration: where it is false, the
mask of padding is all that is left, and the kernels of attention are told so. The key is saved with
the configuration, so plain sentence-transformers loads such a model and needs nothing of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

_SUPPORTED = ("qwen2", "qwen3")
"""Architectures that were tested to obey the key; others might ignore it without a word."""


def attend_both_ways(path: Path, model: SentenceTransformer) -> None:
    """Raises InputError for an architecture that is not supported."""
    config = model.transformers_model.config
    if config.model_type not in _SUPPORTED:
        message = f"{path}: --bidirectional is not supported for {config.model_type}"
        raise InputError(f"{message}, but for {', '.join(_SUPPORTED)}. Leave the option out.")
    config.is_causal = False
