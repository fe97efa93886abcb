"""What mining came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TaskMined:
    """Figures of one task. `short` counts examples with fewer negatives than wanted.

    `ranked` counts the examples ranked in this run, `cut` the texts that a model read in part
    while doing so (0 where nothing was left to rank). `by_ranker` counts the mined negatives,
    `false_negatives` the hits that the denoiser took out.
    """

    task: str
    rankers: tuple[str, ...]
    pool_size: int
    examples: int
    ranked: int
    negatives: int
    given: int
    padding: int
    short: int
    cut: int
    false_negatives: int
    by_ranker: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MineResult:
    """Sums over the tasks; `encoded` counts the texts that were encoded in this run."""

    negatives: int
    short: int
    encoded: int
    cut: int
    false_negatives: int
    tasks: tuple[TaskMined, ...]
