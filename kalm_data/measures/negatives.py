"""Which hits become hard negatives: a pure function of hits, decisions, settings and seed.

So whoever holds the measurements can draw again, under other limits or after another decision,
and encodes nothing. Terms: DESIGN, *hard negative*.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.measures.hit_source import HitSource
from kalm_data.measures.scrambling import scrambled
from kalm_data.measures.shares import share_out
from kalm_data.measures.training_pool import standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from kalm_data.core.config.mine import DrawSettings
    from kalm_data.core.mining import Excluded, MiningExample, Ranked
    from kalm_data.measures.training_pool import TrainingPool

    Keys = NDArray[np.uint64]
    Places = NDArray[np.int64]

_ZERO_BELOW = ("bm25", "hybrid:")
"""Kinds of rankers that give 0 to what is none of their hits."""


@dataclass(frozen=True, slots=True)
class Negative:
    """One document drawn against an example.

    `rank` is raw and 1-based, by `ranker`, as `score` is; 0 where the document lies below the
    stored hits: a given negative is then scored with its upper bound (the last hit's score, or 0
    where words alone make hits and all were stored), and padding with 0. `positive_score` is the
    ranker's score of the lowest-scoring positive that stayed. `row_score` is by the ranker whose
    scores the rows carry, None where it has none.
    """

    text_hash: str
    rank: int
    score: float
    ranker: str = ""
    positive_score: float = 0.0
    row_score: float | None = None
    given: bool = False
    padding: bool = False

    @property
    def is_mined(self) -> bool:
        """Whether it is a hit of a window."""
        return not (self.given or self.padding)


@dataclass(frozen=True, slots=True)
class FalseNegative:
    """A hit that the denoiser scores no lower than the positive: to be judged again."""

    text_hash: str
    score: float
    positive_score: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """The positives of one example that stayed, and its negatives: given ones, mined ones by ranker
    and rank, padding.

    `left_out` are its other positives, each with the reason word; what a rule dropped is not among
    them. `refusal` is the reason word why there is no row, else empty.
    """

    example_id: str
    positives: tuple[str, ...]
    negatives: tuple[Negative, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    false_negatives: tuple[FalseNegative, ...] = ()

    def is_short(self, wanted: int) -> bool:
        """Whether fewer than wanted were found, padding not counted."""
        return sum(not negative.padding for negative in self.negatives) < wanted


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for all examples of a task.

    keys: (P,) of the pool. `children` holds the positions of the chunks of each file, `depth` how
    many hits were stored of each query.
    """

    training: TrainingPool
    keys: Keys
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
    return Surroundings(training, keys, siblings, settings, depth)


def draw_negatives(
    around: Surroundings, example: MiningExample, own: Excluded, found: Mapping[str, Ranked]
) -> Drawn:
    """The hard negatives of one example. `own` is what its ranks leave out, `found` what each
    ranker found, by id.

    Reasons of refusal: `positive_not_in_pool`, `positive_held_out`, `no_positive_left`,
    `no_evidence` (no ranker found any), `shortage`.
    """
    stayed = standing(around.training, example)
    drawn = Drawn(example.example_id, stayed.positives, (), stayed.left_out, stayed.refusal)
    if stayed.refusal:
        return drawn
    draw = _Draw(around, example, own, stayed.positives, found)
    if not draw.sources:
        return replace(drawn, refusal="no_evidence")
    wanted, on_shortage = around.settings.config.negatives, around.settings.config.on_shortage
    given = draw.given(wanted)
    mined = draw.mined(wanted - len(given))
    drawn = replace(drawn, false_negatives=draw.false_negatives)
    missing = wanted - len(given) - len(mined)
    if missing and on_shortage == "drop":
        return replace(drawn, refusal="shortage")
    padding = draw.padding(missing) if missing and on_shortage == "pad" else []
    return replace(drawn, negatives=(*given, *mined, *padding))


