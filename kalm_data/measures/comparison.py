"""Systems side by side on the same queries: means, paired differences, slices, and who won."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.eval_result import HEADLINE_MEASURE, Headline, Slice
from kalm_data.core.metrics import METRICS, Metrics, mean
from kalm_data.measures.significance import Resampling, paired_differences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.eval_result import Difference, Differences, Figures, Verdict

SIGNIFICANT = 0.05
"""A p-value from here on leaves open who is better."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What each system reached on each query.

    systems: by name, (Q,) each, in the order of the table. groups: (Q,) what is resampled.
    """

    systems: Mapping[str, Sequence[Metrics]]
    groups: Sequence[str]

    def at(self, places: Sequence[int]) -> Scores:
        """The same of some queries only."""
        systems = {name: [rows[i] for i in places] for name, rows in self.systems.items()}
        return Scores(systems, [self.groups[i] for i in places])


def figures(scores: Scores) -> dict[str, Figures]:
    """The means of every system; there must be a query."""
    return {
        name: dict(zip(METRICS, mean(rows).values(), strict=True)) | {"queries": len(rows)}
        for name, rows in scores.systems.items()
    }


def difference(scores: Scores, one: str, other: str, resampling: Resampling) -> Differences:
    """One system minus the other, by measure."""
    first, second = (
        np.array([row.values() for row in scores.systems[name]]) for name in (one, other)
    )
    found = paired_differences(first, second, scores.groups, resampling)
    return dict(zip(METRICS, found, strict=True))


def headline(
    scores: Scores, system: str, untrained: Sequence[str], resampling: Resampling
) -> Headline:
    """`system` against the best of `untrained` by nDCG@10, the first of equals."""
    means = {name: mean(scores.systems[name]).ndcg_10 for name in untrained}
    rival = max(untrained, key=lambda name: means[name])
    found = difference(scores, system, rival, resampling)
    return Headline(system, rival, found, _verdict(found[HEADLINE_MEASURE]))


def cut_slice(
    scores: Scores, places: Sequence[int], pair: tuple[str, str] | None, resampling: Resampling
) -> Slice:
    """The queries at `places`, maybe none; `pair` is what `difference` compares."""
    part = scores.at(places)
    if not places:
        return Slice(0, {}, {})
    found = difference(part, *pair, resampling) if pair else {}
    return Slice(len(places), figures(part), found)


def _verdict(found: Difference) -> Verdict:
    if found.p >= SIGNIFICANT:
        return "undecided"
    return "better" if found.mean > 0 else "worse"
