"""Which rows meet in which batch, from the first step of a training to the last.

A pure function of columns, rules and seed: nothing of it depends on how many devices there are, on
what was asked before, or on time. Batches are global: each device gets all of one, and the collator
takes its share.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from kalm_data.measures.scrambling import scrambled
from kalm_data.trainer.columns import Kind
from kalm_data.trainer.rounds import Epoch, Round, Rules
from kalm_data.trainer.weights import copies_in_epoch, read_weights

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from numpy.typing import NDArray

    from kalm_data.core.config.training.batches import BatchSettings
    from kalm_data.trainer.columns import BatchColumns

_BLOCK = 256
"""Batches made at once."""

_KINDS = tuple(Kind)


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """rows: (n,) numbers in the set. positives: (n,) which one of each row is drawn.

    keys: (n,) 64 bits that draw its negatives.
    """

    kind: Kind
    rows: NDArray[np.int64]
    positives: NDArray[np.int64]
    keys: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.rows)


NO_BATCH = PlannedBatch(
    Kind.SHARED, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint64)
)
"""Stands where no batch is planned."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Numbers of the rows that no step of a run trains on, in order.

    light: those that the weight of their task left out of every epoch. late: the others, which
    would have come after the last step.
    """

    light: NDArray[np.int64]
    late: NDArray[np.int64]


class RunPlan:
    """The batches of all epochs, one after the other; step 0 is the first.

    A set that is larger than `memory` bytes is trained in rounds: in each epoch its pieces are put
    in random order, and as many as fit into memory are batched together as if they were the set.
    Where all of it fits there is one round an epoch.
    """

    def __init__(
        self,
        columns: BatchColumns,
        rules: Rules,
        epochs: int,
        weights: Mapping[str, Fraction] | None = None,
        memory: float = float("inf"),
    ) -> None:
        self._columns = columns
        self._rules = rules
        self._weights = weights or {}
        self._memory = memory
        self._last: tuple[tuple[int, int], Round] | None = None
        self._rounds = [(e, r) for e in range(epochs) for r in range(len(self._pieces(e)))]
        self._ends = list(accumulate(self._lengths()))

    def __len__(self) -> int:
        """Steps of the whole run."""
        return self._ends[-1] if self._ends else 0

    def batches(self, first: int = 0, end: int | None = None) -> Iterator[PlannedBatch]:
        """The batches from step `first` to before `end`; those before it are not made.

        Made by the block, which begins with one batch and grows, so that the first comes at once.
        """
        end, block = len(self) if end is None else min(len(self), end), 1
        while first < end:
            epoch, round_, place = self._find(first)
            made = round_.batches(place, min(place + block, place + end - first, len(round_)))
            yield from self._cut(epoch, *made)
            first += len(made[0])
            block = min(2 * block, _BLOCK)

    def _cut(
        self, epoch: Epoch, kinds: NDArray[np.int64], codes: NDArray[Any], sizes: NDArray[np.int64]
    ) -> Iterator[PlannedBatch]:
        rows = epoch.rows(codes)
        positives = epoch.positives(codes, self._rules.seed)
        keys = epoch.hashes(codes, self._rules.seed, "negatives")
        ends = np.cumsum(sizes).tolist()
        for kind, begin, end in zip(kinds.tolist(), [0, *ends], ends, strict=False):
            of = slice(begin, end)
            yield PlannedBatch(_KINDS[kind], rows[of], positives[of], keys[of])

    def missed(self, steps: int) -> Missed:
        """What is not trained on where the run ends after so many steps."""
        drawn, seen = np.zeros((2, len(self._columns)), np.bool_)
        for epoch in {epoch for epoch, _ in self._rounds}:
            copies = self._epoch(epoch).copies
            drawn |= True if copies is None else copies > 0
        if steps >= len(self):
            seen = drawn
        else:
            for batch in self.batches(0, steps):
                seen[batch.rows] = True
        return Missed(light=np.flatnonzero(~drawn), late=np.flatnonzero(drawn & ~seen))

    def _lengths(self) -> list[int]:
        """Steps of each round. Where a round is an epoch, they follow from its number of rows."""
        if len(self._pieces(0)) == 1 and not self._rules.apart and self._rounds:
            return [len(self._round(0, 0))] * len(self._rounds)
        return [len(self._round(*name)) for name in self._rounds]

    def _find(self, step: int) -> tuple[Epoch, Round, int]:
        """Epoch and round of a step, and its place in the round."""
        number = bisect_right(self._ends, step)
        name = self._rounds[number]
        round_ = self._round(*name)
        return round_.epoch, round_, step - (self._ends[number - 1] if number else 0)

    def _round(self, epoch: int, number: int) -> Round:
        if self._last is None or self._last[0] != (epoch, number):
            taken = self._epoch(epoch)
            self._last = None  # its memory goes before the next takes some
            made = Round(taken, self._pieces(epoch)[number], self._rules, number)
            self._last = (epoch, number), made
        return self._last[1]

    def _epoch(self, number: int) -> Epoch:
        if self._last is not None and self._last[1].epoch.number == number:
            return self._last[1].epoch
        copies = copies_in_epoch(self._columns, self._weights, self._rules.seed, number)
        return Epoch(self._columns, number, copies)

    def _pieces(self, epoch: int) -> list[list[int]]:
        """The pieces of each round of an epoch."""
        sizes = self._columns.sizes
        if sizes.sum() <= self._memory:
            return [list(range(len(sizes)))]
        places = np.arange(len(sizes), dtype=np.uint64)
        order = np.argsort(scrambled(places, self._rules.seed, "pieces", epoch))
        rounds: list[list[int]] = []
        room = 0.0
        for piece in order.tolist():
            if not rounds or sizes[piece] > room:
                rounds.append([])
                room = self._memory
            rounds[-1].append(piece)
            room -= sizes[piece]
        return rounds


def plan_run(columns: BatchColumns, settings: BatchSettings, tasks: Collection[str]) -> RunPlan:
    """The plan of a run over a set of these tasks.

    Raises InputError for a weight that cannot be read, or is of no task of the set.
    """
    rules = Rules(
        batch_size=settings.batch_size,
        seed=settings.seed,
        exchanged=1 - Fraction(str(settings.homogeneous_ratio)),
        apart=settings.distinct_positives,
    )
    weights = read_weights(settings.task_weight, tasks)
    return RunPlan(columns, rules, settings.epochs, weights, settings.rows_memory_gb * 2**30)
