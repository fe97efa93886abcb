"""What the draws of all examples of a task have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kalm_data.core.config.mine import DrawSettings
    from kalm_data.measures.training_pool import TrainingPool

    Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """keys: (P,) of the pool; held_out: (H,) those of documents of other splits; both ascending.
    `children` holds the positions of the chunks of each file, `depth` how many hits were stored of
    each query.
    """

    training: TrainingPool
    keys: Keys
    held_out: Keys
    children: Mapping[str, tuple[int, ...]]
    settings: DrawSettings
    depth: int


def surroundings(training: TrainingPool, settings: DrawSettings) -> Surroundings:
    children: dict[str, list[int]] = {}
    for place, document in enumerate(training.pool.documents):
        for parent in document.parents:
            children.setdefault(parent, []).append(place)
    siblings = {parent: tuple(places) for parent, places in children.items()}
    keys, depth = np.array(training.pool.keys(), np.uint64), settings.config.stored_depth
    return Surroundings(training, keys, keys[~training.trainable], siblings, settings, depth)
