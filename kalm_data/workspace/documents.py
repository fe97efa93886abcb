"""What imports ask of the workspace: documents, their texts and splits, examples, judgements."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kalm_data.core.records import Document, Example, Label
from kalm_data.workspace.known_texts import read_known_texts
from kalm_data.workspace.schema import TABLES
from kalm_data.workspace.tasks import read_content, read_task_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.arrivals import Content
    from kalm_data.core.records import TaskRow
    from kalm_data.core.splits import KnownTexts
    from kalm_data.workspace.database import Database

_LATEST = f"""
SELECT {TABLES[Document].names} FROM documents
WHERE collection IN (SELECT unnest(?))
QUALIFY row_number() OVER (PARTITION BY collection, doc_id ORDER BY revision DESC) = 1
ORDER BY collection, doc_id
"""

# near-duplicates, parts of one whole, and revisions of one document
_EDGES = """
SELECT one, other FROM (
    SELECT "first" AS one, "second" AS other FROM near_duplicates
    UNION
    SELECT min(text_hash) OVER (PARTITION BY collection, parent), text_hash
    FROM documents WHERE parent <> ''
    UNION
    SELECT min(text_hash) OVER (PARTITION BY collection, doc_id), text_hash FROM documents
)
WHERE one <> other
ORDER BY one, other
"""

_EXAMPLES = f"SELECT {TABLES[Example].names} FROM examples WHERE task = ? ORDER BY example_id"

_IDS_OF_PAIRS = """
SELECT DISTINCT doc_id FROM current_documents
WHERE collection = ? AND doc_id = text_hash
    AND text_hash IN (SELECT text_hash FROM judgements WHERE origin = 'import')
ORDER BY doc_id
"""

# 'positive' sorts behind 'negative': where a document is both, the positive is read last and wins
_JUDGED = """
SELECT j.example_id, j.text_hash, j.label
FROM judgements j JOIN examples e USING (example_id)
WHERE e.task = ? AND (j.origin = 'import' OR j.label = 'positive')
ORDER BY j.example_id, j.text_hash, j.label
"""

_IMPORTED = """
SELECT j.example_id, j.text_hash, j.label
FROM judgements j JOIN examples e USING (example_id)
WHERE e.task = ? AND j.origin = 'import'
ORDER BY j.example_id, j.text_hash, j.label
"""


class DocumentStore:
    """The documents and imported pairs of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def task(self, name: str) -> TaskRow | None:
        """The latest revision of the task."""
        return read_task_row(self._database, name)

    def content(self, task: str) -> Content | None:
        """What the task is made of so far."""
        return read_content(self._database, task)

    def latest_documents(self, collections: Sequence[str]) -> list[Document]:
        """The highest revision of each document, tombstones too, in order of collection and id."""
        names = TABLES[Document].columns
        with self._database.read() as connection:
            rows = connection.execute(_LATEST, [list(collections)]).fetchall()
        found = (dict(zip(names, row, strict=True)) for row in rows)
        return [Document(**{**row, "headings": tuple(row["headings"])}) for row in found]

    def known_texts(self) -> KnownTexts:
        """The texts of all documents there ever were: what had a split keeps it."""
        return read_known_texts(self._database, "documents", _EDGES)

    def ids_of_pairs(self, collection: str) -> frozenset[str]:
        """Documents whose id is their text's hash and that a pair names."""
        with self._database.read() as connection:
            rows = connection.execute(_IDS_OF_PAIRS, [collection]).fetchall()
        return frozenset(doc_id for (doc_id,) in rows)

    def examples(self, task: str) -> dict[str, Example]:
        """The examples of the task by id, of whatever origin."""
        with self._database.read() as connection:
            rows = connection.execute(_EXAMPLES, [task]).fetchall()
        return {row[0]: Example(*row) for row in rows}

    def judged(self, task: str) -> dict[str, dict[str, Label]]:
        """Text hash and label of each example's positives and imported negatives."""
        return self._labels(_JUDGED, task)

    def imported(self, task: str) -> dict[str, dict[str, Label]]:
        """Text hash and label of what imports said of each example."""
        return self._labels(_IMPORTED, task)

    def _labels(self, query: str, task: str) -> dict[str, dict[str, Label]]:
        with self._database.read() as connection:
            rows = connection.execute(query, [task]).fetchall()
        judged: defaultdict[str, dict[str, Label]] = defaultdict(dict)
        for example_id, text_hash, label in rows:
            judged[example_id][text_hash] = label
        return dict(judged)
