"""From the rows of a batch to its distinct texts and to who learns from whom.

Letters: Q rows (queries), P distinct documents, T distinct texts (queries and documents), U
distinct queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kalm_data.core.records import text_hash
from kalm_data.core.templates import render_document, render_query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from kalm_data.core.templates import Templates
    from kalm_data.trainer.rows import Row, ScoredRow


@dataclass(frozen=True, slots=True)
class Draw:
    """What of a row is used in this epoch: one positive, and which of its negatives."""

    positive: int
    negatives: tuple[int, ...]


class Own(NamedTuple):
    """A row's document: its column in the batch, and its place among the row's own."""

    column: int
    place: int


@dataclass(frozen=True, slots=True)
class Batch:
    """texts: (T,) rendered, each once, in order of first occurrence.

    queries: (Q,) and documents: (P,) places in `texts`. positives: (Q,) columns of the documents.
    counted: (Q, P) whether a document takes part in the softmax of a query. negatives: of each
    query, its own hard negatives that do. others: (Q, P) whether a document that does is another
    row's alone.
    """

    texts: list[str]
    queries: list[int]
    documents: list[int]
    positives: list[int]
    counted: NDArray[np.bool_]
    negatives: list[list[Own]]
    others: NDArray[np.bool_]


def compose_batch(
    rows: Sequence[Row], draws: Sequence[Draw], templates: Mapping[str, Templates]
) -> Batch:
    """The batch of `rows`; templates by task.

    A query's softmax runs over its own documents and, where its task allows, those of all other
    rows whose task allows; but never over a known positive of its own, recognised by id or by
    what is written, nor over another row's document of the group of one, or that is the query
    itself. What a row names as its own negative stays, unless it is one of its positives.
    """
    texts: dict[str, int] = {}
    columns: dict[str, int] = {}
    own: list[list[int]] = []
    ids: dict[str, set[int]] = {}
    groups: dict[str, set[int]] = {}
    queries = []
    for row, draw in zip(rows, draws, strict=True):
        rendered = render_query(templates[row.task], row.query, row.instruction)
        queries.append(texts.setdefault(rendered, len(texts)))
        own.append([])
        for text_id, group, document in _documents(row, draw, templates[row.task]):
            texts.setdefault(document, len(texts))
            column = columns.setdefault(document, len(columns))
            ids.setdefault(text_id, set()).add(column)
            groups.setdefault(group, set()).add(column)
            own[-1].append(column)
    known = [_columns_of(row.pos_ids, ids) for row in rows]
    alike = [
        _columns_of(row.pos_groups, groups) | ids.get(text_hash(row.query), set()) for row in rows
    ]
    others = _others([row.in_batch for row in rows], own, known, alike, len(columns))
    counted = _counted(others, own, known)
    return Batch(
        texts=list(texts),
        queries=queries,
        documents=[texts[document] for document in columns],
        positives=[found[0] for found in own],
        counted=counted,
        negatives=[
            list(_negatives(found, draw, counts))
            for found, draw, counts in zip(own, draws, counted, strict=True)
        ],
        others=others,
    )


@dataclass(frozen=True, slots=True)
class PairBatch:
    """texts: (T,) rendered, each once. first, second: (B,) places in them. tasks: (B,) numbers."""

    texts: list[str]
    first: list[int]
    second: list[int]
    tasks: list[int]


def compose_pairs(pairs: Sequence[ScoredRow], templates: Mapping[str, Templates]) -> PairBatch:
    """The batch of scored pairs. The second text is written as a query where its task is
    symmetric, else as a document.
    """
    texts: dict[str, int] = {}
    tasks: dict[str, int] = {}
    first, second = [], []
    for pair in pairs:
        of_task = templates[pair.task]
        one = render_query(of_task, pair.first, pair.instruction)
        other = (
            render_query(of_task, pair.second, pair.instruction)
            if pair.symmetric
            else render_document(of_task, pair.second)
        )
        first.append(texts.setdefault(one, len(texts)))
        second.append(texts.setdefault(other, len(texts)))
    numbers = [tasks.setdefault(pair.task, len(tasks)) for pair in pairs]
    return PairBatch(list(texts), first, second, numbers)


def peers(rows: Sequence[Row], queries: Sequence[int]) -> tuple[list[int], NDArray[np.bool_]]:
    """The distinct ones (U,) of `queries`, and which are negatives of each row's query, (Q, U).

    Both rows must take in-batch negatives. No negatives are the query itself, one that shares a
    known positive or the group of one, and one that is such a positive itself.
    """
    distinct = {query: place for place, query in enumerate(dict.fromkeys(queries))}
    named: dict[str, set[int]] = {}
    for row, query in zip(rows, queries, strict=True):
        for name in _names(row):
            named.setdefault(name, set()).add(distinct[query])
    shared = np.zeros(len(distinct), dtype=bool)
    shared[[distinct[query] for row, query in zip(rows, queries, strict=True) if row.in_batch]] = 1
    counted = np.zeros((len(rows), len(distinct)), dtype=bool)
    for place, (row, query) in enumerate(zip(rows, queries, strict=True)):
        if row.in_batch:
            counted[place] = shared
            counted[place, list(_columns_of(_names(row), named) | {distinct[query]})] = False
    return list(distinct), counted


def teacher_texts(
    rows: Sequence[Row],
    draws: Sequence[Draw],
    templates: Mapping[str, Templates],
    teacher: Mapping[str, Templates],
) -> tuple[list[str], list[str]]:
    """The queries (Q,) and documents (P,) of `compose_batch`, as a teacher has them written."""
    queries: list[str] = []
    documents: dict[str, str] = {}
    for row, draw in zip(rows, draws, strict=True):
        queries.append(render_query(teacher[row.task], row.query, row.instruction))
        ours = _documents(row, draw, templates[row.task])
        theirs = _documents(row, draw, teacher[row.task])
        for (_, _, document), (_, _, written) in zip(ours, theirs, strict=True):
            documents.setdefault(document, written)
    return queries, list(documents.values())


def draw_negatives(available: int, wanted: int, key: int) -> tuple[int, ...]:
    """`wanted` neighbours on the ring of a row's negatives, starting where `key` says."""
    return tuple((key + i) % available for i in range(min(wanted, available)))


