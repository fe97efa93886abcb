from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from one_by_one import draw_negatives, each

from kalm_data.core.config.mine import DrawSettings, MineConfig
from kalm_data.core.mining import Hits, Measured, MiningExample, Ranked, excluded
from kalm_data.core.pool import Pool, PoolDocument, make_pool
from kalm_data.core.records import text_hash
from kalm_data.measures.blocks import Block
from kalm_data.measures.drawing import draw_block
from kalm_data.measures.negatives import Drawn
from kalm_data.measures.surroundings import surroundings
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
    hashes = list(pool.text_hashes)
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
    assert pool.text_hashes[20] not in {n.text_hash for n in without.negatives}


def test_the_ratio_is_safe_where_scores_are_negative() -> None:
    pool = make()
    config = PLAIN.model_copy(update={"max_score_ratio": 0.5, "sampling": "top"})
    hashes = list(pool.text_hashes)
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
    known = replace(example, positives=(pool.text_hashes[0],))
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


BM25, DENSE, JUDGE = "bm25@1", "dense:m@1", "cross-encoder:c@1"
TWO = MineConfig(
    ranker=("bm25", "dense:m"), ranks="1-60", negatives=7, max_score_ratio=None, sampling="top"
)
Scored = Mapping[str, Mapping[int, float]]


def falling(places: Sequence[int], first: float = 1.0) -> dict[int, float]:
    """Scores by position, falling by 0.01."""
    return {place: round(first - 0.01 * at, 9) for at, place in enumerate(places)}


def draw_by(
    pool: Pool,
    config: MineConfig,
    positives: list[int],
    found: Scored,
    *,
    given_negatives: Sequence[int] = (),
    denoiser: str = "",
    dropped: set[int] = frozenset(),
) -> Drawn:
    """`found` has the scores of the hits of each ranker; a positive that is none of them has no
    evidence. The denoiser has scored the positives too, 0 where they are none of its hits.
    """
    hashes, keys = list(pool.text_hashes), np.array(pool.keys(), np.uint64)
    example = MiningExample(
        "e", "q", "", "", 0, tuple(hashes[i] for i in sorted(positives)),
        tuple(hashes[i] for i in given_negatives),
    )  # fmt: skip
    ranked = {}
    for id_, scores in found.items():
        best = sorted(scores, key=lambda place: (-scores[place], place))
        hits = Hits(keys[best], np.array([scores[place] for place in best], np.float64))
        measured = {hashes[i]: Measured(1, scores.get(i, 0.0), i not in scores) for i in positives}
        ranked[id_] = Ranked(measured, hits)
    rankers = tuple(id_ for id_ in found if id_ != denoiser)
    gone = frozenset(("e", hashes[i]) for i in dropped)
    around = surroundings(
        training_pool(pool, pool.index(), gone), DrawSettings(config, rankers, denoiser)
    )
    own = excluded(pool, pool.index(), example.positives)
    return draw_negatives(around, example, own, ranked)


def by_ranker(drawn: Drawn) -> Counter[str]:
    return Counter(negative.ranker for negative in drawn.negatives)


@pytest.mark.parametrize(
    ("share", "counts"),
    [((), (4, 3)), ((2, 1), (5, 2)), ((1, 3), (2, 5)), ((0, 1), (0, 7)), ((1, 0), (7, 0))],
)
def test_each_ranker_gives_its_share_by_largest_remainder(
    share: tuple[float, ...], counts: tuple[int, int]
) -> None:
    found = {BM25: falling(range(30)), DENSE: falling([0, *range(30, 60)])}
    drawn = draw_by(make(), TWO.model_copy(update={"share": share}), [0], found)
    assert by_ranker(drawn) == Counter({BM25: counts[0], DENSE: counts[1]})


@pytest.mark.parametrize(("short", "other"), [(BM25, DENSE), (DENSE, BM25)])
def test_what_one_ranker_lacks_the_others_give(short: str, other: str) -> None:
    found = {id_: falling([0, 1, 2] if id_ == short else range(30)) for id_ in (BM25, DENSE)}
    drawn = draw_by(make(), TWO, [0], found)
    assert len(drawn.negatives) == 7 and by_ranker(drawn)[other] >= 5
    without = draw_by(make(), TWO, [0], {**found, short: falling([1, 2])})  # no evidence
    assert by_ranker(without) == {other: 7}
    both = draw_by(make(), TWO, [0], {BM25: falling([0, 1, 2]), DENSE: falling([0, 2, 3])})
    assert sorted(positions(make(), both)) == [1, 2, 3] and both.is_short(7)


