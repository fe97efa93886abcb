"""The identity of a request to a query engine (DESIGN law 2), and the seeds that follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from kalm_data.core.synthesis import Sampling, SourceDocument

_SEED_DIGITS = 8
"""Hex digits of a request's seed: 32 bits, which every engine takes."""


def extraction_key(
    document: SourceDocument, *, engine: str, facet: str, draw: int, seed: int
) -> str:
    """The digest of all that shapes what is extracted from a document."""
    sent = ("", "", "", "")  # nothing is sent to a language model
    return digest("request", document.text_hash, document.title, engine, facet, *sent, draw, seed)


def request_key(
    *, engine: str, system: str, prompt: str, schema: str, sampling: Sampling, draw: int, seed: int
) -> str:
    """The digest of all that shapes the reply of a language model.

    `engine` names model and revision; documents and personas are in the prompts. `draw` tells
    apart the replies to one prompt. Neither the task, the place in the plan nor the gates are in
    it: they do not shape a reply.
    """
    return digest("prompt", engine, system, prompt, schema, sampling.to_json(), draw, seed)


def attempt_seed(seed: int, key: str, attempt: int) -> int:
    """The seed that an engine is given for an attempt (0-based) at a request."""
    return int(digest("attempt", seed, key, attempt)[:_SEED_DIGITS], 16)
