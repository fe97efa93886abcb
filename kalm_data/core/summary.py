"""How a run went: the counts of the law of conservation, and what people should know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Status = Literal["ok", "failed", "interrupted"]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The counts of one run: planned = kept + the sum of rejected + pending."""

    command: str
    run_id: str
    status: Status
    planned: int
    kept: int
    rejected: Mapping[str, int]
    seconds: float
    warnings: tuple[str, ...]

    @property
    def pending(self) -> int:
        return self.planned - self.kept - sum(self.rejected.values())


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R]):
    """What an api function returns: how the run went, and the stage's own figures.

    `missed` names the quality gates that the user set and the run missed (exit status 3).
    """

    run: RunSummary
    result: R
    missed: tuple[str, ...] = ()


_TELLING = 10
"""Units from which the time of the rest is told."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running command is, as `runs/<id>/progress.json` tells other processes."""

    command: str
    run_id: str
    planned: int
    kept: int
    rejected: int
    seconds: float
    activity: str = ""
    """What is done while no unit is, e.g. how many texts are encoded."""
    warning: str = ""
    """A new line for people, empty in most reports."""
    expected: int = 0
    """Units that will have been done in all, about; 0 where `planned` tells."""
    under_way: float = 0.0
    """Units that the activity amounts to, about."""

    @property
    def done(self) -> int:
        return self.kept + self.rejected

    @property
    def total(self) -> int:
        return max(self.planned, self.expected)

    @property
    def seconds_left(self) -> float | None:
        """By the time that the units so far took; None where too few of them tell."""
        done = self.done + self.under_way
        if done < _TELLING or self.total <= done:
            return None
        return self.seconds * (self.total - done) / done
