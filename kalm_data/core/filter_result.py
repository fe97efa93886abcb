"""What filtering came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class SweepRow:
    """How many positives rule top-k would keep at `k`; of the labelled ones it would keep so many,
    `true_kept` of them true.
    """

    k: int
    kept: int
    labelled_kept: int = 0
    true_kept: int = 0

    @property
    def precision(self) -> float | None:
        """The share of true ones among the labelled that are kept; None without any."""
        return self.true_kept / self.labelled_kept if self.labelled_kept else None


@dataclass(frozen=True, slots=True)
class TaskFiltered:
    """Figures of one task. `rules` judged in this run, `reset` were taken back. `kept` counts the
    positives that these and all other rules in force keep, `dropped` those of each rule that
    judged. `examples_lost` counts examples that have no positive left.

    `top_k` is None and `sweep` empty where rule top-k did not judge; `rankers` are those that the
    rules looked at.
    """

    task: str
    rules: tuple[str, ...]
    reset: tuple[str, ...]
    rankers: tuple[str, ...]
    top_k: int | None
    pool_size: int
    positives: int
    kept: int
    dropped: Mapping[str, int]
    examples: int
    examples_lost: int
    sweep: tuple[SweepRow, ...]


@dataclass(frozen=True, slots=True)
class FilterResult:
    """The sweep over all tasks together, and each task's figures; `devices` are those that encoded
    the texts of test sets.
    """

    sweep: tuple[SweepRow, ...]
    tasks: tuple[TaskFiltered, ...]
    devices: tuple[str, ...] = ()