def test_no_document_is_drawn_twice_and_each_negative_carries_what_its_own_ranker_found() -> None:
    pool = make()
    found = {BM25: falling(range(40), 9.0), DENSE: falling([0, *range(39, 4, -1)])}
    drawn = draw_by(pool, TWO.model_copy(update={"negatives": 38}), [0], found)
    places = positions(pool, drawn)
    assert len({*places}) == len(places) == 38
    assert [one.ranker for one in drawn.negatives] == sorted(one.ranker for one in drawn.negatives)
    for place, one in zip(places, drawn.negatives, strict=True):
        scores = found[one.ranker]
        assert (one.rank, one.score) == ([*scores].index(place) + 1, scores[place])
        assert one.positive_score == scores[0]
        assert one.row_score == found[DENSE].get(place)  # the scorer: BM25 has no fixed scale
    for id_ in (BM25, DENSE):
        ranks = [one.rank for one in drawn.negatives if one.ranker == id_]
        assert ranks == sorted(ranks)


def test_the_limits_of_each_ranker_are_on_its_own_scale() -> None:
    found = {BM25: falling(range(30), 9.0), DENSE: falling([0, *range(30, 60)])}
    config = TWO.model_copy(update={"min_margin": 0.105, "negatives": 4})
    drawn = draw_by(make(), config, [0], found)
    assert [(one.ranker, one.rank) for one in drawn.negatives] == [
        (BM25, 12), (BM25, 13), (DENSE, 12), (DENSE, 13),
    ]  # fmt: skip


def test_what_the_denoiser_scores_as_high_as_the_lowest_positive_is_no_negative_but_listed() -> (
    None
):
    pool = make(near=[(0, 3)], test={4})
    judged = {0: 0.9, 7: 0.8, 1: 0.95, 2: 0.8, 3: 0.99, 4: 0.97, 5: 0.79, 6: 0.1}
    found = {BM25: falling(range(12)), DENSE: falling(range(20)), JUDGE: judged}
    drawn = draw_by(pool, TWO, [0, 7], found, given_negatives=[1, 5], denoiser=JUDGE)
    hashes = list(pool.text_hashes)
    assert [(one.text_hash, one.score, one.positive_score) for one in drawn.false_negatives] == [
        (hashes[1], 0.95, 0.8), (hashes[2], 0.8, 0.8),
    ]  # fmt: skip
    assert not {*positions(pool, drawn)} & {0, 1, 2, 3, 4, 7}
    assert drawn.negatives[0].given and positions(pool, drawn)[0] == 5
    stricter = draw_by(pool, TWO, [0, 7], found, denoiser=JUDGE, dropped={7})
    assert [one.text_hash for one in stricter.false_negatives] == [hashes[1]]
    padded = TWO.model_copy(update={"negatives": 59, "on_shortage": "pad"})
    assert not {1, 2} & {*positions(pool, draw_by(pool, padded, [0, 7], found, denoiser=JUDGE))}


def test_the_denoiser_judges_also_where_the_positive_was_not_found() -> None:
    pool = make()
    found = {DENSE: falling(range(20)), JUDGE: {1: 0.5, 2: -0.5}}  # 0 scores 0.0, as read
    drawn = draw_by(pool, TWO, [0], found, denoiser=JUDGE)
    assert [one.text_hash for one in drawn.false_negatives] == [pool.text_hashes[1]]
    assert 1 not in positions(pool, drawn) and 2 in positions(pool, drawn)


