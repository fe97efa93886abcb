"""The test queries of a BEIR folder with their pool, without a workspace."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from kalm_data.core.columns import clean_text
from kalm_data.core.config.imports import ImportDocumentsConfig
from kalm_data.core.document_rows import DocumentRow, read_documents
from kalm_data.core.errors import InputError, RowError
from kalm_data.core.evaluation import EvalQuery
from kalm_data.core.near_duplicates import near_duplicates
from kalm_data.core.pool import PoolDocument, make_pool
from kalm_data.core.records import example_id
from kalm_data.core.retrieval_sets import RetrievalSet
from kalm_data.core.rows import BadRow, refused
from kalm_data.core.tasks import Task
from kalm_data.engines.readers.beir import read_corpus, read_judged_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from kalm_data.core.pool import Pool
    from kalm_data.core.rows import RawRow

R = TypeVar("R")
_SPLIT = "test"


def read_beir_set(folder: Path, name: str, tell: Callable[[str], None]) -> RetrievalSet:
    """Corpus and the queries of qrels/test.tsv, read as `import` reads them.

    `tell` hears how many rows were turned away. Raises InputError where a file is missing, or no
    query is judged.
    """
    rows = _readable(read_documents(read_corpus(folder), ImportDocumentsConfig(), None), name, tell)
    documents: dict[str, DocumentRow] = {}
    for row in rows:
        documents.setdefault(row.doc_id, row)
    task = Task(name="regress")
    queries = _queries(folder, task, documents, name, tell)
    if not queries:
        message = f"{folder}: qrels/{_SPLIT}.tsv judges no query. Name a set that has test queries."
        raise InputError(message)
    return RetrievalSet(name, task, queries, _pool(documents.values(), queries))


def _queries(
    folder: Path,
    task: Task,
    documents: Mapping[str, DocumentRow],
    name: str,
    tell: Callable[[str], None],
) -> list[EvalQuery]:
    """Rows with one query are one, with all of their positives; in order of id."""
    found: dict[str, EvalQuery] = {}
    positives: dict[str, set[str]] = {}
    rows = (
        row if isinstance(row, BadRow) else _query(row, task)
        for row in read_judged_queries(folder)
        if isinstance(row, BadRow) or row.split == _SPLIT
    )
    for query, ids in _readable(rows, name, tell):
        found.setdefault(query.example_id, query)
        hashes = {documents[one].text.text_hash for one in ids if one in documents}
        positives.setdefault(query.example_id, set()).update(hashes)
    return [
        replace(query, positives=tuple(sorted(positives[key])))
        for key, query in sorted(found.items())
    ]


def _query(row: RawRow, task: Task) -> tuple[EvalQuery, list[str]] | BadRow:
    """The query without its positives, and their ids: none where the row says what answers not."""
    try:
        text = clean_text(row, "query", row.fields.get("query"))
    except RowError as error:
        return refused(row.source, row.line, error, str(dict(row.fields)))
    instruction, language = (str(row.fields.get(key, "")) for key in ("instruction", "language"))
    key = example_id(task.name, text)
    query = EvalQuery(key, text, instruction, language, "import", row.source, row.line, ())
    given = row.fields.get("pos_id")
    return query, list(map(str, given)) if isinstance(given, list) else []


def _pool(documents: Iterable[DocumentRow], queries: Iterable[EvalQuery]) -> Pool:
    """Each distinct text once, and the near-duplicates of all answers.

    Pairs of two documents that answer nothing are not looked for: no measure reads them.
    """
    distinct: dict[str, DocumentRow] = {}
    for row in sorted(documents, key=lambda row: row.doc_id):
        distinct.setdefault(row.text.text_hash, row)
    answers = {hash_ for query in queries for hash_ in query.positives}
    near = near_duplicates(
        [row.text for key, row in distinct.items() if key in answers],
        [row.text for key, row in distinct.items() if key not in answers],
    )
    return make_pool(map(_document, distinct.values()), [(p.first, p.second) for p in near], "")


def _document(row: DocumentRow) -> PoolDocument:
    return PoolDocument(
        row.text.text_hash, row.text.text, row.title, (), row.language, "test", frozenset()
    )


def _readable(rows: Iterable[R | BadRow], name: str, tell: Callable[[str], None]) -> list[R]:
    read: list[R] = []
    bad: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, BadRow):
            bad[row.error.reason] += 1
        else:
            read.append(row)
    if bad:
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(bad.items()))
        tell(f"{name}: rows that were turned away: {counts}")
    return read
