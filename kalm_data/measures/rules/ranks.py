"""Rules on where a positive stands among the whole pool."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.filtering import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.filtering import FilterRow
    from kalm_data.core.mining import Measured

NOT_IN_POOL = "positive_not_in_pool"
NO_EVIDENCE = "no_evidence"


@dataclass(frozen=True, slots=True)
class TopK:
    """Keeps positives that rank among the first k: ranking consistency (arXiv 2501.01028).

    `ks` and `pool_sizes` are by task. Reasons: `rank`, `no_evidence`, `positive_not_in_pool`.
    """

    ks: Mapping[str, int]
    pool_sizes: Mapping[str, int]
    rankers: Mapping[str, Sequence[str]]
    needs_all: bool
    name: str = "top-k"

    def judge(self, rows: Sequence[FilterRow], standing: Sequence[bool]) -> list[Verdict]:
        return [self._judge(row) for row in rows]

    def least(self, row: FilterRow) -> float:
        """The smallest k that would keep the row; infinite where none does."""
        ranks = [math.inf if at is None or at.no_evidence else at.rank for at in row.measured]
        return max(ranks) if self.needs_all else min(ranks)

    def _judge(self, row: FilterRow) -> Verdict:
        k, rankers = self.ks[row.task], self.rankers[row.task]
        numbers: dict[str, object] = {"k": k, "pool_size": self.pool_sizes[row.task]}
        known = [at for at in row.measured if at is not None]
        if known:
            numbers |= {"rank": known[0].rank, "score": known[0].score}
        if len(known) > 1:
            numbers["ranks"] = dict(zip(rankers, (at.rank for at in known), strict=True))
        return Verdict(self._reason(row, k), numbers, ",".join(rankers))

    def _reason(self, row: FilterRow, k: int) -> str:
        """Why a positive is dropped, or nothing."""
        reasons = [_place(at, k) for at in row.measured]
        if self.needs_all:
            return next((reason for reason in reasons if reason), "")
        return "" if not all(reasons) else reasons[0]


def _place(at: Measured | None, k: int) -> str:
    if at is None:
        return NOT_IN_POOL
    if at.no_evidence:
        return NO_EVIDENCE
    return "rank" if at.rank > k else ""


@dataclass(frozen=True, slots=True)
class MinScore:
    """Keeps positives that the first ranker scores high enough. Reason: `low_score`."""

    least: float
    name: str = "min-score"

    def judge(self, rows: Sequence[FilterRow], standing: Sequence[bool]) -> list[Verdict]:
        return [self._judge(row.measured[0]) for row in rows]

    def _judge(self, at: Measured | None) -> Verdict:
        if at is None:
            return Verdict(NOT_IN_POOL)
        numbers = {"score": at.score, "min_score": self.least}
        if at.no_evidence:
            return Verdict(NO_EVIDENCE, numbers)
        return Verdict("low_score" if at.score < self.least else "", numbers)


@dataclass(frozen=True, slots=True)
class MinGap:
    """Keeps positives that stand clear of the best other document. Reason: `small_gap`.

    A query without other hits has no rival, and its positives stay.
    """

    least: float
    name: str = "min-gap"

    def judge(self, rows: Sequence[FilterRow], standing: Sequence[bool]) -> list[Verdict]:
        return [self._judge(row) for row in rows]

    def _judge(self, row: FilterRow) -> Verdict:
        at = row.measured[0]
        if at is None:
            return Verdict(NOT_IN_POOL)
        if at.no_evidence:
            return Verdict(NO_EVIDENCE)
        if row.rival is None:
            return Verdict()
        gap = round(at.score - row.rival, 9)
        return Verdict("small_gap" if gap < self.least else "", {"gap": gap, "min_gap": self.least})
