"""Texts with the documents that they are, looked up by hash, a few at a time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kalm_data.core.explanation import ExplainedText
from kalm_data.core.records import Document
from kalm_data.workspace.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

# one table at a time, first one column, then the rows that matter: joins read all of all columns
_TEXTS = """
SELECT text_hash, text FROM texts WHERE rowid IN (
    SELECT rowid FROM texts WHERE text_hash IN (SELECT unnest($hashes))
)
"""

_HELD = f"""
SELECT {TABLES[Document].names} FROM documents WHERE rowid IN (
    SELECT rowid FROM documents WHERE text_hash IN (SELECT unnest($hashes))
)
ORDER BY collection, doc_id, revision
"""

_LATER = """
SELECT collection, doc_id, max(revision) FROM documents
WHERE revision > 1 AND doc_id IN (SELECT unnest($ids)) GROUP BY collection, doc_id
"""

_REVISIONS = f"""
SELECT {TABLES[Document].names} FROM documents WHERE doc_id IN (SELECT unnest($ids))
ORDER BY collection, doc_id, revision
"""


def read_texts(connection: duckdb.DuckDBPyConnection, hashes: Iterable[str]) -> dict[str, str]:
    """Text hash → text."""
    asked = {"hashes": sorted({*hashes})}
    return dict(connection.execute(_TEXTS, asked).fetchall())


def explain_texts(
    connection: duckdb.DuckDBPyConnection, hashes: Iterable[str]
) -> dict[str, ExplainedText]:
    """Text hash → the text with its current documents, which may be none."""
    asked = sorted({*hashes})
    documents: defaultdict[str, list[Document]] = defaultdict(list)
    for document in _current(connection, asked):
        documents[document.text_hash].append(document)
    return {
        text_hash: ExplainedText(
            text_hash,
            text,
            tuple(documents[text_hash]),
            tuple(sorted({one.licence for one in documents[text_hash] if one.licence})),
        )
        for text_hash, text in read_texts(connection, asked).items()
    }


def read_revisions(connection: duckdb.DuckDBPyConnection, text_hash: str) -> tuple[Document, ...]:
    """All revisions of the documents that are or were the text, by collection and id."""
    held = _held(connection, [text_hash])
    names = {(one.collection, one.doc_id) for one in held}
    ids = sorted({one.doc_id for one in held})
    rows = connection.execute(_REVISIONS, {"ids": ids}).fetchall()
    return tuple(one for one in map(_document, rows) if (one.collection, one.doc_id) in names)


def _held(connection: duckdb.DuckDBPyConnection, hashes: Sequence[str]) -> list[Document]:
    rows = connection.execute(_HELD, {"hashes": hashes}).fetchall()
    return [_document(row) for row in rows]


def _current(connection: duckdb.DuckDBPyConnection, hashes: Sequence[str]) -> list[Document]:
    """As the view `current_documents` has them, which looks at all documents."""
    held = _held(connection, hashes)
    ids = sorted({one.doc_id for one in held})
    rows = connection.execute(_LATER, {"ids": ids}).fetchall()
    latest = {(collection, doc_id): revision for collection, doc_id, revision in rows}
    return [
        one
        for one in held
        if not one.retired and one.revision == latest.get((one.collection, one.doc_id), 1)
    ]


def _document(row: Sequence[object]) -> Document:
    told = dict(zip(TABLES[Document].columns, row, strict=True))
    headings = told.pop("headings")
    return Document(**told, headings=tuple(headings))  # type: ignore[arg-type]
