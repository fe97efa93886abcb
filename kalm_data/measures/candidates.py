"""Which documents come with an example, or must not be drawn for it, whatever rankers found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.measures.blocks import ByExample
from kalm_data.measures.hit_source import ALL_RANKS, among

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kalm_data.core.mining import Excluded, MiningExample
    from kalm_data.measures.blocks import Block
    from kalm_data.measures.surroundings import Surroundings

    Keys = NDArray[np.uint64]
    Mask = NDArray[np.bool_]
    Places = NDArray[np.int64]
    Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """(N,) hits that the denoiser scores no lower than the lowest positive of their example, with
    its score of both.
    """

    documents: ByExample
    scores: Scores
    positive_scores: Scores

    def select(self, chosen: Mask) -> Judged:
        documents = self.documents.select(chosen)
        return Judged(documents, self.scores[chosen], self.positive_scores[chosen])


def judge(around: Surroundings, block: Block, positives: Sequence[Sequence[str]]) -> Judged:
    """The denoiser has read every positive, also one for which the ranker whose hits it reads has
    no evidence. positives: text hashes of those that stayed, for each example.

    Documents of other splits are never negatives, so none of them is false.
    """
    judge = around.settings.denoiser
    hits, lowest = block.hits(judge), block.lowest(judge, positives)
    above = hits.scores >= lowest[:, None]
    own = block.own_places
    found, columns = block.own_hits(judge, ALL_RANKS, around.keys)
    above[own.rows[found], columns] = False
    above &= ~among(hits.keys, around.held_out) & ~of_own_class(around, block, hits.keys)
    rows, columns = np.nonzero(above)
    places = np.searchsorted(around.keys, hits.keys[rows, columns])
    return Judged(ByExample(rows, places), hits.scores[rows, columns], lowest[rows])


def of_own_class(around: Surroundings, block: Block, keys: Keys) -> Mask:
    """(B, W) which texts have the class of the example of their row; keys: (B, W) of the pool, or
    0, of which nobody asks.
    """
    if around.classes is None:
        return np.zeros(keys.shape, bool)
    places = np.searchsorted(around.keys, keys)
    found: Mask = around.classes[places] == own_classes(around, block)[:, None]
    return found


def own_classes(around: Surroundings, block: Block) -> Places:
    """(B,) the class of the labelled text that each example is."""
    assert around.classes is not None
    index = around.training.index
    return around.classes[[index[example.positives[0]] for example in block.examples]]


def given_documents(around: Surroundings, block: Block) -> ByExample:
    """The negatives that each example came with and that may be used."""
    pairs = zip(block.examples, block.own, strict=True)
    return ByExample.of([_given(around, example, own) for example, own in pairs])


def _given(around: Surroundings, example: MiningExample, own: Excluded) -> list[int]:
    config, training = around.settings.config, around.training
    named = (
        *(example.negatives if config.given_negatives else ()),
        *(example.generated if config.generated_negatives else ()),
    )
    if not named:
        return []
    places = (training.index.get(text_hash) for text_hash in dict.fromkeys(named))
    return [
        place
        for place in places
        if place is not None and training.trainable[place] and place not in own.places
    ]


def siblings(around: Surroundings, block: Block, given: ByExample) -> ByExample:
    """The chunks of the positives' files, but for those that are given."""
    if not around.children:
        return ByExample.of([()] * len(block))
    found = ByExample.of([_siblings(around, example) for example in block.examples])
    return found.select(~found.is_in(given))


def _siblings(around: Surroundings, example: MiningExample) -> set[int]:
    training = around.training
    places = [training.index[h] for h in example.positives if h in training.index]
    parents_of = training.pool.columns.parents
    parents = {parent for place in places for parent in parents_of.get(place, ())}
    return {child for parent in parents for child in around.children[parent]}
