from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.config.mine import DrawSettings, MineConfig
from kalm_data.core.mining import Hits, Measured, MiningExample, Ranked, excluded
from kalm_data.core.pool import Pool, PoolDocument, make_pool
from kalm_data.core.records import text_hash
from kalm_data.measures.negatives import Drawn, draw_negatives, surroundings
from kalm_data.measures.training_pool import training_pool

SIZE = 60
RANKER = "dense:m@1"


def make(near: list[tuple[int, int]] = (), test: set[int] = frozenset(), chunks: int = 1) -> Pool:
    """Documents by position; `chunks` neighbours share a parent."""
    hashes = sorted(text_hash(str(i)) for i in range(SIZE))
    documents = (
        PoolDocument(
            hash_, "", "", (), "", "test" if i in test else "train",
            frozenset([f"file{i // chunks}"] if chunks > 1 else []),
        )
        for i, hash_ in enumerate(hashes)
    )  # fmt: skip
    return make_pool(documents, [(hashes[a], hashes[b]) for a, b in near], "")


def draw(
    pool: Pool,
    config: MineConfig,
    positives: list[int],
    *,
    given_negatives: list[int] = (),
    dropped: set[int] = frozenset(),
    depth: int = SIZE,
    id_: str = "e",
) -> Drawn:
    """Hits are all positions in order, with scores falling from 0.99 by 0.01."""
    hashes = [document.text_hash for document in pool.documents]
    example = MiningExample(
        id_, "q", "", "", 0, tuple(hashes[i] for i in positives),
        tuple(hashes[i] for i in given_negatives),
    )  # fmt: skip
    scores = np.round(0.99 - 0.01 * np.arange(SIZE), 9)
    measured = {hashes[i]: Measured(i + 1, float(scores[i]), False) for i in positives}
    hits = Hits(np.array(pool.keys(), np.uint64)[:depth], scores[:depth])
    gone = frozenset((id_, hashes[i]) for i in dropped)
    settings = DrawSettings(config, (RANKER,))
    around = surroundings(training_pool(pool, pool.index(), gone), settings)
    own = excluded(pool, pool.index(), example.positives)
    return draw_negatives(around, example, own, {RANKER: Ranked(measured, hits)})


def positions(pool: Pool, drawn: Drawn) -> list[int]:
    index = pool.index()
    return [index[negative.text_hash] for negative in drawn.negatives]


PLAIN = MineConfig(ranks="1-60", negatives=5, max_score_ratio=None)
place = st.integers(0, SIZE - 1)
places = st.lists(place, max_size=6, unique=True)


@given(
    positives=st.lists(place, min_size=1, max_size=4, unique=True),
    near=st.lists(st.tuples(place, place).filter(lambda pair: pair[0] != pair[1]), max_size=12),
    test=st.sets(place, max_size=10),
    chunks=st.integers(1, 4),
    judged=places,
    sampling=st.sampled_from(["random", "top", "spread"]),
    shortage=st.sampled_from(["keep", "pad"]),
    last=st.integers(1, SIZE),
)
def test_a_positive_its_near_duplicate_its_sibling_or_a_test_document_is_never_a_negative(
    positives: list[int], near: list[tuple[int, int]], test: set[int], chunks: int,
    judged: list[int], sampling: str, shortage: str, last: int,
) -> None:  # fmt: skip
    pool = make(near, test, chunks)
    config = PLAIN.model_copy(
        update={"sampling": sampling, "on_shortage": shortage, "ranks": f"1-{last}"}
    )
    found = positions(pool, draw(pool, config, positives, given_negatives=judged))
    alike = {b for a, b in near if a in positives} | {a for a, b in near if b in positives}
    siblings = {
        i for i in range(SIZE) if chunks > 1 and i // chunks in {p // chunks for p in positives}
    }
    assert not {*found} & ({*positives} | alike | test | (siblings - {*judged}))
    assert len({*found}) == len(found) <= 5


def test_negatives_come_from_the_window_of_raw_ranks() -> None:
    pool = make()
    config = PLAIN.model_copy(update={"ranks": "3-6"})
    drawn = draw(pool, config, [0, 4])
    assert [negative.rank for negative in drawn.negatives] == [3, 4, 6]  # 5 is a positive
    assert drawn.is_short(5) and not drawn.is_short(3)


def test_limits_hold_against_the_lowest_positive_that_stayed() -> None:
    pool = make()
    config = PLAIN.model_copy(update={"max_score_ratio": 0.95, "sampling": "top"})
    lowest = draw(pool, config, [0, 20]).negatives[0]
    assert lowest.score <= 0.79 - 0.05 * 0.79
    without = draw(pool, config, [0, 20], dropped={20})
    assert without.negatives[0].positive_score == 0.99
    assert without.negatives[0].score > lowest.score
    assert pool.documents[20].text_hash not in {n.text_hash for n in without.negatives}


