"""The identity of a request to a query engine (DESIGN law 2), and the seeds that follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from kalm_data.core.synthesis import SourceDocument

_SEED_DIGITS = 8
"""Hex digits of a request's seed: 32 bits, which every engine takes."""


def request_key(
    document: SourceDocument,
    *,
    engine: str,
    facet: str,
    persona: str,
    prompt: str,
    schema: str,
    sampling: str,
    draw: int,
    seed: int,
) -> str:
    """The digest of all that shapes a reply.

    `engine` names model and revision, `sampling` is JSON with sorted keys, `draw` tells apart
    the queries that are asked of one document. Neither the task, the place in the plan nor the
    gates are in it: they do not shape a reply.
    """
    return digest(
        "request", document.text_hash, document.title, engine, facet, persona, prompt, schema,
        sampling, draw, seed,
    )  # fmt: skip


def attempt_seed(seed: int, key: str, attempt: int) -> int:
    """The seed that an engine is given for an attempt (0-based) at a request."""
    return int(digest("attempt", seed, key, attempt)[:_SEED_DIGITS], 16)
