"""The loss of scored pairs.

Letters: B pairs of the global batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def cosent(cosines: Tensor, scores: Tensor, tasks: Tensor, scale: float) -> Tensor:
    """`log(1 + sum exp(scale (c_i - c_j)))` over the pairs i, j of a task where i scores lower.

    cosines, scores and tasks (a number each): (B,). Scores of two tasks are never compared.
    CoSENT (Huang et al., doi 10.1109/TASLP.2024.3402087).
    """
    lower = (scores[:, None] < scores[None, :]) & (tasks[:, None] == tasks[None, :])
    gaps = scale * (cosines[:, None] - cosines[None, :])
    return torch.cat([gaps.new_zeros(1), gaps[lower]]).logsumexp(0)
