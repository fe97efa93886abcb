"""How two workspaces differ: their documents and examples, tasks, rules in force and inputs."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.difference import RowChange, flat
from kalm_data.workspace.changes import change_of, comparing, count_changes, find_changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

    from kalm_data.core.difference import Counts
    from kalm_data.workspace.database import Database

PARTS = ("content", "title", "split_of", "licence", "positives")
_AT_ONCE = 10_000

# Equal digests are equal rows within this process, which is all that is asked of `hash`.
_ROWS = """
SELECT 'documents of ' || collection AS task, '' AS split, doc_id AS key,
    hash(text_hash) AS content, hash(title) AS title, hash(split) AS split_of,
    hash(licence) AS licence, NULL::UBIGINT AS positives, left(t.text, 200) AS text
FROM current_documents JOIN texts t USING (text_hash)
UNION ALL
SELECT 'examples of ' || e.task, '', e.example_id, NULL, NULL, hash(e.split), NULL,
    (SELECT hash(list_sort(list(DISTINCT j.text_hash))) FROM judgements j
        ANTI JOIN current_drops USING (example_id, text_hash)
        WHERE j.example_id = e.example_id AND j.label = 'positive'), t.text
FROM examples e JOIN texts t ON t.text_hash = e.query_hash
"""

_DETAILS = """
SELECT change, task, split, key, coalesce(b.text, a.text), parts
FROM changes LEFT JOIN side_a a USING (task, split, key) LEFT JOIN side_b b USING (task, split, key)
ORDER BY task, split, key LIMIT $limit
"""

_FIGURES = {
    "texts": "SELECT count(*) FROM texts",
    "documents": "SELECT count(*) FROM current_documents",
    "examples": "SELECT count(*) FROM examples",
    "rankings": "SELECT count(*) FROM rankings",
    "generations": "SELECT count(*) FROM generations",
    "runs": "SELECT count(*) FROM runs",
}
_REJECTS = """
SELECT 'rejected: ' || stage || ' ' || reason, count(*) FROM rejects GROUP BY ALL ORDER BY 1
"""
_TASKS = "SELECT task, definition FROM current_tasks ORDER BY task"
_HEADS = """
SELECT task || ': ' || kind || ' ' || name, settings FROM current_heads
WHERE run_id <> '' ORDER BY task, kind, name
"""
_INPUTS = "SELECT inputs FROM runs ORDER BY sequence"


@dataclass(frozen=True, slots=True)
class WorkspaceFacts:
    """What a workspace holds, and what its tasks, rules and draws are set to."""

    figures: Mapping[str, str | float]
    settings: Mapping[str, str]
    inputs: Mapping[str, str]


def read_facts(database: Database) -> WorkspaceFacts:
    with database.read() as connection:
        figures: dict[str, str | float] = {
            name: connection.execute(query).fetchall()[0][0] for name, query in _FIGURES.items()
        }
        figures |= dict(connection.execute(_REJECTS).fetchall())
        settings: dict[str, str] = {}
        for name, definition in connection.execute(_TASKS).fetchall():
            settings |= flat(definition, name)
        for name, held in connection.execute(_HEADS).fetchall():
            settings |= flat(held, name)
        inputs: dict[str, str] = {}
        for (of_run,) in connection.execute(_INPUTS).fetchall():
            inputs |= json.loads(of_run)
    return WorkspaceFacts(figures, settings, inputs)


class WorkspaceChanges:
    """The documents and examples that differ; `counts` tells of all of them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        find_changes(connection, PARTS)
        self.counts: tuple[Counts, ...] = count_changes(connection)

    def rows(self, limit: int | None) -> Iterator[list[RowChange]]:
        """By kind and key, some thousands at a time; `limit` in all."""
        named = {"limit": limit if limit is not None else 2**62}
        found = self._connection.execute(_DETAILS, named)
        while rows := found.fetchmany(_AT_ONCE):
            yield [
                RowChange(change_of(change), task, split, key, text, tuple(parts))
                for change, task, split, key, text, parts in rows
            ]


@contextmanager
def workspace_changes(a: Database, b: Database) -> Iterator[WorkspaceChanges]:
    """Two workspaces, compared; each is open only while its rows are read."""
    with comparing() as connection:
        for side, database in (("a", a), ("b", b)):
            with database.read() as theirs:
                rows = theirs.sql(_ROWS).to_arrow_table()
            connection.register("rows", rows)
            connection.execute(f"CREATE TEMP TABLE side_{side} AS SELECT * FROM rows")
            connection.unregister("rows")
        yield WorkspaceChanges(connection)
