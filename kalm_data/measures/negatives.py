"""Which hits become hard negatives: a pure function of hits, decisions, settings and seed.

So whoever holds the measurements can draw again, under other limits or after another decision,
and encodes nothing. Terms: DESIGN, *hard negative*.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.measures.scrambling import scrambled
from kalm_data.measures.training_pool import standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kalm_data.core.config.mine import MineConfig
    from kalm_data.core.mining import Excluded, Hits, MiningExample, Ranked
    from kalm_data.measures.training_pool import TrainingPool

    Keys = NDArray[np.uint64]
    Places = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Negative:
    """One document drawn against an example.

    `rank` is raw and 1-based; 0 where the document lies below the stored hits: a given negative
    is then scored with its upper bound, the last hit's score, and padding with 0.
    """

    text_hash: str
    rank: int
    score: float
    given: bool = False
    padding: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """The positives of one example that stayed, and its negatives: given ones, by rank, padding.

    `left_out` are its other positives, each with the reason word; what a rule dropped is not among
    them. `positive_score` is the score of the lowest-scoring positive that stayed. `refusal` is
    the reason word why there is no row, else empty.
    """

    example_id: str
    positives: tuple[str, ...]
    negatives: tuple[Negative, ...]
    positive_score: float = 0.0
    left_out: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""

    def is_short(self, wanted: int) -> bool:
        """Whether fewer than wanted were found, padding not counted."""
        return sum(not negative.padding for negative in self.negatives) < wanted


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for all examples of a task.

    keys: (P,) of the pool. `children` holds the positions of the chunks of each file.
    """

    training: TrainingPool
    keys: Keys
    children: Mapping[str, tuple[int, ...]]
    config: MineConfig


def surroundings(training: TrainingPool, config: MineConfig) -> Surroundings:
    children: dict[str, list[int]] = {}
    for place, document in enumerate(training.pool.documents):
        for parent in document.parents:
            children.setdefault(parent, []).append(place)
    siblings = {parent: tuple(places) for parent, places in children.items()}
    return Surroundings(training, np.array(training.pool.keys(), np.uint64), siblings, config)


def draw_negatives(
    around: Surroundings, example: MiningExample, own: Excluded, ranked: Ranked
) -> Drawn:
    """The hard negatives of one example. `own` is what its ranks leave out.

    Reasons of refusal: `positive_not_in_pool`, `positive_held_out`, `no_positive_left`,
    `no_evidence`, `shortage`.
    """
    stayed = standing(around.training, example)
    drawn = Drawn(example.example_id, stayed.positives, (), 0.0, stayed.left_out, stayed.refusal)
    if stayed.refusal:
        return drawn
    measured = [ranked.measured[text_hash] for text_hash in stayed.positives]
    scores = [at.score for at in measured if not at.no_evidence]
    if not scores:
        return replace(drawn, refusal="no_evidence")
    lowest, wanted = min(scores), around.config.negatives
    order = _Order(around.config.seed, example.example_id)
    candidates = _Candidates(around, example, own, ranked.hits, lowest)
    given = candidates.given(order)[:wanted]
    mined = candidates.mined(wanted - len(given), given, order)
    missing = wanted - len(given) - len(mined)
    if missing and around.config.on_shortage == "drop":
        return replace(drawn, positive_score=lowest, refusal="shortage")
    pad = around.config.on_shortage == "pad"
    padding = candidates.padding(missing, given + mined, order) if missing and pad else []
    negatives = (
        *(candidates.negative(place, given=True) for place in given),
        *(candidates.negative(place) for place in mined),
        *(candidates.padding_at(place) for place in padding),
    )
    return replace(drawn, negatives=negatives, positive_score=lowest)


class _Order:
    """A seeded order of documents for one example; depends on each document's key alone."""

    def __init__(self, seed: int, example_id: str) -> None:
        self._seed, self._example_id = seed, example_id

    def __call__(self, keys: Keys) -> Places:
        """The indices of `keys` in seeded order."""
        return np.argsort(scrambled(keys, self._seed, "mine", self._example_id))


