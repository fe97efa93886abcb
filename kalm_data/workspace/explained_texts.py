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

_TEXTS = "SELECT text_hash, text FROM texts WHERE text_hash IN (SELECT unnest($hashes))"

# the view of current documents looks at all of them; here those that share an id do
_DOCUMENTS = f"""
WITH held AS (SELECT * FROM documents WHERE text_hash IN (SELECT unnest($hashes))),
latest AS (
    SELECT collection, doc_id, max(revision) AS revision FROM documents
    WHERE doc_id IN (SELECT doc_id FROM held) GROUP BY collection, doc_id
)
SELECT {TABLES[Document].names} FROM held JOIN latest USING (collection, doc_id, revision)
WHERE NOT retired ORDER BY collection, doc_id
"""

_REVISIONS = f"""
WITH named AS (
    SELECT DISTINCT collection, doc_id FROM documents WHERE text_hash = $hash
)
SELECT {TABLES[Document].names} FROM documents SEMI JOIN named USING (collection, doc_id)
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
    for row in connection.execute(_DOCUMENTS, {"hashes": asked}).fetchall():
        document = _document(row)
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
    rows = connection.execute(_REVISIONS, {"hash": text_hash}).fetchall()
    return tuple(_document(row) for row in rows)


def _document(row: Sequence[object]) -> Document:
    told = dict(zip(TABLES[Document].columns, row, strict=True))
    headings = told.pop("headings")
    return Document(**told, headings=tuple(headings))  # type: ignore[arg-type]
