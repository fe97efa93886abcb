"""Whether one system is better than another on the same queries, or only luckier.

Queries whose gold documents belong to one group share their luck, so whole groups are drawn and
flipped, never single queries (the cluster bootstrap; Cameron, Gelbach, Miller 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.eval_result import Difference
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CONFIDENCE = 0.95
_CHUNK = 1 << 22
"""Random numbers drawn at once: 32 MB."""
_TOLERANCE = 1e-12
_DIGITS = 12
"""Sums that differ by less are equal: the order of summation must not show."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """How often groups are drawn and flipped, and the seed of the draws."""

    seed: int
    times: int


@dataclass(frozen=True, slots=True)
class Stratum:
    """The queries of one task.

    differences: (Q, M) measures in [0, 1] of Q ≥ 1 queries by one system minus those by another.
    groups: (Q,) the group of each query; their names order the draws, the order of queries does
    not matter.
    """

    differences: Floats
    groups: Sequence[str]


def paired_differences(strata: Sequence[Stratum], resampling: Resampling) -> list[Difference]:
    """One difference a measure: the mean over tasks of each task's mean over queries.

    Groups are drawn and flipped within each task, so a task weighs the same in every draw. A task
    of a single group cannot be resampled: all that it can reach is within the interval.

    Interval: percentiles of the bootstrap over groups (Efron, Tibshirani 1993, chapter 13). p:
    two-sided randomisation test, in which each group's differences change sign together, as
    Smucker, Allan, Carterette (CIKM 2007) do with single queries; (1 + as extreme) /
    (1 + times), so that it is never 0 (Phipson, Smyth 2010).
    """
    tasks = [_by_group(stratum.differences, stratum.groups) for stratum in strata]
    means = (sum(sums.sum(axis=0) / counts.sum() for sums, counts in tasks) / len(tasks)).round(
        _DIGITS
    )
    intervals = _intervals(tasks, resampling)
    p_values = _p_values(tasks, resampling)
    return [
        Difference(float(mean), (float(low), float(high)), float(p))
        for mean, (low, high), p in zip(means, intervals, p_values, strict=True)
    ]


def _by_group(differences: Floats, groups: Sequence[str]) -> tuple[Floats, Floats]:
    """(G, M) sums and (G,) numbers of queries, groups in the order of their names."""
    names, place = np.unique(np.asarray(groups, dtype=object), return_inverse=True)
    sums = np.zeros((len(names), differences.shape[1]))
    np.add.at(sums, place, differences)
    return sums, np.bincount(place, minlength=len(names)).astype(np.float64)


def _intervals(
    tasks: Sequence[tuple[Floats, Floats]], resampling: Resampling
) -> list[tuple[float, float]]:
    drawn = np.zeros((resampling.times, tasks[0][0].shape[1]))
    fixed = 0
    for place, (sums, counts) in enumerate(tasks):
        if len(counts) == 1:
            fixed += 1
        else:
            drawn += _resampled_means(sums, counts, _stream("bootstrap", place), resampling)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(drawn / len(tasks), [tail, 100 - tail], axis=0).round(_DIGITS)
    slack = fixed / len(tasks)
    return list(zip((low - slack).tolist(), (high + slack).tolist(), strict=True))


def _resampled_means(sums: Floats, counts: Floats, stream: str, resampling: Resampling) -> Floats:
    """(times, M) means of one task over groups drawn with replacement."""
    groups = len(counts)
    means = []
    for drawn in _draws(stream, groups, groups, resampling):
        cells = drawn + groups * np.arange(len(drawn))[:, None]
        times = np.bincount(cells.ravel(), minlength=cells.size).reshape(cells.shape)
        means.append((times @ sums) / (times @ counts)[:, None])
    return np.concatenate(means)


def _p_values(tasks: Sequence[tuple[Floats, Floats]], resampling: Resampling) -> Floats:
    shares = [sums / counts.sum() for sums, counts in tasks]
    observed = np.abs(sum(share.sum(axis=0) for share in shares)) - _TOLERANCE
    flipped = np.zeros((resampling.times, shares[0].shape[1]))
    for place, share in enumerate(shares):
        draws = _draws(_stream("signs", place), 2, len(share), resampling)
        flipped += np.concatenate([(2.0 * drawn - 1.0) @ share for drawn in draws])
    extreme = (np.abs(flipped) >= observed).sum(axis=0)
    p_values: Floats = (1 + extreme) / (1 + resampling.times)
    return p_values


def _stream(name: str, place: int) -> str:
    """Tasks are drawn independently of one another; the first as if it were alone."""
    return f"{name}-{place}" if place else name


def _draws(
    name: str, choices: int, width: int, resampling: Resampling
) -> Iterator[NDArray[np.int64]]:
    """Chunks of (times, width) numbers in [0, choices), all equally likely.

    Raw numbers of PCG64, whose stream numpy promises to keep; the remainder's bias is
    choices / 2^64.
    """
    generator = np.random.PCG64(int(digest(resampling.seed, "significance", name), 16))
    rows = max(1, _CHUNK // width)
    for start in range(0, resampling.times, rows):
        size = min(rows, resampling.times - start)
        raw = generator.random_raw(size * width).reshape(size, width)
        yield (raw % np.uint64(choices)).view(np.int64)
