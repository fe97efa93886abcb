import random as randomness
import tracemalloc
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import Search, brute_force, searches, unit

from kalm_data.engines.dense_search import ExactSearch


@settings(max_examples=300, deadline=None)
@given(searches(), st.integers(1, 9), st.integers(1, 40))
def test_ranks_and_hits_equal_brute_force_whatever_the_block_size(
    search: Search, queries_at_once: int, at_once: int
) -> None:
    asked, documents, positives, excluded, depth = search
    engine = ExactSearch(queries_at_once, at_once)
    found = engine.rank(asked, documents, positives, excluded, depth)
    for query, own, barred, ranking in zip(asked, positives, excluded, found, strict=True):
        ranks, best = brute_force(query, documents, own, barred, depth)
        assert ranking.ranks == ranks
        assert ranking.positions.tolist() == best


@settings(max_examples=50, deadline=None)
@given(searches(), st.randoms(use_true_random=False))
def test_ranks_do_not_depend_on_document_order(search: Search, random: randomness.Random) -> None:
    asked, documents, positives, excluded, depth = search
    order = list(range(len(documents)))
    random.shuffle(order)
    place = {old: new for new, old in enumerate(order)}
    moved = (
        [[place[p] for p in own] for own in positives],
        [[place[p] for p in x] for x in excluded],
    )
    first = ExactSearch().rank(asked, documents, positives, excluded, depth)
    second = ExactSearch().rank(asked, documents[order], *moved, depth)
    for one, other in zip(first, second, strict=True):
        assert (one.ranks, one.positive_scores) == (other.ranks, other.positive_scores)
        assert one.scores.tobytes() == other.scores.tobytes()


def test_scores_have_the_same_bits_whatever_the_block() -> None:
    rng = np.random.default_rng(1)
    asked, documents = unit(rng.normal(size=(33, 384))), unit(rng.normal(size=(3000, 384)))
    own = [[i] for i in range(33)]
    whole = list(ExactSearch().rank(asked, documents, own, own, 50))
    parts = list(ExactSearch(7, 101).rank(asked, documents, own, own, 50))
    assert [r.ranks for r in whole] == [r.ranks for r in parts]
    for one, other in zip(whole, parts, strict=True):
        assert one.scores.tobytes() == other.scores.tobytes()
        assert one.positions.tolist() == other.positions.tolist()


def test_ranks_and_hits_among_thousands_equal_brute_force() -> None:
    rng = np.random.default_rng(2)
    documents = unit(rng.normal(size=(20, 24))[rng.integers(0, 20, 3000)])
    documents[::2] = unit(documents[::2] + rng.normal(0, 0.2, (1500, 24)))
    asked = unit(documents[:9] + rng.normal(0, 0.2, (9, 24)))
    own = [rng.choice(3000, query % 4, replace=False).tolist() for query in range(9)]
    excluded = [[*positives, 5, 6] for positives in own]
    found = ExactSearch(4, 1000).rank(asked, documents, own, excluded, 7)
    for query, positives, barred, ranking in zip(asked, own, excluded, found, strict=True):
        ranks, best = brute_force(query, documents, positives, barred, 7)
        assert ranking.ranks == ranks
        assert ranking.positions.tolist() == best


def write_mapped(file: Path, documents: np.ndarray) -> np.ndarray:
    np.save(file, documents)
    return np.load(file, mmap_mode="r")


def test_a_mapped_file_gives_what_an_array_gives(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    documents = unit(rng.normal(size=(2000, 16)))
    documents[7, 3] = np.nan
    own = [[3], [7], [1999]]
    mapped = write_mapped(tmp_path / "documents.npy", documents)
    first = ExactSearch().rank(documents[:3], documents, own, own, 20)
    second = ExactSearch().rank(mapped[:3], mapped, own, own, 20)
    for one, other in zip(first, second, strict=True):
        assert one.ranks == other.ranks
        assert one.positions.tolist() == other.positions.tolist()
        assert one.scores.tobytes() == other.scores.tobytes()


def peak_bytes(engine: ExactSearch, queries: np.ndarray, documents: np.ndarray) -> int:
    """Memory that one search takes beside its inputs; its results are dropped as they come."""
    own = [[0]] * len(queries)
    tracemalloc.start()
    for _ in engine.rank(queries, documents, own, own, 10):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_a_mapped_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    documents = unit(np.random.default_rng(4).normal(size=(60_000, 64)))
    mapped = write_mapped(tmp_path / "documents.npy", documents)
    assert peak_bytes(ExactSearch(), mapped[:20], mapped) < documents.nbytes / 4


def test_memory_does_not_grow_with_the_number_of_queries() -> None:
    documents = unit(np.random.default_rng(5).normal(size=(4000, 8)))
    engine = ExactSearch(100, 1000)
    few = peak_bytes(engine, documents[:200], documents)
    assert peak_bytes(engine, documents[:2000], documents) < 1.2 * few


def test_memory_is_bounded_where_all_documents_are_copies() -> None:
    copies = unit(np.ones((20_000, 4)))
    every_nominee = 20 * 40 * len(copies)  # 20 bytes each for 40 queries
    assert peak_bytes(ExactSearch(40, 500), copies[:40], copies) < every_nominee / 2
    (ranking,) = ExactSearch(40, 500).rank(copies[:1], copies, [[3]], [[3]], 10)
    assert ranking.positions.tolist() == list(range(10))
    assert ranking.ranks == [len(copies)]


def test_copies_of_a_positive_tie_with_it_and_count_against_it() -> None:
    documents = unit(np.ones((5, 7)))
    (ranking,) = ExactSearch().rank(unit(np.ones((1, 7))), documents, [[2]], [[2]], 3)
    assert ranking.ranks == [5]
    assert ranking.positions.tolist() == [0, 1, 2]


def test_a_query_or_positive_without_evidence_ranks_last() -> None:
    documents = unit(np.array([[1, 0], [0, 1], [-1, 0], [0, 0]]))
    asked = np.array([[0, 0], [np.nan, 1], [1, 0]], np.float32)
    found = list(ExactSearch().rank(asked, documents, [[0], [0], [3]], [[0], [0], [3]], 4))
    assert [ranking.ranks for ranking in found] == [[4], [4], [4]]
    assert [len(ranking.positions) for ranking in found] == [0, 0, 4]


def test_an_empty_pool_has_no_hits() -> None:
    (ranking,) = ExactSearch().rank(
        unit(np.ones((1, 2))), np.empty((0, 2), np.float32), [[]], [[]], 5
    )
    assert (ranking.ranks, len(ranking.positions)) == ([], 0)
