"""How many rows each task gives to a set: caps, weights, and a temperature over the sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.measures.shares import share_out

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class MixPart:
    """One task of a mix: the rows that it has, at most `cap` of which are used, and its weight."""

    task: str
    rows: int
    weight: float = 1.0
    cap: int | None = None

    @property
    def usable(self) -> int:
        return self.rows if self.cap is None else min(self.rows, self.cap)


@dataclass(frozen=True, slots=True)
class Mix:
    """Rows of each part, in order; `limiting` is the task that keeps the others from giving more
    (empty where nothing does).
    """

    counts: tuple[int, ...]
    limiting: str = ""


def plan_mix(
    parts: Sequence[MixPart], alpha: float, rows: int | None = None, *, upsample: bool = False
) -> Mix:
    """Rows by task, in shares proportional to weight · usable^alpha.

    alpha 1 keeps the sizes as they are, 0 makes all tasks alike. The set is as large as the shares
    allow with no row twice, at most `rows`; with `upsample`, which repeats rows, it has `rows`, or
    as many as are usable, but for what caps take from it. Equal weights and alpha 1 keep every
    usable row.
    """
    shares = [part.weight * part.usable**alpha if part.usable else 0.0 for part in parts]
    whole = sum(shares)
    if not whole:
        return Mix(tuple(0 for _ in parts))
    usable = sum(part.usable for part in parts)
    if upsample:
        return Mix(_capped(share_out(rows or usable, shares), parts))
    filled = [part for part, share in zip(parts, shares, strict=True) if share]
    most = min(filled, key=lambda part: part.usable ** (1 - alpha) / part.weight)
    # rounded: what divides evenly must not lose a row to the last bits
    total = int(round(most.usable ** (1 - alpha) / most.weight * whole, 6))
    if rows is not None and rows <= total:
        return Mix(tuple(share_out(rows, shares)))
    counts = share_out(total, shares)
    limits = total < (usable if rows is None else min(rows, usable))
    bounded = (min(count, part.usable) for count, part in zip(counts, parts, strict=True))
    return Mix(tuple(bounded), most.task if limits else "")


def _capped(counts: Sequence[int], parts: Sequence[MixPart]) -> tuple[int, ...]:
    return tuple(
        count if part.cap is None else min(count, part.cap)
        for count, part in zip(counts, parts, strict=True)
    )
