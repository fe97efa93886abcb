"""A saved model that a training follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from kalm_data.core.config.training.base_model import ModelSettings
from kalm_data.trainer.base_model import load_base, pad_with_end
from kalm_data.trainer.prompts import training_templates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from kalm_data.core.manifest import Manifest
    from kalm_data.trainer.base_model import Base


class SavedTeacher:
    """Reads texts as it was saved to; `templates` says how, by task."""

    def __init__(self, saved: Base, manifest: Manifest) -> None:
        settings = ModelSettings(model=str(saved.path))
        self._model = load_base(saved.path, settings)
        pad_with_end(self._model)
        self.templates = training_templates(manifest, saved, settings)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """(len(texts), D) in float32."""
        if not texts:
            width = self._model.get_embedding_dimension()
            return torch.empty(0, width or 0)
        made = self._model.encode(
            list(texts), prompt="", convert_to_tensor=True, show_progress_bar=False
        )
        found: Tensor = made.float()
        return found
