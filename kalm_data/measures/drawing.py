"""Which hits become hard negatives: a pure function of hits, decisions, settings and seed.

So whoever holds the measurements can draw again, under other limits or after another decision,
and encodes nothing. Terms: DESIGN, *hard negative*. The draw of an example depends on no other
one: examples are drawn by the block because arrays are faster than loops.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.measures.blocks import Block, ByExample
from kalm_data.measures.candidates import (
    given_documents,
    judge,
    of_own_class,
    own_classes,
    siblings,
)
from kalm_data.measures.drawn_block import DrawnBlock
from kalm_data.measures.hit_source import HitSource, among
from kalm_data.measures.negatives import Negatives
from kalm_data.measures.sampling import choose
from kalm_data.measures.scrambling import mixed, salts
from kalm_data.measures.shares import share_out
from kalm_data.measures.training_pool import standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kalm_data.measures.surroundings import Surroundings

    Keys = NDArray[np.uint64]
    Places = NDArray[np.int64]
    Scores = NDArray[np.float64]
    Mask = NDArray[np.bool_]


def draw_block(around: Surroundings, block: Block) -> DrawnBlock:
    """The hard negatives of the examples of a block.

    Reasons of refusal: `positive_not_in_pool`, `positive_held_out`, `no_positive_left`,
    `no_evidence` (no ranker found any), `shortage`.
    """
    stayed = [standing(around.training, example) for example in block.examples]
    draw = _Draw(around, block, [one.positives for one in stayed])
    refusals = np.array([one.refusal for one in stayed], object)
    refusals[(refusals == "") & ~draw.can_draw] = "no_evidence"

    config = around.settings.config
    wanted = np.where(draw.can_draw, config.negatives, 0)
    given = draw.given(wanted)
    mined = draw.mined(wanted - given.counts(len(block)))
    negatives = Negatives.joined([given, *mined])
    missing = wanted - negatives.counts(len(block))
    if config.on_shortage == "drop":
        refusals[missing > 0] = "shortage"
        negatives = negatives.select(missing[negatives.rows] == 0)
    if config.on_shortage == "pad":
        negatives = Negatives.joined([negatives, draw.padding(missing, negatives)])
    judged = draw.judged.select(draw.can_draw[draw.judged.documents.rows])
    return DrawnBlock(block, around, stayed, refusals.tolist(), negatives, judged)


class _Draw:
    """One draw for a block: the hits that may still be taken of each ranker's window.

    `can_draw`: (B,) examples of which some ranker found a positive that stayed. `judged`: what the
    denoiser takes out.
    """

    def __init__(
        self, around: Surroundings, block: Block, positives: Sequence[Sequence[str]]
    ) -> None:
        """positives: text hashes of those that stayed, for each example."""
        self._around, self._block = around, block
        self._config = around.settings.config
        self.judged = judge(around, block, positives)
        self._sources = [self._source(id_, positives) for id_ in around.settings.rankers]
        self._evidence = np.array([source.has_evidence for source in self._sources])  # (R, B)
        self.can_draw: Mask = np.logical_or.reduce(self._evidence)
        self._free = [self._eligible(source) for source in self._sources]
        given, denoised = given_documents(around, block), self.judged.documents
        self._given = given.select(~given.is_in(denoised))
        others = [siblings(around, block, given), denoised]
        self._out = [block.own_places, *others]
        self._bar_own()
        for documents in others:
            self._bar(documents)

    def _source(self, id_: str, positives: Sequence[Sequence[str]]) -> HitSource:
        lowest = self._block.lowest(id_, positives, evident=True)
        return HitSource(id_, self._block, self._config, lowest)

    def _eligible(self, source: HitSource) -> Mask:
        """(B, W) the hits of the window that pass the limits, are of the train split, and of
        another class where they have one.
        """
        window = source.window
        free = source.within_limits(window.scores, source.ceilings[:, None])
        free &= ~among(window.keys, self._around.held_out)
        return free & ~of_own_class(self._around, self._block, window.keys)

    def given(self, counts: Places) -> Negatives:
        """At most `counts` of those that came with the data and pass the limits of the first
        ranker that found evidence, in seeded order.
        """
        given = self._given.select(self.can_draw[self._given.rows])
        rankers = self._first_rankers(given)
        ranks, scores = self._ranks_and_scores(given, rankers)
        allowed = np.zeros(len(given), bool)
        for ranker, source in enumerate(self._sources):
            mine = rankers == ranker
            ceilings = source.ceilings[given.rows[mine]]
            allowed[mine] = source.within_limits(scores[mine], ceilings)
        order = np.flatnonzero(allowed)[self._order(given.select(allowed))]
        chosen = order[_place_in_row(given.rows[order]) < counts[given.rows[order]]]
        taken = given.select(chosen)
        self._bar(taken)
        return self._negatives(taken, rankers[chosen], ranks[chosen], scores[chosen], given=True)

    def mined(self, counts: Places) -> list[Negatives]:
        """At most `counts` of the windows' hits: each ranker's share, then what others can give."""
        shares = enumerate(self._shares(counts))
        chosen = [self._sample(ranker, share) for ranker, share in shares]
        for ranker, picked in enumerate(chosen):
            missing = counts - sum(np.count_nonzero(one, axis=1) for one in chosen)
            picked |= self._sample(ranker, missing)
        return [self._mined(ranker, picked) for ranker, picked in enumerate(chosen)]

    def _shares(self, counts: Places) -> Places:
        """(R, B) how many negatives each ranker is to give, of those that found evidence."""
        weights = np.array(self._config.share or (1.0,) * len(self._sources))
        cases, case = np.unique(np.vstack([counts, self._evidence]), axis=1, return_inverse=True)
        shares = np.zeros((len(self._sources), cases.shape[1]), np.int64)
        for at, (count, *has_evidence) in enumerate(cases.T.tolist()):
            those = np.flatnonzero(has_evidence)
            shares[those, at] = share_out(count, weights[those].tolist())
        return shares[:, case]

    def _sample(self, ranker: int, counts: Places) -> Mask:
        """(B, W) at most `counts` of the window's hits that nobody has taken."""
        free, window = self._free[ranker], self._sources[ranker].window
        picked = np.zeros_like(free)
        rows = np.flatnonzero((counts > 0) & free.any(axis=1))
        if len(rows):
            order = mixed(window.keys[rows] ^ self._salts[rows, None])
            picked[rows] = choose(self._config.drawn_by, free[rows], order, counts[rows])
            self._take(ranker, picked)
        return picked

    def _take(self, ranker: int, picked: Mask) -> None:
        """Nobody else may draw them for the same example."""
        self._free[ranker] &= ~picked
        if len(self._sources) > 1:
            rows, columns = np.nonzero(picked)
            keys = self._sources[ranker].window.keys[rows, columns]
            self._bar(ByExample(rows, self._positions(keys)))

    def _mined(self, ranker: int, picked: Mask) -> Negatives:
        """By rank."""
        window = self._sources[ranker].window
        rows, columns = np.nonzero(picked)
        documents = ByExample(rows, self._positions(window.keys[rows, columns]))
        ranks = columns + self._config.window[0]
        return self._negatives(
            documents, np.full(len(rows), ranker), ranks, window.scores[rows, columns]
        )

    def padding(self, counts: Places, others: Negatives) -> Negatives:
        """Random documents of the pool, except hits that the limits of a ranker refuse.

        others: those that were drawn before.
        """
        out = [*self._out, ByExample(others.rows, others.places)]
        rows = np.flatnonzero(counts)
        chosen = [self._pad(row, int(counts[row]), out) for row in rows.tolist()]
        lists: list[Sequence[int]] = [[] for _ in self._block.examples]
        for row, places in zip(rows.tolist(), chosen, strict=True):
            lists[row] = places
        documents = ByExample.of(lists)
        rankers = self._first_rankers(documents)
        ranks, scores = self._ranks_and_scores(documents, rankers)
        return self._negatives(
            documents, rankers, ranks, np.where(ranks > 0, scores, 0.0), padding=True
        )

    def _pad(self, row: int, count: int, out: Sequence[ByExample]) -> list[int]:
        allowed = self._around.drawable.copy()
        if self._around.classes is not None:
            allowed &= self._around.classes != self._own_classes[row]
        for source in self._sources:
            if source.has_evidence[row]:
                hits = source.hits.keys[row, : source.hits.lengths[row]]
                scores = source.hits.scores[row, : source.hits.lengths[row]]
                refused = ~source.within_limits(scores, source.ceilings[row])
                allowed[self._positions(hits[refused])] = False
        for documents in out:
            allowed[documents.places[documents.rows == row]] = False
        places = np.flatnonzero(allowed)
        order = self._order(ByExample(np.full(len(places), row), places))
        chosen: list[int] = places[order[:count]].tolist()
        return chosen

    def _negatives(
        self,
        documents: ByExample,
        rankers: Places,
        ranks: Places,
        scores: Scores,
        *,
        given: bool = False,
        padding: bool = False,
    ) -> Negatives:
        lowest = np.array([source.lowest for source in self._sources])
        return Negatives(
            documents.rows,
            documents.places,
            rankers,
            ranks,
            scores,
            lowest[rankers, documents.rows],
            self._row_scores(documents, rankers, ranks, scores),
            np.full(len(documents), given),
            np.full(len(documents), padding),
        )

    def _row_scores(
        self, documents: ByExample, rankers: Places, ranks: Places, scores: Scores
    ) -> Scores:
        """By the ranker whose scores rows carry; NaN for what lies below its hits."""
        scorer = self._around.settings.rankers.index(self._around.settings.scorer)
        found = np.where((rankers == scorer) & (ranks > 0), scores, np.nan)
        others = (rankers != scorer) & self._evidence[scorer, documents.rows]
        elsewhere = documents.select(others)
        known = self._sources[scorer].ranks_and_scores(elsewhere.rows, self._keys(elsewhere))
        found[others] = np.where(known[0] > 0, known[1], np.nan)
        return found

    def _first_rankers(self, documents: ByExample) -> Places:
        """(N,) the first ranker that found evidence for the example of each."""
        first: Places = np.argmax(self._evidence, axis=0)
        return first[documents.rows]

    def _ranks_and_scores(self, documents: ByExample, rankers: Places) -> tuple[Places, Scores]:
        """By one ranker each."""
        ranks, scores = np.zeros(len(documents), np.int64), np.zeros(len(documents))
        for ranker, source in enumerate(self._sources):
            mine = rankers == ranker
            asked = documents.select(mine)
            ranks[mine], scores[mine] = source.ranks_and_scores(asked.rows, self._keys(asked))
        return ranks, scores

    def _bar_own(self) -> None:
        """What no rank counts is not drawn."""
        rows, window, keys = self._block.own_places.rows, self._config.window, self._around.keys
        for source, free in zip(self._sources, self._free, strict=True):
            found, columns = self._block.own_hits(source.id, window, keys)
            free[rows[found], columns] = False

    def _bar(self, documents: ByExample) -> None:
        """They are not drawn from any window."""
        keys = self._keys(documents)
        for source, free in zip(self._sources, self._free, strict=True):
            found, columns = source.window.find(documents.rows, keys)
            free[documents.rows[found], columns] = False

    def _order(self, documents: ByExample) -> Places:
        """Their indices by example, in seeded order, which depends on each document's key alone."""
        salted = self._keys(documents) ^ self._salts[documents.rows]
        return np.lexsort((mixed(salted), documents.rows))

    @cached_property
    def _own_classes(self) -> Places:
        return own_classes(self._around, self._block)

    @cached_property
    def _salts(self) -> Keys:
        """(B,) one for each example."""
        ids = [example.example_id for example in self._block.examples]
        return salts(self._config.seed, "mine", ids)

    def _keys(self, documents: ByExample) -> Keys:
        return self._around.keys[documents.places]

    def _positions(self, keys: Keys) -> Places:
        return np.searchsorted(self._around.keys, keys)


def _place_in_row(rows: Places) -> Places:
    """(N,) how many of the same row came before; rows: (N,) ascending."""
    return np.arange(len(rows)) - np.searchsorted(rows, rows)
