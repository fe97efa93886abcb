from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from word_ranking import WordEncoder, word_vector

from kalm_data.core.mining import MiningExample, excluded
from kalm_data.core.pool import PoolDocument, make_pool
from kalm_data.core.records import Text
from kalm_data.core.tasks import Task
from kalm_data.engines.dense_search import ExactSearch
from kalm_data.measures.rankers import dense
from kalm_data.measures.rankers.dense import DenseRanker, Engines, PoolSample
from kalm_data.measures.ranking import RankedPool
from kalm_data.workspace.runs import running
from kalm_data.workspace.vectors import VectorStore

if TYPE_CHECKING:
    from kalm_data.core.mining import Excluded, Ranked
    from kalm_data.workspace.database import Database

SIZE, SAMPLE, DEPTH = 90, 30, 12
TEXTS = [f"word{i % 9} word{i % 7} text {i}" for i in range(SIZE)]
POOL = make_pool(
    [PoolDocument(Text.of(t).text_hash, t, "", (), "", "train", frozenset()) for t in TEXTS],
    [(Text.of(TEXTS[0]).text_hash, Text.of(TEXTS[63]).text_hash)],
    "",
)
OVER = RankedPool.of(Task(name="t"), POOL)


def examples() -> list[tuple[MiningExample, Excluded]]:
    made = []
    for i in range(0, SIZE, 3):
        positives = tuple(sorted(Text.of(TEXTS[j]).text_hash for j in (i, i + 1)))
        one = MiningExample(f"{i:03}", f"word{i % 9} word{i % 7}", "", "", 0, positives, ())
        made.append((one, excluded(POOL, OVER.index, positives)))
    return made


def rank(database: Database, sample: PoolSample) -> tuple[DenseRanker, list[Ranked]]:
    with running(database, "mine", "{}") as run:
        engines = Engines(WordEncoder(), VectorStore(database), ExactSearch())
        ranker = DenseRanker(run, engines, OVER, DEPTH, sample)
        return ranker, list(ranker.rank(examples(), {}))


def scores_of(query: str) -> np.ndarray:
    vectors = np.stack([word_vector(document.text) for document in POOL.documents()])
    return np.round(vectors.astype(np.float64) @ word_vector(query).astype(np.float64), 9)


@pytest.mark.parametrize("at_once", [1, 7, 256])
def test_ranks_over_a_sample_are_those_of_the_sample_and_the_own_positives(
    database: Database, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(dense, "_SAMPLED_AT_ONCE", at_once)
    sample = PoolSample(SAMPLE, 5)
    ranker, found = rank(database, sample)
    assert ranker.pool_size == SAMPLE
    drawn = set(sample.places(OVER).tolist())
    assert len(drawn) == SAMPLE
    for (one, own), ranked in zip(examples(), found, strict=True):
        pool = drawn.union(OVER.places(one))
        scores = scores_of(one.query)
        for text_hash, at in ranked.measured.items():
            bar = scores[OVER.index[text_hash]]
            assert at.rank == 1 + sum(scores[p] >= bar for p in pool.difference(own.places))
        best = sorted(pool, key=lambda place: (-scores[place], place))[:DEPTH]
        assert OVER.positions(ranked.hits).tolist() == best


def test_a_sample_as_large_as_the_pool_is_the_pool_and_another_seed_another_ranker(
    database: Database,
) -> None:
    whole, _ = rank(database, PoolSample(SIZE, 0))
    ids = {rank(database, PoolSample(SAMPLE, seed))[0].id for seed in (0, 1)}
    assert whole.pool_size == SIZE
    assert len({whole.id, *ids}) == 3


def test_only_the_sample_and_the_positives_are_encoded(database: Database) -> None:
    with running(database, "mine", "{}") as run:
        store = VectorStore(database)
        engines = Engines(WordEncoder(), store, ExactSearch())
        list(DenseRanker(run, engines, OVER, DEPTH, PoolSample(5, 0)).rank(examples()[:2], {}))
    assert store.encoded <= 5 + 2 * 2 + 2
