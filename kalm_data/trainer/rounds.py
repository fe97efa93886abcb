"""The batches of one round: of the rows that are in memory together.

Letters: S strata, B batches. Rows lie in one array, batch by batch: first the batches of each
stratum alone, then the mixed ones of what is left over. A row is written as a code, copy · N + row,
because a task's weight may take a row more than once.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from kalm_data.measures.scrambling import scrambled
from kalm_data.trainer.columns import Kind
from kalm_data.trainer.dealing import dealt, even_sizes, in_groups, in_random_order
from kalm_data.trainer.layout import Exchange, lay_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kalm_data.trainer.columns import BatchColumns

    Codes = NDArray[Any]
    Places = NDArray[np.int64]

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, as splitmix64 steps: parts the copies


@dataclass(frozen=True, slots=True)
class Rules:
    """How batches are filled.

    `exchanged` is the share of the slots of a batch whose rows change places with those of other
    batches, 0-1. `apart`: no text is a positive twice in a batch.
    """

    batch_size: int
    seed: int
    exchanged: Fraction
    apart: bool


@dataclass(frozen=True, slots=True)
class Epoch:
    """Number of an epoch, and how often it takes each row of the set; None: once."""

    columns: BatchColumns
    number: int
    copies: NDArray[Any] | None

    def codes(self, rows: Places) -> tuple[Codes, Places]:
        """Of each copy of these rows, and which of the rows it is of."""
        if self.copies is None:
            return rows, np.arange(len(rows))
        times = self.copies[rows].astype(np.int64)
        first = np.cumsum(times) - times
        copy = np.arange(times.sum()) - np.repeat(first, times)
        of_row = np.repeat(np.arange(len(rows)), times)
        return rows[of_row] + copy * len(self.columns), of_row

    def rows(self, codes: Codes) -> Places:
        """The row of each."""
        return codes if self.copies is None else codes % len(self.columns)

    def hashes(self, codes: Codes, seed: int, stage: str) -> NDArray[np.uint64]:
        """By example and copy."""
        keys = self.columns.keys[self.rows(codes)]
        if self.copies is not None:
            keys ^= (codes // len(self.columns)).astype(np.uint64) * _ODD
        return scrambled(keys, seed, stage, self.number)

    def positives(self, codes: Codes, seed: int) -> Places:
        """Which of its positives (0-based) a row is trained on; copies take one after the other."""
        rows = self.rows(codes)
        counts = self.columns.counts[rows].astype(np.uint64)
        if counts.max(initial=1) == 1:
            return np.zeros(len(rows), np.int64)
        drawn = scrambled(self.columns.keys[rows], seed, "positive", self.number) % counts
        if self.copies is not None:
            drawn = (drawn + (codes // len(self.columns)).astype(np.uint64)) % counts
        return drawn.astype(np.int64)


class Round:
    """The batches of the rows in some pieces, made stratum by stratum as they are asked for."""

    def __init__(self, epoch: Epoch, pieces: Sequence[int], rules: Rules, number: int) -> None:
        self.epoch = epoch
        self._pieces = np.array(pieces, np.int64)
        self._rules = rules
        columns = epoch.columns
        self._cells = columns.cells(pieces, epoch.copies)
        counts = self._cells.sum(0)
        least = self._least(counts) if rules.apart else np.zeros(len(counts), np.int64)
        self._layout = lay_out(counts, least, columns.kinds, rules.batch_size)
        codes = len(columns) * (1 if epoch.copies is None else int(epoch.copies.max(initial=1)))
        self._codes = np.empty(self._layout.firsts[-1], np.min_scalar_type(codes))
        self._filled = np.zeros(len(counts), np.bool_)
        name = f"{epoch.number}, round {number}"
        self._exchange = Exchange(self._layout, rules.exchanged, rules.seed, name)
        if rules.apart:
            self._settle()
        places = np.arange(len(self._layout.kinds), dtype=np.uint64)
        self._order = np.argsort(scrambled(places, rules.seed, "batches", name))

    def __len__(self) -> int:
        return len(self._order)

    def batches(self, first: int, end: int) -> tuple[Places, Codes, Places]:
        """What the rows of some steps learn from, (end − first,); their rows; rows of each step."""
        numbers = self._order[first:end]
        places, sizes = self._exchange.places(numbers)
        self._fill(places)
        return self._layout.kinds[numbers], self._codes[places].astype(np.int64), sizes

    def _fill(self, places: Places) -> None:
        """Deal out the strata whose rows lie in these places."""
        strata = np.unique(self._layout.strata_of(places))
        for stratum in strata[~self._filled[strata]].tolist():
            codes, order = self._dealing_order(stratum)
            self._codes[self._layout.places(stratum)] = codes[order]
            self._filled[stratum] = True

    def _dealing_order(self, stratum: int) -> tuple[Codes, Places]:
        """The rows of a stratum, and their random order with those of one group side by side."""
        seed, columns = self._rules.seed, self.epoch.columns
        codes, positives = self._drawn(stratum)
        order = in_random_order(self.epoch.hashes(codes, seed, "rows"))
        if self._rules.apart:
            order = in_groups(order, columns.texts[positives], seed, self.epoch.number)
        return codes, in_groups(order, columns.groups[positives], seed, self.epoch.number)

    def _drawn(self, stratum: int) -> tuple[Codes, Places]:
        """The rows of a stratum, copies and all, and the place in the columns of its positive."""
        rows, starts = self.epoch.columns.of_stratum(
            stratum, self._pieces[self._cells[:, stratum] > 0].tolist()
        )
        codes, of_row = self.epoch.codes(rows)
        return codes, starts[of_row] + self.epoch.positives(codes, self._rules.seed)

    def _least(self, counts: Places) -> Places:
        """(S,) how many batches a stratum takes at least, if no text is to be twice in one."""
        texts, kinds = self.epoch.columns.texts, self.epoch.columns.kinds
        found = np.zeros(len(counts), np.int64)
        for stratum in np.flatnonzero((counts > 0) & (kinds != Kind.SCORED)).tolist():
            _, positives = self._drawn(stratum)
            found[stratum] = most_alike(texts[positives])
        return found

    def _settle(self) -> None:
        """Exchange at once; rows that then repeat a text of their batch fill further batches."""
        every = np.arange(len(self._layout.kinds))
        places, of_each = self._exchange.places(every)
        self._fill(places)
        codes = self._codes[places]
        texts = self._texts(codes)
        batches = np.repeat(every, of_each)
        repeat = repeats(batches, texts) & (self._layout.kinds[batches] != Kind.SCORED)
        kinds = [self._layout.kinds]
        sizes = [np.bincount(batches[~repeat], minlength=len(every))]
        parts = [codes[~repeat]]
        for kind in (Kind.SHARED, Kind.ALONE):
            left = codes[repeat & (self._layout.kinds[batches] == kind)]
            alike = self._texts(left)
            number = max(-(-len(left) // self._rules.batch_size), most_alike(alike))
            order = in_random_order(self.epoch.hashes(left, self._rules.seed, "rows"))
            batch, _ = dealt(len(left), number, 0)
            order = in_groups(order, alike, self._rules.seed, self.epoch.number)
            parts.append(left[order][np.argsort(batch, kind="stable")])
            sizes.append(even_sizes(len(left), number))
            kinds.append(np.full(number, kind))
        self._codes = np.concatenate(parts)
        self._layout = self._layout.settled(np.concatenate(kinds), np.concatenate(sizes))
        self._exchange = Exchange(self._layout, Fraction(0), 0, "")

    def _texts(self, codes: Codes) -> NDArray[np.uint32]:
        """The hash of the positive of each."""
        columns = self.epoch.columns
        starts = columns.starts_of(self.epoch.rows(codes))
        found: NDArray[np.uint32] = columns.texts[
            starts + self.epoch.positives(codes, self._rules.seed)
        ]
        return found


def most_alike(texts: NDArray[np.uint32]) -> int:
    """How often the most frequent one occurs."""
    return int(np.unique(texts, return_counts=True)[1].max(initial=0))


def repeats(batches: Places, texts: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether the same text stands before in the same batch."""
    order = np.lexsort((texts, batches))
    same = (np.diff(batches[order]) == 0) & (texts[order][1:] == texts[order][:-1])
    found = np.zeros(len(texts), np.bool_)
    found[order[1:]] = same
    return found
