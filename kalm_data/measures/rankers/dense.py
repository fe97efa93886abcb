"""Ranks by the cosine of an encoder's vectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kalm_data.core.mining import Measured, ranker_id
from kalm_data.core.templates import render_document, render_query, resolve_templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.mining import Ranked
    from kalm_data.core.protocols import DenseSearch, Encoder, Run, Vectors, VectorSource
    from kalm_data.measures.ranking import Asked, Found, RankedPool


@dataclass(frozen=True, slots=True)
class Engines:
    """An encoder, the store of its vectors, exact search."""

    encoder: Encoder
    vectors: VectorSource
    search: DenseSearch


class DenseRanker:
    """Satisfies `measures.ranking.Ranker`; the documents are encoded when an example needs it."""

    needs: tuple[str, ...] = ()

    def __init__(self, run: Run, engines: Engines, over: RankedPool, depth: int) -> None:
        encoder = engines.encoder
        self._run, self._engines, self._over, self._depth = run, engines, over, depth
        prompts = encoder.query_prompt, encoder.document_prompt
        self._templates = resolve_templates(over.task, *prompts)
        self.id = ranker_id("dense", encoder.name, encoder.fingerprint, self._templates.fingerprint)
        self.cut = 0

    def rank(self, asked: Sequence[Asked], found: Found) -> Iterator[Ranked]:
        if not asked:
            return
        documents = self._documents
        queries = self._encoded(
            [render_query(self._templates, one.query, one.instruction) for one, _ in asked]
        )
        places = [self._over.places(one) for one, _ in asked]
        barred = [own.places for _, own in asked]
        rankings = self._engines.search.rank(queries, documents, places, barred, self._depth)
        for (example, _), one in zip(asked, rankings, strict=True):
            measured = [
                Measured(rank, score, score == 0)
                for rank, score in zip(one.ranks, one.positive_scores, strict=True)
            ]
            yield self._over.ranked(example, one.positions, one.scores, measured)

    @cached_property
    def _documents(self) -> Vectors:
        return self._encoded(
            [
                render_document(self._templates, document.text, document.title, document.headings)
                for document in self._over.pool.documents
            ]
        )

    def _encoded(self, texts: Sequence[str]) -> Vectors:
        self.cut += self._engines.encoder.count_cut(texts)
        return self._engines.vectors.vectors(self._run, self._engines.encoder, texts)
