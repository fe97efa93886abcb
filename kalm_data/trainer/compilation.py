"""torch.compile of the transformer, where this machine can compile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def compile_forward(model: SentenceTransformer) -> None:
    """Compile with dynamic shapes, in place, until `run_plainly`; the weights keep their names.

    Raises InputError where a first small try fails, as without a C++ compiler.
    """
    try:
        torch.compile(_probe, dynamic=True)(torch.ones(8, device=model.device))
    except RuntimeError as error:
        line = next((line for line in str(error).splitlines() if line.strip()), "")
        message = f"--compile: torch.compile does not work on this machine: {line}"
        raise InputError(f"{message}. Install a C++ compiler, or leave the option out.") from error
    transformer = model.transformers_model  # sentence-transformers calls its `forward` itself
    transformer.forward = torch.compile(transformer.forward, dynamic=True)


def run_plainly(model: SentenceTransformer) -> None:
    """Take back `compile_forward`."""
    vars(model.transformers_model).pop("forward", None)


def _probe(values: torch.Tensor) -> torch.Tensor:
    return values.sin() + 1
