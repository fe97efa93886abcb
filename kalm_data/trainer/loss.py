"""The contrastive loss.

Letters: Q queries and P distinct documents of the global batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from torch import Tensor


def info_nce(scores: Tensor, positives: Tensor, temperature: float) -> Tensor:
    """Mean InfoNCE over in-batch and hard negatives.

    scores: (Q, P) cosines; -inf where a document does not count for a query (`masked`).
    positives: (Q,) column of each query's positive, which must not be masked.
    temperature: what cosines are divided by, > 0.

    Follows KaLM-Embedding-V2 (arXiv 2506.20923), training objective. A query whose positive is
    all that counts has loss 0 and gives no gradient.
    """
    return cross_entropy(scores / temperature, positives)


def masked(scores: Tensor, counted: Tensor) -> Tensor:
    """Scores (Q, P) where `counted` (Q, P) holds, else -inf."""
    return scores.masked_fill(~counted, float("-inf"))
