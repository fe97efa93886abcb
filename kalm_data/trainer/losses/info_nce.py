"""The contrastive loss and what does not count in it.

Letters: Q queries and P distinct documents of the global batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from torch import Tensor


def info_nce(scores: Tensor, positives: Tensor, temperature: float, gamma: float = 0.0) -> Tensor:
    """Mean InfoNCE over all that a query is told from.

    scores: (Q, P) cosines; -inf where a column does not count for a query (`masked`).
    positives: (Q,) column of each query's positive, which must not be masked.
    temperature: what cosines are divided by, > 0.
    gamma: how much more the queries count that are not yet solved (`focal_weights`).

    Follows KaLM-Embedding-V2 (arXiv 2506.20923), training objective. A query whose positive is
    all that counts has loss 0 and gives no gradient.
    """
    logits = scores / temperature
    if not gamma:
        return cross_entropy(logits, positives)
    losses = cross_entropy(logits, positives, reduction="none")
    return (focal_weights(losses, gamma) * losses).mean()


def focal_weights(losses: Tensor, gamma: float) -> Tensor:
    """(Q,) `(1 - p) ** gamma`, where p is the softmax of the positive, `exp(-loss)`.

    KaLM-Embedding-V2 (arXiv 2506.20923). A weight is a number to the backward pass. The paper
    speaks of reweighting and its code is not released; with a gradient of its own and gamma < 1
    the weight's slope would be infinite at p = 1.
    """
    return (-(-losses.detach()).expm1()).clamp(min=0).pow(gamma)


def masked(scores: Tensor, counted: Tensor) -> Tensor:
    """Scores (Q, P) where `counted` (Q, P) holds, else -inf."""
    return scores.masked_fill(~counted, float("-inf"))


def within_margin(scores: Tensor, positive_scores: Tensor, margin: float) -> Tensor:
    """(Q, P) whether a score is at most `margin` above that of the query's positive, (Q,).

    Decided without gradient. As in Qwen3-Embedding (arXiv 2506.05176, training objective), where
    the margin is 0.1, it holds for hard negatives too: what is so much nearer than the positive is
    taken for an answer, whoever named it a negative.
    """
    return scores.detach() <= positive_scores.detach()[:, None] + margin
