from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from small_pools import PLACES, TEXTS, ask_at, by_place, found_of, pool_of, rank_one

from kalm_data.core.mining import Measured, Ranked
from kalm_data.measures.rankers.cross_encoder import CrossEncoderRanker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BASE = "bm25@1"


class FewScores:
    """Gives one of five scores to a pair, by its text; keeps what it is asked."""

    name = fingerprint = "few"

    def __init__(self) -> None:
        self.asked: list[list[tuple[str, str]]] = []

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        self.asked.append([*pairs])
        return np.array([self.of(*pair) for pair in pairs])

    def count_cut(self, pairs: Sequence[tuple[str, str]]) -> int:
        return sum(len(document) > 20 for _, document in pairs)

    @staticmethod
    def of(query: str, document: str) -> float:
        return zlib.crc32(f"{query} {document}".encode()) % 5 - 2.0


@settings(max_examples=200, deadline=None)
@given(TEXTS, PLACES, st.integers(1, 16), st.data())
def test_the_order_is_that_of_the_rescored_hits_and_below_them_of_the_first_ranker(
    texts: list[str], places: list[int], count: int, data: st.DataObject
) -> None:
    over = pool_of(texts, [(texts[0], texts[1])])
    example, own = asked = ask_at(over, "q", places)
    found = data.draw(st.permutations(range(len(texts))))[: data.draw(st.integers(0, len(texts)))]
    first = {place: -float(at) for at, place in enumerate(found)}
    base = over.ranked_by(example, own, first, 100)
    bases = found_of(over, asked, [*first.items()], base)
    ranked = rank_one(CrossEncoderRanker(FewScores(), (BASE,), over, count), asked, **{BASE: bases})

    score = {i: FewScores.of("q", one.text) for i, one in enumerate(over.pool.documents())}
    again = sorted(found[:count], key=lambda place: (-score[place], place))
    assert over.positions(ranked.hits).tolist() == again
    assert ranked.hits.scores.tolist() == [score[place] for place in again]
    for place, (rank, given_score, no_evidence) in by_place(over, ranked).items():
        counted = [other for other in again if other not in own.places]
        if place in again:
            wanted = 1 + sum(score[other] >= score[place] for other in counted)
        elif place in found:
            counted += [other for other in found[count:] if other not in own.places]
            wanted = 1 + sum(found.index(other) < found.index(place) for other in counted)
        else:
            wanted = 1 + len(texts) - len(own.places)
        assert (rank, given_score, no_evidence) == (wanted, score[place], place not in found)


def test_a_rescored_positive_has_evidence_though_the_first_ranker_had_none() -> None:
    over = pool_of(["one", "two"])
    asked = ask_at(over, "q", [0])
    dark = Ranked({h: Measured(2, 0.0, True) for h in over.positives(asked[0])}, None)  # type: ignore[arg-type]
    bases = found_of(over, asked, [(0, 0.0), (1, 0.0)], dark)
    ranked = rank_one(CrossEncoderRanker(FewScores(), (BASE,), over, 2), asked, **{BASE: bases})
    assert [at[2] for at in by_place(over, ranked).values()] == [False]


def test_each_example_is_read_by_itself_once_and_what_is_cut_is_counted() -> None:
    over = pool_of(["one", "two", "a text of more than twenty characters"])
    both = [ask_at(over, "q", [0]), ask_at(over, "r", [1])]
    found = {}
    for asked in both:
        hits = [(place, 0.0) for place in (0, 1, 2)]
        dark = Ranked({h: Measured(3, 0.0, True) for h in over.positives(asked[0])}, None)  # type: ignore[arg-type]
        found |= found_of(over, asked, hits, dark)
    scorer = FewScores()
    ranker = CrossEncoderRanker(scorer, (BASE,), over, 3)
    assert len([*ranker.rank(both, {BASE: found})]) == 2
    documents = [document.text for document in over.pool.documents()]
    assert scorer.asked == [[(query, one) for one in documents] for query in ("q", "r")]
    assert ranker.cut == 2


def test_another_model_base_or_count_is_another_ranker() -> None:
    over = pool_of(["one"])
    made = [
        CrossEncoderRanker(FewScores(), (base,), over, count)
        for base, count in ((BASE, 10), (BASE, 20), ("dense:m@1", 10))
    ]
    assert len({ranker.id for ranker in made}) == 3
    assert all(ranker.id.startswith("cross-encoder:few@") for ranker in made)
    assert made[2].needs == ("dense:m@1",)
