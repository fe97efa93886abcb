"""Task weights: how often an epoch takes each row."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from kalm_data.core.errors import InputError
from kalm_data.measures.scrambling import scrambled
from kalm_data.trainer.dealing import in_random_order

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from numpy.typing import NDArray

    from kalm_data.trainer.columns import BatchColumns


def read_weights(given: Iterable[str], tasks: Collection[str]) -> dict[str, Fraction]:
    """`TASK=W` by task. Raises InputError for what is written otherwise, or names another task."""
    found: dict[str, Fraction] = {}
    for text in given:
        task, _, written = text.partition("=")
        try:
            weight = Fraction(written)
        except (ValueError, ZeroDivisionError):
            weight = Fraction(0)
        if weight <= 0:
            message = f"--task-weight {text}: not TASK=W with a number W above 0, such as docs=0.5"
            raise InputError(message)
        if task not in tasks:
            message = f"--task-weight {text}: the set has no task {task!r}, but"
            raise InputError(f"{message} {', '.join(sorted(tasks))}.")
        found[task] = weight
    return found


def copies_in_epoch(
    columns: BatchColumns, weights: Mapping[str, Fraction], seed: int, epoch: int
) -> NDArray[Any] | None:
    """(N,) how often each row is taken in an epoch; None: each once.

    A row of a task of weight W is taken floor(W) times; a share W − floor(W) of each stratum, one
    row at least, once more. The share moves on from epoch to epoch through one seeded order, so
    that after any number of epochs no row was taken twice more often than another.
    """
    given = [weights.get(stratum.task, Fraction(1)) for stratum in columns.names]
    if all(weight == 1 for weight in given):
        return None
    whole = np.array([math.floor(weight) for weight in given])
    copies = whole.astype(np.min_scalar_type(int(whole.max()) + 1))[columns.strata]
    everywhere = range(len(columns.sizes))
    for number, weight in enumerate(given):
        if weight % 1:
            rows, _ = columns.of_stratum(number, everywhere)
            copies[rows[_share(columns.keys[rows], weight % 1, seed, epoch)]] += 1
    return copies


def _share(keys: NDArray[np.uint64], share: Fraction, seed: int, epoch: int) -> NDArray[np.int64]:
    """The places of the keys that are in turn."""
    taken = min(len(keys), max(1, math.floor(share * len(keys) + Fraction(1, 2))))
    turn = (np.arange(taken) + epoch * taken) % max(len(keys), 1)
    return in_random_order(scrambled(keys, seed, "task weight", 0))[turn]
