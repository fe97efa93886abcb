"""Systems side by side on the same queries: means, paired differences, slices, and who won.

Several tasks weigh the same, whatever their numbers of queries: means are means over tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.eval_result import HEADLINE_MEASURE, Headline, Slice
from kalm_data.core.metrics import METRICS, Metrics, mean
from kalm_data.measures.significance import Stratum, paired_differences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.eval_result import Difference, Differences, Figures, Verdict
    from kalm_data.measures.significance import Resampling

SIGNIFICANT = 0.05
"""A p-value from here on leaves open who is better."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What each system reached on each query of one task.

    systems: by name, (Q,) each, in the order of the table. groups: (Q,) what is resampled.
    """

    systems: Mapping[str, Sequence[Metrics]]
    groups: Sequence[str]

    def at(self, places: Sequence[int]) -> Scores:
        """The same of some queries only."""
        systems = {name: [rows[i] for i in places] for name, rows in self.systems.items()}
        return Scores(systems, [self.groups[i] for i in places])


def figures(tasks: Sequence[Scores]) -> dict[str, Figures]:
    """The means of every system over one task or more; each must have a query."""
    return {name: _figures([scores.systems[name] for scores in tasks]) for name in tasks[0].systems}


def difference(
    tasks: Sequence[Scores], one: str, other: str, resampling: Resampling
) -> Differences:
    """One system minus the other, by measure."""
    strata = [
        Stratum(_values(scores, one) - _values(scores, other), scores.groups) for scores in tasks
    ]
    return dict(zip(METRICS, paired_differences(strata, resampling), strict=True))


def headline(
    tasks: Sequence[Scores], system: str, untrained: Sequence[str], resampling: Resampling
) -> Headline:
    """`system` against the best of `untrained` by nDCG@10, the first of equals."""
    means = figures(tasks)
    rival = max(untrained, key=lambda name: means[name][HEADLINE_MEASURE])
    found = difference(tasks, system, rival, resampling)
    return Headline(system, rival, found, _verdict(found[HEADLINE_MEASURE]))


def cut_slice(
    tasks: Sequence[Scores],
    places: Sequence[Sequence[int]],
    pair: tuple[str, str] | None,
    resampling: Resampling,
) -> Slice:
    """The queries at `places` of each task, maybe none; tasks without any are left out.

    `pair` is what `difference` compares.
    """
    parts = [scores.at(chosen) for scores, chosen in zip(tasks, places, strict=True) if chosen]
    if not parts:
        return Slice(0, {}, {})
    found = difference(parts, *pair, resampling) if pair else {}
    return Slice(sum(len(part.groups) for part in parts), figures(parts), found)


def _figures(tasks: Sequence[Sequence[Metrics]]) -> Figures:
    means = mean([mean(rows) for rows in tasks])
    return dict(zip(METRICS, means.values(), strict=True)) | {"queries": sum(map(len, tasks))}


def _values(scores: Scores, system: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(Q, M)."""
    return np.array([row.values() for row in scores.systems[system]], dtype=np.float64)


def _verdict(found: Difference) -> Verdict:
    if found.p >= SIGNIFICANT:
        return "undecided"
    return "better" if found.mean > 0 else "worse"
