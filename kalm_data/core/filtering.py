"""What rules judge and what they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.mining import Measured, MiningExample


@dataclass(frozen=True, slots=True)
class FilterRow:
    """One positive of one example. `measured` is by the rankers of the run, in order; None where
    the document is outside the pool. `text` is the positive's, empty outside the pool, and in a run
    whose rules read none; `rival` the first ranker's score of the best hit that is no positive nor
    like one.
    """

    task: str
    example: MiningExample
    text_hash: str
    text: str
    measured: tuple[Measured | None, ...]
    rival: float | None = None

    @property
    def key(self) -> str:
        """What names the row in rejects."""
        return f"{self.example.example_id}:{self.text_hash}"

    @property
    def goodness(self) -> tuple[float, ...]:
        """Sorts the best-ranked first: by the first ranker's rank, then its score."""
        at = self.measured[0] if self.measured else None
        if at is None or at.no_evidence:
            return (float("inf"), 0.0)
        return (float(at.rank), -at.score)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is the word for a drop, empty to keep; `cause` names what caused it."""

    reason: str = ""
    numbers: Mapping[str, object] = field(default_factory=dict)
    cause: str = ""


KEEP = Verdict()


class Rule(Protocol):
    """Judges the rows of a run; `settings` (JSON) is what its head stores for each task."""

    @property
    def name(self) -> str: ...

    def judge(self, rows: Sequence[FilterRow], standing: Sequence[bool]) -> list[Verdict]:
        """One verdict a row, in order. `standing`: whether no other rule in force drops it."""
        ...
