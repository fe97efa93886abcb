"""LoRA (arXiv 2106.09685): small matrices beside frozen ones are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentence_transformers import SentenceTransformer

    from kalm_data.core.config.training.base_model import ModelSettings


def add_adapters(model: SentenceTransformer, rank: int, settings: ModelSettings, seed: int) -> None:
    """Freeze the model and put adapters, in float32, beside its linear layers; in place."""
    try:
        from peft import LoraConfig
    except ImportError as error:
        message = '--lora-rank needs peft. Install it with `pip install "kalm-data[lora]"`.'
        raise InputError(message) from error
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank if settings.lora_alpha is None else settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=list(settings.lora_targets) or "all-linear",
    )
    model.requires_grad_(False)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)  # adapters start at random
            model.transformers_model.add_adapter(config)
    except ValueError as error:
        message = f"--lora-targets: {str(error).splitlines()[0]}"
        raise InputError(f"{message} Name layers of the model, as `q_proj`.") from error
    for value in model.parameters():
        if value.requires_grad:
            value.data = value.data.float()


def without_adapters(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Those of the same model with adapters that add nothing: the second matrix of each is 0."""
    return {
        name: torch.zeros_like(weight) if ".lora_B." in name else weight
        for name, weight in weights.items()
    }


def merge_adapters(model: SentenceTransformer) -> None:
    """Add what the adapters learned to the weights and take the adapters away; in place."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    transformer = model.transformers_model
    for name, layer in list(transformer.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            layer.merge()
            parent, _, own = name.rpartition(".")
            setattr(transformer.get_submodule(parent), own, layer.get_base_layer())
    del transformer.peft_config
    transformer._hf_peft_config_loaded = False
