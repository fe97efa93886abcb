"""What mining came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Overlap:
    """The mean share of the first `k` hits of an example that two rankers have in common."""

    first: str
    second: str
    k: int
    share: float


@dataclass(frozen=True, slots=True)
class ScoreGaps:
    """How far the mined negatives of a ranker score below the lowest positive of their example:
    quantiles, on the ranker's own scale.
    """

    ranker: str
    q05: float
    median: float
    q95: float


@dataclass(frozen=True, slots=True)
class Risk:
    """Of a ranker's hits in the window of ranks, positives left out: how many score no lower than
    the lowest positive, and how many are near-duplicates of a positive, as shares. Neither can
    become negatives under the limits; both tell how many answers may be among the rest.
    """

    ranker: str
    hits: int
    above_positive: float
    like_positive: float


@dataclass(frozen=True, slots=True)
class TaskMined:
    """Figures of one task. `short` counts examples with fewer negatives than wanted.

    `positives_elsewhere` is the share of the negatives that another example has as a positive.
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
    positives_elsewhere: float
    overlaps: tuple[Overlap, ...]
    gaps: tuple[ScoreGaps, ...]
    risks: tuple[Risk, ...]


@dataclass(frozen=True, slots=True)
class MineResult:
    """Sums over the tasks; `encoded` counts the texts that were encoded in this run. `devices` are
    those that had texts to encode and vectors to search.
    """

    negatives: int
    short: int
    encoded: int
    cut: int
    false_negatives: int
    tasks: tuple[TaskMined, ...]
    devices: tuple[str, ...] = ()
