"""What an evaluation finds, shaped as `--json` prints it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias

HEADLINE_MEASURE = "ndcg@10"
"""The measure by which systems are ordered."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean over queries of (one system − the other), its 95 % interval, and p (two-sided).

    Of several tasks it is the mean over tasks of these means.

    With a single group nothing can be resampled: the interval is all that can be, and p is 1.
    """

    mean: float
    ci95: tuple[float, float]
    p: float


Figures: TypeAlias = dict[str, float]
"""Means by the names of the measures, and "queries": over how many."""
Differences: TypeAlias = dict[str, Difference]
"""By the names of the measures."""
Verdict = Literal["better", "worse", "undecided"]


@dataclass(frozen=True, slots=True)
class Against:
    """The base model, and the tested model's measures minus its."""

    model: str
    metrics: Figures
    difference: Differences


@dataclass(frozen=True, slots=True)
class Headline:
    """A trained system against the best untrained one; `verdict` is the trained one's."""

    system: str
    rival: str
    difference: Differences
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the queries; `difference` is empty where no query or no base is there."""

    queries: int
    systems: dict[str, Figures]
    difference: Differences


@dataclass(frozen=True, slots=True)
class DimResult:
    """The models with vectors of their first so many numbers."""

    metrics: Figures
    against: Against | None


@dataclass(frozen=True, slots=True)
class TaskResult:
    """Figures of one task; `systems` and `slices` are in the order of the table.

    `origins` counts the queries by who wrote them, `cut` the texts that each system's model read
    in part. `training` tells how "seen" and "unseen" are known; they are missing where it is
    empty. `dims` is by dimension, the largest first.
    """

    pool_size: int
    origins: dict[str, int]
    cut: dict[str, int]
    training: str
    metrics: Figures
    against: Against | None
    systems: dict[str, Figures]
    headline: Headline
    slices: dict[str, dict[str, Slice]]
    dims: dict[str, DimResult] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Regression:
    """A model against its base on a set that it was not trained for.

    `left_out` counts the queries that are not fit to judge by, by reason. `dropped` where the
    model's nDCG@10 is lower than its base's by more than `max_drop`.
    """

    queries: int
    left_out: dict[str, int]
    metrics: Figures
    against: Against
    max_drop: float
    dropped: bool


@dataclass(frozen=True, slots=True)
class MtebScore:
    """The main score of a task of mteb; `base` and `difference` are None without a base model."""

    measure: str
    score: float
    base: float | None
    difference: float | None


@dataclass(frozen=True, slots=True)
class EvalResult:
    """What `TaskResult` holds of one task, or of several their means; sizes and counts are sums.

    `task` names them all. `tasks`, `regress` and `mteb` are by name. `devices` are those that
    encoded and searched.
    """

    task: str
    model: str
    pool_size: int
    origins: dict[str, int]
    cut: dict[str, int]
    training: str
    metrics: Figures
    against: Against | None
    systems: dict[str, Figures]
    headline: Headline
    slices: dict[str, dict[str, Slice]]
    dims: dict[str, DimResult] = field(default_factory=dict)
    tasks: dict[str, TaskResult] = field(default_factory=dict)
    regress: dict[str, Regression] = field(default_factory=dict)
    mteb: dict[str, MtebScore] = field(default_factory=dict)
    devices: tuple[str, ...] = ()


def by_task(result: EvalResult) -> dict[str, EvalResult]:
    """The result of each task as if it had been judged alone."""
    return {
        name: EvalResult(
            name,
            result.model,
            **{part.name: getattr(one, part.name) for part in fields(one)},
            tasks={name: one},
        )
        for name, one in result.tasks.items()
    }