class _Candidates:
    """The documents that may be negatives of one example."""

    def __init__(
        self, around: Surroundings, example: MiningExample, own: Excluded, hits: Hits, lowest: float
    ) -> None:
        self._around, self._hits, self._lowest = around, hits, lowest
        training = around.training
        self._places = np.searchsorted(around.keys, hits.keys)  # (D,)
        self._raw = {place: at for at, place in enumerate(self._places.tolist())}
        self._barred = set(own.places)
        config = around.config
        named = (
            *(example.negatives if config.given_negatives else ()),
            *(example.generated if config.generated_negatives else ()),
        )
        given = (training.index.get(text_hash) for text_hash in dict.fromkeys(named))
        self._given = [
            place
            for place in given
            if place is not None and training.trainable[place] and place not in self._barred
        ]
        self._barred |= _siblings(around, example) - set(self._given)

    def given(self, order: _Order) -> list[int]:
        """Positions of those that came with the data and pass the limits, in seeded order."""
        if not self._given:
            return []
        places = np.array(self._given, np.int64)
        scores = np.array([self._rank_and_score(place)[1] for place in self._given])
        places = places[self._within_limits(scores)]
        found: list[int] = places[order(self._around.keys[places])].tolist()
        return found

    def mined(self, count: int, chosen: list[int], order: _Order) -> list[int]:
        """Positions of at most `count` of the window's hits, by rank."""
        first, last = self._around.config.window
        places = self._places[first - 1 : last]
        allowed = self._within_limits(self._hits.scores[first - 1 : last])
        allowed &= self._around.training.trainable[places]
        taken = self._barred.union(chosen)
        allowed &= np.array([place not in taken for place in places.tolist()], bool)
        found: list[int] = self._sample(places[allowed], count, order).tolist()
        return found

    def _sample(self, eligible: Places, count: int, order: _Order) -> Places:
        """At most `count` of the positions, as `sampling` says, in the order given."""
        sampling = self._around.config.sampling
        if count <= 0 or len(eligible) <= count or sampling == "top":
            return eligible[: max(0, count)]
        keys = self._around.keys[eligible]
        if sampling == "random":
            return eligible[np.sort(order(keys)[:count])]
        stretches = np.array_split(np.arange(len(eligible)), count)
        return eligible[[stretch[order(keys[stretch])[0]] for stretch in stretches]]

    def padding(self, count: int, chosen: list[int], order: _Order) -> list[int]:
        """Positions of random documents of the pool, except hits that the limits refuse."""
        allowed = self._around.training.trainable.copy()
        allowed[self._places[~self._within_limits(self._hits.scores)]] = False
        allowed[[*self._barred, *chosen]] = False
        places = np.flatnonzero(allowed)
        found: list[int] = places[order(self._around.keys[places])[:count]].tolist()
        return found

    def _within_limits(self, scores: NDArray[np.float64]) -> Mask:
        """Positive-aware limits (NV-Retriever, arXiv 2407.15831, made safe for negative scores)."""
        config, lowest = self._around.config, self._lowest
        ceiling = np.inf if config.max_score is None else config.max_score
        if config.max_score_ratio is not None:
            ceiling = min(ceiling, lowest - (1 - config.max_score_ratio) * abs(lowest))
        if config.min_margin is not None:
            ceiling = min(ceiling, lowest - config.min_margin)
        floor = -np.inf if config.min_score is None else config.min_score
        allowed: Mask = (scores <= ceiling) & (scores >= floor)
        return allowed

    def negative(self, place: int, *, given: bool = False) -> Negative:
        rank, score = self._rank_and_score(place)
        return Negative(self._hash(place), rank, score, given=given)

    def padding_at(self, place: int) -> Negative:
        rank, score = self._rank_and_score(place)
        return Negative(self._hash(place), rank, score if rank else 0.0, padding=True)

    def _rank_and_score(self, place: int) -> tuple[int, float]:
        at = self._raw.get(place)
        if at is None:
            return 0, float(self._hits.scores[-1])
        return at + 1, float(self._hits.scores[at])

    def _hash(self, place: int) -> str:
        return self._around.training.pool.documents[place].text_hash


def _siblings(around: Surroundings, example: MiningExample) -> set[int]:
    """Positions of the chunks of the positives' files."""
    training = around.training
    places = [training.index[h] for h in example.positives if h in training.index]
    parents = {parent for place in places for parent in training.pool.documents[place].parents}
    return {child for parent in parents for child in around.children[parent]}
