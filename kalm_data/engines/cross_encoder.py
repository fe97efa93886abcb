"""A sentence-transformers cross-encoder: one score for a query and a document read together."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kalm_data.core.errors import InputError
from kalm_data.core.seeded import digest
from kalm_data.engines.devices import find_devices, kind, working_on
from kalm_data.engines.model_files import read_model_files
from kalm_data.engines.models import resolve_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kalm_data.engines.models import Resolved
    from kalm_data.engines.sentence_transformers_encoder import Precision

_DECIMALS = 5
"""Scores are rounded: their last bits depend on the batch in which a pair is read."""

_PAIRS_AT_ONCE = 32

_READS_PAIRS = ("ForSequenceClassification", "ForCausalLM")
"""Kinds of models that score a pair. Any other would get a head of random weights."""


class CrossEncoderScorer:
    """Satisfies `core.protocols.PairScorer`. The model is loaded when the first pair comes.

    In bfloat16 a score depends on the pairs that it is read with: ask for those of a query at once.
    """

    def __init__(self, resolved: Resolved, precision: Precision, device: str) -> None:
        _refuse_encoders(resolved.path)
        self.name, self.note = resolved.name, resolved.note
        content = read_model_files(resolved.path).content
        made_by = () if precision == "float32" else (precision,)
        self.fingerprint = digest("cross-encoder", content, kind(device), *made_by)
        self._path, self._precision, self._device = resolved.path, precision, device

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """(N,) scores, rounded to 1e-5, as the model's own activation gives them."""
        if not pairs:
            return np.empty(0)
        with working_on(self._device, f"scoring pairs with {self.name}"):
            scores = self._model.predict(
                list(pairs), batch_size=_PAIRS_AT_ONCE, show_progress_bar=False
            )
        exact: NDArray[np.float64] = np.asarray(scores, dtype=np.float64)
        if not np.isfinite(exact).all():
            query, document = pairs[int(np.argmin(np.isfinite(exact)))]
            message = (
                f'{self._path}: the score of the query "{query[:60]}" with the document '
                f'"{document[:60]}" is no number. Choose another model.'
            )
            raise InputError(message)
        return exact.round(_DECIMALS) + 0.0  # no negative zero

    def count_cut(self, pairs: Sequence[tuple[str, str]]) -> int:
        tokenizer, longest = self._model.tokenizer, self._model.max_seq_length
        if not longest or not pairs:
            return 0
        read = tokenizer(list(pairs), truncation=False, verbose=False)
        return sum(len(ids) > longest for ids in read["input_ids"])

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401  # sentence-transformers is not typed
        import torch
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder

        try:
            model = CrossEncoder(str(self._path), device=self._device, local_files_only=True)
        except (OSError, ValueError, SafetensorError) as error:
            line = str(error).splitlines()[0]
            raise InputError(f"{self._path}: the model cannot be loaded: {line}") from error
        if model.num_labels != 1:
            message = (
                f"{self._path}: gives {model.num_labels} numbers for a pair; a cross-encoder that "
                "ranks gives one. Choose another model."
            )
            raise InputError(message)
        model.eval()
        return model.to(torch.bfloat16 if self._precision == "bfloat16" else torch.float32)


def _refuse_encoders(folder: Path) -> None:
    """What an encoder's folder says of itself; one that says nothing is believed."""
    files = [folder / "config.json", folder / "0_Transformer" / "config.json"]
    for file in (file for file in files if file.exists()):
        try:
            names = json.loads(file.read_text()).get("architectures") or []
        except ValueError as error:
            raise InputError(f"{file}: not readable as JSON: {error}") from error
        if names and not any(name.endswith(_READS_PAIRS) for name in names):
            message = (
                f"{folder}: holds a {names[0]}, which is no cross-encoder: it has no score for a "
                "pair. Name a model for sequence classification with one label."
            )
            raise InputError(message)


def load_cross_encoder(
    name_or_path: str, precision: Precision = "float32", devices: Sequence[str] = ()
) -> CrossEncoderScorer:
    """A cross-encoder on the first of the devices, or on the first GPU, or on the CPU.

    Raises InputError for a name that nobody knows, or a device that is not there.
    """
    return CrossEncoderScorer(resolve_model(name_or_path), precision, find_devices(devices)[0])
