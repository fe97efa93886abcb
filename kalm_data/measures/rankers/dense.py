"""Ranks by the cosine of an encoder's vectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.mining import Measured, ranker_id
from kalm_data.core.seeded import digest
from kalm_data.core.templates import render_query, resolve_templates
from kalm_data.measures.written_pool import written_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from kalm_data.core.mining import MiningExample, Ranked
    from kalm_data.core.protocols import (
        DenseRanking,
        DenseSearch,
        Encoder,
        Run,
        Vectors,
        VectorSource,
    )
    from kalm_data.measures.ranking import Asked, Found, RankedPool

    Places = NDArray[np.int64]
    Scores = NDArray[np.float64]

_SAMPLED_AT_ONCE = 256
"""Queries that are ranked together over a sample, to which the positives of all are added."""


@dataclass(frozen=True, slots=True)
class Engines:
    """An encoder, the store of its vectors, exact search."""

    encoder: Encoder
    vectors: VectorSource
    search: DenseSearch


@dataclass(frozen=True, slots=True)
class PoolSample:
    """Rank over so many documents of the pool, drawn by the seed, and a query's own positives."""

    size: int
    seed: int

    def places(self, over: RankedPool) -> Places:
        """Positions in the pool, ascending; all where it is no larger."""
        text_hashes = over.pool.text_hashes
        order = sorted(
            range(len(text_hashes)),
            key=lambda place: digest(self.seed, "pool sample", text_hashes[place]),
        )
        return np.array(sorted(order[: self.size]), np.int64)


class DenseRanker:
    """Satisfies `measures.ranking.Ranker`; the documents are encoded when an example needs it."""

    needs: tuple[str, ...] = ()

    def __init__(
        self,
        run: Run,
        engines: Engines,
        over: RankedPool,
        depth: int,
        sample: PoolSample | None = None,
    ) -> None:
        encoder = engines.encoder
        self._run, self._engines, self._over, self._depth = run, engines, over, depth
        self._sample = sample if sample and sample.size < len(over.pool) else None
        self.pool_size = self._sample.size if self._sample else len(over.pool)
        prompts = encoder.query_prompt, encoder.document_prompt
        self._templates = resolve_templates(over.task, *prompts)
        made_from = [encoder.fingerprint, self._templates.fingerprint]
        if self._sample:
            made_from += ["sample", str(self._sample.size), str(self._sample.seed)]
        self.id = ranker_id("dense", encoder.name, *made_from)
        self.cut = 0

    def rank(self, asked: Sequence[Asked], found: Found) -> Iterator[Ranked]:
        if self._sample is None:
            yield from self._rank(asked) if asked else ()
            return
        for start in range(0, len(asked), _SAMPLED_AT_ONCE):
            yield from self._rank_over_sample(asked[start : start + _SAMPLED_AT_ONCE])

    def _rank(self, asked: Sequence[Asked]) -> Iterator[Ranked]:
        rankings = self._engines.search.rank(
            self._queries(asked),
            self._documents,
            [self._over.places(one) for one, _ in asked],
            [own.places for _, own in asked],
            self._depth,
        )
        for (example, _), one in zip(asked, rankings, strict=True):
            yield self._ranked(example, one, one.positions, one.scores)

    def _rank_over_sample(self, asked: Sequence[Asked]) -> Iterator[Ranked]:
        """The positives of all queries join the sample; no rank and no hit but of their own query
        counts them.
        """
        owned = {place for one, _ in asked for place in self._over.places(one)}
        joined = np.array(sorted(owned.difference(self._sampled.tolist())), np.int64)
        places = np.union1d(self._sampled, joined)
        own = [np.array(self._over.places(one), np.int64) for one, _ in asked]
        foreign = [np.setdiff1d(joined, mine) for mine in own]
        barred = [
            np.union1d(np.intersect1d(np.array(excluded.places, np.int64), places), others)
            for (_, excluded), others in zip(asked, foreign, strict=True)
        ]
        rankings = self._engines.search.rank(
            self._queries(asked),
            self._with_sample(places, joined),
            [np.searchsorted(places, mine).tolist() for mine in own],
            [np.searchsorted(places, out).tolist() for out in barred],
            self._depth + len(joined),
        )
        for (example, _), one, others in zip(asked, rankings, foreign, strict=True):
            positions = places[one.positions]
            stays = ~np.isin(positions, others)
            hits = positions[stays][: self._depth], one.scores[stays][: self._depth]
            yield self._ranked(example, one, *hits)

    def _ranked(
        self, example: MiningExample, one: DenseRanking, positions: Places, scores: Scores
    ) -> Ranked:
        measured = [
            Measured(rank, score, score == 0)
            for rank, score in zip(one.ranks, one.positive_scores, strict=True)
        ]
        return self._over.ranked(example, positions, scores, measured)

    def _queries(self, asked: Sequence[Asked]) -> Vectors:
        queries = [render_query(self._templates, one.query, one.instruction) for one, _ in asked]
        return self._encoded([queries])

    @cached_property
    def _sampled(self) -> Places:
        assert self._sample is not None
        return self._sample.places(self._over)

    @cached_property
    def _documents(self) -> Vectors:
        """Vectors of the pool, or of its sample."""
        places = None if self._sample is None else self._sampled.tolist()
        return self._encoded(written_blocks(self._over.pool, self._templates, places))

    def _with_sample(self, places: Places, joined: Places) -> Vectors:
        """(N, D) vectors of the sample and of the documents that joined it, by position."""
        if not len(joined):
            return self._documents
        added = self._encoded(written_blocks(self._over.pool, self._templates, joined.tolist()))
        made = np.empty((len(places), added.shape[1]), np.float32)
        is_added = np.isin(places, joined)
        made[is_added], made[~is_added] = added, self._documents
        return made

    def _encoded(self, blocks: Iterable[Sequence[str]]) -> Vectors:
        """(N, D) vectors of texts that come by the block."""
        counted = map(self._counted, blocks)
        return self._engines.vectors.of_blocks(self._run, self._engines.encoder, counted)

    def _counted(self, texts: Sequence[str]) -> Sequence[str]:
        self.cut += self._engines.encoder.count_cut(texts)
        return texts