@pytest.mark.parametrize(
    ("id_", "below"), [(BM25, 0.0), ("hybrid:m@1", 0.0), (DENSE, 0.9), ("run:r@1", 0.9)]
)
def test_a_given_negative_that_shares_no_word_with_the_query_scores_0_by_words(
    id_: str, below: float
) -> None:
    config = MineConfig(ranks="1-60", negatives=1, max_score_ratio=None)
    drawn = draw_by(make(), config, [0], {id_: {0: 1.0, 1: 0.9}}, given_negatives=[50])
    (one,) = drawn.negatives
    assert (one.given, one.rank, one.score) == (True, 0, below)
    full = falling(range(config.stored_depth // 4))  # a list that was cut
    shallow = config.model_copy(update={"depth": 50, "ranks": "1-50"})
    (one,) = draw_by(make(), shallow, [0], {id_: full}, given_negatives=[55]).negatives
    assert (one.rank, one.score) == (0, min(full.values()))


def test_the_recipes_are_those_of_their_papers() -> None:
    pool, found = make(), {DENSE: falling(range(60))}
    kalm = draw_by(pool, MineConfig(recipe="kalm"), [0], found)
    ranks = [one.rank for one in kalm.negatives]
    assert len(ranks) == 7 and min(ranks) >= 51 and ranks != [*range(51, 58)]
    retriever = draw_by(pool, MineConfig(recipe="nv-retriever", negatives=4), [0], found)
    assert [one.rank for one in retriever.negatives] == [6, 7, 8, 9]  # at most 0.95 × 1.0
    config = MineConfig(recipe="nv-retriever")
    assert (config.window, config.drawn_by, config.max_score_ratio) == ((1, 100), "top", 0.95)


lists = st.dictionaries(place, st.sampled_from([-0.5, 0.0, 0.3, 0.6, 0.9]), max_size=SIZE)


@given(
    positives=st.lists(place, min_size=1, max_size=3, unique=True),
    near=st.lists(st.tuples(place, place).filter(lambda pair: pair[0] != pair[1]), max_size=8),
    test=st.sets(place, max_size=8),
    judged=places,
    found=st.lists(lists, min_size=1, max_size=3),
    judge=st.none() | lists,
    sampling=st.sampled_from(["random", "top", "spread"]),
    shortage=st.sampled_from(["keep", "pad"]),
    wanted=st.integers(1, 20),
)
def test_whatever_the_rankers_no_negative_is_a_positive_a_near_duplicate_or_held_out(
    positives: list[int], near: list[tuple[int, int]], test: set[int], judged: list[int],
    found: list[dict[int, float]], judge: dict[int, float] | None, sampling: str, shortage: str,
    wanted: int,
) -> None:  # fmt: skip
    pool = make(near, test)
    config = TWO.model_copy(
        update={"sampling": sampling, "on_shortage": shortage, "negatives": wanted,
                "ranker": ("bm25",) * len(found)}
    )  # fmt: skip
    known = {f"dense:m{i}@1": scores for i, scores in enumerate(found)}
    if judge is not None:
        known[JUDGE] = judge
    denoiser = JUDGE if judge is not None else ""
    drawn = draw_by(pool, config, positives, known, given_negatives=judged, denoiser=denoiser)
    alike = {b for a, b in near if a in positives} | {a for a, b in near if b in positives}
    negatives = positions(pool, drawn)
    index = pool.index()
    false = {index[one.text_hash] for one in drawn.false_negatives}
    assert not {*negatives} & ({*positives} | alike | test | false)
    assert not false & ({*positives} | alike)
    assert len({*negatives}) == len(negatives) <= wanted
    bar = min(((judge or {}).get(i, 0.0) for i in positives if i not in test), default=None)
    if judge and bar is not None and not drawn.refusal:
        assert not [i for i in negatives if judge.get(i, bar - 1) >= bar]
        assert all(one.score >= bar == one.positive_score for one in drawn.false_negatives)


@given(
    asked=st.lists(st.tuples(places.filter(bool), places, lists, lists), min_size=1, max_size=5),
    chunks=st.integers(1, 4),
    sampling=st.sampled_from(["random", "top", "spread"]),
    shortage=st.sampled_from(["keep", "pad", "drop"]),
)
def test_an_example_is_drawn_in_a_block_as_it_would_be_alone(
    asked: list[tuple[list[int], list[int], dict[int, float], dict[int, float]]], chunks: int,
    sampling: str, shortage: str,
) -> None:  # fmt: skip
    pool = make(chunks=chunks)
    hashes, keys = list(pool.text_hashes), np.array(pool.keys(), np.uint64)
    config = TWO.model_copy(update={"sampling": sampling, "on_shortage": shortage})
    around = surroundings(
        training_pool(pool, pool.index(), frozenset()), DrawSettings(config, (BM25, DENSE))
    )
    examples = [
        MiningExample(
            str(row), "q", "", "", 0, tuple(hashes[i] for i in sorted(positives)),
            tuple(hashes[i] for i in judged if i not in positives),
        )
        for row, (positives, judged, _, _) in enumerate(asked)
    ]  # fmt: skip
    own = [excluded(pool, pool.index(), example.positives) for example in examples]
    found: dict[str, list[Ranked]] = {BM25: [], DENSE: []}
    for positives, _, *both in asked:
        for id_, scores in zip(found, both, strict=True):
            best = sorted(scores, key=lambda place: (-scores[place], place))
            hits = Hits(keys[best], np.array([scores[place] for place in best], np.float64))
            measured = {
                hashes[i]: Measured(1, scores.get(i, 0.0), i not in scores) for i in positives
            }
            found[id_].append(Ranked(measured, hits))
    together = each(draw_block(around, Block(examples, own, found)))
    alone = [
        draw_negatives(around, example, one, {id_: by[row] for id_, by in found.items()})
        for row, (example, one) in enumerate(zip(examples, own, strict=True))
    ]
    assert together == alone


def test_the_settings_of_a_draw_can_be_read_back() -> None:
    settings = DrawSettings(PLAIN, ("bm25@1", "dense:m@1"), "cross-encoder:c@1")
    assert DrawSettings.from_json(settings.to_json()) == settings
    assert settings.scorer == "dense:m@1"
    assert settings.measured == ("bm25@1", "dense:m@1", "cross-encoder:c@1")
