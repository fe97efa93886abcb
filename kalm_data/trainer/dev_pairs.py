"""The dev scored pairs of a set, and how well a model that is being trained orders them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from kalm_data.trainer.collate import compose_pairs
from kalm_data.trainer.parts import parts_in
from kalm_data.trainer.rows import scored_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from kalm_data.core.manifest import Manifest, ShardTask
    from kalm_data.core.templates import Templates
    from kalm_data.trainer.rows import ScoredRow


@dataclass(frozen=True, slots=True)
class DevPairs:
    """The dev scored pairs of one task."""

    task: str
    pairs: tuple[ScoredRow, ...]


def read_dev_pairs(folder: Path, manifest: Manifest, most: int) -> list[DevPairs]:
    """The tasks of a verified set that have dev scored pairs, each with `most` of them at most."""
    return [_dev_pairs(folder, entry, most) for entry in manifest.tasks if entry.dev_scored]


def _dev_pairs(folder: Path, entry: ShardTask, most: int) -> DevPairs:
    found: list[ScoredRow] = []
    for part in parts_in(folder, entry.task, entry.dev_scored, scored=True):
        if len(found) < most:
            found += scored_rows(
                part.read().slice(0, most - len(found)), {part.task.name: part.task}
            )
    return DevPairs(entry.task.name, tuple(found))


def measure_pairs(
    encode: Callable[[list[str]], Tensor], dev: DevPairs, templates: Mapping[str, Templates]
) -> float:
    """Spearman's correlation of cosines and scores, the texts written as training writes them.

    encode: normalised vectors of texts, a row each.
    """
    batch = compose_pairs(dev.pairs, templates)
    vectors = encode(batch.texts)
    cosines = (vectors[batch.first] * vectors[batch.second]).sum(1)
    return spearman(cosines.cpu(), torch.tensor([pair.score for pair in dev.pairs]))


def spearman(one: Tensor, other: Tensor) -> float:
    """The correlation of ranks, ties in the middle of theirs; 0 where one side is all alike."""
    ranks = torch.stack([_ranks(one), _ranks(other)])
    centred = ranks - ranks.mean(1, keepdim=True)
    length = centred.norm(dim=1).prod()
    return float((centred[0] * centred[1]).sum() / length) if length else 0.0


def _ranks(values: Tensor) -> Tensor:
    _, place, counts = torch.unique(values, return_inverse=True, return_counts=True)
    middles: Tensor = counts.cumsum(0) - (counts - 1) / 2
    return middles.double()[place]
