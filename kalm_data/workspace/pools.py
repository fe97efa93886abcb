"""Reads the pool of a task: what its collections hold now, each distinct text once."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from kalm_data.core.pool import Pool, PoolColumns, most_protected, pool_of
from kalm_data.core.tasks import Task
from kalm_data.workspace.arrow_columns import to_column
from kalm_data.workspace.sparing import sparing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.workspace.database import Database

_DOCUMENTS = """
SELECT d.text_hash, d.collection, d.title, d.headings, d.language, d.split, d.parent
FROM current_documents d
WHERE d.collection IN (SELECT unnest(?))
ORDER BY d.text_hash, d.collection, d.doc_id
"""

_LANGUAGES = """
SELECT DISTINCT language FROM current_documents WHERE collection IN (SELECT unnest(?))
"""

_TEXTS = """
SELECT asked.place, t.text FROM asked JOIN texts t ON t.text_hash = asked.text_hash
"""

# lists are sorted, and made of distinct places, where they are read: DuckDB takes longer
_ALIKE = """
WITH near AS (
    SELECT "first" AS text_hash, "second" AS other FROM near_duplicates
    UNION ALL
    SELECT "second", "first" FROM near_duplicates
),
alike AS (
    SELECT near.text_hash, pool.place FROM near JOIN pool ON pool.text_hash = near.other
    UNION ALL
    SELECT other.text_hash, pool.place
    FROM pool JOIN texts mine USING (text_hash) JOIN texts other USING (norm_hash)
    WHERE other.text_hash <> mine.text_hash
)
SELECT text_hash, list(place) FROM alike GROUP BY text_hash ORDER BY text_hash
"""


def read_languages(database: Database, names: Sequence[str]) -> frozenset[str]:
    """Of the documents in the pools of the tasks that are there; of all tasks if none is named."""
    if not database.file.exists():
        return frozenset()
    with database.read() as connection:
        told = connection.execute("SELECT definition FROM current_tasks").fetchall()
        tasks = [Task.model_validate_json(definition) for (definition,) in told]
        chosen = [task for task in tasks if not names or task.name in names]
        collections = sorted({collection for task in chosen for collection in task.pool})
        found = connection.execute(_LANGUAGES, [collections]).fetchall()
    return frozenset(language for (language,) in found)


class PoolStore:
    """The pools of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pool(self, task: Task) -> Pool:
        """The current revisions' distinct texts of the task's collections; maybe empty."""
        collections = [list(task.pool)]
        with self._database.read() as connection:
            rows = connection.sql(_DOCUMENTS, params=collections).to_arrow_table()
        columns = _columns(rows)
        alike = _alike(self._database, columns.text_hashes)
        return pool_of(columns, alike, task.document_template, partial(_read, self._database))


def _columns(rows: pa.Table) -> PoolColumns:
    """rows: one a document, in order of (text hash, collection, id)."""
    of_rows = {name: rows[name].to_pylist() for name in rows.column_names}
    hashes, splits, parents = (of_rows[name] for name in ("text_hash", "split", "parent"))
    firsts = [row for row, one in enumerate(hashes) if not row or one != hashes[row - 1]]
    spans = [*pairwise([*firsts, len(hashes)])]  # the documents of each text
    collections = of_rows["collection"]
    return PoolColumns(
        text_hashes=[hashes[row] for row in firsts],
        titles=[of_rows["title"][row] for row in firsts],
        headings=[tuple(of_rows["headings"][row]) for row in firsts],
        languages=[of_rows["language"][row] for row in firsts],
        splits=[
            splits[first] if end == first + 1 else most_protected(splits[first:end])
            for first, end in spans
        ],
        labels=[""] * len(firsts),
        parents={
            place: frozenset(
                f"{collections[row]}\x1f{parents[row]}" for row in range(*span) if parents[row]
            )
            for place, span in enumerate(spans)
            if any(parents[slice(*span)])
        },
    )


def _alike(database: Database, hashes: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """By text hash the places, ascending, of its near-duplicates in the pool of these hashes."""
    with database.read() as connection:
        connection.register("pool", _placed(hashes))
        found = connection.execute(_ALIKE).fetchall()
    return {text_hash: tuple(sorted({*places})) for text_hash, places in found}


def _read(database: Database, hashes: Sequence[str]) -> list[str]:
    """Texts of the workspace, in order."""
    texts = [""] * len(hashes)
    with database.read() as connection:
        connection.register("asked", _placed(hashes))
        try:
            with sparing(connection):
                found = connection.execute(_TEXTS).fetchall()
        except duckdb.OutOfMemoryException:  # so long that it needs more for a few of them
            found = connection.execute(_TEXTS).fetchall()
    for place, text in found:
        texts[place] = text
    return texts


def _placed(hashes: Sequence[str]) -> pa.Table:
    return pa.table({
        "text_hash": to_column(hashes, pa.large_string()),
        "place": to_column(np.arange(len(hashes)), pa.int64()),
    })  # fmt: skip
