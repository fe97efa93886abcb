"""The answers to each query of a task as lines for people who look for what went wrong."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from kalm_data.core.metrics import DEPTH, METRICS, measure
from kalm_data.core.query_lines import SHOWN_HITS, QueryLine, ShownHit, SystemAnswer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kalm_data.core.eval_queries import JudgedQuery
    from kalm_data.core.pool import Pool
    from kalm_data.measures.systems import Found, Lists


def query_lines(
    task: str,
    queries: Sequence[JudgedQuery],
    lists: Mapping[str, Lists],
    pool: Pool,
    ids: Mapping[str, str],
) -> list[QueryLine]:
    """One line a query, in their order. ids: the document's id by text hash."""
    names = [ids[text_hash] for text_hash in pool.text_hashes]
    return [
        QueryLine(
            task=task,
            example_id=judged.query.example_id,
            query=judged.query.query,
            split="test",
            origin=judged.query.origin,
            relevant=tuple(sorted(names[position] for position in judged.relevant)),
            systems={
                system: _answer(found[place], judged.relevant, names)
                for system, found in lists.items()
            },
        )
        for place, judged in enumerate(queries)
    ]


def _answer(found: Found, relevant: Collection[int], names: Sequence[str]) -> SystemAnswer:
    ranks = (rank for rank, hit in enumerate(found.positions[:DEPTH], 1) if hit in relevant)
    figures = measure(found.positions, relevant).values()
    top = zip_longest(found.positions[:SHOWN_HITS], found.scores[:SHOWN_HITS])
    return SystemAnswer(
        rank=next(ranks, None),
        metrics=dict(zip(METRICS, figures, strict=True)),
        top=tuple(ShownHit(names[position], score) for position, score in top),
    )
