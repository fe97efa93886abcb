"""Contrastive distillation: the student's softmax over documents follows a teacher's.

Letters: Q queries and P columns (documents, or a query's own positive and negatives).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.functional import log_softmax

if TYPE_CHECKING:
    from torch import Tensor


def distillation(
    scores: Tensor, taught: Tensor, temperature: float, teacher_temperature: float
) -> Tensor:
    """Mean over all queries of KL(teacher || student), after KaLM-Embedding-V2 (arXiv 2506.20923).

    scores: (Q, P) the student's cosines. taught: (Q, P) the teacher's scores; where they are not
    finite the column counts in neither softmax. A query with fewer than two that count has
    nothing to learn here, and adds 0.
    """
    counted = taught.isfinite()
    none = float("-inf")
    teacher = log_softmax(taught.masked_fill(~counted, none) / teacher_temperature, dim=1)
    student = log_softmax(scores.masked_fill(~counted, none) / temperature, dim=1)
    learns = counted & (counted.sum(1, keepdim=True) >= 2)
    gaps = teacher.masked_fill(~learns, 0) - student.masked_fill(~learns, 0)
    shares = teacher.exp().masked_fill(~learns, 0)
    return (shares * gaps).sum(1).mean()
