"""Whole numbers by weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def share_out(count: int, weights: Sequence[float]) -> list[int]:
    """`count` units by weight, whole ones, by largest remainder; ties to the first.

    Where no weight is positive all count alike.
    """
    if not weights or count <= 0:
        return [0] * len(weights)
    known = weights if sum(weights) > 0 else [1.0] * len(weights)
    exact = [count * weight / sum(known) for weight in known]
    shares = [int(share) for share in exact]
    # rounded: equal remainders of different weights differ in their last bits
    order = sorted(range(len(exact)), key=lambda i: (round(shares[i] - exact[i], 9), i))
    for i in order[: count - sum(shares)]:
        shares[i] += 1
    return shares
