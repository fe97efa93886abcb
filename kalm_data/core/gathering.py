"""Gathers the rows of pairs into examples: a query that comes twice joins its positives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kalm_data.core.pool import most_protected
from kalm_data.core.records import example_id
from kalm_data.core.rows import BadRow, refused, row_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kalm_data.core.pair_rows import PairRow
    from kalm_data.core.records import Split


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """A row whose documents are known by their text hashes, in order of appearance."""

    row: PairRow
    positives: tuple[str, ...]
    negatives: tuple[str, ...]


@dataclass(slots=True)
class Gathered:
    """An example in the making. `positives` and `negatives` are text hashes, never in both."""

    example_id: str
    rows: list[JudgedRow] = field(default_factory=list)
    positives: dict[str, None] = field(default_factory=dict)
    negatives: dict[str, None] = field(default_factory=dict)

    @property
    def first(self) -> PairRow:
        return self.rows[0].row

    @property
    def given_split(self) -> Split | None:
        given = [judged.row.split for judged in self.rows if judged.row.split]
        return most_protected(given) if given else None

    @property
    def instruction(self) -> str:
        """The first that a row has."""
        return next(filter(None, (judged.row.instruction for judged in self.rows)), "")


@dataclass(frozen=True, slots=True)
class Gathering:
    """Examples with a positive, in order of appearance; rows and parts of rows turned away."""

    examples: Sequence[Gathered]
    bad: Sequence[BadRow]
    flaws: Sequence[BadRow]


def resolve_ids(
    rows: Iterable[PairRow], texts_by_id: Mapping[str, str]
) -> Iterator[tuple[JudgedRow, list[BadRow]]]:
    """Each row with the text hashes of its documents, and the ids that no document has."""
    for row in rows:
        positive_ids = [_meant(doc_id, texts_by_id) for doc_id in row.positive_ids]
        negative_ids = [_meant(doc_id, texts_by_id) for doc_id in row.negative_ids]
        ids = (*positive_ids, *negative_ids)
        unknown = [
            _unknown_document(row, doc_id, is_cut=_chunk(doc_id, 0) in texts_by_id)
            for doc_id in ids
            if doc_id not in texts_by_id
        ]
        positives = [text.text_hash for text in row.positives]
        negatives = [text.text_hash for text in row.negatives]
        positives += [texts_by_id[i] for i in positive_ids if i in texts_by_id]
        negatives += [texts_by_id[i] for i in negative_ids if i in texts_by_id]
        yield JudgedRow(row, tuple(positives), tuple(negatives)), [*row.flaws, *unknown]


def gather(
    task: str,
    rows: Iterable[tuple[JudgedRow, list[BadRow]]],
    judged_before: Mapping[str, Iterable[str]],
) -> Gathering:
    """Examples of the rows; `judged_before` has each known example's positives (text hashes).

    A row without a positive is kept where its query has one from another row or from before. A
    document that is positive for a query is no negative of it: that part is turned away.
    """
    examples: dict[str, Gathered] = {}
    flaws: list[BadRow] = []
    empty: list[BadRow] = []
    for judged, row_flaws in rows:
        if not judged.positives and not judged.negatives:
            empty.append(_without_documents(judged.row, row_flaws))
            continue
        flaws += row_flaws
        key = example_id(task, judged.row.query)
        gathered = examples.setdefault(key, Gathered(key))
        gathered.rows.append(judged)
        gathered.positives |= dict.fromkeys(judged.positives)
    full: list[Gathered] = []
    for gathered in examples.values():
        known = {*gathered.positives, *judged_before.get(gathered.example_id, ())}
        if known:
            flaws += _contradictions(gathered, known)
            full.append(gathered)
        else:
            empty += [_without_documents(judged.row, []) for judged in gathered.rows]
    return Gathering(full, empty, flaws)


def _contradictions(gathered: Gathered, positives: set[str]) -> Iterator[BadRow]:
    """Fill the negatives, leaving out and yielding those that are positives."""
    for judged in gathered.rows:
        for text_hash in judged.negatives:
            if text_hash in positives:
                problem = "a negative is also a positive of the query. Remove one of the two."
                yield _flaw(judged.row, "contradiction", problem, text_hash)
            else:
                gathered.negatives[text_hash] = None


def _meant(doc_id: str, texts_by_id: Mapping[str, str]) -> str:
    """The name of a file that is one chunk means that chunk."""
    if doc_id in texts_by_id or _chunk(doc_id, 1) in texts_by_id:
        return doc_id
    only = _chunk(doc_id, 0)
    return only if only in texts_by_id else doc_id


def _chunk(file: str, position: int) -> str:
    """Its id, as `document_rows` names the chunks of a file."""
    return f"{file}#{position}"


def _unknown_document(row: PairRow, doc_id: str, *, is_cut: bool) -> BadRow:
    problem = f'no document of the task has the id "{doc_id}". Import it first, or mend the id.'
    if is_cut:
        named = ", ".join(_chunk(doc_id, position) for position in range(2))
        problem = f'the file "{doc_id}" was cut into chunks. Name the one that answers: {named}, …'
    return _flaw(row, "unknown_document", problem, doc_id)


def _without_documents(row: PairRow, flaws: Sequence[BadRow]) -> BadRow:
    """The row with the first of its flaws as the reason."""
    problem = "the query has no positive. Add one, or remove the row."
    error = flaws[0].error if flaws else row_error(row.source, row.line, "no_positive", problem)
    return refused(row.source, row.line, error, row.query)


def _flaw(row: PairRow, reason: str, problem: str, part: str) -> BadRow:
    error = row_error(row.source, row.line, reason, problem)
    return refused(row.source, row.line, error, row.query, f"{row.source}:{row.line}:{part}")
