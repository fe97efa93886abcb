"""An encoder of words, and rankers that use it: fast, and as exact as a real one."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.text import words
from kalm_data.engines.dense_search import ExactSearch
from kalm_data.measures.rankers.dense import DenseRanker, Engines
from kalm_data.stages.mine import TaskRankers
from kalm_data.workspace.vectors import VectorStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.config.mine import MineConfig
    from kalm_data.core.protocols import Run, Vectors
    from kalm_data.measures.ranking import RankedPool
    from kalm_data.workspace.database import Database


class WordEncoder:
    """A sum of one random vector a word; counts what it is asked, and may be stopped."""

    name = fingerprint = "words"
    query_prompt = document_prompt = ""

    def __init__(self, stop_after: int = 10_000) -> None:
        self.asked = 0
        self._stop_after = stop_after

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        for start in range(0, len(texts), 8):
            if self.asked >= self._stop_after:
                raise KeyboardInterrupt
            part = texts[start : start + 8]
            self.asked += len(part)
            yield list(range(start, start + len(part))), np.stack([word_vector(t) for t in part])

    def count_cut(self, texts: Sequence[str]) -> int:
        return sum(len(words(text)) > 6 for text in texts)


def word_vector(text: str) -> Vectors:
    total = sum(
        (np.random.default_rng(zlib.crc32(word.encode())).normal(size=32) for word in words(text)),
        np.zeros(32),
    )
    return np.float32(total / max(np.linalg.norm(total), 1e-9))


class Rankers:
    """Makes one dense ranker; satisfies `stages.mine.RankerMaker`."""

    def __init__(
        self, database: Database, run: Run, encoder: WordEncoder, config: MineConfig
    ) -> None:
        self._run, self._depth = run, config.stored_depth
        self._engines = Engines(encoder, VectorStore(database), ExactSearch())

    @property
    def encoded(self) -> int:
        return self._engines.vectors.encoded

    def make(self, over: RankedPool) -> TaskRankers:
        ranker = DenseRanker(self._run, self._engines, over, self._depth)
        return TaskRankers((ranker,), (ranker.id,))
