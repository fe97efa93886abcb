"""The pool of a task as training may use it: which documents, and which positives of an example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kalm_data.core.mining import MiningExample
    from kalm_data.core.pool import Pool

NOT_IN_POOL = "positive_not_in_pool"
HELD_OUT = "positive_held_out"
NONE_LEFT = "no_positive_left"


@dataclass(frozen=True, slots=True)
class TrainingPool:
    """trainable: (P,) documents of the train split that are not barred. `dropped` names
    (example id, text hash) of positives that a rule in force dropped, `barred` documents, by text
    hash, that must not be used, with the reason word.
    """

    pool: Pool
    index: Mapping[str, int]
    trainable: NDArray[np.bool_]
    dropped: frozenset[tuple[str, str]]
    barred: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """The positives of an example that a row may have, as text hashes, sorted.

    `left_out` has those that it may not, by hash, but for what a rule dropped: a document that the
    pool does not hold (any more) as `positive_not_in_pool`, one of another split as
    `positive_held_out`, a barred one by its word. `refusal` is the reason word where none is left,
    else empty.
    """

    positives: tuple[str, ...]
    left_out: Mapping[str, str]
    refusal: str


def training_pool(
    pool: Pool,
    index: Mapping[str, int],
    dropped: frozenset[tuple[str, str]],
    barred: Mapping[str, str] | None = None,
) -> TrainingPool:
    """`index` is the pool's."""
    barred = barred or {}
    both = zip(pool.columns.splits, pool.text_hashes, strict=True)
    trainable = np.array([split == "train" and one not in barred for split, one in both], bool)
    return TrainingPool(pool, index, trainable, dropped, barred)


def standing(training: TrainingPool, example: MiningExample) -> Standing:
    """Which positives of the example stay."""
    found: list[str] = []
    left_out: dict[str, str] = {}
    for text_hash in example.positives:
        place = training.index.get(text_hash)
        if place is None:
            left_out[text_hash] = NOT_IN_POOL
        elif not training.trainable[place]:
            left_out[text_hash] = training.barred.get(text_hash, HELD_OUT)
        elif (example.example_id, text_hash) not in training.dropped:
            found.append(text_hash)
    refusal = "" if found else _refusal(example, left_out)
    return Standing(tuple(found), left_out, refusal)


def _refusal(example: MiningExample, left_out: Mapping[str, str]) -> str:
    if len(left_out) < len(example.positives):
        return NONE_LEFT
    reasons = sorted({*left_out.values()} - {NOT_IN_POOL}, reverse=True)
    return reasons[0] if reasons else NOT_IN_POOL
