"""Ranks the positives of examples over a whole pool, by one encoder, and stores what it found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.mining import (
    Hits,
    Measured,
    Ranked,
    dense_ranker_id,
    hits_basis,
    ranking_basis,
)
from kalm_data.core.records import HitList, Ranking
from kalm_data.core.templates import render_document, render_query, resolve_templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from kalm_data.core.mining import Excluded, MiningExample, RankedKey
    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import (
        DenseRanking,
        DenseSearch,
        Encoder,
        Run,
        Vectors,
        VectorSource,
    )
    from kalm_data.core.records import Record
    from kalm_data.core.tasks import Task


@dataclass(frozen=True, slots=True)
class Engines:
    """What ranks: an encoder, the store of its vectors, exact search."""

    encoder: Encoder
    vectors: VectorSource
    search: DenseSearch


def ranked_key(example: MiningExample, own: Excluded) -> RankedKey:
    return example.example_id, own.positives


class DenseRanker:
    """One encoder over one pool; encodes the documents when the first example needs it."""

    def __init__(self, run: Run, engines: Engines, task: Task, pool: Pool, depth: int) -> None:
        encoder = engines.encoder
        self._run, self._engines, self._pool, self._depth = run, engines, pool, depth
        self._templates = resolve_templates(task, encoder.query_prompt, encoder.document_prompt)
        self.id = dense_ranker_id(encoder.name, encoder.fingerprint, self._templates)
        self.basis = ranking_basis(pool, task)
        self.index = pool.index()
        self.ranked = self.cut = 0

    def rank(self, asked: Sequence[tuple[MiningExample, Excluded]]) -> dict[RankedKey, Ranked]:
        """Rank examples, store what was found, and return it."""
        if not asked:
            return {}
        documents = self._documents
        queries = self._encoded(
            [render_query(self._templates, one.query, one.instruction) for one, _ in asked]
        )
        places = [[self.index[h] for h in self._in_pool(one)] for one, _ in asked]
        barred = [own.places for _, own in asked]
        rows: list[Record] = []
        found = self._engines.search.rank(queries, documents, places, barred, self._depth)
        ranked = {
            ranked_key(*pair): self._ranked(pair[0], ranking)
            for pair, ranking in zip(asked, found, strict=True)
        }
        for pair in asked:
            rows += self._rows(*pair, ranked[ranked_key(*pair)])
        self._run.append(rows)
        self._run.checkpoint()
        self.ranked += len(asked)
        return ranked

    @cached_property
    def _documents(self) -> Vectors:
        documents = self._pool.documents
        return self._encoded(
            [render_document(self._templates, d.text, d.title, d.headings) for d in documents]
        )

    @cached_property
    def _keys(self) -> NDArray[np.uint64]:
        return np.array(self._pool.keys(), np.uint64)

    def _encoded(self, texts: Sequence[str]) -> Vectors:
        self.cut += self._engines.encoder.count_cut(texts)
        return self._engines.vectors.vectors(self._run, self._engines.encoder, texts)

    def _in_pool(self, example: MiningExample) -> list[str]:
        return [text_hash for text_hash in example.positives if text_hash in self.index]

    def _ranked(self, example: MiningExample, found: DenseRanking) -> Ranked:
        measured = zip(found.ranks, found.positive_scores, strict=True)
        return Ranked(
            {
                text_hash: Measured(rank, score, score == 0)
                for text_hash, (rank, score) in zip(self._in_pool(example), measured, strict=True)
            },
            Hits(self._keys[found.positions], found.scores),
        )

    def _rows(self, example: MiningExample, own: Excluded, ranked: Ranked) -> Iterator[Record]:
        id_, run_id = example.example_id, self._run.run_id
        for text_hash, at in ranked.measured.items():
            yield Ranking(
                id_, text_hash, self.id, self.basis, len(self._pool), own.positives,
                at.rank, at.score, at.no_evidence, run_id,
            )  # fmt: skip
        basis, hits = hits_basis(self.basis, self._depth), ranked.hits
        yield HitList(id_, self.id, basis, own.positives, hits.keys, hits.scores, run_id)
