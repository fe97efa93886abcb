from __future__ import annotations

import numpy as np

from kalm_data.core.config.mine import DrawSettings, MineConfig
from kalm_data.core.mining import Hits, Measured, MiningExample, Ranked, excluded
from kalm_data.core.pool import PoolDocument, make_pool
from kalm_data.core.records import text_hash
from kalm_data.core.tasks import Task
from kalm_data.measures.blocks import Block
from kalm_data.measures.drawing import draw_block
from kalm_data.measures.mining_report import MiningReport
from kalm_data.measures.ranking import RankedPool, ranked_key
from kalm_data.measures.surroundings import surroundings
from kalm_data.measures.training_pool import training_pool

SIZE = 20
HASHES = sorted(text_hash(str(i)) for i in range(SIZE))
NEAR = [(HASHES[4], HASHES[7])]
POOL = make_pool(
    [PoolDocument(hash_, "", "", (), "", "train", frozenset()) for hash_ in HASHES], NEAR, ""
)
OVER = RankedPool.of(Task(name="t"), POOL)
CONFIG = MineConfig(ranks="1-10", negatives=5, max_score_ratio=None, min_margin=0.005)


def ranked(order: list[int], positive: int) -> Ranked:
    scores = np.round(0.9 - 0.01 * np.arange(len(order)), 9)
    at = order.index(positive)
    measured = {HASHES[positive]: Measured(at + 1, float(scores[at]), False)}
    return Ranked(measured, Hits(OVER.keys[order], scores))


def report() -> MiningReport:
    """Two examples, 4 and 11 their positives; the second ranker sees the pool backwards."""
    examples = [
        MiningExample(name, name, "", "", 0, (HASHES[place],), ())
        for name, place in (("a", 4), ("b", 11))
    ]
    settings = DrawSettings(CONFIG, ("dense:m@1", "bm25@1"))
    around = surroundings(training_pool(POOL, OVER.index, frozenset()), settings)
    pairs = [(one, excluded(POOL, OVER.index, one.positives)) for one in examples]
    orders = {"dense:m@1": list(range(SIZE)), "bm25@1": list(range(SIZE))[::-1]}
    found = {
        id_: {
            ranked_key(*pair): ranked(order, place)
            for pair, place in zip(pairs, (4, 11), strict=True)
        }
        for id_, order in orders.items()
    }
    made = MiningReport(OVER, examples, CONFIG)
    made.see(draw_block(around, Block.of(pairs, found)))
    return made


def test_rankers_that_see_a_pool_from_both_ends_share_no_first_hits_but_all_of_them() -> None:
    assert [(one.k, one.share) for one in report().overlaps()] == [(10, 0.0), (100, 1.0)]


def test_hits_above_a_positive_and_copies_of_it_are_counted_before_any_limit() -> None:
    found = {one.ranker: one for one in report().risks()}
    dense = found["dense:m@1"]  # window 0-9: of a 9 others, 4 above it, 1 like it; of b 10 above it
    assert (dense.hits, dense.like_positive) == (19, round(1 / 19, 4))
    assert dense.above_positive == round(14 / 19, 4)


def test_gaps_are_those_of_the_negatives_that_were_drawn() -> None:
    made = report()
    assert all(gap.q05 >= 0.005 for gap in made.gaps())
    assert made.by_ranker == {"bm25@1": 1, "dense:m@1": 4}
    assert 0 <= made.positives_elsewhere <= 1