def test_the_ratio_is_safe_where_scores_are_negative() -> None:
    pool = make()
    config = PLAIN.model_copy(update={"max_score_ratio": 0.5, "sampling": "top"})
    hashes = [document.text_hash for document in pool.documents]
    example = MiningExample("e", "q", "", "", 0, (hashes[0],), ())
    scores = np.linspace(-0.2, -0.9, SIZE)
    ranked = Ranked(
        {hashes[0]: Measured(1, -0.2, False)}, Hits(np.array(pool.keys(), np.uint64), scores)
    )
    settings = DrawSettings(config, (RANKER,))
    around = surroundings(training_pool(pool, pool.index(), frozenset()), settings)
    own = excluded(pool, pool.index(), hashes[:1])
    drawn = draw_negatives(around, example, own, {RANKER: ranked})
    assert drawn.negatives and all(negative.score <= -0.3 for negative in drawn.negatives)


@pytest.mark.parametrize(
    ("limit", "first"),
    [({"min_margin": 0.105}, 11), ({"max_score": 0.9}, 9), ({"min_score": 0.985}, None)],
)
def test_margin_ceiling_and_floor(limit: dict[str, float], first: int | None) -> None:
    pool = make()
    config = PLAIN.model_copy(update={"sampling": "top", **limit})
    found = positions(pool, draw(pool, config, [0]))
    assert (found[0] if found else None) == first


def test_the_draw_is_seeded_and_differs_between_examples() -> None:
    pool = make()
    draws = [
        positions(pool, draw(pool, PLAIN.model_copy(update={"seed": seed}), [0], id_=id_))
        for seed, id_ in [(0, "a"), (0, "a"), (1, "a"), (0, "b")]
    ]
    assert draws[0] == draws[1]
    assert len({tuple(one) for one in draws}) == 3


def test_top_takes_the_first_and_spread_one_of_each_stretch() -> None:
    pool = make()
    top = draw(pool, PLAIN.model_copy(update={"sampling": "top"}), [0])
    assert positions(pool, top) == [1, 2, 3, 4, 5]
    spread = draw(pool, PLAIN.model_copy(update={"sampling": "spread", "ranks": "2-51"}), [0])
    assert [(place - 1) // 10 for place in positions(pool, spread)] == [0, 1, 2, 3, 4]


def test_shortage_keeps_drops_or_pads_and_padding_is_marked() -> None:
    pool = make()
    narrow = PLAIN.model_copy(update={"ranks": "2-3"})
    assert positions(pool, draw(pool, narrow, [0])) == [1, 2]
    dropped = draw(pool, narrow.model_copy(update={"on_shortage": "drop"}), [0])
    assert (dropped.negatives, dropped.refusal) == ((), "shortage")
    padded = draw(pool, narrow.model_copy(update={"on_shortage": "pad"}), [0])
    assert [negative.padding for negative in padded.negatives] == [False, False, True, True, True]
    assert padded.is_short(5)


def test_given_negatives_come_first_and_pass_the_same_limits() -> None:
    pool = make(near=[(0, 30)])
    config = PLAIN.model_copy(update={"max_score_ratio": 0.95, "sampling": "top"})
    found = draw(pool, config, [0], given_negatives=[1, 30, 40, 50], depth=45)
    given = [negative for negative in found.negatives if negative.given]
    assert positions(pool, replace(found, negatives=tuple(given))) in ([40, 50], [50, 40])
    assert {negative.rank for negative in given} == {41, 0}  # 0: below the stored hits
    assert (
        not draw(
            pool, config.model_copy(update={"given_negatives": False}), [0], given_negatives=[40]
        )
        .negatives[0]
        .given
    )


def test_an_example_without_a_usable_positive_is_refused_with_a_reason() -> None:
    pool = make()
    assert draw(pool, PLAIN, [3], dropped={3}).refusal == "no_positive_left"
    example = MiningExample("e", "q", "", "", 0, (text_hash("elsewhere"),), ())
    settings = DrawSettings(PLAIN, (RANKER,))
    around = surroundings(training_pool(pool, pool.index(), frozenset()), settings)
    own = excluded(pool, pool.index(), example.positives)
    nothing = Hits(np.empty(0, np.uint64), np.empty(0))
    assert draw_negatives(around, example, own, {}).refusal == "positive_not_in_pool"
    known = replace(example, positives=(pool.documents[0].text_hash,))
    dark = Ranked({known.positives[0]: Measured(SIZE, 0.0, True)}, nothing)
    assert draw_negatives(around, known, own, {RANKER: dark}).refusal == "no_evidence"


def test_the_kalm_recipe_is_the_papers_window_and_an_option_wins_over_it() -> None:
    assert (MineConfig(recipe="kalm").window, MineConfig(recipe="kalm").negatives) == ((51, 100), 7)
    assert MineConfig(recipe="kalm", ranks="6-100").window == (6, 100)
    assert MineConfig(ranks="6-300").stored_depth == 300


@pytest.mark.parametrize("ranks", ["", "5", "0-9", "9-5", "a-b", "5–9", "-3", "5-"])
def test_a_window_that_is_none_is_refused(ranks: str) -> None:
    with pytest.raises(ValueError, match="FIRST-LAST"):
        MineConfig(ranks=ranks)


def test_the_settings_of_a_draw_can_be_read_back() -> None:
    settings = DrawSettings(PLAIN, ("bm25@1", "dense:m@1"), "cross-encoder:c@1")
    assert DrawSettings.from_json(settings.to_json()) == settings
    assert settings.scorer == "dense:m@1"
    assert settings.measured == ("bm25@1", "dense:m@1", "cross-encoder:c@1")
