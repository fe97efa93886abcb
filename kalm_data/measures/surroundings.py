"""What the draws of all examples of a task have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kalm_data.core.config.mine import DrawSettings
    from kalm_data.core.pool import Pool
    from kalm_data.measures.training_pool import TrainingPool

    Classes = NDArray[np.int64]
    Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """keys: (P,) of the pool; held_out: (H,) those that are never drawn, as `drawable` (P,) has it;
    both ascending. `children` holds the positions of the chunks of each file. classes: (P,) numbers
    of the classes of labelled texts, of which none is drawn for a text of its own; None where the
    pool has documents.
    """

    training: TrainingPool
    keys: Keys
    held_out: Keys
    drawable: NDArray[np.bool_]
    classes: Classes | None
    children: Mapping[str, tuple[int, ...]]
    settings: DrawSettings


def surroundings(training: TrainingPool, settings: DrawSettings) -> Surroundings:
    children: dict[str, list[int]] = {}
    for place, parents in training.pool.columns.parents.items():
        for parent in parents:
            children.setdefault(parent, []).append(place)
    siblings = {parent: tuple(places) for parent, places in children.items()}
    keys = np.array(training.pool.keys(), np.uint64)
    classes = _classes(training.pool)
    drawable = training.trainable & ~_of_two_classes(training.pool, classes)
    held_out = keys[~drawable]
    return Surroundings(training, keys, held_out, drawable, classes, siblings, settings)


def _classes(pool: Pool) -> Classes | None:
    labels = pool.columns.labels
    names = sorted({*labels})
    if names in ([], [""]):
        return None
    numbers = {name: number for number, name in enumerate(names)}
    return np.array([numbers[label] for label in labels], np.int64)


def _of_two_classes(pool: Pool, classes: Classes | None) -> NDArray[np.bool_]:
    """(P,) whether a text is nearly one of another class, and so of a positive there."""
    found = np.zeros(len(pool), bool)
    if classes is not None:
        for place, text_hash in enumerate(pool.text_hashes):
            alike = pool.alike.get(text_hash, ())
            found[place] = any(classes[other] != classes[place] for other in alike)
    return found