class _Draw:
    """One draw for one example: the documents that may be its negatives, and those taken."""

    def __init__(
        self,
        around: Surroundings,
        example: MiningExample,
        own: Excluded,
        positives: Sequence[str],
        found: Mapping[str, Ranked],
    ) -> None:
        self._around, self._example_id = around, example.example_id
        settings = around.settings
        self.sources = [
            source
            for id_ in settings.rankers
            if (source := self._source(id_, positives, found)) is not None
        ]
        self._scorer = next((one for one in self.sources if one.id == settings.scorer), None)
        self._given = _given_places(around, example, own)
        self._barred = {*own.places} | (_siblings(around, example) - set(self._given))
        self._taken: set[int] = set()
        self.false_negatives = self._denoise(own, positives, found)

    def _source(
        self, id_: str, positives: Sequence[str], found: Mapping[str, Ranked]
    ) -> HitSource | None:
        """The hits of one ranker; None where it found no evidence for any positive."""
        ranked = found.get(id_)
        measured = [ranked.measured[h] for h in positives if h in ranked.measured] if ranked else []
        scores = [at.score for at in measured if not at.no_evidence]
        if not ranked or not scores:
            return None
        below = self._below(id_, ranked.hits.scores)
        around = self._around
        return HitSource(id_, ranked.hits, around.keys, around.settings.config, min(scores), below)

    def _places(self, ranked: Ranked) -> Places:
        return np.searchsorted(self._around.keys, ranked.hits.keys)

    def _below(self, id_: str, scores: NDArray[np.float64]) -> float:
        """A document that is no hit of a whole list by words, or of lists merged, scores 0."""
        is_whole = len(scores) < self._around.depth
        if not len(scores) or (is_whole and id_.startswith(_ZERO_BELOW)):
            return 0.0
        return float(scores[-1])

    def _denoise(
        self, own: Excluded, positives: Sequence[str], found: Mapping[str, Ranked]
    ) -> tuple[FalseNegative, ...]:
        """Bar the hits that the denoiser scores no lower than the lowest positive. It has read
        every positive, also one for which the ranker whose hits it reads has no evidence.

        Documents of other splits are never negatives, so none of them is false.
        """
        ranked = found.get(self._around.settings.denoiser)
        if ranked is None:
            return ()
        lowest = min(ranked.measured[h].score for h in positives if h in ranked.measured)
        hits = zip(self._places(ranked).tolist(), ranked.hits.scores.tolist(), strict=True)
        above = {place: score for place, score in hits if score >= lowest}
        trainable = self._around.training.trainable
        barred = [place for place in above if place not in own.places and trainable[place]]
        self._barred.update(barred)
        return tuple(FalseNegative(self._hash(place), above[place], lowest) for place in barred)

    def given(self, count: int) -> list[Negative]:
        """At most `count` of those that came with the data and pass the limits, in seeded order."""
        places = np.array([place for place in self._given if place not in self._barred], np.int64)
        if not len(places):
            return []
        source = self.sources[0]
        scores = np.array([source.rank_and_score(place)[1] for place in places.tolist()])
        places = places[source.within_limits(scores)]
        chosen = places[self._order(places)][:count].tolist()
        self._taken.update(chosen)
        return [self._negative(source, place, given=True) for place in chosen]

    def mined(self, count: int) -> list[Negative]:
        """At most `count` of the windows' hits: each ranker's share, then what others can give."""
        config = self._around.settings.config
        rankers = self._around.settings.rankers
        weights = dict(zip(rankers, config.share or (1.0,) * len(rankers), strict=True))
        shares = share_out(count, [weights[source.id] for source in self.sources])
        chosen: list[list[int]] = [[] for _ in self.sources]
        for rest in (False, True):
            for source, share, places in zip(self.sources, shares, chosen, strict=True):
                wanted = count - sum(map(len, chosen)) if rest else share
                places += self._sample(source, wanted)
        return [
            self._negative(source, place)
            for source, places in zip(self.sources, chosen, strict=True)
            for place in sorted(places, key=source.rank_of)
        ]

    def _sample(self, source: HitSource, count: int) -> list[int]:
        """At most `count` positions of the window's hits that nobody has taken, by rank."""
        if count <= 0:
            return []
        places = source.window[self._around.training.trainable[source.window]]
        out = self._barred | self._taken
        free = [place for place in places.tolist() if place not in out]
        chosen: list[int] = self._choose(np.array(free, np.int64), count).tolist()
        self._taken.update(chosen)
        return chosen

    def _choose(self, eligible: Places, count: int) -> Places:
        """At most `count` of the positions, as `sampling` says, in the order given."""
        sampling = self._around.settings.config.drawn_by
        if count <= 0 or len(eligible) <= count or sampling == "top":
            return eligible[: max(0, count)]
        if sampling == "random":
            return eligible[np.sort(self._order(eligible)[:count])]
        stretches = np.array_split(np.arange(len(eligible)), count)
        return eligible[[stretch[self._order(eligible[stretch])[0]] for stretch in stretches]]

    def padding(self, count: int) -> list[Negative]:
        """Random documents of the pool, except hits that the limits of a ranker refuse."""
        allowed = self._around.training.trainable.copy()
        for source in self.sources:
            allowed[source.places[~source.within_limits(source.scores)]] = False
        allowed[[*self._barred, *self._taken]] = False
        places = np.flatnonzero(allowed)
        chosen = places[self._order(places)[:count]].tolist()
        return [self._negative(self.sources[0], place, padding=True) for place in chosen]

    def _negative(
        self, source: HitSource, place: int, *, given: bool = False, padding: bool = False
    ) -> Negative:
        rank, score = source.rank_and_score(place)
        scored = rank, score
        if self._scorer is not source:
            scored = self._scorer.rank_and_score(place) if self._scorer else (0, 0.0)
        row_score = scored[1] if scored[0] else None
        return Negative(
            self._hash(place), rank, score if rank or given else 0.0, source.id, source.lowest,
            row_score, given, padding,
        )  # fmt: skip

    def _order(self, places: Places) -> Places:
        """The indices of `places` in seeded order, which depends on each document's key alone."""
        seed, keys = self._around.settings.config.seed, self._around.keys[places]
        return np.argsort(scrambled(keys, seed, "mine", self._example_id))

    def _hash(self, place: int) -> str:
        return self._around.training.pool.documents[place].text_hash


def _given_places(around: Surroundings, example: MiningExample, own: Excluded) -> list[int]:
    """Positions of the negatives that the example came with and that may be used."""
    config, training = around.settings.config, around.training
    named = (
        *(example.negatives if config.given_negatives else ()),
        *(example.generated if config.generated_negatives else ()),
    )
    places = (training.index.get(text_hash) for text_hash in dict.fromkeys(named))
    return [
        place
        for place in places
        if place is not None and training.trainable[place] and place not in own.places
    ]


def _siblings(around: Surroundings, example: MiningExample) -> set[int]:
    """Positions of the chunks of the positives' files."""
    training = around.training
    places = [training.index[h] for h in example.positives if h in training.index]
    parents = {parent for place in places for parent in training.pool.documents[place].parents}
    return {child for parent in parents for child in around.children[parent]}
