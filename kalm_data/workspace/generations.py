"""What `synth` reads: the documents to write queries for, the journal, the queries there are."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kalm_data.core.synthesis import Journalled, SourceDocument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.records import Split
    from kalm_data.core.tasks import Task
    from kalm_data.workspace.database import Database

# A text is of the most protected split that any of its documents has, in any collection.
_SOURCES = """
SELECT text_hash FROM current_documents
WHERE text_hash IN (
    SELECT text_hash FROM current_documents WHERE collection IN (SELECT unnest($collections))
)
GROUP BY text_hash
HAVING max(CASE split WHEN 'test' THEN 2 WHEN 'dev' THEN 1 ELSE 0 END)
    = CASE $split WHEN 'test' THEN 2 WHEN 'dev' THEN 1 ELSE 0 END
ORDER BY text_hash
"""

_DOCUMENTS = """
SELECT d.text_hash, d.title, t.text, d.language
FROM (
    SELECT text_hash, title, language FROM current_documents
    WHERE collection IN (SELECT unnest($collections)) AND text_hash IN (SELECT unnest($hashes))
    QUALIFY row_number() OVER (PARTITION BY text_hash ORDER BY collection, doc_id) = 1
) d JOIN texts t USING (text_hash)
ORDER BY d.text_hash
"""

_JOURNAL = """
SELECT request_key, attempt, facet, outcome, numbers, reply FROM generations
WHERE task = $task AND request_key IN (SELECT unnest($keys))
QUALIFY row_number() OVER (PARTITION BY request_key ORDER BY attempt DESC) = 1
ORDER BY request_key
"""

_QUERIES = """
SELECT DISTINCT j.text_hash, t.norm_hash
FROM judgements j
JOIN examples e ON e.example_id = j.example_id
JOIN texts t ON t.text_hash = e.query_hash
WHERE e.task = $task AND j.label = 'positive' AND j.text_hash IN (SELECT unnest($hashes))
ORDER BY ALL
"""

_PROTECTED = """
SELECT DISTINCT t.norm_hash
FROM examples e JOIN texts t ON t.text_hash = e.query_hash
WHERE e.task = $task AND e.split <> $split
ORDER BY t.norm_hash
"""


class GenerationStore:
    """Sources, journal and queries of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sources(self, task: Task, split: Split) -> list[str]:
        """Hashes of the distinct texts of the task's pool that belong to the split, sorted."""
        parameters = {"collections": list(task.pool), "split": split}
        with self._database.read() as connection:
            return [row[0] for row in connection.execute(_SOURCES, parameters).fetchall()]

    def documents(self, task: Task, hashes: Sequence[str]) -> dict[str, SourceDocument]:
        """Text hash → document, with the title of its first document by (collection, id)."""
        parameters = {"collections": list(task.pool), "hashes": list(hashes)}
        with self._database.read() as connection:
            rows = connection.execute(_DOCUMENTS, parameters).fetchall()
        return {row[0]: SourceDocument(*row) for row in rows}

    def journal(self, task: str, keys: Sequence[str]) -> dict[str, Journalled]:
        """Request key → the latest attempt at it for the task; keys never asked are missing."""
        with self._database.read() as connection:
            rows = connection.execute(_JOURNAL, {"task": task, "keys": list(keys)}).fetchall()
        return {row[0]: Journalled(*row) for row in rows}

    def queries(self, task: str, hashes: Sequence[str]) -> dict[str, set[str]]:
        """Text hash → norm hashes of the task's queries that the document answers."""
        parameters = {"task": task, "hashes": list(hashes)}
        with self._database.read() as connection:
            rows = connection.execute(_QUERIES, parameters).fetchall()
        found: dict[str, set[str]] = defaultdict(set)
        for text_hash, norm_hash in rows:
            found[text_hash].add(norm_hash)
        return found

    def protected_queries(self, task: str, split: Split) -> set[str]:
        """Norm hashes of the task's queries of every other split."""
        with self._database.read() as connection:
            rows = connection.execute(_PROTECTED, {"task": task, "split": split}).fetchall()
        return {row[0] for row in rows}
