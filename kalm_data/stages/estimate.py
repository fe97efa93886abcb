"""What a plan would take before anything is spent: requests, tokens, cost, time, disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kalm_data.core.asking import UNANSWERED
from kalm_data.core.protocols import Author, PromptingAuthor
from kalm_data.core.synth_result import Estimate

if TYPE_CHECKING:
    from kalm_data.core.config.synth import SynthConfig
    from kalm_data.core.protocols import Tokenizer
    from kalm_data.core.synthesis import Candidate, Past, Plan

SAMPLE = 64
"""Candidates whose prompts are filled and counted."""

_CHARACTERS_PER_TOKEN = 4
_JOURNAL_SHARE = 0.5
"""Bytes on disk for a byte of prompt and reply, which the workspace compresses."""

_FEWEST_REPLIES = 20
"""Replies in the journal from which their means tell of the next ones."""


class ApproximateTokenizer:
    """Four characters a token: for models whose tokenizer is not at hand."""

    def count(self, text: str) -> int:
        return -(-len(text) // _CHARACTERS_PER_TOKEN)


class EstimatedAuthor(Author, PromptingAuthor, Protocol):
    """An author that can tell beforehand what it would ask."""


def estimate(
    author: EstimatedAuthor,
    plan: Plan,
    tokenizer: Tokenizer,
    past: Past,
    config: SynthConfig,
    concurrency: int,
) -> Estimate:
    """Extrapolate from candidates that lie evenly over the plan, or over as much of it as there are
    rows wanted. The author's engine is silent, so that it shows what is to be asked next.
    """
    wanted = min(len(plan), config.target or len(plan))
    steps = [_due(author, one) for one in _spread(plan, wanted)]
    shares = _shares(config)
    scale = wanted / max(1, len(steps))
    requests = tokens_in = characters = 0.0
    for prompts in steps:
        for prompt, share in zip(prompts, shares[len(shares) - len(prompts) :], strict=True):
            requests += share * scale
            tokens_in += share * scale * tokenizer.count(prompt)
            characters += share * scale * len(prompt)
    is_known = past.replies >= _FEWEST_REPLIES
    tokens_out = requests * (past.tokens_out if is_known else config.max_tokens)
    cost = (tokens_in * config.price_in + tokens_out * config.price_out) / 1_000_000
    written = characters + tokens_out * _CHARACTERS_PER_TOKEN
    return Estimate(
        candidates=wanted,
        settled=round(scale * sum(not prompts for prompts in steps)),
        requests=round(requests),
        tokens_in=round(tokens_in),
        tokens_out=round(tokens_out),
        is_bound=not is_known,
        is_counted=not isinstance(tokenizer, ApproximateTokenizer),
        cost=round(cost, 4),
        seconds=round(requests * past.seconds / concurrency, 1) if is_known else None,
        megabytes=round(_JOURNAL_SHARE * written / 1e6, 1),
    )


def _due(author: EstimatedAuthor, candidate: Candidate) -> list[str]:
    """The prompts that are to be sent for a candidate, in order of its steps."""
    (draft,) = author.write([candidate])
    if draft.failure != UNANSWERED:
        return []
    (prompts,) = author.first_prompts([candidate])
    return prompts if draft.sent == prompts[0] else [draft.sent]


def _spread(plan: Plan, wanted: int) -> list[Candidate]:
    count = min(SAMPLE, wanted)
    return [plan.read(number * wanted // count, 1)[0] for number in range(count)]


def _shares(config: SynthConfig) -> tuple[float, float]:
    """Requests a candidate of each step; a brainstorm serves as many as it has instructions."""
    shared = min(config.instructions, config.per_doc) if config.type else 1
    return 1 / shared, 1.0
