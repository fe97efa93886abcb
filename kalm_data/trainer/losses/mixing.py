"""Online mixing of hard negatives (KaLM-Embedding-V2, arXiv 2506.20923).

Letters: Q queries, P documents, K hard negatives a query at most, M mixtures, D dimensions.
A mixture is told from no other query than its own. Gradients go through it to what was mixed, not
to the weights it was mixed by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import normalize

if TYPE_CHECKING:
    from torch import Tensor


def pair_mixtures(
    documents: Tensor, negatives: Tensor, usable: Tensor, count: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Mixtures of two different negatives of a query: `x a + (1 - x) b`, x ~ Beta(2, 2).

    documents: (P, D) unit vectors. negatives: (Q, K) columns of documents.
    usable: (Q, K) which of them count. Returns (Q, M, D) unit vectors and whether each is one,
    (Q, M): a query of fewer than two negatives gets none. M is `count`.

    What is drawn depends on `seed` and the shapes alone: it is the same on every device and
    process, and after a training was resumed.
    """
    generator = torch.Generator().manual_seed(seed)
    queries, width = negatives.shape
    keys = torch.rand(queries, count, width, generator=generator)
    # The middle one of three uniform numbers is Beta(2, 2).
    shares = torch.rand(queries, count, 3, generator=generator).median(-1).values
    if width < 2:
        empty = documents.new_zeros(queries, 0, documents.shape[1])
        return empty, usable[:, :0]
    keys = keys.to(documents.device).masked_fill(~usable[:, None, :], -1)
    pairs = keys.topk(2, dim=-1).indices
    columns = negatives[:, None, :].expand_as(keys).gather(-1, pairs)
    first, second = documents[columns].unbind(2)
    share = shares.to(documents)[..., None]
    is_pair = (usable.sum(1) >= 2)[:, None].expand(queries, count)
    return normalize(share * first + (1 - share) * second, dim=-1), is_pair


def list_mixtures(
    documents: Tensor, negatives: Tensor, usable: Tensor, scores: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """One mixture of all negatives of a query, weighted by the softmax of score / temperature.

    scores: (Q, P) cosines; the rest, and what is returned, as in `pair_mixtures` with M = 1.
    """
    logits = scores.detach().gather(1, negatives) / temperature
    logits = logits.masked_fill(~usable, float("-inf"))
    weights = torch.softmax(logits, dim=1).nan_to_num(0)  # NaN: a query without negatives
    mixtures = torch.einsum("qk,qkd->qd", weights, documents[negatives])
    return normalize(mixtures, dim=-1)[:, None, :], (usable.sum(1) >= 2)[:, None]
