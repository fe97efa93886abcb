"""Reads the pool of a task: what its collections hold now, each distinct text once."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kalm_data.core.pool import Pool, PoolColumns, most_protected, pool_of
from kalm_data.core.tasks import Task
from kalm_data.workspace.arrow_columns import to_column

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
SELECT t.text FROM asked JOIN texts t ON t.text_hash = asked.text_hash ORDER BY asked.place
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
            near = connection.execute(_NEAR, collections).fetchall()
        columns = _columns(rows)
        return pool_of(columns, near, task.document_template, partial(_read, self._database))


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
        splits=[most_protected(splits[first:end]) for first, end in spans],
        labels=[""] * len(firsts),
        parents={
            place: frozenset(
                f"{collections[row]}\x1f{parents[row]}" for row in range(*span) if parents[row]
            )
            for place, span in enumerate(spans)
            if any(parents[slice(*span)])
        },
    )


def _read(database: Database, hashes: Sequence[str]) -> list[str]:
    """Texts of the workspace, in order."""
    asked = pa.table({
        "text_hash": to_column(hashes, pa.large_string()),
        "place": to_column(np.arange(len(hashes)), pa.int64()),
    })  # fmt: skip
    with database.read() as connection:
        connection.register("asked", asked)
        return [text for (text,) in connection.execute(_TEXTS).fetchall()]