def _documents(row: Row, draw: Draw, templates: Templates) -> Iterable[tuple[str, str, str]]:
    """(id, group, rendered text): the positive first, then the negatives."""
    i = draw.positive
    positive = render_document(templates, row.pos[i], row.pos_titles[i])
    yield row.pos_ids[i], row.pos_groups[i], positive
    for i in draw.negatives:
        negative = render_document(templates, row.neg[i], row.neg_titles[i])
        yield row.neg_ids[i], row.neg_groups[i], negative


def _names(row: Row) -> set[str]:
    """Ids and groups of what answers a query, and its own id."""
    return {*row.pos_ids, *row.pos_groups, text_hash(row.query)}


def _columns_of(names: Iterable[str], found: Mapping[str, set[int]]) -> set[int]:
    return set().union(*(found.get(name, ()) for name in names))


def _others(
    in_batch: Sequence[bool],
    own: Sequence[Sequence[int]],
    known: Sequence[set[int]],
    alike: Sequence[set[int]],
    width: int,
) -> NDArray[np.bool_]:
    """(Q, width) whether a document of other rows counts for a query."""
    shared = np.zeros(width, dtype=bool)
    for gives, columns in zip(in_batch, own, strict=True):
        if gives:
            shared[columns] = True
    others = np.zeros((len(own), width), dtype=bool)
    for place, columns in enumerate(own):
        if in_batch[place]:
            others[place] = shared
            others[place, [*known[place], *alike[place], *columns]] = False
    return others


def _counted(
    others: NDArray[np.bool_], own: Sequence[Sequence[int]], known: Sequence[set[int]]
) -> NDArray[np.bool_]:
    """(Q, P) whether a document counts for a query (`compose_batch` says when)."""
    counted = others.copy()
    for place, columns in enumerate(own):
        counted[place, columns] = True
        counted[place, list(known[place])] = False
        counted[place, columns[0]] = True
    return counted


def _negatives(columns: Sequence[int], draw: Draw, counts: NDArray[np.bool_]) -> Iterator[Own]:
    """The hard negatives of a row that count, each column once."""
    met = {columns[0]}
    for column, place in zip(columns[1:], draw.negatives, strict=True):
        if counts[column] and column not in met:
            met.add(column)
            yield Own(column, place)
