"""What a list of rejects tells, and how a file of them is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kalm_data.core.records import Reject


@dataclass(frozen=True, slots=True)
class RejectCount:
    """How many one run turned away at one stage for one reason."""

    run_id: str
    stage: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """The rejects asked for, up to the limit, and how many there are of each kind."""

    rejects: tuple[Reject, ...]
    counts: tuple[RejectCount, ...]

    @property
    def total(self) -> int:
        return sum(one.count for one in self.counts)
