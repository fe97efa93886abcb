"""Splits drawn for whole groups, none of which carries dev or test far beyond its share."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING

from kalm_data.core.seeded import unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.core.config.imports import ImportSettings
    from kalm_data.core.records import Split

TOLERANCE = 1.5
"""A group of several texts may fill a split up to so many times its share, and no further."""

_ROUNDING = 1e-9
"""1.5 times 0.1 of 100 texts are 15, and in floating point may be a little less."""

_FAR_LESS = 0.5
"""A split with less than this part of its share is told of."""

_SOME_TEXTS = 20
"""Of a share of fewer texts nobody expects that chance meets it."""


@dataclass(frozen=True, slots=True)
class Fractions:
    """Shares, 0-1, of what is drawn for dev and for test; the rest is train."""

    dev: float
    test: float
    seed: int

    @classmethod
    def of(cls, config: ImportSettings) -> Fractions:
        return cls(config.dev_fraction, config.test_fraction, config.seed)

    def draw(self, group: str) -> Split:
        """The split that chance gives a group: a pure function of the seed and its name."""
        place = self.place(group)
        if place < self.test:
            return "test"
        return "dev" if place < self.test + self.dev else "train"

    def place(self, group: str) -> float:
        """In [0, 1)."""
        return unit(self.seed, "split", group)


@dataclass(frozen=True, slots=True)
class DrawnShare:
    """How many of the `drawn` texts, whose split was drawn, came to be in `split`.

    `allowed` of all `texts` may be in it by groups of several texts; `too_large` is the size of the
    largest group that chance gave to it and that went to train instead, 0 where there was none.
    """

    split: Split
    asked: float
    drawn: int
    reached: int
    texts: int
    allowed: int
    too_large: int

    @property
    def is_far_less(self) -> bool:
        wanted = self.asked * self.drawn
        expected = wanted >= _SOME_TEXTS or self.too_large > 0
        return expected and self.reached < _FAR_LESS * wanted

    def __str__(self) -> str:
        told = (
            f"{self.reached:,} of {self.drawn:,} texts whose split was drawn are in {self.split}, "
            f"where --{self.split}-fraction is {self.asked}"
        )
        if not self.too_large:
            return told
        return (
            f"{told}: groups that would have carried it beyond {self.allowed:,} of all "
            f"{self.texts:,} texts are in train, the largest of them with {self.too_large:,}"
        )


@dataclass(frozen=True, slots=True)
class DrawnSplits:
    """The splits of groups, and the shares that dev and test came to have."""

    splits: Mapping[str, Split]
    shares: tuple[DrawnShare, ...]


def draw_splits(
    sizes: Mapping[str, int], settled: Mapping[Split, int], fractions: Fractions
) -> DrawnSplits:
    """A split for each group: by chance, but that none of several texts fills one beyond its share.

    sizes: texts of each group, which is named by its smallest text hash. settled: by split, the
    other texts among which the shares are counted.

    Chance is a function of seed and name. What it gives to dev or test is taken up by size, the
    smallest groups first; one of several texts with which the split would have more than
    `TOLERANCE` times its share of all texts, those settled counted, goes to train. So single texts
    are where chance has them, whatever came before; the place of a group of several may depend on
    the sizes of the others and on `settled`, never on an order.
    """
    texts = sum(sizes.values()) + sum(settled.values())
    splits = {group: fractions.draw(group) for group in sizes}
    order = sorted(sizes, key=lambda group: (sizes[group], fractions.place(group), group))
    shares = []
    asked: tuple[tuple[Split, float], ...] = (("test", fractions.test), ("dev", fractions.dev))
    for split, share in asked:
        allowed = floor(TOLERANCE * share * texts + _ROUNDING)
        reached = too_large = 0
        for group in [group for group in order if splits[group] == split]:
            size = sizes[group]
            if size == 1 or settled.get(split, 0) + reached + size <= allowed:
                reached += size
            else:
                splits[group], too_large = "train", size
        drawn = sum(sizes.values())
        shares.append(DrawnShare(split, share, drawn, reached, texts, allowed, too_large))
    return DrawnSplits(splits, tuple(shares))
