"""Ranks by the words that query and document share."""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from kalm_data.core.mining import Measured, ranker_id
from kalm_data.core.templates import BARE
from kalm_data.measures.written_pool import written_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kalm_data.core.mining import Ranked
    from kalm_data.core.protocols import TextSearch
    from kalm_data.measures.ranking import Asked, Found, RankedPool

VERSION = "okapi-1"
"""Changes with the scores or with what a word is."""


class Bm25Ranker:
    """Satisfies `measures.ranking.Ranker`. Titles and headings are searched with the text, and
    queries without an instruction; no template adds words of its own.
    """

    needs: tuple[str, ...] = ()
    cut = 0

    def __init__(
        self,
        make_search: Callable[[Iterable[str]], TextSearch],
        stem: str,
        over: RankedPool,
        depth: int,
    ) -> None:
        """make_search: an index over (P,) documents, which is made when an example needs it.

        Texts are read by the block; the index is in memory.
        """
        self._make_search, self._over, self._depth = make_search, over, depth
        self.pool_size = len(over.pool)
        self.id = ranker_id("bm25", stem, VERSION, stem)

    def rank(self, asked: Sequence[Asked], found: Found) -> Iterator[Ranked]:
        if not asked:
            return
        queries = [example.query for example, _ in asked]
        places = [self._over.places(example) for example, _ in asked]
        barred = [own.places for _, own in asked]
        rankings = self._search.rank(queries, places, barred, self._depth)
        for (example, _), one in zip(asked, rankings, strict=True):
            measured = [
                Measured(rank, score, score == 0)
                for rank, score in zip(one.ranks, one.positive_scores, strict=True)
            ]
            yield self._over.ranked(example, one.positions, one.scores, measured)

    @cached_property
    def _search(self) -> TextSearch:
        return self._make_search(chain.from_iterable(written_blocks(self._over.pool, BARE)))
