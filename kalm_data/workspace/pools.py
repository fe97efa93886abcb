"""Reads the pool of a task: what its collections hold now, each distinct text once."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from kalm_data.core.pool import Pool, PoolDocument, make_pool, most_protected

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kalm_data.core.tasks import Task
    from kalm_data.workspace.database import Database

_Row = tuple[str, str, str, str, list[str], str, str, str]

_DOCUMENTS = """
SELECT d.text_hash, d.collection, d.doc_id, d.title, d.headings, d.language, d.split, d.parent
FROM current_documents d
WHERE d.collection IN (SELECT unnest(?))
ORDER BY d.text_hash, d.collection, d.doc_id
"""

_TEXTS = """
SELECT t.text_hash, t.text
FROM texts t
WHERE t.text_hash IN (
    SELECT text_hash FROM current_documents WHERE collection IN (SELECT unnest(?))
)
"""

_NEAR = """
WITH pool AS (
    SELECT DISTINCT text_hash FROM current_documents WHERE collection IN (SELECT unnest(?))
)
SELECT "first", "second" FROM near_duplicates
WHERE "first" IN (SELECT text_hash FROM pool) OR "second" IN (SELECT text_hash FROM pool)
UNION
SELECT mine.text_hash, other.text_hash
FROM texts mine JOIN texts other
    ON mine.norm_hash = other.norm_hash AND mine.text_hash <> other.text_hash
WHERE mine.text_hash IN (SELECT text_hash FROM pool)
ORDER BY 1, 2
"""


class PoolStore:
    """The pools of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pool(self, task: Task) -> Pool:
        """The current revisions' distinct texts of the task's collections; maybe empty."""
        collections = [list(task.pool)]
        with self._database.read() as connection:
            rows = connection.execute(_DOCUMENTS, collections).fetchall()
            texts = dict(connection.execute(_TEXTS, collections).fetchall())
            near = connection.execute(_NEAR, collections).fetchall()
        grouped = groupby(rows, key=itemgetter(0))
        documents = (_document(texts[text_hash], same) for text_hash, same in grouped)
        return make_pool(documents, near, task.document_template)


def _document(text: str, same: Iterable[_Row]) -> PoolDocument:
    """One distinct text from the rows of its documents, in order of (collection, id)."""
    rows = list(same)
    text_hash, _, _, title, headings, language, _, _ = rows[0]
    return PoolDocument(
        text_hash=text_hash,
        text=text,
        title=title,
        headings=tuple(headings),
        language=language,
        split=most_protected([row[6] for row in rows]),
        parents=frozenset([f"{row[1]}\x1f{row[7]}" for row in rows if row[7]]),
    )
