"""Ranks over a pool whose texts come by the block, with a real encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core import pool as module
from kalm_data.core.mining import MiningExample, excluded
from kalm_data.core.pool import PoolDocument, make_pool, pool_of
from kalm_data.core.records import text_hash
from kalm_data.core.tasks import Task
from kalm_data.core.templates import resolve_templates
from kalm_data.engines.dense_search import ExactSearch
from kalm_data.engines.sentence_transformers_encoder import load_encoder
from kalm_data.measures.rankers.dense import DenseRanker, Engines
from kalm_data.measures.ranking import RankedPool
from kalm_data.measures.written_pool import written_blocks
from kalm_data.workspace.database import Database
from kalm_data.workspace.runs import running
from kalm_data.workspace.vectors import VectorStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pytest

    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import Encoder, Vectors

AT_ONCE = 5
TASK = Task(name="t")
TEXTS = [f"{'river stone ' * (n * 7 % 40)} number {n}" for n in range(23)]
WHOLE = make_pool(
    [PoolDocument(text_hash(t), t, "title", (), "", "train", frozenset()) for t in TEXTS],
    [(text_hash(TEXTS[0]), text_hash(TEXTS[9]))],
    "",
)


class Watched:
    """An encoder that keeps how many texts it is given at a time."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name, self.fingerprint = encoder.name, encoder.fingerprint
        self.query_prompt, self.document_prompt = encoder.query_prompt, encoder.document_prompt
        self.given: list[int] = []

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        self.given.append(len(texts))
        return self._encoder.encode(texts)

    def count_cut(self, texts: Sequence[str]) -> int:
        return self._encoder.count_cut(texts)


def read_by_the_block(held: list[int]) -> Pool:
    """The same pool; how many texts are read at a time is kept in `held`."""
    texts = {text_hash(text): text for text in TEXTS}

    def read(hashes: Sequence[str]) -> list[str]:
        held.append(len(hashes))
        return [texts[one] for one in hashes]

    return pool_of(WHOLE.columns, WHOLE.alike, "", read)


def rank(folder: Path, encoder: Encoder, pool: Pool) -> tuple[bytes, list[object]]:
    """The bits of the pool's vectors; ranks, scores and hits of some examples."""
    database = Database(folder)
    over = RankedPool.of(TASK, pool)
    asked = []
    for n in range(0, 20, 4):
        positives = (text_hash(TEXTS[n]),)
        one = MiningExample(f"{n:02}", f"stone number {n}", "", "", 0, positives, ())
        asked.append((one, excluded(pool, over.index, positives)))
    with running(database, "mine", "{}") as run:
        store = VectorStore(database)
        ranker = DenseRanker(run, Engines(encoder, store, ExactSearch()), over, 10)
        found = [
            (one.measured, one.hits.keys.tobytes(), one.hits.scores.tobytes())
            for one in ranker.rank(asked, {})
        ]
        encoded = store.encoded
        written = written_blocks(pool, resolve_templates(TASK))
        vectors = store.of_blocks(run, encoder, written)
        assert store.encoded == encoded == len(TEXTS) + len(asked)
    return vectors.tobytes(), found


def test_vectors_and_ranks_are_the_same_bits_when_a_few_texts_are_held_at_a_time(
    minilm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = load_encoder(minilm, devices=["cpu"])
    once = rank(tmp_path / "once", Watched(real), WHOLE)
    monkeypatch.setattr(module, "TEXTS_AT_ONCE", AT_ONCE)
    held: list[int] = []
    encoder = Watched(real)
    assert rank(tmp_path / "blocks", encoder, read_by_the_block(held)) == once
    assert sorted(held) == sorted(2 * [5, 5, 5, 5, 3])  # to rank, and to look at the vectors
    assert max(encoder.given) <= AT_ONCE
